//! The volunteer's check of a client's command line, by the same option tables.
//!
//! [`plain`] is for preprocessed text and [`pump`] for a tree of the client's files (with `cpp`:
//! what the preprocessor's options name). What the two judge alike is here.

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt;

use crate::compiler::depfile::with_suffix;
use crate::compiler::language::{self, Form};
use crate::compiler::options::shape::Kind;
use crate::compiler::options::stays::{Harm, Stays};
use crate::compiler::passed;
use crate::compiler::unit::Family;
use crate::compiler::words::{Sort, Token};

mod cpp;
pub mod plain;
pub mod pump;

/// What this volunteer allows beyond the default.
#[derive(Clone, Copy, Debug, Default)]
pub struct AdmitOptions {
    /// `-specs=FILE` may be named; the caller checks the files.
    pub specs_allowed: bool,
}

/// Why a command line is refused; each with the word to blame.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Refusal {
    /// No word at all, or a first one that is no program's name.
    #[error("{0:?} is no compiler's name")]
    NoCompiler(OsString),
    /// Neither `-c` nor `-S`.
    #[error("neither -c nor -S: no compile")]
    NoCompile,
    /// No source file.
    #[error("no source file")]
    NoSource,
    /// More than one source, or a file that is none.
    #[error("{0:?} is no source file, or one too many")]
    ExtraFile(OsString),
    /// More than one output.
    #[error("{0:?} is one more output")]
    ExtraOutput(OsString),
    /// A language that no volunteer compiles.
    #[error("-x {0:?}: this language is not compiled for others")]
    Language(OsString),
    /// An option without its value.
    #[error("{0:?} lacks its value")]
    MissingValue(OsString),
    /// An option that no table knows.
    #[error("{0:?}: no known option; it might reach out of the job's directory")]
    UnknownOption(OsString),
    /// A response file.
    #[error("{0:?}: response files of a client are not read here")]
    ResponseFile(OsString),
    /// Would run a program of the client's choice.
    #[error("{0:?} would run a program of the client's choice")]
    RunsProgram(OsString),
    /// Would load code of the client's choice.
    #[error("{0:?} would load code of the client's choice")]
    LoadsCode(OsString),
    /// Would read a file outside the job's directory.
    #[error("{0:?} would read a file outside the job's directory")]
    ReadsFile(OsString),
    /// Would write a file outside the job's directory.
    #[error("{0:?} would write a file outside the job's directory")]
    WritesFile(OsString),
    /// Asks for something that is no compile, or that only the client's own machine can do.
    #[error("{0:?} asks for something that a volunteer cannot do")]
    NoJob(OsString),
}

impl Refusal {
    /// The refusal as a sentence for the log, without a full stop.
    pub fn sentence(&self) -> String {
        self.to_string()
    }
}

/// The compiler's name, checked, and the words after it, in plain mode and in pump mode.
///
/// # Errors
///
/// [`Refusal::NoCompiler`], and [`Refusal::NoJob`] for a word that no program can be given.
fn command(argv: &[OsString]) -> Result<(&OsString, &[OsString]), Refusal> {
    let Some((compiler, words)) = argv.split_first() else {
        return Err(Refusal::NoCompiler(OsString::new()));
    };
    if compiler.is_empty() || matches!(compiler.as_bytes().first(), Some(b'-' | b'@')) {
        return Err(Refusal::NoCompiler(compiler.clone()));
    }
    if let Some(word) = argv.iter().find(|word| word.as_bytes().contains(&0)) {
        return Err(Refusal::NoJob(word.clone()));
    }
    Ok((compiler, words))
}

/// The kind of an option that a table knows; `None` for an operand.
fn kind(token: &Token<'_>) -> Result<Option<Kind>, Refusal> {
    match token.sort {
        Sort::Operand => Ok(None),
        Sort::Unknown => Err(Refusal::UnknownOption(token.text.to_owned())),
        Sort::Unfinished => Err(Refusal::MissingValue(token.text.to_owned())),
        Sort::Known(row) => Ok(Some(row.kind)),
    }
}

/// What a command line says to driver, compiler and assembler.
struct Command {
    family: Family,
    options: AdmitOptions,
    /// The source, and the language named for it.
    source: Option<(OsString, Option<OsString>)>,
    language: Option<OsString>,
    output: Option<OsString>,
    compiles: bool,
    assembly: bool,
    for_clang: Vec<OsString>,
    for_assembler: Vec<OsString>,
}

/// The source of a command.
struct Source {
    file: OsString,
    form: Form,
    /// By `-x`, and not by its suffix.
    named: bool,
}

