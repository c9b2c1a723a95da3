//! A translation unit that may be compiled elsewhere, and its classified words.

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt;

use crate::compiler::language::{self, Language};

/// Whose option table holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Family {
    /// GNU, and whatever we do not know.
    Gcc,
    /// LLVM.
    Clang,
}

/// The family that a compiler's name tells.
pub fn family_of(compiler: &OsStr) -> Family {
    let name = language::base_name(compiler);
    let clang = name.windows(5).any(|part| part == b"clang");
    if clang { Family::Clang } else { Family::Gcc }
}

/// Whether the compiler's name is that of a C++ driver, which reads `.c` as C++.
pub fn is_cxx_driver(compiler: &OsStr) -> bool {
    let name = language::base_name(compiler);
    let end = name
        .iter()
        .rposition(|byte| !(byte.is_ascii_digit() || matches!(byte, b'.' | b'-')))
        .map_or(0, |last| last + 1);
    name.get(..end).is_some_and(|name| name.ends_with(b"++"))
}

/// What one word of a command line is there for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Part {
    /// The source file.
    Source,
    /// `-c` or `-S`.
    Stage,
    /// `-o FILE` in any spelling; `value` is the file.
    Output,
    /// `-x LANGUAGE`; `value` is the language.
    Language,
    /// Read by the preprocessor alone; not sent.
    Preprocessor,
    /// Asks for a dependency file or names it (`-MD`, `-MMD`, `-MF`, also inside `-Wp,`).
    DependencyFile,
    /// Names a target in the dependency file (`-MT`, `-MQ`), or shapes it (`-MP`, `-MG`).
    DependencyTarget,
    /// Read by preprocessor and compiler.
    Both,
    /// Read after preprocessing only (`-Wa,`); not given to the preprocessor.
    Backend,
    /// For the linker, which does not run.
    Linker,
}

/// One option with its value, or one operand.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Word {
    /// The word as it was written.
    pub text: OsString,
    /// The next word, where it is this one's value.
    pub separate: Option<OsString>,
    /// What it is there for.
    pub part: Part,
    /// The value without the option's name, joined or separate; empty where there is none.
    pub value: OsString,
}

impl Word {
    /// The words as they were written: one, or two.
    pub fn written(&self) -> impl Iterator<Item = &OsString> {
        std::iter::once(&self.text).chain(&self.separate)
    }

    /// Whether the word starts with `prefix`.
    pub fn starts_with(&self, prefix: &str) -> bool {
        self.text.as_bytes().starts_with(prefix.as_bytes())
    }
}

/// The dependency file of one compile.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Dependency {
    /// The file.
    pub file: OsString,
    /// `-MD` rather than `-MMD`: headers of the system are listed too.
    pub system_headers: bool,
    /// The target that the compiler picks itself; `None` where `-MT` or `-MQ` names it.
    pub target: Option<OsString>,
}

/// A compile that may be done elsewhere.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TranslationUnit {
    /// The compiler as it was called.
    pub compiler: OsString,
    /// Whose options these are.
    pub family: Family,
    /// The command line after the compiler, response files expanded, in order.
    pub words: Vec<Word>,
    /// The source file as written.
    pub source: OsString,
    /// Its language.
    pub language: Language,
    /// Whether the source is preprocessed already.
    pub preprocessed: bool,
    /// The file that a local compile would write.
    pub output: OsString,
    /// Whether the command line names it.
    pub output_given: bool,
    /// `-S`: the output is assembly.
    pub assembly: bool,
    /// The dependency file that a local compile would write.
    pub dependency_file: Option<OsString>,
    /// How that file is made.
    pub dependency: Option<Dependency>,
    /// Debug information is asked for.
    pub debug: bool,
    /// The object will hold bytecode for the link.
    pub lto: bool,
}
