//! Comments that silence a rule: `# distcc-setup: silence RULE`.

use std::ops::Range;

use crate::setup::facts::text::Text;

/// What such a comment begins with, behind its `#`.
const MARK: &str = "distcc-setup:";
/// The word before the ids.
const WORD: &str = "silence";

/// A rule that a comment silences.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Silence {
    /// The rule's id.
    pub rule: String,
    /// The line that it stands in, from 1.
    pub line: usize,
    /// Where the id stands.
    pub range: Range<usize>,
}

/// All of them in a text; several ids may stand in one comment, with blanks or commas between.
pub fn comments(text: &Text) -> Vec<Silence> {
    let mut found = Vec::new();
    for comment in text.document.comments() {
        let line = text.document.line_of(comment.span.start);
        let content = text.content.get(comment.span.clone()).unwrap_or_default();
        let Some((before, rest)) = content.split_once(MARK) else { continue };
        let Some(ids) = rest.trim_start().strip_prefix(WORD) else { continue };
        if !before.trim_matches(['#', ' ', '\t']).is_empty() || !ids.starts_with([' ', '\t']) {
            continue;
        }
        let mut start = comment.span.start + content.len() - ids.len();
        for id in ids.split([' ', '\t', ',']) {
            let range = start..start + id.len();
            start = range.end + 1;
            if !id.is_empty() {
                found.push(Silence { rule: id.to_owned(), line, range });
            }
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_read_from_comments_only() {
        let text = Text::new(
            "f",
            "A=1 # distcc-setup: silence one, two\nB='# distcc-setup: silence three'\n\
             # see distcc-setup: silence four\n#distcc-setup:silence five\n",
        );
        let found: Vec<_> = comments(&text);
        let ids: Vec<_> = found.iter().map(|one| (one.rule.as_str(), one.line)).collect();
        assert_eq!(ids, [("one", 1), ("two", 1), ("five", 4)]);
        assert!(found.iter().all(|one| text.content[one.range.clone()] == one.rule));
    }
}
