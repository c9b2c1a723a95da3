//! `config-endless`: reading a file does not come to an end.

use crate::arch::evaluate::EvaluateError;
use crate::setup::facts::Facts;
use crate::setup::facts::place::Place;
use crate::setup::rules::finding::{Finding, Severity};
use crate::setup::rules::{Group, Rule};

/// The rule.
pub(super) const RULE: Rule = Rule {
    id: "config-endless",
    severity: Severity::Error,
    group: Group::Files,
    in_hook: false,
    summary: "reading a file of the configuration does not end",
    why: "makepkg reads its configuration in each of its runs, and waits as long as that takes: \
         for a loop, an answer, a network.",
    mend: "Take out what loops, asks, or uses the network.",
    example: "MAKEFLAGS=\"-j44\"",
    check,
};

fn check(facts: &Facts) -> Vec<Finding> {
    let Some(EvaluateError::TooLong(file, limit)) = &facts.fault else { return Vec::new() };
    let message = format!(
        "reading it took more than {} s and was stopped; makepkg would wait on",
        limit.as_secs_f32()
    );
    let help = format!(
        "take out what loops, asks a question or uses the network; to see where it is: bash -x {}",
        file.display()
    );
    vec![RULE.finding(Place::named(file.display().to_string()), message, help)]
}
