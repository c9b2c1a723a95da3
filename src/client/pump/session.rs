//! What holds for all units of a build: whether it goes on in pump mode, and what is said about it.

use std::ffi::OsString;
use std::fs::OpenOptions;
use std::io::Write;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::base::env::{self, Var};
use crate::base::log::Level;
use crate::base::{dirs, replace};
use crate::client::call::Call;
use crate::client::pump::acquaintance::{Acquaintance, short_name};
use crate::compiler::pump::{Obstacle, header_variable};
use crate::compiler::unit::TranslationUnit;
use crate::protocol::agent::Form;

/// Where `DISTCC_MAX_DISCREPANCY` is not set, as in distcc 3.4.
const DEFAULT_DISCREPANCY: u64 = 1;
/// The same is said once in this time for one build.
const SAY_AGAIN: Duration = Duration::from_secs(3600);

/// Variables that a compiler heeds.
#[derive(Debug, Default)]
pub struct Environment {
    /// Those that add directories of headers.
    pub headers: Vec<(&'static str, OsString)>,
}

/// Reads the variables that decide what the compiler opens.
///
/// # Errors
///
/// One of them has the compiler here use parts that a volunteer does not have.
pub fn environment(unit: &TranslationUnit) -> Result<Environment, Obstacle> {
    let is_set = |variable: &Var| variable.get_nonempty().is_some();
    if let Some(variable) = env::COMPILER_PARTS.into_iter().find(is_set) {
        let name = unit.compiler.to_string_lossy();
        let text = format!("{} has {name} use other parts here than there", variable.0);
        return Err(Obstacle::new("pump-environment", text));
    }
    let set = env::HEADER_DIRS.into_iter().filter_map(|var| Some((var.0, var.get_nonempty()?)));
    Ok(Environment { headers: set.collect() })
}

/// Whether the unit's compile by a volunteer of this kind would be the local one.
///
/// # Errors
///
/// What would differ.
pub fn suits(
    call: &Call,
    unit: &TranslationUnit,
    form: Form,
    environment: &Environment,
    acquaintance: &Acquaintance<'_>,
) -> Result<(), Obstacle> {
    if form == Form::Stock {
        if let Some((name, _)) = header_variable(unit.language, &environment.headers) {
            let text = format!("{name} is set, which distccd 3.4 does not heed");
            return Err(Obstacle::new("pump-environment", text));
        }
        if unit.debug {
            acquaintance.keeps_debug_clean()?;
        }
    }
    directory(call, unit, form).map(drop)
}

/// The current directory as a volunteer of this kind is told it. Compilers write it into debug
/// information as `$PWD` names it, so that links on the way there are sent along where files are
/// shown in place.
///
/// # Errors
///
/// A local compile would name it otherwise.
pub fn directory(call: &Call, unit: &TranslationUnit, form: Form) -> Result<PathBuf, Obstacle> {
    let named = call.named_cwd();
    if named.as_os_str() == call.cwd.as_os_str() {
        return Ok(named);
    }
    // By links alone: what `/proc` and mounts have under two names is not so on a volunteer.
    let can_be_shown =
        || is_plain(&named) && named.canonicalize().is_ok_and(|real| real == call.cwd);
    if form == Form::InPlace && can_be_shown() {
        return Ok(named);
    }
    if unit.debug {
        let text = "debug information names the current directory as $PWD does";
        return Err(Obstacle::new("pump-directory", text));
    }
    Ok(call.cwd.clone())
}

/// Whether a path is written without `.`, `..`, and slashes that could be left out.
fn is_plain(path: &Path) -> bool {
    let parts = path.as_os_str().as_bytes().strip_prefix(b"/").unwrap_or_default();
    parts.split(|&byte| byte == b'/').all(|part| !matches!(part, b"" | b"." | b".."))
}

/// Where `INCLUDE_SERVER_PORT` has the include server of this build.
pub fn socket() -> Option<PathBuf> {
    env::INCLUDE_SERVER_PORT.get_nonempty().map(PathBuf::from)
}

/// The file whose bytes count the units that a volunteer failed to compile and we did not.
///
/// Source: distcc 3.4 keeps it beside a socket called `socket`.
fn counter() -> Option<PathBuf> {
    let socket = socket()?;
    socket.as_os_str().as_bytes().ends_with(b"/socket").then_some(())?;
    Some(socket.parent()?.join("discrepancy_counter"))
}

/// Whether the build goes on in pump mode.
///
/// # Errors
///
/// There were as many discrepancies as `DISTCC_MAX_DISCREPANCY` allows.
pub fn is_trusted() -> Result<(), Obstacle> {
    let Some(counter) = counter() else { return Ok(()) };
    let most = env::DISTCC_MAX_DISCREPANCY.number().and_then(|most| u64::try_from(most).ok());
    let most = most.filter(|most| *most > 0).unwrap_or(DEFAULT_DISCREPANCY);
    let count = std::fs::metadata(counter).map_or(0, |meta| meta.len());
    if count < most {
        return Ok(());
    }
    Err(Obstacle::new(
        "pump-discrepancy",
        "now using plain distcc, possibly due to inconsistent file system changes during build \
         (DISTCC_MAX_DISCREPANCY)",
    ))
}

/// Counts one more unit that failed on a volunteer and not here.
pub fn count_discrepancy() {
    let Some(counter) = counter() else { return };
    let counted = OpenOptions::new()
        .append(true)
        .create(true)
        .open(&counter)
        .and_then(|mut file| file.write_all(b"@"));
    if let Err(error) = counted {
        crate::info!("{}: {error}", counter.display());
    }
}

/// Whether a person can do something about an obstacle, and should hear of it.
fn is_news(obstacle: &Obstacle) -> bool {
    matches!(
        obstacle.counter,
        "pump-agent" | "pump-refused" | "pump-headers" | "pump-failed" | "pump-discrepancy"
    )
}

/// Says why `unit` goes in plain mode: once for each build and reason aloud, if it is news at all.
pub fn tell(obstacle: &Obstacle, unit: &TranslationUnit) {
    let level = if is_news(obstacle) && is_first(obstacle) { Level::Warning } else { Level::Info };
    let name = unit.source.to_string_lossy();
    let Obstacle { counter, sentence } = obstacle;
    crate::base::log::write(
        level,
        "",
        format_args!("{name}: preprocessed here, not in pump mode: {sentence} [{counter}]"),
    );
}

fn is_first(obstacle: &Obstacle) -> bool {
    let Ok(dir) = dirs::state_subdir("volunteers") else { return true };
    let build = env::DISTCC_BUILD.get().unwrap_or_default();
    let server = env::INCLUDE_SERVER_PORT.get().unwrap_or_default();
    let parts = [build.as_bytes(), server.as_bytes(), obstacle.counter.as_bytes()];
    let path = dir.join(format!("told_{}", short_name(&parts)));
    if replace::is_younger(&path, SAY_AGAIN) {
        return false;
    }
    note(&path, b"");
    true
}

/// Writes a file of our memory; a failure costs its use, no more.
pub fn note(path: &Path, content: &[u8]) {
    if let Err(error) = replace::write(path, content, 0o666) {
        crate::info!("{}: {error}", path.display());
    }
}
