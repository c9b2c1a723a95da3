//! One word of bash: the bytes that it is written with, and the value that they mean.

use std::ops::Range;

/// How a piece of a word is quoted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Quoting {
    /// In `$'…'`.
    Ansi,
    /// Not quoted, or by a backslash.
    Bare,
    /// In `"…"`.
    Double,
    /// In `'…'`.
    Single,
}

/// What a piece of a word stands for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Content {
    /// Bytes that are written in another way than they are meant, as `\"`: what they mean.
    Escape(Vec<u8>),
    /// What only bash can work out, as `$CFLAGS` or `$(nproc)`: its source.
    Expansion(Vec<u8>),
    /// Quotes and continued lines: they stand for nothing.
    Mark,
    /// Bytes that mean themselves.
    Text(Vec<u8>),
}

/// A piece of a word.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Piece {
    /// Where it stands, in bytes from the text's start.
    pub span: Range<usize>,
    /// How it is quoted.
    pub quoting: Quoting,
    /// What it stands for.
    pub content: Content,
}

/// A word: a scalar's value or an element of an array.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Word {
    /// Where it stands, quotes included; empty for the value of `NAME=`.
    pub span: Range<usize>,
    /// All of it, in order.
    pub pieces: Vec<Piece>,
    /// Whether bash makes file names and several words of it, as it does for elements of arrays.
    pub element: bool,
}

/// A blank-separated word inside of a value, as `-march=native` in `"-O2 -march=native"`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Flag {
    /// What it means; expansions are kept as they are written.
    pub text: String,
    /// From its first to its last byte. Quotes inside of it are in there, quotes around it are not.
    pub span: Range<usize>,
    /// Whether an expansion is part of it, so that only bash knows all of it.
    pub expands: bool,
}

impl Word {
    /// The value, if all of it is plain to see; bytes that are no UTF-8 are replaced.
    pub fn literal(&self) -> Option<String> {
        let mut value = Vec::new();
        for piece in &self.pieces {
            match &piece.content {
                Content::Escape(bytes) => value.extend_from_slice(bytes),
                Content::Expansion(_) => return None,
                Content::Mark => {}
                Content::Text(bytes) => {
                    if piece.quoting == Quoting::Bare && self.expands(bytes, &value) {
                        return None;
                    }
                    value.extend_from_slice(bytes);
                }
            }
        }
        Some(String::from_utf8_lossy(&value).into_owned())
    }

    /// Whether bash would make something else of these bare bytes, which come after `before`.
    fn expands(&self, bytes: &[u8], before: &[u8]) -> bool {
        if self.element && bytes.iter().any(|byte| b"*?[{".contains(byte)) {
            return true;
        }
        let mut last = before.last().copied();
        for &byte in bytes {
            if byte == b'~' && matches!(last, None | Some(b':' | b'=')) {
                return true;
            }
            last = Some(byte);
        }
        false
    }

    /// The value as blanks cut it, which is how a shell, make and a compiler's user read it.
    pub fn flags(&self) -> Vec<Flag> {
        let mut flags = Flags::default();
        for piece in &self.pieces {
            match &piece.content {
                Content::Escape(bytes) => flags.take(bytes, piece.span.clone()),
                Content::Expansion(source) => {
                    flags.add(source, piece.span.clone());
                    flags.expands = true;
                }
                Content::Mark => {}
                Content::Text(bytes) => {
                    for (at, byte) in piece.span.clone().zip(bytes) {
                        flags.take(std::slice::from_ref(byte), at..at + 1);
                    }
                }
            }
        }
        flags.end();
        flags.done
    }
}

/// Flags while they are gathered.
#[derive(Default)]
struct Flags {
    done: Vec<Flag>,
    bytes: Vec<u8>,
    span: Option<Range<usize>>,
    expands: bool,
}

impl Flags {
    fn take(&mut self, bytes: &[u8], span: Range<usize>) {
        match bytes {
            [] => {}
            [b' ' | b'\t' | b'\n'] => self.end(),
            _ => self.add(bytes, span),
        }
    }

    fn add(&mut self, bytes: &[u8], span: Range<usize>) {
        self.bytes.extend_from_slice(bytes);
        let start = self.span.as_ref().map_or(span.start, |before| before.start);
        self.span = Some(start..span.end);
    }

    fn end(&mut self) {
        let bytes = std::mem::take(&mut self.bytes);
        let expands = std::mem::take(&mut self.expands);
        if let Some(span) = self.span.take() {
            let text = String::from_utf8_lossy(&bytes).into_owned();
            self.done.push(Flag { text, span, expands });
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::makepkg_conf::document::Document;

    fn flags(text: &str) -> Vec<(String, String)> {
        let document = Document::parse(text.as_bytes());
        let flags = document.last("A").unwrap().flags();
        let source = |span: &_| String::from_utf8_lossy(document.source(span)).into_owned();
        flags.into_iter().map(|flag| (flag.text, source(&flag.span))).collect()
    }

    #[test]
    fn flags_are_found_inside_of_quotes_and_over_continued_lines() {
        let text = "A=\"-O2 -mar\\\nch=native  $B-x \\\n  \\\"q\\\" ${C:-a b}\"' -y'\\ z$'\\t'w";
        let expected = [
            ("-O2", "-O2"),
            ("-march=native", "-mar\\\nch=native"),
            ("$B-x", "$B-x"),
            ("\"q\"", "\\\"q\\\""),
            ("${C:-a b}", "${C:-a b}"),
            ("-y", "-y"),
            ("z", "z"),
            ("w", "w"),
        ];
        let expected = expected.map(|(text, source)| (text.to_owned(), source.to_owned()));
        assert_eq!(flags(text), expected);
        assert_eq!(flags("A=(\"a b\" c)").len(), 3);
        assert_eq!(flags("A=''"), []);
    }

    #[test]
    fn a_value_is_literal_unless_bash_makes_something_of_it() {
        let literal = |text: &str| {
            let document = Document::parse(text.as_bytes());
            let words: Vec<_> = document.last("A").unwrap().value.words().to_vec();
            words.iter().map(|word| word.literal()).collect::<Vec<_>>()
        };
        let some = |text: &str| vec![Some(text.to_owned())];
        assert_eq!(literal("A="), some(""));
        assert_eq!(literal("A=a\\ b'$c'\"\\$\"$'\\x41\\n'$"), some("a b$c$A\n$"));
        assert_eq!(literal("A=[::1]/4*"), some("[::1]/4*"));
        for text in ["$B", "\"$B\"", "`b`", "~", "~/x", "a:~", "$'\\0'", "<(a)"] {
            assert_eq!(literal(&format!("A={text}")), [None], "{text}");
        }
        assert_eq!(literal("A=(!a \\*b *c [0]=d {e,f} '~')").len(), 6);
        let array = literal("A=(!a \\*b *c [0]=d {e,f} '~')");
        let plain: Vec<_> = array.iter().flatten().map(String::as_str).collect();
        assert_eq!(plain, ["!a", "*b", "~"]);
    }
}
