//! `hosts-public`: an address is not a private one.

use core::net::IpAddr;

use crate::hosts::spec::Transport;
use crate::setup::facts::Facts;
use crate::setup::rules::finding::{Finding, Severity};
use crate::setup::rules::{Group, Rule};

/// The rule.
pub(super) const RULE: Rule = Rule {
    id: "hosts-public",
    severity: Severity::Warning,
    group: Group::Hosts,
    in_hook: true,
    summary: "a host has a public address",
    why: "distcc neither encrypts nor authenticates: sources go over the internet as they are, \
         and whoever is on the way can change objects. A volunteer with --allow-private lets no \
         such machine in.",
    mend: "Use the address in your own network or VPN, or go through ssh.",
    example: "DISTCC_HOSTS=\"@build.example.org/8\"",
    check,
};

fn check(facts: &Facts) -> Vec<Finding> {
    let Some(hosts) = &facts.hosts else { return Vec::new() };
    let public = hosts.specs().filter_map(|(word, spec)| {
        let Transport::Tcp { host, .. } = &spec.transport else { return None };
        let address: IpAddr = host.split('%').next()?.parse().ok()?;
        (!is_private(address.to_canonical())).then_some((word, host))
    });
    public
        .map(|(word, host)| {
            let message = format!(
                "{host} is no private address: sources and objects cross the internet unprotected, \
                 and a volunteer with --allow-private refuses this machine"
            );
            let host = if host.contains(':') { format!("[{host}]") } else { host.clone() };
            let help = format!("write its address in your own network, or `@{host}` to use ssh");
            RULE.finding(facts.place_of_host(hosts, word), message, help)
        })
        .collect()
}

fn is_private(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => {
            address.is_private() || address.is_loopback() || address.is_link_local()
        }
        IpAddr::V6(address) => {
            address.is_unique_local() || address.is_loopback() || address.is_unicast_link_local()
        }
    }
}
