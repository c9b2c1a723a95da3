//! New content for a file that otherwise stays what it was: owner, mode, access list, attributes.

use std::ffi::CStr;
use std::fs::{File, Permissions};
use std::io::{self, Write};
use std::os::unix::fs::{MetadataExt, PermissionsExt, fchown};
use std::path::{Path, PathBuf};

use rustix::fs::{XattrFlags, fgetxattr, flistxattr, fremovexattr, fsetxattr};
use rustix::io::Errno;

use crate::base::replace::Staged;

/// The access list's name among the extended attributes.
const ACCESS_LIST: &CStr = c"system.posix_acl_access";
/// The kernel's limit for one attribute, and for the list of their names.
const MOST_ATTRIBUTE_BYTES: usize = 64 * 1024;
/// More links in a row than the kernel follows.
const MOST_LINKS: usize = 40;

/// Owner and mode of a file that is made anew.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ownership {
    /// The owner and the group, where they are not ours.
    pub owner: Option<(u32, u32)>,
    /// The mode; the umask does not touch it.
    pub mode: u32,
}

/// Where `path` leads: links are followed, also one that leads to nothing yet. Absolute where the
/// directory is there.
pub fn destination(path: &Path) -> PathBuf {
    let mut path = path.to_owned();
    for _ in 0..MOST_LINKS {
        let Ok(target) = std::fs::read_link(&path) else { break };
        path = path.parent().unwrap_or(Path::new("/")).join(target);
    }
    let dir = match path.parent() {
        Some(dir) if !dir.as_os_str().is_empty() => dir,
        _ => Path::new("."),
    };
    match (std::fs::canonicalize(dir), path.file_name()) {
        (Ok(dir), Some(name)) => dir.join(name),
        _ => std::path::absolute(&path).unwrap_or(path),
    }
}

/// Replaces the content of `path`, which is there: whole or not at all, also if the machine stops.
/// Links are followed.
///
/// # Errors
///
/// What any step met, such as an owner that we may not give to a file; then nothing has changed.
pub fn rewrite(path: &Path, content: &[u8]) -> io::Result<()> {
    let path = destination(path);
    let old = File::open(&path)?;
    let meta = old.metadata()?;
    if !meta.is_file() {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "it is no regular file"));
    }
    let mut staged = Staged::create(&path, 0o600)?;
    let new = staged.file();
    new.write_all(content)?;
    let ours = new.metadata()?;
    if (ours.uid(), ours.gid()) != (meta.uid(), meta.gid()) {
        fchown(&*new, Some(meta.uid()), Some(meta.gid())).map_err(|error| {
            let (uid, gid) = (meta.uid(), meta.gid());
            io::Error::new(error.kind(), format!("owner {uid}:{gid} cannot be kept: {error}"))
        })?;
    }
    copy_attributes(&old, new, meta.mode() & 0o7777)?;
    new.sync_all()?;
    staged.commit()?;
    sync_dir(&path);
    Ok(())
}

/// Makes the file `path`, or replaces whatever it was, whole or not at all.
///
/// # Errors
///
/// What any step met; then nothing has changed.
pub fn create(path: &Path, content: &[u8], ownership: Ownership) -> io::Result<()> {
    let mut staged = Staged::create(path, 0o600)?;
    let new = staged.file();
    new.write_all(content)?;
    if let Some((uid, gid)) = ownership.owner {
        fchown(&*new, Some(uid), Some(gid))?;
    }
    new.set_permissions(Permissions::from_mode(ownership.mode))?;
    new.sync_all()?;
    staged.commit()?;
    sync_dir(path);
    Ok(())
}

/// Has the directory of `path` on disk, as far as the file system can.
pub fn sync_dir(path: &Path) {
    let dir = path.parent().map(File::open);
    // The names are right in memory; what a crash would make of them is not worth an error.
    drop(dir.map(|dir| dir.and_then(|dir| dir.sync_all())));
}

