//! Toolchains of foreign targets on this machine: where they are, and which of their programs
//! answers for a compiler's name.

pub mod ask;
pub mod fault;
pub mod object;
pub mod places;
mod program;
pub mod sources;
pub mod verify;

use std::fs;
use std::path::{Path, PathBuf};

use crate::base::disk::{Disk, RealDisk};
use crate::compiler::names::CompilerName;
use crate::targets::{self, Target};

/// Compilers for one target.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Toolchain {
    /// What they compile for.
    pub target: &'static Target,
    /// Where they are.
    pub dir: PathBuf,
    /// What their names begin with; `None` for a machine's own compilers.
    pub triple: Option<String>,
    /// Whether `dir` has nothing but this toolchain, so that its bare names are part of it.
    pub is_alone: bool,
}

impl Toolchain {
    /// The program that `name` means: bare (`gcc`, `c++`, `g++-12`), or with a triple that may be
    /// for this target, even one that the programs here do not carry.
    pub fn program(&self, name: &str) -> Option<PathBuf> {
        let CompilerName { triple, plain, version } = CompilerName::split(name);
        let is_ours = |asked: &str| {
            self.triple.as_deref() == Some(asked)
                || targets::of_triple(asked).contains(&self.target)
        };
        if !triple.is_none_or(is_ours) {
            return None;
        }
        // Where no `cc` is installed, gcc is meant.
        let plains: &[&str] = match plain {
            "cc" => &["cc", "gcc"],
            "c++" => &["c++", "g++"],
            "gcc" => &["gcc"],
            "g++" => &["g++"],
            "cpp" => &["cpp"],
            "clang" => &["clang"],
            "clang++" => &["clang++"],
            _ => return None,
        };
        let version = version.map(|version| format!("-{version}")).unwrap_or_default();
        let prefixed = self
            .triple
            .iter()
            .flat_map(|triple| plains.iter().map(move |plain| (triple.as_str(), *plain)));
        let prefixed = prefixed.map(|(triple, plain)| format!("{triple}-{plain}{version}"));
        let bare = plains.iter().filter(|_| self.triple.is_none() || self.is_alone);
        let bare = bare.map(|plain| format!("{plain}{version}"));
        prefixed.chain(bare).map(|name| self.dir.join(name)).find(|path| is_compiler(path))
    }
}

/// The target of this machine's own programs, if it is one of the table's.
pub fn of_this_machine() -> Option<&'static Target> {
    let machine = rustix::system::uname().machine().to_string_lossy().into_owned();
    match (std::env::consts::ARCH, machine.as_str()) {
        // A 64-bit kernel runs the programs of a 32-bit system.
        ("arm", "aarch64" | "armv8l") => targets::by_name("armv7h"),
        ("arm", machine) => targets::by_name(machine),
        (arch, _) => targets::by_name(arch),
    }
}

/// This machine's own compilers as a toolchain, where they are for `target`.
pub fn native(target: &'static Target) -> Option<Toolchain> {
    let is_ours = of_this_machine() == Some(target);
    let dir = PathBuf::from("/usr/bin");
    is_ours.then_some(Toolchain { target, dir, triple: None, is_alone: false })
}

/// The toolchains for `target` in one directory, the likeliest first; one for each triple.
pub fn in_dir(target: &'static Target, dir: &Path) -> Vec<Toolchain> {
    let Ok(entries) = fs::read_dir(dir) else { return Vec::new() };
    let names = entries.take(places::MOST_ENTRIES).flatten().filter_map(|entry| {
        let name = entry.file_name().into_string().ok()?;
        let CompilerName { triple: Some(triple), plain: "gcc" | "clang", version: None } =
            CompilerName::split(&name)
        else {
            return None;
        };
        let rank = targets::of_triple(triple).into_iter().position(|other| other == target)?;
        let triple = triple.to_owned();
        is_compiler(&entry.path()).then_some((rank, triple != target.triple, triple))
    });
    let mut names: Vec<_> = names.collect();
    names.sort();
    names.dedup();
    let is_alone = !is_shared(dir);
    let found = names.into_iter().map(|(_, _, triple)| Toolchain {
        target,
        dir: dir.to_owned(),
        triple: Some(triple),
        is_alone,
    });
    found.collect()
}

/// Whether a directory holds the machine's own programs beside others.
pub(crate) fn is_shared(dir: &Path) -> bool {
    places::is_shared(dir)
}

/// The toolchain of a directory that has it under bare names alone, as old packages have it: what
/// its `gcc` says decides. Its programs are run.
pub fn bare_in_dir(target: &'static Target, dir: &Path) -> Option<Toolchain> {
    if is_shared(dir) {
        return None;
    }
    let programs = ["gcc", "clang"].map(|name| dir.join(name));
    let program = programs.into_iter().find(|path| is_compiler(path))?;
    let machine = ask::machine(&program).ok()?;
    let is_ours = targets::of_triple(&machine).contains(&target);
    is_ours.then(|| Toolchain { target, dir: dir.to_owned(), triple: None, is_alone: true })
}

