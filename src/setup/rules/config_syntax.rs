//! `config-syntax`: a file of the configuration is no shell code.

use std::path::Path;

use crate::arch::evaluate::EvaluateError;
use crate::setup::facts::Facts;
use crate::setup::facts::place::Place;
use crate::setup::facts::text::text_of;
use crate::setup::rules::finding::{Finding, Severity};
use crate::setup::rules::{Group, Rule};

/// The rule.
pub(super) const RULE: Rule = Rule {
    id: "config-syntax",
    severity: Severity::Error,
    group: Group::Files,
    in_hook: false,
    summary: "bash cannot understand a file of the configuration",
    why: "makepkg has bash read its configuration, and stops where bash does (exit code 6). bash \
         names the line in which it noticed; the quote or bracket that is not closed may stand \
         before it. An array with a `;` or the like between its words is left out, and reading \
         goes on behind it.",
    mend: "Close the quote or the bracket. `bash -n FILE` says whether that was all.",
    example: "bash -n /etc/makepkg.conf",
    check,
};

fn check(facts: &Facts) -> Vec<Finding> {
    if let Some(EvaluateError::Syntax(file, line, what)) = &facts.fault {
        let message = format!("bash cannot understand this: {what}");
        let what = match what.contains("unexpected token") {
            true => "quote it, or close the quote or bracket before it",
            false => "close the quote or bracket",
        };
        let help = format!("{what}; to try again: bash -n {}", file.display());
        return vec![RULE.finding(place(facts, file, *line), message, help)];
    }
    let left_out = facts.configuration.left_out.iter();
    left_out
        .map(|(position, what)| {
            let file = &position.file;
            let message =
                format!("bash cannot understand this, and goes on without the array: {what}");
            let help = format!(
                "separate the words by blanks, and quote those that have one of `;&|<>()` in them; \
                 to try again: bash -n {}",
                file.display()
            );
            RULE.finding(place(facts, file, position.line), message, help)
        })
        .collect()
}

fn place(facts: &Facts, file: &Path, line: usize) -> Place {
    let spot = text_of(&facts.texts, file).and_then(|text| text.line_spot(line));
    spot.map_or_else(|| Place::named(format!("{}:{line}", file.display())), Place::from)
}
