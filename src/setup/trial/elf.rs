//! The sections and symbols of an ELF object, as far as comparing two of them needs.
//!
//! Source: the System V ABI, chapters "Object Files" and "Symbol Table".

/// One section.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Section<'a> {
    /// Its name.
    pub name: &'a [u8],
    /// Its type, `SHT_…`.
    pub kind: u32,
    /// Its flags, `SHF_…`.
    pub flags: u64,
    /// Its length, which a section without content (`.bss`) has too.
    pub size: u64,
    /// Its content.
    pub content: &'a [u8],
    /// The index of the section that it belongs to: of a symbol table, its names.
    link: u32,
}

/// One symbol, without the numbers that depend on the order of sections.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Symbol<'a> {
    name: &'a [u8],
    /// The section's name, or its reserved number (absolute, common, undefined) as bytes.
    section: Vec<u8>,
    value: u64,
    size: u64,
    /// Binding, type and visibility.
    info: [u8; 2],
}

/// Section type of symbol tables.
const SYMTAB: u32 = 2;
/// Section type of sections without content.
const NOBITS: u32 = 8;
/// The first of the section numbers that name no section.
const FIRST_RESERVED: u16 = 0xff00;

/// How an object's numbers are written.
#[derive(Clone, Copy, Debug)]
struct Layout {
    wide: bool,
    big: bool,
}

impl Layout {
    /// The number of `len` bytes at `at`.
    fn number(self, bytes: &[u8], at: usize, len: usize) -> Option<u64> {
        let field = bytes.get(at..at.checked_add(len)?)?;
        let join = |value: u64, byte: &u8| value << 8 | u64::from(*byte);
        Some(if self.big { field.iter().fold(0, join) } else { field.iter().rev().fold(0, join) })
    }

    /// The number at `narrow` (4 bytes) or `wide` (8 bytes), which the object's class decides.
    fn word(self, bytes: &[u8], narrow: usize, wide: usize) -> Option<u64> {
        if self.wide { self.number(bytes, wide, 8) } else { self.number(bytes, narrow, 4) }
    }

    fn half(self, bytes: &[u8], at: usize) -> Option<u16> {
        self.number(bytes, at, 2).and_then(|value| u16::try_from(value).ok())
    }

    fn int(self, bytes: &[u8], at: usize) -> Option<u32> {
        self.number(bytes, at, 4).and_then(|value| u32::try_from(value).ok())
    }
}

/// An object's sections, in order; `None` for what is no ELF file or is cut short.
pub(super) fn sections(object: &[u8]) -> Option<Vec<Section<'_>>> {
    let layout = layout(object)?;
    let table = usize::try_from(layout.word(object, 0x20, 0x28)?).ok()?;
    let (entry, count, names) = if layout.wide { (0x3a, 0x3c, 0x3e) } else { (0x2e, 0x30, 0x32) };
    let entry = usize::from(layout.half(object, entry)?);
    let header = |index: usize| {
        let start = table.checked_add(index.checked_mul(entry)?)?;
        object.get(start..start.checked_add(entry)?)
    };
    // An object with very many sections keeps both numbers in its first section header.
    let mut count = usize::from(layout.half(object, count)?);
    let mut names = u32::from(layout.half(object, names)?);
    if count == 0 && table != 0 {
        count = usize::try_from(layout.word(header(0)?, 0x14, 0x20)?).ok()?;
    }
    if names == 0xffff {
        names = layout.int(header(0)?, if layout.wide { 0x28 } else { 0x18 })?;
    }
    let names = section(layout, object, header(usize::try_from(names).ok()?)?, &[])?.content;
    (0..count).map(|index| section(layout, object, header(index)?, names)).collect()
}

fn layout(object: &[u8]) -> Option<Layout> {
    let ident = object.strip_prefix(b"\x7fELF")?;
    Some(Layout {
        wide: match ident.first()? {
            1 => false,
            2 => true,
            _ => return None,
        },
        big: match ident.get(1)? {
            1 => false,
            2 => true,
            _ => return None,
        },
    })
}

/// The section whose header is at the front of `header`.
fn section<'a>(
    layout: Layout,
    object: &'a [u8],
    header: &[u8],
    names: &'a [u8],
) -> Option<Section<'a>> {
    let kind = layout.int(header, 4)?;
    let start = usize::try_from(layout.word(header, 0x10, 0x18)?).ok()?;
    let size = layout.word(header, 0x14, 0x20)?;
    let content = match kind {
        0 | NOBITS => &[],
        _ => object.get(start..start.checked_add(usize::try_from(size).ok()?)?)?,
    };
    let name = text(names, layout.int(header, 0)?);
    let link = layout.int(header, if layout.wide { 0x28 } else { 0x18 })?;
    Some(Section { name, kind, flags: layout.word(header, 8, 8)?, size, content, link })
}

