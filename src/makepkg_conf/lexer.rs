//! How bash cuts a text into words: quotes, escapes, blanks.
//!
//! Source: bash's manual, "Quoting"; corner cases tried with bash 5.2.

use crate::makepkg_conf::parser::{Parser, Result, ends_word};
use crate::makepkg_conf::syntax_error::Fault;
use crate::makepkg_conf::word::{Content, Piece, Quoting, Word};

impl Parser<'_> {
    /// Reads a word, which ends at a blank or an operator that is not quoted; it may be empty.
    pub(super) fn word(&mut self, element: bool) -> Result<Word> {
        let start = self.at;
        let mut pieces = Vec::new();
        while let Some(byte) = self.peek() {
            match byte {
                b'\\' => pieces.push(self.backslash()),
                b'\'' => self.single(&mut pieces)?,
                b'"' => self.double(&mut pieces, 1)?,
                b'`' | b'$' => self.dollar(&mut pieces)?,
                b'<' | b'>' if self.text.get(self.at + 1) == Some(&b'(') => {
                    let start = self.at;
                    self.at += 2;
                    self.substitution()?;
                    pieces.push(self.expansion(start, Quoting::Bare));
                }
                b'(' if self.is_pattern_group(start) => {
                    let start = self.at;
                    self.at += 1;
                    self.matched(b'(', b')')?;
                    pieces.push(self.expansion(start, Quoting::Bare));
                }
                _ if ends_word(byte) => break,
                _ => pieces.push(self.bare()),
            }
        }
        Ok(Word { span: start..self.at, pieces, element })
    }

    /// Whether the parenthesis here is part of a pattern like `@(a|b)` in a word from `start` on.
    fn is_pattern_group(&self, start: usize) -> bool {
        let before = self.text.get(start..self.at).unwrap_or_default();
        match before {
            [] | [b'!'] => false,
            [.., last] => b"?*+@!".contains(last),
        }
    }

    fn bare(&mut self) -> Piece {
        let special = |byte: &u8| ends_word(*byte) || b"\\'\"`$".contains(byte);
        let length = self.rest().iter().position(special).unwrap_or(self.rest().len());
        self.text_piece(length.max(1), Quoting::Bare)
    }

    fn backslash(&mut self) -> Piece {
        let start = self.at;
        let content = match self.text.get(start + 1) {
            _ if self.continuation() => Content::Continuation,
            None => {
                self.open_end = true;
                Content::Text(b"\\".to_vec())
            }
            Some(&byte) => Content::Escape(vec![byte]),
        };
        self.at = self.text.len().min(start + 2);
        Piece { span: start..self.at, quoting: Quoting::Bare, content }
    }

    pub(super) fn single(&mut self, pieces: &mut Vec<Piece>) -> Result<()> {
        let start = self.at;
        pieces.push(self.mark(1, Quoting::Single));
        let Some(length) = memchr::memchr(b'\'', self.rest()) else {
            return Err(self.fault(start, Fault::Open("'")));
        };
        if length > 0 {
            pieces.push(self.text_piece(length, Quoting::Single));
        }
        pieces.push(self.mark(1, Quoting::Single));
        Ok(())
    }

    /// Reads `"…"`, of which `mark` bytes open it.
    pub(super) fn double(&mut self, pieces: &mut Vec<Piece>, mark: usize) -> Result<()> {
        let start = self.at;
        pieces.push(self.mark(mark, Quoting::Double));
        loop {
            match self.peek() {
                None => return Err(self.fault(start, Fault::Open("\""))),
                Some(b'"') => break,
                Some(b'\\') => {
                    let content = match self.text.get(self.at + 1) {
                        Some(b'\n') => Content::Continuation,
                        Some(&byte) if b"$`\"\\".contains(&byte) => Content::Escape(vec![byte]),
                        _ => {
                            pieces.push(self.text_piece(1, Quoting::Double));
                            continue;
                        }
                    };
                    let span = self.at..self.at + 2;
                    self.at += 2;
                    pieces.push(Piece { span, quoting: Quoting::Double, content });
                }
                Some(b'`' | b'$') => {
                    let start = self.at;
                    let expands = self.skip_expansion()?;
                    self.at = self.at.max(start + 1);
                    pieces.push(if expands {
                        self.expansion(start, Quoting::Double)
                    } else {
                        self.piece(start, Quoting::Double)
                    });
                }
                Some(_) => {
                    let special = |byte: &u8| b"\\\"`$".contains(byte);
                    let length = self.rest().iter().position(special).unwrap_or(self.rest().len());
                    pieces.push(self.text_piece(length, Quoting::Double));
                }
            }
        }
        pieces.push(self.mark(1, Quoting::Double));
        Ok(())
    }

    /// Reads what a bare `$` or backquote begins.
    fn dollar(&mut self, pieces: &mut Vec<Piece>) -> Result<()> {
        let start = self.at;
        match self.text.get(start + 1) {
            Some(b'\'') if self.peek() == Some(b'$') => return self.ansi(pieces),
            Some(b'"') if self.peek() == Some(b'$') => return self.double(pieces, 2),
            _ => {}
        }
        let expands = self.skip_expansion()?;
        self.at = self.at.max(start + 1);
        pieces.push(if expands {
            self.expansion(start, Quoting::Bare)
        } else {
            self.piece(start, Quoting::Bare)
        });
        Ok(())
    }

    pub(super) fn ansi(&mut self, pieces: &mut Vec<Piece>) -> Result<()> {
        let start = self.at;
        pieces.push(self.mark(2, Quoting::Ansi));
        loop {
            match self.peek() {
                None => return Err(self.fault(start, Fault::Open("'"))),
                Some(b'\'') => break,
                Some(b'\\') => {
                    let (length, value) = escape(self.rest());
                    let span = self.at..self.text.len().min(self.at + length);
                    self.at = span.end;
                    // A NUL would end the string: bash knows best.
                    let content = match value {
                        Some(value) if value != [0] => Content::Escape(value),
                        _ => Content::Expansion(
                            self.text.get(span.clone()).unwrap_or_default().to_vec(),
                        ),
                    };
                    pieces.push(Piece { span, quoting: Quoting::Ansi, content });
                }
                Some(_) => {
                    let special = |byte: &u8| b"\\'".contains(byte);
                    let length = self.rest().iter().position(special).unwrap_or(self.rest().len());
                    pieces.push(self.text_piece(length, Quoting::Ansi));
                }
            }
        }
        pieces.push(self.mark(1, Quoting::Ansi));
        Ok(())
    }

    fn text_piece(&mut self, length: usize, quoting: Quoting) -> Piece {
        let start = self.at;
        self.at = self.text.len().min(start + length);
        self.piece(start, quoting)
    }

    /// The bytes from `start` to here, which mean themselves.
    fn piece(&self, start: usize, quoting: Quoting) -> Piece {
        let span = start..self.at;
        let content = Content::Text(self.text.get(span.clone()).unwrap_or_default().to_vec());
        Piece { span, quoting, content }
    }

    /// The bytes from `start` to here, which bash replaces.
    pub(super) fn expansion(&self, start: usize, quoting: Quoting) -> Piece {
        let span = start..self.at;
        let source = self.text.get(span.clone()).unwrap_or_default().to_vec();
        Piece { span, quoting, content: Content::Expansion(source) }
    }

    fn mark(&mut self, length: usize, quoting: Quoting) -> Piece {
        let span = self.at..self.at + length;
        self.at += length;
        Piece { span, quoting, content: Content::Mark }
    }
}

