//! `home-unset`: HOME is not set.

use crate::setup::facts::Facts;
use crate::setup::facts::place::Place;
use crate::setup::rules::finding::{Finding, Severity};
use crate::setup::rules::{Group, Rule};

/// The rule.
pub(super) const RULE: Rule = Rule {
    id: "home-unset",
    severity: Severity::Error,
    group: Group::Machine,
    in_hook: true,
    summary: "HOME is not set",
    why: "The client keeps its locks in $DISTCC_DIR, or in ~/.distcc. With neither it has no \
         place for them, and compiles everything on this machine.",
    mend: "Set HOME for the user who builds, or export DISTCC_DIR.",
    example: "export DISTCC_DIR=/tmp/distcc",
    check,
};

fn check(facts: &Facts) -> Vec<Finding> {
    let machine = &facts.machine;
    let given = machine.state.as_ref().is_some_and(|state| state.is_given);
    if machine.home.is_some() || given || facts.subject.is_chroot() {
        return Vec::new();
    }
    let message = "HOME is not set, nor is DISTCC_DIR: the client has no place for its locks, and \
                   compiles everything on this machine";
    let help = "set HOME, or write in makepkg.conf: export DISTCC_DIR=/tmp/distcc";
    vec![RULE.finding(Place::named("environment"), message, help)]
}
