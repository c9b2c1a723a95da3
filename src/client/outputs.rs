//! The object and the dependency file into place: whole, or not at all.

use std::ffi::OsStr;
use std::io::{self, Write};
use std::path::Path;

use crate::base::replace::Staged;

/// One file to place.
#[derive(Debug)]
pub struct Output<'a> {
    /// Its name, as the command line gives it.
    pub path: &'a OsStr,
    /// Its content.
    pub content: &'a [u8],
}

/// Places all of `outputs`, the last of them last: make looks at the object, so the object goes
/// after the dependency file.
///
/// Nothing is put in place before everything has been written.
///
/// # Errors
///
/// The file at fault and what writing it met; nothing or only the first outputs are in place, each
/// of them whole.
pub fn place(outputs: &[Output<'_>]) -> Result<(), (String, io::Error)> {
    let mut all = Vec::with_capacity(outputs.len());
    for output in outputs {
        let path = Path::new(output.path);
        let fail = |error| (path.display().to_string(), error);
        let mut staged = Staged::create(path, 0o666).map_err(fail)?;
        staged.file().write_all(output.content).map_err(fail)?;
        all.push((path, staged));
    }
    for (path, staged) in all {
        staged.commit().map_err(|error| (path.display().to_string(), error))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn nothing_is_placed_when_one_output_cannot_be() {
        let dir = tempfile::tempdir().unwrap();
        let object = dir.path().join("a.o");
        let missing = dir.path().join("missing/a.d");
        let outputs = [
            Output { path: object.as_os_str(), content: b"object" },
            Output { path: missing.as_os_str(), content: b"a.o: a.c" },
        ];
        let (path, error) = place(&outputs).unwrap_err();
        assert!(path.ends_with("a.d"));
        assert_eq!(error.kind(), io::ErrorKind::NotFound);
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 0);
    }

    #[test]
    fn a_link_is_replaced_and_its_target_left_alone() {
        let dir = tempfile::tempdir().unwrap();
        let target = dir.path().join("precious");
        let object = dir.path().join("a.o");
        fs::File::create(&target).unwrap().write_all(b"as it was").unwrap();
        std::os::unix::fs::symlink(&target, &object).unwrap();
        place(&[Output { path: object.as_os_str(), content: b"object" }]).unwrap();
        assert_eq!(fs::read(&target).unwrap(), b"as it was");
        assert_eq!(fs::read(&object).unwrap(), b"object");
        assert!(!fs::symlink_metadata(&object).unwrap().is_symlink());
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 2);
    }

    #[test]
    fn devices_are_written_in_place() {
        place(&[Output { path: OsStr::new("/dev/null"), content: b"object" }]).unwrap();
        assert!(!fs::metadata("/dev/null").unwrap().is_file());
    }
}
