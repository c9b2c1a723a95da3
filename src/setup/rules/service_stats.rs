//! `service-stats`: statistics of a daemon are to be shown on the port of another.

use crate::base::version::DEFAULT_STATS_PORT;
use crate::setup::facts::Facts;
use crate::setup::facts::machine::Service;
use crate::setup::facts::place::Place;
use crate::setup::facts::text::Text;
use crate::setup::rules::finding::{Finding, Severity};
use crate::setup::rules::{Group, Rule};

/// The rule.
pub(super) const RULE: Rule = Rule {
    id: "service-stats",
    severity: Severity::Warning,
    group: Group::Machine,
    in_hook: false,
    summary: "statistics are to be shown on a daemon's port",
    why: "distccd shows its statistics (--stats) on port 3633 unless --stats-port names another, \
         and 3633 is also the port of the daemon for armv5. Only one of both gets it, and the \
         other daemon does not start.",
    mend: "Give the statistics another port; `distcc-setup hosts` and `doctor` are told of it by \
         --stats-port.",
    example: "DISTCC_ARGS=\"--allow-private --stats --stats-port 3643\"",
    check,
};

/// How far statistics are moved.
const AWAY: u16 = 10;

fn check(facts: &Facts) -> Vec<Finding> {
    let starts = |one: &&Service| one.enabled || one.active == Some(true);
    let services: Vec<_> = facts.machine.services.iter().filter(starts).collect();
    let mut found = Vec::new();
    for (at, service) in services.iter().enumerate() {
        let Some(port) = stats_port(service) else { continue };
        let jobs = services.iter().filter(|other| other.port == Some(port));
        let stats = services.iter().take(at).filter(|other| stats_port(other) == Some(port));
        let jobs = jobs.map(|other| format!("the port of {}", other.unit));
        let stats = stats.map(|other| format!("where those of {} are", other.unit));
        for what in jobs.chain(stats) {
            let message = format!("the statistics of {} are for port {port}, {what}", service.unit);
            let away = port.saturating_add(AWAY);
            let help = format!("write `--stats --stats-port {away}`");
            found.push(RULE.finding(place(service), message, help));
        }
    }
    found
}

/// The port of its statistics, if it shows any.
fn stats_port(service: &Service) -> Option<u16> {
    let words = service.arguments();
    if !words.iter().any(|word| word == "--stats") {
        return None;
    }
    let named = words.iter().enumerate().rev().find_map(|(at, word)| {
        match word.strip_prefix("--stats-port")? {
            "" => words.get(at + 1).cloned(),
            rest => rest.strip_prefix('=').map(str::to_owned),
        }
    });
    named.map_or(Some(DEFAULT_STATS_PORT), |port| port.parse().ok())
}

fn place(service: &Service) -> Place {
    let text = Text::new(&service.file, service.content.as_str());
    let mut lines = service.content.split('\n').enumerate();
    let at = lines.find(|(_, line)| line.starts_with("DISTCC_ARGS=")).map(|(at, _)| at + 1);
    let within = at.and_then(|at| text.within_line(at, "--stats"));
    within.map_or_else(|| Place::named(service.file.display().to_string()), Place::from)
}
