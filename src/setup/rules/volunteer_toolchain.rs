//! `volunteer-toolchain`: a volunteer compiles for another architecture.

use crate::setup::facts::Facts;
use crate::setup::probe::fault::Fault;
use crate::setup::rules::finding::{Finding, Severity};
use crate::setup::rules::{Group, Rule};

/// The rule.
pub(super) const RULE: Rule = Rule {
    id: "volunteer-toolchain",
    severity: Severity::Error,
    group: Group::Volunteers,
    in_hook: false,
    summary: "a volunteer compiles for another architecture",
    why: "The distccd at this port has the compiler of another architecture under the same name: \
         its objects cannot be linked.",
    mend: "Name the port of the distccd with the right toolchain: 3632 for its own architecture, \
         3633 armv5, 3634 armv6h, 3635 armv7h, 3636 armv8.",
    example: "DISTCC_HOSTS=\"192.168.10.2:3636/5\"",
    check,
};

fn check(facts: &Facts) -> Vec<Finding> {
    facts
        .faults(|fault| matches!(fault, Fault::WrongTarget { .. }))
        .map(|found| found.by(&RULE))
        .collect()
}
