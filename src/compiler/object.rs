//! Who made an object: ELF class and machine, and the compiler's own name for itself.
//!
//! The bytes come from a volunteer: nothing in them is trusted, each read is checked.

use crate::compiler::arm_attributes;

/// What an object tells of its compiler and target.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ObjectIdentity {
    /// ELF class: 1 for 32 bits, 2 for 64; 0 where the output is no ELF file.
    pub class: u8,
    /// ELF data encoding: 1 little, 2 big endian; 0 where the output is no ELF file.
    pub endian: u8,
    /// ELF machine; 0 where the output is no ELF file.
    pub machine: u16,
    /// ELF flags of that machine (ABI on ARM, MIPS, RISC-V).
    pub flags: u32,
    /// ARM: whether floating-point arguments travel in registers of their own; `None` on other
    /// machines, and where the object does not tell.
    pub hard_float: Option<bool>,
    /// ARM: the version of the architecture that it needs; `None` as above.
    pub arm_arch: Option<u8>,
    /// What the compilers wrote into `.comment` (or `.ident`), each once, in order.
    pub comments: Vec<Vec<u8>>,
}

/// The most comments that are kept; an object of one compiler has one or two.
const COMMENT_LIMIT: usize = 16;
/// How much of an assembly text's end is searched: the compiler's name stands in the last lines.
const ASSEMBLY_TAIL: usize = 16 << 10;
/// How much of its start: the compiler's words to the assembler come first.
const ASSEMBLY_HEAD: usize = 4 << 10;
/// ELF machines.
const ARM: u16 = 40;
const AARCH64: u16 = 183;

/// Reads ELF objects, LLVM bitcode and assembly text; `None` for what is none of them.
pub fn identify(object: &[u8]) -> Option<ObjectIdentity> {
    if object.starts_with(b"\x7fELF") {
        return elf(object);
    }
    if object.starts_with(b"BC\xc0\xde") || object.starts_with(b"\xde\xc0\x17\x0b") {
        let comments = bitcode_comments(object);
        return Some(ObjectIdentity { comments, ..ObjectIdentity::default() });
    }
    is_text(object).then(|| assembly(object))
}

/// Numbers of an ELF file in its own byte order and width.
#[derive(Clone, Copy)]
struct Elf<'a> {
    bytes: &'a [u8],
    wide: bool,
    big: bool,
}

impl<'a> Elf<'a> {
    fn number(self, at: u64, len: usize) -> Option<u64> {
        let bytes = self.part(at, len as u64)?;
        let join = |value: u64, byte: &u8| value << 8 | u64::from(*byte);
        Some(if self.big { bytes.iter().fold(0, join) } else { bytes.iter().rev().fold(0, join) })
    }

    fn part(self, at: u64, len: u64) -> Option<&'a [u8]> {
        let start = usize::try_from(at).ok()?;
        let end = start.checked_add(usize::try_from(len).ok()?)?;
        self.bytes.get(start..end)
    }

    /// A field at one offset in the 32-bit layout and another in the 64-bit one, of address size.
    fn address(self, base: u64, narrow_at: u64, wide_at: u64) -> Option<u64> {
        let (offset, len) = if self.wide { (wide_at, 8) } else { (narrow_at, 4) };
        self.number(base.checked_add(offset)?, len)
    }

    fn half(self, narrow_at: u64, wide_at: u64) -> Option<u64> {
        self.number(if self.wide { wide_at } else { narrow_at }, 2)
    }

    /// Where section `index`'s header starts.
    fn section(self, index: u64) -> Option<u64> {
        let headers = self.address(0, 0x20, 0x28)?;
        // Zero would make every header the same one.
        let size = self.half(0x2e, 0x3a).filter(|&size| size >= 40)?;
        headers.checked_add(index.checked_mul(size)?)
    }

    /// The content of the section whose header starts at `header`.
    fn content(self, header: u64) -> Option<&'a [u8]> {
        const NO_BITS: u64 = 8;
        if self.number(header.checked_add(4)?, 4)? == NO_BITS {
            return Some(&[]);
        }
        let offset = self.address(header, 0x10, 0x18)?;
        self.part(offset, self.address(header, 0x14, 0x20)?)
    }

    /// The content of the first section whose name `is_it` knows.
    fn find(self, is_it: impl Fn(&[u8]) -> bool) -> Option<&'a [u8]> {
        // In files of more than 65279 sections these two numbers stand in section 0.
        let first = self.section(0)?;
        let count = match self.half(0x30, 0x3c)? {
            0 => self.address(first, 0x14, 0x20)?,
            count => count,
        };
        let names = match self.half(0x32, 0x3e)? {
            0xffff => self.number(first.checked_add(if self.wide { 0x28 } else { 0x18 })?, 4)?,
            index => index,
        };
        let names = self.content(self.section(names)?)?;
        // A header lies within the file, so this ends however large the count claims to be.
        (1..count)
            .map_while(|index| {
                let header = self.section(index)?;
                Some((header, self.number(header, 4)?))
            })
            .find(|&(_, at)| {
                let at = usize::try_from(at).ok();
                at.and_then(|at| names.get(at..)).is_some_and(|rest| {
                    let name = rest.split(|&byte| byte == 0).next();
                    name.is_some_and(&is_it)
                })
            })
            .and_then(|(header, _)| self.content(header))
    }
}

