//! `client-missing`: the client is not installed.

use std::path::Path;

use crate::setup::facts::Facts;
use crate::setup::facts::place::Place;
use crate::setup::rules::finding::{Finding, Severity};
use crate::setup::rules::{Group, Rule};

/// The rule.
pub(super) const RULE: Rule = Rule {
    id: "client-missing",
    severity: Severity::Error,
    group: Group::Machine,
    in_hook: false,
    summary: "distcc is not installed",
    why: "With distcc in BUILDENV makepkg looks for `distcc` on PATH, and stops if it is not \
         there (exit code 15). A build root needs the package as well.",
    mend: "Install the package, in a build root with distcc-setup chroot enable.",
    example: "sudo pacman -S makepkg-distcc",
    check,
};

fn check(facts: &Facts) -> Vec<Finding> {
    if facts.machine.client {
        return Vec::new();
    }
    let path = facts.inside(Path::new("/usr/bin/distcc"));
    let message = "no distcc is on PATH: with distcc in BUILDENV, makepkg stops before it builds";
    let help = match facts.subject.is_chroot() {
        true => format!("install it there: {}", facts.enable_chroot()),
        false => "install it: sudo pacman -S makepkg-distcc".to_owned(),
    };
    vec![RULE.finding(Place::named(path.display().to_string()), message, help)]
}
