//! `service-toolchain`: a daemon for a target has no compilers.

use crate::setup::facts::Facts;
use crate::setup::facts::place::Place;
use crate::setup::rules::finding::{Finding, Severity};
use crate::setup::rules::{Group, Rule};
use crate::targets;
use crate::toolchains::sources;

/// The rule.
pub(super) const RULE: Rule = Rule {
    id: "service-toolchain",
    severity: Severity::Warning,
    group: Group::Machine,
    in_hook: false,
    summary: "a daemon for another kind of machine has no compilers",
    why: "distccd for a target finds no toolchain when it starts, and ends; clients compile at \
         home.",
    mend: "Install one, or say where it is.",
    example: "sudo distcc-setup volunteer --target armv7h --toolchain /opt/x-tools7h",
    check,
};

fn check(facts: &Facts) -> Vec<Finding> {
    let enabled = facts.machine.services.iter().filter(|service| service.enabled);
    let found = enabled.filter(|service| service.toolchain.is_none()).filter_map(|service| {
        let target = targets::by_name(service.target.as_deref()?)?;
        let name = target.name;
        let message = format!("{} is enabled, and no compilers for {name} are here", service.unit);
        let help = format!(
            "install {}; where they are elsewhere, run: sudo distcc-setup volunteer --target \
             {name} --toolchain DIR",
            sources::advice(target)
        );
        let place = Place::named(format!("{}.service", service.unit));
        Some(RULE.finding(place, message, help))
    });
    found.collect()
}
