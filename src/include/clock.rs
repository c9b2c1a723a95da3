//! Where a text asks for the time: macros whose value is not the same in two places at once.

use crate::compiler::text::Reader;
use crate::include::token::is_word;

/// They come from the clock, from `SOURCE_DATE_EPOCH`, or from the file's time here.
const MACROS: [&[u8]; 3] = [b"__DATE__", b"__TIME__", b"__TIMESTAMP__"];

/// Whether one of the macros stands anywhere in `text`.
pub fn is_named(text: &[u8]) -> bool {
    MACROS.iter().any(|name| memchr::memmem::find(text, name).is_some())
}

/// Where the macros stand in `text`, but for comments and strings.
pub fn places(text: &[u8]) -> Vec<usize> {
    if is_named(text) { words(text, &MACROS) } else { Vec::new() }
}

/// Where one of `wanted` stands in `text` as a word of its own, but for comments and strings.
/// A word may begin with `@`.
pub fn words(text: &[u8], wanted: &[&[u8]]) -> Vec<usize> {
    let mut places = Vec::new();
    let mut reader = Reader { text, at: 0 };
    while let Some(byte) = reader.peek(0) {
        match byte {
            b'/' if reader.comment() => continue,
            b'R' if reader.raw_string() => continue,
            b'"' | b'\'' => {
                reader.quoted(byte);
                continue;
            }
            b'@' => {}
            _ if is_word(byte) => {}
            _ => {
                reader.at += 1;
                continue;
            }
        }
        let rest = reader.rest().iter().skip(1);
        let length = 1 + rest.take_while(|&&byte| is_word(byte)).count();
        let word = reader.rest().get(..length).unwrap_or_default();
        if wanted.contains(&word) {
            places.push(reader.at);
        }
        // The R of a raw string's prefix is looked at again.
        reader.at += if word.ends_with(b"R") && length > 1 { length - 1 } else { length };
    }
    places
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn only_what_the_compiler_expands_counts() {
        for text in [
            "char *s = __DATE__;",
            "#define NOW __DATE__ \" \" __TIME__",
            "f(__TIMESTAMP__)",
            "int n = 1'000; char *s = \"\\\"\" __TIME__;",
            "u8R\"x(\")x\" __TIME__",
        ] {
            assert!(!places(text.as_bytes()).is_empty(), "{text}");
        }
        for text in [
            "",
            "// __DATE__",
            "/*\n__TIME__ */",
            "char *s = \"__DATE__\";",
            "char *s = u8R\"x(\"__DATE__)x\";",
            "int __TIME__X, x__DATE__, __TIME_T_TYPE;",
        ] {
            assert!(places(text.as_bytes()).is_empty(), "{text}");
        }
        let import: [&[u8]; 1] = [b"@import"];
        assert_eq!(words(b"/* @import x */ @imported y; @import z;", &import), [29]);
    }

    proptest! {
        #[test]
        fn any_text_is_read_to_its_end(text in "([R\"'/*()\\\\\n uL]|__DATE__){0,40}") {
            places(text.as_bytes());
        }
    }
}
