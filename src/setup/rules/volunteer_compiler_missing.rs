//! `volunteer-compiler-missing`: a volunteer lacks a compiler.

use crate::setup::facts::Facts;
use crate::setup::probe::fault::Fault;
use crate::setup::rules::finding::{Finding, Severity};
use crate::setup::rules::{Group, Rule};

/// The rule.
pub(super) const RULE: Rule = Rule {
    id: "volunteer-compiler-missing",
    severity: Severity::Warning,
    group: Group::Volunteers,
    in_hook: false,
    summary: "a volunteer lacks a compiler",
    why: "It is not installed there, is not in the daemon's list of commands, or does not work. \
         Units for it are tried there, and compiled elsewhere.",
    mend: "Install the compiler there, and bring the links into step.",
    example: "sudo update-distcc-symlinks",
    check,
};

fn check(facts: &Facts) -> Vec<Finding> {
    facts
        .faults(|fault| {
            matches!(fault, Fault::CompilerMissing { .. } | Fault::CompilerFails { .. })
        })
        .map(|found| found.by(&RULE))
        .collect()
}
