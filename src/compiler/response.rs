//! Response files: `@file` expanded as gcc and clang do it.

use std::ffi::{OsStr, OsString};
use std::io;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::Path;

use crate::base::disk::Disk;
use crate::compiler::reason::Reason;

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
pub fn expand(argv: &[OsString], cwd: &Path, disk: &dyn Disk) -> Result<Vec<OsString>, Reason> {
    let mut expanded = Vec::with_capacity(argv.len());
    // What is left to do, the next word last.
    let mut waiting: Vec<OsString> = argv.iter().rev().cloned().collect();
    let mut files = 0;
    while let Some(word) = waiting.pop() {
        let content = match word.as_bytes().strip_prefix(b"@") {
            Some(name) if !name.is_empty() => read(name, cwd, disk),
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

fn read(name: &[u8], cwd: &Path, disk: &dyn Disk) -> Option<io::Result<Vec<u8>>> {
    let path = cwd.join(OsStr::from_bytes(name));
    match disk.read(&path, FILE_LIMIT) {
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

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use proptest::prelude::*;

    use super::*;
    use crate::base::disk::MemoryDisk;

    fn words(text: &str) -> Vec<String> {
        split(text.as_bytes()).into_iter().map(|word| word.into_string().unwrap()).collect()
    }

    fn expanded(line: &str, files: &[(&str, &str)]) -> Result<String, Reason> {
        let files =
            files.iter().map(|(name, text)| (PathBuf::from(name), text.as_bytes().to_vec()));
        let disk = MemoryDisk { files: files.collect(), ..MemoryDisk::default() };
        let argv: Vec<OsString> = line.split(' ').map(OsString::from).collect();
        let words = expand(&argv, Path::new("/w"), &disk)?;
        Ok(words.join(OsStr::new("|")).into_string().unwrap())
    }

    #[test]
    fn words_are_cut_as_gcc_cuts_them() {
        assert_eq!(words(" a\tb\n\nc\r\nd "), ["a", "b", "c", "d"]);
        assert_eq!(words(r#"'a b' "c d" e\ f"#), ["a b", "c d", "e f"]);
        assert_eq!(words(r#"-DX='"a"' "it's" a"b"'c'"#), ["-DX=\"a\"", "it's", "abc"]);
        assert_eq!(words(r#"'a\'b' "\"" \\"#), ["a'b", "\"", "\\"]);
        assert_eq!(words("'' \"\" x"), ["", "", "x"]);
        assert_eq!(words("'open end"), ["open end"]);
        assert_eq!(words("a\\"), ["a"]);
        assert!(words(" \n ").is_empty());
    }

    #[test]
    fn files_name_further_files_and_stand_where_they_were_named() {
        let files = [("/w/a", "1 @b 4"), ("/w/b", "2 3"), ("/abs/c", "5")];
        assert_eq!(expanded("gcc @a @/abs/c 6", &files).unwrap(), "gcc|1|2|3|4|5|6");
    }

    #[test]
    fn missing_file_stays_a_word() {
        assert_eq!(expanded("gcc @none @ a@b", &[]).unwrap(), "gcc|@none|@|a@b");
    }

    #[test]
    fn file_that_names_itself_ends() {
        let result = expanded("gcc @a", &[("/w/a", "x @a")]);
        assert_eq!(result, Err(Reason::ResponseFile("@a".into())));
    }

    #[test]
    fn files_that_multiply_end() {
        let bomb = "@b @b @b @b @b @b @b @b @b @b ";
        let files = [("/w/a", bomb), ("/w/b", bomb)];
        assert!(expanded("gcc @a", &files).is_err());
    }

    proptest! {
        #[test]
        fn any_file_is_cut_without_a_panic_and_loses_no_plain_word(
            content in proptest::collection::vec(any::<u8>(), 0..200),
            plain in proptest::collection::vec("[a-z=/.-]{1,6}", 0..8),
        ) {
            drop(split(&content));
            prop_assert_eq!(words(&plain.join(" ")), plain);
        }
    }
}
