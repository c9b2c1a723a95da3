//! `hosts-malformed`: a host spec cannot be read.

use crate::setup::facts::Facts;
use crate::setup::rules::finding::{Finding, Severity};
use crate::setup::rules::{Group, Rule};

/// The rule.
pub(super) const RULE: Rule = Rule {
    id: "hosts-malformed",
    severity: Severity::Error,
    group: Group::Hosts,
    in_hook: true,
    summary: "a host spec cannot be read",
    why: "The client reads the list as a whole: one host spec that it cannot read leaves it \
         without any host, and everything is compiled on this machine.",
    mend: "Write HOST, HOST/SLOTS, HOST:PORT/SLOTS, with `,lzo` or `,cpp,lzo` behind it where \
         wanted; IPv6 addresses in brackets.",
    example: "DISTCC_HOSTS=\"localhost/9 192.168.10.2:3635/5,lzo [fd00::7]/4\"",
    check,
};

fn check(facts: &Facts) -> Vec<Finding> {
    let Some(hosts) = &facts.hosts else { return Vec::new() };
    let unreadable = hosts.words.iter().filter_map(|word| Some((word, word.read.as_ref().err()?)));
    unreadable
        .map(|(word, error)| {
            let text = error.to_string();
            // The reader's sentence ends in what to write, in parentheses.
            let (what, write) = text.rsplit_once(" (").unwrap_or((&text, "write HOST/SLOTS"));
            let what = what.replace("`` is no number of slots", "nothing follows its slash");
            let message = format!("{what}; one such word makes the whole list useless");
            let help = write.trim_end_matches(')');
            RULE.finding(facts.place_of_host(hosts, word), message, help)
        })
        .collect()
}
