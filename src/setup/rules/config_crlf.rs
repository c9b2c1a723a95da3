//! `config-crlf`: a file's lines end as on Windows.

use crate::setup::facts::Facts;
use crate::setup::facts::place::Spot;
use crate::setup::facts::text::Text;
use crate::setup::rules::finding::{Finding, Severity};
use crate::setup::rules::{Group, Rule};

/// The rule.
pub(super) const RULE: Rule = Rule {
    id: "config-crlf",
    severity: Severity::Error,
    group: Group::Files,
    in_hook: true,
    summary: "the lines of a file end in CR LF",
    why: "To bash a line ends in LF alone, and the CR of Windows is a letter as any other: \
         `BUILDENV=(distcc)` with a CR behind it is no array, and `-j4` no number. As long as this \
         is so, no other rule has anything sensible to say.",
    mend: "Take the CRs out.",
    example: "sudo sed -i 's/\\r$//' /etc/makepkg.conf",
    check,
};

fn check(facts: &Facts) -> Vec<Finding> {
    facts.read_texts().filter_map(|text| Some(with_cr(facts, text, text.first_cr()?))).collect()
}

fn with_cr(facts: &Facts, text: &Text, first: Spot) -> Finding {
    let message =
        "the lines of this file end in CR LF, and bash takes the CR for a part of the value";
    let home = facts.subject.home.as_ref();
    let sudo = if home.is_some_and(|home| text.file.starts_with(home)) { "" } else { "sudo " };
    let file = text.file.display().to_string();
    let command = format!("{sudo}sed -i 's/\\r$//' {}", shell_words::quote(&file));
    Finding { command: Some(command), ..RULE.finding(first.into(), message, "run") }
}
