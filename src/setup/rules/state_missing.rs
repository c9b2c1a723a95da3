//! `state-missing`: DISTCC_DIR names a directory that is not there.

use crate::setup::facts::Facts;
use crate::setup::rules::finding::{Finding, Severity};
use crate::setup::rules::{Group, Rule};

/// The rule.
pub(super) const RULE: Rule = Rule {
    id: "state-missing",
    severity: Severity::Warning,
    group: Group::Machine,
    in_hook: true,
    summary: "DISTCC_DIR is not there",
    why: "distcc 3.4 does not make the directory that DISTCC_DIR names: without its locks it \
         compiles everything on this machine, and says nothing. The client and the hook of this \
         package make it.",
    mend: "Make the directory, for the user who builds.",
    example: "mkdir -p /tmp/distcc",
    check,
};

fn check(facts: &Facts) -> Vec<Finding> {
    let Some(state) = facts.machine.state.as_ref() else { return Vec::new() };
    if !state.is_given || state.exists || facts.machine.has_hook {
        return Vec::new();
    }
    let message = format!(
        "{} is not there; distcc 3.4 does not make it, and compiles everything on this machine",
        state.path.display()
    );
    let help = format!("make it: mkdir -p {}", state.path.display());
    vec![RULE.finding(facts.place_of("DISTCC_DIR"), message, help)]
}
