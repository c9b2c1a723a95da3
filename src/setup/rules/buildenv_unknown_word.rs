//! `buildenv-unknown-word`: BUILDENV has a word that makepkg does not know.

use crate::setup::facts::Facts;
use crate::setup::rules::finding::{Finding, Severity};
use crate::setup::rules::{Group, Rule};

/// The rule.
pub(super) const RULE: Rule = Rule {
    id: "buildenv-unknown-word",
    severity: Severity::Warning,
    group: Group::Buildenv,
    in_hook: false,
    summary: "BUILDENV has a word that makepkg does not know",
    why: "Until pacman 7.0 nobody notices; later ones print an error in every run. Behind it is \
         mostly a slip of the pen.",
    mend: "Write one of ccache, check, color, distcc, sccache, sign, with `!` before what is to \
         be off.",
    example: "BUILDENV=(distcc color !ccache check !sign)",
    check,
};

/// What makepkg knows; `fakeroot` was one until pacman 4.
const KNOWN: [&str; 7] = ["ccache", "check", "color", "distcc", "fakeroot", "sccache", "sign"];

fn check(facts: &Facts) -> Vec<Finding> {
    let words = facts.configuration.words("BUILDENV");
    let unknown = words.iter().filter(|word| !KNOWN.contains(&word.trim_start_matches('!')));
    unknown
        .map(|word| {
            let place = facts.place_of_word("BUILDENV", word);
            let message = format!("`{word}` is no word that makepkg knows");
            let meant = KNOWN.iter().find(|known| is_near(word.trim_start_matches('!'), known));
            let help = match meant {
                Some(meant) => format!("did you mean `{meant}`?"),
                None => format!("take it out; makepkg knows {}", KNOWN.join(", ")),
            };
            RULE.finding(place, message, help)
        })
        .collect()
}

/// Whether the words differ in capitals, dashes, or a letter too many or too few.
fn is_near(word: &str, known: &str) -> bool {
    let plain: String =
        word.chars().filter(char::is_ascii_alphanumeric).collect::<String>().to_lowercase();
    let without_one = |long: &str, short: &str| {
        (0..long.len()).any(|at| {
            let rest = (long.get(..at), long.get(at + 1..));
            matches!(rest, (Some(left), Some(right)) if format!("{left}{right}") == short)
        })
    };
    plain == known || without_one(&plain, known) || without_one(known, &plain)
}
