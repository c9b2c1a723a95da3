//! `farm-not-first`: the masquerade directory is not first in PATH.

use crate::base::dirs::MASQUERADE;
use crate::setup::facts::Facts;
use crate::setup::facts::place::Place;
use crate::setup::rules::finding::{Finding, Severity};
use crate::setup::rules::{Group, Rule};

/// The rule.
pub(super) const RULE: Rule = Rule {
    id: "farm-not-first",
    severity: Severity::Warning,
    group: Group::Machine,
    in_hook: false,
    summary: "the masquerade directory comes too late in PATH",
    why: "makepkg puts it first by itself. But a build by hand finds the compilers that stand \
         before it, and compiles on this machine.",
    mend: "Put it before all other directories, in your shell's profile.",
    example: "export PATH=/usr/lib/distcc/bin:$PATH",
    check,
};

fn check(facts: &Facts) -> Vec<Finding> {
    let Some(dir) = facts.machine.before_farm.as_ref() else { return Vec::new() };
    let message = format!(
        "{} has compilers and comes before {MASQUERADE}, so that builds by hand are not \
         distributed (makepkg puts it first)",
        dir.display()
    );
    let help = format!("write in your shell's profile: export PATH={MASQUERADE}:$PATH");
    vec![RULE.finding(Place::named("PATH"), message, help)]
}
