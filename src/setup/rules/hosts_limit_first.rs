//! `hosts-limit-first`: the limit stands before the port.

use crate::hosts::spec::Transport;
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
    let found = hosts.specs().filter_map(|(word, spec)| {
        let right =
            matches!(spec.transport, Transport::Tcp { .. }).then(|| turned(&word.text))??;
        let message = "the limit stands before the port; distcc reads it the other way round too";
        let help = format!("write `{right}`, as the manual has it");
        let place = facts.place_of_host(hosts, word);
        Some(RULE.finding(place, message, help).replacing(right))
    });
    found.collect()
}

/// `HOST:PORT/SLOTS…` for `HOST/SLOTS:PORT…`.
fn turned(word: &str) -> Option<String> {
    let behind_host = word.rfind(']').map_or(0, |at| at + 1);
    let slash = behind_host + word.get(behind_host..)?.find('/')?;
    let colon = slash + word.get(slash..)?.find(':')?;
    let end = word.get(colon..)?.find(',').map_or(word.len(), |at| colon + at);
    let (host, limit) = (word.get(..slash)?, word.get(slash..colon)?);
    let (port, options) = (word.get(colon..end)?, word.get(end..)?);
    (!port.contains('/')).then(|| format!("{host}{port}{limit}{options}"))
}
