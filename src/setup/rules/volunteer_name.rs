//! `volunteer-name`: a volunteer's name has no address.

use crate::setup::facts::Facts;
use crate::setup::probe::fault::Fault;
use crate::setup::rules::finding::{Finding, Severity};
use crate::setup::rules::{Group, Rule};

/// The rule.
pub(super) const RULE: Rule = Rule {
    id: "volunteer-name",
    severity: Severity::Warning,
    group: Group::Volunteers,
    in_hook: false,
    summary: "a volunteer's name has no address",
    why: "Each unit is tried there after a look-up that fails, and then goes elsewhere.",
    mend: "Write its address into DISTCC_HOSTS, or its name into /etc/hosts.",
    example: "DISTCC_HOSTS=\"192.168.10.2/5\"",
    check,
};

fn check(facts: &Facts) -> Vec<Finding> {
    facts
        .faults(|fault| matches!(fault, Fault::NameUnknown(_)))
        .map(|found| found.by(&RULE))
        .collect()
}
