//! The files of a unit, and what must be around them on a volunteer.

use std::cell::OnceCell;
use std::collections::{HashMap, HashSet};
use std::ffi::{OsStr, OsString};
use std::io::Read;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::agent::arena::Trouble;
use crate::base::clock;
use crate::base::disk::{Disk, EntryKind, RealDisk, stamp_of};
use crate::compiler::unit::{Part, TranslationUnit, Word};
use crate::include::scanner::{Input, Scanned};
use crate::include::search::Search;
use crate::include::tree::{Tree, Way};
use crate::protocol::agent::{Form, SystemHeader};
use crate::protocol::include_server::FORCED;

/// Directories that are remembered.
const MOST_DIRS: usize = 4096;
/// How far up a link to a system directory leads, beside the slashes in its own path: as far as
/// that of distcc's own include server.
const UP: usize = 20;

/// What a volunteer is sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Piece {
    /// A file, under its real path.
    File {
        /// The file.
        input: Arc<Input>,
        /// Its first line is to be a `#line` with the path by which the compile opens it.
        is_lined: bool,
    },
    /// A symbolic link.
    Link {
        /// Its path.
        path: PathBuf,
        /// Its text.
        text: PathBuf,
    },
    /// A directory that must exist.
    Dir {
        /// The name in it that stands for it.
        mark: PathBuf,
    },
}

/// All pieces of a unit, and what its volunteer's own headers must be.
#[derive(Clone, Debug, Default)]
pub struct Pieces {
    /// Files first, then links, then directories.
    pub pieces: Vec<Piece>,
    /// Headers in the system's directories.
    pub system: Vec<SystemHeader>,
    /// Paths where nothing may be.
    pub absent: Vec<Vec<u8>>,
}

/// The file's content, if it is the one that the scanner read; and when that was.
///
/// # Errors
///
/// [`Trouble::Changed`], [`Trouble::Failed`].
pub fn content(input: &Input, is_lined: bool) -> Result<(Vec<u8>, i128), Trouble> {
    let path = &input.way.real;
    let failed = |error: std::io::Error| match error.kind() {
        std::io::ErrorKind::NotFound => Trouble::Changed(path.clone()),
        _ => Trouble::Failed(path.clone(), error.to_string()),
    };
    // A pipe that took the file's place would be waited for.
    let flags = nix::libc::O_NONBLOCK | nix::libc::O_CLOEXEC;
    let file = std::fs::File::options().read(true).custom_flags(flags).open(path);
    let mut file = file.map_err(failed)?;
    let is_same = |file: &std::fs::File| {
        file.metadata().map(|meta| stamp_of(&meta) == input.stamp).map_err(failed)
    };
    if !is_same(&file)? {
        return Err(Trouble::Changed(path.clone()));
    }
    let mut content = Vec::new();
    if is_lined {
        content.extend(b"#line 1 \"");
        // The name by which the compile opens it.
        for &byte in input.path.as_os_str().as_bytes() {
            if matches!(byte, b'"' | b'\\') {
                content.push(b'\\');
            }
            content.push(byte);
        }
        content.extend(b"\"\n");
    }
    let start = content.len();
    (&mut file)
        .take(input.stamp.size.saturating_add(1))
        .read_to_end(&mut content)
        .map_err(failed)?;
    let read_at = clock::nanoseconds();
    if content.len().saturating_sub(start) as u64 != input.stamp.size || !is_same(&file)? {
        return Err(Trouble::Changed(path.clone()));
    }
    // A mark of UTF-8 is one at the very beginning only.
    if is_lined && content.get(start..).is_some_and(|text| text.starts_with(b"\xef\xbb\xbf")) {
        content.drain(start..start + 3);
        content.splice(0..0, *b"\xef\xbb\xbf");
    }
    Ok((content, read_at))
}

/// What is wanted, and for what.
#[derive(Clone, Copy, Debug)]
pub struct Wanted<'a> {
    /// For which kind of volunteer.
    pub form: Form,
    /// The unit.
    pub unit: &'a TranslationUnit,
    /// Its directory.
    pub cwd: &'a Path,
    /// The name that the volunteer is told for it, which may lead there by links.
    pub named: &'a Path,
    /// Where it looks for headers.
    pub search: &'a Search,
    /// What was found.
    pub scanned: &'a Scanned,
}

