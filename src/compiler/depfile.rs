//! Dependency files: which file a local compile writes, and which target stands in it.

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::{OsStrExt, OsStringExt};

use crate::compiler::language::stem;
use crate::compiler::options::shape::Kind;
use crate::compiler::reason::Reason;
use crate::compiler::unit::{Dependency, Family, Part};
use crate::compiler::words::Token;

/// How the command line asks for a dependency file.
#[derive(Debug, Default)]
pub struct Asked {
    /// `-MD` or `-MMD`, and whether the system's headers are in.
    by_driver: Option<bool>,
    /// `-Wp,-MD,FILE`: the same, and the file.
    by_cpp: Option<(bool, OsString)>,
    /// The last `-MF`.
    file: Option<OsString>,
    /// `-MT` or `-MQ`.
    target: bool,
    /// The first word that makes sense beside one of the above only.
    word: Option<OsString>,
    /// The word that contradicts another.
    unclear: Option<OsString>,
}

impl Asked {
    /// Notes a word about dependencies, and says what part it plays.
    pub fn take(&mut self, token: &Token<'_>, kind: Kind) -> Part {
        let text = token.text.as_bytes();
        match kind {
            Kind::DependencyFile => {
                let system = text == b"-MD";
                self.by_driver = Some(system && self.by_driver.unwrap_or(true));
                Part::DependencyFile
            }
            Kind::DependencyName => {
                self.file = Some(token.value.to_owned());
                self.word.get_or_insert_with(|| token.text.to_owned());
                Part::DependencyFile
            }
            _ => {
                self.target |= kind == Kind::DependencyTarget;
                self.word.get_or_insert_with(|| token.text.to_owned());
                Part::DependencyTarget
            }
        }
    }

    /// Notes `-Wp,-MD,FILE`.
    pub fn by_cpp(&mut self, system: bool, file: &OsStr, text: &OsStr) {
        if self.by_cpp.replace((system, file.to_owned())).is_some() {
            self.unclear = Some(text.to_owned());
        }
    }

    /// Notes a word that asks for a dependency file in a way that is not followed.
    pub fn unclear(&mut self, text: &OsStr) {
        self.unclear = Some(text.to_owned());
    }