/// All toolchains for `target` in the places that are known, below `root`: those of the packages
/// first, those in `/usr/bin` last.
pub fn find(target: &'static Target, root: &Path) -> Vec<Toolchain> {
    in_all(target, &places::of(target, root, &[root.join("root")]))
}

/// The same on this machine, with those in the homes of the people who set it up: a daemon finds
/// those only if it is told.
pub fn find_with_homes(target: &'static Target) -> Vec<Toolchain> {
    in_all(target, &places::of(target, Path::new("/"), &places::homes()))
}

/// The toolchains for `target` in `dir` and in what is below it: the root of a toolchain, an
/// unpacked archive, a directory of several. Where no name tells of `target`, those whose `gcc` may
/// be for it.
pub fn at(target: &'static Target, dir: &Path) -> Vec<Toolchain> {
    let dirs = places::below_named(dir);
    let found = in_all(target, &dirs);
    if !found.is_empty() {
        return found;
    }
    let has_gcc = |dir: &&PathBuf| !is_shared(dir) && is_compiler(&dir.join("gcc"));
    let bare = dirs.iter().filter(has_gcc).cloned();
    bare.map(|dir| Toolchain { target, dir, triple: None, is_alone: true }).collect()
}

/// Those in each of `dirs`, each directory once.
fn in_all(target: &'static Target, dirs: &[PathBuf]) -> Vec<Toolchain> {
    let mut seen = Vec::new();
    let mut found = Vec::new();
    for dir in dirs {
        let Ok(real) = fs::canonicalize(dir) else { continue };
        if !seen.contains(&real) {
            found.extend(in_dir(target, dir));
            seen.push(real);
        }
    }
    found
}

