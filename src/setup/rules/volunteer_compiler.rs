//! `volunteer-compiler`: a volunteer has another compiler.

use crate::setup::facts::Facts;
use crate::setup::probe::fault::Fault;
use crate::setup::rules::finding::{Finding, Severity};
use crate::setup::rules::{Group, Rule};

/// The rule.
pub(super) const RULE: Rule = Rule {
    id: "volunteer-compiler",
    severity: Severity::Warning,
    group: Group::Volunteers,
    in_hook: false,
    summary: "a volunteer has another compiler",
    why: "Objects of another release are discarded and compiled here again; other distributors \
         or patch levels are used with a warning.",
    mend: "Bring both machines up to date.",
    example: "sudo pacman -Syu",
    check,
};

fn check(facts: &Facts) -> Vec<Finding> {
    if facts.has_option("lto") {
        return Vec::new();
    }
    facts
        .faults(|fault| matches!(fault, Fault::CompilerDiffers { .. } | Fault::LtoDiffers { .. }))
        .map(|found| found.by(&RULE))
        .collect()
}
