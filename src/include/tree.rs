//! Directories as they were last listed, so that most questions need no system call, and a check
//! whether any answer given would be another one now.

use std::collections::HashMap;
use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt;
use std::path::{Component, Path, PathBuf};

use crate::base::disk::{Disk, EntryKind, Stamp};

/// Directories with more names are asked for each name.
const MOST_NAMES: usize = 200_000;
/// Links that lead to links, at most.
const MOST_LINKS: usize = 40;
/// A file system's clock ticks so often, in nanoseconds: what changed less than this before it was
/// looked at may have changed again without showing. Coarse ones (FAT, old NFS) have whole seconds.
const TICK: i128 = 100_000_000;
const COARSE_TICK: i128 = 2_100_000_000;

/// Whether a change at the time of the stamp, or after, could have gone unseen at `now`.
pub fn is_fresh(stamp: &Stamp, now: i128) -> bool {
    let latest = stamp.mtime.max(stamp.ctime);
    let tick = if latest % 1_000_000_000 == 0 { COARSE_TICK } else { TICK };
    latest + tick > now
}

/// What has been asked about one name: what it was, and where it led if it is a link.
type Answer = (Option<EntryKind>, Option<PathBuf>);

#[derive(Debug, Default)]
struct Listing {
    /// `None` where there was no such directory.
    stamp: Option<Stamp>,
    is_fresh: bool,
    /// `None` where it cannot be listed: then names are asked for one by one.
    names: Option<HashMap<OsString, EntryKind>>,
    asked: HashMap<OsString, Answer>,
}

/// Listings by path.
#[derive(Debug, Default)]
pub struct Tree {
    listings: HashMap<PathBuf, Listing>,
    /// The time that is now, in nanoseconds since 1970.
    now: i128,
}

/// Where a path leads.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Way {
    /// The path without any link or `..`.
    pub real: PathBuf,
    /// Links on the way: path and text.
    pub links: Vec<(PathBuf, PathBuf)>,
    /// Directories that are passed through, and left again by `..`.
    pub dirs: Vec<PathBuf>,
}

impl Tree {
    /// What `name` (one component) is in `dir`.
    pub fn entry(&mut self, disk: &dyn Disk, dir: &Path, name: &OsStr) -> Option<EntryKind> {
        if name == "." || name == ".." {
            return Some(EntryKind::Dir);
        }
        let now = self.now;
        if !self.listings.contains_key(dir) {
            self.listings.insert(dir.to_owned(), list(disk, dir, now));
        }
        let listing = self.listings.get_mut(dir)?;
        if let Some((kind, _)) = listing.asked.get(name) {
            return *kind;
        }
        let answer = answer(disk, dir, name, listing.names.as_ref());
        let kind = answer.0;
        listing.asked.insert(name.to_owned(), answer);
        kind
    }

    /// What `dir/name` leads to, all links followed; `name` may have several components.
    pub fn look(&mut self, disk: &dyn Disk, dir: &Path, name: &Path) -> Option<EntryKind> {
        let mut at = dir.to_owned();
        let mut kind = Some(EntryKind::Dir);
        for part in name.components() {
            let part = match part {
                Component::RootDir => {
                    at = PathBuf::from("/");
                    continue;
                }
                part => part.as_os_str(),
            };
            kind = self.entry(disk, &at, part);
            at.push(part);
            match kind? {
                EntryKind::Link => kind = self.follow(disk, &at),
                EntryKind::Dir | EntryKind::File | EntryKind::Other => {}
            }
        }
        kind
    }

    fn follow(&mut self, disk: &dyn Disk, link: &Path) -> Option<EntryKind> {
        let real = self.way(disk, link)?.real;
        disk.stamp(&real).ok().map(|stamp| stamp.kind)
    }

    /// The way to `path`, which is absolute; `None` where it leads nowhere.
    pub fn way(&mut self, disk: &dyn Disk, path: &Path) -> Option<Way> {
        let mut way = Way { real: PathBuf::from("/"), ..Way::default() };
        let mut rest: Vec<OsString> = path.iter().rev().map(OsStr::to_owned).collect();
        // The root.
        rest.pop();
        let mut links = 0;
        while let Some(part) = rest.pop() {
            if part == "." || part.is_empty() {
                continue;
            }
            if part == ".." {
                way.dirs.push(way.real.clone());
                way.real.pop();
                continue;
            }
            let kind = self.entry(disk, &way.real, &part)?;
            let full = way.real.join(&part);
            if kind != EntryKind::Link {
                way.real = full;
                continue;
            }
            links += 1;
            if links > MOST_LINKS {
                return None;
            }
            let target = disk.link_target(&full)?;
            let mut parts: Vec<OsString> = target.iter().rev().map(OsStr::to_owned).collect();
            if target.is_absolute() {
                parts.pop();
                way.real = PathBuf::from("/");
            }
            rest.extend(parts);
            way.links.push((full, target));
        }
        Some(way)
    }

    /// Looks at every directory again, at the time `now`; whether an answer given so far would be
    /// another one.
    pub fn refresh(&mut self, disk: &dyn Disk, now: i128) -> bool {
        self.now = now;
        let mut is_other = false;
        for (dir, listing) in &mut self.listings {
            if listing.asked.is_empty() {
                continue;
            }
            let stamp = disk.stamp(dir).ok();
            if stamp == listing.stamp && !listing.is_fresh {
                continue;
            }
            let new = list(disk, dir, now);
            let mut asked = HashMap::new();
            for (name, old) in &listing.asked {
                let answer = answer(disk, dir, name, new.names.as_ref());
                is_other |= answer != *old;
                asked.insert(name.clone(), answer);
            }
            *listing = Listing { asked, ..new };
        }
        is_other
    }

    /// How many directories are remembered.
    pub fn len(&self) -> usize {
        self.listings.len()
    }

    /// Whether none is.
    pub fn is_empty(&self) -> bool {
        self.listings.is_empty()
    }
}

fn list(disk: &dyn Disk, dir: &Path, now: i128) -> Listing {
    // The stamp first: what changes while the names are read then shows the next time.
    let stamp = disk.stamp(dir).ok().filter(|stamp| stamp.kind == EntryKind::Dir);
    let names = match stamp {
        Some(_) => disk.list(dir, MOST_NAMES).ok(),
        None => Some(Vec::new()),
    };
    Listing {
        stamp,
        is_fresh: stamp.is_some_and(|stamp| is_fresh(&stamp, now)),
        names: names.map(|names| names.into_iter().collect()),
        asked: HashMap::new(),
    }
}

fn answer(
    disk: &dyn Disk,
    dir: &Path,
    name: &OsStr,
    names: Option<&HashMap<OsString, EntryKind>>,
) -> Answer {
    let target = || disk.link_target(&dir.join(name));
    match names.map(|names| names.get(name).copied()) {
        Some(Some(EntryKind::Link)) => (Some(EntryKind::Link), target()),
        Some(kind) => (kind, None),
        None => match target() {
            Some(target) => (Some(EntryKind::Link), Some(target)),
            None => (disk.stamp(&dir.join(name)).ok().map(|stamp| stamp.kind), None),
        },
    }
}

/// A file's name as a directive has it.
pub fn path(name: &[u8]) -> &Path {
    Path::new(OsStr::from_bytes(name))
}
