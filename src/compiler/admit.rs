//! The volunteer's check of a client's command line, by the same option tables.
//!
//! What a client sends is preprocessed text and a command line. Only words that a table knows to
//! stay within the job's directory reach the compiler; what preprocessor and linker would read is
//! left out; and the body is always compiled as preprocessed text, whatever the command line calls
//! it, so that gcc reads no directive in it. (Clang does even then, and either assembler has
//! `.incbin`: against those only a sandbox helps.)

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt;

use crate::compiler::language::{self, Language};
use crate::compiler::options::shape::Kind;
use crate::compiler::options::stays::{Harm, Stays};
use crate::compiler::passed;
use crate::compiler::unit::{Family, Part, Word, family_of, is_cxx_driver};
use crate::compiler::words::{Sort, Token, tokens};

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

impl RemoteJob {
    /// The command to run: `input` is the body's file (under the source's base name), `output` the
    /// object's.
    ///
    /// Source lines are not shown below messages, for the compiler would take them from whatever
    /// file of this machine the preprocessed text names.
    pub fn argv(&self, compiler: &OsStr, input: &OsStr, output: &OsStr) -> Vec<OsString> {
        let mut argv = vec![compiler.to_owned()];
        argv.extend(self.words.iter().flat_map(Word::written).cloned());
        argv.push(match self.family {
            Family::Gcc => "-fno-diagnostics-show-caret".into(),
            Family::Clang => "-fno-caret-diagnostics".into(),
        });
        argv.extend(["-x".into(), self.language.preprocessed_name().into(), input.to_owned()]);
        argv.extend(["-o".into(), output.to_owned()]);
        argv
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
    let Some((compiler, words)) = argv.split_first() else {
        return Err(Refusal::NoCompiler(OsString::new()));
    };
    if compiler.is_empty() || matches!(compiler.as_bytes().first(), Some(b'-' | b'@')) {
        return Err(Refusal::NoCompiler(compiler.clone()));
    }
    let family = family_of(compiler);
    let mut check = Check::new(family, *options);
    for token in tokens(family, words) {
        check.take(&token)?;
    }
    check.finish(compiler)
}

struct Check {
    family: Family,
    options: AdmitOptions,
    words: Vec<Word>,
    source: Option<(OsString, Option<OsString>)>,
    language: Option<OsString>,
    output: Option<OsString>,
    compiles: bool,
    assembly: bool,
    specs: Vec<OsString>,
    for_clang: Vec<OsString>,
    for_assembler: Vec<OsString>,
}

impl Check {
    fn new(family: Family, options: AdmitOptions) -> Self {
        Self {
            family,
            options,
            words: Vec::new(),
            source: None,
            language: None,
            output: None,
            compiles: false,
            assembly: false,
            specs: Vec::new(),
            for_clang: Vec::new(),
            for_assembler: Vec::new(),
        }
    }

    fn take(&mut self, token: &Token<'_>) -> Result<(), Refusal> {
        let text = || token.text.to_owned();
        match token.sort {
            Sort::Operand => self.operand(token),
            Sort::Unknown => Err(Refusal::UnknownOption(text())),
            // distcc 3.4 leaves `-D` at the end, which nobody reads here.
            Sort::Unfinished => Err(Refusal::MissingValue(text())),
            Sort::Known(row) => self.option(token, row.kind),
        }
    }

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

    fn option(&mut self, token: &Token<'_>, kind: Kind) -> Result<(), Refusal> {
        let text = || token.text.to_owned();
        let value = token.value.to_owned();
        match kind {
            Kind::Cpp
            | Kind::Link
            | Kind::DependencyFile
            | Kind::DependencyName
            | Kind::DependencyTarget
            | Kind::DependencyShape
            | Kind::PassToCpp
            | Kind::PassOneToCpp => return Ok(()),
            Kind::Preprocess => return Err(Refusal::NoJob(text())),
            Kind::Family if token.looks_like_file() => return Err(Refusal::UnknownOption(text())),
            Kind::Both | Kind::Backend | Kind::Family => {}
            Kind::Compile => self.compiles = true,
            Kind::Assemble => (self.compiles, self.assembly) = (true, true),
            Kind::Output => {
                return match self.output.replace(value.clone()) {
                    Some(_) => Err(Refusal::ExtraOutput(value)),
                    None => Ok(()),
                };
            }
            Kind::Language => {
                self.language = (token.value != "none").then_some(value);
                return Ok(());
            }
            Kind::PassToAssembler => self.for_assembler.extend(
                passed::parts(value.as_bytes()).map(|part| OsStr::from_bytes(part).to_owned()),
            ),
            Kind::PassOneToAssembler => self.for_assembler.push(value),
            Kind::PassToClang => self.for_clang.push(value),
            Kind::PassToLlvm if passed::llvm_is_safe(value.as_bytes()) => {}
            Kind::PassToLlvm => return Err(Refusal::UnknownOption(value)),
            Kind::Specs if self.options.specs_allowed && token.separate.is_none() => {
                self.specs.push(value);
            }
            Kind::Specs => return Err(Refusal::RunsProgram(text())),
            Kind::Stays(stays) => {
                if harm(stays, token)? == Harm::Dropped {
                    return Ok(());
                }
            }
        }
        let word = token.word(if kind == Kind::Compile || kind == Kind::Assemble {
            Part::Stage
        } else {
            Part::Both
        });
        if let Some(word) = word.written().find(|word| word.as_bytes().starts_with(b"@")) {
            return Err(Refusal::ResponseFile(word.clone()));
        }
        self.words.push(word);
        Ok(())
    }

    fn finish(self, compiler: &OsString) -> Result<RemoteJob, Refusal> {
        if !self.compiles {
            return Err(Refusal::NoCompile);
        }
        if !passed::clang_is_safe(&self.for_clang) {
            return Err(Refusal::UnknownOption(self.for_clang.join(OsStr::new(" "))));
        }
        if !passed::assembler_is_safe(self.for_assembler.iter().map(|word| word.as_bytes())) {
            return Err(Refusal::UnknownOption(self.for_assembler.join(OsStr::new(" "))));
        }
        let Some((source, named)) = self.source else {
            return Err(Refusal::NoSource);
        };
        let as_cxx = named.is_none() && is_cxx_driver(compiler);
        let form = match named {
            Some(name) => {
                language::by_name(name.as_bytes()).ok_or_else(|| Refusal::Language(name.clone()))?
            }
            None => language::by_suffix(&source).ok_or(Refusal::NoSource)?,
        };
        let language = if as_cxx { form.language.in_cxx_driver() } else { form.language };
        let output = self.output.unwrap_or_else(|| {
            let suffix: &[u8] = if self.assembly { b".s" } else { b".o" };
            crate::compiler::depfile::with_suffix(language::stem(&source), suffix)
        });
        Ok(RemoteJob {
            compiler: compiler.clone(),
            family: self.family,
            source,
            language,
            output,
            assembly: self.assembly,
            words: self.words,
            specs: self.specs,
        })
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
