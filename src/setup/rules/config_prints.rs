//! `config-prints`: a file prints while it is read.

use crate::arch::evaluate::EvaluateError;
use crate::setup::facts::Facts;
use crate::setup::facts::place::Place;
use crate::setup::facts::text::Text;
use crate::setup::rules::finding::{Finding, Severity};
use crate::setup::rules::{Group, Rule};

/// The rule.
pub(super) const RULE: Rule = Rule {
    id: "config-prints",
    severity: Severity::Warning,
    group: Group::Files,
    in_hook: false,
    summary: "a file of the configuration prints",
    why: "What a file prints, makepkg prints in each of its runs, also where programs read its \
         output, as AUR helpers read `makepkg --packagelist`.",
    mend: "Take the command out, or send its output to /dev/null.",
    example: "echo hello >/dev/null",
    check,
};

/// Commands that print.
const PRINTS: [&str; 3] = ["echo", "printf", "cat"];

fn check(facts: &Facts) -> Vec<Finding> {
    let help = "take the command out, or add: >/dev/null";
    if let Some(EvaluateError::Prints(file)) = &facts.fault {
        let place = Place::named(file.display().to_string());
        let message = "it prints without end while it is read, and makepkg would wait on";
        return vec![RULE.finding(place, message, help).severity(Severity::Error)];
    }
    let Some(first) = facts.configuration.printed.lines().next() else { return Vec::new() };
    let message = format!(
        "`{first}` is printed while the configuration is read, in every run of makepkg and to \
         every program that reads its output"
    );
    let place = facts.texts.iter().find_map(printing_line).unwrap_or_else(|| facts.main_place());
    vec![RULE.finding(place, message, help)]
}

fn printing_line(text: &Text) -> Option<Place> {
    let prints = |line: &str| {
        let mut words = line.split_whitespace();
        let command = words.next().unwrap_or_default();
        PRINTS.contains(&command) && words.next() != Some("-v") && !line.contains('>')
    };
    let at = text.content.split('\n').position(prints)?;
    text.line_spot(at + 1).map(Place::from)
}
