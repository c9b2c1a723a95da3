//! `config-missing`: makepkg.conf is not there, or may not be read.

use crate::arch::evaluate::EvaluateError;
use crate::setup::facts::Facts;
use crate::setup::facts::place::Place;
use crate::setup::rules::finding::{Finding, Severity};
use crate::setup::rules::{Group, Rule};

/// The rule.
pub(super) const RULE: Rule = Rule {
    id: "config-missing",
    severity: Severity::Error,
    group: Group::Files,
    in_hook: false,
    summary: "makepkg.conf cannot be read",
    why: "makepkg stops without its configuration (exit code 2).",
    mend: "Name the right file with --config, unset MAKEPKG_CONF, or get the file back from its \
         package.",
    example: "sudo pacman -S pacman",
    check,
};

fn check(facts: &Facts) -> Vec<Finding> {
    let Some(EvaluateError::Unreadable(file, error)) = &facts.fault else { return Vec::new() };
    let message = format!("it cannot be read ({error}), and makepkg stops without it");
    let help = "name another file with --config, or get it back: sudo pacman -S pacman";
    vec![RULE.finding(Place::named(file.display().to_string()), message, help)]
}
