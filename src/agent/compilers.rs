//! What each compiler says of itself: where it looks for headers, and what it defines.

use std::collections::HashMap;
use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use crate::base::capture::capture;
use crate::base::disk::{Disk, RealDisk, Stamp};
use crate::base::env;
use crate::compiler::unit::TranslationUnit;
use crate::include::search::{Defaults, question};

/// The most that a compiler may say, in bytes.
const MOST_BYTES: u64 = 16 << 20;
/// So long it may take.
const TIME: Duration = Duration::from_secs(10);
/// After this it is asked anew: what it says may hang on files that nobody knows of.
const LASTS: Duration = Duration::from_secs(60);
/// So many answers are remembered.
const MOST: usize = 4096;

/// Variables that change nothing about the answer, and differ from one directory to the next, or
/// from one user's terminal to another.
const IRRELEVANT: [&str; 6] = ["PWD", "TMPDIR", "LANG", "LC_ALL", "LC_CTYPE", "LC_MESSAGES"];

/// Variables as a compile has them.
pub type Environment = Vec<(OsString, OsString)>;

/// Units with equal keys have equal defaults, as long as the compiler is the same.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Key {
    words: Vec<OsString>,
    environment: Environment,
    /// The current directory, where it may matter.
    cwd: Option<PathBuf>,
}

#[derive(Clone, Debug)]
struct Known {
    program: PathBuf,
    stamp: Stamp,
    asked: Instant,
    defaults: Arc<Defaults>,
}

/// The answers of compilers.
#[derive(Debug, Default)]
pub struct Compilers {
    known: Mutex<HashMap<Key, Arc<Mutex<Option<Known>>>>>,
}

impl Compilers {
    /// What the unit's compiler says of itself, in this directory and environment. Of several
    /// threads that want to know the same, one asks.
    ///
    /// # Errors
    ///
    /// A sentence.
    pub fn defaults(
        &self,
        unit: &TranslationUnit,
        cwd: &Path,
        environment: &Environment,
    ) -> Result<Arc<Defaults>, String> {
        let words = question(unit);
        let program = find(&unit.compiler, cwd, environment).ok_or_else(|| {
            format!("{}: no such compiler in PATH", unit.compiler.to_string_lossy())
        })?;
        let stamp = RealDisk.stamp(&program).map_err(|error| about(&program, error))?;
        // Directories where a compiler looks for its parts may be relative.
        let has_usual_parts =
            || env::COMPILER_PARTS.iter().all(|name| value(environment, name.0).is_none());
        let is_anywhere = is_elsewhere(&words) && has_usual_parts();
        let counts = |name: &OsStr| !IRRELEVANT.iter().any(|irrelevant| name == *irrelevant);
        let key = Key {
            words,
            environment: environment.iter().filter(|(name, _)| counts(name)).cloned().collect(),
            cwd: (!is_anywhere).then(|| cwd.to_owned()),
        };
        let slot = self.slot(&key);
        let mut slot = slot.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = slot.as_ref()
            && known.program == program
            && known.stamp == stamp
            && known.asked.elapsed() < LASTS
        {
            return Ok(Arc::clone(&known.defaults));
        }
        let defaults = ask(&key.words, environment, &program, cwd)?;
        let before = slot.as_ref().map(|known| &known.defaults);
        let defaults = match before.filter(|before| ***before == defaults) {
            Some(before) => Arc::clone(before),
            None => Arc::new(defaults),
        };
        let kept = Arc::clone(&defaults);
        *slot = Some(Known { program, stamp, asked: Instant::now(), defaults: kept });
        Ok(defaults)
    }

    fn slot(&self, key: &Key) -> Arc<Mutex<Option<Known>>> {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(slot) = known.get(key) {
            return Arc::clone(slot);
        }
        if known.len() >= MOST {
            known.clear();
        }
        Arc::clone(known.entry(key.clone()).or_default())
    }
}

fn about(path: &Path, error: impl std::fmt::Display) -> String {
    format!("{}: {error}", path.display())
}

/// The value of a variable; the last one counts.
pub fn value<'a>(environment: &'a Environment, name: &str) -> Option<&'a OsStr> {
    let found = environment.iter().rev().find(|(known, _)| known == name);
    found.map(|(_, value)| value.as_os_str())
}

/// The compiler's file. Links to distcc are passed over: it would ask us.
fn find(compiler: &OsStr, cwd: &Path, environment: &Environment) -> Option<PathBuf> {
    let fits = |path: &PathBuf| {
        let is_distcc = || {
            std::fs::canonicalize(path).is_ok_and(|real| {
                real.file_name().is_some_and(|name| name.as_bytes().ends_with(b"distcc"))
            })
        };
        RealDisk.is_executable(path) && !is_distcc()
    };
    if compiler.as_bytes().contains(&b'/') {
        return Some(cwd.join(compiler)).filter(fits);
    }
    let path = value(environment, env::PATH.0)?;
    std::env::split_paths(path).map(|dir| cwd.join(dir).join(compiler)).find(fits)
}

/// Whether the answer is the same in every directory: no word may name a file relative to it.
fn is_elsewhere(words: &[OsString]) -> bool {
    const PLAIN: [&[u8]; 9] =
        [b"-O", b"-std=", b"-m", b"-p", b"-x", b"-ansi", b"-E", b"-v", b"-Qunused-arguments"];
    let is_plain = |word: &OsString| {
        let word = word.as_bytes();
        let is_flag = word.starts_with(b"-f") && !word.contains(&b'=');
        is_flag || PLAIN.iter().any(|plain| word.starts_with(plain)) || !word.starts_with(b"-")
    };
    // Words that are no options are the language's name and /dev/null: others are values.
    let values = words.iter().skip(1).filter(|word| !word.as_bytes().starts_with(b"-")).count();
    values <= 2 && words.iter().skip(1).all(is_plain)
}

fn ask(
    question: &[OsString],
    environment: &Environment,
    program: &Path,
    cwd: &Path,
) -> Result<Defaults, String> {
    let (name, words) = question.split_first().ok_or("there is no compiler")?;
    let line = question.join(OsStr::new(" "));
    let line = line.to_string_lossy();
    let mut command = Command::new(program);
    command.arg0(name).args(words).current_dir(cwd).env_clear();
    command.envs(environment.iter().map(|(name, value)| (name, value)));
    // The lists have headings in English.
    command.env("LC_ALL", "C").env(env::SAFEGUARD.0, "1");
    let said =
        capture(&mut command, TIME, MOST_BYTES).map_err(|error| format!("{line}: {error}"))?;
    if !said.status.success() {
        let last = said.stderr.trim_ascii_end().rsplit(|&byte| byte == b'\n').next();
        let last = String::from_utf8_lossy(last.unwrap_or_default());
        return Err(format!("{line}: {}: {last}", said.status));
    }
    Defaults::read(&said.stdout, &said.stderr)
        .ok_or_else(|| format!("{line}: it does not say where it looks for headers"))
}
