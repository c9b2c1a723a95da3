//! `hosts-only-local`: no other machine is in the list.

use crate::setup::facts::Facts;
use crate::setup::rules::finding::{Finding, Severity};
use crate::setup::rules::{Group, Rule};

/// The rule.
pub(super) const RULE: Rule = Rule {
    id: "hosts-only-local",
    severity: Severity::Error,
    group: Group::Hosts,
    in_hook: true,
    summary: "the list names no other machine",
    why: "Entries for localhost, entries that are switched off (`,down`), and entries with a \
         port or limit that is none take nothing off this machine.",
    mend: "Name the volunteers.",
    example: "DISTCC_HOSTS=\"localhost/9 192.168.10.2/5\"",
    check,
};

fn check(facts: &Facts) -> Vec<Finding> {
    let Some(hosts) = &facts.hosts else { return Vec::new() };
    let unreadable = hosts.words.iter().any(|word| word.read.is_err());
    let away = hosts.specs().any(|(_, spec)| !spec.is_local() && spec.usable_slots() > 0);
    if hosts.specs().next().is_none() || unreadable || away || hosts.has_zeroconf() {
        return Vec::new();
    }
    let message = match hosts.specs().any(|(_, spec)| !spec.is_local()) {
        true => "every other machine in the list is switched off, so nothing is distributed",
        false => "the list names this machine alone, so nothing is distributed",
    };
    let help =
        "add volunteers, as in `192.168.10.2/5`; to find some: distcc-setup hosts --discover";
    vec![RULE.finding(facts.place_of_hosts(hosts), message, help)]
}
