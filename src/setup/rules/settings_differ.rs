//! `settings-differ`: DISTCC_HOSTS is not what setup.toml says.

use crate::hosts::spec::{DEFAULT_PORT, HostSpec, Transport};
use crate::hosts::word;
use crate::setup::facts::Facts;
use crate::setup::facts::hosts::{HostWord, Hosts, host_name};
use crate::setup::rules::finding::{Finding, Severity};
use crate::setup::rules::{Group, Rule};
use crate::setup::settings::VolunteerEntry;

/// The rule.
pub(super) const RULE: Rule = Rule {
    id: "settings-differ",
    severity: Severity::Note,
    group: Group::Settings,
    in_hook: false,
    summary: "DISTCC_HOSTS and setup.toml differ",
    why: "configure makes DISTCC_HOSTS from the volunteers in setup.toml, and would change it \
         back.",
    mend: "Write the change into setup.toml, or have DISTCC_HOSTS made anew.",
    example: "distcc-setup configure",
    check,
};

fn check(facts: &Facts) -> Vec<Finding> {
    let wanted: Vec<String> =
        facts.settings.volunteers.iter().map(VolunteerEntry::host_spec).collect();
    let Some(hosts) = facts.hosts.as_ref().filter(|_| !wanted.is_empty()) else {
        return Vec::new();
    };
    // Names are written as addresses for chroots: only bare addresses can be compared.
    let specs: Vec<_> = hosts.specs().collect();
    let wanted_text = wanted.join(" ");
    let meant = Hosts::new(hosts.source.clone(), &wanted_text);
    let named =
        meant.specs().chain(specs.iter().copied()).any(|(_, spec)| host_name(spec).is_some());
    let usual = facts.target().map_or(DEFAULT_PORT, |target| target.port);
    let same = meant.specs().count() == specs.len()
        && meant
            .specs()
            .zip(&specs)
            .all(|((word, spec), (_, found))| is_same(word, spec, found, usual));
    if same || named || hosts.has_zeroconf() {
        return Vec::new();
    }
    let message = format!("setup.toml has other volunteers, or other slots: `{wanted_text}`");
    let help = "change setup.toml, or have this made from it: distcc-setup configure";
    vec![RULE.finding(facts.place_of_hosts(hosts), message, help)]
}

/// Whether both are the same; one that names no port of a target with a port of its own has
/// whichever configure found.
fn is_same(word: &HostWord, meant: &HostSpec, found: &HostSpec, usual: u16) -> bool {
    let host = match (&meant.transport, &found.transport) {
        (Transport::Tcp { host, .. }, Transport::Tcp { host: other, port })
            if word::port(&word.text).is_none() =>
        {
            host == other && [DEFAULT_PORT, usual].contains(port)
        }
        _ => meant.lock_name() == found.lock_name(),
    };
    host && meant.slots == found.slots
}
