//! `hosts-empty`: the host list is set and has no host.

use crate::setup::facts::Facts;
use crate::setup::facts::hosts::Source;
use crate::setup::rules::finding::{Finding, Severity};
use crate::setup::rules::{Group, Rule};

/// The rule.
pub(super) const RULE: Rule = Rule {
    id: "hosts-empty",
    severity: Severity::Error,
    group: Group::Hosts,
    in_hook: true,
    summary: "the host list has no host",
    why: "makepkg exports DISTCC_HOSTS also if it is empty, and then the client does not read \
         its hosts files: everything is compiled on this machine.",
    mend: "Name the volunteers, or take the line out so that /etc/distcc/hosts is read.",
    example: "DISTCC_HOSTS=\"localhost/9 192.168.10.2/5 192.168.10.3/5\"",
    check,
};

fn check(facts: &Facts) -> Vec<Finding> {
    let Some(hosts) = &facts.hosts else { return Vec::new() };
    let unreadable = hosts.words.iter().any(|word| word.read.is_err());
    if hosts.specs().next().is_some() || unreadable || hosts.has_zeroconf() {
        return Vec::new();
    }
    let (message, help) = match (&hosts.source, hosts.words.is_empty()) {
        (Source::Variable, true) => (
            "DISTCC_HOSTS is empty, which hides the hosts files as well: everything is compiled \
             on this machine",
            "name the volunteers, or take the line out so that /etc/distcc/hosts is read",
        ),
        (Source::File(_), true) => (
            "this hosts file is the one that is read, and it names no host: everything is \
             compiled on this machine",
            "name the volunteers in it, as in `localhost/9 192.168.10.2/5`",
        ),
        (_, false) => (
            "the list has options and no host: everything is compiled on this machine",
            "name the volunteers, as in `localhost/9 192.168.10.2/5`",
        ),
    };
    vec![RULE.finding(facts.place_of_hosts(hosts), message, help)]
}
