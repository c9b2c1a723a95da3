//! Directories as they were last looked at, so that most questions need no system call, and a check
//! whether any answer given would be another one now.

use std::collections::HashMap;
use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt;
use std::path::{Component, Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::base::disk::{Disk, EntryKind, Stamp, is_absence};

/// Directories with more names are asked for each name.
const MOST_NAMES: usize = 200_000;
/// So many questions about a directory are asked one by one; for more, it is listed.
const FEW: usize = 6;
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

/// A directory, by number.
pub type Place = usize;

/// A directory that something was asked about.
#[derive(Debug)]
struct Listing {
    path: Arc<Path>,
    asked: HashMap<Box<OsStr>, Answer>,
    /// Directories below, by name.
    below: HashMap<Box<OsStr>, Place>,
    /// Whether a precompiled header is in it; `None` while it has not been listed.
    has_compiled: Option<bool>,
    seen: Mutex<Seen>,
}

/// What was found at a directory's path.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum State {
    /// No directory.
    #[default]
    Absent,
    /// Nobody can tell.
    Hidden,
    /// A directory.
    There(Stamp),
}

impl State {
    fn is_fresh(self, now: i128) -> bool {
        matches!(self, Self::There(stamp) if is_fresh(&stamp, now))
    }
}

/// What holds as long as no answer would be another one.
#[derive(Debug, Default)]
struct Seen {
    state: State,
    is_fresh: bool,
    /// Everything in it; `None` where names are asked for one by one.
    names: Option<HashMap<OsString, EntryKind>>,
}

impl Listing {
    fn seen(&self) -> MutexGuard<'_, Seen> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Directories by path.
#[derive(Debug, Default)]
pub struct Tree {
    listings: Vec<Listing>,
    by_path: HashMap<Arc<Path>, Place>,
    /// Directories asked about since [`Tree::take_used`].
    used: Vec<Place>,
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

/// Why a path leads to nothing.
#[derive(Clone, Copy, Debug)]
enum Astray {
    /// There is nothing.
    Nowhere,
    /// Nobody may look, or links lead in a circle.
    Hidden,
}

impl Tree {
    /// Sets the time that is now, in nanoseconds since 1970.
    pub fn set_now(&mut self, now: i128) {
        self.now = now;
    }

    /// The number of the directory `dir`, which need not be there.
    pub fn place(&mut self, disk: &dyn Disk, dir: &Path) -> Place {
        if let Some(&place) = self.by_path.get(dir) {
            return place;
        }
        let place = self.listings.len();
        let state = state(disk, dir);
        let is_fresh = state.is_fresh(self.now);
        let path: Arc<Path> = dir.into();
        self.by_path.insert(Arc::clone(&path), place);
        self.listings.push(Listing {
            path,
            asked: HashMap::new(),
            below: HashMap::new(),
            has_compiled: None,
            seen: Mutex::new(Seen { state, is_fresh, names: None }),
        });
        place
    }

    /// Directories that answers came from since this was last called, each once.
    pub fn take_used(&mut self) -> Vec<Place> {
        let mut used = std::mem::take(&mut self.used);
        used.sort_unstable();
        used.dedup();
        used
    }

    /// What `name` (one component) is in the directory.
    fn entry(&mut self, disk: &dyn Disk, place: Place, name: &OsStr) -> Option<EntryKind> {
        if self.used.last() != Some(&place) {
            self.used.push(place);
        }
        let now = self.now;
        let listing = self.listings.get_mut(place)?;
        if let Some((kind, _)) = listing.asked.get(name) {
            return *kind;
        }
        if listing.has_compiled.is_none() && listing.asked.len() >= FEW {
            let seen = list(disk, &listing.path, now);
            listing.has_compiled = Some(seen.names.as_ref().is_none_or(has_compiled));
            // What was asked before must have been so in this state of the directory too.
            listing.seen = Mutex::new(Seen { is_fresh: true, ..seen });
        }
        let seen = listing.seen();
        let answer = answer(disk, &listing.path, name, &seen);
        drop(seen);
        let kind = answer.0;
        listing.asked.insert(name.into(), answer);
        kind
    }

    /// The directory `name` (one component) below another one.
    fn below(&mut self, disk: &dyn Disk, place: Place, name: &OsStr) -> Place {
        let Some(listing) = self.listings.get(place) else { return place };
        if let Some(&below) = listing.below.get(name) {
            return below;
        }
        let below = listing.path.join(name);
        let below = self.place(disk, &below);
        if let Some(listing) = self.listings.get_mut(place) {
            listing.below.insert(name.into(), below);
        }
        below
    }

