//! `volunteer-disk-full`: a volunteer has no room left.

use crate::setup::facts::Facts;
use crate::setup::probe::fault::Fault;
use crate::setup::rules::finding::{Finding, Severity};
use crate::setup::rules::{Group, Rule};

/// The rule.
pub(super) const RULE: Rule = Rule {
    id: "volunteer-disk-full",
    severity: Severity::Warning,
    group: Group::Volunteers,
    in_hook: false,
    summary: "a volunteer has no room left",
    why: "distccd compiles in a temporary directory, and refuses jobs without room in it.",
    mend: "Make room there, or give distccd a TMPDIR on tmpfs.",
    example: "df -h /tmp",
    check,
};

fn check(facts: &Facts) -> Vec<Finding> {
    facts
        .faults(|fault| matches!(fault, Fault::DiskFull { .. }))
        .map(|found| found.by(&RULE))
        .collect()
}
