//! Where a finding stands: a line of a file, or something that has no lines.

use std::ops::Range;
use std::path::PathBuf;

/// Where a finding stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// A file, a directory, `environment`, a volunteer: what people call it.
    pub name: String,
    /// The text, where there is one to show.
    pub spot: Option<Spot>,
}

/// A part of a line of a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Spot {
    /// The file.
    pub file: PathBuf,
    /// The line, from 1.
    pub line: usize,
    /// The first letter's column, from 1, in letters.
    pub column: usize,
    /// How many letters of the line are meant, at least 1.
    pub width: usize,
    /// The line, without its end.
    pub text: String,
    /// The first and the last line of the statement that it is part of.
    pub statement: (usize, usize),
}

impl Place {
    /// Something without lines.
    pub fn named(name: impl Into<String>) -> Self {
        Self { name: name.into(), spot: None }
    }

    /// A variable of the caller's environment, shown as a shell would set it.
    pub fn environment(variable: &str, value: &str) -> Self {
        let text = format!("{variable}={}", shell_words::quote(value));
        let column = variable.len() + 2;
        let width = text.chars().count().saturating_sub(variable.len() + 1).max(1);
        let file = PathBuf::new();
        let spot = Spot { file, line: 0, column, width, text, statement: (0, 0) };
        Self { name: "environment".to_owned(), spot: Some(spot) }
    }

    /// The spot, if it is in a file.
    pub fn in_file(&self) -> Option<&Spot> {
        self.spot.as_ref().filter(|spot| spot.line > 0)
    }
}

impl From<Spot> for Place {
    fn from(spot: Spot) -> Self {
        Self { name: spot.file.display().to_string(), spot: Some(spot) }
    }
}

impl std::fmt::Display for Place {
    /// `FILE:LINE:COLUMN`, or the name.
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.write_str(&self.name)?;
        match self.in_file() {
            Some(spot) => write!(out, ":{}:{}", spot.line, spot.column),
            None => Ok(()),
        }
    }
}

impl Spot {
    /// The part `range` (in bytes) of `content`, which is the text of `file`. What goes on in the
    /// next line is cut off at this one's end.
    pub fn new(file: PathBuf, content: &str, range: Range<usize>, statement: Range<usize>) -> Self {
        let before = content.get(..range.start).unwrap_or(content);
        let begin = before.rfind('\n').map_or(0, |at| at + 1);
        let rest = content.get(begin..).unwrap_or_default();
        let text = rest.split('\n').next().unwrap_or_default().trim_end_matches('\r');
        let end = range.end.min(begin + text.len());
        let letters =
            |from: usize, to: usize| content.get(from..to).map_or(0, |s| s.chars().count());
        let line_at = |at: usize| 1 + content.get(..at).map_or(0, |s| s.matches('\n').count());
        let (first, last) = (line_at(statement.start), line_at(statement.end));
        Self {
            file,
            line: line_at(range.start),
            column: letters(begin, range.start) + 1,
            width: letters(range.start, end).max(1),
            text: text.to_owned(),
            statement: (first, last.max(first)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_spot_counts_lines_and_letters() {
        let content = "A=1\nB=\"ä -march=native \\\n  x\"\n";
        let at = content.find("-march").unwrap();
        let spot = Spot::new("f".into(), content, at..at + 13, 4..content.len() - 1);
        assert_eq!((spot.line, spot.column, spot.width), (2, 6, 13));
        assert_eq!(spot.statement, (2, 3));
        assert_eq!(spot.text, "B=\"ä -march=native \\");
        assert_eq!(Place::from(spot).to_string(), "f:2:6");
    }

    #[test]
    fn what_goes_over_the_lines_end_is_cut_off() {
        let spot = Spot::new("f".into(), "ab\ncd", 1..5, 0..5);
        assert_eq!((spot.line, spot.column, spot.width), (1, 2, 1));
        let empty = Spot::new("f".into(), "", 0..0, 0..0);
        assert_eq!((empty.line, empty.column, empty.width), (1, 1, 1));
    }
}