/// The escape of `$'…'` that `text` begins with: its length, and what it means if that is known.
fn escape(text: &[u8]) -> (usize, Option<Vec<u8>>) {
    let digits = |from: usize, most: usize, radix: u32| {
        let digits = text.get(from..).unwrap_or_default().iter().take(most);
        let digits = digits.map_while(|&byte| char::from(byte).to_digit(radix));
        digits.fold((0, 0_u32), |(count, value), digit| (count + 1, value * radix + digit))
    };
    let byte = |value: u32| Some(vec![u8::try_from(value & 0xff).unwrap_or_default()]);
    let simple = |value: u8| (2, Some(vec![value]));
    match text.get(1) {
        Some(b'a') => simple(7),
        Some(b'b') => simple(8),
        Some(b'e' | b'E') => simple(27),
        Some(b'f') => simple(12),
        Some(b'n') => simple(b'\n'),
        Some(b'r') => simple(b'\r'),
        Some(b't') => simple(b'\t'),
        Some(b'v') => simple(11),
        Some(&quoted @ (b'\\' | b'\'' | b'"' | b'?')) => simple(quoted),
        Some(b'0'..=b'7') => {
            let (count, value) = digits(1, 3, 8);
            (1 + count, byte(value))
        }
        Some(b'x') => match digits(2, 2, 16) {
            (0, _) => (2, None),
            (count, value) => (2 + count, byte(value)),
        },
        // How a character above ASCII is written depends on the locale; control characters: none
        // has ever been seen in a configuration.
        Some(&letter @ (b'u' | b'U')) => {
            let (count, value) = digits(2, if letter == b'u' { 4 } else { 8 }, 16);
            (2 + count, (count > 0 && value < 128).then(|| byte(value)).flatten())
        }
        Some(b'c') => (3, None),
        Some(&other) => (2, Some(vec![b'\\', other])),
        None => (1, None),
    }
}
