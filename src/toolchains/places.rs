//! Where toolchains are put: by packages, by those who unpack an archive, by crosstool-ng and
//! EmbToolkit, and by buildroot.

use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use nix::unistd::User;

use crate::base::disk::{Disk, RealDisk};
use crate::base::env;
use crate::compiler::names::CompilerName;
use crate::targets::Target;
use crate::toolchains::object::printable;

/// Directories, below the root, in each of whose subdirectories a toolchain may stand: Linaro's and
/// Arm's archives, those of archlinuxarm.org, and what was built with `/opt` as its prefix.
const HOMES: [&str; 4] = ["opt", "usr/local", "usr/local/x-tools", "usr/share"];
/// Directories that hold the machine's own compilers beside those of other targets.
const SHARED: [&str; 3] = ["usr/local/bin", "usr/bin", "usr/sbin"];
/// How the directories begin that are looked into in a person's home, since that may hold anything:
/// crosstool-ng's default prefix and archlinuxarm.org's archives, EmbToolkit, Linaro, Arm.
const PERSONAL: [&str; 6] =
    ["x-tools", "embtoolkit", "gcc-linaro", "gcc-arm", "arm-gnu-toolchain", "toolchain"];
/// Where the programs are in a toolchain: usually; in one that has its own `usr`; in the output
/// of buildroot.
const BINS: [&str; 3] = ["bin", "usr/bin", "host/bin"];
/// Where EmbToolkit puts them, a directory for each target below. Source: its
/// `mk/embtoolkit.mk` and `mk/toolchain.mk`, `embtk_tools` and `TOOLCHAIN_DIR`.
const GENERATED: [&str; 2] = ["generated", "generated/toolchains"];
/// More entries of a directory than this are not looked at.
pub(super) const MOST_ENTRIES: usize = 1 << 16;
/// More directories than this are not looked at in all.
const MOST_DIRS: usize = 4096;

/// The directories that may hold compilers for `target`, below `root`: those of its packages first,
/// then those of `homes` (of people), and those that the machine's own programs share last.
pub(super) fn of(target: &Target, root: &Path, homes: &[PathBuf]) -> Vec<PathBuf> {
    let mut dirs: Vec<PathBuf> = target.package_dirs.iter().map(|dir| root.join(dir)).collect();
    for home in HOMES.map(|home| root.join(home)) {
        dirs.extend(subdirectories(&home).iter().flat_map(|dir| below(dir)));
    }
    for home in homes {
        let is_one = |dir: &&PathBuf| {
            let name = dir.file_name().map(|name| name.to_string_lossy().to_lowercase());
            name.is_some_and(|name| PERSONAL.iter().any(|start| name.starts_with(start)))
        };
        let children = subdirectories(home);
        dirs.extend(children.iter().filter(is_one).flat_map(|dir| below(dir)));
    }
    dirs.truncate(MOST_DIRS);
    dirs.extend(SHARED.map(|dir| root.join(dir)));
    dirs
}

/// The directories with programs in what may be a toolchain, or a directory of toolchains, or hold
/// the programs itself.
pub(super) fn below(dir: &Path) -> Vec<PathBuf> {
    let mut dirs = vec![dir.to_owned()];
    dirs.extend(BINS.map(|bin| dir.join(bin)));
    let parents = std::iter::once(dir.to_owned()).chain(GENERATED.map(|part| dir.join(part)));
    for child in parents.flat_map(|parent| subdirectories(&parent)).take(MOST_DIRS) {
        dirs.extend(BINS.map(|bin| child.join(bin)));
    }
    dirs.retain(|dir| dir.is_dir());
    dirs
}

/// The same for a directory that a person named, one level deeper: an archive is unpacked into a
/// directory of its own.
pub(super) fn below_named(dir: &Path) -> Vec<PathBuf> {
    let mut dirs = below(dir);
    for child in subdirectories(dir).iter().take(MOST_DIRS / 16) {
        dirs.extend(below(child));
    }
    dirs.truncate(MOST_DIRS);
    dirs
}

/// The names of the C compilers in or below a directory that a person named, for the sentence that
/// says that the wanted one is not among them; those that cannot be run are marked.
pub fn compilers(dir: &Path) -> Vec<String> {
    let mut found = Vec::new();
    for dir in below_named(dir) {
        let Ok(entries) = fs::read_dir(&dir) else { continue };
        for entry in entries.take(MOST_ENTRIES).flatten() {
            let Ok(name) = entry.file_name().into_string() else { continue };
            let parts = CompilerName::split(&name);
            if !matches!(parts, CompilerName { plain: "gcc" | "clang", version: None, .. }) {
                continue;
            }
            let runs = RealDisk.is_executable(&entry.path());
            let mark = if runs { "" } else { " (not executable: chmod +x)" };
            let text = format!("{}{mark}", printable(entry.path().as_os_str().as_bytes()));
            found.push(text);
        }
    }
    found.sort();
    found.dedup();
    found.truncate(8);
    found
}

/// Homes where people build toolchains: root's, and that of whoever called sudo.
pub fn homes() -> Vec<PathBuf> {
    let caller = env::SUDO_USER.text().filter(|name| name != "root");
    let caller = caller.and_then(|name| User::from_name(&name).ok().flatten());
    let own = env::HOME.get().map(PathBuf::from).filter(|home| home.is_absolute());
    let mut homes: Vec<_> = caller.map(|user| user.dir).into_iter().chain(own).collect();
    homes.push("/root".into());
    homes.dedup();
    homes
}

/// Whether the machine's own programs are in `dir` too.
pub(super) fn is_shared(dir: &Path) -> bool {
    dir == Path::new("/bin") || SHARED.iter().any(|shared| dir.ends_with(shared))
}

/// In order of their names.
fn subdirectories(dir: &Path) -> Vec<PathBuf> {
    let Ok(entries) = fs::read_dir(dir) else { return Vec::new() };
    let dirs = entries.take(MOST_ENTRIES).flatten().map(|entry| entry.path());
    let mut dirs: Vec<_> = dirs.filter(|path| path.is_dir()).collect();
    dirs.sort();
    dirs
}
