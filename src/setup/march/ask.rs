//! Asking a compiler: what its driver passes on, and what its flags amount to.

use std::collections::BTreeMap;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use crate::base::capture::{Captured, capture};
use crate::setup::march::{clang, gcc};

/// A compiler that needs longer for an empty file is none.
const LIMIT: Duration = Duration::from_secs(20);
/// The most bytes of an answer; gcc's list of options has 40 kB.
const MOST_BYTES: u64 = 4 << 20;
/// A source whose code names the features that are on.
const SOURCE: &[u8] = b"int f(int a) { return a; }\n";

/// Why `native` cannot be expanded.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub(in crate::setup) enum MarchError {
    /// The compiler does not run, or does not end.
    #[error("{compiler} cannot be asked: {error}", compiler = .0.display(), error = .1)]
    Unasked(PathBuf, #[source] io::Error),
    /// The compiler does not take the flags: which, and what it says.
    #[error("{compiler} does not take `{1}`: {2}", compiler = .0.display())]
    Refused(PathBuf, String, String),
    /// Its answer is in no form that we know.
    #[error(
        "{compiler} does not say what `{1}` passes on (is it gcc or clang?)",
        compiler = .0.display()
    )]
    Unclear(PathBuf, String),
    /// It hands the flag on as it is: a cross compiler.
    #[error(
        "{compiler} does not know what `{1}` stands for: it compiles for another kind of machine \
         than this; name the processor that you mean",
        compiler = .0.display()
    )]
    Foreign(PathBuf, String),
    /// No flags amount to the same.
    #[error(
        "no other flags of {compiler} mean the same as `{1}` on this machine; name a processor \
         instead, as in -march=x86-64-v3",
        compiler = .0.display()
    )]
    Unproven(PathBuf, String),
}

/// Whose options a compiler reads, told by how it calls itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// `cc1` and its kin.
    Gcc,
    /// `clang -cc1`.
    Clang,
}

/// What a driver passes on to the compiler proper.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Passed {
    pub(super) kind: Kind,
    pub(super) words: Vec<String>,
}

/// What flags amount to: the features and numbers by name, as the compiler itself lists them.
pub(super) type State = BTreeMap<String, String>;

/// Asks the driver what it passes on.
///
/// # Errors
///
/// [`MarchError`], of the first three kinds.
pub(super) fn passed(compiler: &Path, flags: &[String]) -> Result<Passed, MarchError> {
    let mut command = Command::new(compiler);
    command.args(flags).args(["-###", "-S", "-x", "c", "/dev/null", "-o", "/dev/null"]);
    let captured = run(compiler, &mut command)?;
    let text = accepted(compiler, flags, &captured)?;
    let unclear = || MarchError::Unclear(compiler.to_owned(), flags.join(" "));
    text.lines().find_map(read_passed).ok_or_else(unclear)
}

/// A line of `-###` that calls the compiler proper for C.
fn read_passed(line: &str) -> Option<Passed> {
    if !line.starts_with(' ') {
        return None;
    }
    let words = shell_words::split(line).ok()?;
    let program = Path::new(words.first()?).file_name()?.to_str()?;
    let clang = words.get(1).is_some_and(|word| word == "-cc1");
    let kind = match (clang, program) {
        (true, _) => Kind::Clang,
        (false, "cc1") => Kind::Gcc,
        _ => return None,
    };
    Some(Passed { kind, words })
}

/// Asks what `flags` amount to.
///
/// # Errors
///
/// [`MarchError`], of the first three kinds.
pub(super) fn state(compiler: &Path, kind: Kind, flags: &[String]) -> Result<State, MarchError> {
    let mut command = Command::new(compiler);
    let source;
    match kind {
        Kind::Gcc => {
            command.args(flags).args(["-Q", "--help=target", "--help=params"]);
        }
        Kind::Clang => {
            source = source_file().map_err(unasked(compiler))?;
            command.args(flags).args(["-S", "-emit-llvm", "-o", "-", "-x", "c"]).arg(source.path());
        }
    }
    let captured = run(compiler, &mut command)?;
    accepted(compiler, flags, &captured)?;
    let text = String::from_utf8_lossy(&captured.stdout);
    let state = match kind {
        Kind::Gcc => gcc::read_state(&text),
        Kind::Clang => clang::read_state(&text),
    };
    match state.is_empty() {
        true => Err(MarchError::Unclear(compiler.to_owned(), flags.join(" "))),
        false => Ok(state),
    }
}

/// The flags among `flags` that clang does not know.
///
/// # Errors
///
/// [`MarchError::Unasked`].
pub(super) fn unknown(compiler: &Path, flags: &[String]) -> Result<Vec<String>, MarchError> {
    let mut command = Command::new(compiler);
    command.args(flags).args(["-###", "-S", "-x", "c", "/dev/null", "-o", "/dev/null"]);
    let captured = run(compiler, &mut command)?;
    let text = String::from_utf8_lossy(&captured.stderr).into_owned();
    let complaints = text.lines().filter(|line| line.contains("error: "));
    let quoted = complaints.filter_map(|line| line.split('\'').nth(1));
    Ok(quoted.filter(|word| flags.iter().any(|flag| flag == word)).map(str::to_owned).collect())
}

fn source_file() -> io::Result<tempfile::NamedTempFile> {
    let mut file = tempfile::Builder::new().suffix(".c").tempfile()?;
    file.write_all(SOURCE)?;
    Ok(file)
}

fn run(compiler: &Path, command: &mut Command) -> Result<Captured, MarchError> {
    command.env("LC_ALL", "C");
    capture(command, LIMIT, MOST_BYTES).map_err(unasked(compiler))
}

fn unasked(compiler: &Path) -> impl FnOnce(io::Error) -> MarchError {
    |error| MarchError::Unasked(compiler.to_owned(), error)
}

/// What the compiler said on standard error, if all went well.
fn accepted(compiler: &Path, flags: &[String], captured: &Captured) -> Result<String, MarchError> {
    let text = String::from_utf8_lossy(&captured.stderr).into_owned();
    let complaint = text.lines().find_map(|line| line.split_once("error: ")).map(|(_, what)| what);
    if captured.status.success() && complaint.is_none() {
        return Ok(text);
    }
    let complaint = complaint.map_or_else(|| captured.status.to_string(), str::to_owned);
    Err(MarchError::Refused(compiler.to_owned(), flags.join(" "), complaint))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_line_of_the_compiler_proper_is_found_and_others_are_not() {
        let gcc = read_passed(r#" /usr/lib/gcc/x/12/cc1 -quiet a.c "-march=x y" -mmmx"#).unwrap();
        assert_eq!((gcc.kind, gcc.words[3].as_str()), (Kind::Gcc, "-march=x y"));
        let clang = read_passed(r#" "/usr/lib/clang" "-cc1" "-target-cpu" "k8""#).unwrap();
        assert_eq!((clang.kind, clang.words.len()), (Kind::Clang, 4));
        for other in [" as --64 -o x.o", "COLLECT_GCC=gcc", " (in-process)", " \"torn", " ", ""] {
            assert_eq!(read_passed(other), None, "{other}");
        }
    }
}
