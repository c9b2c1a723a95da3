//! `volunteer-firewalled`: a volunteer cannot be reached.

use crate::setup::facts::Facts;
use crate::setup::probe::fault::Fault;
use crate::setup::rules::finding::{Finding, Severity};
use crate::setup::rules::{Group, Rule};

/// The rule.
pub(super) const RULE: Rule = Rule {
    id: "volunteer-firewalled",
    severity: Severity::Warning,
    group: Group::Volunteers,
    in_hook: false,
    summary: "a volunteer cannot be reached",
    why: "A firewall drops connections to its port, or the machine is off. The client waits for \
         each such try, until it lets the volunteer rest.",
    mend: "Open the port there, or switch the machine on.",
    example: "sudo ufw allow from 192.168.10.0/24 to any port 3632 proto tcp",
    check,
};

fn check(facts: &Facts) -> Vec<Finding> {
    facts
        .faults(|fault| {
            matches!(fault, Fault::Firewalled(_) | Fault::FirewalledHere | Fault::Unreachable(_))
        })
        .map(|found| found.by(&RULE))
        .collect()
}
