//! `service-port`: a daemon for a target is not where clients look for it.

use crate::setup::facts::Facts;
use crate::setup::facts::place::Place;
use crate::setup::facts::text::Text;
use crate::setup::rules::finding::{Finding, Severity};
use crate::setup::rules::{Group, Rule};
use crate::targets;

/// The rule.
pub(super) const RULE: Rule = Rule {
    id: "service-port",
    severity: Severity::Note,
    group: Group::Machine,
    in_hook: false,
    summary: "a daemon for a target has not the port that clients know",
    why: "Clients go by a table: armv5 3633, armv6h 3634, armv7h 3635, armv8 3636. At another \
         port they find nobody, or a daemon with other compilers.",
    mend: "Use that port, or write the other one in the clients' DISTCC_HOSTS.",
    example: "DISTCC_ARGS=\"--allow-private --port 3635\"",
    check,
};

fn check(facts: &Facts) -> Vec<Finding> {
    let enabled = facts.machine.services.iter().filter(|service| service.enabled);
    let found = enabled.filter_map(|service| {
        let target = targets::by_name(service.target.as_deref()?)?;
        let (port, usual) = (service.port?, target.port);
        if port == usual {
            return None;
        }
        let text = Text::new(&service.file, service.content.as_str());
        let mut lines = service.content.split('\n').enumerate();
        let line = lines.find(|(_, line)| line.starts_with("DISTCC_ARGS="));
        let place = line.and_then(|(at, _)| text.within_line(at + 1, "--port"));
        let place =
            place.map_or_else(|| Place::named(service.file.display().to_string()), Place::from);
        let message = format!(
            "clients look for {} on port {usual}, and {} is on {port}",
            target.name, service.unit
        );
        let help = format!("write `--port {usual}`, or HOST:{port} in the clients' DISTCC_HOSTS");
        Some(RULE.finding(place, message, help))
    });
    found.collect()
}
