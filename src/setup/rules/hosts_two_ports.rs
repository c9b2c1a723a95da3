//! `hosts-two-ports`: a machine is in the list at the ports of two distccds.

use crate::hosts::spec::{DEFAULT_PORT, HostSpec, Transport};
use crate::setup::facts::Facts;
use crate::setup::rules::finding::{Finding, Severity};
use crate::setup::rules::{Group, Rule};
use crate::targets;

/// The rule.
pub(super) const RULE: Rule = Rule {
    id: "hosts-two-ports",
    severity: Severity::Warning,
    group: Group::Hosts,
    in_hook: true,
    summary: "a machine is in the list at the ports of two targets",
    why: "The distccds of one machine share its processors, so the second entry adds no power, and \
         only one of both ports can be the right one; but MAKEFLAGS is reckoned with both.",
    mend: "Keep the entry whose port compiles for the architecture in CARCH; `distcc-setup doctor` \
         says which does.",
    example: "DISTCC_HOSTS=\"192.168.10.2:3635/5 192.168.10.3:3635/5\"",
    check,
};

fn check(facts: &Facts) -> Vec<Finding> {
    let Some(hosts) = &facts.hosts else { return Vec::new() };
    // A port of a third target is what `hosts-port` is about.
    let Some(ours) = facts.target().filter(|ours| ours.port != DEFAULT_PORT) else {
        return Vec::new();
    };
    let specs: Vec<_> =
        hosts.specs().filter_map(|(word, spec)| Some((word, place(spec)?))).collect();
    let mut found = Vec::new();
    for (at, (word, (host, port))) in specs.iter().enumerate() {
        let both = [*port, ours.port + DEFAULT_PORT - *port];
        let other = |(_, (other, second)): &&(_, (&str, u16))| host == other && *second == both[1];
        let Some((first, _)) = specs.iter().take(at).find(other) else { continue };
        let message = format!(
            "`{}` and `{}` are one machine: {} has port {}, and the other is that of its ordinary \
             distccd",
            first.text,
            word.text,
            ours.daemon(),
            ours.port
        );
        let place = facts.place_of_host(hosts, word);
        found.push(RULE.finding(place, message, "take one of them out"));
    }
    found
}

/// Host and port, where the port is one of a target's.
fn place(spec: &HostSpec) -> Option<(&str, u16)> {
    match &spec.transport {
        Transport::Tcp { host, port } if targets::by_port(*port).is_some() => Some((host, *port)),
        _ => None,
    }
}