    /// What `name`, which may have several components, leads to from a directory, all links
    /// followed.
    pub fn look(&mut self, disk: &dyn Disk, place: Place, name: &Path) -> Option<EntryKind> {
        let mut at = place;
        let mut parts = name.components().peekable();
        let mut kind = Some(EntryKind::Dir);
        while let Some(part) = parts.next() {
            let part = match part {
                Component::RootDir => {
                    at = self.place(disk, Path::new("/"));
                    continue;
                }
                Component::CurDir => continue,
                Component::ParentDir => {
                    at = self.below(disk, at, OsStr::new(".."));
                    kind = Some(EntryKind::Dir);
                    continue;
                }
                part => part.as_os_str(),
            };
            kind = self.entry(disk, at, part);
            if kind? == EntryKind::Link {
                let link = self.listings.get(at)?.path.join(part);
                kind = self.follow(disk, &link);
            }
            if parts.peek().is_some() {
                match kind? {
                    EntryKind::Dir => {}
                    EntryKind::Hidden => return kind,
                    _ => return None,
                }
                at = self.below(disk, at, part);
            }
        }
        kind
    }

    /// Whether a precompiled header may lie in place of the header `name`.
    pub fn has_compiled(&mut self, disk: &dyn Disk, place: Place, name: &Path) -> bool {
        let mut compiled = name.as_os_str().to_owned();
        compiled.push(".gch");
        let is_plain = name.components().nth(1).is_none();
        if is_plain && self.listings.get(place).is_some_and(|dir| dir.has_compiled == Some(false)) {
            if self.used.last() != Some(&place) {
                self.used.push(place);
            }
            return false;
        }
        let found = self.look(disk, place, Path::new(&compiled));
        // Where it cannot be asked, the header cannot be read either.
        found.is_some_and(|kind| kind != EntryKind::Hidden)
    }

    fn follow(&mut self, disk: &dyn Disk, link: &Path) -> Option<EntryKind> {
        let real = match self.lead(disk, link) {
            Ok(way) => way.real,
            Err(Astray::Hidden) => return Some(EntryKind::Hidden),
            Err(Astray::Nowhere) => return None,
        };
        let (Some(dir), Some(name)) = (real.parent(), real.file_name()) else {
            return Some(EntryKind::Dir);
        };
        let place = self.place(disk, dir);
        self.entry(disk, place, name)
    }

    /// The way to `path`, which is absolute; `None` where it leads nowhere.
    pub fn way(&mut self, disk: &dyn Disk, path: &Path) -> Option<Way> {
        self.lead(disk, path).ok()
    }

    fn lead(&mut self, disk: &dyn Disk, path: &Path) -> Result<Way, Astray> {
        let mut way = Way { real: PathBuf::from("/"), ..Way::default() };
        let mut at = self.place(disk, &way.real);
        let mut rest: Vec<OsString> = path.iter().rev().map(OsStr::to_owned).collect();
        // The root.
        rest.pop();
        // How much was left of the path at each link.
        let mut left: Vec<usize> = Vec::new();
        while let Some(part) = rest.pop() {
            if part == "." || part.is_empty() {
                continue;
            }
            if part == ".." {
                way.dirs.push(way.real.clone());
                way.real.pop();
                at = self.place(disk, &way.real);
                continue;
            }
            let kind = self.entry(disk, at, &part).ok_or(Astray::Nowhere)?;
            if kind != EntryKind::Link {
                way.real.push(&part);
                if kind == EntryKind::Dir && !rest.is_empty() {
                    at = self.below(disk, at, &part);
                } else if !rest.is_empty() {
                    let is_hidden = kind == EntryKind::Hidden;
                    return Err(if is_hidden { Astray::Hidden } else { Astray::Nowhere });
                }
                continue;
            }
            let full = way.real.join(&part);
            // Names that lead on through ever more links are many ways to few files, which a
            // scanner comes upon and a compiler does not; links that lead in a circle are a fault.
            if way.links.len() >= MOST_LINKS {
                let before = way.links.iter().zip(&left).find(|((link, _), _)| *link == full);
                let is_circle = before.is_some_and(|(_, left)| *left <= rest.len());
                return Err(if is_circle { Astray::Hidden } else { Astray::Nowhere });
            }
            let asked = self.listings.get(at).and_then(|dir| dir.asked.get(part.as_os_str()));
            let target = asked.and_then(|(_, target)| target.clone()).ok_or(Astray::Nowhere)?;
            left.push(rest.len());
            let mut parts: Vec<OsString> = target.iter().rev().map(OsStr::to_owned).collect();
            if target.is_absolute() {
                parts.pop();
                way.real = PathBuf::from("/");
                at = self.place(disk, &way.real);
            }
            rest.extend(parts);
            way.links.push((full, target));
        }
        Ok(way)
    }

