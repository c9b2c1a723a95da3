//! `makeflags-unlimited`: -j has no number.

use crate::makepkg_conf::makeflags::{Jobs, jobs, with_jobs};
use crate::setup::facts::Facts;
use crate::setup::rules::finding::{Finding, Severity};
use crate::setup::rules::{Group, Rule};

/// The rule.
pub(super) const RULE: Rule = Rule {
    id: "makeflags-unlimited",
    severity: Severity::Warning,
    group: Group::Jobs,
    in_hook: true,
    summary: "-j has no number",
    why: "make then starts every job that it can at once: thousands in a large package, which \
         fill the memory of this machine.",
    mend: "Write a number: twice the sum of all slots.",
    example: "MAKEFLAGS=\"-j44\"",
    check,
};

fn check(facts: &Facts) -> Vec<Finding> {
    let makeflags = facts.configuration.text("MAKEFLAGS").unwrap_or_default();
    if jobs(&makeflags) != Jobs::Unlimited {
        return Vec::new();
    }
    let place = facts.place_of_jobs();
    let message = "-j without a number starts every job at once, and a large package then takes \
                   all memory";
    let right = facts.right_jobs();
    let right = right.map_or("-jN".to_owned(), |right| with_jobs(&makeflags, right));
    let help = format!("write `{right}`, which suits the slots");
    vec![RULE.finding(place, message, help)]
}
