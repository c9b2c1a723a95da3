//! Preprocessed text that still needs this machine: a file of it, its clock, its names.

/// Directives of the assembler that read a file.
const DIRECTIVES: [&[u8]; 2] = [b".incbin", b".include"];

/// The directive in an `asm` of the text, if any, by which the assembler reads a file: what it
/// names is here and not on a volunteer.
///
/// Looks for the directive and a quote after it, as a source writes it (`.incbin "f"`, or
/// `.incbin \\"f\\"` within a C string). A file's name made by macros is not seen; then the
/// volunteer fails for want of the file.
pub fn reads_file(text: &[u8]) -> Option<&'static str> {
    DIRECTIVES.iter().find_map(|directive| {
        memchr::memmem::find_iter(text, directive)
            .any(|at| text.get(at + directive.len()..).is_some_and(goes_on_with_name))
            .then(|| std::str::from_utf8(directive).unwrap_or_default())
    })
}

/// Macros whose value depends on where and when they are expanded: text in which macros are not
/// expanded yet must not travel with them.
const HERE_AND_NOW: [&[u8]; 5] =
    [b"__DATE__", b"__TIME__", b"__TIMESTAMP__", b"__BASE_FILE__", b"__INCLUDE_LEVEL__"];

/// Bytes kept of one piece of text, to find what the next one completes.
const OVERLAP: usize = 64;

/// Looks through text that comes in pieces.
#[derive(Clone, Debug, Default)]
pub struct Watch {
    /// The end of the text so far.
    tail: Vec<u8>,
    /// Whether macros are looked for.
    macros: bool,
    reads_file: Option<&'static str>,
    here_and_now: bool,
}

impl Watch {
    /// Looks for assembler directives, and, where macros are `unexpanded`, for those that only this
    /// machine can expand.
    pub fn new(unexpanded: bool) -> Self {
        Self { macros: unexpanded, ..Self::default() }
    }

    /// Looks through the next piece.
    pub fn look(&mut self, piece: &[u8]) {
        let (head, _) = piece.split_at(piece.len().min(OVERLAP));
        self.tail.extend_from_slice(head);
        let seam = std::mem::take(&mut self.tail);
        for text in [seam.as_slice(), piece] {
            self.reads_file = self.reads_file.or_else(|| reads_file(text));
            let found = |name: &&[u8]| memchr::memmem::find(text, name).is_some();
            self.here_and_now |= self.macros && HERE_AND_NOW.iter().any(found);
        }
        let kept = if piece.len() < OVERLAP { seam.as_slice() } else { piece };
        self.tail.extend_from_slice(kept.get(kept.len().saturating_sub(OVERLAP)..).unwrap_or(kept));
    }

    /// The directive by which the assembler reads a file, if one was seen ([`reads_file`]).
    pub fn reads_file(&self) -> Option<&'static str> {
        self.reads_file
    }

    /// Whether a macro was seen that only this machine can expand.
    pub fn here_and_now(&self) -> bool {
        self.here_and_now
    }
}

/// Whether blanks, the ends of C strings included (`" "`), lead to a quoted name. A string that
/// ends with the directive and is joined with nothing is no text for an assembler.
fn goes_on_with_name(rest: &[u8]) -> bool {
    if let Some(behind) = rest.strip_prefix(b"\"") {
        let next = behind.trim_ascii_start().first();
        return next
            .is_some_and(|byte| *byte == b'"' || *byte == b'_' || byte.is_ascii_alphanumeric());
    }
    let rest = rest.trim_ascii_start();
    rest.starts_with(b"\"") || rest.starts_with(b"\\\"") || rest.starts_with(b"\\t\\\"")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn incbin_and_include_of_the_assembler_are_found() {
        assert_eq!(reads_file(br#"asm(".incbin \"logo.bin\"\n");"#), Some(".incbin"));
        assert_eq!(reads_file(br#"asm("\t.incbin\t\"logo.bin\"");"#), Some(".incbin"));
        assert_eq!(reads_file(br#"asm(".incbin " "\"" "x" "\"");"#), Some(".incbin"));
        assert_eq!(reads_file(br#"asm(".include \"m.inc\"");"#), Some(".include"));
        assert_eq!(reads_file(br#"asm(".incbin" " \"x\"");"#), Some(".incbin"));
        assert_eq!(reads_file(br#"asm(".incbin" NAME);"#), Some(".incbin"));
        assert_eq!(reads_file(br#".incbin"logo.bin""#), Some(".incbin"));
    }

    #[test]
    fn a_string_that_is_about_such_a_word_is_no_directive() {
        assert_eq!(reads_file(br#"strncmp(name, ".include", 8)"#), None);
        assert_eq!(reads_file(br#"warn("function.include", WARNING, "%s")"#), None);
        assert_eq!(reads_file(br#"char *words[] = { ".include" };"#), None);
    }

    #[test]
    fn pieces_are_looked_through_as_one_text() {
        let text = br#"int before; asm(".incbin \"logo.bin\""); char *now = __TIME__; int after;"#;
        for size in 1..=text.len() {
            let mut watch = Watch::new(true);
            text.chunks(size).for_each(|piece| watch.look(piece));
            assert_eq!(watch.reads_file(), Some(".incbin"), "{size}");
            assert!(watch.here_and_now(), "{size}");
        }
    }

    #[test]
    fn macros_matter_only_where_they_are_unexpanded() {
        let mut watch = Watch::new(false);
        watch.look(b"char *text = \"__TIME__\";");
        assert!(!watch.here_and_now());
        let mut watch = Watch::new(true);
        watch.look(b"#define __TIME_T_TYPE long\nint __COUNTER;");
        assert!(!watch.here_and_now());
    }

    #[test]
    fn other_text_is_left_alone() {
        for text in ["", "int x;", "s.include = 1;", "x.incbin(1);", "char *s = \"a.includes\";"] {
            assert_eq!(reads_file(text.as_bytes()), None, "{text}");
        }
    }
}