/// Puts together the pieces of a unit.
///
/// # Errors
///
/// A sentence: what this kind of volunteer cannot be shown.
pub fn pieces(wanted: &Wanted<'_>, ways: &mut Tree) -> Result<Pieces, String> {
    let Wanted { form, search, scanned, .. } = *wanted;
    if ways.len() > MOST_DIRS {
        *ways = Tree::default();
    }
    // What is remembered of a directory that has changed is asked anew.
    let _ = ways.refresh(&RealDisk, clock::nanoseconds());
    let system = match form {
        Form::InPlace => Vec::new(),
        Form::Stock => {
            if let Some(path) = &scanned.absolute {
                return Err(format!("{}: an include names it by its whole path", path.display()));
            }
            system_dirs(search, ways)
        }
    };
    let searched = [&search.quote, &search.angled, &search.embed].into_iter().flatten();
    let searched = searched.map(PathBuf::as_path).chain([wanted.cwd]);
    let mut searched: Vec<Way> = searched.filter_map(|dir| ways.way(&RealDisk, dir)).collect();
    if wanted.named != wanted.cwd {
        let [real, named] = [wanted.cwd, wanted.named].map(|dir| ways.way(&RealDisk, dir));
        // Not so below /proc/self.
        let named = named.filter(|named| real.is_some_and(|real| real.real == named.real));
        searched.push(named.ok_or_else(|| {
            format!("{}: no name of the current directory here", wanted.named.display())
        })?);
    }
    let is_dir =
        |way: &&Way| RealDisk.stamp(&way.real).is_ok_and(|stamp| stamp.kind == EntryKind::Dir);
    let mut lines = Lines::new(wanted, &system);
    let mut put = Putting::default();
    put.pieces.reserve(scanned.inputs.len());
    for input in &scanned.inputs {
        let real = input.way.real.as_path();
        if is_below(real, &system) {
            put.system(input);
        } else {
            let is_lined = form == Form::Stock && lines.wants(input)?;
            if put.files.insert(real.as_os_str()) {
                put.pieces.push(Piece::File { input: Arc::clone(input), is_lined });
            }
        }
        put.way(&input.way);
    }
    for way in searched.iter().filter(is_dir) {
        put.dir(&way.real);
        put.way(way);
    }
    Ok(put.finish(form, &system, scanned))
}

/// The system's directories by their real paths, none below another.
fn system_dirs(search: &Search, ways: &mut Tree) -> Vec<PathBuf> {
    let mut dirs: Vec<PathBuf> = search
        .system
        .iter()
        .filter_map(|dir| ways.way(&RealDisk, dir))
        .map(|way| way.real)
        .collect();
    dirs.sort_unstable();
    dirs.dedup_by(|later, earlier| later.starts_with(&*earlier));
    dirs
}

fn is_below(path: &Path, dirs: &[PathBuf]) -> bool {
    let path = path.as_os_str().as_bytes();
    dirs.iter().any(|dir| {
        let rest = path.strip_prefix(dir.as_os_str().as_bytes());
        rest.is_some_and(|rest| rest.is_empty() || rest.starts_with(b"/"))
    })
}

/// What has been put together so far.
#[derive(Default)]
struct Putting<'a> {
    pieces: Vec<Piece>,
    headers: Vec<SystemHeader>,
    links: Vec<&'a (PathBuf, PathBuf)>,
    dirs: Vec<&'a Path>,
    /// What is there already, by path: compared as bytes, which is much faster.
    files: HashSet<&'a OsStr>,
    linked: HashSet<&'a OsStr>,
    passed: HashSet<&'a OsStr>,
}

impl<'a> Putting<'a> {
    fn system(&mut self, input: &'a Input) {
        let real = input.way.real.as_os_str();
        if self.files.insert(real) {
            let stamp = input.stamp;
            let stamp = format!("{} {} {} {}", stamp.size, stamp.mtime, stamp.ctime, stamp.inode);
            let path = real.as_bytes().to_vec();
            self.headers.push(SystemHeader { path, stamp: stamp.into_bytes() });
        }
    }

    /// Links and directories on the way somewhere.
    fn way(&mut self, way: &'a Way) {
        for link in &way.links {
            if self.linked.insert(link.0.as_os_str()) {
                self.links.push(link);
            }
        }
        way.dirs.iter().for_each(|dir| self.dir(dir));
    }

    fn dir(&mut self, dir: &'a Path) {
        if self.passed.insert(dir.as_os_str()) && dir.parent().is_some() {
            self.dirs.push(dir);
        }
    }

    fn finish(mut self, form: Form, system: &[PathBuf], scanned: &Scanned) -> Pieces {
        for dir in system {
            let slashes = dir.as_os_str().as_bytes().iter().filter(|&&byte| byte == b'/').count();
            let mut text = b"../".repeat(UP + slashes);
            let bare = dir.as_os_str().as_bytes();
            text.extend(bare.strip_prefix(b"/").unwrap_or(bare));
            let text = PathBuf::from(OsString::from_vec(text));
            self.pieces.push(Piece::Link { path: dir.clone(), text });
        }
        for (path, text) in self.links {
            if is_below(path, system) {
                continue;
            }
            let text = match form {
                Form::InPlace => text.clone(),
                // The volunteer puts its own directory in front of it.
                Form::Stock => match std::fs::canonicalize(path) {
                    Ok(real) => real,
                    Err(_) => continue,
                },
            };
            self.pieces.push(Piece::Link { path: path.clone(), text });
        }
        for dir in self.dirs {
            if !is_below(dir, system) {
                self.pieces.push(Piece::Dir { mark: dir.join(FORCED) });
            }
        }
        let absent = scanned.absent.iter().map(|path| path.as_os_str().as_bytes().to_vec());
        let absent = if form == Form::Stock { absent.collect() } else { Vec::new() };
        self.headers.sort_unstable();
        Pieces { pieces: self.pieces, system: self.headers, absent }
    }
}

