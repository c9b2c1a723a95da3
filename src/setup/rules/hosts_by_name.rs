//! `hosts-by-name`: a host has a name, which may mean nothing in a build root.

use std::net::IpAddr;

use crate::hosts::spec::{HostSpec, Transport};
use crate::setup::facts::Facts;
use crate::setup::facts::hosts::host_name;
use crate::setup::facts::place::Place;
use crate::setup::rules::finding::{Finding, Severity};
use crate::setup::rules::{Group, Rule};

/// The rule.
pub(super) const RULE: Rule = Rule {
    id: "hosts-by-name",
    severity: Severity::Error,
    group: Group::Hosts,
    in_hook: true,
    summary: "a host has a name where builds run in a chroot",
    why: "In a devtools build root the names of /etc/hosts, of mDNS (`.local`) and of ssh mean \
         nothing. A name that cannot be looked up is tried for each unit, and all of them are \
         compiled on this machine. So makepkg's hook ends a build in a build root whose list has a \
         name, unless the package compiles nothing or has options=('!distcc'). With \
         `addresses_only = true` in setup.toml, it is a warning everywhere else.",
    mend: "Write addresses, or let distcc-setup chroot enable do it. `localhost` is no name: it \
           may stay.",
    example: "DISTCC_HOSTS=\"localhost/9 192.168.10.2/5\"",
    check,
};

fn check(facts: &Facts) -> Vec<Finding> {
    let Some(hosts) = facts.hosts.as_ref().filter(|_| facts.needs_addresses()) else {
        return Vec::new();
    };
    let found = hosts.words.iter().filter_map(|word| {
        let finding =
            |message, help| finding(facts, facts.place_of_host(hosts, word), message, help);
        if word.text == "+zeroconf" {
            let message = "`+zeroconf` finds nobody from a build root: there is no avahi in it";
            let help = "write addresses, which distcc-setup hosts --discover shows";
            return Some(finding(message.to_owned(), help.to_owned()));
        }
        let spec = word.spec()?;
        if let Transport::Ssh { host, .. } = &spec.transport {
            let message =
                format!("`{}` needs ssh, its keys and its names in the build root", word.text);
            let help = format!("let distccd listen on {host}, and write its address");
            return Some(finding(message, help));
        }
        let name = host_name(spec)?;
        let message = format!(
            "`{name}` is a name, and in a build root it may have no address: each unit is then \
             compiled on this machine"
        );
        let Some(address) = address(facts, spec, name) else {
            let help = format!("write its address, which this prints: getent hosts {name}");
            return Some(finding(message, help));
        };
        let right = word.text.replacen(name, &address, 1);
        Some(finding(message, format!("write `{right}`")).replacing(right))
    });
    found.collect()
}

/// A finding: an error in a build root, which has a command that mends all of them.
fn finding(facts: &Facts, place: Place, message: String, help: String) -> Finding {
    if !facts.is_about_chroot() {
        return RULE.finding(place, message, help).severity(Severity::Warning);
    }
    let help = format!("{help}, or run on the host");
    Finding { command: Some(facts.enable_chroot()), ..RULE.finding(place, message, help) }
}

/// The address that the volunteer answered from, or that its name has here, as a host spec has it.
fn address(facts: &Facts, spec: &HostSpec, name: &str) -> Option<String> {
    let answered = facts
        .answer(spec)
        .and_then(|answer| answer.address.or(answer.addresses.as_ref().ok()?.first().copied()));
    let address = answered.map(|found| found.ip()).or(facts.addresses.get(name).copied())?;
    Some(match address {
        IpAddr::V6(address) => format!("[{address}]"),
        IpAddr::V4(address) => address.to_string(),
    })
}
