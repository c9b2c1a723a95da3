//! Directories that are made on the way, and removed when nothing is left in them.

use std::fs::{DirBuilder, Permissions};
use std::io::{self, ErrorKind};
use std::os::unix::fs::{DirBuilderExt, PermissionsExt, lchown};
use std::path::{Path, PathBuf};

/// The directories on the way to `file` that are not there, the outermost first.
pub(crate) fn missing(file: &Path) -> Vec<PathBuf> {
    let is_missing = |dir: &&Path| !dir.as_os_str().is_empty() && !dir.exists();
    let mut dirs: Vec<_> =
        file.ancestors().skip(1).take_while(is_missing).map(Path::to_owned).collect();
    dirs.reverse();
    dirs
}

/// Makes `dir` and what is missing on the way to it, for `owner` if that is not us.
///
/// # Errors
///
/// What making one of them met.
pub(crate) fn make(dir: &Path, mode: u32, owner: Option<(u32, u32)>) -> io::Result<()> {
    for dir in missing(&dir.join("file")) {
        match DirBuilder::new().mode(mode).create(&dir) {
            // Another process was quicker.
            Err(error) if error.kind() == ErrorKind::AlreadyExists => continue,
            other => other?,
        }
        // The umask is for what people make.
        std::fs::set_permissions(&dir, Permissions::from_mode(mode))?;
        if let Some((uid, gid)) = owner {
            lchown(&dir, Some(uid), Some(gid))?;
        }
    }
    Ok(())
}

/// Removes `dir` if it is empty; says whether it did.
pub(crate) fn remove_empty(dir: &Path) -> bool {
    std::fs::remove_dir(dir).is_ok()
}

/// Whether an empty `dir` does harm: makepkg of pacman 6.1 and 7.0 ends where `makepkg.conf.d` has
/// no file.
pub(crate) fn must_not_be_empty(dir: &Path) -> bool {
    dir.file_name().is_some_and(|name| name.to_string_lossy().ends_with(".conf.d"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_missing_is_made_from_the_outside_and_only_if_empty_removed() {
        let top = tempfile::tempdir().unwrap();
        let dir = top.path().join("a/b");
        let expected = [top.path().join("a"), dir.clone()];
        assert_eq!(missing(&dir.join("file")), expected);
        make(&dir, 0o755, None).unwrap();
        make(&dir, 0o755, None).unwrap();
        assert!(missing(&dir.join("file")).is_empty());
        assert!(!remove_empty(&expected[0]) && remove_empty(&dir) && remove_empty(&expected[0]));
    }
}
