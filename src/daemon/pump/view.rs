//! What compiles see of this machine where they see the client's own paths, and whether that can be
//! had here.

use std::collections::{BTreeSet, HashMap};
use std::ffi::OsStr;
use std::fs;
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use crate::base::capture::capture;
use crate::base::env;
use crate::daemon::pump::layout::{Area, Layout, Needs, OURS};
use crate::daemon::pump::plan::{Entry, Plan, is_below};
use crate::daemon::pump::pool::{Key, Pool};
use crate::daemon::pump::stage::Stage;
use crate::daemon::sandbox::{self, Sandbox};
use crate::daemon::workdir::WorkTree;
use crate::debug;
use crate::include::search::Defaults;
use crate::protocol::limits::Limits;
use crate::protocol::lzo;
use crate::protocol::request::{SentContent, SentFile, SentTree};

/// How long a compiler may take to say where its headers are.
const LIMIT: Duration = Duration::from_secs(10);
/// The most that it may print.
const MOST_BYTES: u64 = 1 << 20;
/// Header directories of every machine.
const HEADERS: [&str; 2] = ["/usr/include", "/usr/local/include"];

/// What a compiler said, and what it was then.
type Said = (Option<SystemTime>, Vec<PathBuf>);

/// This machine, as compiles see it.
#[derive(Debug)]
pub struct View {
    layout: Layout,
    /// By a compiler's file.
    headers: Mutex<HashMap<PathBuf, Said>>,
}

impl View {
    /// `dirs` are the directories of programs, libraries and headers that compilers may read.
    pub fn new(dirs: &[PathBuf]) -> Self {
        let mut areas = vec![Area { path: b"etc".to_vec(), link: None, reserved: true }];
        // A directory goes before what is below it.
        let dirs: BTreeSet<&PathBuf> = dirs.iter().collect();
        for dir in dirs {
            add(&mut areas, dir);
        }
        Self { layout: Layout { areas, read_link }, headers: Mutex::default() }
    }

    /// What trees must leave room for; `program` may have directories of its own.
    pub fn layout(&self, program: &Path) -> Layout {
        let mut layout = self.layout.clone();
        for dir in sandbox::apart(program) {
            add(&mut layout.areas, &dir);
        }
        layout
    }

    /// The root of a compile of `plan` by `program`; its tree and where it writes come later.
    pub fn stage(&self, layout: &Layout, plan: &Plan, program: &Path) -> Stage {
        let mut areas = Vec::new();
        let mut headers: BTreeSet<Vec<u8>> = self.headers_of(layout, program).collect();
        for area in layout.areas.iter().filter(|area| area.link.is_none()) {
            let needs = Needs::of(plan, area);
            let lacks = |dir: &Vec<u8>| !is_real_dir(&absolute(dir));
            let merge =
                needs.merge || needs.dirs.iter().any(lacks) || needs.headers.iter().any(lacks);
            headers.extend(needs.headers);
            areas.push((PathBuf::from(OsStr::from_bytes(&area.path)), merge));
        }
        let is_own = |dir: &Vec<u8>| {
            plan.own.iter().any(|own| own == dir || is_below(own, dir) || is_below(dir, own))
        };
        headers.retain(|dir| !is_own(dir) && is_real_dir(&absolute(dir)));
        let sent = |dir: &Vec<u8>| {
            plan.entries.binary_search_by(|entry| entry.path.as_slice().cmp(dir)).is_ok()
        };
        let headers = headers.iter().map(|dir| (OsStr::from_bytes(dir).into(), sent(dir)));
        let headers = headers.collect();
        let (root, work_dir) = (PathBuf::new(), PathBuf::new());
        Stage { root, work_dir, areas, headers, tops: tops(layout, plan) }
    }

    /// The header directories that `program` searches by itself, without the slash in front.
    fn headers_of(&self, layout: &Layout, program: &Path) -> impl Iterator<Item = Vec<u8>> {
        let stamp = fs::metadata(program).and_then(|meta| meta.modified()).ok();
        let lock = || self.headers.lock().unwrap_or_else(PoisonError::into_inner);
        let known = lock().get(program).filter(|(when, _)| *when == stamp).cloned();
        let dirs = match known {
            Some((_, dirs)) => dirs,
            None => {
                let dirs = ask(program);
                lock().insert(program.to_owned(), (stamp, dirs.clone()));
                dirs
            }
        };
        let fixed = HEADERS.iter().map(PathBuf::from);
        fixed.chain(dirs).filter_map(|dir| header_dir(layout, &dir))
    }