/// The content of the first section called `name`, and whether its numbers are big endian; `None`
/// where there is none, or no ELF file.
pub(super) fn section<'a>(object: &'a [u8], name: &[u8]) -> Option<(&'a [u8], bool)> {
    let (_, elf) = open(object)?;
    Some((elf.find(|other| other == name)?, elf.big))
}

/// The program that loads this one, as `/lib/ld-linux.so.2`; `None` where an ELF file needs none.
/// The file's first bytes are enough.
///
/// Source: the ELF specification, program header of the type `PT_INTERP`.
pub fn loader(program: &[u8]) -> Option<&[u8]> {
    const INTERPRETER: u64 = 3;
    let (_, elf) = open(program)?;
    let headers = elf.address(0, 0x1c, 0x20)?;
    let (size, count) = (elf.half(0x2a, 0x36)?, elf.half(0x2c, 0x38)?);
    let mut all = (0..count).filter_map(|index| headers.checked_add(index.checked_mul(size)?));
    let header = all.find(|&header| elf.number(header, 4) == Some(INTERPRETER))?;
    let path = elf.part(elf.address(header, 0x4, 0x8)?, elf.address(header, 0x10, 0x20)?)?;
    path.split(|&byte| byte == 0).next()
}

/// The version of the LTO byte code in an object of gcc's: major and minor; `None` where it has
/// none.
///
/// Source: gcc's `lto-streamer.h` (10 and later): the section `.gnu.lto_.lto.HASH` begins with both
/// as numbers of 16 bits in the order of the machine that gcc runs on. lto1 refuses another major,
/// or a newer minor.
pub fn lto_version(object: &[u8]) -> Option<(u16, u16)> {
    let (_, elf) = open(object)?;
    let section = elf.find(|name| name.starts_with(b".gnu.lto_.lto."))?;
    let &[major_low, major_high, minor_low, minor_high, ..] = section else { return None };
    let number = |low, high| {
        if elf.big { u16::from_be_bytes([low, high]) } else { u16::from_le_bytes([low, high]) }
    };
    Some((number(major_low, major_high), number(minor_low, minor_high)))
}

/// The file, if its head is an ELF file's, and its class and byte order.
fn open(bytes: &[u8]) -> Option<((u8, u8), Elf<'_>)> {
    let &[0x7f, b'E', b'L', b'F', class @ (1 | 2), endian @ (1 | 2), ..] = bytes else {
        return None;
    };
    Some(((class, endian), Elf { bytes, wide: class == 2, big: endian == 2 }))
}

