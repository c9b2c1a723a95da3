//! `settings-differ`: DISTCC_HOSTS is not what setup.toml says.

use crate::hosts::spec::HostSpec;
use crate::setup::facts::Facts;
use crate::setup::facts::hosts::{Hosts, host_name};
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
    let same = meant.specs().map(|(_, spec)| key(spec)).eq(specs.iter().map(|(_, spec)| key(spec)));
    if same || named || hosts.has_zeroconf() {
        return Vec::new();
    }
    let message = format!("setup.toml has other volunteers, or other slots: `{wanted_text}`");
    let help = "change setup.toml, or have this made from it: distcc-setup configure";
    vec![RULE.finding(facts.place_of_hosts(hosts), message, help)]
}

/// What makes two entries the same.
fn key(spec: &HostSpec) -> (String, i32) {
    (spec.lock_name(), spec.slots)
}
