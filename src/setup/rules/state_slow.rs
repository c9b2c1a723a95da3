//! `state-slow`: the state directory is on a slow file system.

use crate::setup::facts::Facts;
use crate::setup::rules::finding::{Finding, Severity};
use crate::setup::rules::{Group, Rule};

/// The rule.
pub(super) const RULE: Rule = Rule {
    id: "state-slow",
    severity: Severity::Warning,
    group: Group::Machine,
    in_hook: true,
    summary: "the state directory is on a slow file system",
    why: "For each unit the client takes a lock, writes its state for the monitors, and appends \
         a line to the journal. On a network file system that takes longer than sending the \
         unit, and locks may not work.",
    mend: "Let DISTCC_DIR name a directory on tmpfs, as /tmp is on Arch.",
    example: "export DISTCC_DIR=/tmp/distcc",
    check,
};

fn check(facts: &Facts) -> Vec<Finding> {
    let Some(state) = facts.machine.state.as_ref() else { return Vec::new() };
    let (slow, severity) = match &state.network {
        Some(network) => (network.as_str(), Severity::Warning),
        None if state.spins => ("a spinning disk", Severity::Note),
        None => return Vec::new(),
    };
    let message = format!("it is on {slow}, and each unit takes locks and writes there");
    let help = "write in makepkg.conf: export DISTCC_DIR=/tmp/distcc (tmpfs)";
    vec![RULE.finding(facts.state_place(state), message, help).severity(severity)]
}
