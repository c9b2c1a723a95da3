//! Where a compile looks for the files that it includes, and what its command line defines.

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Path, PathBuf};

use crate::compiler::unit::{Family, Part, TranslationUnit, Word};
use crate::include::CannotTell;

/// What a compiler says of itself: `COMPILER OPTIONS -E -dM -v -x LANGUAGE /dev/null`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Defaults {
    /// Directories for `#include "…"` alone.
    pub quote: Vec<PathBuf>,
    /// Directories for both forms.
    pub angled: Vec<PathBuf>,
    /// `#define` lines of the macros that are there before anything is read.
    pub macros: Vec<u8>,
}

impl Defaults {
    /// Reads both outputs; `None` where they are not what gcc and clang print.
    pub fn read(stdout: &[u8], stderr: &[u8]) -> Option<Self> {
        let mut defaults = Self { macros: stdout.to_vec(), ..Self::default() };
        let mut list: Option<&mut Vec<PathBuf>> = None;
        let mut absent = Vec::new();
        let mut is_whole = false;
        for line in stderr.split(|&byte| byte == b'\n') {
            if let Some(rest) = line.strip_prefix(b"ignoring nonexistent directory \"") {
                // It may come to be while we remember this.
                absent.push(path(rest.strip_suffix(b"\"").unwrap_or(rest)));
            } else if line.starts_with(b"#include \"...\" search starts here") {
                list = Some(&mut defaults.quote);
            } else if line.starts_with(b"#include <...> search starts here") {
                list = Some(&mut defaults.angled);
            } else if line.starts_with(b"End of search list") {
                (list, is_whole) = (None, true);
            } else if let (Some(list), Some(dir)) = (&mut list, line.strip_prefix(b" ")) {
                if dir.ends_with(b" (framework directory)") || dir.ends_with(b" (headermap)") {
                    return None;
                }
                list.push(path(dir));
            }
        }
        defaults.angled.extend(absent);
        is_whole.then_some(defaults)
    }
}

fn path(bytes: &[u8]) -> PathBuf {
    PathBuf::from(OsStr::from_bytes(bytes))
}

/// What the options of one unit say.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Search {
    /// Directories for `#include "…"`, after the includer's own.
    pub quote: Vec<PathBuf>,
    /// Directories for both forms.
    pub angled: Vec<PathBuf>,
    /// Directories for `#embed` alone.
    pub embed: Vec<PathBuf>,
    /// Which directories are the compiler's own, in its order; those that are not there last.
    pub system: Vec<PathBuf>,
}

/// What the command line has for the macro table, and the files that it includes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Commanded {
    /// `-D`: what would stand behind `#define`.
    pub defines: Vec<Vec<u8>>,
    /// `-U`.
    pub undefines: Vec<Vec<u8>>,
    /// `-include` and `-imacros`.
    pub forced: Vec<Vec<u8>>,
}

/// What an option is, as far as includes go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Sort {
    Both,
    Quote,
    System,
    After,
    Prefix,
    WithPrefix,
    WithPrefixBefore,
    Forced,
    Define,
    Undefine,
    Embed,
    Sysroot,
    Framework,
    Split,
    /// For the compiler, when it is asked.
    Other,
}

fn sort(word: &Word) -> Sort {
    let text = word.text.as_bytes();
    let text = text.strip_prefix(b"-Wp,").unwrap_or(text);
    let joined = if word.separate.is_some() { 0 } else { word.value.len() };
    let name = text.get(..text.len().saturating_sub(joined)).unwrap_or(text);
    match name.trim_ascii_end().strip_suffix(b"=").or(name.strip_suffix(b",")).unwrap_or(name) {
        b"-I" | b"--include-directory" => Sort::Both,
        b"-I-" | b"--include-barrier" => Sort::Split,
        b"-iquote" => Sort::Quote,
        b"-isystem" | b"-cxx-isystem" | b"-isystem-after" => Sort::System,
        b"-idirafter" | b"--include-directory-after" => Sort::After,
        b"-iprefix" | b"--include-prefix" => Sort::Prefix,
        b"-iwithprefix" | b"--include-with-prefix" | b"--include-with-prefix-after" => {
            Sort::WithPrefix
        }
        b"-iwithprefixbefore" | b"--include-with-prefix-before" => Sort::WithPrefixBefore,
        b"-include" | b"--include" | b"-imacros" | b"--imacros" => Sort::Forced,
        b"-D" | b"--define-macro" => Sort::Define,
        b"-U" | b"--undefine-macro" => Sort::Undefine,
        b"--embed-dir" | b"-embed-dir" | b"--embed-directory" => Sort::Embed,
        b"--sysroot" | b"-isysroot" => Sort::Sysroot,
        b"-F" | b"-iframework" | b"-iframeworkwithsysroot" => Sort::Framework,
        _ => Sort::Other,
    }
}