    /// Whether an answer that the directory gave would be another one at the time `now`.
    pub fn is_other(&self, disk: &dyn Disk, place: Place, now: i128) -> bool {
        let Some(listing) = self.listings.get(place) else { return false };
        let mut seen = listing.seen();
        let state = state(disk, &listing.path);
        if state == seen.state && !seen.is_fresh {
            return false;
        }
        let new = match listing.has_compiled {
            Some(_) => list(disk, &listing.path, now),
            None => Seen { state, is_fresh: state.is_fresh(now), names: None },
        };
        let known = new.names.as_ref();
        if listing.has_compiled.is_some_and(|has| has != known.is_none_or(has_compiled)) {
            return true;
        }
        for (name, old) in &listing.asked {
            if answer(disk, &listing.path, name, &new) != *old {
                return true;
            }
        }
        *seen = new;
        false
    }

    /// Forgets what a directory has answered.
    pub fn forget(&mut self, disk: &dyn Disk, place: Place) {
        let now = self.now;
        let Some(listing) = self.listings.get_mut(place) else { return };
        let state = state(disk, &listing.path);
        let is_fresh = state.is_fresh(now);
        listing.asked = HashMap::new();
        listing.has_compiled = None;
        listing.seen = Mutex::new(Seen { state, is_fresh, names: None });
    }

    /// Looks at every directory again, at the time `now`; whether an answer given so far would be
    /// another one. Such answers are forgotten.
    pub fn refresh(&mut self, disk: &dyn Disk, now: i128) -> bool {
        self.now = now;
        let others: Vec<Place> =
            (0..self.listings.len()).filter(|&place| self.is_other(disk, place, now)).collect();
        others.iter().for_each(|&place| self.forget(disk, place));
        !others.is_empty()
    }

    /// How many directories are remembered.
    pub fn len(&self) -> usize {
        self.listings.len()
    }

    /// Whether none is.
    pub fn is_empty(&self) -> bool {
        self.listings.is_empty()
    }

    /// The path of a directory.
    pub fn path(&self, place: Place) -> Option<&Arc<Path>> {
        self.listings.get(place).map(|listing| &listing.path)
    }
}

fn state(disk: &dyn Disk, dir: &Path) -> State {
    match disk.stamp(dir) {
        Ok(stamp) if stamp.kind == EntryKind::Dir => State::There(stamp),
        Ok(_) => State::Absent,
        Err(error) if is_absence(&error) => State::Absent,
        Err(_) => State::Hidden,
    }
}

fn list(disk: &dyn Disk, dir: &Path, now: i128) -> Seen {
    // The stamp first: what changes while the names are read then shows the next time.
    let state = state(disk, dir);
    let is_hidden = || disk.entry(&dir.join(".")) == Some(EntryKind::Hidden);
    let names = match state {
        // Its names may be read where what has them may not.
        State::There(_) => disk.list(dir, MOST_NAMES).ok().filter(|_| !is_hidden()),
        _ => Some(Vec::new()),
    };
    Seen {
        state,
        is_fresh: state.is_fresh(now),
        names: names.map(|names| names.into_iter().collect()),
    }
}

fn has_compiled(names: &HashMap<OsString, EntryKind>) -> bool {
    names.keys().any(|name| name.as_bytes().ends_with(b".gch"))
}

fn answer(disk: &dyn Disk, dir: &Path, name: &OsStr, seen: &Seen) -> Answer {
    let kind = match (seen.state, &seen.names) {
        (State::Absent, _) => None,
        (State::Hidden, _) => Some(EntryKind::Hidden),
        (State::There(_), Some(names)) => names.get(name).copied(),
        (State::There(_), None) => disk.entry(&dir.join(name)),
    };
    match kind {
        Some(EntryKind::Link) => (kind, disk.link_target(&dir.join(name))),
        kind => (kind, None),
    }
}

/// A file's name as a directive has it.
pub fn path(name: &[u8]) -> &Path {
    Path::new(OsStr::from_bytes(name))
}
