//! Where the host list comes from: the variable, the user's file, the system's file.

use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use crate::base::disk::Disk;

/// A longer hosts file is refused: something else has got into its place.
pub const MOST_BYTES: u64 = 1024 * 1024;

/// A host list's text, and where it stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Source {
    /// `$DISTCC_HOSTS`, or the file's path: what messages call it.
    pub name: String,
    /// The text.
    pub text: String,
}

/// A hosts file that is there and cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum FindError {
    /// It is too long.
    #[error("hosts file {0} is longer than {MOST_BYTES} bytes")]
    TooLong(PathBuf),
}

/// Takes the first source there is: `variable`, or the first of `files` that can be read.
///
/// # Errors
///
/// [`FindError::TooLong`] for a file of more than a MiB. A file that cannot be read is passed over.
pub fn find(
    variable: Option<&str>,
    files: &[PathBuf],
    disk: &dyn Disk,
) -> Result<Option<Source>, FindError> {
    if let Some(text) = variable {
        return Ok(Some(Source { name: "$DISTCC_HOSTS".to_owned(), text: text.to_owned() }));
    }
    for file in files {
        if let Some(source) = read(file, disk)? {
            return Ok(Some(source));
        }
    }
    Ok(None)
}

fn read(file: &Path, disk: &dyn Disk) -> Result<Option<Source>, FindError> {
    match disk.read(file, MOST_BYTES) {
        Ok(bytes) => {
            let text = String::from_utf8_lossy(&bytes).into_owned();
            Ok(Some(Source { name: file.display().to_string(), text }))
        }
        Err(error) if error.kind() == ErrorKind::FileTooLarge => {
            Err(FindError::TooLong(file.to_owned()))
        }
        Err(_) => Ok(None),
    }
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::{find, read};
    use crate::base::disk::MemoryDisk;

    fn disk(files: &[(&str, &str)]) -> MemoryDisk {
        let entry = |(path, text): &(&str, &str)| (PathBuf::from(path), text.as_bytes().to_vec());
        MemoryDisk { files: files.iter().map(entry).collect(), ..MemoryDisk::default() }
    }

    fn both() -> Vec<PathBuf> {
        vec!["/home/me/.distcc/hosts".into(), "/etc/distcc/hosts".into()]
    }

    #[test]
    fn the_variable_wins_even_when_it_is_empty() {
        let source = find(Some(""), &both(), &disk(&[("/etc/distcc/hosts", "a")])).unwrap();
        assert_eq!(source.unwrap().name, "$DISTCC_HOSTS");
    }

    #[test]
    fn the_users_file_hides_the_systems() {
        let files = [("/home/me/.distcc/hosts", "mine"), ("/etc/distcc/hosts", "ours")];
        let source = find(None, &both(), &disk(&files)).unwrap().unwrap();
        assert_eq!((source.name.as_str(), source.text.as_str()), (files[0].0, "mine"));
        let source = find(None, &both(), &disk(&files[1..])).unwrap().unwrap();
        assert_eq!((source.name.as_str(), source.text.as_str()), (files[1].0, "ours"));
    }

    #[test]
    fn no_source_is_no_error() {
        assert_eq!(find(None, &both(), &disk(&[])).unwrap(), None);
    }

    #[test]
    fn a_file_of_more_than_a_mebibyte_is_refused() {
        let long = "h ".repeat(600_000);
        let disk = disk(&[("/etc/distcc/hosts", &long)]);
        let refused = read("/etc/distcc/hosts".as_ref(), &disk).unwrap_err().to_string();
        assert_eq!(refused, "hosts file /etc/distcc/hosts is longer than 1048576 bytes");
    }
}
