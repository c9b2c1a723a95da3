//! The scanner: what is remembered for all units, and the way in.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use crate::base::disk::{Disk, Stamp};
use crate::compiler::unit::TranslationUnit;
use crate::include::CannotTell;
use crate::include::kind::{Files, Kind, World};
pub use crate::include::leads::{Input, Scanned};
use crate::include::macros::Macros;
use crate::include::names::Names;
use crate::include::reduce::{Reduced, reduce};
use crate::include::search::{Defaults, Search, read};
use crate::include::tree::is_fresh;

/// A larger file is not read.
const MOST_BYTES: u64 = 64 << 20;
/// Kinds of units that are remembered at once.
const MOST_KINDS: usize = 256;
/// Bytes of text whose reductions are remembered at once.
const MOST_TEXT: u64 = 1 << 30;

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
    names: Names,
    files: Mutex<Remembered>,
    kinds: Mutex<HashMap<Key, Arc<Mutex<Kind>>>>,
}

/// Units with equal keys share a [`Kind`].
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Key {
    search: Search,
    macros: Arc<Defaults>,
}

#[derive(Debug, Default)]
struct Remembered {
    files: HashMap<PathBuf, (Stamp, Arc<Reduced>)>,
    bytes: u64,
}

impl Scanner {
    /// What the unit's compile may open.
    ///
    /// # Errors
    ///
    /// [`CannotTell`].
    pub fn scan(&self, request: &Request<'_>, disk: &dyn Disk) -> Result<Scanned, CannotTell> {
        let Request { unit, cwd, defaults, now } = *request;
        let (search, commanded) = read(unit, cwd, defaults)?;
        let kind = self.kind(Key { search, macros: Arc::clone(defaults) });
        let mut kind = kind.lock().unwrap_or_else(PoisonError::into_inner);
        let reader = Reader { scanner: self, disk, now };
        let world = World { disk, files: &reader, names: &self.names, now };
        let source = cwd.join(&unit.source);
        kind.scan(&source, cwd, &commanded, reads_trigraphs(unit), &world)
    }

    fn kind(&self, key: Key) -> Arc<Mutex<Kind>> {
        let mut kinds = self.kinds.lock().unwrap_or_else(PoisonError::into_inner);
        if kinds.len() >= MOST_KINDS && !kinds.contains_key(&key) {
            kinds.clear();
        }
        let new = || {
            let macros = Macros::new(&key.macros.macros, &self.names);
            Arc::new(Mutex::new(Kind::new(key.search.clone(), macros)))
        };
        if let Some(kind) = kinds.get(&key) {
            return Arc::clone(kind);
        }
        let kind = new();
        kinds.insert(key, Arc::clone(&kind));
        kind
    }
}

struct Reader<'a> {
    scanner: &'a Scanner,
    disk: &'a dyn Disk,
    now: i128,
}

impl Files for Reader<'_> {
    fn reduced(&self, path: &Path, stamp: Stamp) -> Result<Arc<Reduced>, String> {
        let files = || self.scanner.files.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((known, reduced)) = files().files.get(path)
            && *known == stamp
            && !is_fresh(known, self.now)
        {
            return Ok(Arc::clone(reduced));
        }
        if stamp.size > MOST_BYTES {
            return Err(format!("it has more than {MOST_BYTES} bytes"));
        }
        let text = self.disk.read(path, MOST_BYTES).map_err(|error| error.to_string())?;
        let reduced = Arc::new(reduce(&text, &self.scanner.names));
        let mut files = files();
        if let Some((_, known)) = files.files.get(path)
            && **known == *reduced
        {
            let known = Arc::clone(known);
            files.files.insert(path.to_owned(), (stamp, Arc::clone(&known)));
            return Ok(known);
        }
        if files.bytes > MOST_TEXT {
            *files = Remembered::default();
        }
        files.bytes += stamp.size;
        files.files.insert(path.to_owned(), (stamp, Arc::clone(&reduced)));
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
