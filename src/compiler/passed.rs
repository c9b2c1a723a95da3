//! Options that a driver passes on to the assembler, to clang's inner compiler, or to LLVM: which
//! of them neither read nor write a file nor run anything.

use std::ffi::OsString;
use std::os::unix::ffi::OsStrExt;

use crate::compiler::options::shape::Kind;
use crate::compiler::unit::Family;
use crate::compiler::words::{Sort, tokens};

/// Whether one word of `-Wa,` asks for a listing.
pub fn is_listing(word: &[u8]) -> bool {
    word.starts_with(b"-a") && !word.starts_with(b"-alternate")
}

/// Assembler options that touch no file, by whole name.
const ASSEMBLER_FLAGS: &[&[u8]] = &[
    b"--32",
    b"--64",
    b"--alternate",
    b"--divide",
    b"--execstack",
    b"--fatal-warnings",
    b"--gen-debug",
    b"--keep-locals",
    b"--no-pad-sections",
    b"--no-warn",
    b"--noexecstack",
    b"--nocompress-debug-sections",
    b"--reduce-memory-overheads",
    b"--sectname-subst",
    b"--strip-local-absolute",
    b"--traditional-format",
    b"--warn",
    b"--x32",
    b"-EB",
    b"-EL",
    b"-J",
    b"-K",
    b"-L",
    b"-O",
    b"-O0",
    b"-O1",
    b"-O2",
    b"-Os",
    b"-Qn",
    b"-Qy",
    b"-R",
    b"-W",
    b"-f",
    b"-g",
    b"-k",
    b"-mbig-endian",
    b"-mlittle-endian",
    b"-n",
    b"-q",
    b"-s",
    b"-w",
];

/// Assembler options that touch no file, by prefix.
const ASSEMBLER_PREFIXES: &[&[u8]] = &[
    b"--compress-debug-sections",
    b"--debug-prefix-map=",
    b"--elf-stt-common=",
    b"--gdwarf-",
    b"--generate-missing-build-notes=",
    b"--gstabs",
    b"--hash-size=",
    b"--multibyte-handling=",
    b"--size-check=",
    b"-gdwarf",
    b"-m",
];

/// Whether every word given to the assembler is known to touch no file.
pub fn assembler_is_safe<'a>(words: impl Iterator<Item = &'a [u8]>) -> bool {
    let mut words = words;
    while let Some(word) = words.next() {
        // The symbol's value follows, whatever it is.
        if word == b"--defsym" && words.next().is_some() {
            continue;
        }
        if word.ends_with(b"native") {
            return false;
        }
        let known = ASSEMBLER_FLAGS.contains(&word)
            || ASSEMBLER_PREFIXES.iter().any(|prefix| word.starts_with(prefix));
        if !known {
            return false;
        }
    }
    true
}

/// Options of clang's inner compiler alone that touch no file.
const CLANG_FLAGS: &[&[u8]] = &[
    b"-disable-O0-optnone",
    b"-disable-lifetime-markers",
    b"-disable-llvm-optzns",
    b"-disable-llvm-passes",
    b"-disable-llvm-verifier",
    b"-discard-value-names",
    b"-fno-validate-pch",
    b"-no-opaque-pointers",
    b"-opaque-pointers",
    b"-no-enable-noundef-analysis",
    b"-enable-noundef-analysis",
    b"-target-feature-none",
];

/// Whether the words given to clang's inner compiler (all of them, in order) touch no file and
/// mean the same before and after preprocessing.
pub fn clang_is_safe(words: &[OsString]) -> bool {
    tokens(Family::Clang, words).iter().all(|token| match token.sort {
        _ if CLANG_FLAGS.contains(&token.text.as_bytes()) => true,
        Sort::Known(row) => match row.kind {
            Kind::Both => true,
            Kind::Family => !token.looks_like_file(),
            _ => false,
        },
        Sort::Operand | Sort::Unknown | Sort::Unfinished => false,
    })
}

/// Parts of names of LLVM's options that read, write, load or print.
const LLVM_DANGEROUS: &[&[u8]] = &[
    b"debug",
    b"dir",
    b"dot",
    b"dump",
    b"file",
    b"graph",
    b"help",
    b"load",
    b"module",
    b"opt-bisect",
    b"output",
    b"path",
    b"plugin",
    b"print",
    b"profile",
    b"record",
    b"remark",
    b"report",
    b"stats",
    b"time",
    b"trace",
    b"version",
    b"view",
    b"write",
];

/// Whether an option for LLVM is one that only changes what is generated.
pub fn llvm_is_safe(word: &[u8]) -> bool {
    let name = word.split(|&byte| byte == b'=').next().unwrap_or_default();
    let harmless = |byte: &u8| byte.is_ascii_alphanumeric() || b"-_=,+.".contains(byte);
    word.starts_with(b"-")
        && word.iter().all(harmless)
        && !LLVM_DANGEROUS.iter().any(|part| name.windows(part.len()).any(|found| found == *part))
}

/// The parts of `-Wp,a,b` or `-Wa,a,b` after the first comma.
pub fn parts(value: &[u8]) -> impl Iterator<Item = &[u8]> {
    value.split(|&byte| byte == b',')
}
