//! The compilers on PATH, and a directory that puts our `distcc` in front of them.

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use crate::base::disk::{Disk, RealDisk};

/// Programs that stand in for compilers; a volunteer must run the compiler itself.
const WRAPPERS: [&str; 4] = ["distcc", "ccache", "sccache", "icecc"];

/// What a search of PATH found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Compilers {
    /// The first real compiler of each name.
    pub by_name: BTreeMap<OsString, PathBuf>,
    /// PATH without the directories in which another distcc stands in for compilers.
    pub path: Vec<PathBuf>,
}

/// Searches `path` for C and C++ compilers.
pub(super) fn find(path: &[PathBuf]) -> Compilers {
    let mut found = Compilers::default();
    for dir in path {
        let programs = programs_in(dir);
        if programs.iter().any(|(_, file)| stands_in(file, &["distcc"])) {
            continue;
        }
        found.path.push(dir.clone());
        for (name, file) in programs {
            if !stands_in(&file, &WRAPPERS) {
                found.by_name.entry(name).or_insert(file);
            }
        }
    }
    found
}

/// What in `dir` has a compiler's name and can be executed.
fn programs_in(dir: &Path) -> Vec<(OsString, PathBuf)> {
    // An entry of PATH that cannot be read finds no program, as in a shell.
    let Ok(entries) = std::fs::read_dir(dir) else { return Vec::new() };
    let programs = entries.flatten().filter(|entry| is_compiler_name(&entry.file_name()));
    programs
        .map(|entry| (entry.file_name(), entry.path()))
        .filter(|(_, file)| RealDisk.is_executable(file))
        .collect()
}

/// Whether `file` leads to one of the programs named.
fn stands_in(file: &Path, programs: &[&str]) -> bool {
    let target = file.canonicalize().unwrap_or_else(|_| file.to_owned());
    target.file_name().is_some_and(|name| programs.iter().any(|program| name == *program))
}

/// `gcc`, `c++`, `x86_64-pc-linux-gnu-g++-12`, `clang-14`, `c99-gcc`, but not `gcc-ar`.
fn is_compiler_name(name: &OsStr) -> bool {
    let Some(name) = name.to_str() else { return false };
    let is_version = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.');
    let base = match name.rsplit_once('-') {
        Some((base, version)) if !version.is_empty() && is_version(version) => base,
        _ => name,
    };
    let (target, tool) = base.rsplit_once('-').unwrap_or(("", base));
    let is_target = target.is_empty() || target.contains('-') || matches!(target, "c89" | "c99");
    is_target
        && matches!(tool, "cc" | "c++" | "gcc" | "g++" | "clang" | "clang++" | "c89" | "c99")
        && !(target.contains("gcc") || target.contains("llvm"))
}

/// Fills `dir` (which must exist) with links of the compilers' names to `distcc`.
///
/// # Errors
///
/// What making a link met.
pub(super) fn masquerade(compilers: &Compilers, dir: &Path, distcc: &Path) -> io::Result<()> {
    for name in compilers.by_name.keys() {
        std::os::unix::fs::symlink(distcc, dir.join(name))?;
    }
    Ok(())
}

/// The content of a `DISTCC_CMDLIST` file that lets a volunteer run these compilers and nothing
/// else.
pub(super) fn command_list(compilers: &Compilers) -> Vec<u8> {
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
    fn names_of_compilers_are_told_from_those_of_their_tools() {
        for name in [
            "cc",
            "c++",
            "gcc",
            "g++",
            "clang",
            "clang++",
            "gcc-12",
            "g++-4.9",
            "clang-14",
            "c99",
            "c89-gcc",
            "x86_64-pc-linux-gnu-gcc",
            "x86_64-linux-gnu-g++-12",
            "clang++-15",
        ] {
            assert!(is_compiler_name(OsStr::new(name)), "{name}");
        }
        for name in [
            "gcc-ar",
            "gcc-nm-12",
            "x86_64-linux-gnu-gcc-ar",
            "cpp",
            "clang-format",
            "clang-cpp",
            "clang-",
            "distcc",
            "make",
            "git-cc",
            "x86_64-linux-gnu-gcov",
            "",
            "-gcc-",
            "rustc",
        ] {
            assert!(!is_compiler_name(OsStr::new(name)), "{name}");
        }
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
        assert_eq!(names, [("g++".into(), at("bin/g++")), ("gcc".into(), at("bin/gcc"))]);
        assert_eq!(found.path, ["missing", "cached", "bin", "later"].map(at));
    }

    #[test]
    fn the_masquerade_directory_links_each_name() {
        let top = tempfile::tempdir().unwrap();
        program(&top.path().join("bin/gcc"));
        let found = find(&[top.path().join("bin")]);
        let farm = top.path().join("farm");
        std::fs::create_dir(&farm).unwrap();
        masquerade(&found, &farm, Path::new("/opt/distcc")).unwrap();
        assert_eq!(std::fs::read_link(farm.join("gcc")).unwrap(), Path::new("/opt/distcc"));
        let list = command_list(&found);
        assert_eq!(list, format!("{}/bin/gcc\n", top.path().display()).into_bytes());
    }
}
