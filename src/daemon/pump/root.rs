//! One tree on disk, which is made from another job's by what differs.
//!
//! All that is above an entry is a directory that this daemon made, and compilers cannot write
//! here; even so nothing is opened through a link.

use std::cmp::Ordering;
use std::collections::hash_map::RandomState;
use std::ffi::OsStr;
use std::fs::{self, DirBuilder, File};
use std::hash::BuildHasher;
use std::io::{self, Write};
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use rustix::fs::{AtFlags, Mode, OFlags};

use crate::daemon::pump::plan::{Entry, Node, split};
use crate::protocol::limits::Limits;
use crate::protocol::lzo;
use crate::warning;

/// What an entry takes on a disk besides its content.
const BLOCK: u64 = 4096;

/// What bounds a tree.
#[derive(Clone, Copy)]

pub struct Bounds<'a> {
    /// Of single files, and of all together.
    pub limits: &'a Limits,
    /// Asked for room for so many bytes before they are written.
    pub room: &'a dyn Fn(u64) -> io::Result<()>,
}

/// A tree on disk; removed when dropped.
#[derive(Debug)]
pub struct Root {
    path: PathBuf,
    dir: OwnedFd,
    entries: Vec<Entry>,
    prints: Vec<u64>,
    bytes: u64,
    moved: bool,
}

/// What differs between two trees.
#[derive(Debug, Default)]
struct Difference {
    /// Places in the old one of what goes.
    gone: Vec<usize>,
    /// Places in the new one of what comes.
    new: Vec<usize>,
}

impl Root {
    /// An empty tree; `path` must not exist. In a `moved` one the client's root is not the
    /// compiler's, so that absolute links lead into the tree.
    ///
    /// # Errors
    ///
    /// What making it met.
    pub fn create(path: PathBuf, moved: bool) -> io::Result<Self> {
        DirBuilder::new().mode(0o700).create(&path)?;
        let flags = OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC | OFlags::RDONLY;
        let dir = rustix::fs::open(&path, flags, Mode::empty())?;
        Ok(Self { path, dir, entries: Vec::new(), prints: Vec::new(), bytes: 0, moved })
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// What it takes on disk.
    pub fn bytes(&self) -> u64 {
        self.bytes
    }

    /// How many entries differ from those with these `prints`.
    pub fn distance(&self, prints: &[u64]) -> usize {
        let (mut one, mut two) = (self.prints.as_slice(), prints);
        let mut differing = 0;
        while let ([a, rest_a @ ..], [b, rest_b @ ..]) = (one, two) {
            match a.cmp(b) {
                Ordering::Equal => (one, two) = (rest_a, rest_b),
                Ordering::Less => (one, differing) = (rest_a, differing + 1),
                Ordering::Greater => (two, differing) = (rest_b, differing + 1),
            }
        }
        differing + one.len() + two.len()
    }

    /// Makes this the tree of `entries`, which a plan has put in order. After an error it is good
    /// for nothing.
    ///
    /// # Errors
    ///
    /// What the disk says, or that something unpacks to more than the bounds allow.
    pub fn become_tree(
        &mut self,
        mut entries: Vec<Entry>,
        prints: Vec<u64>,
        bounds: &Bounds<'_>,
    ) -> io::Result<()> {
        let difference = differ(&self.entries, &mut entries);
        let mut steps = Steps::from(&self.dir)?;
        for place in difference.gone.iter().rev() {
            if let Some(entry) = self.entries.get(*place) {
                self.bytes = self.bytes.saturating_sub(taken(entry));
                remove(&mut steps, entry)?;
            }
        }
        self.entries.clear();
        self.prints.clear();
        let mut unpacked = 0_usize;
        for place in difference.new {
            if let Some(entry) = entries.get_mut(place) {
                let left = bounds.limits.source_unpacked.saturating_sub(unpacked);
                unpacked += self.make(&mut steps, entry, left, bounds)?;
            }
        }
        (self.entries, self.prints) = (entries, prints);
        Ok(())
    }

    /// Makes one entry; gives the bytes that it unpacks to.
    fn make(
        &mut self,
        steps: &mut Steps,
        entry: &mut Entry,
        left: usize,
        bounds: &Bounds<'_>,
    ) -> io::Result<usize> {
        let path = OsStr::from_bytes(&entry.path);
        let (dir, name) = steps.to(&entry.path)?;
        let mut made = 0;
        match &mut entry.node {
            Node::Dir => {
                (bounds.room)(BLOCK)?;
                rustix::fs::mkdirat(dir, name, Mode::RWXU)?;
            }
            Node::Link { text, own } => {
                (bounds.room)(BLOCK)?;
                let text = OsStr::from_bytes(text);
                if text.as_bytes().starts_with(b"/") && !*own && self.moved {
                    let mut full = self.path.as_os_str().to_owned();
                    full.push(text);
                    rustix::fs::symlinkat(&full, dir, name)?;
                } else {
                    rustix::fs::symlinkat(text, dir, name)?;
                }
            }
            Node::File { packed, size, .. } => {
                let packed = std::mem::take(packed);
                let content = match packed.is_empty() {
                    true => Vec::new(),
                    false => {
                        let limit = bounds.limits.source_of(packed.len()).min(left);
                        lzo::decompress(&packed, limit).map_err(|error| unpacking(path, error))?
                    }
                };
                *size = content.len() as u64;
                made = content.len();
                (bounds.room)(blocks(*size))?;
                let flags = OFlags::CREATE | OFlags::EXCL | OFlags::WRONLY | OFlags::CLOEXEC;
                let mode = Mode::RUSR | Mode::WUSR;
                let file = rustix::fs::openat(dir, name, flags, mode)?;
                File::from(file).write_all(&content)?;
            }
        }
        self.bytes += taken(entry);
        Ok(made)
    }
}

fn unpacking(path: &OsStr, error: lzo::LzoError) -> io::Error {
    let name = crate::daemon::summary::printable(path.as_bytes());
    io::Error::new(io::ErrorKind::InvalidData, format!("/{name}: {error}"))
}

impl Drop for Root {
    fn drop(&mut self) {
        match fs::remove_dir_all(&self.path) {
            Ok(()) => {}
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => warning!("cannot remove {}: {error}", self.path.display()),
        }
    }
}

fn blocks(size: u64) -> u64 {
    size.div_ceil(BLOCK).saturating_mul(BLOCK).max(BLOCK)
}

/// What an entry takes on disk.
fn taken(entry: &Entry) -> u64 {
    match entry.node {
        Node::File { size, .. } => blocks(size),
        _ => BLOCK,
    }
}

fn remove(steps: &mut Steps, entry: &Entry) -> io::Result<()> {
    let flags = match entry.node {
        Node::Dir => AtFlags::REMOVEDIR,
        _ => AtFlags::empty(),
    };
    let (dir, name) = steps.to(&entry.path)?;
    Ok(rustix::fs::unlinkat(dir, name, flags)?)
}

/// The way into a tree, step by step and through no link. (`openat2` would do the same, but a unit
/// with `RestrictSUIDSGID=` has none.)
struct Steps {
    root: OwnedFd,
    /// The directory that was entered last.
    last: Option<(Vec<u8>, OwnedFd)>,
}

impl Steps {
    fn from(root: &OwnedFd) -> io::Result<Self> {
        Ok(Self { root: root.try_clone()?, last: None })
    }

