//! Whether an object from a volunteer was made by the compiler that this machine has.
//!
//! gcc and clang write their version into `.comment`; the ELF header says for which machine the
//! object is. Source: design decision; distcc 3.4 compares nothing.

use crate::compiler::object::ObjectIdentity;

/// What a comparison found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// The same, as far as an object can tell.
    Same,
    /// Another patch level or distributor: how they differ.
    Close(String),
    /// Another version, where objects may differ: how they differ.
    Different(String),
    /// Made for another machine: never usable.
    Foreign(String),
}

/// Compares what a local object (`ours`) and one of a volunteer (`theirs`) tell.
///
/// `None` for `theirs` is a file in which nothing can be read, which no compiler leaves. An object
/// without a version (`-fno-ident`) is judged by its machine alone.
pub fn compare(ours: &ObjectIdentity, theirs: Option<&ObjectIdentity>) -> Verdict {
    let Some(theirs) = theirs else {
        return Verdict::Foreign("the volunteer sent something that is no object file".to_owned());
    };
    let machine = |of: &ObjectIdentity| (of.class, of.endian, of.machine);
    if machine(ours) != machine(theirs) {
        return Verdict::Foreign(format!(
            "the volunteer's object is {}, the local compiler makes {}",
            machine_name(theirs),
            machine_name(ours)
        ));
    }
    if abi_flags(ours) != abi_flags(theirs) {
        return Verdict::Foreign(format!(
            "the volunteer's object is for another ABI of {} (ELF flags {:#x}, here {:#x})",
            machine_name(ours),
            theirs.flags,
            ours.flags
        ));
    }
    if let (Some(mine), Some(other)) = (ours.hard_float, theirs.hard_float)
        && mine != other
    {
        let word = |hard| if hard { "hard" } else { "soft" };
        return Verdict::Foreign(format!(
            "the volunteer's object is {} with {} floats, the local compiler makes {} floats: they \
             do not link",
            machine_name(theirs),
            word(other),
            word(mine)
        ));
    }
    if ours.comments.is_empty() || theirs.comments.is_empty() || ours.comments == theirs.comments {
        return Verdict::Same;
    }
    let (mine, other) = (listed(ours), listed(theirs));
    let differ = format!("the volunteer's compiler is `{other}`, the local one `{mine}`");
    let release = |of: &str| version(of).map(|version| (kind(of), version.0, version.1));
    match (release(&mine), release(&other)) {
        (Some(mine), Some(other)) if mine == other => Verdict::Close(differ),
        _ => Verdict::Different(differ),
    }
}

/// The ELF flags that tell of an ABI; others vary from unit to unit.
fn abi_flags(identity: &ObjectIdentity) -> u32 {
    const ARM: u16 = 40;
    const RISC_V: u16 = 243;
    match identity.machine {
        ARM => identity.flags & 0xff00_0000,
        RISC_V => identity.flags & 0x0e,
        _ => 0,
    }
}

/// Whether the object was made by gcc of at least release `first`.
pub fn is_gcc_from(identity: &ObjectIdentity, first: u32) -> bool {
    let comment = listed(identity);
    kind(&comment) == "gcc" && version(&comment).is_some_and(|(major, _)| major >= first)
}

/// What the compiler calls itself: `GCC: (GNU) 15.2.1 20250813`; empty where it does not tell.
pub fn listed(identity: &ObjectIdentity) -> String {
    let comments: Vec<_> =
        identity.comments.iter().map(|comment| String::from_utf8_lossy(comment)).collect();
    comments.join(", ")
}

/// Whether the compiler that calls itself `one` is newer than `other`: the same kind, and more in
/// the first number that differs. A version may have a date behind it.
pub fn is_newer(one: &str, other: &str) -> bool {
    let numbers = |of: &str| -> Vec<u64> {
        let (_, of) = of.rsplit_once(')').unwrap_or(("", of));
        let parts = of.split(|sign: char| !sign.is_ascii_digit()).filter(|part| !part.is_empty());
        parts.map(|part| part.parse().unwrap_or(u64::MAX)).collect()
    };
    kind(one) == kind(other) && numbers(one) > numbers(other)
}

/// What kind of compiler a comment is of; without its distributor's words.
fn kind(comment: &str) -> &'static str {
    if comment.contains("clang") {
        "clang"
    } else if comment.starts_with("GCC") {
        "gcc"
    } else {
        "other"
    }
}

/// Major and minor of the last version number in `comment`: `GCC: (Debian 12.2.0-14) 12.2.0` is
/// (12, 2), `Debian clang version 14.0.6` is (14, 0).
fn version(comment: &str) -> Option<(u32, u32)> {
    comment.split(|sign: char| sign.is_whitespace() || sign == '(' || sign == ')').rev().find_map(
        |word| {
            let mut parts = word.split(['.', '-', '+']);
            Some((parts.next()?.parse().ok()?, parts.next()?.parse().ok()?))
        },
    )
}

