//! The state of reading a text, and its smallest steps.

use std::collections::HashMap;
use std::ops::Range;

use crate::makepkg_conf::document::{Comment, Found};
use crate::makepkg_conf::here_document::HereDocument;
use crate::makepkg_conf::syntax_error::{Fault, SyntaxError};

const DEEPEST: usize = 100;

pub(super) type Result<T> = std::result::Result<T, SyntaxError>;

/// Reads a text from its start to its end.
pub(super) struct Parser<'t> {
    pub(super) text: &'t [u8],
    /// The next byte.
    pub(super) at: usize,
    pub(super) found: Found,
    /// Above 0: what is read may not run, or not exactly once.
    pub(super) nested: usize,
    /// Above 0: what is read runs in a shell of its own, and sets nothing here.
    pub(super) apart: usize,
    /// Above 0: what is read is part of a function.
    pub(super) functions: usize,
    /// Where a `return` of the top level stands: nothing behind it runs.
    pub(super) ends: Option<usize>,
    /// Whether the text ends where one more line would not be one: in a here-document, or behind
    /// a backslash.
    pub(super) open_end: bool,
    /// Where the last statement of the top level begins.
    pub(super) statement: usize,
    /// Where commands begin that do more than assign.
    pub(super) doing_more: Vec<usize>,
    depth: usize,
    pub(super) here_documents: Vec<HereDocument>,
    /// Where an arithmetic expression that begins at the key ends, if it is one.
    pub(super) arithmetic: HashMap<usize, Option<usize>>,
}

impl<'t> Parser<'t> {
    pub(super) fn new(text: &'t [u8]) -> Self {
        Self {
            text,
            at: 0,
            found: Found::default(),
            nested: 0,
            apart: 0,
            functions: 0,
            ends: None,
            open_end: false,
            statement: 0,
            doing_more: Vec::new(),
            depth: 0,
            here_documents: Vec::new(),
            arithmetic: HashMap::new(),
        }
    }

    pub(super) fn peek(&self) -> Option<u8> {
        self.text.get(self.at).copied()
    }

    pub(super) fn rest(&self) -> &'t [u8] {
        self.text.get(self.at..).unwrap_or_default()
    }

    pub(super) fn looking_at(&self, start: &[u8]) -> bool {
        self.rest().starts_with(start)
    }

    /// Steps over `expected`, if it comes next.
    pub(super) fn accept(&mut self, expected: &[u8]) -> bool {
        let there = self.looking_at(expected);
        self.at += if there { expected.len() } else { 0 };
        there
    }

    pub(super) fn fault(&self, offset: usize, fault: Fault) -> SyntaxError {
        let before = self.text.get(..offset).unwrap_or(self.text);
        SyntaxError { offset, line: 1 + memchr::memchr_iter(b'\n', before).count(), fault }
    }

    pub(super) fn unexpected<T>(&self) -> Result<T> {
        Err(self.fault(self.at, Fault::Unexpected))
    }

    /// Does `inner` one level deeper.
    pub(super) fn deeper<T>(&mut self, inner: impl FnOnce(&mut Self) -> Result<T>) -> Result<T> {
        if self.depth == DEEPEST {
            return Err(self.fault(self.at, Fault::Depth));
        }
        self.depth += 1;
        let result = inner(self);
        self.depth -= 1;
        result
    }

    /// Steps over a backslash and the end of its line, if they come next.
    pub(super) fn continuation(&mut self) -> bool {
        let there = self.accept(b"\\\n");
        self.found.ends_continued |= there && self.at == self.text.len();
        there
    }

    /// Steps over blanks and continued lines; not over the end of a line.
    pub(super) fn blanks(&mut self) {
        while self.accept(b" ") || self.accept(b"\t") || self.continuation() {}
    }

    /// Steps over blanks, ends of lines, and comments, within a command.
    pub(super) fn newlines(&mut self) {
        self.skip(false, false);
    }

    /// The same between commands. `fresh`: whether one may begin right here; on the next line one
    /// may.
    pub(super) fn between_commands(&mut self, fresh: bool) {
        self.skip(fresh, true);
    }

    fn skip(&mut self, mut fresh: bool, fresh_lines: bool) {
        loop {
            self.blanks();
            match self.peek() {
                Some(b'\n') => {
                    self.at += 1;
                    self.read_here_documents();
                    fresh = fresh_lines;
                }
                Some(b'#') => self.comment(fresh),
                _ => return,
            }
        }
    }

    fn comment(&mut self, fresh: bool) {
        let length = memchr::memchr(b'\n', self.rest()).unwrap_or(self.rest().len());
        let span = self.at..self.at + length;
        let free = fresh && self.nested == 0 && self.apart == 0 && self.ends.is_none();
        self.at = span.end;
        self.found.comments.push(Comment { span, free });
    }

    /// Steps over letters, digits and `_`.
    pub(super) fn name(&mut self) -> Range<usize> {
        let start = self.at;
        while self.peek().is_some_and(is_name) {
            self.at += 1;
        }
        start..self.at
    }

    /// Steps over the closing `bytes` of what began at `start`.
    pub(super) fn close(&mut self, start: usize, bytes: &[u8], end: &'static str) -> Result<()> {
        if self.accept(bytes) {
            return Ok(());
        }
        match self.peek() {
            None => Err(self.fault(start, Fault::Open(end))),
            Some(_) => self.unexpected(),
        }
    }
}

/// Whether a bare byte ends a word.
pub(super) fn ends_word(byte: u8) -> bool {
    b" \t\n;&|<>()".contains(&byte)
}

pub(super) fn is_name_start(byte: u8) -> bool {
    byte.is_ascii_alphabetic() || byte == b'_'
}

pub(super) fn is_name(byte: u8) -> bool {
    is_name_start(byte) || byte.is_ascii_digit()
}
