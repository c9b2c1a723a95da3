//! `farm-missing`: the masquerade directory is not there.

use crate::setup::facts::Facts;
use crate::setup::rules::finding::{Finding, Severity};
use crate::setup::rules::{Group, Rule};

/// The rule.
pub(super) const RULE: Rule = Rule {
    id: "farm-missing",
    severity: Severity::Error,
    group: Group::Machine,
    in_hook: true,
    summary: "the masquerade directory is missing",
    why: "makepkg puts /usr/lib/distcc/bin first in PATH, so that `gcc` is distcc. If the \
         directory is not there, it says nothing, and everything is compiled on this machine.",
    mend: "Make the directory and its links.",
    example: "sudo update-distcc-symlinks",
    check,
};

fn check(facts: &Facts) -> Vec<Finding> {
    let machine = &facts.machine;
    let cached = facts.has_both_caches() && machine.ccache && machine.ccache_dir;
    if machine.farm.exists || !machine.client || cached {
        return Vec::new();
    }
    let message = "the masquerade directory is missing: makepkg says nothing of it, and everything \
                   is compiled on this machine";
    let help = format!("make it: {}", facts.update_links());
    vec![RULE.finding(facts.farm_place(), message, help)]
}
