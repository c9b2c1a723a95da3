//! `makeflags-invalid`: the number behind -j is none.

use crate::makepkg_conf::makeflags::{Jobs, jobs, with_jobs};
use crate::setup::facts::Facts;
use crate::setup::rules::finding::{Finding, Severity};
use crate::setup::rules::{Group, Rule};

/// The rule.
pub(super) const RULE: Rule = Rule {
    id: "makeflags-invalid",
    severity: Severity::Error,
    group: Group::Jobs,
    in_hook: true,
    summary: "the number behind -j is none",
    why: "make ends at once where -j is followed by 0 or by what is no number. Single quotes \
         keep `$(nproc)` from being replaced by a number.",
    mend: "Write a number: twice the sum of all slots.",
    example: "MAKEFLAGS=\"-j44\"",
    check,
};
fn check(facts: &Facts) -> Vec<Finding> {
    let makeflags = facts.configuration.text("MAKEFLAGS").unwrap_or_default();
    let Jobs::Other(text) = jobs(&makeflags) else { return Vec::new() };
    let message = format!("`{text}` is no number of jobs, and make ends at once");
    let right = facts.right_jobs();
    let right = right.map_or("-jN".to_owned(), |right| with_jobs(&makeflags, right));
    let help = format!("write `{right}`, which suits the slots");
    vec![RULE.finding(facts.place_of_jobs(), message, help)]
}
