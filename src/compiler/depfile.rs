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

/// `stem` with `suffix` after it.
pub fn with_suffix(stem: &[u8], suffix: &[u8]) -> OsString {
    OsString::from_vec([stem, suffix].concat())
}
