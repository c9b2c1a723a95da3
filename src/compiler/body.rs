//! Preprocessed text that still needs a file of this machine.

/// Directives of the assembler that read a file.
const DIRECTIVES: [&[u8]; 2] = [b".incbin", b".include"];

/// How many bytes on either side of a seam between two chunks are looked at together.
const SEAM: usize = 32;

/// Looks at text that comes in chunks.
#[derive(Clone, Debug, Default)]
pub struct Watch {
    tail: Vec<u8>,
    found: Option<&'static str>,
}

impl Watch {
    /// Looks at the next chunk.
    pub fn look(&mut self, chunk: &[u8]) {
        if self.found.is_some() {
            return;
        }
        self.tail.extend_from_slice(chunk.get(..SEAM).unwrap_or(chunk));
        self.found = reads_file(&self.tail).or_else(|| reads_file(chunk));
        if let Some(at) = chunk.len().checked_sub(SEAM) {
            self.tail.clear();
            self.tail.extend_from_slice(chunk.get(at..).unwrap_or_default());
        } else {
            self.tail.drain(..self.tail.len().saturating_sub(SEAM));
        }
    }

    /// What [`reads_file`] says of the text so far.
    pub fn found(&self) -> Option<&'static str> {
        self.found
    }
}

/// The directive in an `asm` of the text, if any, by which the assembler reads a file: what it
/// names is here and not on a volunteer.
///
/// Looks for the directive and a quote after it, as a source writes it (`.incbin "f"`, within a C
/// string with backslashes). A file's name made by macros is not seen; then the volunteer fails
/// for want of the file.
pub fn reads_file(text: &[u8]) -> Option<&'static str> {
    DIRECTIVES.iter().find_map(|directive| {
        memchr::memmem::find_iter(text, directive)
            .any(|at| text.get(at + directive.len()..).is_some_and(starts_with_quote))
            .then(|| std::str::from_utf8(directive).unwrap_or_default())
    })
}

/// Whether blanks, the ends of C strings included (`" "`), lead to a quoted name.
fn starts_with_quote(rest: &[u8]) -> bool {
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
    }

    #[test]
    fn directive_is_found_wherever_the_text_is_cut() {
        let text =
            br#"int before; asm(".incbin \"logo.bin\"\n"); int after_it_comes_some_more_text;"#;
        for size in 1..text.len() {
            let mut watch = Watch::default();
            text.chunks(size).for_each(|chunk| watch.look(chunk));
            assert_eq!(watch.found(), Some(".incbin"), "{size}");
        }
    }

    #[test]
    fn other_text_is_left_alone() {
        for text in ["", "int x;", "s.include = 1;", "x.incbin(1);", "char *s = \"a.includes\";"] {
            assert_eq!(reads_file(text.as_bytes()), None, "{text}");
        }
    }
}
