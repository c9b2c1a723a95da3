//! `hosts-port`: a port is that of another architecture's distccd.

use crate::hosts::spec::{DEFAULT_PORT, Transport};
use crate::hosts::word;
use crate::setup::facts::Facts;
use crate::setup::rules::finding::{Finding, Severity};
use crate::setup::rules::{Group, Rule};
use crate::targets;

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
    mend: "Write the port of the distccd for the architecture in CARCH, or let `distcc-setup \
         configure` find it: it asks hosts that name no port.",
    example: "DISTCC_HOSTS=\"192.168.10.2:3636/5\"  # CARCH=\"aarch64\"",
    check,
};

fn check(facts: &Facts) -> Vec<Finding> {
    let Some(hosts) = &facts.hosts else { return Vec::new() };
    let ours = facts.target();
    let Some(arch) = ours.map(|ours| ours.carch.to_owned()).or_else(|| carch(facts)) else {
        return Vec::new();
    };
    let right = ours.map_or(DEFAULT_PORT, |target| target.port);
    let found = hosts.specs().filter_map(|(found, spec)| {
        let Transport::Tcp { port, .. } = &spec.transport else { return None };
        // The standard port may be one for all targets; only its volunteer can tell.
        let other = targets::by_port(*port).filter(|other| other.port != DEFAULT_PORT)?;
        if ours == Some(other) {
            return None;
        }
        let message =
            format!("port {port} is that of {}, and packages here are for {arch}", other.daemon());
        let write = match right {
            DEFAULT_PORT => word::without_port(&found.text),
            right => word::with_port(&found.text, right),
        };
        let help = format!("write `{write}`");
        let place = facts.place_of_host(hosts, found);
        Some(RULE.finding(place, message, help).replacing(write))
    });
    found.collect()
}

/// An architecture without a distccd of its own.
fn carch(facts: &Facts) -> Option<String> {
    facts.configuration.text("CARCH")
}

#[cfg(test)]
mod tests {
    use super::RULE;
    use crate::setup::rules::volunteer_toolchain;
    use crate::targets::TARGETS;

    #[test]
    fn what_rules_say_of_ports_is_what_the_table_has() {
        for target in TARGETS.iter().filter(|target| target.port != 3632) {
            let words = format!("{} {}", target.port, target.name);
            assert!(RULE.why.contains(&words), "{words}");
            assert!(volunteer_toolchain::RULE.mend.contains(&words), "{words}");
        }
    }
}
