//! The trees that are kept between jobs. Most units of a build share most of their headers, so a
//! job takes the tree that differs least from what it needs.

use std::io;
use std::mem;
use std::net::IpAddr;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::daemon::pump::plan::Plan;
use crate::daemon::pump::root::{Bounds, Root, prints};
use crate::protocol::limits::Limits;

/// Trees that are looked at, the last used first.
const LOOKED_AT: usize = 64;

/// Whose tree it was last: another of the same build likely differs little.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Key {
    /// The client; `None` without a network.
    pub client: Option<IpAddr>,
    /// Its directory.
    pub cwd: Vec<u8>,
}

/// All trees.
#[derive(Debug)]
pub struct Pool {
    dir: PathBuf,
    /// How many may be kept.
    most: usize,
    /// How many bytes they may take, those in use included.
    room: u64,
    moved: bool,
    used: AtomicU64,
    next: AtomicU64,
    idle: Mutex<Vec<(Key, Root)>>,
}

impl Pool {
    /// Trees below `dir`, which need not exist: at most `most` while no job runs, and `room` bytes
    /// at any time. In `moved` trees the client's root is not the compiler's.
    pub fn new(dir: PathBuf, most: usize, room: u64, moved: bool) -> Self {
        Self {
            dir,
            most,
            room,
            moved,
            used: AtomicU64::new(0),
            next: AtomicU64::new(0),
            idle: Mutex::default(),
        }
    }

    /// A tree that is just what `plan` says.
    ///
    /// # Errors
    ///
    /// What making it met; `StorageFull` if there is no room for it.
    pub fn lease(&self, key: Key, plan: &mut Plan, limits: &Limits) -> io::Result<Lease<'_>> {
        let entries = mem::take(&mut plan.entries);
        let prints = prints(&entries);
        let root = match self.take(&key, &prints) {
            Some(root) => root,
            None => self.create()?,
        };
        let counted = AtomicU64::new(root.bytes());
        let mut lease = Lease { pool: self, key, root: Some(root), clean: false };
        let room = |bytes| {
            self.make_room(bytes)?;
            counted.fetch_add(bytes, Ordering::Relaxed);
            Ok(())
        };
        let made = match &mut lease.root {
            Some(root) => root.become_tree(entries, prints, &Bounds { limits, room: &room }),
            None => Ok(()),
        };
        // What went is counted no more; after a failure the rest goes with the tree.
        let kept = lease.root.as_ref().map_or(0, Root::bytes);
        let counted = counted.into_inner();
        self.used.fetch_sub(counted.saturating_sub(kept), Ordering::Relaxed);
        made.map(|()| lease)
    }

    fn idle(&self) -> MutexGuard<'_, Vec<(Key, Root)>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The idle tree that differs least, unless a new one is less work.
    fn take(&self, key: &Key, prints: &[u64]) -> Option<Root> {
        let mut idle = self.idle();
        let candidates = idle.iter().enumerate().rev().take(LOOKED_AT);
        let nearest = candidates
            .map(|(place, (other, root))| (root.distance(prints), other != key, place))
            .min()?;
        let (distance, _, place) = nearest;
        let is_far = distance >= prints.len() && idle.len() < self.most;
        (!is_far).then(|| idle.remove(place).1)
    }

    fn create(&self) -> io::Result<Root> {
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        let path = self.dir.join(number.to_string());
        match Root::create(path.clone(), self.moved) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                match rustix::fs::mkdir(&self.dir, rustix::fs::Mode::RWXU) {
                    Ok(()) | Err(rustix::io::Errno::EXIST) => Root::create(path, self.moved),
                    Err(error) => Err(error.into()),
                }
            }
            made => made,
        }
    }

    /// Counts `bytes` more, and removes idle trees until there is room for them.
    fn make_room(&self, bytes: u64) -> io::Result<()> {
        let grown = |used: u64| used.checked_add(bytes).filter(|used| *used <= self.room);
        loop {
            if self.used.fetch_update(Ordering::Relaxed, Ordering::Relaxed, grown).is_ok() {
                return Ok(());
            }
            let mut idle = self.idle();
            if idle.is_empty() {
                return Err(io::Error::new(
                    io::ErrorKind::StorageFull,
                    "the trees of running pump jobs take all of --pump-cache",
                ));
            }
            let (_, oldest) = idle.remove(0);
            drop(idle);
            self.remove(oldest);
        }
    }

    fn remove(&self, root: Root) {
        let bytes = root.bytes();
        drop(root);
        self.used.fetch_sub(bytes, Ordering::Relaxed);
    }

    fn give_back(&self, key: Key, root: Root) {
        let mut idle = self.idle();
        idle.push((key, root));
        if idle.len() > self.most {
            let (_, oldest) = idle.remove(0);
            drop(idle);
            self.remove(oldest);
        }
    }
}