    /// The directory of `path`, and the name there.
    fn to<'a>(&'a mut self, path: &'a [u8]) -> io::Result<(&'a OwnedFd, &'a OsStr)> {
        let (above, name) = split(path);
        if self.last.as_ref().is_none_or(|(dir, _)| dir != above) {
            let flags = OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC | OFlags::PATH;
            let mut at: Option<OwnedFd> = None;
            for part in above.split(|&byte| byte == b'/').filter(|part| !part.is_empty()) {
                let from = at.as_ref().unwrap_or(&self.root);
                at = Some(rustix::fs::openat(from, OsStr::from_bytes(part), flags, Mode::empty())?);
            }
            self.last = at.map(|dir| (above.to_vec(), dir));
        }
        let dir = self.last.as_ref().map_or(&self.root, |(_, dir)| dir);
        Ok((dir, OsStr::from_bytes(name)))
    }
}

/// Compares two trees in order. What stays is known unpacked by the old one, so its size moves on.
fn differ(old: &[Entry], new: &mut [Entry]) -> Difference {
    let mut difference = Difference::default();
    let (mut here, mut there) = (0, 0);
    loop {
        let (one, two) = (old.get(here), new.get_mut(there));
        match (one, two) {
            (None, None) => return difference,
            (Some(_), None) => {
                difference.gone.push(here);
                here += 1;
            }
            (None, Some(_)) => {
                difference.new.push(there);
                there += 1;
            }
            (Some(one), Some(two)) => match one.path.cmp(&two.path) {
                Ordering::Less => {
                    difference.gone.push(here);
                    here += 1;
                }
                Ordering::Greater => {
                    difference.new.push(there);
                    there += 1;
                }
                Ordering::Equal => {
                    if one.node == two.node {
                        two.node = one.node.clone();
                    } else {
                        difference.gone.push(here);
                        difference.new.push(there);
                    }
                    (here, there) = (here + 1, there + 1);
                }
            },
        }
    }
}