/// Whether it is a program, and not distcc under a compiler's name.
pub fn is_compiler(path: &Path) -> bool {
    let real = fs::canonicalize(path).ok();
    let name = real.as_deref().and_then(Path::file_name);
    RealDisk.is_executable(path) && name.is_some_and(|name| name != "distcc" && name != "distccd")
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::{PermissionsExt, symlink};

    use super::*;

    fn machine(programs: &[&str]) -> tempfile::TempDir {
        let root = tempfile::tempdir().unwrap();
        for program in programs {
            let path = root.path().join(program);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::File::create(&path).unwrap();
            fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
        }
        root
    }

    fn found(root: &Path, target: &str) -> Vec<String> {
        let all = find(targets::by_name(target).unwrap(), root);
        let text = |one: &Toolchain| {
            let dir = one.dir.strip_prefix(root).unwrap().display().to_string();
            format!("{dir} {}", one.triple.as_deref().unwrap_or("own"))
        };
        all.iter().map(text).collect()
    }

    #[test]
    fn toolchains_are_found_where_people_put_them() {
        let root = machine(&[
            "usr/bin/gcc",
            "usr/bin/arm-linux-gnueabihf-gcc",
            "usr/bin/arm-none-eabi-gcc",
            "usr/bin/aarch64-linux-gnu-gcc",
            "opt/x-tools7h/arm-unknown-linux-gnueabihf/bin/arm-unknown-linux-gnueabihf-gcc",
            "opt/x-tools6h/arm-unknown-linux-gnueabihf/bin/arm-unknown-linux-gnueabihf-gcc",
            "opt/gcc-linaro-7.5/bin/arm-linux-gnueabihf-gcc",
            "root/x-tools/armv7-rpi2-linux-gnueabihf/bin/armv7-rpi2-linux-gnueabihf-gcc",
            "root/src/arm-linux-gnueabihf/bin/arm-linux-gnueabihf-gcc",
            "opt/embtoolkit/generated/tools-armv7a-unknown-linux-gnueabihf-ARM_CORTEX_A8/bin/\
             armv7a-unknown-linux-gnueabihf-gcc",
            "usr/local/arm-gnu-toolchain-13.2.Rel1-x86_64-arm-none-linux-gnueabihf/bin/\
             arm-none-linux-gnueabihf-gcc",
            "usr/local/x-tools-armv7h/arm-unknown-linux-gnueabihf/bin/\
             arm-unknown-linux-gnueabihf-gcc",
        ]);
        insta::assert_snapshot!(found(root.path(), "armv7h").join("\n"), @r"
        opt/x-tools7h/arm-unknown-linux-gnueabihf/bin arm-unknown-linux-gnueabihf
        usr/local/x-tools-armv7h/arm-unknown-linux-gnueabihf/bin arm-unknown-linux-gnueabihf
        opt/embtoolkit/generated/tools-armv7a-unknown-linux-gnueabihf-ARM_CORTEX_A8/bin armv7a-unknown-linux-gnueabihf
        opt/gcc-linaro-7.5/bin arm-linux-gnueabihf
        opt/x-tools6h/arm-unknown-linux-gnueabihf/bin arm-unknown-linux-gnueabihf
        usr/local/arm-gnu-toolchain-13.2.Rel1-x86_64-arm-none-linux-gnueabihf/bin arm-none-linux-gnueabihf
        root/x-tools/armv7-rpi2-linux-gnueabihf/bin armv7-rpi2-linux-gnueabihf
        usr/bin arm-linux-gnueabihf
        ");
        assert_eq!(found(root.path(), "armv8"), ["usr/bin aarch64-linux-gnu"]);
        assert!(found(root.path(), "armv5").is_empty());
        assert!(found(root.path(), "armv6h")[0].starts_with("opt/x-tools6h/"));
    }

    #[test]
    fn a_toolchain_is_found_by_its_root_and_by_the_directory_of_its_archive() {
        let bin = "any/where/x-tools7h/arm-unknown-linux-gnueabihf/bin";
        let root = machine(&[
            &format!("{bin}/arm-unknown-linux-gnueabihf-gcc"),
            "any/build/output/host/bin/arm-buildroot-linux-gnueabihf-gcc",
            "any/build/output/host/bin/arm-buildroot-linux-gnueabihf-gcc.br_real",
        ]);
        let target = targets::by_name("armv7h").unwrap();
        let at = |dir: &str| {
            let found = at(target, &root.path().join(dir));
            found.into_iter().map(|one| one.dir).collect::<Vec<_>>()
        };
        for dir in ["any/where", "any/where/x-tools7h"] {
            assert_eq!(at(dir), [root.path().join(bin)], "{dir}");
        }
        assert_eq!(at("any/where/x-tools7h/arm-unknown-linux-gnueabihf"), [root.path().join(bin)]);
        assert_eq!(at(bin), [root.path().join(bin)]);
        assert_eq!(at("any/build/output"), [root.path().join("any/build/output/host/bin")]);
        assert!(at("nowhere").is_empty());
    }

    #[test]
    fn names_with_other_triples_of_the_target_and_bare_ones_are_answered() {
        let root = machine(&[
            "usr/bin/gcc",
            "usr/bin/gcc-12",
            "usr/bin/arm-linux-gnueabihf-gcc",
            "usr/bin/arm-linux-gnueabihf-gcc-12",
            "usr/bin/arm-linux-gnueabihf-g++",
            "usr/bin/aarch64-linux-gnu-gcc",
        ]);
        let all = find(targets::by_name("armv7h").unwrap(), root.path());
        let program = |name: &str| {
            let path = all[0].program(name)?;
            Some(path.file_name().unwrap().to_str().unwrap().to_owned())
        };
        let gcc = Some("arm-linux-gnueabihf-gcc".to_owned());
        for name in ["gcc", "cc", "armv7l-unknown-linux-gnueabihf-gcc", "arm-linux-gnueabihf-cc"] {
            assert_eq!(program(name), gcc, "{name}");
        }
        assert_eq!(program("gcc-12"), Some("arm-linux-gnueabihf-gcc-12".to_owned()));
        assert_eq!(program("c++"), Some("arm-linux-gnueabihf-g++".to_owned()));
        for name in ["gcc-11", "aarch64-linux-gnu-gcc", "armv6l-unknown-linux-gnueabihf-gcc"] {
            assert_eq!(program(name), None, "{name}");
        }
        for name in ["ld", "../gcc", "", "arm-linux-gnueabihf-objdump", "clang"] {
            assert_eq!(program(name), None, "{name}");
        }
    }

    #[test]
    fn bare_names_count_where_the_directory_is_the_toolchains_own_and_distcc_never_does() {
        let dir = "opt/x-tools8/aarch64-unknown-linux-gnu/bin";
        let gcc = format!("{dir}/aarch64-unknown-linux-gnu-gcc");
        let root = machine(&[gcc.as_str(), &format!("{dir}/gcc-15.2.1"), "usr/bin/distcc"]);
        symlink("/usr/bin/distcc", root.path().join(dir).join("clang")).unwrap();
        symlink(root.path().join("usr/bin/distcc"), root.path().join(dir).join("g++")).unwrap();
        let all = find(targets::by_name("armv8").unwrap(), root.path());
        assert!(all[0].program("gcc-15.2.1").unwrap().ends_with("gcc-15.2.1"));
        assert_eq!((all[0].program("g++"), all[0].program("clang")), (None, None));
    }
}
