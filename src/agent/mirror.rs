//! Files for distcc's own clients: packed, below a directory of ours, under their own paths.
//!
//! Such a client takes the first three components off a name, so that the directory has just three:
//! at most two stand above the one that is made, and where there are fewer, others are made below
//! it. It reads the files after the answer: a file that changes gets its new content by a rename,
//! and where a file was that is a directory now, another mirror is begun.

use std::collections::{HashMap, HashSet};
use std::ffi::{OsStr, OsString};
use std::fs::{DirBuilder, File};
use std::io;
use std::os::unix::fs::{DirBuilderExt, MetadataExt};
use std::path::{Component, Path, PathBuf};

use rustix::fs::{FlockOperation, Mode, OFlags, flock};

use crate::agent::arena::Trouble;
use crate::agent::tree::{Piece, content};
use crate::base::disk::Stamp;
use crate::base::replace;
use crate::include::scanner::Input;
use crate::include::tree::is_fresh;
use crate::protocol::lzo;

/// Where mirrors are, the first that will do, unless `DISTCC_CLIENT_TMP` says so.
const BASES: [&str; 2] = ["/dev/shm", "/tmp"];
/// How many components the client takes off.
const TAKEN_OFF: usize = 3;
/// How their names begin.
const PREFIX: &str = "distcc-agent-";
/// So many mirrors an agent begins.
const MOST: usize = 32;

/// A directory that is removed in the end; as long as it is locked, its agent lives.
#[derive(Debug)]
struct Root {
    dir: PathBuf,
    root: PathBuf,
    _held: rustix::fd::OwnedFd,
}

impl Drop for Root {
    fn drop(&mut self) {
        drop(std::fs::remove_dir_all(&self.dir));
    }
}

/// The mirror.
#[derive(Debug)]
pub struct Mirror {
    /// Where they are made.
    bases: Vec<PathBuf>,
    /// The last one is in use; clients may still read the others.
    roots: Vec<Root>,
    /// What each was made of, and the name that it says.
    files: HashMap<OsString, (Stamp, PathBuf)>,
    others: HashMap<PathBuf, PathBuf>,
    dirs: HashSet<PathBuf>,
}

impl Mirror {
    /// An empty one, below `base` if there is one. What agents that were killed have left is
    /// removed.
    ///
    /// # Errors
    ///
    /// What making it met.
    pub fn new(base: Option<&OsStr>) -> io::Result<Self> {
        let bases = match base {
            Some(base) => vec![PathBuf::from(base)],
            None => BASES.map(PathBuf::from).to_vec(),
        };
        bases.iter().for_each(|base| sweep(base));
        let mut mirror = Self {
            bases,
            roots: Vec::new(),
            files: HashMap::new(),
            others: HashMap::new(),
            dirs: HashSet::new(),
        };
        mirror.begin()?;
        Ok(mirror)
    }

    fn begin(&mut self) -> io::Result<()> {
        if self.roots.len() >= MOST {
            let what = "files and directories have taken each other's place too often";
            return Err(io::Error::other(what));
        }
        let mut made = Err(io::ErrorKind::NotFound.into());
        for base in &self.bases {
            made = root(base, self.roots.len());
            if made.is_ok() {
                break;
            }
        }
        self.roots.push(made?);
        self.files.clear();
        self.others.clear();
        self.dirs.clear();
        Ok(())
    }

    /// Brings all pieces up to date; their names, in distcc's order.
    ///
    /// # Errors
    ///
    /// [`Trouble`].
    pub fn show(&mut self, pieces: &[Piece]) -> Result<Vec<OsString>, Trouble> {
        let mut names = Ok(Vec::new());
        for is_last in [false, true] {
            names = pieces.iter().map(|piece| self.piece(piece)).collect();
            match &names {
                Err(Trouble::Failed(path, _)) if !is_last => {
                    let failed =
                        |error: io::Error| Trouble::Failed(path.clone(), error.to_string());
                    self.begin().map_err(failed)?;
                }
                _ => break,
            }
        }
        names
    }

    fn piece(&mut self, piece: &Piece) -> Result<OsString, Trouble> {
        match piece {
            Piece::File { input, is_lined } => self.file(input, *is_lined),
            Piece::Link { path, text } => {
                let shown = self.shown(path);
                let failed = |error: io::Error| Trouble::Failed(path.clone(), error.to_string());
                if self.others.get(&shown) != Some(text) {
                    self.parent(&shown).map_err(failed)?;
                    let new = self.temporary();
                    std::os::unix::fs::symlink(text, &new)
                        .and_then(|()| std::fs::rename(&new, &shown))
                        .map_err(failed)?;
                    self.others.insert(shown.clone(), text.clone());
                }
                Ok(shown.into())
            }
            Piece::Dir { mark } => {
                let shown = self.shown(mark);
                let failed = |error: io::Error| Trouble::Failed(mark.clone(), error.to_string());
                if !self.others.contains_key(&shown) {
                    self.parent(&shown).map_err(failed)?;
                    // The client of 3.4 looks for it.
                    drop(File::create(&shown).map_err(failed)?);
                    self.others.insert(shown.clone(), PathBuf::new());
                }
                Ok(shown.into())
            }
        }
    }

