//! `config-local`: a variable is declared as the file's own.

use std::path::Path;

use crate::setup::facts::Facts;
use crate::setup::facts::place::Place;
use crate::setup::facts::text::text_of;
use crate::setup::rules::finding::{Finding, Severity};
use crate::setup::rules::{Group, Rule};

/// The rule.
pub(super) const RULE: Rule = Rule {
    id: "config-local",
    severity: Severity::Warning,
    group: Group::Files,
    in_hook: true,
    summary: "a variable is declared in a way that hides it from makepkg",
    why: "makepkg reads its files in a function. `declare`, `typeset` and `local` make a variable \
         there that ends with the function: no build sees what it is set to, from there to the \
         file's end.",
    mend: "Leave the word away, or write `declare -g`; to export, write `export`.",
    example: "declare -g MAKEFLAGS=\"-j44\"",
    check,
};

fn check(facts: &Facts) -> Vec<Finding> {
    facts.configuration.lost.iter().map(|(name, file)| lost(facts, name, file)).collect()
}

fn lost(facts: &Facts, name: &str, file: &Path) -> Finding {
    let text = text_of(&facts.texts, file);
    let found = text.and_then(|text| Some((text, text.document.local_word(name)?)));
    let Some((text, range)) = found else {
        let message = format!("{name} is declared without `-g`, so makepkg does not see its value");
        let help = "write `declare -g`";
        return RULE.finding(Place::named(file.display().to_string()), message, help);
    };
    let word = text.content.get(range.clone()).unwrap_or("declare");
    let behind = text.content.get(range.end..).unwrap_or_default().split_whitespace();
    let options: String =
        behind.take_while(|word| word.starts_with('-')).map(|word| format!(" {word}")).collect();
    let spot = text.spot(range.clone(), &text.statement(range.start));
    let message = format!(
        "`{word}` makes {name} a variable of the function in which makepkg reads this file: no \
         build sees what it is set to here"
    );
    let help = match options.contains('x') {
        true => format!("write `export`, or `declare -g{options}`"),
        false => format!("leave `{word}{options}` away, or write `declare -g{options}`"),
    };
    RULE.finding(spot.into(), message, help).replacing("declare -g")
}