fn elf(bytes: &[u8]) -> Option<ObjectIdentity> {
    let ((class, endian), elf) = open(bytes)?;
    let machine = u16::try_from(elf.number(0x12, 2)?).ok()?;
    let flags = elf.number(if elf.wide { 0x30 } else { 0x24 }, 4)?;
    let flags = u32::try_from(flags).ok()?;
    let comments = elf.find(|name| name == b".comment").map(strings).unwrap_or_default();
    let attributes = arm_attributes::read(bytes).filter(|_| machine == ARM);
    let hard_float = attributes.map(|attributes| attributes.hard_float);
    let arm_arch = attributes.map(|attributes| attributes.arch).filter(|arch| *arch != 0);
    Some(ObjectIdentity { class, endian, machine, flags, hard_float, arm_arch, comments })
}

/// The strings of a `.comment` section, each once.
fn strings(section: &[u8]) -> Vec<Vec<u8>> {
    let found = section.split(|&byte| byte == 0).filter(|comment| !comment.is_empty());
    each_once(found.map(<[u8]>::to_vec))
}

/// Sources add comments of their own (`#ident`): if any names a compiler, only such ones count.
fn each_once(found: impl Iterator<Item = Vec<u8>>) -> Vec<Vec<u8>> {
    let (mut compilers, mut others) = (Vec::new(), Vec::new());
    for comment in found {
        let named = comment.starts_with(b"GCC: ")
            || memchr::memmem::find(&comment, b"clang version ").is_some();
        let list: &mut Vec<Vec<u8>> = if named { &mut compilers } else { &mut others };
        if list.len() < COMMENT_LIMIT && !list.contains(&comment) {
            list.push(comment);
        }
    }
    if compilers.is_empty() { others } else { compilers }
}

/// `clang version 14.0.6` out of bitcode: strings have no end there, so that a distributor's words
/// before and after cannot be told from their neighbours.
fn bitcode_comments(bitcode: &[u8]) -> Vec<Vec<u8>> {
    const NAME: &[u8] = b"clang version ";
    let found = memchr::memmem::find_iter(bitcode, NAME).map(|at| {
        let rest = bitcode.get(at + NAME.len()..).unwrap_or_default();
        let is_version = |byte: &&u8| byte.is_ascii_digit() || **byte == b'.';
        NAME.iter().chain(rest.iter().take_while(is_version)).copied().collect()
    });
    each_once(found)
}

/// Whether the bytes look like text: none of the first ones is a control character.
fn is_text(bytes: &[u8]) -> bool {
    let head = bytes.get(..bytes.len().min(512)).unwrap_or(bytes);
    !head.is_empty()
        && head.iter().all(|&byte| byte >= b' ' || matches!(byte, b'\t' | b'\n' | b'\r'))
}

/// Assembly text, as gcc and clang write it. What it is for shows in its first lines for ARM, and
/// for AArch64 where gcc wrote it; else the machine stays 0.
fn assembly(text: &[u8]) -> ObjectIdentity {
    let head = text.get(..ASSEMBLY_HEAD).unwrap_or(text);
    let lines = || head.split(|&byte| byte == b'\n').map(<[u8]>::trim_ascii);
    let comments = assembly_comments(text);
    if lines().any(|line| line.starts_with(b".eabi_attribute")) {
        let hard_float = Some(lines().any(is_hard_float_line));
        let machine = ARM;
        return ObjectIdentity { machine, hard_float, comments, ..ObjectIdentity::default() };
    }
    let is_aarch64 = lines().any(|line| line.starts_with(b".arch armv8-a"));
    let machine = if is_aarch64 { AARCH64 } else { 0 };
    ObjectIdentity { machine, comments, ..ObjectIdentity::default() }
}

/// Whether a line of assembly says that floating-point arguments travel in registers of their own:
/// it sets the attribute 28, `Tag_ABI_VFP_args`, to 1.
fn is_hard_float_line(line: &[u8]) -> bool {
    let words = line.strip_prefix(b".eabi_attribute").unwrap_or_default();
    let value = words.trim_ascii().strip_prefix(b"28,").unwrap_or_default();
    value.trim_ascii_start().first() == Some(&b'1')
}

