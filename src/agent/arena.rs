//! Files as packets, packed once, in memory that clients map.

use std::collections::HashMap;
use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::io;
use std::os::fd::AsRawFd;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError, RwLock};

use rustix::fs::{MemfdFlags, SealFlags, fcntl_add_seals, ftruncate, memfd_create};

use crate::agent::tree::{Piece, content};
use crate::base::disk::Stamp;
use crate::include::scanner::Input;
use crate::include::tree::is_fresh;
use crate::protocol::agent::Part;
use crate::protocol::lzo;
use crate::protocol::packet::{self, token};

/// Bytes of an arena. Memory is taken as it is filled.
const SIZE: u64 = 512 << 20;
/// Pieces of an arena: what is known of one takes memory too.
const MOST_PIECES: usize = 1 << 20;

/// Why the packets of a unit are not there.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Trouble {
    /// A file is not what the scanner read.
    #[error("{file}: it changes while it is read", file = .0.display())]
    Changed(PathBuf),
    /// The arena is full: another one is needed.
    #[error("its files have more than {SIZE} bytes")]
    Full,
    /// Something failed.
    #[error("{file}: {1}", file = .0.display())]
    Failed(PathBuf, String),
}

/// What is known of a file.
#[derive(Clone, Copy, Debug)]
struct Packed {
    stamp: Stamp,
    /// The file was old enough, when it was read, for its stamp to tell every change.
    is_settled: bool,
    part: Part,
}

type Slot = Arc<Mutex<Option<Packed>>>;

/// A file in memory that only grows, and what lies where in it.
#[derive(Debug)]
pub struct Arena {
    file: File,
    size: u64,
    /// The same, to be read only: for clients.
    shared: File,
    end: Mutex<u64>,
    /// By real path; the second for files that name themselves, by the name that they say.
    files: [RwLock<HashMap<OsString, Slot>>; 2],
    /// Links and directories by their packets.
    others: RwLock<HashMap<Vec<u8>, Part>>,
}

impl Arena {
    /// An empty one.
    ///
    /// # Errors
    ///
    /// What making it met.
    pub fn new() -> io::Result<Self> {
        Self::of_size(SIZE)
    }

    fn of_size(size: u64) -> io::Result<Self> {
        let flags = MemfdFlags::CLOEXEC | MemfdFlags::ALLOW_SEALING;
        let file = File::from(memfd_create("distcc-agent", flags)?);
        ftruncate(&file, size)?;
        fcntl_add_seals(&file, SealFlags::SHRINK | SealFlags::GROW | SealFlags::SEAL)?;
        let shared = File::open(format!("/proc/self/fd/{}", file.as_raw_fd()));
        // Without /proc clients get a descriptor that could write too; they are the same user.
        let shared = shared.or_else(|_| file.try_clone())?;
        let (end, others) = (Mutex::default(), RwLock::default());
        Ok(Self { file, size, shared, end, files: Default::default(), others })
    }

    /// The descriptor for clients.
    pub fn shared(&self) -> &File {
        &self.shared
    }

    /// Where the packets of all pieces lie, in their order. Files that are not there, or have
    /// changed, are read.
    ///
    /// # Errors
    ///
    /// [`Trouble`].
    pub fn gather(&self, pieces: &[Piece]) -> Result<Vec<Part>, Trouble> {
        let mut parts = vec![None; pieces.len()];
        // Most are known: these take one lock together.
        let known = self.files.each_ref().map(|files| files.read());
        let known = known.map(|files| files.unwrap_or_else(PoisonError::into_inner));
        for (piece, part) in pieces.iter().zip(&mut parts) {
            let Piece::File { input, is_lined } = piece else { continue };
            let [plain, lined] = &known;
            let files = if *is_lined { lined } else { plain };
            if let Some(slot) = files.get(key(input, *is_lined))
                && let Some(packed) = *slot.lock().unwrap_or_else(PoisonError::into_inner)
                && packed.is_settled
                && packed.stamp == input.stamp
            {
                *part = Some(packed.part);
            }
        }
        drop(known);
        let mut merged: Vec<Part> = Vec::with_capacity(parts.len());
        for (piece, part) in pieces.iter().zip(parts) {
            let part = match part {
                Some(part) => part,
                None => self.take_in(piece)?,
            };
            match merged.last_mut() {
                Some(last) if last.at + last.length == part.at => last.length += part.length,
                _ => merged.push(part),
            }
        }
        Ok(merged)
    }

    fn take_in(&self, piece: &Piece) -> Result<Part, Trouble> {
        let (input, is_lined) = match piece {
            Piece::File { input, is_lined } => (input, *is_lined),
            Piece::Link { path, text } => {
                return self.take_in_other(path, token::LINK, text.as_os_str().as_bytes());
            }
            Piece::Dir { mark } => return self.take_in_other(mark, token::FILE, &[]),
        };
        let slot = self.slot(key(input, is_lined), is_lined)?;
        // Whoever wants the same file waits, and then finds it.
        let mut slot = slot.lock().unwrap_or_else(PoisonError::into_inner);
        let before = slot.as_ref().filter(|packed| packed.stamp == input.stamp).copied();
        if let Some(packed) = before.filter(|packed| packed.is_settled) {
            return Ok(packed.part);
        }
        let (content, now) = content(input, is_lined)?;
        let mut packets = named(&input.way.real);
        packet::put(&mut packets, token::FILE, &lzo::compress(&content));
        let part = match before {
            Some(packed) if self.holds(packed.part, &packets) => packed.part,
            _ => self.append(&input.way.real, &packets)?,
        };
        let is_settled = !is_fresh(&input.stamp, now);
        *slot = Some(Packed { stamp: input.stamp, is_settled, part });
        Ok(part)
    }

