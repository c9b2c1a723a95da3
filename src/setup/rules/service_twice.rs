//! `service-twice`: two daemons want the same port.

use crate::setup::facts::Facts;
use crate::setup::facts::place::Place;
use crate::setup::rules::finding::{Finding, Severity};
use crate::setup::rules::{Group, Rule};

/// The rule.
pub(super) const RULE: Rule = Rule {
    id: "service-twice",
    severity: Severity::Warning,
    group: Group::Machine,
    in_hook: false,
    summary: "two daemons want the same port",
    why: "Packages have units of different names for the same target, and a target may have the \
         port of another daemon: which of both starts is chance, and the other fails.",
    mend: "Disable one of them, or give it a port of its own.",
    example: "sudo systemctl disable --now distccd@armv7h",
    check,
};

fn check(facts: &Facts) -> Vec<Finding> {
    let mut found = Vec::new();
    let enabled: Vec<_> = facts.machine.services.iter().filter(|one| one.enabled).collect();
    for (at, service) in enabled.iter().enumerate() {
        let place = || Place::named(format!("{}.service", service.unit));
        for other in service.units.iter().filter(|unit| **unit != service.unit) {
            let message = format!("{} and {other} are both enabled, for one port", service.unit);
            let help = format!("run: sudo systemctl disable --now {other}");
            found.push(RULE.finding(place(), message, help));
        }
        let earlier = enabled.iter().take(at);
        let same = |other: &&&_| {
            let other: &crate::setup::facts::machine::Service = other;
            other.port.is_some() && other.port == service.port
        };
        for other in earlier.filter(same) {
            let port = service.port.unwrap_or_default();
            let message = format!("{} and {} both want port {port}", other.unit, service.unit);
            let name = service.target.as_deref().unwrap_or(&service.unit);
            let help = format!(
                "disable one, or give {name} another: write `--port` in {}",
                service.file.display()
            );
            found.push(RULE.finding(place(), message, help));
        }
    }
    found
}
