//! Packages as files: what is in them, the same with changes, and others beside them.

use std::path::{Path, PathBuf};
use std::process::Command;

use tempfile::TempDir;

use crate::support::output::Output;
use crate::support::package::{InstallRoot, repository};

/// Runs a program in the repository.
pub fn run(program: &str, words: &[&str]) -> Output {
    let mut command = Command::new(program);
    command.args(words).current_dir(repository()).env("LC_ALL", "C");
    command.output().unwrap().into()
}

/// An entry of an archive.
#[derive(Debug)]
pub struct Entry {
    /// Its path, with a slash at the end if it is a directory.
    pub path: String,
    /// Mode, owner and group as `ls -l` writes them.
    pub rights: String,
    /// Where a link leads.
    pub target: Option<String>,
}

/// What is in a package besides pacman's own files.
pub fn entries(package: &Path) -> Vec<Entry> {
    let list = run("bsdtar", &["-tvf", package.to_str().unwrap()]).success().stdout;
    let entries = list.lines().map(|line| {
        let (front, target) = match line.split_once(" -> ") {
            Some((front, target)) => (front, Some(target.to_owned())),
            None => (line, None),
        };
        let words: Vec<_> = front.split_whitespace().collect();
        let rights = [words[0], words[2], words[3]].join(" ");
        Entry { path: words[8].to_owned(), rights, target }
    });
    entries.filter(|entry| !entry.path.starts_with('.')).collect()
}

/// A package's files, unpacked.
pub fn unpacked(package: &Path) -> TempDir {
    let dir = tempfile::tempdir().unwrap();
    let file = package.to_str().unwrap();
    run("bsdtar", &["-xf", file, "-C", dir.path().to_str().unwrap()]).success();
    dir
}

/// The values that a package's `.PKGINFO` has for `key`, in order.
pub fn info(package: &Path, key: &str) -> Vec<String> {
    let text = run("bsdtar", &["-xOf", package.to_str().unwrap(), ".PKGINFO"]).success().stdout;
    let lines = text.lines().filter_map(|line| line.split_once(" = "));
    lines.filter(|(name, _)| *name == key).map(|(_, value)| value.to_owned()).collect()
}

/// Files below `dir`, without links.
pub fn files(dir: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(dir).unwrap() {
        let entry = entry.unwrap();
        if entry.file_type().unwrap().is_dir() {
            found.extend(files(&entry.path()));
        } else if entry.file_type().unwrap().is_file() {
            found.push(entry.path());
        }
    }
    found
}

/// Packs what is in `dir`, which must have a `.PKGINFO`.
fn pack(dir: &Path) -> PathBuf {
    let script = "bsdtar -cf packed.pkg.tar --uid 0 --gid 0 --exclude packed.pkg.tar .[A-Z]* *";
    let mut command = Command::new("sh");
    command.args(["-c", script]).current_dir(dir);
    Output::from(command.output().unwrap()).success();
    dir.join("packed.pkg.tar")
}

/// A package that somebody else made.
pub fn other_package(info: &str, files: &[&str], links: &[String]) -> (TempDir, PathBuf) {
    let dir = tempfile::tempdir().unwrap();
    let info = format!("{info}\npkgver = 3.4-16\narch = any\nsize = 1\n");
    std::fs::write(dir.path().join(".PKGINFO"), info).unwrap();
    for file in files.iter().copied().chain(links.iter().map(String::as_str)) {
        std::fs::create_dir_all(dir.path().join(file).parent().unwrap()).unwrap();
    }
    for file in files {
        std::fs::write(dir.path().join(file), "theirs\n").unwrap();
    }
    for link in links {
        std::os::unix::fs::symlink("../../bin/distcc", dir.path().join(link)).unwrap();
    }
    let file = pack(dir.path());
    (dir, file)
}

/// A package of ours again as its second release, with new defaults in some `files`; made without
/// makepkg.
pub fn newer(package: &Path, files: &[&str]) -> (TempDir, PathBuf) {
    let dir = unpacked(package);
    let info = std::fs::read_to_string(dir.path().join(".PKGINFO")).unwrap();
    let version = env!("CARGO_PKG_VERSION");
    let (old, new) = (format!("pkgver = {version}-1"), format!("pkgver = {version}-2"));
    assert!(info.contains(&old), "{info}");
    std::fs::write(dir.path().join(".PKGINFO"), info.replace(&old, &new)).unwrap();
    for file in files {
        let file = dir.path().join(file);
        let text = std::fs::read_to_string(&file).unwrap() + "# A new default.\n";
        std::fs::write(file, text).unwrap();
    }
    let file = pack(dir.path());
    (dir, file)
}

/// What pacman printed, without what differs from run to run.
pub fn told(root: &InstallRoot, output: &Output) -> String {
    let text = output.to_string().replace(root.path("").to_str().unwrap(), "[ROOT]/");
    let lines = text.lines().map(|line| match line.split_once(" Size: ") {
        Some((front, _)) => format!("{front} Size: …"),
        None => line.to_owned(),
    });
    lines.collect::<Vec<_>>().join("\n")
}
