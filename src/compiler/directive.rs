//! Directives in text whose macros are not expanded yet (`-fpreprocessed -fdirectives-only`).
//!
//! The compiler obeys every directive in such text. A client's preprocessor has already obeyed
//! those that name a file, so that none is left in what an honest client sends; one that is there
//! would make a volunteer read a file of its own.

use crate::compiler::text::Reader;

/// Directives that make the compiler open a file.
const OPENING: [&[u8]; 6] =
    [b"include", b"include_next", b"import", b"embed", b"dependency", b"pch_preprocess"];

/// The first directive of `text` that makes the compiler open a file; what stands in comments,
/// strings and raw strings is none.
pub fn opens_file(text: &[u8]) -> Option<&'static str> {
    let mut reader = Reader { text, at: 0 };
    while reader.to_directive() {
        if let Some(found) = reader.directive() {
            return Some(found);
        }
    }
    None
}

impl Reader<'_> {
    /// Reads the words of a directive up to the first that opens a file, or its line's end.
    fn directive(&mut self) -> Option<&'static str> {
        let mut words = 0;
        // `#include`, `#pragma dependency`, `#pragma GCC dependency`.
        while words < 3 {
            let word = self.word()?;
            if let Some(name) = OPENING.iter().find(|name| **name == word) {
                return Some(std::str::from_utf8(name).unwrap_or_default());
            }
            let goes_on: &[u8] = if words == 0 { b"pragma" } else { b"GCC" };
            if word != goes_on {
                return None;
            }
            words += 1;
        }
        None
    }

    /// The next word on this line, spliced parts joined.
    fn word(&mut self) -> Option<Vec<u8>> {
        let mut word = Vec::new();
        while let Some(byte) = self.peek(0) {
            match byte {
                b'\\' if self.splice() => continue,
                b'/' if word.is_empty() && self.comment() => continue,
                b' ' | b'\t' | 0x0b | 0x0c if word.is_empty() => {}
                byte if byte.is_ascii_alphanumeric() || byte == b'_' => word.push(byte),
                _ => break,
            }
            self.at += 1;
        }
        (!word.is_empty()).then_some(word)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn directives_that_open_files_are_found_however_they_are_written() {
        for text in [
            "#include \"/etc/shadow\"",
            "int a;\n  #  include </etc/shadow>",
            "/* c */ # /* d */ include_next <x>",
            "#inc\\\nlude <x>",
            "#\\\ninclude <x>",
            "%: import <x>",
            "??=embed </etc/shadow>",
            "// a\n#include <x>",
            "/* a */\n#include <x>",
            "char q = '\"';\n#include <x>\nchar r = '\"';",
            "int n = 1'000;\n#include <x>",
            "char *s = R\"x(a)x\";\n#include <x>",
            "#pragma GCC dependency \"/etc/shadow\"",
            "#pragma GCC pch_preprocess \"/tmp/evil.gch\"",
            "char *open = \"no end\n#include <x>",
        ] {
            assert!(opens_file(text.as_bytes()).is_some(), "{text}");
        }
    }

    #[test]
    fn text_that_only_speaks_of_them_opens_nothing() {
        for text in [
            "",
            "/*\n#include <x>\n*/ int a;",
            "// doc \\\n#include <x>\nint b;",
            "char *s = \"\\\n#include <x>\";",
            "char *s = R\"(\n#include <x>\n)\";",
            "char *s = u8R\"e(\n#include <x>\n)\" )e\";",
            "#define include x\nint include;",
            "x #include <y>",
            "#pragma once include",
            "#if __has_include(<x>)",
            "# 1 \"/usr/include/x.h\" 1 3",
        ] {
            assert_eq!(opens_file(text.as_bytes()), None, "{text}");
        }
    }

    proptest! {
        #[test]
        fn any_text_is_read_to_its_end(text in proptest::collection::vec(any::<u8>(), 0..400)) {
            let _ = opens_file(&text);
        }

        #[test]
        fn odd_text_is_read_to_its_end(text in "[#R\"'/*()\\\\\n %:?incluemb]{0,200}") {
            let _ = opens_file(text.as_bytes());
        }
    }
}
