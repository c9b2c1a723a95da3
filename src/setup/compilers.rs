//! The compilers on PATH: those that the masquerade directory stands for, and volunteers may run.

use std::collections::BTreeMap;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use crate::base::disk::{Disk, RealDisk};
use crate::base::env;
use crate::compiler::names::is_compiler;
use crate::masquerade;

/// Programs that stand in for compilers; a volunteer must run the compiler itself.
const WRAPPERS: [&str; 4] = ["distcc", "ccache", "sccache", "icecc"];

/// What a search of PATH found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(in crate::setup) struct Compilers {
    /// The first real compiler of each name.
    pub by_name: BTreeMap<String, PathBuf>,
    /// PATH without the directories in which another distcc stands in for compilers.
    pub path: Vec<PathBuf>,
}

/// Searches `path` for C and C++ compilers.
pub(in crate::setup) fn find(path: &[PathBuf]) -> Compilers {
    let path: Vec<_> = path.iter().filter(|dir| !is_other_farm(dir)).cloned().collect();
    let mut by_name = BTreeMap::new();
    for name in masquerade::compilers(&path, Path::new("/")) {
        let files = path.iter().map(|dir| dir.join(&name));
        let mut real =
            files.filter(|file| RealDisk.is_executable(file) && !stands_in(file, &WRAPPERS));
        if let Some(file) = real.next() {
            by_name.insert(name, file);
        }
    }
    Compilers { by_name, path }
}

/// The directories of PATH, or the usual ones where it is not set.
pub(in crate::setup) fn path() -> Vec<PathBuf> {
    let path = env::PATH.get().unwrap_or_else(|| "/usr/local/bin:/usr/bin:/bin".into());
    std::env::split_paths(&path).filter(|dir| dir.is_absolute()).collect()
}

/// Whether another distcc stands in for every compiler in `dir`.
fn is_other_farm(dir: &Path) -> bool {
    // An entry of PATH that cannot be read finds no program, as in a shell.
    let Ok(entries) = std::fs::read_dir(dir) else { return false };
    let mut compilers = entries
        .flatten()
        .filter(|entry| entry.file_name().to_str().is_some_and(|name| is_compiler(name, &[])))
        .peekable();
    compilers.peek().is_some() && compilers.all(|entry| stands_in(&entry.path(), &["distcc"]))
}

/// Whether `file` leads to one of the programs named.
fn stands_in(file: &Path, programs: &[&str]) -> bool {
    let target = file.canonicalize().unwrap_or_else(|_| file.to_owned());
    target.file_name().is_some_and(|name| programs.iter().any(|program| name == *program))
}

/// The content of a `DISTCC_CMDLIST` file that lets a volunteer run these compilers and nothing
/// else.
pub(in crate::setup) fn command_list(compilers: &Compilers) -> Vec<u8> {
    let mut list = Vec::new();
    for file in compilers.by_name.values() {
        list.extend(file.as_os_str().as_bytes());
        list.push(b'\n');
    }
    list
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::{PermissionsExt, symlink};

    use super::*;
    use crate::base::replace;

    fn program(path: &Path) {
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        replace::write(path, b"#!/bin/sh\n", 0o777).unwrap();
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o755)).unwrap();
    }

    #[test]
    fn the_first_real_compiler_of_a_name_wins_and_other_distccs_are_left_out() {
        let top = tempfile::tempdir().unwrap();
        let at = |name: &str| top.path().join(name);
        program(&at("tools/distcc"));
        program(&at("tools/ccache"));
        std::fs::create_dir_all(at("farm")).unwrap();
        std::fs::create_dir_all(at("cached")).unwrap();
        symlink(at("tools/distcc"), at("farm/gcc")).unwrap();
        symlink(at("tools/ccache"), at("cached/gcc")).unwrap();
        program(&at("bin/gcc"));
        program(&at("bin/g++"));
        program(&at("later/gcc"));
        replace::write(&at("bin/clang"), b"not executable", 0o600).unwrap();

        let path = ["missing", "farm", "cached", "bin", "later"].map(at);
        let found = find(&path);
        let names: Vec<_> = found.by_name.iter().map(|(n, f)| (n.clone(), f.clone())).collect();
        assert_eq!(names, [("g++".to_owned(), at("bin/g++")), ("gcc".to_owned(), at("bin/gcc"))]);
        assert_eq!(found.path, ["missing", "cached", "bin", "later"].map(at));
    }

    #[test]
    fn a_directory_with_real_compilers_beside_links_to_distcc_stays() {
        let top = tempfile::tempdir().unwrap();
        let bin = top.path().join("bin");
        program(&bin.join("gcc"));
        program(&bin.join("distcc"));
        symlink(bin.join("distcc"), bin.join("g++")).unwrap();
        let found = find(std::slice::from_ref(&bin));
        assert_eq!(found.path, std::slice::from_ref(&bin));
        assert_eq!(command_list(&found), format!("{}\n", bin.join("gcc").display()).into_bytes());
    }
}
