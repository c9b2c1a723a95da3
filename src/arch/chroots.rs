//! devtools' build roots: where they are, what stands beside them, and what is wrong with one.
//!
//! A matrix is a directory (`$CHROOT`, `/var/lib/archbuild/REPO-ARCH`) with the `root` that
//! mkarchroot made, and copies of it, one for each user, in which makechrootpkg builds. Beside each
//! stands its lock, `NAME.lock`.

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use rustix::fs::{StatVfsMountFlags, statvfs};

use crate::arch::makepkg::CONFIG;
use crate::base::disk::{Disk, RealDisk};

/// Where archbuild and pkgctl keep their matrices.
pub const ARCHBUILD: &str = "/var/lib/archbuild";
/// The file in each root and copy that holds the version of its form.
pub const MARKER: &str = ".arch-chroot";
/// The root's name in a matrix.
pub const ROOT: &str = "root";
/// The newest form that is known: devtools 1.5's.
pub const KNOWN_FORM: u32 = 6;
/// Programs of a root that tell its machine, in the order asked.
const PROGRAMS: [&str; 3] = ["usr/bin/bash", "usr/bin/pacman", "usr/bin/env"];
/// The most copies of one root that are looked at.
const MOST_COPIES: usize = 256;

/// A root, as it was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BuildRoot {
    /// Its directory; absolute, no link.
    pub dir: PathBuf,
    /// What was named, where that was not the root itself.
    pub instead_of: Option<Named>,
}

/// What was named in a root's stead.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Named {
    /// The directory that the root is in.
    Matrix,
    /// One of its copies.
    Copy,
}

/// Why a directory is no root that could be set up.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RootError {
    /// It is not there, or cannot be looked into.
    #[error("{dir}: {1}", dir = .0.display())]
    Unreachable(PathBuf, String),
    /// It has nothing of a system.
    #[error(
        "{dir} is no chroot: there is no system in it (name the directory that mkarchroot made, or \
         the one that it is in, as in /var/lib/archbuild/extra-x86_64)",
        dir = .0.display()
    )]
    NoChroot(PathBuf),
    /// It is a system that mkarchroot has not made.
    #[error(
        "{dir} has no .arch-chroot, so devtools did not make it, and makechrootpkg refuses it \
         (make one: mkarchroot {dir} base-devel; for a system of another kind: distcc-setup \
         configure --chroot {dir})",
        dir = .0.display()
    )]
    NoMarker(PathBuf),
    /// Another devtools made it.
    #[error(
        "{dir} is a chroot of form `{1}`, and devtools 1.5 makes and builds in form v6 (make it \
         anew by the devtools that is installed: remove it, and run mkarchroot or archbuild -c)",
        dir = .0.display()
    )]
    OldForm(PathBuf, String),
    /// A devtools made it that is newer than this program.
    #[error(
        "{dir} is a chroot of form `{1}`, which is newer than v6, the last one known here (update \
         distcc-setup; until then: distcc-setup configure --chroot {dir})",
        dir = .0.display()
    )]
    NewForm(PathBuf, String),
    /// There is no pacman in it.
    #[error(
        "{dir} has no pacman, so it is no chroot that packages are built in (make it anew: \
         mkarchroot {dir} base-devel)",
        dir = .0.display()
    )]
    NoPacman(PathBuf),
    /// There is no makepkg.conf in it.
    #[error(
        "{dir} has no etc/makepkg.conf, so no package can be built in it (install it: arch-nspawn \
         {dir} pacman -S base-devel)",
        dir = .0.display()
    )]
    NoMakepkg(PathBuf),
    /// Its programs are for another machine.
    #[error(
        "{dir} is a chroot for {1}, and this machine is {2}: its programs, and a client for it, do \
         not run here (run distcc-setup on a machine of its kind)",
        dir = .0.display()
    )]
    Foreign(PathBuf, String, String),
    /// A part of it leads out of it.
    #[error(
        "{path} is a link out of the chroot, to {to}: nothing is written there (make it a file of \
         the chroot)",
        path = .0.display(),
        to = .1.display()
    )]
    LeadsOut(PathBuf, PathBuf),
}

