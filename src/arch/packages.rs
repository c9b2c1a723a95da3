//! What pacman's database says is installed below a root directory.
//!
//! Source: libalpm's local database: `var/lib/pacman/local/NAME-VERSION-REL/`, with `desc` (fields
//! as `%NAME%`, each followed by its lines and an empty one) and `files` (`%FILES%`).

use std::path::{Path, PathBuf};

use crate::base::disk::{Disk, RealDisk};

/// Where the database is, below the root, unless pacman.conf says otherwise.
pub const DATABASE: &str = "var/lib/pacman/local";
/// A longer file is none of pacman's.
const MOST_BYTES: u64 = 16 << 20;
/// The most files of a package that are looked at.
const MOST_FILES: usize = 10_000;

/// An installed package.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Installed {
    /// Its name.
    pub name: String,
    /// Its version, with epoch and release: `0.1.0-1`.
    pub version: String,
    /// Its directory in the database.
    dir: PathBuf,
}

/// The package `name`, if it is installed below `root`.
pub fn installed(root: &Path, name: &str) -> Option<Installed> {
    let prefix = format!("{name}-");
    let entries = std::fs::read_dir(root.join(DATABASE)).ok()?;
    let dirs = entries.filter_map(|entry| Some(entry.ok()?.path()));
    let mut named = dirs
        .filter(|dir| dir.file_name().is_some_and(|it| it.to_string_lossy().starts_with(&prefix)));
    named.find_map(|dir| {
        let desc = read(&dir.join("desc"))?;
        let found = field(&desc, "NAME").next()?;
        let version = field(&desc, "VERSION").next()?.to_owned();
        (found == name).then(|| Installed { name: name.to_owned(), version, dir })
    })
}

impl Installed {
    /// Its files, as names below the root; directories end in a slash, and come before what is in
    /// them.
    pub fn files(&self) -> Vec<String> {
        let text = read(&self.dir.join("files")).unwrap_or_default();
        let safe = |name: &&str| !name.starts_with('/') && name.split('/').all(|part| part != "..");
        field(&text, "FILES").filter(safe).take(MOST_FILES).map(str::to_owned).collect()
    }
}

/// The name and version in a package file's name: `NAME-VERSION-REL-ARCH.pkg.tar.zst`.
pub fn of_file_name(file: &Path) -> Option<(String, String)> {
    let name = file.file_name()?.to_str()?;
    let (stem, _) = name.split_once(".pkg.tar")?;
    let mut parts = stem.rsplitn(4, '-');
    let (_arch, release, version, name) =
        (parts.next()?, parts.next()?, parts.next()?, parts.next()?);
    Some((name.to_owned(), format!("{version}-{release}")))
}

fn read(file: &Path) -> Option<String> {
    let bytes = RealDisk.read(file, MOST_BYTES).ok()?;
    Some(String::from_utf8_lossy(&bytes).into_owned())
}

/// The lines of the field `name`.
fn field<'a>(text: &'a str, name: &str) -> impl Iterator<Item = &'a str> {
    let head = format!("%{name}%");
    let after = text.lines().skip_while(move |line| *line != head);
    after.skip(1).take_while(|line| !line.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::replace;

    fn package(root: &Path, dir: &str, desc: &str, files: &str) {
        let dir = root.join(DATABASE).join(dir);
        std::fs::create_dir_all(&dir).unwrap();
        replace::write(&dir.join("desc"), desc.as_bytes(), 0o644).unwrap();
        replace::write(&dir.join("files"), files.as_bytes(), 0o644).unwrap();
    }

    #[test]
    fn a_package_is_told_from_those_whose_names_begin_alike() {
        let root = tempfile::tempdir().unwrap();
        let root = root.path();
        assert_eq!(installed(root, "distcc"), None);
        package(root, "distcc-git-3.4-1", "%NAME%\ndistcc-git\n\n%VERSION%\n3.4-1\n", "");
        assert_eq!(installed(root, "distcc"), None);
        let desc = "%NAME%\ndistcc\n\n%VERSION%\n1:3.4-16\n\n%BASE%\ndistcc\n";
        let files = "%FILES%\nusr/\nusr/bin/\nusr/bin/distcc\n../etc/passwd\n/etc/shadow\n\n\
                     %BACKUP%\netc/x\tabc\n";
        package(root, "distcc-1:3.4-16", desc, files);
        let found = installed(root, "distcc").unwrap();
        assert_eq!(found.version, "1:3.4-16");
        assert_eq!(found.files(), ["usr/", "usr/bin/", "usr/bin/distcc"]);
    }

    #[test]
    fn a_package_files_name_tells_what_it_holds() {
        let of = |name: &str| of_file_name(name.as_ref());
        let expected = Some(("makepkg-distcc".to_owned(), "0.1.0-1".to_owned()));
        assert_eq!(of("/x/makepkg-distcc-0.1.0-1-x86_64.pkg.tar.zst"), expected);
        assert_eq!(of("makepkg-distcc-0.1.0-1-x86_64.pkg.tar.gz"), expected);
        assert_eq!(of("a-b.pkg.tar.zst"), None);
        assert_eq!(of("makepkg-distcc-0.1.0-1-x86_64.tar"), None);
    }
}