/// A number for each entry, in order of size: equal entries have equal numbers, as long as the
/// daemon runs.
pub fn prints(entries: &[Entry]) -> Vec<u64> {
    static STATE: LazyLock<RandomState> = LazyLock::new(RandomState::new);
    let print = |entry: &Entry| {
        let what: &[u8] = match &entry.node {
            Node::Dir => b"/",
            Node::File { digest, .. } => digest,
            Node::Link { text, .. } => text,
        };
        STATE.hash_one((&entry.path, what))
    };
    let mut prints: Vec<u64> = entries.iter().map(print).collect();
    prints.sort_unstable();
    prints
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn entries(paths: &[(&str, &str)]) -> Vec<Entry> {
        let entry = |(path, what): &(&str, &str)| {
            let node = match what.split_at(1) {
                ("/", _) => Node::Dir,
                (">", text) => Node::Link { text: text.as_bytes().to_vec(), own: false },
                (_, text) => Node::file(lzo::compress(text.as_bytes())),
            };
            Entry { path: path.as_bytes().to_vec(), node }
        };
        paths.iter().map(entry).collect()
    }

    fn become_these(root: &mut Root, entries: Vec<Entry>, limits: &Limits) -> io::Result<()> {
        let prints = prints(&entries);
        root.become_tree(entries, prints, &Bounds { limits, room: &|_| Ok(()) })
    }

    /// All that is on disk: `path/`, `path=content`, `path>text`.
    fn listed(dir: &Path, below: &str) -> Vec<String> {
        let mut found = Vec::new();
        for entry in fs::read_dir(dir.join(below)).unwrap() {
            let name = entry.unwrap().file_name().into_string().unwrap();
            let path = if below.is_empty() { name } else { format!("{below}/{name}") };
            let full = dir.join(&path);
            let kind = fs::symlink_metadata(&full).unwrap().file_type();
            if kind.is_dir() {
                found.extend(listed(dir, &path));
                found.push(path + "/");
            } else if kind.is_symlink() {
                found.push(format!("{path}>{}", fs::read_link(full).unwrap().display()));
            } else {
                found.push(format!("{path}={}", fs::read_to_string(full).unwrap()));
            }
        }
        found.sort();
        found
    }

    #[test]
    fn a_tree_becomes_another_and_nothing_of_the_first_is_left() {
        let dir = tempfile::tempdir().unwrap();
        let mut root = Root::create(dir.path().join("0"), true).unwrap();
        let limits = Limits::default();
        let first = [("a", "/"), ("a/b", "/"), ("a/b/c", "=1"), ("a/d", ">c"), ("e", "=2")];
        become_these(&mut root, entries(&first), &limits).unwrap();
        assert_eq!(listed(root.path(), ""), ["a/", "a/b/", "a/b/c=1", "a/d>c", "e=2"]);
        let second = [("a", "/"), ("a/b", "=3"), ("a/d", "/"), ("e", "=2"), ("f", ">/x")];
        let second = entries(&second);
        assert_eq!(root.distance(&prints(&second)), 6);
        become_these(&mut root, second, &limits).unwrap();
        let link = format!("f>{}/x", root.path().display());
        assert_eq!(listed(root.path(), ""), ["a/", "a/b=3", "a/d/", "e=2", &link]);
        assert_eq!(root.bytes(), 5 * BLOCK);
        let path = root.path().to_owned();
        drop(root);
        assert!(!path.exists());
    }

    #[test]
    fn what_unpacks_to_too_much_is_not_made() {
        let dir = tempfile::tempdir().unwrap();
        let mut root = Root::create(dir.path().join("0"), false).unwrap();
        let limits = Limits { source_unpacked: 100, ..Limits::default() };
        let text = format!("={}", "x".repeat(60));
        let one = entries(&[("a", &text)]);
        become_these(&mut root, one, &limits).unwrap();
        let two = entries(&[("b", &text), ("c", &text)]);
        let error = become_these(&mut root, two, &limits).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::InvalidData);
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]
        #[test]
        fn any_tree_becomes_any_other(
            trees in proptest::collection::vec(
                proptest::collection::btree_map("[ab](/[ab]){0,2}", "[=>][xy]", 0..6), 1..5,
            ),
        ) {
            let dir = tempfile::tempdir().unwrap();
            let mut root = Root::create(dir.path().join("0"), false).unwrap();
            for tree in trees {
                let mut whole: std::collections::BTreeMap<String, String> = Default::default();
                for (path, what) in tree {
                    let above: Vec<usize> = path.match_indices('/').map(|(at, _)| at).collect();
                    // A file that something is below of is a directory.
                    whole.entry(path.clone()).or_insert(what);
                    for at in above {
                        whole.insert(path[..at].to_owned(), "/".to_owned());
                    }
                }
                let paths: Vec<_> =
                    whole.iter().map(|(path, what)| (path.as_str(), what.as_str())).collect();
                become_these(&mut root, entries(&paths), &Limits::default()).unwrap();
                let mut wanted: Vec<String> = paths.iter().map(|(p, w)| format!("{p}{w}")).collect();
                wanted.sort();
                prop_assert_eq!(listed(root.path(), ""), wanted);
            }
        }
    }
}
