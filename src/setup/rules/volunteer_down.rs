//! `volunteer-down`: a volunteer does not run distccd.

use crate::setup::facts::Facts;
use crate::setup::probe::fault::Fault;
use crate::setup::rules::finding::{Finding, Severity};
use crate::setup::rules::{Group, Rule};

/// The rule.
pub(super) const RULE: Rule = Rule {
    id: "volunteer-down",
    severity: Severity::Warning,
    group: Group::Volunteers,
    in_hook: false,
    summary: "a volunteer does not run distccd",
    why: "The machine is there, and nothing listens on the port.",
    mend: "Start distccd there.",
    example: "sudo systemctl enable --now distccd",
    check,
};

fn check(facts: &Facts) -> Vec<Finding> {
    facts.faults(|fault| matches!(fault, Fault::Down)).map(|found| found.by(&RULE)).collect()
}
