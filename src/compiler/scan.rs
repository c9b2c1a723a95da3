//! From a command line to a plan: distribute it, or compile here and say why.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use crate::base::disk::Disk;
use crate::compiler::reason::Reason;
use crate::compiler::unit::TranslationUnit;

/// What the command line is read against.
#[derive(Clone, Copy)]
pub struct Surroundings<'a> {
    /// The current directory: response files are relative to it.
    pub cwd: &'a Path,
    /// The directories of PATH, our own masquerade directory left out: tell what `cc` is.
    pub path: &'a [PathBuf],
    /// Where files are read from.
    pub disk: &'a dyn Disk,
}

/// What to do about a command.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Plan {
    /// It may be compiled elsewhere.
    Distribute(Box<TranslationUnit>),
    /// It runs here.
    Local(Reason),
}

/// Reads a command line, compiler first.
pub fn scan(argv: &[OsString], around: &Surroundings<'_>) -> Plan {
    let _ = (argv, around);
    Plan::Local(Reason::Link)
}
