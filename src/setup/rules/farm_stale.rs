//! `farm-stale`: the masquerade directory has links for compilers that are gone.

use crate::setup::facts::Facts;
use crate::setup::rules::finding::{Finding, Severity};
use crate::setup::rules::{Group, Rule};

/// The rule.
pub(super) const RULE: Rule = Rule {
    id: "farm-stale",
    severity: Severity::Warning,
    group: Group::Machine,
    in_hook: true,
    summary: "a link stands for a compiler that is not installed",
    why: "A configure script that finds such a name takes the compiler for installed, and fails \
         when it calls it. Names with a version, as x86_64-pc-linux-gnu-gcc-15.1.0, are left \
         behind by every update of gcc.",
    mend: "Bring the links into step with the compilers. The package does so whenever pacman \
         installs one.",
    example: "sudo update-distcc-symlinks",
    check,
};

fn check(facts: &Facts) -> Vec<Finding> {
    let names = &facts.machine.farm.stale;
    if names.is_empty() || !facts.machine.client {
        return Vec::new();
    }
    let names = names.join(", ");
    let message = format!(
        "{names} leads to distcc, but the compiler is not installed: configure scripts \
         that find it fail"
    );
    let help = format!("run: {}", facts.update_links());
    vec![RULE.finding(facts.farm_place(), message, help)]
}
