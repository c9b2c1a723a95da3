//! What an object is for, and whether that is a target's: machine, width, calls, processor.

use std::fmt;

use crate::compiler::arm_attributes::{self, ArmAttributes};
use crate::compiler::mismatch::machine_name;
use crate::compiler::object::{self, ObjectIdentity};
use crate::targets::{FloatAbi, Target};

/// ELF's number for 32-bit ARM.
const ARM: u16 = 40;

/// What an object is for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Made {
    /// ELF class: 1 for 32 bits, 2 for 64.
    pub class: u8,
    /// ELF machine.
    pub machine: u16,
    /// What an ARM object tells besides.
    pub arm: Option<ArmAttributes>,
    /// The compiler's own name for itself.
    pub compiler: Option<String>,
}

impl Made {
    /// Reads an ELF object; `None` for everything else.
    pub fn read(bytes: &[u8]) -> Option<Self> {
        let identity = object::identify(bytes).filter(|identity| identity.class != 0)?;
        let compiler = identity.comments.first().map(|name| printable(name));
        let arm = arm_attributes::read(bytes).filter(|_| identity.machine == ARM);
        Some(Self { class: identity.class, machine: identity.machine, arm, compiler })
    }

    /// Whether it links with objects of `target`.
    pub fn is_for(&self, target: &Target) -> bool {
        let same_floats = match (target.float_abi, self.arm) {
            (Some(abi), Some(arm)) => arm.hard_float == (abi == FloatAbi::Hard),
            _ => true,
        };
        self.machine == target.elf_machine && self.class == class(target) && same_floats
    }

    /// The version of the ARM architecture, if it is told.
    pub fn arm_version(&self) -> Option<u8> {
        self.arm.map(|arm| arm.arch).filter(|arch| *arch > 0)
    }
}

impl fmt::Display for Made {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&named(self.class, self.machine))?;
        let Some(arm) = self.arm else { return Ok(()) };
        if arm.arch > 0 {
            write!(f, "v{}", arm.arch)?;
        }
        f.write_str(if arm.hard_float { ", hard float" } else { ", soft float" })
    }
}

/// What an object of `target` is, as [`Made`] is shown.
pub fn wanted(target: &Target) -> String {
    let machine = named(class(target), target.elf_machine);
    match target.float_abi {
        Some(FloatAbi::Hard) => format!("{machine}, hard float"),
        Some(FloatAbi::Soft) => format!("{machine}, soft float"),
        None => machine,
    }
}

/// ELF class of the target's objects.
fn class(target: &Target) -> u8 {
    if target.elf_machine == ARM { 1 } else { 2 }
}

/// `32-bit ARM`.
fn named(class: u8, machine: u16) -> String {
    machine_name(&ObjectIdentity { class, machine, ..ObjectIdentity::default() })
}

/// The beginning of `text` without what would play with a terminal.
pub fn printable(text: &[u8]) -> String {
    let text = String::from_utf8_lossy(text);
    let shown = text.chars().filter(|letter| !letter.is_control());
    shown.take(160).collect::<String>().trim().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::targets::by_name;

    #[test]
    fn objects_are_told_by_machine_width_and_float_abi() {
        let arm = |arch, hard_float| Made {
            class: 1,
            machine: ARM,
            arm: Some(ArmAttributes { arch, hard_float }),
            compiler: None,
        };
        let other = |class, machine| Made { class, machine, arm: None, compiler: None };
        let fits = |made: &Made| {
            let all = crate::targets::TARGETS.iter().filter(|target| made.is_for(target));
            all.map(|target| target.name).collect::<Vec<_>>().join(" ")
        };
        let arms = [arm(7, true), arm(5, false), arm(0, true)];
        let others = [(2, 183), (1, 183), (2, 62), (1, 62), (1, 3)];
        let all = arms.into_iter().chain(others.map(|(class, machine)| other(class, machine)));
        let lines: Vec<_> = all.map(|made| format!("{made}: {}", fits(&made))).collect();
        insta::assert_snapshot!(lines.join("\n"), @r"
        32-bit ARMv7, hard float: armv6h armv7h
        32-bit ARMv5, soft float: armv5
        32-bit ARM, hard float: armv6h armv7h
        64-bit AArch64: armv8
        32-bit AArch64: 
        64-bit x86-64: x86_64
        32-bit x86-64: 
        32-bit x86: 
        ");
        assert_eq!(wanted(by_name("armv6h").unwrap()), "32-bit ARM, hard float");
        assert_eq!(Made::read(b"int x;"), None);
    }
}
