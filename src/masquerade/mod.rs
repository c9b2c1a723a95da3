//! Masquerade directories: links named like compilers that lead to `distcc`.
//!
//! Arch has two of them with the same names: makepkg puts `/usr/lib/distcc/bin` first in PATH, and
//! `distccd` runs what `/usr/lib/distcc` names. [`compilers`] finds the names, [`plan`] compares
//! them with a directory, [`carry_out`] mends it.

use std::collections::BTreeSet;
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use crate::base::disk::{Disk, RealDisk};
use crate::compiler::names;

/// Where gcc keeps a directory for each machine that it compiles for, below the root.
const GCC_DIRS: [&str; 3] = ["usr/lib/gcc", "usr/lib/gcc-cross", "usr/libexec/gcc"];

/// One thing to do in a masquerade directory.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Change {
    /// Make the link.
    Link(String),
    /// Remove the link: its compiler is no longer installed.
    Remove(String),
}

/// The names of all compilers in `dirs`, in order and each once.
///
/// `root` is `/`, or the directory that a packager or a test takes for it. What is a link to
/// distcc itself is no compiler.
pub fn compilers(dirs: &[PathBuf], root: &Path) -> Vec<String> {
    let hosts: Vec<String> = GCC_DIRS.iter().flat_map(|dir| entries(&root.join(dir))).collect();
    let mut found = BTreeSet::new();
    for dir in dirs {
        for name in entries(dir) {
            let path = dir.join(&name);
            if names::is_compiler(&name, &hosts) && is_program(&path) && !leads_to_distcc(&path) {
                found.insert(name);
            }
        }
    }
    found.into_iter().collect()
}

/// What must change in `farm` so that it has a link for each of `names`.
///
/// `target` is the text that our links have. Links of that text that are not among `names` go;
/// whatever else is there (files, links of other packages) stays as it is.
///
/// # Errors
///
/// What listing the directory met, unless it is not there yet.
pub fn plan(farm: &Path, target: &Path, names: &[String]) -> io::Result<Vec<Change>> {
    let present: BTreeSet<String> = match std::fs::read_dir(farm) {
        Ok(_) => entries(farm).into_iter().collect(),
        Err(error) if error.kind() == io::ErrorKind::NotFound => BTreeSet::new(),
        Err(error) => return Err(error),
    };
    let ours =
        |name: &&String| RealDisk.link_target(&farm.join(name)).is_some_and(|text| text == target);
    let stale = present.iter().filter(|name| !names.contains(name)).filter(ours);
    let missing = names.iter().filter(|name| !present.contains(*name));
    let removals = stale.cloned().map(Change::Remove);
    Ok(removals.chain(missing.cloned().map(Change::Link)).collect())
}

/// Makes the changes in `farm`, which is made too if it is missing.
///
/// # Errors
///
/// What the first step that failed met; the steps before it stay done.
pub fn carry_out(farm: &Path, target: &Path, changes: &[Change]) -> io::Result<()> {
    std::fs::create_dir_all(farm)?;
    for change in changes {
        match change {
            Change::Link(name) => std::os::unix::fs::symlink(target, farm.join(name))?,
            Change::Remove(name) => std::fs::remove_file(farm.join(name))?,
        }
    }
    Ok(())
}

/// Fills `farm` with links to the program `distcc`, one for each compiler in the directories of
/// `path`; gives their names.
///
/// # Errors
///
/// As [`plan`] and [`carry_out`].
pub fn fill(farm: &Path, distcc: &Path, path: &[PathBuf]) -> io::Result<Vec<String>> {
    let names = compilers(path, Path::new("/"));
    carry_out(farm, distcc, &plan(farm, distcc, &names)?)?;
    Ok(names)
}

/// Names of what is in `dir`; none where it cannot be listed. No compiler has a name that is not
/// UTF-8.
fn entries(dir: &Path) -> Vec<String> {
    let Ok(entries) = std::fs::read_dir(dir) else { return Vec::new() };
    entries.filter_map(|entry| entry.ok()?.file_name().into_string().ok()).collect()
}

fn is_program(path: &Path) -> bool {
    RealDisk.is_executable(path)
}

fn leads_to_distcc(path: &Path) -> bool {
    let end = std::fs::canonicalize(path);
    end.is_ok_and(|end| end.file_name().is_some_and(|name| name.as_bytes() == b"distcc"))
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::{PermissionsExt, symlink};

    use super::*;

    fn program(path: &Path) {
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::File::create(path).unwrap();
        std::fs::set_permissions(path, PermissionsExt::from_mode(0o755)).unwrap();
    }

    fn names(names: &[&str]) -> Vec<String> {
        names.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn compilers_are_programs_with_the_right_names_that_are_not_distcc() {
        let root = tempfile::tempdir().unwrap();
        let bin = root.path().join("usr/bin");
        for name in ["gcc", "ls", "avr-gcc", "msp430-gcc", "distcc", "clang"] {
            program(&bin.join(name));
        }
        std::fs::create_dir_all(root.path().join("usr/lib/gcc/avr/12")).unwrap();
        std::fs::File::create(bin.join("g++")).unwrap();
        symlink("gone", bin.join("c99")).unwrap();
        symlink("gcc", bin.join("cc")).unwrap();
        symlink("distcc", bin.join("c++")).unwrap();
        let dirs = [bin, root.path().join("missing")];
        assert_eq!(compilers(&dirs, root.path()), names(&["avr-gcc", "cc", "clang", "gcc"]));
    }

    #[test]
    fn only_our_own_stale_links_are_removed() {
        let farm = tempfile::tempdir().unwrap();
        let at = |name: &str| farm.path().join(name);
        symlink("../../bin/distcc", at("gcc")).unwrap();
        symlink("../../bin/distcc", at("gcc-11")).unwrap();
        symlink("/usr/bin/distcc", at("aarch64-unknown-linux-gnu-gcc")).unwrap();
        symlink("/usr/bin/distcc", at("clang")).unwrap();
        std::fs::File::create(at("note")).unwrap();
        std::fs::create_dir(at("bin")).unwrap();
        let target = Path::new("../../bin/distcc");
        let wanted = names(&["clang", "g++", "gcc"]);
        let changes = plan(farm.path(), target, &wanted).unwrap();
        assert_eq!(changes, [Change::Remove("gcc-11".into()), Change::Link("g++".into())]);
        carry_out(farm.path(), target, &changes).unwrap();
        assert_eq!(plan(farm.path(), target, &wanted).unwrap(), []);
        let left: BTreeSet<_> = entries(farm.path()).into_iter().collect();
        let expected = ["aarch64-unknown-linux-gnu-gcc", "bin", "clang", "g++", "gcc", "note"];
        assert_eq!(left, names(&expected).into_iter().collect());
    }

    #[test]
    fn filling_makes_the_directory_and_links_that_work() {
        let top = tempfile::tempdir().unwrap();
        program(&top.path().join("bin/gcc"));
        let (farm, distcc) = (top.path().join("farm"), top.path().join("distcc"));
        program(&distcc);
        let filled = fill(&farm, &distcc, &[top.path().join("bin")]).unwrap();
        assert_eq!(filled, names(&["gcc"]));
        assert!(leads_to_distcc(&farm.join("gcc")));
        assert_eq!(fill(&farm, &distcc, &[top.path().join("bin")]).unwrap(), filled);
    }

    #[test]
    fn a_farm_that_cannot_be_listed_is_an_error() {
        let top = tempfile::tempdir().unwrap();
        let file = top.path().join("file");
        std::fs::File::create(&file).unwrap();
        assert!(plan(&file, Path::new("distcc"), &[]).is_err());
    }
}
