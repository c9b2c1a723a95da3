//! The targets that volunteers compile for, each with the port and the names that people know.
//!
//! A volunteer has a distccd of its own for each foreign target, since the same word `gcc` means
//! another compiler there. Names, ports and units are those of the packages `distccd-alarm-*`,
//! `distccd-arch-arm` and `distccd-x86_64`; triples are those of Arch, Arch Linux ARM, Debian and
//! crosstool-ng.

pub mod service;

/// How floating-point numbers travel between functions; objects of both kinds do not link.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FloatAbi {
    /// In integer registers (`gnueabi`).
    Soft,
    /// In floating-point registers (`gnueabihf`).
    Hard,
}

/// One target.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Target {
    /// What its unit and its options file are called by: `armv7h`.
    pub name: &'static str,
    /// Other names that people write: makepkg's CARCH, what `uname -m` says.
    pub aliases: &'static [&'static str],
    /// CARCH of makepkg on such a machine.
    pub carch: &'static str,
    /// The port of its distccd.
    pub port: u16,
    /// The triple that clients of that machine name their compilers by.
    pub triple: &'static str,
    /// ELF machine of its objects. Source: the ELF specification's `e_machine`.
    pub elf_machine: u16,
    /// Where that decides whether objects link.
    pub float_abi: Option<FloatAbi>,
    /// The newest version of the 32-bit ARM architecture that such machines run.
    pub arm_arch: Option<u32>,
    /// Where its packages put the toolchain's programs, below the root.
    pub package_dirs: &'static [&'static str],
}

/// All targets, by port.
pub const TARGETS: [Target; 5] = [
    Target {
        name: "x86_64",
        aliases: &["amd64"],
        carch: "x86_64",
        port: 3632,
        triple: "x86_64-pc-linux-gnu",
        elf_machine: 62,
        float_abi: None,
        arm_arch: None,
        package_dirs: &["opt/x-tools86/x86_64-pc-linux-gnu/bin"],
    },
    Target {
        name: "armv5",
        aliases: &["arm", "armv5te", "armv5tel"],
        carch: "arm",
        port: 3633,
        triple: "arm-unknown-linux-gnueabi",
        elf_machine: 40,
        float_abi: Some(FloatAbi::Soft),
        arm_arch: Some(5),
        package_dirs: &[
            "opt/x-tools/arm-unknown-linux-gnueabi/bin",
            "usr/local/x-tools-armv5/arm-unknown-linux-gnueabi/bin",
        ],
    },
    Target {
        name: "armv6h",
        aliases: &["armv6", "armv6l", "armv6hf"],
        carch: "armv6h",
        port: 3634,
        triple: "armv6l-unknown-linux-gnueabihf",
        elf_machine: 40,
        float_abi: Some(FloatAbi::Hard),
        arm_arch: Some(6),
        package_dirs: &[
            "opt/x-tools6h/arm-unknown-linux-gnueabihf/bin",
            "usr/local/x-tools-armv6h/arm-unknown-linux-gnueabihf/bin",
        ],
    },
    Target {
        name: "armv7h",
        aliases: &["armv7", "armv7l", "armv7hf", "armhf"],
        carch: "armv7h",
        port: 3635,
        triple: "armv7l-unknown-linux-gnueabihf",
        elf_machine: 40,
        float_abi: Some(FloatAbi::Hard),
        arm_arch: Some(7),
        package_dirs: &[
            "opt/x-tools7h/arm-unknown-linux-gnueabihf/bin",
            "usr/local/x-tools-armv7h/arm-unknown-linux-gnueabihf/bin",
        ],
    },
    Target {
        name: "armv8",
        aliases: &["aarch64", "arm64"],
        carch: "aarch64",
        port: 3636,
        triple: "aarch64-unknown-linux-gnu",
        elf_machine: 183,
        float_abi: None,
        arm_arch: None,
        package_dirs: &[
            "opt/x-tools8/aarch64-unknown-linux-gnu/bin",
            "usr/local/x-tools-armv8/aarch64-unknown-linux-gnu/bin",
        ],
    },
];

impl Target {
    /// The name of its daemon: `distccd-armv7h`; unit, options file and log are called so.
    pub fn daemon(&self) -> String {
        format!("distccd-{}", self.name)
    }
}

/// The target of this name: its own, an alias, with or without `alarm-` or `distccd-` before it.
pub fn by_name(name: &str) -> Option<&'static Target> {
    let name = name.strip_prefix("distccd-").unwrap_or(name);
    let name = name.strip_prefix("alarm-").unwrap_or(name);
    TARGETS.iter().find(|target| target.name == name || target.aliases.contains(&name))
}

/// The target whose daemon has this port.
pub fn by_port(port: u16) -> Option<&'static Target> {
    TARGETS.iter().find(|target| target.port == port)
}

/// The target of a machine whose makepkg has this CARCH.
pub fn by_carch(carch: &str) -> Option<&'static Target> {
    TARGETS.iter().find(|target| target.carch == carch)
}