/// Reads the unit's options; directories are joined to `cwd`.
///
/// # Errors
///
/// [`CannotTell`] for options that make other names of headers' names.
pub fn read(
    unit: &TranslationUnit,
    cwd: &Path,
    defaults: &Defaults,
) -> Result<(Search, Commanded), CannotTell> {
    let mut search = Search::default();
    let mut commanded = Commanded::default();
    let (mut system, mut after) = (Vec::new(), Vec::new());
    let mut prefix = Vec::new();
    let sysroot = unit.words.iter().rev().find(|word| sort(word) == Sort::Sysroot);
    let sysroot = sysroot.map(|word| word.value.as_bytes()).unwrap_or_default();
    let dir = |value: &[u8]| {
        let rooted = value.strip_prefix(b"=").or(value.strip_prefix(b"$SYSROOT"));
        let value = rooted.map_or(value.to_vec(), |rest| [sysroot, rest].concat());
        cwd.join(OsString::from_vec(value))
    };
    for word in &unit.words {
        if word.part != Part::Preprocessor && word.part != Part::Both {
            continue;
        }
        let value = word.value.as_bytes();
        match sort(word) {
            Sort::Both => search.angled.push(dir(value)),
            Sort::Quote => search.quote.push(dir(value)),
            Sort::System => system.push(dir(value)),
            Sort::After => after.push(dir(value)),
            Sort::Prefix => prefix = value.to_vec(),
            Sort::WithPrefix => after.push(dir(&[prefix.as_slice(), value].concat())),
            Sort::WithPrefixBefore => {
                search.angled.push(dir(&[prefix.as_slice(), value].concat()));
            }
            Sort::Forced => commanded.forced.push(value.to_vec()),
            Sort::Define => commanded.defines.push(defined(value)),
            Sort::Undefine => commanded.undefines.push(value.to_vec()),
            Sort::Embed => search.embed.push(dir(value)),
            Sort::Split | Sort::Framework => {
                return Err(CannotTell::Option(word.text.clone()));
            }
            Sort::Other if word.starts_with("-Xpreprocessor") => {
                return Err(CannotTell::Option(word.text.clone()));
            }
            Sort::Sysroot | Sort::Other => {}
        }
    }
    search.quote.extend(defaults.quote.iter().map(|dir| cwd.join(dir)));
    search.angled.extend(system);
    search.system.extend(defaults.angled.iter().map(|dir| cwd.join(dir)));
    search.angled.extend(search.system.iter().cloned());
    search.angled.extend(after);
    for dirs in [&mut search.quote, &mut search.angled, &mut search.embed] {
        let mut seen = std::collections::HashSet::new();
        dirs.retain(|dir| seen.insert(dir.clone()));
    }
    Ok((search, commanded))
}

/// `NAME=BODY` as `#define` has it; a name alone is 1.
fn defined(value: &[u8]) -> Vec<u8> {
    let mut text = value.to_vec();
    match text.iter().position(|&byte| byte == b'=') {
        Some(at) => {
            if let Some(sign) = text.get_mut(at) {
                *sign = b' ';
            }
        }
        None => text.extend_from_slice(b" 1"),
    }
    text
}

/// The words to ask the unit's compiler with for its [`Defaults`], compiler first. Units that give
/// equal words have equal defaults, in the same directory and environment.
pub fn question(unit: &TranslationUnit) -> Vec<OsString> {
    let mut words = vec![unit.compiler.clone()];
    for word in &unit.words {
        let is_asked = match word.part {
            Part::Both | Part::Preprocessor => is_about_defaults(word),
            _ => false,
        };
        if is_asked {
            words.extend(word.written().cloned());
        }
    }
    let end = ["-E", "-dM", "-v", "-x", unit.language.name(), "/dev/null"];
    words.extend(end.map(OsString::from));
    if unit.family == Family::Clang {
        words.push("-Qunused-arguments".into());
    }
    words
}

/// Whether an option may change where the compiler looks by itself, or what it defines.
fn is_about_defaults(word: &Word) -> bool {
    const NEITHER: [&str; 8] = [
        "-W",
        "-g",
        "-frandom-seed",
        "-fmacro-prefix-map",
        "-ffile-prefix-map",
        "-fdebug-prefix-map",
        "-fdiagnostics",
        "-w",
    ];
    matches!(sort(word), Sort::Other | Sort::Sysroot)
        && !NEITHER.iter().any(|prefix| word.starts_with(prefix))
}
