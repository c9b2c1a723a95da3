//! The state directory that a build root is to share: found, made, and judged.

use std::fs::DirBuilder;
use std::io;
use std::os::unix::fs::{DirBuilderExt, MetadataExt};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use nix::unistd::Uid;
use rustix::fs::{StatVfsMountFlags, statvfs};

use crate::arch::evaluate::{Request, evaluate};
use crate::arch::makepkg::{CONFIG, HOOK, Makepkg};
use crate::base::env;
use crate::tools::makechrootpkg::builder::Builder;

/// The permission bits of an owner who may list, make and remove files.
const OWNER_ALL: u32 = 0o700;

/// The directory that `builder`'s own builds use on this machine, as an absolute path: DISTCC_DIR
/// as makepkg would have it, the environment included, or `~/.distcc`.
pub(super) fn dir_of(builder: &Builder) -> Option<PathBuf> {
    let dir = of_makepkg(builder)
        .or_else(|| env::DISTCC_DIR.get_nonempty().map(PathBuf::from))
        .unwrap_or_else(|| builder.home.join(".distcc"));
    std::path::absolute(dir).ok()
}

/// DISTCC_DIR of makepkg's configuration, if it can be read in the builder's name.
fn of_makepkg(builder: &Builder) -> Option<PathBuf> {
    if !builder.is_us() && !Uid::effective().is_root() {
        return None;
    }
    let root = Path::new("/");
    let mut request = Request::new(root.join(CONFIG), Makepkg::find(root).reads_drop_ins);
    request.user_files = true;
    request.user = builder.as_other();
    evaluate(&request).ok()?.state_dir(root.join(HOOK).exists())
}

/// Makes `dir` if it is missing, and gives its real path if `builder` can use it.
///
/// # Errors
///
/// A sentence: it cannot be made, it is somebody else's, or it cannot be written.
pub(super) fn ensure(dir: &Path, builder: &Builder) -> Result<PathBuf, String> {
    if !dir.exists() {
        make(dir, builder).map_err(|error| format!("{} cannot be made: {error}", dir.display()))?;
    }
    let failed = |error: io::Error| format!("{} cannot be used: {error}", dir.display());
    // What is judged is what will be bound, wherever a link leads.
    let real = std::fs::canonicalize(dir).map_err(failed)?;
    let meta = std::fs::metadata(&real).map_err(failed)?;
    let name = match real == dir {
        true => dir.display().to_string(),
        false => format!("{} (it leads to {})", dir.display(), real.display()),
    };
    if !meta.is_dir() {
        return Err(format!("{name} is no directory"));
    }
    if meta.uid() != builder.uid {
        return Err(format!(
            "{name} is not {}'s own, and what is in it says whom to trust; give it to that user, \
             or name another with DISTCC_DIR",
            builder.name
        ));
    }
    if meta.mode() & OWNER_ALL != OWNER_ALL {
        return Err(format!("{name} may not be written by its owner: chmod u+rwx it"));
    }
    if statvfs(&real).is_ok_and(|found| found.f_flag.contains(StatVfsMountFlags::RDONLY)) {
        return Err(format!("{name} is on a file system that is mounted read-only"));
    }
    Ok(real)
}

/// Makes the directory in the builder's name, so that nobody makes one where that user could not.
fn make(dir: &Path, builder: &Builder) -> io::Result<()> {
    if builder.is_us() {
        return DirBuilder::new().mode(0o777).recursive(true).create(dir);
    }
    let mut command = Command::new("mkdir");
    command.args(["-p", "--"]).arg(dir).uid(builder.uid).gid(builder.gid);
    command.current_dir("/").stdin(Stdio::null()).stdout(Stdio::null());
    let output = command.output()?;
    match output.status.success() {
        true => Ok(()),
        false => {
            let said = String::from_utf8_lossy(&output.stderr);
            Err(io::Error::other(said.trim().trim_start_matches("mkdir: ").to_owned()))
        }
    }
}

#[cfg(test)]
mod tests {
    use std::fs::Permissions;
    use std::os::unix::fs::{PermissionsExt, symlink};

    use super::*;

    fn us(home: &Path) -> Builder {
        let (uid, gid) = (Uid::effective().as_raw(), nix::unistd::getegid().as_raw());
        Builder { uid, gid, name: "me".to_owned(), home: home.to_owned() }
    }

    #[test]
    fn a_directory_is_made_with_its_parents_and_a_link_is_followed() {
        let top = tempfile::tempdir().unwrap();
        let home = top.path().canonicalize().unwrap();
        let dir = home.join("a/b");
        assert_eq!(ensure(&dir, &us(&home)).unwrap(), dir);
        let link = home.join("link");
        symlink(&dir, &link).unwrap();
        assert_eq!(ensure(&link, &us(&home)).unwrap(), dir);
    }

    #[test]
    fn what_cannot_be_used_is_refused_with_its_name() {
        let top = tempfile::tempdir().unwrap();
        let home = top.path().canonicalize().unwrap();
        let file = home.join("file");
        crate::base::replace::write(&file, b"", 0o644).unwrap();
        let refused = |dir: &Path| ensure(dir, &us(&home)).unwrap_err();
        assert_eq!(refused(&file), format!("{} is no directory", file.display()));
        let below = refused(&file.join("state"));
        assert!(below.contains("file/state cannot be made: "), "{below}");
        let closed = home.join("closed");
        std::fs::create_dir(&closed).unwrap();
        std::fs::set_permissions(&closed, Permissions::from_mode(0o500)).unwrap();
        assert!(refused(&closed).contains("may not be written by its owner"));
        let dangling = home.join("dangling");
        symlink(home.join("gone"), &dangling).unwrap();
        assert!(refused(&dangling).contains("dangling cannot be made"), "{}", refused(&dangling));
    }

    #[test]
    fn a_link_to_somebody_elses_directory_is_refused() {
        let top = tempfile::tempdir().unwrap();
        let home = top.path().canonicalize().unwrap();
        let link = home.join(".distcc");
        symlink("/proc", &link).unwrap();
        let mut somebody = us(&home);
        somebody.uid = 54_321;
        let refused = ensure(&link, &somebody).unwrap_err();
        let start = format!("{} (it leads to /proc) is not me's own", link.display());
        assert!(refused.starts_with(&start), "{refused}");
    }
}