/// Gives `new` the mode and the extended attributes of `old`, the access list among them.
fn copy_attributes(old: &File, new: &File, mode: u32) -> io::Result<()> {
    // The directory's default list may have given the new file one.
    match fremovexattr(new, ACCESS_LIST) {
        Err(Errno::NODATA | Errno::OPNOTSUPP) | Ok(()) => {}
        Err(error) => return Err(error.into()),
    }
    new.set_permissions(Permissions::from_mode(mode))?;
    let mut names = vec![0_u8; MOST_ATTRIBUTE_BYTES];
    let length = match flistxattr(old, &mut names[..]) {
        Err(Errno::OPNOTSUPP) => 0,
        other => other?,
    };
    let mut value = vec![0_u8; MOST_ATTRIBUTE_BYTES];
    for name in names.get(..length).unwrap_or_default().split_inclusive(|&byte| byte == 0) {
        let Ok(name) = CStr::from_bytes_with_nul(name) else { continue };
        let length = fgetxattr(old, name, &mut value[..])?;
        let value = value.get(..length).unwrap_or_default();
        match fsetxattr(new, name, value, XattrFlags::empty()) {
            // Labels of a security module are its own to give, and `user.` ones may be no more.
            Err(Errno::PERM | Errno::OPNOTSUPP) if name != ACCESS_LIST => {}
            other => other?,
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;
    use std::process::Command;

    use super::*;
    use crate::base::replace;

    fn file_in(dir: &Path) -> PathBuf {
        let file = dir.join("file");
        replace::write(&file, b"old", 0o644).unwrap();
        file
    }

    #[test]
    fn mode_owner_and_attributes_stay() {
        let dir = tempfile::tempdir().unwrap();
        let file = file_in(dir.path());
        std::fs::set_permissions(&file, Permissions::from_mode(0o2640)).unwrap();
        if nix::unistd::geteuid().is_root() {
            std::os::unix::fs::chown(&file, Some(65534), Some(65534)).unwrap();
            std::fs::set_permissions(&file, Permissions::from_mode(0o2640)).unwrap();
        }
        let handle = File::open(&file).unwrap();
        let named = fsetxattr(&handle, c"user.note", b"mine", XattrFlags::empty()).is_ok();
        let before = handle.metadata().unwrap();
        rewrite(&file, b"new").unwrap();
        let after = std::fs::metadata(&file).unwrap();
        let facts = |meta: &std::fs::Metadata| (meta.mode(), meta.uid(), meta.gid());
        assert_eq!(facts(&after), facts(&before));
        assert_eq!(std::fs::read(&file).unwrap(), b"new");
        if named {
            let mut value = [0; 9];
            let length = fgetxattr(File::open(&file).unwrap(), c"user.note", &mut value).unwrap();
            assert_eq!(&value[..length], b"mine");
        }
    }

    fn acl(path: &Path) -> Option<String> {
        let output = Command::new("getfacl").args(["-cp"]).arg(path).output().ok()?;
        Some(String::from_utf8(output.stdout).unwrap())
    }

    #[test]
    fn the_access_list_stays_and_the_directorys_default_does_not_get_in() {
        let dir = tempfile::tempdir().unwrap();
        let file = file_in(dir.path());
        let set = |arguments: &[&str], path: &Path| {
            Command::new("setfacl").args(arguments).arg(path).status().is_ok_and(|s| s.success())
        };
        if !set(&["-d", "-m", "u:65534:rw"], dir.path()) {
            return;
        }
        let before = acl(&file).unwrap();
        rewrite(&file, b"new").unwrap();
        assert_eq!(acl(&file).unwrap(), before);
        assert!(set(&["-m", "u:1234:r,m::r"], &file));
        let before = acl(&file).unwrap();
        assert!(before.contains("user:1234:r--"), "{before}");
        rewrite(&file, b"newer").unwrap();
        assert_eq!(acl(&file).unwrap(), before);
    }

    #[test]
    fn links_are_followed_also_to_what_is_not_there_yet() {
        let dir = tempfile::tempdir().unwrap();
        let file = file_in(dir.path());
        let link = dir.path().join("link");
        symlink("file", &link).unwrap();
        rewrite(&link, b"new").unwrap();
        assert_eq!(std::fs::read_link(&link).unwrap(), Path::new("file"));
        assert_eq!(std::fs::read(&file).unwrap(), b"new");
        let dangling = dir.path().join("dangling");
        symlink("missing", &dangling).unwrap();
        let missing = dir.path().canonicalize().unwrap().join("missing");
        assert_eq!(destination(&dangling), missing);
        symlink("loop", dir.path().join("loop")).unwrap();
        destination(&dir.path().join("loop"));
        rewrite(&dir.path().join("loop"), b"").unwrap_err();
    }

    #[test]
    fn a_directory_is_no_file() {
        let dir = tempfile::tempdir().unwrap();
        rewrite(dir.path(), b"").unwrap_err();
    }

    #[test]
    fn a_new_file_has_the_mode_asked_for() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("new");
        create(&file, b"x", Ownership { owner: None, mode: 0o666 }).unwrap();
        assert_eq!(std::fs::metadata(&file).unwrap().mode() & 0o7777, 0o666);
    }
}
