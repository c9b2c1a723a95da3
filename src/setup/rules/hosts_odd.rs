//! `hosts-odd`: a host spec is accepted that nobody can have meant.

use crate::setup::facts::Facts;
use crate::setup::rules::finding::{Finding, Severity};
use crate::setup::rules::{Group, Rule};

/// The rule.
pub(super) const RULE: Rule = Rule {
    id: "hosts-odd",
    severity: Severity::Warning,
    group: Group::Hosts,
    in_hook: true,
    summary: "a host spec hardly means what it says",
    why: "distcc takes some words that nobody can have meant, and ignores a part of them or \
         never uses the host.",
    mend: "Write HOST, HOST/SLOTS, HOST:PORT/SLOTS, with `,lzo` or `,cpp,lzo` behind it where \
         wanted.",
    example: "DISTCC_HOSTS=\"192.168.10.2:3635/5,lzo\"",
    check,
};

fn check(facts: &Facts) -> Vec<Finding> {
    let Some(hosts) = &facts.hosts else { return Vec::new() };
    let words = hosts.words.iter().filter_map(|word| Some((word, word.read.as_ref().ok()?)));
    words
        .flat_map(|(word, list)| {
            let help = "write HOST, HOST/SLOTS or HOST:PORT/SLOTS, with `,lzo` behind it if wanted";
            let place = facts.place_of_host(hosts, word);
            list.notes.iter().map(move |note| RULE.finding(place.clone(), note.as_str(), help))
        })
        .collect()
}
