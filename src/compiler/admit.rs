//! The volunteer's check of a client's command line, by the same option tables.

use std::ffi::{OsStr, OsString};

use crate::compiler::language::Language;
use crate::compiler::unit::{Family, Word};

/// A compile that a client asks for, checked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RemoteJob {
    /// The compiler as the client calls it; whether it may run is for the caller to check.
    pub compiler: OsString,
    /// Whose options these are.
    pub family: Family,
    /// The client's name of the source; its base name is the name to compile under.
    pub source: OsString,
    /// The source's language.
    pub language: Language,
    /// The client's name of the output.
    pub output: OsString,
    /// `-S`: the output is assembly.
    pub assembly: bool,
    /// The words that reach the compiler (all but source, output and what nobody reads there).
    pub words: Vec<Word>,
    /// Values of `-specs=`, for the caller to check; empty unless [`AdmitOptions::specs_allowed`].
    pub specs: Vec<OsString>,
}

/// What this volunteer allows beyond the default.
#[derive(Clone, Copy, Debug, Default)]
pub struct AdmitOptions {
    /// `-specs=FILE` may be named; the caller checks the files.
    pub specs_allowed: bool,
}

/// Why a command line is refused.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Refusal {
    /// No word at all, or a first one that is no program's name.
    NoCompiler,
}

impl Refusal {
    /// The refusal as a sentence for the log.
    pub fn sentence(&self) -> String {
        String::new()
    }
}

impl RemoteJob {
    /// The command to run: `input` is the body's file (under the source's base name), `output` the
    /// object's.
    pub fn argv(&self, compiler: &OsStr, input: &OsStr, output: &OsStr) -> Vec<OsString> {
        vec![compiler.to_owned(), input.to_owned(), output.to_owned()]
    }

    /// The suffix of the preprocessed body, with the dot.
    pub fn input_suffix(&self) -> &'static str {
        self.language.preprocessed_suffix()
    }
}

/// Checks a client's command line.
///
/// # Errors
///
/// A [`Refusal`] for whatever would run a program, load code, or read or write outside the job's
/// directory, and for what no volunteer compiles.
pub fn admit(argv: &[OsString], options: &AdmitOptions) -> Result<RemoteJob, Refusal> {
    let _ = (argv, options);
    Err(Refusal::NoCompiler)
}