    /// The dependency file of a compile of `source` to the `output` that `-o` names.
    ///
    /// # Errors
    ///
    /// [`Reason::DependencyUnclear`] where the words contradict each other or the file has no name.
    pub fn finish(
        self,
        family: Family,
        source: &OsStr,
        output: Option<&OsStr>,
    ) -> Result<Option<Dependency>, Reason> {
        if let Some(word) = self.unclear {
            return Err(Reason::DependencyUnclear(word));
        }
        let (system_headers, file, output_is_target) = match (self.by_driver, self.by_cpp) {
            (None, None) => {
                return self.word.map_or(Ok(None), |word| Err(Reason::DependencyUnclear(word)));
            }
            (Some(system), None) => {
                let file = self.file.unwrap_or_else(|| default_file(source, output));
                (system, file, true)
            }
            // gcc's driver does not see it, and so does not name the target.
            (None, Some((system, file))) if self.file.is_none() => {
                (system, file, family == Family::Clang)
            }
            (_, Some((_, file))) => return Err(Reason::DependencyUnclear(file)),
        };
        if file.is_empty() || file == "-" {
            return Err(Reason::DependencyUnclear(file));
        }
        let target = || default_target(source, if output_is_target { output } else { None });
        let target = (!self.target).then(target);
        Ok(Some(Dependency { file, system_headers, target }))
    }
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

/// The last column of a line, and what makes it longer, as each compiler counts.
const GCC_COLUMNS: usize = 72;
const CLANG_COLUMNS: usize = 75;

/// A dependency file, whose names have become shorter, with its lines broken as the compiler breaks
/// them; `None` for what is none.
///
/// Of a rule with dependencies the first one is rewrapped; what follows (the empty rules of `-MP`)
/// stays. An absolute name that begins with two slashes loses one: distccd 3.4 leaves one more
/// where it takes its directory away.
pub fn wrapped(text: &[u8], family: Family) -> Option<Vec<u8>> {
    let end = rule_end(text)?;
    let (rule, rest) = text.split_at_checked(end)?;
    let names: Vec<&[u8]> = names(rule).collect();
    let colon = names.iter().position(|name| name.ends_with(b":"))?;
    let (targets, files) = names.split_at_checked(colon + 1)?;
    let mut out = Vec::with_capacity(text.len());
    let mut columns = 0;
    for target in targets {
        columns = put(&mut out, target, columns, family, columns == 0);
    }
    for file in files {
        let file = if file.starts_with(b"//") { file.get(1..)? } else { file };
        columns = put(&mut out, file, columns, family, false);
    }
    out.push(b'\n');
    let mut rest = rest;
    while let Some(line) = rest.split_inclusive(|&byte| byte == b'\n').next() {
        rest = rest.get(line.len()..)?;
        out.extend_from_slice(if line.starts_with(b"//") { line.get(1..)? } else { line });
    }
    Some(out)
}

/// Where the first logical line ends, its line end included.
fn rule_end(text: &[u8]) -> Option<usize> {
    let is_end = |at: &usize| at.checked_sub(1).and_then(|at| text.get(at)) != Some(&b'\\');
    memchr::memchr_iter(b'\n', text).find(is_end).map(|at| at + 1)
}

/// The names of a rule as they are written, the colon at the last target.
fn names(rule: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut escaped = false;
    let is_between = move |byte: &u8| {
        let between = matches!(byte, b' ' | b'\n') && !escaped;
        escaped = *byte == b'\\' && !escaped;
        between
    };
    // What is left of a line's end is the backslash and the end itself.
    rule.split(is_between).filter(|name| !name.is_empty() && *name != b"\\\n")
}

/// Appends a name, on a new line where it would be too long; gives the columns taken.
fn put(out: &mut Vec<u8>, name: &[u8], columns: usize, family: Family, first: bool) -> usize {
    let length = match family {
        Family::Gcc => name.len(),
        // It counts a name as it is, not as it is written.
        Family::Clang => name.iter().filter(|&&byte| byte != b'\\').count(),
    };
    let mut columns = columns;
    if !first {
        let (full, indent, taken) = match family {
            Family::Gcc => (columns + length > GCC_COLUMNS, " \\\n", 0),
            Family::Clang => (columns + length + 3 > CLANG_COLUMNS, " \\\n ", 1),
        };
        if full {
            out.extend_from_slice(indent.as_bytes());
            columns = taken;
        }
        out.push(b' ');
        columns += 1;
    }
    out.extend_from_slice(name);
    columns + length
}

/// `stem` with `suffix` after it.
pub fn with_suffix(stem: &[u8], suffix: &[u8]) -> OsString {
    OsString::from_vec([stem, suffix].concat())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn wrap(text: &str, family: Family) -> Option<String> {
        wrapped(text.as_bytes(), family).map(|bytes| String::from_utf8(bytes).unwrap())
    }

    #[test]
    fn lines_are_broken_where_gcc_breaks_them() {
        let text = "a.o: a.c /usr/include/stdc-predef.h \\\n /usr/include/stdio.h \\\n \
                    /usr/include/x86_64-linux-gnu/bits/libc-header-start.h\n\n//w/b.h:\n";
        let expected = "a.o: a.c /usr/include/stdc-predef.h /usr/include/stdio.h \\\n \
                        /usr/include/x86_64-linux-gnu/bits/libc-header-start.h\n\n/w/b.h:\n";
        assert_eq!(wrap(text, Family::Gcc).as_deref(), Some(expected));
        assert_eq!(
            wrap("a: b.c \\\n //w/b\\ c.h\n", Family::Gcc),
            Some("a: b.c /w/b\\ c.h\n".into())
        );
        assert_eq!(wrap("a\\:b c: d\n", Family::Gcc), Some("a\\:b c: d\n".into()));
    }

    #[test]
    fn lines_are_broken_where_clang_breaks_them() {
        let text =
            "a.o: a.c /usr/include/stdio.h /usr/include/x86_64-linux-gnu/bits/header-start.h\n";
        let expected = "a.o: a.c /usr/include/stdio.h \\\n  \
                        /usr/include/x86_64-linux-gnu/bits/header-start.h\n";
        assert_eq!(wrap(text, Family::Clang).as_deref(), Some(expected));
    }

    #[test]
    fn what_is_no_rule_is_none() {
        for text in ["", "a.o", "a.o\n", "\n", "a.o: b.c"] {
            assert_eq!(wrap(text, Family::Gcc), None, "{text:?}");
        }
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_and_names_stay(
            bytes in proptest::collection::vec(prop::sample::select(b"ab:/\\\n $".to_vec()), 0..60),
        ) {
            for family in [Family::Gcc, Family::Clang] {
                let Some(once) = wrapped(&bytes, family) else { continue };
                let twice = wrapped(&once, family);
                prop_assert!(once.windows(2).any(|pair| pair == b"//") || twice == Some(once));
            }
        }
    }
}