    fn slot(&self, path: &OsStr, is_lined: bool) -> Result<Slot, Trouble> {
        let [plain, lined] = &self.files;
        let files = if is_lined { lined } else { plain };
        let mut files = files.write().unwrap_or_else(PoisonError::into_inner);
        if let Some(slot) = files.get(path) {
            return Ok(Arc::clone(slot));
        }
        if files.len() >= MOST_PIECES {
            return Err(Trouble::Full);
        }
        Ok(Arc::clone(files.entry(path.to_owned()).or_default()))
    }

    fn take_in_other(&self, path: &Path, token: [u8; 4], body: &[u8]) -> Result<Part, Trouble> {
        let mut packets = named(path);
        packet::put(&mut packets, token, body);
        let others = self.others.read().unwrap_or_else(PoisonError::into_inner);
        if let Some(part) = others.get(&packets) {
            return Ok(*part);
        }
        if others.len() >= MOST_PIECES {
            return Err(Trouble::Full);
        }
        drop(others);
        let part = self.append(path, &packets)?;
        self.others.write().unwrap_or_else(PoisonError::into_inner).insert(packets, part);
        Ok(part)
    }

    fn append(&self, path: &Path, packets: &[u8]) -> Result<Part, Trouble> {
        let length = packets.len() as u64;
        let mut end = self.end.lock().unwrap_or_else(PoisonError::into_inner);
        let at = *end;
        if length > self.size - at {
            return Err(Trouble::Full);
        }
        *end += length;
        drop(end);
        let written = self.file.write_all_at(packets, at);
        written.map_err(|error| Trouble::Failed(path.to_owned(), error.to_string()))?;
        Ok(Part { at, length })
    }

    fn holds(&self, part: Part, packets: &[u8]) -> bool {
        let mut bytes = vec![0; packets.len()];
        part.length == packets.len() as u64
            && self.file.read_exact_at(&mut bytes, part.at).is_ok()
            && bytes == packets
    }
}

fn key(input: &Input, is_lined: bool) -> &OsStr {
    if is_lined { input.path.as_os_str() } else { input.way.real.as_os_str() }
}

fn named(path: &Path) -> Vec<u8> {
    let mut packets = Vec::new();
    packet::put(&mut packets, token::NAME, path.as_os_str().as_bytes());
    packets
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::disk::{Disk, RealDisk};
    use crate::include::tree::Way;

    fn file(path: &Path) -> Piece {
        let stamp = RealDisk.stamp(path).unwrap();
        let way = Way { real: path.to_owned(), ..Way::default() };
        let input = Arc::new(Input { path: path.to_owned(), way, stamp });
        Piece::File { input, is_lined: false }
    }

    fn bytes(arena: &Arena, parts: &[Part]) -> Vec<u8> {
        let mut all = Vec::new();
        for part in parts {
            let mut bytes = vec![0; usize::try_from(part.length).unwrap()];
            arena.shared.read_exact_at(&mut bytes, part.at).unwrap();
            all.extend(bytes);
        }
        all
    }

    #[test]
    fn an_arena_is_full_once_its_size_is_reached() {
        let arena = Arena::of_size(100).unwrap();
        let dir = |name: &str| Piece::Dir { mark: name.into() };
        let part = arena.gather(&[dir("/aaaa"), dir("/bbbb")]).unwrap();
        assert_eq!(part, [Part { at: 0, length: 58 }]);
        assert_eq!(arena.gather(&[dir("/cccc"), dir("/dddd")]), Err(Trouble::Full));
        assert_eq!(arena.gather(&[dir("/bbbb"), dir("/aaaa")]).unwrap().len(), 2, "what is there");
    }

    #[test]
    fn files_are_packed_once_and_again_when_they_change() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a.h");
        crate::base::replace::write(&path, b"int a;\n", 0o600).unwrap();
        let arena = Arena::new().unwrap();
        let link = Piece::Link { path: "/l".into(), text: "a.h".into() };
        let first = arena.gather(&[file(&path), link.clone()]).unwrap();
        assert_eq!(first.len(), 1, "neighbours are one part");
        let again = arena.gather(&[file(&path), link.clone()]).unwrap();
        assert_eq!(first, again, "a fresh file that is the same is not kept twice");
        let old = file(&path);
        crate::base::replace::write(&path, b"int b;\n", 0o600).unwrap();
        assert_eq!(arena.gather(&[old]), Err(Trouble::Changed(path.clone())));
        let changed = arena.gather(&[file(&path), link]).unwrap();
        let name = path.to_str().unwrap();
        let packets = |text: &str| {
            let packed = lzo::compress(text.as_bytes());
            let mut packets = named(Path::new(name));
            packet::put(&mut packets, token::FILE, &packed);
            packet::put(&mut packets, token::NAME, b"/l");
            packet::put(&mut packets, token::LINK, b"a.h");
            packets
        };
        assert_eq!(bytes(&arena, &first), packets("int a;\n"), "what was given stays");
        assert_eq!(bytes(&arena, &changed), packets("int b;\n"));
    }
}
