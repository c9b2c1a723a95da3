//! The scanner: what is remembered for all units, and the way in.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, PoisonError, RwLock};

use crate::base::disk::{Disk, Stamp};
use crate::compiler::unit::TranslationUnit;
use crate::include::CannotTell;
use crate::include::clock;
use crate::include::kind::{self, Files, Flight, Kind, Unit, World};
pub use crate::include::leads::{Input, Scanned};
use crate::include::macros::Macros;
use crate::include::names::Names;
use crate::include::reduce::{Reduced, reduce};
use crate::include::search::{Defaults, Search, read};
use crate::include::tree::is_fresh;

/// A larger file is not read.
const MOST_BYTES: u64 = 64 << 20;

/// What one unit's compile needs to know beside the unit.
#[derive(Clone, Copy, Debug)]
pub struct Request<'a> {
    /// The unit.
    pub unit: &'a TranslationUnit,
    /// The current directory, absolute.
    pub cwd: &'a Path,
    /// What its compiler says of itself, asked with [`crate::include::search::question`].
    pub defaults: &'a Arc<Defaults>,
    /// The time, in nanoseconds since 1970.
    pub now: i128,
}

/// Everything that is remembered.
#[derive(Debug, Default)]
pub struct Scanner {
    bounds: Bounds,
    memory: RwLock<Arc<Memory>>,
}

/// How much is remembered at most; beyond it, all is forgotten.
#[derive(Clone, Copy, Debug)]
pub struct Bounds {
    /// Kinds of units.
    pub kinds: usize,
    /// Files and directories of all kinds together.
    pub nodes: usize,
    /// Bytes of text whose reductions are remembered.
    pub text: u64,
    /// Identifiers: some 500 bytes each, with one definition.
    pub names: usize,
}

impl Default for Bounds {
    fn default() -> Self {
        Self { kinds: 256, nodes: 1_000_000, text: 1 << 30, names: 4_000_000 }
    }
}

#[derive(Debug, Default)]
struct Memory {
    names: Names,
    files: RwLock<HashMap<PathBuf, (Stamp, Arc<Reduced>)>>,
    /// Bytes of text that have been read for `files`.
    text: AtomicU64,
    kinds: RwLock<HashMap<Key, Arc<Remembered>>>,
    /// Files and directories of all kinds.
    nodes: AtomicUsize,
}

/// Units with equal keys share a [`Kind`].
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Key {
    search: Search,
    macros: Arc<Defaults>,
}

#[derive(Debug)]
struct Remembered {
    kind: RwLock<Kind>,
    /// What of it has been counted among the nodes.
    counted: AtomicUsize,
}

impl Scanner {
    /// Remembers no more than that.
    pub fn new(bounds: Bounds) -> Self {
        Self { bounds, ..Self::default() }
    }

    /// What the unit's compile may open.
    ///
    /// # Errors
    ///
    /// [`CannotTell`].
    pub fn scan(&self, request: &Request<'_>, disk: &dyn Disk) -> Result<Scanned, CannotTell> {
        let Request { unit, cwd, defaults, now } = *request;
        let (search, commanded) = read(unit, cwd, defaults)?;
        if let Some(define) = commanded.defines.iter().find(|text| clock::is_named(text)) {
            return Err(CannotTell::ClockOption(String::from_utf8_lossy(define).into_owned()));
        }
        let memory = self.memory();
        let remembered = memory.kind(Key { search, macros: Arc::clone(defaults) });
        let reader = Reader { memory: &memory, disk, now };
        let world = World { disk, files: &reader, names: &memory.names, now };
        let source = cwd.join(&unit.source);
        let reads_trigraphs = reads_trigraphs(unit);
        let unit = Unit { source: &source, cwd, commanded: &commanded, reads_trigraphs };
        let mut flight = Flight::default();
        loop {
            let current = remembered.kind.read().unwrap_or_else(PoisonError::into_inner);
            if let Some(answer) = current.known(&unit, &mut flight, &world) {
                return answer;
            }
            drop(current);
            flight.read(&world);
            if flight.is_too_large() {
                return Err(CannotTell::TooMuchText(kind::MOST_BYTES));
            }
            let mut kind = remembered.kind.write().unwrap_or_else(PoisonError::into_inner);
            kind.advance(&unit, &mut flight, &world);
            let (files, dirs) = kind.size();
            drop(kind);
            memory.count(&remembered, files + dirs);
        }
    }