    /// Finds out whether compiles can see the client's own paths: makes such a root and looks.
    ///
    /// # Errors
    ///
    /// What does not work.
    pub fn try_out(&self, sandbox: &Sandbox, tree: &WorkTree, pool: &Pool) -> io::Result<()> {
        let file = |name: &str| SentFile {
            name: name.as_bytes().to_vec(),
            content: SentContent::File(lzo::compress(b"seen")),
        };
        // One file where the client's own are, one among the machine's, so that they are merged.
        let names = ["/home/distccd-trial/a.h", "/usr/share/distccd-trial/b.h"];
        let sent = SentTree { cwd: b"/home/distccd-trial".to_vec(), files: names.map(file).into() };
        let plan = Plan::new(sent, Some(&self.layout), &|_| false);
        let mut plan = plan.map_err(|refused| io::Error::other(refused.to_string()))?;
        let mut stage = self.stage(&self.layout, &plan, Path::new("/"));
        let key = Key { client: None, cwd: Vec::new() };
        let root = pool.lease(key, &mut plan, &Limits::default())?;
        let work_dir = tree.job()?;
        stage.root = root.path().to_owned();
        stage.work_dir = work_dir.path().to_owned();
        sandbox.try_out(&stage, move || {
            for name in names {
                if fs::read(name)? != b"seen" {
                    return Err(io::Error::other(format!("{name} is another file")));
                }
            }
            let hidden = fs::read_dir("/usr/include").map_or(0, Iterator::count);
            match hidden {
                0 => fs::read_link("/proc/self/exe").map(drop),
                _ => Err(io::Error::other("this machine's headers are seen")),
            }
        })
    }
}

/// Adds a directory, unless it is there already.
fn add(areas: &mut Vec<Area>, dir: &Path) {
    let Some(path) = relative(dir) else { return };
    let Ok(meta) = fs::symlink_metadata(dir) else { return };
    if areas.iter().any(|area| path == area.path || is_below(&path, &area.path)) {
        return;
    }
    let is_top = !path.contains(&b'/');
    let link = meta.is_symlink().then(|| read_link(&path)).flatten().filter(|_| is_top);
    areas.push(Area { path, link, reserved: false });
}

/// The names at the root that are the client's.
fn tops(layout: &Layout, plan: &Plan) -> Vec<PathBuf> {
    let is_ours = |path: &[u8]| {
        path == OURS.as_bytes()
            || path == b"proc"
            || layout.areas.iter().any(|area| area.path == path)
    };
    let tops = plan.entries.iter().filter(|Entry { path, .. }| !path.contains(&b'/'));
    let tops = tops.filter(|Entry { path, .. }| !is_ours(path));
    tops.map(|entry| absolute(&entry.path)).collect()
}

/// The directory to hide of one that a compiler names.
fn header_dir(layout: &Layout, dir: &Path) -> Option<Vec<u8>> {
    let path = relative(dir)?;
    let area = layout.areas.iter().find(|area| is_below(&path, &area.path))?;
    area.include_dir(&path).map(<[u8]>::to_vec)
}

/// A path without the slash in front; `None` for a relative one, and for the root.
fn relative(path: &Path) -> Option<Vec<u8>> {
    let bytes = path.as_os_str().as_bytes().strip_prefix(b"/")?;
    let bytes = bytes.strip_suffix(b"/").unwrap_or(bytes);
    (!bytes.is_empty()).then(|| bytes.to_vec())
}

fn absolute(path: &[u8]) -> PathBuf {
    Path::new("/").join(OsStr::from_bytes(path))
}

fn read_link(path: &[u8]) -> Option<Vec<u8>> {
    let text = fs::read_link(absolute(path)).ok()?;
    Some(text.into_os_string().into_encoded_bytes())
}

/// Whether this is a directory, and no link leads to it.
fn is_real_dir(path: &Path) -> bool {
    path.is_dir() && path.canonicalize().is_ok_and(|real| real == path)
}

/// Where a compiler looks for headers, for C++, which is where it looks for C and more.
fn ask(program: &Path) -> Vec<PathBuf> {
    let mut command = Command::new(program);
    command.args(["-E", "-v", "-x", "c++", "/dev/null"]).env_clear().env("LC_ALL", "C");
    command.env(env::PATH.0, "/usr/bin:/bin");
    let said = capture(&mut command, LIMIT, MOST_BYTES);
    let said = said.ok().and_then(|said| Defaults::read(b"", &said.stderr));
    let Some(said) = said else {
        debug!("{} does not say where it looks for headers", program.display());
        return Vec::new();
    };
    let dirs: BTreeSet<PathBuf> =
        said.quote.iter().chain(&said.angled).filter_map(|dir| dir.canonicalize().ok()).collect();
    dirs.into_iter().collect()
}
