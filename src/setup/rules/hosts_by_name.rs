//! `hosts-by-name`: a host has a name, which may mean nothing in a build root.

use crate::hosts::spec::{HostSpec, Transport};
use crate::setup::facts::Facts;
use crate::setup::facts::hosts::host_name;
use crate::setup::rules::finding::{Finding, Severity};
use crate::setup::rules::{Group, Rule};

/// The rule.
pub(super) const RULE: Rule = Rule {
    id: "hosts-by-name",
    severity: Severity::Warning,
    group: Group::Hosts,
    in_hook: true,
    summary: "a host has a name where builds run in a chroot",
    why: "In a devtools build root the names of /etc/hosts, of mDNS (`.local`) and of ssh mean \
         nothing. A name that cannot be looked up is tried for each unit, and all of them are \
         compiled on this machine. This rule is for chroots, and for everybody who sets \
         `addresses_only = true` in setup.toml.",
    mend: "Write addresses. `localhost` is no name: it may stay.",
    example: "DISTCC_HOSTS=\"localhost/9 192.168.10.2/5\"",
    check,
};

fn check(facts: &Facts) -> Vec<Finding> {
    let Some(hosts) = facts.hosts.as_ref().filter(|_| facts.needs_addresses()) else {
        return Vec::new();
    };
    let found = hosts.words.iter().filter_map(|word| {
        let place = || facts.place_of_host(hosts, word);
        if word.text == "+zeroconf" {
            let message = "`+zeroconf` finds nobody from a build root: there is no avahi in it";
            let help = "write addresses, which distcc-setup hosts --discover shows";
            return Some(RULE.finding(place(), message, help));
        }
        let spec = word.spec()?;
        if let Transport::Ssh { host, .. } = &spec.transport {
            let message =
                format!("`{}` needs ssh, its keys and its names in the build root", word.text);
            let help = format!("let distccd listen on {host}, and write its address");
            return Some(RULE.finding(place(), message, help));
        }
        let name = host_name(spec)?;
        let message = format!(
            "`{name}` is a name, and in a build root it may have no address: each unit is then \
             compiled on this machine"
        );
        let Some(address) = address(facts, spec) else {
            let help = format!("write its address, which this prints: getent hosts {name}");
            return Some(RULE.finding(place(), message, help));
        };
        let right = word.text.replacen(name, &address, 1);
        let help = format!("write `{right}`");
        Some(RULE.finding(place(), message, help).replacing(right))
    });
    found.collect()
}

/// The address that the volunteer answered from, as a host spec has it.
fn address(facts: &Facts, spec: &HostSpec) -> Option<String> {
    let answer = facts.answer(spec)?;
    let address = answer.address.or(answer.addresses.as_ref().ok()?.first().copied())?.ip();
    Some(if address.is_ipv6() { format!("[{address}]") } else { address.to_string() })
}
