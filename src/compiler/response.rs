//! Response files: `@file` expanded as gcc and clang do it.

use std::ffi::{OsStr, OsString};
use std::io;
use std::os::unix::ffi::{OsStrExt, OsStringExt};

use crate::compiler::reason::Reason;
use crate::compiler::scan::Surroundings;

/// The largest file that is read, in bytes; a link of everything has 1 MiB of words.
const FILE_LIMIT: u64 = 8 << 20;
/// The most words that a command may grow to.
const WORD_LIMIT: usize = 1 << 18;
/// The most files that one command may name, nested ones included: gcc stops at 2000.
const FILE_COUNT: usize = 2000;

/// Replaces each `@file` by the words in the file, which may name further files.
///
/// A file that is not there leaves its word as it is, as gcc does.
///
/// # Errors
///
/// [`Reason::ResponseFile`] for a file that cannot be read, and where a limit is exceeded.
pub fn expand(argv: &[OsString], around: &Surroundings<'_>) -> Result<Vec<OsString>, Reason> {
    let mut expanded = Vec::with_capacity(argv.len());
    // What is left to do, the next word last.
    let mut waiting: Vec<OsString> = argv.iter().rev().cloned().collect();
    let mut files = 0;
    while let Some(word) = waiting.pop() {
        let content = match word.as_bytes().strip_prefix(b"@") {
            Some(name) if !name.is_empty() => read(name, around),
            _ => None,
        };
        match content {
            None => expanded.push(word),
            Some(Ok(content)) if files < FILE_COUNT => {
                files += 1;
                let mut words = split(&content);
                words.reverse();
                waiting.append(&mut words);
            }
            Some(_) => return Err(Reason::ResponseFile(word)),
        }
        if waiting.len() + expanded.len() > WORD_LIMIT {
            return Err(Reason::ResponseFile(OsString::from("@")));
        }
    }
    Ok(expanded)
}

fn read(name: &[u8], around: &Surroundings<'_>) -> Option<io::Result<Vec<u8>>> {
    let path = around.cwd.join(OsStr::from_bytes(name));
    match around.disk.read(&path, FILE_LIMIT) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => None,
        read => Some(read),
    }
}

/// Cuts a response file into words: blanks part them, `'…'` and `"…"` hold blanks, a backslash
/// takes the next byte as it is (inside quotes too).
///
/// Source: gcc's manual, "@file"; GNU libiberty's behaviour, tried.
pub fn split(content: &[u8]) -> Vec<OsString> {
    let mut words = Vec::new();
    let mut word: Option<Vec<u8>> = None;
    let mut quote = None;
    let mut bytes = content.iter().copied();
    while let Some(byte) = bytes.next() {
        match byte {
            b'\\' => {
                // A backslash that ends the file is dropped.
                let word = word.get_or_insert_default();
                word.extend(bytes.next());
            }
            _ if quote == Some(byte) => quote = None,
            b'\'' | b'"' if quote.is_none() => {
                quote = Some(byte);
                word.get_or_insert_default();
            }
            b' ' | b'\t' | b'\n' | b'\r' | 0x0b | 0x0c if quote.is_none() => {
                words.extend(word.take().map(OsString::from_vec));
            }
            _ => word.get_or_insert_default().push(byte),
        }
    }
    words.extend(word.map(OsString::from_vec));
    words
}
