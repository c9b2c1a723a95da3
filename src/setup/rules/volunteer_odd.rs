//! `volunteer-odd`: a volunteer does not answer as a distccd does.

use crate::setup::facts::Facts;
use crate::setup::probe::fault::Fault;
use crate::setup::rules::finding::{Finding, Severity};
use crate::setup::rules::{Group, Rule};

/// The rule.
pub(super) const RULE: Rule = Rule {
    id: "volunteer-odd",
    severity: Severity::Warning,
    group: Group::Volunteers,
    in_hook: false,
    summary: "a volunteer does not answer as it should",
    why: "What answers is no distccd, says nothing, does not know the protocol that the host \
         spec asks for, or cannot be reached by ssh.",
    mend: "Look at the port and the options of the host spec, and at the daemon's log.",
    example: "distcc-setup doctor",
    check,
};

fn check(facts: &Facts) -> Vec<Finding> {
    facts
        .faults(|fault| {
            matches!(
                fault,
                Fault::SshFails(_)
                    | Fault::Silent(_)
                    | Fault::NotDistcc(_)
                    | Fault::ProtocolMissing { .. }
            )
        })
        .map(|found| found.by(&RULE))
        .collect()
}
