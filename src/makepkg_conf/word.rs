//! One word of bash: the bytes that it is written with, and the value that they mean.

use std::ops::Range;

use crate::makepkg_conf::edited::Splice;
use crate::makepkg_conf::quote::{inside, quote};

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
    /// A backslash and the end of a line: nothing.
    Continuation,
    /// Bytes that are written in another way than they are meant, as `\"`: what they mean.
    Escape(Vec<u8>),
    /// What only bash can work out, as `$CFLAGS` or `$(nproc)`: its source.
    Expansion(Vec<u8>),
    /// Quotes: nothing by themselves.
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
    parts: Vec<Part>,
}

/// Bytes of a flag that are written next to each other.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Part {
    /// Where they stand.
    span: Range<usize>,
    quoting: Quoting,
    /// How many bytes of the flag they are.
    length: usize,
    /// Whether it is an escape or an expansion, which cannot be cut.
    whole: bool,
}

impl Word {
    /// The value, if all of it is plain to see; bytes that are no UTF-8 are replaced.
    pub fn literal(&self) -> Option<String> {
        let mut value = Vec::new();
        for piece in &self.pieces {
            match &piece.content {
                Content::Escape(bytes) => value.extend_from_slice(bytes),
                Content::Expansion(_) => return None,
                Content::Continuation | Content::Mark => {}
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
                Content::Escape(bytes) => flags.take(bytes, piece),
                Content::Expansion(source) => {
                    flags.add(source, piece.span.clone(), piece.quoting, true);
                    flags.expands = true;
                }
                Content::Continuation | Content::Mark => {}
                Content::Text(bytes) => flags.text(bytes, piece),
            }
        }
        flags.end();
        flags.done
    }
}

impl Flag {
    /// How its first byte is quoted.
    pub(super) fn quoting(&self) -> Quoting {
        self.parts.first().map_or(Quoting::Bare, |part| part.quoting)
    }

    /// Puts `text` before it.
    pub(super) fn prepend(&self, text: &str) -> Option<Splice> {
        let part = self.parts.first()?;
        Some(Splice::insert(part.span.start, part.written(text)))
    }

    /// Puts `new` in the place of `range` of the flag's text, quoted as that is; nothing where that
    /// cannot be done.
    pub(super) fn replace(&self, range: Range<usize>, new: &str) -> Vec<Splice> {
        let known: usize = self.parts.iter().map(|part| part.length).sum();
        if known != self.text.len() {
            // Bytes that are no UTF-8 were replaced in the text.
            return Vec::new();
        }
        let mut splices = Vec::new();
        let mut start = 0;
        for part in &self.parts {
            let end = start + part.length;
            let last = end == known && range.start == end && range.is_empty();
            if last || (range.start < end && range.end > start) {
                let span = part.cut(range.start.max(start) - start..range.end.min(end) - start);
                let text = if splices.is_empty() { part.written(new) } else { String::new() };
                splices.push(Splice::new(span, text));
            }
            start = end;
        }
        splices
    }
}

impl Part {
    /// Where the bytes of `range` stand.
    fn cut(&self, range: Range<usize>) -> Range<usize> {
        match self.whole {
            true if range.start == self.length => self.span.end..self.span.end,
            true => self.span.clone(),
            false => self.span.start + range.start..self.span.start + range.end,
        }
    }

    /// `new`, to stand in this part's place.
    fn written(&self, new: &str) -> String {
        inside(new, self.quoting).unwrap_or_else(|| match self.quoting {
            Quoting::Single => new.replace('\'', "'\\''"),
            _ => quote(new),
        })
    }
}

/// Flags while they are gathered.
#[derive(Default)]
struct Flags {
    done: Vec<Flag>,
    bytes: Vec<u8>,
    parts: Vec<Part>,
    expands: bool,
}

impl Flags {
    /// Takes bytes that mean themselves; blanks among them part flags.
    fn text(&mut self, bytes: &[u8], piece: &Piece) {
        let mut start = piece.span.start;
        for run in bytes.split_inclusive(|byte| is_blank(*byte)) {
            let (text, blank) = match run {
                [text @ .., last] if is_blank(*last) => (text, true),
                text => (text, false),
            };
            if !text.is_empty() {
                self.add(text, start..start + text.len(), piece.quoting, false);
            }
            if blank {
                self.end();
            }
            start += run.len();
        }
    }

    /// Takes what an escape stands for.
    fn take(&mut self, bytes: &[u8], piece: &Piece) {
        match bytes {
            [byte] if is_blank(*byte) => self.end(),
            _ => self.add(bytes, piece.span.clone(), piece.quoting, true),
        }
    }

    fn add(&mut self, bytes: &[u8], span: Range<usize>, quoting: Quoting, whole: bool) {
        self.bytes.extend_from_slice(bytes);
        self.parts.push(Part { span, quoting, length: bytes.len(), whole });
    }

    fn end(&mut self) {
        let bytes = std::mem::take(&mut self.bytes);
        let expands = std::mem::take(&mut self.expands);
        let parts = std::mem::take(&mut self.parts);
        if let (Some(first), Some(last)) = (parts.first(), parts.last()) {
            let text = String::from_utf8_lossy(&bytes).into_owned();
            let span = first.span.start..last.span.end;
            self.done.push(Flag { text, span, expands, parts });
        }
    }
}

fn is_blank(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\n')
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
