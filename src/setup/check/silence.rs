//! Leaves out the findings that somebody has silenced: in `setup.toml`, or by a comment.

use crate::setup::facts::Facts;
use crate::setup::facts::silence::{Silence, comments};
use crate::setup::facts::text::text_of;
use crate::setup::rules::finding::Finding;

/// The findings that are to be said, and how many are not.
///
/// A comment silences what stands in its line, or begins in the next one. What stands in no file
/// (a missing program, a volunteer) is silenced by a comment anywhere.
pub(super) fn apply(facts: &Facts, findings: Vec<Finding>) -> (Vec<Finding>, usize) {
    let anywhere: Vec<Silence> = facts.all_texts().flat_map(comments).collect();
    let before = findings.len();
    let kept: Vec<Finding> =
        findings.into_iter().filter(|finding| !is_silenced(facts, &anywhere, finding)).collect();
    let silenced = before - kept.len();
    (kept, silenced)
}

fn is_silenced(facts: &Facts, anywhere: &[Silence], finding: &Finding) -> bool {
    if facts.settings.silences(finding.rule) {
        return true;
    }
    let Some(spot) = finding.place.in_file() else {
        return anywhere.iter().any(|silence| silence.rule == finding.rule);
    };
    let (first, last) = spot.statement;
    let texts = facts.package.as_ref().map(|package| &package.text);
    let texts = facts.hosts_file.iter().chain(texts).find(|text| text.file == spot.file);
    let Some(text) = text_of(&facts.texts, &spot.file).or(texts) else { return false };
    comments(text).iter().any(|silence| {
        let near = silence.line + 1 == first || (first..=last).contains(&silence.line);
        silence.rule == finding.rule && near
    })
}
