//! Here-documents: `<<WORD`, and the lines that belong to it.
//!
//! Source: bash's manual, "Here Documents"; corner cases tried with bash 5.2.

use crate::makepkg_conf::parser::{Parser, Result};
use crate::makepkg_conf::word::Content;

/// A here-document whose text begins at the next line.
pub(super) struct HereDocument {
    delimiter: Vec<u8>,
    /// `<<-`: tabs before its lines do not count.
    strips_tabs: bool,
    /// Whether its text is taken as it is; else a backslash continues its lines.
    quoted: bool,
}

impl Parser<'_> {
    /// Steps over the texts of all here-documents that wait, at the beginning of a line.
    pub(super) fn read_here_documents(&mut self) {
        for document in std::mem::take(&mut self.here_documents) {
            self.here_document(&document);
        }
    }

    fn here_document(&mut self, document: &HereDocument) {
        while self.at < self.text.len() {
            let mut line = Vec::new();
            loop {
                let length = memchr::memchr(b'\n', self.rest());
                let end = self.at + length.unwrap_or(self.rest().len());
                line.extend_from_slice(self.text.get(self.at..end).unwrap_or_default());
                self.at = self.text.len().min(end + 1);
                let continued = !document.quoted && length.is_some() && ends_in_backslash(&line);
                if !continued {
                    break;
                }
                line.pop();
            }
            let tabs = line.iter().take_while(|&&byte| byte == b'\t').count();
            let skipped = if document.strips_tabs { tabs } else { 0 };
            if line.get(skipped..) == Some(&document.delimiter) {
                return;
            }
        }
        self.open_end = true;
    }

    /// Reads the word after `<<`, whose text follows when the line has ended.
    pub(super) fn here_document_start(&mut self, strips_tabs: bool) -> Result<()> {
        let word = self.word(false)?;
        let quoted = word
            .pieces
            .iter()
            .any(|piece| matches!(piece.content, Content::Mark | Content::Escape(_)));
        let mut delimiter = Vec::new();
        for piece in &word.pieces {
            match &piece.content {
                Content::Text(bytes) | Content::Escape(bytes) | Content::Expansion(bytes) => {
                    delimiter.extend_from_slice(bytes);
                }
                Content::Continuation | Content::Mark => {}
            }
        }
        self.here_documents.push(HereDocument { delimiter, strips_tabs, quoted });
        Ok(())
    }
}

/// Whether a line is continued: an odd number of backslashes ends it.
fn ends_in_backslash(line: &[u8]) -> bool {
    line.iter().rev().take_while(|&&byte| byte == b'\\').count() % 2 == 1
}
