//! `service-stopped`: this machine's distccd does not run.

use crate::setup::facts::Facts;
use crate::setup::facts::machine::Service;
use crate::setup::facts::place::Place;
use crate::setup::rules::finding::{Finding, Severity};
use crate::setup::rules::{Group, Rule};

/// The rule.
pub(super) const RULE: Rule = Rule {
    id: "service-stopped",
    severity: Severity::Warning,
    group: Group::Machine,
    in_hook: false,
    summary: "distccd of this machine does not run",
    why: "The unit is enabled and has ended, so others find nobody here.",
    mend: "Look why it ended, and start it again.",
    example: "sudo systemctl restart distccd",
    check,
};

fn check(facts: &Facts) -> Vec<Finding> {
    let stopped = facts.machine.services.iter();
    let stopped = stopped.filter(|service| service.enabled && service.active == Some(false));
    stopped
        .map(|Service { unit, .. }| {
            let message =
                format!("{unit} is enabled and does not run, so this machine is no volunteer");
            let help =
                format!("run: sudo systemctl restart {unit}; why it ended: journalctl -eu {unit}");
            RULE.finding(Place::named(format!("{unit}.service")), message, help)
        })
        .collect()
}