    /// How much is remembered: kinds of units, and files and directories of all of them.
    pub fn size(&self) -> (usize, usize) {
        let memory = self.memory();
        let kinds = memory.kinds.read().unwrap_or_else(PoisonError::into_inner).len();
        (kinds, memory.nodes.load(Ordering::Relaxed))
    }

    /// What is remembered; all of it is forgotten if it has become too much. Requests on their way
    /// keep what they began with.
    fn memory(&self) -> Arc<Memory> {
        let memory = Arc::clone(&self.memory.read().unwrap_or_else(PoisonError::into_inner));
        if !memory.is_beyond(&self.bounds) {
            return memory;
        }
        let mut current = self.memory.write().unwrap_or_else(PoisonError::into_inner);
        if Arc::ptr_eq(&current, &memory) {
            *current = Arc::default();
        }
        Arc::clone(&current)
    }
}

impl Memory {
    fn is_beyond(&self, bounds: &Bounds) -> bool {
        self.nodes.load(Ordering::Relaxed) > bounds.nodes
            || self.text.load(Ordering::Relaxed) > bounds.text
            || self.names.len() > bounds.names
            || self.kinds.read().unwrap_or_else(PoisonError::into_inner).len() > bounds.kinds
    }

    fn kind(&self, key: Key) -> Arc<Remembered> {
        let kinds = self.kinds.read().unwrap_or_else(PoisonError::into_inner);
        if let Some(kind) = kinds.get(&key) {
            return Arc::clone(kind);
        }
        drop(kinds);
        let macros = Macros::new(&key.macros.macros, &self.names);
        let kind = RwLock::new(Kind::new(key.search.clone(), macros));
        let new = Arc::new(Remembered { kind, counted: AtomicUsize::new(0) });
        let mut kinds = self.kinds.write().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(kinds.entry(key).or_insert(new))
    }

    /// Counts what has been added to a kind.
    fn count(&self, remembered: &Remembered, size: usize) {
        let before = remembered.counted.fetch_max(size, Ordering::Relaxed);
        self.nodes.fetch_add(size.saturating_sub(before), Ordering::Relaxed);
    }
}

struct Reader<'a> {
    memory: &'a Memory,
    disk: &'a dyn Disk,
    now: i128,
}

impl Files for Reader<'_> {
    fn reduced(&self, path: &Path, stamp: Stamp) -> Result<Arc<Reduced>, String> {
        let files = self.memory.files.read().unwrap_or_else(PoisonError::into_inner);
        let known = files.get(path).cloned();
        drop(files);
        if let Some((known, reduced)) = &known
            && *known == stamp
            && !is_fresh(known, self.now)
        {
            return Ok(Arc::clone(reduced));
        }
        if stamp.size > MOST_BYTES {
            return Err(format!("it has more than {MOST_BYTES} bytes"));
        }
        let text = self.disk.read(path, MOST_BYTES).map_err(|error| error.to_string())?;
        let mut reduced = Arc::new(reduce(&text, &self.memory.names));
        if let Some((_, known)) = known
            && known == reduced
        {
            reduced = known;
        } else {
            self.memory.text.fetch_add(stamp.size, Ordering::Relaxed);
        }
        let mut files = self.memory.files.write().unwrap_or_else(PoisonError::into_inner);
        files.insert(path.to_owned(), (stamp, Arc::clone(&reduced)));
        Ok(reduced)
    }
}

/// Whether the unit's language reads trigraphs: only strict standards before C++17 and C23 do.
fn reads_trigraphs(unit: &TranslationUnit) -> bool {
    unit.words.iter().any(|word| {
        let is_strict = word.starts_with("-std=") && !word.starts_with("-std=gnu");
        is_strict || word.text == "-trigraphs" || word.text == "-ansi"
    })
}
