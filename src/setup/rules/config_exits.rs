//! `config-exits`: a file ends the shell that reads it.

use crate::arch::evaluate::EvaluateError;
use crate::setup::facts::Facts;
use crate::setup::facts::place::Place;
use crate::setup::facts::text::text_of;
use crate::setup::rules::finding::{Finding, Severity};
use crate::setup::rules::{Group, Rule};

/// The rule.
pub(super) const RULE: Rule = Rule {
    id: "config-exits",
    severity: Severity::Error,
    group: Group::Files,
    in_hook: false,
    summary: "a file of the configuration ends makepkg",
    why: "`exit` and `exec` end the shell that reads the file, \
         and that is makepkg.",
    mend: "Take the command out.",
    example: "# exit 0",
    check,
};

/// Commands that end a shell.
const ENDS: [&str; 2] = ["exit", "exec"];

fn check(facts: &Facts) -> Vec<Finding> {
    let Some(EvaluateError::Exits(file)) = &facts.fault else { return Vec::new() };
    let spot = text_of(&facts.texts, file).and_then(|text| {
        let whole = 0..text.content.len();
        let found =
            ENDS.iter().filter_map(|word| text.find_text(word, &whole)).max_by_key(|r| r.start)?;
        Some(text.spot(found.clone(), &found))
    });
    if let Some(spot) = spot {
        let message = "this ends the shell that reads the file, and that is makepkg";
        let help = "take it out: only assignments belong here";
        return vec![RULE.finding(spot.into(), message, help)];
    }
    let message = "something in it ends the shell that reads the file, and that is makepkg";
    let shown = shell_words::quote(&file.to_string_lossy()).into_owned();
    let help = format!("take out `set -e`, `set -u`, `kill`; to see where it is: bash -x {shown}");
    vec![RULE.finding(Place::named(file.display().to_string()), message, help)]
}