/// Which files a compile names by absolute paths. On distcc's own volunteers these are others, so
/// that the files must say their names themselves.
struct Lines<'a> {
    /// Where files come from, in the compiler's order, and whether it is named absolutely.
    dirs: Vec<(PathBuf, bool)>,
    /// What files say so far, by their real paths.
    said: HashMap<&'a OsStr, Option<&'a Path>>,
    unit: &'a TranslationUnit,
    /// All that are sent.
    files: Vec<&'a Input>,
    texts: OnceCell<Vec<Vec<u8>>>,
}

impl<'a> Lines<'a> {
    fn new(wanted: &Wanted<'a>, system: &[PathBuf]) -> Self {
        let Wanted { unit, cwd, search, scanned, .. } = *wanted;
        let files = scanned.inputs.iter().map(Arc::as_ref);
        let files = files.filter(|input| !is_below(&input.way.real, system)).collect();
        let mut named = HashSet::new();
        for word in unit.words.iter().filter(|word| word.value.as_bytes().starts_with(b"/")) {
            named.insert(word.value.as_os_str());
        }
        let source = Path::new(&unit.source);
        let source_dir = cwd.join(source).parent().unwrap_or(Path::new("/")).to_owned();
        let mut dirs = vec![(source_dir, source.is_absolute())];
        for dir in search.quote.iter().chain(&search.angled).chain(&search.embed) {
            let is_named = named.contains(dir.as_os_str()) || search.system.contains(dir);
            dirs.push((dir.clone(), is_named));
        }
        Self { dirs, said: HashMap::new(), unit, files, texts: OnceCell::new() }
    }

    /// By the nearest directory that leads to it; of two names of one directory, by the first.
    ///
    /// # Errors
    ///
    /// A sentence: the file would have to say several names. (One that says none, and would have to
    /// say one, has the volunteer's directory in the object, which the client sees.)
    fn wants(&mut self, input: &'a Input) -> Result<bool, String> {
        let path = input.path.as_os_str().as_bytes();
        let (mut nearest, mut others) = (None, Vec::new());
        for (dir, is_named) in &self.dirs {
            let dir = dir.as_os_str().as_bytes();
            let rest = path.strip_prefix(dir.strip_suffix(b"/").unwrap_or(dir));
            if !rest.is_some_and(|rest| rest.starts_with(b"/")) {
                continue;
            }
            if !is_named {
                others.push(dir);
            }
            if nearest.is_none_or(|(length, _)| length < dir.len()) {
                nearest = Some((dir.len(), *is_named));
            }
        }
        // One that no directory leads to was named whole.
        let is_lined = nearest.is_none_or(|(_, is_named)| is_named);
        let says = is_lined.then_some(input.path.as_path());
        let said = *self.said.entry(input.way.real.as_os_str()).or_insert(says);
        let is_one = said.map(Path::as_os_str) == says.map(Path::as_os_str);
        let below = nearest.map_or(0, |(length, _)| length);
        if is_one
            && !(is_lined && others.iter().any(|other| self.is_named_from(other, path, below)))
        {
            return Ok(is_lined);
        }
        let path = input.path.display();
        Err(format!("{path}: it may go by two names, which distccd 3.4 cannot tell apart"))
    }

    /// Whether anything may name `path` by way of `other`, which is not named absolutely: then the
    /// last directory between that one and the file stands before a slash. The nearest directory
    /// that is named is `length` bytes of the path.
    fn is_named_from(&self, other: &[u8], path: &[u8], length: usize) -> bool {
        let between = path.get(other.len()..length).unwrap_or_default();
        let last = between.rsplit(|&byte| byte == b'/').find(|part| !part.is_empty());
        // Directories that are one have a quoted include and one in brackets find the same file.
        let Some(last) = last else { return true };
        let name = [last, b"/"].concat();
        let finder = memchr::memmem::Finder::new(&name);
        let texts = self.texts.get_or_init(|| self.read_texts());
        texts.iter().any(|text| finder.find(text).is_some())
    }

    /// All that may name a file: the unit's words, and the files themselves. One that changes is
    /// noticed when it is taken.
    fn read_texts(&self) -> Vec<Vec<u8>> {
        let words = self.unit.words.iter().filter(|word| word.part != Part::Output);
        let words = words.filter(|word| !word.value.as_bytes().starts_with(b"/"));
        let words = words.flat_map(Word::written).map(|word| word.as_bytes().to_vec());
        let files = self.files.iter().filter_map(|input| std::fs::read(&input.way.real).ok());
        words.chain(files).collect()
    }
}
