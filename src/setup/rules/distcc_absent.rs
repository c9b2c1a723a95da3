//! `distcc-absent`: BUILDENV does not mention distcc.

use crate::setup::facts::Facts;
use crate::setup::rules::finding::{Finding, Severity};
use crate::setup::rules::{Group, Rule};

/// The rule.
pub(super) const RULE: Rule = Rule {
    id: "distcc-absent",
    severity: Severity::Error,
    group: Group::Buildenv,
    in_hook: false,
    summary: "BUILDENV does not mention distcc",
    why: "A word that BUILDENV does not have is off: every unit is compiled on this machine.",
    mend: "Add the word to the array, or in a drop-in.",
    example: "BUILDENV+=(distcc)",
    check,
};

fn check(facts: &Facts) -> Vec<Finding> {
    if facts.configuration.option("BUILDENV", "distcc").is_some() {
        return Vec::new();
    }
    let message = "BUILDENV does not mention distcc, which leaves it off: makepkg compiles \
                   everything on this machine";
    let help = format!("add `distcc` to the array, or run: {}", facts.configure());
    vec![RULE.finding(facts.place_of("BUILDENV"), message, help)]
}