impl BuildRoot {
    /// The root that `named` means: itself, the one in it, or the one that it is a copy of.
    ///
    /// # Errors
    ///
    /// [`RootError`] where there is none; [`BuildRoot::ensure_usable`] looks into it.
    pub fn find(named: &Path) -> Result<Self, RootError> {
        let unreachable =
            |error: std::io::Error| RootError::Unreachable(named.to_owned(), error.to_string());
        let dir = std::fs::canonicalize(named).map_err(unreachable)?;
        if !dir.is_dir() {
            return Err(RootError::Unreachable(named.to_owned(), "it is no directory".to_owned()));
        }
        let inner = dir.join(ROOT);
        if has_marker(&dir) {
            let beside = dir.with_file_name(ROOT);
            return Ok(match beside != dir && has_marker(&beside) {
                true => Self { dir: beside, instead_of: Some(Named::Copy) },
                false => Self { dir, instead_of: None },
            });
        }
        if has_marker(&inner) {
            return Ok(Self { dir: inner, instead_of: Some(Named::Matrix) });
        }
        let system = [&dir, &inner].into_iter().find(|dir| is_system(dir)).cloned();
        Err(match system.filter(|dir| dir != Path::new("/")) {
            Some(system) => RootError::NoMarker(system),
            None => RootError::NoChroot(dir),
        })
    }

    /// All roots of archbuild and pkgctl below `top`, in the order of names.
    pub fn all_below(top: &Path) -> Vec<Self> {
        let entries = std::fs::read_dir(top).into_iter().flatten();
        let mut dirs: Vec<PathBuf> = entries
            .filter_map(|entry| Some(entry.ok()?.path().join(ROOT)))
            .filter(|dir| has_marker(dir))
            .collect();
        dirs.sort();
        dirs.into_iter().map(|dir| Self { dir, instead_of: None }).collect()
    }

    /// Makes sure that builds in it can be set up from here.
    ///
    /// # Errors
    ///
    /// [`RootError`], the first thing that is wrong.
    pub fn ensure_usable(&self) -> Result<(), RootError> {
        let dir = &self.dir;
        let marker = RealDisk.read(&dir.join(MARKER), 64).unwrap_or_default();
        let form = String::from_utf8_lossy(&marker).trim().escape_debug().to_string();
        match form.strip_prefix('v').and_then(|number| number.parse::<u32>().ok()) {
            Some(KNOWN_FORM) => {}
            Some(newer) if newer > KNOWN_FORM => {
                return Err(RootError::NewForm(dir.clone(), form));
            }
            _ => return Err(RootError::OldForm(dir.clone(), form)),
        }
        if dir.join("usr/bin/pacman").symlink_metadata().is_err() {
            return Err(RootError::NoPacman(dir.clone()));
        }
        if dir.join(CONFIG).symlink_metadata().is_err() {
            return Err(RootError::NoMakepkg(dir.clone()));
        }
        let machine = PROGRAMS.iter().find_map(|program| machine_of(&dir.join(program)));
        let ours = machine_of(Path::new("/proc/self/exe"));
        if let (Some(theirs), Some(ours)) = (machine, ours)
            && theirs != ours
        {
            return Err(RootError::Foreign(dir.clone(), theirs.to_string(), ours.to_string()));
        }
        self.ensure_inside()
    }

    /// Makes sure that what is written is in the root: a link in it may lead to the host.
    fn ensure_inside(&self) -> Result<(), RootError> {
        let drop_ins = self.dir.join(format!("{CONFIG}.d"));
        let files = std::fs::read_dir(&drop_ins).into_iter().flatten();
        let files = files.filter_map(|entry| Some(entry.ok()?.path()));
        let fixed = ["etc", "usr", "usr/bin", "usr/lib", "root", "var", "var/lib", CONFIG];
        let fixed = fixed.map(|name| self.dir.join(name));
        for path in fixed.into_iter().chain([drop_ins.clone()]).chain(files) {
            if let Ok(to) = std::fs::canonicalize(&path)
                && !to.starts_with(&self.dir)
            {
                return Err(RootError::LeadsOut(path, to));
            }
        }
        Ok(())
    }

