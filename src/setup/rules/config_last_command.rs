//! `config-last-command`: a file ends in a command that fails.

use crate::arch::evaluate::EvaluateError;
use crate::setup::facts::Facts;
use crate::setup::facts::place::{Place, Spot};
use crate::setup::facts::text::{Text, text_of};
use crate::setup::rules::finding::{Finding, Severity};
use crate::setup::rules::{Group, Rule};

/// The rule.
pub(super) const RULE: Rule = Rule {
    id: "config-last-command",
    severity: Severity::Error,
    group: Group::Files,
    in_hook: false,
    summary: "the last command of a file fails",
    why: "makepkg takes the status of a file's last command for that of the whole file, and \
         stops (exit code 6). A line such as `[[ -d /x ]] && A=1` fails whenever its condition \
         does not hold.",
    mend: "Write `if …; then …; fi`, or end the file with `true`.",
    example: "if [[ -d /x ]]; then A=1; fi",
    check,
};

fn check(facts: &Facts) -> Vec<Finding> {
    let Some(EvaluateError::LastCommand(file, status)) = &facts.fault else { return Vec::new() };
    let spot = text_of(&facts.texts, file).and_then(last_code);
    let named = || Place::named(file.display().to_string());
    let message = format!(
        "this last command of the file fails (status {status}), which makepkg takes for a failure \
         of the whole file"
    );
    let help = "write `if …; then …; fi`, or add a last line: true";
    vec![RULE.finding(spot.map_or_else(named, Place::from), message, help)]
}

/// The last line that is neither empty nor a comment.
fn last_code(text: &Text) -> Option<Spot> {
    let lines: Vec<&str> = text.content.split('\n').collect();
    let is_code = |line: &&str| !line.trim().is_empty() && !line.trim_start().starts_with('#');
    text.line_spot(lines.iter().rposition(is_code)? + 1)
}
