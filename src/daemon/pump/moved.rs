//! Compiles in a tree that is not at the client's own paths: the compiler is told to leave the
//! tree's own path out of what it writes, and text is cleaned of it afterwards.

use std::collections::HashMap;
use std::ffi::OsString;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use memchr::memmem;

use crate::base::capture::capture;
use crate::base::env;

/// How long a compiler may take to say whether it knows an option.
const LIMIT: Duration = Duration::from_secs(10);
/// The most that it may print.
const MOST_BYTES: u64 = 1 << 20;

/// Which compilers can leave a path out of debug information and of `__FILE__`; others do so in
/// debug information alone.
#[derive(Debug, Default)]
pub struct Mappers(Mutex<HashMap<PathBuf, (Option<SystemTime>, bool)>>);

impl Mappers {
    /// The option that has `program` leave out `root`.
    pub fn option(&self, program: &Path, root: &Path) -> OsString {
        let stamp = fs::metadata(program).and_then(|meta| meta.modified()).ok();
        let lock = || self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let known = lock().get(program).filter(|(when, _)| *when == stamp).map(|(_, knows)| *knows);
        let knows = known.unwrap_or_else(|| {
            let knows = knows_all(program);
            lock().insert(program.to_owned(), (stamp, knows));
            knows
        });
        let mut word =
            OsString::from(if knows { "-ffile-prefix-map=" } else { "-fdebug-prefix-map=" });
        word.push(root);
        word.push("=");
        word
    }
}

fn knows_all(program: &Path) -> bool {
    let mut command = Command::new(program);
    command.args(["-ffile-prefix-map=/a=/b", "-E", "-x", "c", "/dev/null"]);
    command.env_clear().env("LC_ALL", "C").env(env::PATH.0, "/usr/bin:/bin");
    capture(&mut command, LIMIT, MOST_BYTES).is_ok_and(|captured| captured.status.success())
}

/// `text` without `root`, wherever it stands.
pub fn without(text: Vec<u8>, root: &Path) -> Vec<u8> {
    let finder = memmem::Finder::new(root.as_os_str().as_bytes());
    let mut rest = text.as_slice();
    let Some(first) = finder.find(rest) else { return text };
    let mut clean = Vec::with_capacity(text.len());
    let mut next = Some(first);
    while let Some(at) = next {
        clean.extend_from_slice(rest.get(..at).unwrap_or_default());
        rest = rest.get(at + finder.needle().len()..).unwrap_or_default();
        next = finder.find(rest);
    }
    clean.extend_from_slice(rest);
    clean
}

/// Whether an object names `root`.
pub fn names(object: &[u8], root: &Path) -> bool {
    memmem::find(object, root.as_os_str().as_bytes()).is_some()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_of_any_length_is_cleaned_wherever_the_root_stands() {
        let root = Path::new("/tmp/d_x/roots/1");
        let text = "/tmp/d_x/roots/1/a.c:1: see /tmp/d_x/roots/1/b.h".repeat(5000);
        let clean = without(text.into_bytes(), root);
        assert_eq!(clean, "/a.c:1: see /b.h".repeat(5000).into_bytes());
        assert_eq!(without(b"nothing".to_vec(), root), b"nothing");
        assert!(names(b"x/tmp/d_x/roots/1/y", root) && !names(b"/tmp/d_x", root));
    }
}
