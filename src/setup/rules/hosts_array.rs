//! `hosts-array`: DISTCC_HOSTS is an array.

use crate::arch::configuration::Value;
use crate::setup::facts::Facts;
use crate::setup::rules::finding::{Finding, Severity};
use crate::setup::rules::{Group, Rule};

/// The rule.
pub(super) const RULE: Rule = Rule {
    id: "hosts-array",
    severity: Severity::Error,
    group: Group::Hosts,
    in_hook: false,
    summary: "DISTCC_HOSTS is an array",
    why: "makepkg wants plain text and stops at an array (exit code 2).",
    mend: "Put the hosts in quotes instead of parentheses.",
    example: "DISTCC_HOSTS=\"localhost/9 192.168.10.2/5\"",
    check,
};

fn check(facts: &Facts) -> Vec<Finding> {
    let Some(Value::Array(words)) = facts.value("DISTCC_HOSTS") else { return Vec::new() };
    let message = "DISTCC_HOSTS is an array; makepkg wants plain text, and stops";
    let help = format!("write `DISTCC_HOSTS=\"{}\"`", words.join(" "));
    vec![RULE.finding(facts.place_of("DISTCC_HOSTS"), message, help)]
}
