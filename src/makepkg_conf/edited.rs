//! What an edit gives: the new text, and which spans of the old one it replaced.

use std::ops::Range;

use crate::makepkg_conf::document::Document;

/// A changed text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Edited {
    /// All of it.
    pub text: Vec<u8>,
    /// What is new in it, in order. Everything else is as before, byte for byte.
    pub changes: Vec<Change>,
}

/// A span of the old text, and what stands in its place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// In the old text; empty where something was put in.
    pub before: Range<usize>,
    /// In the new text; empty where something was taken out.
    pub after: Range<usize>,
}

/// One replacement, before it is done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Splice {
    pub(super) span: Range<usize>,
    pub(super) text: Vec<u8>,
}

impl Splice {
    pub(super) fn new(span: Range<usize>, text: impl Into<Vec<u8>>) -> Self {
        Self { span, text: text.into() }
    }

    pub(super) fn insert(at: usize, text: impl Into<Vec<u8>>) -> Self {
        Self::new(at..at, text)
    }
}

impl Edited {
    /// Whether nothing had to be changed.
    pub fn is_unchanged(&self) -> bool {
        self.changes.is_empty()
    }

    /// The text of `document` with `splices` done. Of two that overlap, which only take something
    /// out, the second takes what the first has left.
    pub(super) fn new(document: &Document, mut splices: Vec<Splice>) -> Self {
        splices.retain(|splice| document.source(&splice.span) != splice.text);
        splices.sort_by_key(|splice| splice.span.start);
        let mut text = Vec::with_capacity(document.text().len() + 64);
        let mut changes = Vec::with_capacity(splices.len());
        let mut done = 0;
        for Splice { span, text: new } in splices {
            let span = span.start.max(done)..span.end.max(done);
            text.extend_from_slice(document.source(&(done..span.start)));
            let start = text.len();
            text.extend(new);
            done = span.end;
            changes.push(Change { before: span, after: start..text.len() });
        }
        text.extend_from_slice(document.source(&(done..document.text().len())));
        Self { text, changes }
    }
}
