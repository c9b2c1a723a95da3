//! `environment-loses`: a variable of the environment loses to a file.

use crate::arch::configuration::Value;
use crate::setup::facts::Facts;
use crate::setup::facts::place::Place;
use crate::setup::rules::finding::{Finding, Severity};
use crate::setup::rules::{Group, Rule};

/// The rule.
pub(super) const RULE: Rule = Rule {
    id: "environment-loses",
    severity: Severity::Warning,
    group: Group::Jobs,
    in_hook: false,
    summary: "a variable of the environment has no effect",
    why: "makepkg puts back ten variables of the caller after it has read its files; MAKEFLAGS, \
         the flags and DISTCC_… are not among them. What a file sets wins.",
    mend: "Give the value on makepkg's command line, which wins over all files, or take it out of \
         the file.",
    example: "makepkg MAKEFLAGS=-j44",
    check,
};

fn check(facts: &Facts) -> Vec<Finding> {
    let mut found = Vec::new();
    for (name, value) in &facts.environment {
        let Some(Value::Scalar(used)) = facts.value(name) else { continue };
        let Some(position) = facts.configuration.position(name) else { continue };
        if used == value {
            continue;
        }
        let message = format!(
            "{name} of your environment is not used: {}:{} sets it to `{used}`",
            position.file.display(),
            position.line
        );
        let help = format!("run: makepkg {name}={}", shell_words::quote(value));
        found.push(RULE.finding(Place::environment(name, value), message, help));
    }
    found
}
