//! What an ARM object tells of the processor and of the calls that it was compiled for.
//!
//! Source: "Addenda to, and Errata in, the ABI for the Arm Architecture", build attributes. The
//! bytes may come from a volunteer: nothing in them is trusted, each read is checked.

use crate::compiler::object;

/// Where they stand.
const SECTION: &[u8] = b".ARM.attributes";
/// The attributes of Arm's own ABI.
const VENDOR: &[u8] = b"aeabi";
/// Attributes of the whole file.
const TAG_FILE: u64 = 1;
const TAG_CPU_RAW_NAME: u64 = 4;
const TAG_CPU_NAME: u64 = 5;
const TAG_CPU_ARCH: u64 = 6;
const TAG_ABI_VFP_ARGS: u64 = 28;
/// A number, then a string.
const TAG_COMPATIBILITY: u64 = 32;

/// The attributes that decide whether objects work together.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ArmAttributes {
    /// Version of the architecture: 5, 6, 7; 0 where none is told, or an older or unknown one.
    pub arch: u8,
    /// Floating-point numbers travel between functions in floating-point registers.
    pub hard_float: bool,
}

/// Reads them; `None` where the object has none.
pub fn read(object: &[u8]) -> Option<ArmAttributes> {
    let (section, big) = object::section(object, SECTION)?;
    let mut rest = Bytes(section.strip_prefix(b"A")?);
    let mut found = ArmAttributes::default();
    while let Some(mut vendor) = rest.sized(0, big) {
        if vendor.string()? != VENDOR {
            continue;
        }
        while let Some((tag, mut list)) = vendor.tagged(big) {
            if tag == TAG_FILE {
                list.attributes(&mut found);
            }
        }
    }
    Some(found)
}

/// What is left to read.
#[derive(Clone, Copy)]
struct Bytes<'a>(&'a [u8]);

impl<'a> Bytes<'a> {
    fn attributes(&mut self, found: &mut ArmAttributes) -> Option<()> {
        loop {
            let tag = self.number()?;
            match tag {
                TAG_CPU_RAW_NAME | TAG_CPU_NAME => {
                    self.string()?;
                }
                TAG_COMPATIBILITY => {
                    self.number()?;
                    self.string()?;
                }
                TAG_CPU_ARCH => found.arch = arch(self.number()?),
                TAG_ABI_VFP_ARGS => found.hard_float = self.number()? == 1,
                // Above 32 the odd ones are strings.
                other if other > TAG_COMPATIBILITY && other % 2 == 1 => {
                    self.string()?;
                }
                _ => {
                    self.number()?;
                }
            }
        }
    }

    /// A number in 7 bits a byte, the lowest first.
    fn number(&mut self) -> Option<u64> {
        let mut value = 0_u64;
        for shift in (0..63).step_by(7) {
            let (&byte, rest) = self.0.split_first()?;
            self.0 = rest;
            value |= u64::from(byte & 0x7f) << shift;
            if byte & 0x80 == 0 {
                return Some(value);
            }
        }
        None
    }

    /// Up to a zero.
    fn string(&mut self) -> Option<&'a [u8]> {
        let end = self.0.iter().position(|&byte| byte == 0)?;
        let string = self.0.get(..end)?;
        self.0 = self.0.get(end + 1..)?;
        Some(string)
    }

    /// A part that begins with its size in four bytes, which counts them, and `before` bytes that
    /// were read already.
    fn sized(&mut self, before: usize, big: bool) -> Option<Self> {
        let (&size, rest) = self.0.split_first_chunk::<4>()?;
        let size = if big { u32::from_be_bytes(size) } else { u32::from_le_bytes(size) };
        let size = usize::try_from(size).ok()?.checked_sub(before + 4)?;
        let (part, rest) = rest.split_at_checked(size)?;
        self.0 = rest;
        Some(Self(part))
    }

    /// A tag, and the sized part that it is about.
    fn tagged(&mut self, big: bool) -> Option<(u64, Self)> {
        let length = self.0.len();
        let tag = self.number()?;
        let before = length - self.0.len();
        Some((tag, self.sized(before, big)?))
    }
}

/// The version that a value of `Tag_CPU_arch` stands for.
fn arch(value: u64) -> u8 {
    match value {
        1 | 2 => 4,
        3..=5 => 5,
        6..=9 | 11 | 12 => 6,
        10 | 13 => 7,
        14..=17 | 21 => 8,
        22 => 9,
        _ => 0,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// The attributes as `section` holds them, without an object around.
    fn list(bytes: &[u8]) -> ArmAttributes {
        let mut found = ArmAttributes::default();
        Bytes(bytes).attributes(&mut found);
        found
    }

    /// An object with these attributes, made by a compiler for ARM.
    fn compiled(words: &[&str]) -> Option<ArmAttributes> {
        let dir = tempfile::tempdir().unwrap();
        let (source, object) = (dir.path().join("unit.c"), dir.path().join("unit.o"));
        std::fs::File::create(&source).unwrap();
        let (gcc, words) = words.split_first().unwrap();
        let mut command = std::process::Command::new(gcc);
        let output = command.args(words).arg("-c").arg(&source).arg("-o").arg(&object).output();
        let Ok(output) = output else {
            eprintln!("there is no {gcc} here");
            return None;
        };
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let found = read(&std::fs::read(&object).unwrap());
        assert!(found.is_some());
        found
    }

    #[test]
    fn objects_of_real_compilers_tell_processor_and_calls() {
        let hard = ArmAttributes { arch: 7, hard_float: true };
        let soft = ArmAttributes { arch: 5, hard_float: false };
        for (words, expected) in [
            (&["arm-linux-gnueabihf-gcc"][..], hard),
            (
                &["arm-linux-gnueabihf-gcc", "-marm", "-march=armv6+fp"],
                ArmAttributes { arch: 6, ..hard },
            ),
            (
                &["arm-linux-gnueabihf-gcc", "-march=armv8-a+simd"],
                ArmAttributes { arch: 8, ..hard },
            ),
            (&["arm-linux-gnueabihf-gcc", "-mbig-endian"], hard),
            (&["arm-linux-gnueabi-gcc"], soft),
        ] {
            if let Some(found) = compiled(words) {
                assert_eq!(found, expected, "{words:?}");
            }
        }
    }

    #[test]
    fn strings_and_unknown_tags_are_stepped_over() {
        // CPU name, compatibility, an unknown string, an unknown number, then what is looked for.
        let bytes = b"\x057-A\0\x20\x01gnu\0\x43x\0\x2c\x81\x01\x06\x0a\x1c\x01";
        assert_eq!(list(bytes), ArmAttributes { arch: 7, hard_float: true });
        assert_eq!(list(b"\x06\x0a\x1c"), ArmAttributes { arch: 7, hard_float: false });
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_without_a_panic(bytes in proptest::collection::vec(any::<u8>(), 0..64)) {
            list(&bytes);
            let mut rest = Bytes(&bytes);
            while rest.tagged(false).is_some() {}
            let _ = read(&bytes);
        }
    }
}
