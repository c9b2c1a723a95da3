//! `hosts-localhost-missing`: this machine is as strong as all others, and compiles nothing.

use crate::setup::facts::Facts;
use crate::setup::facts::hosts::is_this_machine;
use crate::setup::rules::finding::{Finding, Severity};
use crate::setup::rules::{Group, Rule};

/// The rule.
pub(super) const RULE: Rule = Rule {
    id: "hosts-localhost-missing",
    severity: Severity::Note,
    group: Group::Hosts,
    in_hook: false,
    summary: "localhost is not in the list",
    why: "Without localhost this machine only preprocesses and links. With a few weak volunteers \
         that leaves the best processor idle; with many, it is right.",
    mend: "Add localhost with as many slots as the machine has processors, or silence this rule.",
    example: "DISTCC_HOSTS=\"localhost/8 192.168.10.2/4\"",
    check,
};

fn check(facts: &Facts) -> Vec<Finding> {
    let Some(hosts) = &facts.hosts else { return Vec::new() };
    let (Some(slots), false) = (hosts.slots(), hosts.has_zeroconf()) else { return Vec::new() };
    let processors = facts.machine.processors;
    let has_local = hosts.specs().any(|(_, spec)| is_this_machine(spec));
    if has_local || slots == 0 || slots > processors {
        return Vec::new();
    }
    let message = format!(
        "this machine has {processors} processors, the volunteers have {slots} slots together, and \
         without localhost in the list nothing is compiled here"
    );
    let help = format!("write `localhost/{processors} {}`", hosts.text.trim());
    vec![RULE.finding(facts.place_of_hosts(hosts), message, help)]
}
