//! `hosts-port`: a port is that of another architecture's distccd.

use crate::hosts::spec::{DEFAULT_PORT, Transport};
use crate::setup::facts::Facts;
use crate::setup::probe::fault::CROSS_DAEMONS;
use crate::setup::rules::finding::{Finding, Severity};
use crate::setup::rules::{Group, Rule};

/// The rule.
pub(super) const RULE: Rule = Rule {
    id: "hosts-port",
    severity: Severity::Warning,
    group: Group::Hosts,
    in_hook: true,
    summary: "a port is that of another architecture",
    why: "Volunteers that compile for several architectures run a distccd for each, on ports of \
         their own: 3633 armv5, 3634 armv6h, 3635 armv7h, 3636 armv8, and 3632 for their own. \
         The same word `gcc` makes other objects at each.",
    mend: "Write the port of the distccd for the architecture in CARCH.",
    example: "DISTCC_HOSTS=\"192.168.10.2:3636/5\"",
    check,
};

/// The architectures of the ports, by the suffix of the daemon's unit.
const SUFFIXES: [(&str, &str); 4] =
    [("arm", "-armv5"), ("armv6h", "-armv6h"), ("armv7h", "-armv7h"), ("aarch64", "-armv8")];

fn check(facts: &Facts) -> Vec<Finding> {
    let Some(hosts) = &facts.hosts else { return Vec::new() };
    let Some(arch) = facts.configuration.text("CARCH") else { return Vec::new() };
    let ours = SUFFIXES.iter().find(|(name, _)| *name == arch).map(|(_, suffix)| *suffix);
    let right = CROSS_DAEMONS.iter().find(|(_, suffix, _)| Some(*suffix) == ours);
    let right = right.map_or(DEFAULT_PORT, |(port, ..)| *port);
    let found = hosts.specs().filter_map(|(word, spec)| {
        let Transport::Tcp { port, .. } = &spec.transport else { return None };
        let (_, suffix, _) = CROSS_DAEMONS.iter().find(|(cross, ..)| cross == port)?;
        if Some(*suffix) == ours {
            return None;
        }
        let message =
            format!("port {port} is that of distccd{suffix}, and packages here are for {arch}");
        let write = word.text.replace(&format!(":{port}"), &format!(":{right}"));
        let help = format!("write `{write}`");
        Some(RULE.finding(facts.place_of_host(hosts, word), message, help).replacing(write))
    });
    found.collect()
}
