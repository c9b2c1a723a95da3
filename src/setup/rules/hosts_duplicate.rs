//! `hosts-duplicate`: the same volunteer is in the list twice.

use crate::hosts::spec::HostSpec;
use crate::setup::facts::Facts;
use crate::setup::facts::hosts::HostWord;
use crate::setup::rules::finding::{Finding, Severity};
use crate::setup::rules::{Group, Rule};

/// The rule.
pub(super) const RULE: Rule = Rule {
    id: "hosts-duplicate",
    severity: Severity::Warning,
    group: Group::Hosts,
    in_hook: true,
    summary: "a volunteer is in the list twice",
    why: "Entries for the same host and port share their slots, so the second one adds none; but \
         MAKEFLAGS is reckoned with it.",
    mend: "Keep one entry, with the slots that you want.",
    example: "DISTCC_HOSTS=\"192.168.10.2/10 192.168.10.3/5\"",
    check,
};

fn check(facts: &Facts) -> Vec<Finding> {
    let Some(hosts) = &facts.hosts else { return Vec::new() };
    let specs: Vec<_> = hosts.specs().collect();
    let mut found = Vec::new();
    for (at, (word, spec)) in specs.iter().enumerate() {
        let same = |(_, other): &&(&HostWord, &HostSpec)| other.lock_name() == spec.lock_name();
        let Some((first, _)) = specs.iter().take(at).find(same) else { continue };
        let message = format!(
            "`{}` is in the list already as `{}`, and both share the same slots",
            word.text, first.text
        );
        let place = facts.place_of_host(hosts, word);
        found.push(RULE.finding(place, message, "take one of them out"));
    }
    found
}
