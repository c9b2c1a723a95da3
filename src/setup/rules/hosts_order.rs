//! `hosts-order`: a less powerful volunteer comes before a more powerful one.

use std::cmp::Ordering;

use crate::hosts::spec::HostSpec;
use crate::setup::facts::Facts;
use crate::setup::facts::hosts::{HostWord, is_this_machine};
use crate::setup::rules::finding::{Finding, Severity};
use crate::setup::rules::{Group, Rule};

/// The rule.
pub(super) const RULE: Rule = Rule {
    id: "hosts-order",
    severity: Severity::Warning,
    group: Group::Hosts,
    in_hook: true,
    summary: "a less powerful volunteer comes first",
    why: "The client fills the list from its beginning. Whenever fewer units are to be compiled \
         than there are slots, those at the end stay free, which should be the slow ones.",
    mend: "Order the list from the most to the least powerful. What counts is the order in \
         setup.toml where that names both, else the number of slots. --randomize switches this \
         rule off.",
    example: "DISTCC_HOSTS=\"192.168.10.2/16 192.168.10.3/8 192.168.10.4/4\"",
    check,
};

fn check(facts: &Facts) -> Vec<Finding> {
    let Some(hosts) = &facts.hosts else { return Vec::new() };
    let remote: Vec<_> =
        hosts.specs().filter(|(_, spec)| !is_this_machine(spec) && !spec.down).collect();
    let mut sorted = remote.clone();
    sorted.sort_by(|(_, left), (_, right)| by_power(facts, left, right));
    let moved = remote.iter().zip(&sorted).find(|((now, _), (right, _))| now.range != right.range);
    let (Some(((first, _), (better, _))), false) = (moved, hosts.is_random()) else {
        return Vec::new();
    };
    let message = format!(
        "`{}` is more powerful than `{}`, which comes before it; the client fills the list from \
         its beginning",
        better.text, first.text
    );
    let mut right = sorted.iter().map(|(word, _)| word.text.as_str());
    let is_moved = |word: &HostWord| remote.iter().any(|(one, _)| one.range == word.range);
    let list: Vec<&str> = hosts
        .words
        .iter()
        .map(|word| match is_moved(word) {
            true => right.next().unwrap_or_default(),
            false => &word.text,
        })
        .collect();
    let help = format!("write `{}`", list.join(" "));
    vec![RULE.finding(facts.place_of_host(hosts, better), message, help)]
}

/// The more powerful first: by setup.toml where that has both, else by what both volunteers told of
/// themselves, else by slots.
fn by_power(facts: &Facts, left: &HostSpec, right: &HostSpec) -> Ordering {
    let known = |spec: &HostSpec| {
        let mut entries = facts.settings.volunteers.iter();
        entries.position(|entry| entry.address == spec.display_host())
    };
    let told = |spec: &HostSpec| {
        Some(facts.answer(spec)?.speed?.units_per_second() * f64::from(spec.usable_slots()))
    };
    match (known(left), known(right), told(left), told(right)) {
        (Some(left), Some(right), ..) => left.cmp(&right),
        (_, _, Some(left), Some(right)) => right.total_cmp(&left),
        _ => right.slots.cmp(&left.slots),
    }
}
