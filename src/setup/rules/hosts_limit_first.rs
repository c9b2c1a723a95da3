//! `hosts-limit-first`: the limit stands before the port.

use crate::hosts::spec::Transport;
use crate::hosts::word;
use crate::setup::facts::Facts;
use crate::setup::rules::finding::{Finding, Severity};
use crate::setup::rules::{Group, Rule};

/// The rule.
pub(super) const RULE: Rule = Rule {
    id: "hosts-limit-first",
    severity: Severity::Note,
    group: Group::Hosts,
    in_hook: false,
    summary: "the limit stands before the port",
    why: "distcc reads `HOST/SLOTS:PORT` as `HOST:PORT/SLOTS`, though its manual has only the \
         second. People who build for ARM often write the first.",
    mend: "Nothing has to be done; other programs that read the list may want `HOST:PORT/SLOTS`.",
    example: "DISTCC_HOSTS=\"192.168.10.2:3635/5\"",
    check,
};

fn check(facts: &Facts) -> Vec<Finding> {
    let Some(hosts) = &facts.hosts else { return Vec::new() };
    let found = hosts.specs().filter_map(|(found, spec)| {
        let is_tcp = matches!(spec.transport, Transport::Tcp { .. });
        let right = is_tcp.then(|| word::limit_last(&found.text))??;
        let message = "the limit stands before the port; distcc reads it the other way round too";
        let help = format!("write `{right}`, as the manual has it");
        let place = facts.place_of_host(hosts, found);
        Some(RULE.finding(place, message, help).replacing(right))
    });
    found.collect()
}
