//! `service-local-only`: this machine's distccd lets nobody else in.

use crate::setup::facts::Facts;
use crate::setup::facts::place::Place;
use crate::setup::facts::text::Text;
use crate::setup::rules::finding::{Finding, Severity};
use crate::setup::rules::{Group, Rule};

/// The rule.
pub(super) const RULE: Rule = Rule {
    id: "service-local-only",
    severity: Severity::Note,
    group: Group::Machine,
    in_hook: false,
    summary: "distccd of this machine lets nobody else in",
    why: "The package of distcc comes with `--allow 127.0.0.1`: the daemon runs, and refuses \
         every other machine.",
    mend: "Name the networks that may use it, or all private ones.",
    example: "DISTCC_ARGS=\"--allow-private --log-file /tmp/distccd.log\"",
    check,
};

fn check(facts: &Facts) -> Vec<Finding> {
    let mut found = Vec::new();
    for service in facts.machine.services.iter().filter(|service| service.enabled) {
        let text = Text::new(&service.file, service.content.as_str());
        let lines = service.content.split('\n').enumerate();
        for (at, _) in lines.filter(|(_, line)| line.starts_with("DISTCC_ARGS=") && is_local(line))
        {
            let place = text
                .within_line(at + 1, "--allow")
                .map_or_else(|| Place::named(service.file.display().to_string()), Place::from);
            let message = format!("{} starts at boot, and lets no other machine in", service.unit);
            let target = service.target.iter().map(|target| format!(" --target {target}"));
            let help = format!(
                "write `--allow-private`, or run: sudo distcc-setup volunteer{}",
                target.collect::<String>()
            );
            found.push(RULE.finding(place, message, help));
        }
    }
    found
}

/// Whether every `--allow` is a loopback address.
fn is_local(line: &str) -> bool {
    let value = line.trim_start_matches("DISTCC_ARGS=").replace(['"', '\''], " ");
    let words: Vec<&str> = value.split([' ', '=']).filter(|word| !word.is_empty()).collect();
    let mut allowed = words.windows(2).filter_map(|pair| match pair {
        ["--allow" | "-a", network] => Some(*network),
        _ => None,
    });
    let loopback = |network: &str| network.starts_with("127.") || network.starts_with("::1");
    let some = words.iter().any(|word| matches!(*word, "--allow" | "-a"));
    some && !words.contains(&"--allow-private") && allowed.all(loopback)
}