/// `ELF64 x86-64` and the like, by the numbers of the ELF specification.
pub fn machine_name(identity: &ObjectIdentity) -> String {
    let class = match identity.class {
        1 => "32-bit",
        2 => "64-bit",
        _ if identity.machine == 0 => return "no ELF file".to_owned(),
        _ => "assembly for",
    };
    let machine = match identity.machine {
        3 => "x86",
        8 => "MIPS",
        20 => "PowerPC",
        21 => "PowerPC64",
        22 => "S/390",
        40 => "ARM",
        62 => "x86-64",
        183 => "AArch64",
        243 => "RISC-V",
        258 => "LoongArch",
        other => return format!("{class} ELF of machine {other}"),
    };
    format!("{class} {machine}")
}

/// [`machine_name`], and on ARM how floating-point numbers travel.
pub fn machine_and_floats(identity: &ObjectIdentity) -> String {
    let name = machine_name(identity);
    match identity.hard_float {
        Some(true) => format!("{name} (hard float)"),
        Some(false) => format!("{name} (soft float)"),
        None => name,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn object(machine: u16, comments: &[&str]) -> ObjectIdentity {
        let comments = comments.iter().map(|comment| comment.as_bytes().to_vec()).collect();
        ObjectIdentity { class: 2, endian: 1, machine, comments, ..ObjectIdentity::default() }
    }

    const DEBIAN: &str = "GCC: (Debian 12.2.0-14+deb12u1) 12.2.0";

    #[test]
    fn equal_objects_are_the_same() {
        let ours = object(62, &[DEBIAN]);
        assert_eq!(compare(&ours, Some(&ours.clone())), Verdict::Same);
        assert_eq!(compare(&ours, Some(&object(62, &[]))), Verdict::Same);
    }

    #[test]
    fn another_machine_is_never_usable() {
        let verdict = compare(&object(62, &[DEBIAN]), Some(&object(183, &[DEBIAN])));
        let Verdict::Foreign(text) = verdict else { panic!("{verdict:?}") };
        assert!(text.contains("64-bit AArch64") && text.contains("64-bit x86-64"), "{text}");
        assert!(matches!(compare(&object(62, &[DEBIAN]), None), Verdict::Foreign(_)));
    }

    #[test]
    fn floats_that_travel_in_other_registers_are_foreign() {
        let with = |hard_float| ObjectIdentity { hard_float, ..object(40, &[DEBIAN]) };
        let (soft, hard, unknown) = (with(Some(false)), with(Some(true)), with(None));
        let Verdict::Foreign(text) = compare(&hard, Some(&soft)) else { panic!() };
        assert!(text.contains("with soft floats, the local compiler makes hard floats"), "{text}");
        assert!(matches!(compare(&soft, Some(&hard)), Verdict::Foreign(_)));
        assert_eq!(compare(&hard, Some(&hard)), Verdict::Same);
        assert_eq!(compare(&hard, Some(&unknown)), Verdict::Same);
        assert_eq!(compare(&unknown, Some(&soft)), Verdict::Same);
    }

    #[test]
    fn another_distributor_or_patch_level_is_close() {
        let ours = object(62, &[DEBIAN]);
        for theirs in ["GCC: (GNU) 12.2.0", "GCC: (GNU) 12.2.1 20230201"] {
            let verdict = compare(&ours, Some(&object(62, &[theirs])));
            assert!(matches!(verdict, Verdict::Close(_)), "{theirs}: {verdict:?}");
        }
    }

    #[test]
    fn another_release_or_kind_is_different() {
        let ours = object(62, &[DEBIAN]);
        for theirs in ["GCC: (GNU) 12.3.0", "GCC: (GNU) 13.2.0", "Debian clang version 14.0.6", "x"]
        {
            let verdict = compare(&ours, Some(&object(62, &[theirs])));
            assert!(matches!(verdict, Verdict::Different(_)), "{theirs}: {verdict:?}");
        }
    }

    #[test]
    fn newer_is_told_by_number_and_date() {
        assert!(is_newer("GCC: (GNU) 15.2.1 20250813", "GCC: (GNU) 15.1.1 20250425"));
        assert!(is_newer("GCC: (GNU) 15.2.1 20250813", "GCC: (GNU) 15.2.1 20250725"));
        assert!(is_newer("GCC: (Debian 12.2.0-14) 12.2.0", "GCC: (Debian 11.3.0-12) 11.3.0"));
        assert!(!is_newer("GCC: (Debian 12.2.0-99) 12.2.0", "GCC: (Debian 12.2.0-14) 12.2.0"));
        assert!(!is_newer("GCC: (GNU) 9.1.0", "GCC: (GNU) 15.1.0"));
        assert!(!is_newer("clang version 22.1.3", "GCC: (GNU) 15.1.0"));
        assert!(is_newer("clang version 22.1.3", "Debian clang version 14.0.6"));
    }

    #[test]
    fn versions_are_read_from_both_compilers() {
        assert_eq!(version(DEBIAN), Some((12, 2)));
        assert_eq!(version("Debian clang version 14.0.6"), Some((14, 0)));
        assert_eq!(version("clang version 22.1.3 (https://x/llvm 0a1b)"), Some((22, 1)));
        assert_eq!(version("GCC: (GNU) 16.1.1 20260430"), Some((16, 1)));
        assert_eq!(version("tcc"), None);
    }
}