/// The target of a compiler whose objects are for this ELF machine; for 32-bit ARM also by how
/// floating-point arguments travel, and by the version of the architecture that they need.
pub fn of_object(
    elf_machine: u16,
    hard_float: Option<bool>,
    arm_arch: Option<u8>,
) -> Option<&'static Target> {
    let fits = |target: &&Target| {
        target.elf_machine == elf_machine
            && target.float_abi.is_none_or(|abi| hard_float == Some(abi == FloatAbi::Hard))
    };
    let runs = |target: &&Target| {
        target.arm_arch.is_none_or(|newest| arm_arch.is_some_and(|arch| newest >= arch.into()))
    };
    // What tells no version is most likely for the newest machines.
    TARGETS.iter().filter(fits).find(runs).or_else(|| TARGETS.iter().rev().find(fits))
}

/// The targets that compilers of this triple may be for, the likeliest first.
///
/// `arm-linux-gnueabihf` is any ARM with a floating-point unit: which one, the compiler's
/// configuration decides, and the triple does not tell. Triples of other systems than Linux with
/// glibc (`arm-none-eabi`, `aarch64-linux-musl`) are for none.
pub fn of_triple(triple: &str) -> Vec<&'static Target> {
    let parts: Vec<_> = triple.split('-').collect();
    let (Some(&cpu), Some(&abi)) = (parts.first(), parts.last()) else { return Vec::new() };
    if parts.len() < 3 || !parts.contains(&"linux") {
        return Vec::new();
    }
    let names: &[&str] = match (cpu, abi) {
        ("x86_64", "gnu") => &["x86_64"],
        ("aarch64", "gnu") => &["armv8"],
        (cpu, "gnueabihf") if cpu.starts_with("armv7") => &["armv7h"],
        (cpu, "gnueabihf") if cpu.starts_with("armv6") => &["armv6h"],
        ("arm", "gnueabihf") => &["armv7h", "armv6h"],
        (cpu, "gnueabi") if cpu == "arm" || cpu.starts_with("armv5") => &["armv5"],
        _ => &[],
    };
    names.iter().filter_map(|name| by_name(name)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(triple: &str) -> Vec<&str> {
        of_triple(triple).into_iter().map(|target| target.name).collect()
    }

    #[test]
    fn every_target_is_found_by_all_that_it_is_called() {
        for target in &TARGETS {
            assert_eq!(by_name(target.name), Some(target));
            assert_eq!(by_name(&target.daemon()), Some(target));
            assert_eq!(by_name(&format!("distccd-alarm-{}", target.name)), Some(target));
            assert_eq!(by_port(target.port), Some(target));
            assert_eq!(by_carch(target.carch), Some(target));
            assert_eq!(of_triple(target.triple).first(), Some(&target));
            for alias in target.aliases {
                assert_eq!(by_name(alias), Some(target), "{alias}");
            }
        }
        assert_eq!(by_name("riscv64"), None);
        assert_eq!(by_port(3637), None);
    }

    #[test]
    fn objects_tell_their_target() {
        let name = |machine, float, arch| Some(of_object(machine, float, arch)?.name);
        assert_eq!(name(62, None, None), Some("x86_64"));
        assert_eq!(name(183, None, None), Some("armv8"));
        assert_eq!(name(40, Some(true), Some(7)), Some("armv7h"));
        assert_eq!(name(40, Some(true), Some(6)), Some("armv6h"));
        assert_eq!(name(40, Some(true), Some(8)), Some("armv7h"));
        assert_eq!(name(40, Some(true), None), Some("armv7h"));
        assert_eq!(name(40, Some(false), Some(5)), Some("armv5"));
        assert_eq!(name(40, Some(false), Some(7)), Some("armv5"));
        assert_eq!(name(40, None, Some(7)), None);
        assert_eq!(name(3, None, None), None);
    }

    #[test]
    fn triples_tell_cpu_system_and_abi() {
        assert_eq!(names("arm-linux-gnueabihf"), ["armv7h", "armv6h"]);
        assert_eq!(names("arm-unknown-linux-gnueabihf"), ["armv7h", "armv6h"]);
        assert_eq!(names("armv7l-unknown-linux-gnueabihf"), ["armv7h"]);
        assert_eq!(names("armv7a-cortex-linux-gnueabihf"), ["armv7h"]);
        assert_eq!(names("armv6l-unknown-linux-gnueabihf"), ["armv6h"]);
        assert_eq!(names("arm-linux-gnueabi"), ["armv5"]);
        assert_eq!(names("armv5tel-unknown-linux-gnueabi"), ["armv5"]);
        assert_eq!(names("aarch64-linux-gnu"), ["armv8"]);
        assert_eq!(names("x86_64-linux-gnu"), ["x86_64"]);
        for other in ["arm-none-eabi", "aarch64-linux-musl", "linux", "", "avr", "arm-linux"] {
            assert!(names(other).is_empty(), "{other}");
        }
    }
}