/// The symbols of an object whose sections are known.
pub(super) fn symbols<'a>(object: &[u8], sections: &[Section<'a>]) -> Option<Vec<Symbol<'a>>> {
    let layout = layout(object)?;
    let Some(table) = sections.iter().find(|section| section.kind == SYMTAB) else {
        return Some(Vec::new());
    };
    let names = sections.get(usize::try_from(table.link).ok()?)?.content;
    let entry = if layout.wide { 24 } else { 16 };
    table.content.chunks_exact(entry).map(|raw| symbol(layout, raw, names, sections)).collect()
}

fn symbol<'a>(
    layout: Layout,
    raw: &[u8],
    names: &'a [u8],
    sections: &[Section<'_>],
) -> Option<Symbol<'a>> {
    let info = if layout.wide { 4 } else { 12 };
    let index = layout.half(raw, info + 2)?;
    let section = match sections.get(usize::from(index)) {
        Some(section) if index < FIRST_RESERVED => section.name.to_vec(),
        _ => index.to_be_bytes().to_vec(),
    };
    Some(Symbol {
        name: text(names, layout.int(raw, 0)?),
        section,
        value: layout.word(raw, 4, 8)?,
        size: layout.word(raw, 8, 16)?,
        info: [*raw.get(info)?, *raw.get(info + 1)?],
    })
}

/// The text that begins at `at` in a table of texts.
fn text(table: &[u8], at: u32) -> &[u8] {
    let from = usize::try_from(at).ok().and_then(|at| table.get(at..)).unwrap_or_default();
    from.split(|byte| *byte == 0).next().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Puts together a little-endian 64-bit object with one section of each given name.
    pub(crate) fn object(parts: &[(&str, &[u8])]) -> Vec<u8> {
        let mut names = vec![0];
        let mut contents = vec![0; 64];
        let mut headers = vec![0; 64];
        let mut push = |name: &str, kind: u32, content: &[u8], contents: &mut Vec<u8>| {
            let mut header = Vec::new();
            header.extend(u32::try_from(names.len()).unwrap().to_le_bytes());
            header.extend(kind.to_le_bytes());
            header.extend([0; 16]);
            header.extend((contents.len() as u64).to_le_bytes());
            names.extend(name.bytes().chain([0]));
            let content = if kind == 3 { names.as_slice() } else { content };
            header.extend((content.len() as u64).to_le_bytes());
            header.resize(64, 0);
            contents.extend(content);
            headers.extend(header);
        };
        for (name, content) in parts {
            push(name, 1, content, &mut contents);
        }
        push(".shstrtab", 3, &[], &mut contents);
        let count = u16::try_from(parts.len() + 2).unwrap();
        let table = contents.len() as u64;
        contents[..6].copy_from_slice(b"\x7fELF\x02\x01");
        contents[0x28..0x30].copy_from_slice(&table.to_le_bytes());
        contents[0x3a..0x3c].copy_from_slice(&64_u16.to_le_bytes());
        contents[0x3c..0x3e].copy_from_slice(&count.to_le_bytes());
        contents[0x3e..0x40].copy_from_slice(&(count - 1).to_le_bytes());
        contents.extend(headers);
        contents
    }

    #[test]
    fn sections_come_with_names_and_contents() {
        let object = object(&[(".text", b"code"), (".data", b"12345")]);
        let found = sections(&object).unwrap();
        let named: Vec<_> = found.iter().map(|section| section.name).collect();
        assert_eq!(named, [b"".as_slice(), b".text", b".data", b".shstrtab"]);
        assert_eq!(found[2].content, b"12345");
    }

    #[test]
    fn what_is_no_elf_file_has_no_sections() {
        assert_eq!(sections(b""), None);
        assert_eq!(sections(b"BC\xc0\xde"), None);
        assert_eq!(sections(b"\x7fELF\x03\x01"), None);
    }

    #[test]
    fn an_object_cut_anywhere_is_refused() {
        let object = object(&[(".text", b"code")]);
        for len in 0..object.len() {
            assert_eq!(sections(&object[..len]), None, "{len}");
        }
    }

    proptest! {
        #[test]
        fn no_bytes_make_it_panic(mut bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
            for (at, byte) in b"\x7fELF\x02\x01".iter().enumerate().take(bytes.len()) {
                bytes[at] = *byte;
            }
            if let Some(found) = sections(&bytes) {
                symbols(&bytes, &found);
            }
        }

        #[test]
        fn no_changed_byte_makes_it_panic(at in any::<prop::sample::Index>(), to in any::<u8>()) {
            let mut bytes = object(&[(".text", b"code"), (".symtab", &[7; 48])]);
            let at = at.index(bytes.len());
            bytes[at] = to;
            if let Some(found) = sections(&bytes) {
                symbols(&bytes, &found);
            }
        }
    }
}
