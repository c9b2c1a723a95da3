//! `farm-incomplete`: compilers have no link in the masquerade directory.

use crate::setup::facts::Facts;
use crate::setup::rules::finding::{Finding, Severity};
use crate::setup::rules::{Group, Rule};

/// The rule.
pub(super) const RULE: Rule = Rule {
    id: "farm-incomplete",
    severity: Severity::Warning,
    group: Group::Machine,
    in_hook: true,
    summary: "a compiler has no link in the masquerade directory",
    why: "A compiler without a link there is called directly, and compiles on this machine.",
    mend: "Bring the links into step with the compilers. The package does so whenever pacman \
         installs one.",
    example: "sudo update-distcc-symlinks",
    check,
};

fn check(facts: &Facts) -> Vec<Finding> {
    let names = &facts.machine.farm.missing;
    if names.is_empty() || !facts.machine.client {
        return Vec::new();
    }
    let names = names.join(", ");
    let message = format!("no link stands for {names}, so what calls it compiles on this machine");
    let help = format!("run: {}", facts.update_links());
    vec![RULE.finding(facts.farm_place(), message, help)]
}
