//! `volunteer-slow`: a volunteer is much slower than this machine.

use crate::setup::facts::Facts;
use crate::setup::probe::fault::Fault;
use crate::setup::rules::finding::{Finding, Severity};
use crate::setup::rules::{Group, Rule};

/// The rule.
pub(super) const RULE: Rule = Rule {
    id: "volunteer-slow",
    severity: Severity::Note,
    group: Group::Volunteers,
    in_hook: false,
    summary: "a volunteer is much slower than this machine",
    why: "A build that ends with a few long units waits for the slowest volunteer that has one.",
    mend: "Put it at the end of the list, or take it out.",
    example: "distcc-setup hosts --write",
    check,
};

fn check(facts: &Facts) -> Vec<Finding> {
    facts.faults(|fault| matches!(fault, Fault::Slow { .. })).map(|found| found.by(&RULE)).collect()
}