    /// Whether its file system can be written at all.
    pub fn is_read_only(&self) -> bool {
        statvfs(self.dir.join("etc")).is_ok_and(|fs| fs.f_flag.contains(StatVfsMountFlags::RDONLY))
    }

    /// The directory that it is in: what makechrootpkg -r takes.
    pub fn matrix(&self) -> &Path {
        self.dir.parent().unwrap_or(&self.dir)
    }

    /// The lock that devtools takes while it copies or updates the root.
    pub fn lock_file(&self) -> PathBuf {
        lock_of(&self.dir)
    }

    /// Its copies, in the order of names; none where it is not called `root`, for what is beside it
    /// then is something else.
    pub fn copies(&self) -> Vec<PathBuf> {
        if self.dir.file_name() != Some(ROOT.as_ref()) {
            return Vec::new();
        }
        let entries = std::fs::read_dir(self.matrix()).into_iter().flatten();
        let mut dirs: Vec<PathBuf> = entries
            .filter_map(|entry| Some(entry.ok()?.path()))
            .filter(|dir| *dir != self.dir && has_marker(dir))
            .take(MOST_COPIES)
            .collect();
        dirs.sort();
        dirs
    }
}

/// The lock of a root or a copy.
pub fn lock_of(dir: &Path) -> PathBuf {
    let mut name = dir.as_os_str().to_owned();
    name.push(".lock");
    name.into()
}

fn has_marker(dir: &Path) -> bool {
    dir.join(MARKER).symlink_metadata().is_ok_and(|meta| meta.is_file())
}

fn is_system(dir: &Path) -> bool {
    dir.join("etc").is_dir() && dir.join("usr").is_dir()
}