/// A tree in use.
#[derive(Debug)]
pub struct Lease<'a> {
    pool: &'a Pool,
    key: Key,
    root: Option<Root>,
    clean: bool,
}

impl Lease<'_> {
    /// Where it is.
    pub fn path(&self) -> &std::path::Path {
        self.root.as_ref().map_or(std::path::Path::new("/"), Root::path)
    }

    /// Nobody can have written to it: another job may have it.
    pub fn is_clean(&mut self) {
        self.clean = true;
    }
}

impl Drop for Lease<'_> {
    fn drop(&mut self) {
        let Some(root) = self.root.take() else { return };
        if self.clean {
            self.pool.give_back(self.key.clone(), root);
        } else {
            self.pool.remove(root);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::lzo;
    use crate::protocol::request::{SentContent, SentFile, SentTree};

    fn plan(files: &[(&str, &str)]) -> Plan {
        let file = |(name, text): &(&str, &str)| SentFile {
            name: name.as_bytes().to_vec(),
            content: SentContent::File(lzo::compress(text.as_bytes())),
        };
        let tree = SentTree { cwd: b"/w".to_vec(), files: files.iter().map(file).collect() };
        Plan::new(tree, None, &|_| false).unwrap()
    }

    fn key(cwd: &str) -> Key {
        Key { client: None, cwd: cwd.as_bytes().to_vec() }
    }

    fn lease<'a>(pool: &'a Pool, cwd: &str, files: &[(&str, &str)]) -> io::Result<Lease<'a>> {
        pool.lease(key(cwd), &mut plan(files), &Limits::default())
    }

    #[test]
    fn the_nearest_tree_is_taken_and_an_unlike_one_is_not() {
        let dir = tempfile::tempdir().unwrap();
        let pool = Pool::new(dir.path().join("roots"), 2, 1 << 20, true);
        let files = [("/w/a.c", "1"), ("/w/b.h", "2"), ("/w/c.h", "3")];
        let mut one = lease(&pool, "/w", &files).unwrap();
        let first = one.path().to_owned();
        one.is_clean();
        drop(one);
        let mut unlike = lease(&pool, "/x", &[("/x/d.c", "4")]).unwrap();
        assert_ne!(unlike.path(), first);
        unlike.is_clean();
        drop(unlike);
        let like = lease(&pool, "/w", &[("/w/e.c", "1"), ("/w/b.h", "2")]).unwrap();
        assert_eq!(like.path(), first);
        assert!(!first.join("w/a.c").exists() && first.join("w/e.c").exists());
        drop(like);
        assert!(!first.exists(), "one that is not clean is not kept");
    }

    #[test]
    fn trees_take_no_more_room_than_they_are_given() {
        let dir = tempfile::tempdir().unwrap();
        let pool = Pool::new(dir.path().join("roots"), 9, 5 * 4096, true);
        let mut one = lease(&pool, "/w", &[("/w/a.c", "1")]).unwrap();
        one.is_clean();
        let first = one.path().to_owned();
        drop(one);
        let mut two = lease(&pool, "/v", &[("/v/a.c", "1"), ("/v/b.c", "2")]).unwrap();
        assert!(!first.exists(), "the first has made way");
        let error = lease(&pool, "/u", &[("/u/a.c", "1")]).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::StorageFull);
        two.is_clean();
        drop(two);
        drop(lease(&pool, "/u", &[("/u/a.c", "1"), ("/u/b.c", "2")]).unwrap());
        assert_eq!(pool.used.load(Ordering::Relaxed), 0);
        assert_eq!(std::fs::read_dir(dir.path().join("roots")).unwrap().count(), 0);
    }
}
