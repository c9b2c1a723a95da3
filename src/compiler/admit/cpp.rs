//! What the value of a preprocessor's option is: a path of the client's, or none.

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt;

use crate::compiler::words::Token;

/// What stands in the word before the option's value.
pub(super) fn before_value(token: &Token<'_>) -> OsString {
    let bytes = token.text.as_bytes();
    let end = bytes.len().saturating_sub(token.value.len());
    OsStr::from_bytes(bytes.get(..end).unwrap_or(bytes)).to_owned()
}

/// `-ffile-prefix-map=OLD=NEW` and kin, where OLD is a path of the client's.
pub(super) fn is_prefix_map(token: &Token<'_>) -> bool {
    let text = token.text.as_bytes();
    let name = text.split(|&byte| byte == b'=').next().unwrap_or_default();
    name.starts_with(b"-f") && name.ends_with(b"-prefix-map")
}

/// What the value of a preprocessor's option is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum CppSort {
    /// No path, or one that is not the client's.
    Plain,
    /// A path of the client's.
    Path,
    /// The same, and below it are the system's headers.
    Sysroot,
    /// Not for a volunteer.
    Refused,
    /// Read by nobody there.
    LeftOut,
}

/// Sorts an option of the preprocessor's.
pub(super) fn sort_of(token: &Token<'_>) -> CppSort {
    if is_prefix_map(token) {
        return CppSort::Path;
    }
    let before = before_value(token);
    let name = if token.separate.is_some() { token.text } else { &before };
    let name = name.as_bytes();
    match name.strip_suffix(b"=").unwrap_or(name) {
        b"-I"
        | b"-F"
        | b"-idirafter"
        | b"-imacros"
        | b"-include"
        | b"-iprefix"
        | b"-iquote"
        | b"-isystem"
        | b"-isystem-after"
        | b"-cxx-isystem"
        | b"-stdlib++-isystem"
        | b"-iframework"
        | b"-embed-dir"
        | b"--embed-dir"
        | b"--embed-directory"
        | b"--imacros"
        | b"--include"
        | b"--include-directory"
        | b"--include-directory-after"
        | b"--include-prefix" => CppSort::Path,
        b"-isysroot" | b"--sysroot" => CppSort::Sysroot,
        // It says of any path that another is to be read in its place.
        b"-ivfsoverlay" => CppSort::Refused,
        b"-fcrash-diagnostics-dir" => CppSort::LeftOut,
        _ => CppSort::Plain,
    }
}
