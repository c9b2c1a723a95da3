//! Dependency files: which file a local compile writes, and which target stands in it.

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::{OsStrExt, OsStringExt};

use crate::compiler::language::stem;

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

/// The file that `-MD` without `-MF` writes: the output's name (or, without `-o`, the source's in
/// the current directory) with its suffix replaced by `.d`.
///
/// Source: gcc 12 and clang 14, tried.
pub fn default_file(source: &OsStr, output: Option<&OsStr>) -> OsString {
    let Some(output) = output else {
        return with_suffix(stem(source), b".d");
    };
    let bytes = output.as_bytes();
    let name_at = bytes.iter().rposition(|&byte| byte == b'/').map_or(0, |slash| slash + 1);
    let (dir, _) = bytes.split_at_checked(name_at).unwrap_or((&[], bytes));
    let mut file = dir.to_vec();
    file.extend_from_slice(stem(output));
    file.extend_from_slice(b".d");
    OsString::from_vec(file)
}

/// The target where neither `-MT` nor `-MQ` names one: the output, or the source's name with `.o`.
///
/// The latter also under `-S`, and for gcc wherever only `-Wp,-MD,FILE` asked for the file.
pub fn default_target(source: &OsStr, output: Option<&OsStr>) -> OsString {
    match output {
        Some(output) => output.to_owned(),
        None => with_suffix(stem(source), b".o"),
    }
}

/// `stem` with `suffix` after it.
pub fn with_suffix(stem: &[u8], suffix: &[u8]) -> OsString {
    OsString::from_vec([stem, suffix].concat())
}
