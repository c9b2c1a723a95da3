//! Which files a compile may open: the include scanner.
//!
//! [`scanner::Scanner::scan`] gives every file that the compile of a translation unit may open, or
//! [`CannotTell`]. It answers with more files than the compile will open rather than with fewer:
//! each candidate for a name counts, whatever the order of the directories; conditions are taken
//! both ways unless they come out the same at every place.
//!
//! A file is [reduced](reduce) once to its directives, whichever unit asks. Units that search alike
//! share a [kind]: the table of [macros] that any of their files may define, and what each file
//! includes. Both only grow, so that what is certain stays so, and an answer for a unit whose files
//! are known is a walk over what is remembered. What is remembered of the disk is checked on every
//! use: each file by its stamp, each directory by its own ([`tree`]).

use std::ffi::OsString;
use std::path::PathBuf;

use crate::include::reduce::Oddity;

pub mod arithmetic;
pub mod clock;
pub mod condition;
pub mod expand;
pub mod harvest;
pub mod kind;
pub mod leads;
pub mod macros;
pub mod names;
pub mod reduce;
pub mod scanner;
pub mod search;
mod settle;
pub mod token;
pub mod tree;

/// Why nobody can tell which files a compile opens.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CannotTell {
    /// An option that gives headers other names.
    #[error("{0:?}: it changes which file a header's name means")]
    Option(OsString),
    /// The source or a header cannot be read, or is none: the file and why.
    #[error("{file}: {why}", file = .0.display(), why = .1)]
    File(PathBuf, String),
    /// What stands in a file cannot be followed.
    #[error("{file}: {why}", file = .0.display(), why = oddity(*.1))]
    Content(PathBuf, Oddity),
    /// A header that was compiled before lies beside the header.
    #[error("{file}: a precompiled header", file = .0.display())]
    Precompiled(PathBuf),
    /// An include whose name is made by macros has more meanings than can be tried, or is made of
    /// one that the compiler makes up as it goes, such as `__LINE__`.
    #[error(
        "{file}: #include {name}: too many meanings, or one that the compiler makes up",
        file = .0.display(), name = .1
    )]
    Computed(PathBuf, String),
    /// The file has trigraphs and the language reads them.
    #[error("{file}: trigraphs", file = .0.display())]
    Trigraphs(PathBuf),
    /// A file that takes part asks for the time, which is the client's to tell.
    #[error("{file}: it asks for __DATE__, __TIME__ or __TIMESTAMP__", file = .0.display())]
    Clock(PathBuf),
    /// So does a macro of the command line.
    #[error("{0}: it asks for the time")]
    ClockOption(String),
    /// More text than a unit may have.
    #[error("it may open files of more than {0} bytes")]
    TooMuchText(u64),
    /// More files than a unit may have.
    #[error("it may open more than {0} files")]
    TooManyFiles(usize),
}

fn oddity(oddity: Oddity) -> &'static str {
    match oddity {
        Oddity::Assembler => "the assembler reads a file that it names",
        Oddity::Module => "it imports a module",
        Oddity::SplicedComment => "a comment begins across two lines",
        Oddity::Depth => "conditionals are nested too deeply, or there are too many",
        Oddity::Pragma => "a pragma changes which file a header's name means",
    }
}