    fn file(&mut self, input: &Input, is_lined: bool) -> Result<OsString, Trouble> {
        let real = &input.way.real;
        let mut shown = self.shown(real).into_os_string();
        shown.push(if is_lined { ".lzo.abs" } else { ".lzo" });
        let is_known = self.files.get(&shown).is_some_and(|(stamp, path)| {
            *stamp == input.stamp && (!is_lined || *path == input.path)
        });
        if is_known {
            return Ok(shown);
        }
        let failed = |error: io::Error| Trouble::Failed(real.clone(), error.to_string());
        let (content, now) = content(input, is_lined)?;
        self.parent(Path::new(&shown)).map_err(failed)?;
        let packed = lzo::compress(&content);
        replace::write(Path::new(&shown), &packed, 0o600).map_err(failed)?;
        if is_fresh(&input.stamp, now) {
            self.files.remove(&shown);
        } else {
            self.files.insert(shown.clone(), (input.stamp, input.path.clone()));
        }
        Ok(shown)
    }

    fn root(&self) -> &Path {
        self.roots.last().map_or(Path::new("/nonexistent"), |root| &root.root)
    }

    /// Where a file of the machine is shown.
    fn shown(&self, path: &Path) -> PathBuf {
        self.root().join(path.strip_prefix("/").unwrap_or(path))
    }

    fn temporary(&self) -> PathBuf {
        self.root().join(format!(".{}", replace::unique()))
    }

    fn parent(&mut self, path: &Path) -> io::Result<()> {
        let Some(dir) = path.parent() else { return Ok(()) };
        if !self.dirs.contains(dir) {
            DirBuilder::new().mode(0o700).recursive(true).create(dir)?;
            self.dirs.insert(dir.to_owned());
        }
        Ok(())
    }
}

/// Makes a directory of three components, and locks it.
fn root(base: &Path, generation: usize) -> io::Result<Root> {
    let name =
        format!("{PREFIX}{}.include_server-{}-{generation}", replace::unique(), std::process::id());
    let failed = |what: String| io::Error::new(io::ErrorKind::InvalidInput, what);
    let (mut dir, mut above) = (PathBuf::new(), 0);
    for part in base.components() {
        match part {
            Component::RootDir => dir.push("/"),
            Component::Normal(part) if dir.is_absolute() => {
                dir.push(part);
                above += 1;
            }
            _ => return Err(failed(format!("{} is no absolute path", base.display()))),
        }
    }
    let Some(below) = TAKEN_OFF.checked_sub(above + 1) else {
        let what = "a mirror cannot be deeper than two directories";
        return Err(failed(format!("{}: {what}", base.display())));
    };
    dir.push(name);
    DirBuilder::new().mode(0o700).create(&dir)?;
    let held = lock(&dir);
    let root = std::iter::repeat_n("padding", below).fold(dir.clone(), |dir, part| dir.join(part));
    let made = DirBuilder::new().mode(0o700).recursive(true).create(&root);
    let held = held.and_then(|held| made.map(|()| held));
    let held = held.inspect_err(|_| drop(std::fs::remove_dir_all(&dir)))?;
    Ok(Root { dir, root, _held: held })
}

fn lock(dir: &Path) -> io::Result<rustix::fd::OwnedFd> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let held = rustix::fs::open(dir, flags, Mode::empty())?;
    flock(&held, FlockOperation::NonBlockingLockExclusive)?;
    Ok(held)
}

/// Removes mirrors whose agents are gone.
fn sweep(base: &Path) {
    let Ok(entries) = std::fs::read_dir(base) else { return };
    for entry in entries.flatten() {
        let is_mirror = entry.file_name().to_str().is_some_and(|name| name.starts_with(PREFIX));
        let ours = rustix::process::geteuid().as_raw();
        if is_mirror && entry.metadata().is_ok_and(|meta| meta.is_dir() && meta.uid() == ours) {
            // One that is being made may be taken for one that is left: then its agent makes
            // another.
            if let Ok(_held) = lock(&entry.path()) {
                drop(std::fs::remove_dir_all(entry.path()));
            }
        }
    }
}
