//! `volunteer-refuses`: a volunteer's access list shuts this machine out.

use crate::setup::facts::Facts;
use crate::setup::probe::fault::Fault;
use crate::setup::rules::finding::{Finding, Severity};
use crate::setup::rules::{Group, Rule};

/// The rule.
pub(super) const RULE: Rule = Rule {
    id: "volunteer-refuses",
    severity: Severity::Warning,
    group: Group::Volunteers,
    in_hook: false,
    summary: "a volunteer shuts this machine out",
    why: "distccd hangs up on every address that its --allow options do not name.",
    mend: "Let this machine's network in, in the volunteer's /etc/conf.d/distccd.",
    example: "DISTCC_ARGS=\"--allow-private\"",
    check,
};

fn check(facts: &Facts) -> Vec<Finding> {
    facts
        .faults(|fault| matches!(fault, Fault::AccessRefused))
        .map(|found| found.by(&RULE))
        .collect()
}
