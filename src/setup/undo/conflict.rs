//! Files that somebody changed after the run that is to be taken back.

use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use crate::base::rewrite::{self, Ownership};
use crate::setup::apply::apply_error::ApplyError;
use crate::setup::apply::change::Seen;
use crate::setup::apply::run::{Run, RunFile, Since};

/// One of them.
#[derive(Clone, Debug)]
pub(in crate::setup) struct Conflict {
    /// What the run left there.
    pub(in crate::setup) after: Option<Vec<u8>>,
    /// What is there.
    pub(in crate::setup) now: Seen,
}

/// Those of `run`.
///
/// # Errors
///
/// What reading the files met.
pub(in crate::setup) fn of(run: &Run) -> Result<Vec<Conflict>, ApplyError> {
    let mut found = Vec::new();
    for file in &run.files {
        found.extend(Conflict::of(file, Seen::read(&file.path)?));
    }
    Ok(found)
}

impl Conflict {
    /// Whether `now` is one.
    pub(in crate::setup) fn of(file: &RunFile, now: Seen) -> Option<Self> {
        (file.since(&now) == Since::Changed).then(|| Self { after: file.after.clone(), now })
    }

    /// The file's name.
    pub(in crate::setup) fn name(&self) -> String {
        self.now.path.display().to_string()
    }

    /// Copies what is there, if anything is, beside it; gives the copy's name.
    ///
    /// # Errors
    ///
    /// What writing the copy met.
    pub(in crate::setup) fn keep(&self) -> Result<Option<PathBuf>, ApplyError> {
        let Some(content) = &self.now.content else { return Ok(None) };
        let path = &self.now.path;
        let copy = free_name(path);
        let kept = std::fs::metadata(path).and_then(|meta| {
            let ownership =
                Ownership { owner: Some((meta.uid(), meta.gid())), mode: meta.mode() & 0o7777 };
            rewrite::create(&copy, content, ownership)
        });
        kept.map_err(|error| ApplyError::Unwritable(copy.clone(), error))?;
        Ok(Some(copy))
    }
}

/// A name beside `path` that is not taken; it does not end in `.conf`, so makepkg passes it over.
fn free_name(path: &Path) -> PathBuf {
    let name = |suffix: &str| {
        let mut name = path.as_os_str().to_owned();
        name.push(".before-undo");
        name.push(suffix);
        PathBuf::from(name)
    };
    let mut names = std::iter::once(name("")).chain((2..1000).map(|n| name(&format!("-{n}"))));
    names.find(|name| !name.exists()).unwrap_or_else(|| name("-last"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::replace;

    #[test]
    fn a_copy_takes_nobodys_place() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("a.conf");
        replace::write(&file, b"mine", 0o640).unwrap();
        let conflict = Conflict { after: None, now: Seen::read(&file).unwrap() };
        let copies = [conflict.keep().unwrap().unwrap(), conflict.keep().unwrap().unwrap()];
        assert!(copies[0].ends_with("a.conf.before-undo"));
        assert!(copies[1].ends_with("a.conf.before-undo-2"));
        assert_eq!(std::fs::read(&copies[1]).unwrap(), b"mine");
    }
}
