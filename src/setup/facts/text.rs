//! A shell file that rules look at: its text, and where in it things stand.

use std::ops::Range;
use std::path::{Path, PathBuf};

use crate::makepkg_conf::document::{Assignment, Document};
use crate::setup::facts::place::Spot;

/// A file of the configuration, or a PKGBUILD, as text: nothing of it is run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Text {
    /// The file.
    pub file: PathBuf,
    /// What it holds.
    pub content: String,
    /// What stands where in it.
    pub document: Document,
}

impl Text {
    /// Reads a file's text.
    pub fn new(file: impl Into<PathBuf>, content: impl Into<String>) -> Self {
        let content = content.into();
        let document = Document::parse(content.as_bytes());
        Self { file: file.into(), content, document }
    }

    /// The part `range` of the statement `statement`, to be shown.
    pub fn spot(&self, range: Range<usize>, statement: &Range<usize>) -> Spot {
        Spot::new(self.file.clone(), &self.content, range, statement.clone())
    }

    /// The last place in an assignment's value that means the flag, or the word, `word`.
    pub fn find_flag(&self, word: &str, assignment: &Assignment) -> Option<Range<usize>> {
        let flags = assignment.flags();
        let exact = flags.iter().rev().find(|flag| flag.text == word).map(|flag| flag.span.clone());
        // A flag of several words, or a part of one: `-Xclang -load`, `-Wa,-a`.
        exact.or_else(|| self.find_text(word, &assignment.value.span()))
    }

    /// The last place within `within` where `word` is written by itself.
    pub fn find_text(&self, word: &str, within: &Range<usize>) -> Option<Range<usize>> {
        let part = self.content.get(within.clone())?;
        let joins = |letter: char| letter.is_alphanumeric() || matches!(letter, '-' | '_' | '.');
        let mut found = part.rmatch_indices(word).filter(|(at, _)| {
            let before = part.get(..*at).and_then(|text| text.chars().next_back());
            let after = part.get(at + word.len()..).and_then(|text| text.chars().next());
            !before.is_some_and(joins) && !after.is_some_and(joins)
        });
        let start = within.start + found.next()?.0;
        Some(start..start + word.len())
    }

    /// The whole line `number`, from 1, without the blanks around it.
    pub fn line_spot(&self, number: usize) -> Option<Spot> {
        let span = self.document.line_span(number);
        let line = self.content.get(span.clone())?;
        let first = span.start + (line.len() - line.trim_start().len());
        let range = first..first.max(span.start + line.trim_end().len());
        Some(self.spot(range.clone(), &range))
    }

    /// The command that begins at `start`, as far as it is known: what it assigns, else its line.
    pub fn statement(&self, start: usize) -> Range<usize> {
        let commands = self.document.assignments().iter().map(|one| &one.command);
        let found = commands.into_iter().find(|command| command.start == start);
        found.cloned().unwrap_or_else(|| self.document.line_span(self.document.line_of(start)))
    }

    /// The first line that ends in CR LF; what is behind a `#` may.
    pub fn first_cr(&self) -> Option<Spot> {
        let comments = self.document.comments();
        let is_comment = |at: usize| comments.iter().any(|one| one.span.contains(&at));
        let (at, _) = self.content.match_indices("\r\n").find(|(at, _)| !is_comment(*at))?;
        self.line_spot(self.document.line_of(at))
    }

    /// The first place of `part` in line `number`, from 1.
    pub fn within_line(&self, number: usize, part: &str) -> Option<Spot> {
        let span = self.document.line_span(number);
        let start = span.start + self.content.get(span.clone())?.find(part)?;
        Some(self.spot(start..start + part.len(), &span))
    }

    /// The comment that has `NAME=` behind its `#`, as stock files have values to be uncommented.
    pub fn commented_out(&self, name: &str) -> Option<Spot> {
        let mut comments = self.document.comments().iter().map(|comment| &comment.span);
        let span = comments.find(|span| {
            let text = self.content.get((*span).clone()).unwrap_or_default();
            let rest = text.trim_start_matches('#').trim_start().strip_prefix(name);
            rest.is_some_and(|rest| rest.starts_with('='))
        })?;
        Some(self.spot(span.clone(), span))
    }
}

/// The text of `file` among `texts`.
pub fn text_of<'a>(texts: &'a [Text], file: &Path) -> Option<&'a Text> {
    texts.iter().find(|text| text.file == file)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_flag_is_found_as_it_is_meant_or_as_it_is_written() {
        let text = Text::new("f", "A='-march=native2 '-march=\"native\"' -Wa,-a,-b'");
        let assignment = &text.document.assignments()[0];
        let found = text.find_flag("-march=native", assignment).unwrap();
        assert_eq!(&text.content[found], "-march=\"native");
        let found = text.find_flag("-Wa,-a", assignment).unwrap();
        assert_eq!(&text.content[found], "-Wa,-a");
        assert_eq!(text.find_flag("march=native", assignment), None);
    }

    #[test]
    fn stock_values_are_found_in_their_comments() {
        let text = Text::new("f", "#-- MAKEFLAGS: x\n#MAKEFLAGS=\"-j2\"\n# DISTCC_HOSTS=\"\"\n");
        assert_eq!(text.commented_out("MAKEFLAGS").unwrap().line, 2);
        assert_eq!(text.commented_out("DISTCC_HOSTS").unwrap().line, 3);
        assert_eq!(text.commented_out("MAKE"), None);
    }

    proptest! {
        #[test]
        fn any_text_is_read(content in "[\\PC\n]*", quoted in "[A=('\"$\\\\`)#{} \n]*") {
            for content in [content, quoted] {
                let text = Text::new("f", content);
                for one in text.document.assignments() {
                    text.spot(one.value.span(), &one.command);
                    text.find_flag("A", one);
                }
            }
        }
    }
}
