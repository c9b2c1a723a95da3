//! Command lines made from a translation unit: for the preprocessor here, for the compiler there.

use std::ffi::{OsStr, OsString};
use std::path::Path;

use crate::compiler::unit::TranslationUnit;

/// The command that preprocesses `unit` to standard output.
///
/// If the compile makes a dependency file, the command writes the same content to
/// `dependency_to`; without `dependency_to` it writes none.
pub fn preprocessor(unit: &TranslationUnit, dependency_to: Option<&OsStr>) -> Vec<OsString> {
    let _ = dependency_to;
    vec![unit.compiler.clone()]
}

/// The command that goes over the wire in protocols 1 and 2, `compiler` first.
///
/// `cwd` is the current directory as the compiler would write it into debug information.
pub fn volunteer(unit: &TranslationUnit, compiler: &OsStr, cwd: &Path) -> Vec<OsString> {
    let _ = (unit, cwd);
    vec![compiler.to_owned()]
}

/// The command that compiles an empty unit of the same kind here, into `output`: what that object
/// says of its compiler and machine, an object from a volunteer must say too.
pub fn probe(unit: &TranslationUnit, output: &OsStr) -> Vec<OsString> {
    let _ = output;
    vec![unit.compiler.clone()]
}

/// The words that decide what [`probe`] gives: equal keys, equal probes.
pub fn probe_key(unit: &TranslationUnit) -> Vec<u8> {
    let _ = unit;
    Vec::new()
}
