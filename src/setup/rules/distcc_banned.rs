//! `distcc-banned`: BUILDENV switches distcc off.

use crate::setup::facts::Facts;
use crate::setup::rules::finding::{Finding, Severity};
use crate::setup::rules::{Group, Rule};

/// The rule.
pub(super) const RULE: Rule = Rule {
    id: "distcc-banned",
    severity: Severity::Error,
    group: Group::Buildenv,
    in_hook: false,
    summary: "BUILDENV switches distcc off",
    why: "With `!distcc` makepkg does not use distcc at all: every unit is compiled on this \
         machine. The last mention in BUILDENV decides. A package can still ask for it with \
         options=(distcc).",
    mend: "Take the exclamation mark away.",
    example: "BUILDENV=(distcc color !ccache check !sign)",
    check,
};

fn check(facts: &Facts) -> Vec<Finding> {
    if facts.configuration.option("BUILDENV", "distcc") != Some(false) {
        return Vec::new();
    }
    let place = facts.place_of_word("BUILDENV", "!distcc");
    let message = "distcc is switched off, so makepkg compiles everything on this machine";
    let help = format!("write `distcc`, or run: {}", facts.configure());
    vec![RULE.finding(place, message, help).replacing("distcc")]
}