impl Command {
    fn new(family: Family, options: AdmitOptions) -> Self {
        Self {
            family,
            options,
            source: None,
            language: None,
            output: None,
            compiles: false,
            assembly: false,
            for_clang: Vec::new(),
            for_assembler: Vec::new(),
        }
    }

    /// Takes the one source.
    fn operand(&mut self, token: &Token<'_>) -> Result<(), Refusal> {
        let file = token.text.to_owned();
        if file.as_bytes().starts_with(b"@") {
            return Err(Refusal::ResponseFile(file));
        }
        if self.source.is_some() || language::by_suffix(&file).is_none() {
            return Err(Refusal::ExtraFile(file));
        }
        self.source = Some((file, self.language.clone()));
        Ok(())
    }

    /// Takes an option that is judged alike in both modes; others are refused.
    fn option(&mut self, token: &Token<'_>, kind: Kind) -> Result<(), Refusal> {
        let text = || token.text.to_owned();
        let value = token.value.to_owned();
        match kind {
            Kind::Family if token.looks_like_file() => return Err(Refusal::UnknownOption(text())),
            Kind::Both | Kind::Backend | Kind::Family | Kind::Link => {}
            Kind::Compile => self.compiles = true,
            Kind::Assemble => (self.compiles, self.assembly) = (true, true),
            Kind::Preprocess => return Err(Refusal::NoJob(text())),
            Kind::Output => {
                return match self.output.replace(value.clone()) {
                    Some(_) => Err(Refusal::ExtraOutput(value)),
                    None => Ok(()),
                };
            }
            Kind::Language => self.language = (token.value != "none").then_some(value),
            Kind::PassToAssembler => self.for_assembler.extend(
                passed::parts(value.as_bytes()).map(|part| OsStr::from_bytes(part).to_owned()),
            ),
            Kind::PassOneToAssembler => self.for_assembler.push(value),
            Kind::PassToClang => self.for_clang.push(value),
            Kind::PassToLlvm if passed::llvm_is_safe(value.as_bytes()) => {}
            Kind::PassToLlvm => return Err(Refusal::UnknownOption(value)),
            Kind::Specs if self.options.specs_allowed && token.separate.is_none() => {}
            Kind::Specs => return Err(Refusal::RunsProgram(text())),
            Kind::Cpp
            | Kind::DependencyFile
            | Kind::DependencyName
            | Kind::DependencyTarget
            | Kind::DependencyShape
            | Kind::PassToCpp
            | Kind::PassOneToCpp
            | Kind::Stays(_) => return Err(Refusal::UnknownOption(text())),
        }
        Ok(())
    }

    /// Judges the words together.
    fn check(&self) -> Result<(), Refusal> {
        if !self.compiles {
            return Err(Refusal::NoCompile);
        }
        if !passed::clang_is_safe(&self.for_clang) {
            return Err(Refusal::UnknownOption(self.for_clang.join(OsStr::new(" "))));
        }
        if !passed::assembler_is_safe(self.for_assembler.iter().map(|word| word.as_bytes())) {
            return Err(Refusal::UnknownOption(self.for_assembler.join(OsStr::new(" "))));
        }
        Ok(())
    }

    fn source(&self) -> Result<Source, Refusal> {
        let Some((file, name)) = &self.source else {
            return Err(Refusal::NoSource);
        };
        let form = match name {
            Some(name) => {
                language::by_name(name.as_bytes()).ok_or_else(|| Refusal::Language(name.clone()))?
            }
            None => language::by_suffix(file).ok_or(Refusal::NoSource)?,
        };
        Ok(Source { file: file.clone(), form, named: name.is_some() })
    }

    /// The output that is named, or that compilers make of this source.
    fn output(&self, source: &OsStr) -> OsString {
        let suffix: &[u8] = if self.assembly { b".s" } else { b".o" };
        let output = self.output.clone();
        output.unwrap_or_else(|| with_suffix(language::stem(source), suffix))
    }
}

/// What becomes of an option that a client of ours would not have sent.
fn harm(stays: Stays, token: &Token<'_>) -> Result<Harm, Refusal> {
    let text = token.text.to_owned();
    match stays.harm() {
        Harm::Path if token.names_path() => Err(Refusal::WritesFile(text)),
        harm @ (Harm::None | Harm::Path | Harm::Dropped) => Ok(harm),
        Harm::Runs => Err(Refusal::RunsProgram(text)),
        Harm::Loads => Err(Refusal::LoadsCode(text)),
        Harm::Reads => Err(Refusal::ReadsFile(text)),
        Harm::Writes => Err(Refusal::WritesFile(text)),
        Harm::NoJob => Err(Refusal::NoJob(text)),
    }
}