/// The machine that a program is for: `x86_64`.
///
/// Source: the System V ABI, "ELF Header"; the numbers are the kernel's, `linux/elf-em.h`.
fn machine_of(program: &Path) -> Option<&'static str> {
    let mut head = [0; 20];
    File::open(program).ok()?.read_exact(&mut head).ok()?;
    let [0x7f, b'E', b'L', b'F', class, data, .., low, high] = head else { return None };
    let number = if data == 2 { [high, low] } else { [low, high] };
    Some(match (u16::from_le_bytes(number), class) {
        (3, _) => "i686",
        (62, 1) => "x32",
        (62, _) => "x86_64",
        (40, _) => "ARM, 32 bits",
        (183, _) => "aarch64",
        (243, 1) => "riscv32",
        (243, _) => "riscv64",
        (258, _) => "loong64",
        (21, _) => "ppc64",
        _ => "another machine",
    })
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;
    use crate::base::replace;

    fn write(path: &Path, text: &[u8]) {
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        replace::write(path, text, 0o755).unwrap();
    }

    /// A matrix with a root in which all is well.
    fn matrix() -> tempfile::TempDir {
        let top = tempfile::tempdir().unwrap();
        let root = top.path().join("root");
        write(&root.join(MARKER), b"v6\n");
        write(&root.join(CONFIG), b"CARCH=x86_64\n");
        for program in ["pacman", "bash"] {
            let path = root.join("usr/bin").join(program);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::copy("/proc/self/exe", &path).unwrap();
        }
        top
    }

    fn fault(top: &Path) -> String {
        let error = BuildRoot::find(top).and_then(|root| root.ensure_usable()).unwrap_err();
        let top = std::fs::canonicalize(top).unwrap();
        error.to_string().replace(top.to_str().unwrap(), "TOP")
    }

    #[test]
    fn a_root_is_found_by_itself_by_its_matrix_and_by_a_copy() {
        let top = matrix();
        write(&top.path().join("me").join(MARKER), b"v6\n");
        write(&top.path().join("notes/x"), b"");
        let dir = std::fs::canonicalize(top.path().join("root")).unwrap();
        let find = |name: &str| BuildRoot::find(&top.path().join(name)).unwrap();
        for (name, instead_of) in
            [("root", None), ("", Some(Named::Matrix)), ("me", Some(Named::Copy))]
        {
            assert_eq!(find(name), BuildRoot { dir: dir.clone(), instead_of }, "{name}");
        }
        let root = find("root");
        root.ensure_usable().unwrap();
        assert_eq!(root.copies(), [dir.with_file_name("me")]);
        assert_eq!(root.lock_file(), dir.with_file_name("root.lock"));
        let alone = top.path().join("alone");
        write(&alone.join(MARKER), b"v6\n");
        std::fs::remove_file(dir.join(MARKER)).unwrap();
        assert_eq!(BuildRoot::find(&alone).unwrap().instead_of, None);
    }

    #[test]
    fn archbuilds_roots_are_all_found() {
        let top = tempfile::tempdir().unwrap();
        for name in ["multilib-x86_64", "extra-x86_64"] {
            write(&top.path().join(name).join("root").join(MARKER), b"v6\n");
        }
        write(&top.path().join("other/x"), b"");
        let found = BuildRoot::all_below(top.path());
        let names: Vec<_> = found.iter().map(|root| root.dir.clone()).collect();
        let expected = ["extra-x86_64/root", "multilib-x86_64/root"];
        assert_eq!(names, expected.map(|name| top.path().join(name)));
    }

    #[test]
    fn what_is_wrong_with_a_root_is_told_apart() {
        let mut all = Vec::new();
        let empty = tempfile::tempdir().unwrap();
        all.push(fault(empty.path()));
        let spoil = |how: &dyn Fn(&Path)| {
            let top = matrix();
            how(&top.path().join("root"));
            fault(top.path())
        };
        all.push(spoil(&|root| {
            std::fs::create_dir_all(root.join("usr")).unwrap();
            std::fs::remove_file(root.join(MARKER)).unwrap();
        }));
        all.push(spoil(&|root| write(&root.join(MARKER), b"v5\n")));
        all.push(spoil(&|root| write(&root.join(MARKER), b"v7\n")));
        all.push(spoil(&|root| write(&root.join(MARKER), b"\x1b[2J")));
        all.push(spoil(&|root| std::fs::remove_file(root.join("usr/bin/pacman")).unwrap()));
        all.push(spoil(&|root| std::fs::remove_file(root.join(CONFIG)).unwrap()));
        let mut arm = std::fs::read("/proc/self/exe").unwrap();
        arm.truncate(64);
        (arm[18], arm[19]) = (0xf3, 0);
        all.push(spoil(&|root| write(&root.join("usr/bin/bash"), &arm)));
        all.push(spoil(&|root| {
            std::fs::remove_file(root.join(CONFIG)).unwrap();
            symlink("/etc/passwd", root.join(CONFIG)).unwrap();
        }));
        let ours = std::env::consts::ARCH;
        insta::assert_snapshot!(all.join("\n").replace(ours, "ARCH"), @r"
        TOP is no chroot: there is no system in it (name the directory that mkarchroot made, or the one that it is in, as in /var/lib/archbuild/extra-ARCH)
        TOP/root has no .arch-chroot, so devtools did not make it, and makechrootpkg refuses it (make one: mkarchroot TOP/root base-devel; for a system of another kind: distcc-setup configure --chroot TOP/root)
        TOP/root is a chroot of form `v5`, and devtools 1.5 makes and builds in form v6 (make it anew by the devtools that is installed: remove it, and run mkarchroot or archbuild -c)
        TOP/root is a chroot of form `v7`, which is newer than v6, the last one known here (update distcc-setup; until then: distcc-setup configure --chroot TOP/root)
        TOP/root is a chroot of form `\u{1b}[2J`, and devtools 1.5 makes and builds in form v6 (make it anew by the devtools that is installed: remove it, and run mkarchroot or archbuild -c)
        TOP/root has no pacman, so it is no chroot that packages are built in (make it anew: mkarchroot TOP/root base-devel)
        TOP/root has no etc/makepkg.conf, so no package can be built in it (install it: arch-nspawn TOP/root pacman -S base-devel)
        TOP/root is a chroot for riscv64, and this machine is ARCH: its programs, and a client for it, do not run here (run distcc-setup on a machine of its kind)
        TOP/root/etc/makepkg.conf is a link out of the chroot, to /etc/passwd: nothing is written there (make it a file of the chroot)
        ");
    }
}
