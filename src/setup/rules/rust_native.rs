//! `rust-native`: RUSTFLAGS mean this machine's processor.

use crate::setup::facts::Facts;
use crate::setup::rules::finding::{Finding, Severity};
use crate::setup::rules::{Group, Rule};

/// The rule.
pub(super) const RULE: Rule = Rule {
    id: "rust-native",
    severity: Severity::Note,
    group: Group::Flags,
    in_hook: false,
    summary: "RUSTFLAGS mean this machine's own processor",
    why: "cargo is not distributed, so this costs nothing. But the package only runs on \
         processors like this one.",
    mend: "Nothing has to be done for distcc. For packages that others install, name a level.",
    example: "RUSTFLAGS=\"-C target-cpu=x86-64-v3\"",
    check,
};

/// The value, as written with and without a blank behind -C.
const WORDS: [&str; 3] =
    ["target-cpu=native", "-Ctarget-cpu=native", "--codegen=target-cpu=native"];

fn check(facts: &Facts) -> Vec<Finding> {
    let text = facts.configuration.text("RUSTFLAGS").unwrap_or_default();
    let Some(word) = text.split_whitespace().find(|word| WORDS.contains(word)) else {
        return Vec::new();
    };
    let message = "Rust is not distributed, so this is no obstacle; but the package only runs on \
                   processors like this machine's";
    let help = "write `target-cpu=x86-64-v3` for packages that others install";
    vec![RULE.finding(facts.place_of_word("RUSTFLAGS", word), message, help)]
}
