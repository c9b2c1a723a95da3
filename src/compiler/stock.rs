//! What the scanner of distcc 3.4 makes of a command line.
//!
//! It runs in the C daemon too, takes each word for itself, and closes the connection where it
//! would rather compile locally; to the client that looks like a broken volunteer. So what it would
//! refuse is not sent to anybody. Source: the C distcc's behaviour, by experiment.

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt;

use crate::compiler::language::by_suffix;

/// Words that it refuses as a whole.
const WORDS: &[&[u8]] = &[
    b"-E",
    b"-march=native",
    b"-mtune=native",
    b"-fprofile-arcs",
    b"-ftest-coverage",
    b"--coverage",
    b"-fprofile-correction",
    b"-flto",
    b"-frepo",
];

/// Starts of words that it refuses.
const PREFIXES: &[&[u8]] =
    &[b"-fprofile-generate", b"-fprofile-use", b"-fauto-profile", b"-specs=", b"-fplugin=", b"-dr"];

/// The word for which distcc 3.4 would refuse the command, compiler first; `None` if it would not.
pub fn refused(argv: &[OsString]) -> Option<&OsStr> {
    let mut words = argv.iter().skip(1).map(OsString::as_os_str).peekable();
    let (mut source, mut output, mut compiles) = (false, false, false);
    while let Some(word) = words.next() {
        let bytes = word.as_bytes();
        let refused = match bytes {
            b"-MD" | b"-MMD" | b"-MG" | b"-MP" => false,
            b"-MF" | b"-MT" | b"-MQ" => {
                words.next();
                false
            }
            b"-c" | b"-S" => {
                compiles = true;
                false
            }
            b"-o" => std::mem::replace(&mut output, true) || words.next()? == "-",
            _ if bytes.starts_with(b"-MF") || bytes.starts_with(b"-MT") => false,
            _ if bytes.starts_with(b"-MQ") => false,
            _ if bytes.starts_with(b"-M") => true,
            _ if bytes.starts_with(b"-o") => std::mem::replace(&mut output, true),
            _ if bytes.starts_with(b"-Wa,") => {
                [",-a", "--MD"].iter().any(|part| holds(bytes, part.as_bytes()))
            }
            _ if bytes.starts_with(b"-x") => words.peek().is_some_and(|next| {
                !["c", "objective-c", "go"].iter().any(|name| starts(next, name))
            }),
            _ if bytes.starts_with(b"-") => {
                WORDS.contains(&bytes) || PREFIXES.iter().any(|prefix| bytes.starts_with(prefix))
            }
            _ if by_suffix(word).is_some() => std::mem::replace(&mut source, true),
            _ if bytes.ends_with(b".o") => std::mem::replace(&mut output, true),
            _ => false,
        };
        if refused {
            return Some(word);
        }
    }
    (!(source && compiles)).then(|| OsStr::new("-c"))
}

fn holds(bytes: &[u8], part: &[u8]) -> bool {
    bytes.windows(part.len()).any(|found| found == part)
}

fn starts(word: &OsStr, prefix: &str) -> bool {
    word.as_bytes().starts_with(prefix.as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn judge(line: &str) -> Option<String> {
        let argv: Vec<OsString> = line.split(' ').map(OsString::from).collect();
        refused(&argv).map(|word| word.to_string_lossy().into_owned())
    }

    #[test]
    fn plain_compiles_pass() {
        for line in [
            "gcc -c t.c",
            "gcc -O2 -S t.c -o t.s",
            "gcc -x c++ -c t.c",
            "gcc -xc++ c.c -c",
            "gcc -MD -MF x.c -c t.c -ot.o",
            "gcc -flto=auto -Wa,--noexecstack -c t.c",
            "gcc -gsplit-dwarf -c t.c",
        ] {
            assert_eq!(judge(line), None, "{line}");
        }
    }

    #[test]
    fn word_that_would_stay_local_there_is_named() {
        for (line, word) in [
            ("gcc -c a.c b.c", "b.c"),
            ("gcc -c a.c -o a.o b.o", "b.o"),
            ("gcc -xc++ -c a.c", "-xc++"),
            ("gcc -flto -c a.c", "-flto"),
            ("gcc -M -c a.c", "-M"),
            ("gcc -Wa,-k,-adhln -c a.c", "-Wa,-k,-adhln"),
            ("clang -mllvm -x86-asm-syntax=intel -c a.c", "-x86-asm-syntax=intel"),
            ("clang -c a.c -o a.o -mllvm -optimize-regalloc", "-optimize-regalloc"),
            ("gcc a.c", "-c"),
            ("gcc -c a.s", "-c"),
        ] {
            assert_eq!(judge(line).as_deref(), Some(word), "{line}");
        }
    }
}
