//! `buildenv-no-array`: BUILDENV is a plain variable.

use crate::arch::configuration::Value;
use crate::setup::facts::Facts;
use crate::setup::rules::finding::{Finding, Severity};
use crate::setup::rules::{Group, Rule};

/// The rule.
pub(super) const RULE: Rule = Rule {
    id: "buildenv-no-array",
    severity: Severity::Error,
    group: Group::Buildenv,
    in_hook: false,
    summary: "BUILDENV is no array",
    why: "makepkg wants an array and stops at anything else (exit code 2).",
    mend: "Put the words in parentheses, without quotes around all of them.",
    example: "BUILDENV=(distcc color !ccache check !sign)",
    check,
};

fn check(facts: &Facts) -> Vec<Finding> {
    let Some(Value::Scalar(text)) = facts.value("BUILDENV") else { return Vec::new() };
    let message = "BUILDENV is plain text; makepkg wants an array, and stops";
    let help = format!("write `BUILDENV=({text})`");
    vec![RULE.finding(facts.place_of("BUILDENV"), message, help)]
}
