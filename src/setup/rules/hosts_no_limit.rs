//! `hosts-no-limit`: a host spec has no limit.

use crate::hosts::spec::HostSpec;
use crate::setup::facts::Facts;
use crate::setup::rules::finding::{Finding, Severity};
use crate::setup::rules::{Group, Rule};

/// The rule.
pub(super) const RULE: Rule = Rule {
    id: "hosts-no-limit",
    severity: Severity::Note,
    group: Group::Hosts,
    in_hook: false,
    summary: "a host spec has no limit",
    why: "Without a limit distcc takes 4 slots, or 2 for localhost, whatever the machine has: \
         too few for a strong one, too many for a weak one.",
    mend: "Write the number of jobs that the machine takes: its distccd's --jobs, by default its \
         processors and two more.",
    example: "DISTCC_HOSTS=\"localhost/9 192.168.10.2/18\"",
    check,
};

fn check(facts: &Facts) -> Vec<Finding> {
    let Some(hosts) = &facts.hosts else { return Vec::new() };
    let unlimited = hosts.specs().filter(|(word, spec)| !has_limit(&word.text) && !spec.down);
    unlimited
        .map(|(word, spec)| {
            let message = format!(
                "`{}` has no limit, so {} of its slots are used, however many it has",
                word.text, spec.slots
            );
            let help = match (told_slots(facts, spec), spec.is_local()) {
                (Some(slots), _) => format!(
                    "write `{}`, for that is what it says it has",
                    limited(&word.text, slots)
                ),
                (None, true) => format!(
                    "write `localhost/{}`, one for each processor",
                    facts.machine.processors
                ),
                (None, false) => format!(
                    "write `{}` with the number of jobs that it takes",
                    limited(&word.text, "N")
                ),
            };
            RULE.finding(facts.place_of_host(hosts, word), message, help)
        })
        .collect()
}

/// What the volunteer itself says.
fn told_slots(facts: &Facts, spec: &HostSpec) -> Option<u32> {
    facts.answer(spec)?.stats.as_ref()?.slots
}

fn has_limit(word: &str) -> bool {
    let host = word.rfind(']').map_or(0, |at| at + 1);
    let rest = word.get(host..).unwrap_or_default();
    rest.split(',').next().is_some_and(|part| part.contains(['/', '=']))
}

/// The word with a limit before its options.
fn limited(word: &str, slots: impl std::fmt::Display) -> String {
    let (front, options) = word.split_at(word.find(',').unwrap_or(word.len()));
    format!("{front}/{slots}{options}")
}
