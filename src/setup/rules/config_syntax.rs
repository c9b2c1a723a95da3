//! `config-syntax`: a file of the configuration is no shell code.

use crate::arch::evaluate::EvaluateError;
use crate::setup::facts::Facts;
use crate::setup::facts::place::Place;
use crate::setup::facts::text::text_of;
use crate::setup::rules::finding::{Finding, Severity};
use crate::setup::rules::{Group, Rule};

/// The rule.
pub(super) const RULE: Rule = Rule {
    id: "config-syntax",
    severity: Severity::Error,
    group: Group::Files,
    in_hook: false,
    summary: "bash cannot understand a file of the configuration",
    why: "makepkg has bash read its configuration, and stops where bash does (exit code 6). bash \
         names the line in which it noticed; the quote or bracket that is not closed may stand \
         before it.",
    mend: "Close the quote or the bracket. `bash -n FILE` says whether that was all.",
    example: "bash -n /etc/makepkg.conf",
    check,
};

fn check(facts: &Facts) -> Vec<Finding> {
    let Some(EvaluateError::Syntax(file, line, what)) = &facts.fault else { return Vec::new() };
    let spot = text_of(&facts.texts, file).and_then(|text| text.line_spot(*line));
    let named = || Place::named(format!("{}:{line}", file.display()));
    let message = format!("bash cannot understand this: {what}");
    let help = format!("close the quote or bracket; to try again: bash -n {}", file.display());
    vec![RULE.finding(spot.map_or_else(named, Place::from), message, help)]
}