/// The strings of `.ident "…"` lines, and those of `!llvm.ident` in LLVM's own text.
fn assembly_comments(text: &[u8]) -> Vec<Vec<u8>> {
    let tail = text.get(text.len().saturating_sub(ASSEMBLY_TAIL)..).unwrap_or(text);
    let found = tail.split(|&byte| byte == b'\n').filter_map(|line| {
        let line = line.trim_ascii();
        let quoted = match line.strip_prefix(b".ident") {
            Some(rest) => rest.trim_ascii().strip_prefix(b"\"")?.strip_suffix(b"\"")?,
            // `!7 = !{!"clang version 14.0.6"}`
            None => {
                let start = memchr::memmem::find(line, b"= !{!\"")?;
                let quoted = line.get(start + 6..)?.strip_suffix(b"\"}")?;
                quoted.windows(14).any(|part| part == b"clang version ").then_some(quoted)?
            }
        };
        Some(quoted.to_vec())
    });
    each_once(found)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// An ELF file with a null section, `.comment` and the table of names.
    fn file(class: u8, endian: u8, machine: u16, comment: &[u8]) -> Vec<u8> {
        let (wide, big) = (class == 2, endian == 2);
        let mut bytes = vec![0x7f, b'E', b'L', b'F', class, endian, 1];
        bytes.resize(16, 0);
        let number = |bytes: &mut Vec<u8>, value: u64, len: usize| {
            let all = value.to_be_bytes();
            let mut part = all[8 - len..].to_vec();
            if !big {
                part.reverse();
            }
            bytes.extend(part);
        };
        let address = if wide { 8 } else { 4 };
        let (header, section) = if wide { (64, 64) } else { (52, 40) };
        let names = b"\0.comment\0.shstrtab\0";
        number(&mut bytes, 1, 2);
        number(&mut bytes, u64::from(machine), 2);
        number(&mut bytes, 1, 4);
        number(&mut bytes, 0, address);
        number(&mut bytes, 0, address);
        number(&mut bytes, header + (comment.len() + names.len()) as u64, address);
        number(&mut bytes, 0x0500_0400, 4);
        for half in [header, 0, 0, section, 3, 2] {
            number(&mut bytes, half, 2);
        }
        assert_eq!(bytes.len() as u64, header);
        bytes.extend(comment);
        bytes.extend(names);
        let places = [
            (0, 0, 0, 0),
            (1, 1, header, comment.len() as u64),
            (10, 3, header + comment.len() as u64, names.len() as u64),
        ];
        for (name, kind, offset, size) in places {
            number(&mut bytes, name, 4);
            number(&mut bytes, kind, 4);
            number(&mut bytes, 0, address);
            number(&mut bytes, 0, address);
            number(&mut bytes, offset, address);
            number(&mut bytes, size, address);
            bytes.resize(bytes.len() + if wide { 24 } else { 16 }, 0);
        }
        bytes
    }

    const GCC: &[u8] = b"GCC: (Debian 12.2.0-14) 12.2.0";

    #[test]
    fn elf_of_each_class_and_byte_order_is_read() {
        let comment = [b"\0", GCC, b"\0"].concat();
        for (class, endian, machine) in [(1, 1, 40), (1, 2, 8), (2, 1, 62), (2, 2, 21)] {
            let identity = identify(&file(class, endian, machine, &comment));
            let comments = vec![GCC.to_vec()];
            let flags = 0x0500_0400;
            let none = ObjectIdentity::default();
            let expected = ObjectIdentity { class, endian, machine, flags, comments, ..none };
            assert_eq!(identity, Some(expected));
        }
    }

    #[test]
    fn comments_of_the_source_do_not_hide_the_compiler() {
        let comment = [b"@(#)t.c 1.1\0", GCC, b"\0", GCC, b"\0"].concat();
        assert_eq!(identify(&file(2, 1, 62, &comment)).unwrap().comments, [GCC]);
        let only = identify(&file(2, 1, 62, b"@(#)t.c 1.1\0")).unwrap();
        assert_eq!(only.comments, [b"@(#)t.c 1.1"]);
    }

    #[test]
    fn object_without_sections_has_no_comment() {
        let mut bytes = file(2, 1, 62, b"");
        bytes.truncate(64);
        assert_eq!(identify(&bytes).unwrap().comments, Vec::<Vec<u8>>::new());
    }

    #[test]
    fn endless_section_table_is_not_walked() {
        let mut bytes = file(2, 1, 62, b"GCC: (x) 1.2.3\0");
        // Headers of no size, and a count of 2^64 - 1 in section 0.
        bytes[0x3a..0x3e].fill(0);
        let first = bytes.len() - 3 * 64;
        bytes[first + 0x20..first + 0x28].fill(0xff);
        assert_eq!(identify(&bytes).unwrap().comments, Vec::<Vec<u8>>::new());
    }

    #[test]
    fn assembly_and_bitcode_tell_their_compiler() {
        let gnu = b"\t.file\t\"t.c\"\n\t.ident\t\"GCC: (Debian 12.2.0-14) 12.2.0\"\n";
        assert_eq!(identify(gnu).unwrap().comments, [GCC]);
        let llvm = b"; ModuleID = 't.c'\n!7 = !{!\"Debian clang version 14.0.6\"}\n";
        assert_eq!(identify(llvm).unwrap().comments, [b"Debian clang version 14.0.6"]);
        let bitcode = b"BC\xc0\xde\x35\x14Debian clang version 14.0.6wchar_size";
        assert_eq!(identify(bitcode).unwrap().comments, [b"clang version 14.0.6"]);
    }

    #[test]
    fn a_program_names_its_loader() {
        let program = std::fs::read("/proc/self/exe").unwrap();
        let loader = loader(&program).map(|path| String::from_utf8_lossy(path).into_owned());
        let loader = loader.unwrap();
        assert!(loader.starts_with("/lib") && loader.contains("ld-"), "{loader}");
        assert_eq!(super::loader(&file(2, 1, 62, b"")), None);
    }

    #[test]
    fn assembly_tells_arm_and_its_floats() {
        let soft = identify(b"\t.arch armv5te\n\t.eabi_attribute 20, 1\n").unwrap();
        assert_eq!((soft.machine, soft.hard_float), (ARM, Some(false)));
        for line in ["\t.eabi_attribute 28, 1\n", "\t.eabi_attribute\t28, 1\t@ Tag_ABI_VFP_args\n"]
        {
            let hard = identify(line.as_bytes()).unwrap();
            assert_eq!((hard.machine, hard.hard_float), (ARM, Some(true)));
        }
        assert_eq!(identify(b"\t.arch armv8-a\n\t.file\t\"t.c\"\n").unwrap().machine, AARCH64);
        assert_eq!(identify(b"\t.file\t\"t.c\"\n\t.text\n").unwrap().machine, 0);
    }

    #[test]
    fn what_is_no_object_is_nobody() {
        for bytes in [&b""[..], b"\x7fELF", b"\x7fELF\x03\x01", b"\0\x01\x02", b"MZ\x90\0"] {
            assert_eq!(identify(bytes), None, "{bytes:?}");
        }
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_without_a_panic(tail in proptest::collection::vec(any::<u8>(), 0..256),
                                              head in 0usize..4) {
            let heads = [&b""[..], b"\x7fELF\x02\x01\x01", b"\x7fELF\x01\x02\x01", b"BC\xc0\xde"];
            let bytes = [heads[head], &tail].concat();
            drop(identify(&bytes));
            let _ = lto_version(&bytes);
            let _ = loader(&bytes);
        }

        #[test]
        fn any_damage_to_an_object_is_read_without_a_panic(
            wide in any::<bool>(), cut in 0usize..400,
            changes in proptest::collection::vec((0usize..400, any::<u8>()), 0..8),
        ) {
            let class = if wide { 2 } else { 1 };
            let mut bytes = file(class, 1, 62, b"GCC: (x) 1.2.3\0");
            for (at, byte) in changes {
                if let Some(place) = bytes.get_mut(at) {
                    *place = byte;
                }
            }
            bytes.truncate(cut.max(8));
            drop(identify(&bytes));
            let _ = lto_version(&bytes);
        }
    }
}
