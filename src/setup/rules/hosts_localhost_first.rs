//! `hosts-localhost-first`: localhost comes first although others have more slots.

use crate::setup::facts::Facts;
use crate::setup::facts::hosts::is_this_machine;
use crate::setup::rules::finding::{Finding, Severity};
use crate::setup::rules::{Group, Rule};

/// The rule.
pub(super) const RULE: Rule = Rule {
    id: "hosts-localhost-first",
    severity: Severity::Warning,
    group: Group::Hosts,
    in_hook: true,
    summary: "localhost comes before more powerful volunteers",
    why: "The client fills the list from its beginning, so this machine compiles first of all; \
         but it has to preprocess, link and send for all others as well, and they wait for \
         that.",
    mend: "Move localhost behind the volunteers that are more powerful.",
    example: "DISTCC_HOSTS=\"192.168.10.2/16 localhost/4\"",
    check,
};

fn check(facts: &Facts) -> Vec<Finding> {
    let Some(hosts) = &facts.hosts else { return Vec::new() };
    let mut specs = hosts.specs();
    let Some((first, local)) = specs.next().filter(|(_, spec)| spec.is_local()) else {
        return Vec::new();
    };
    let better = specs.filter(|(_, spec)| !is_this_machine(spec));
    let Some((better, _)) = better.filter(|(_, spec)| spec.slots > local.slots).last() else {
        return Vec::new();
    };
    let meant = facts.settings.volunteers.first();
    if meant.is_some_and(|entry| entry.address == "localhost") || hosts.is_random() {
        return Vec::new();
    }
    let message = format!(
        "this machine compiles before `{}`, which has more slots, gets anything; and it has to \
         preprocess and link for all",
        better.text
    );
    let mut list: Vec<&str> = Vec::new();
    for word in hosts.words.iter().filter(|word| word.range != first.range) {
        list.push(&word.text);
        if word.range == better.range {
            list.push(&first.text);
        }
    }
    let help = format!("write `{}`", list.join(" "));
    vec![RULE.finding(facts.place_of_host(hosts, first), message, help)]
}
