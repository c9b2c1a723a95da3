//! `service-path`: a daemon's settings expand $PATH, which systemd does not.

use crate::setup::facts::Facts;
use crate::setup::facts::place::Place;
use crate::setup::facts::text::Text;
use crate::setup::rules::finding::{Finding, Severity};
use crate::setup::rules::{Group, Rule};

/// The rule.
pub(super) const RULE: Rule = Rule {
    id: "service-path",
    severity: Severity::Warning,
    group: Group::Machine,
    in_hook: false,
    summary: "systemd does not expand $PATH",
    why: "systemd takes a file in /etc/conf.d as it is: `PATH=/opt/x:$PATH` has a directory \
         called `$PATH` at its end, and the distccd finds nothing but what is in /opt/x.",
    mend: "Write the directories out.",
    example: "PATH=/opt/x-tools8/aarch64-unknown-linux-gnu/bin:/usr/bin",
    check,
};

fn check(facts: &Facts) -> Vec<Finding> {
    let mut found = Vec::new();
    for service in &facts.machine.services {
        let text = Text::new(&service.file, service.content.as_str());
        let lines = service.content.split('\n').enumerate();
        for (at, line) in lines.filter(|(_, line)| line.starts_with("PATH=")) {
            let Some(word) = ["$PATH", "${PATH}"].into_iter().find(|word| line.contains(word))
            else {
                continue;
            };
            let message = "systemd does not expand this: distccd gets a directory of that name";
            let right = line.replace(word, "/usr/bin");
            let place = text
                .within_line(at + 1, word)
                .map_or_else(|| Place::named(service.file.display().to_string()), Place::from);
            let help = format!("write `{right}`");
            found.push(RULE.finding(place, message, help).replacing("/usr/bin"));
        }
    }
    found
}
