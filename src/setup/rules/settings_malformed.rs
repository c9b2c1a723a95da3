//! `settings-malformed`: setup.toml cannot be used.

use crate::setup::facts::Facts;
use crate::setup::facts::place::Place;
use crate::setup::rules::finding::{Finding, Severity};
use crate::setup::rules::{Group, Rule};

/// The rule.
pub(super) const RULE: Rule = Rule {
    id: "settings-malformed",
    severity: Severity::Error,
    group: Group::Settings,
    in_hook: false,
    summary: "setup.toml cannot be used",
    why: "A setup.toml that is no TOML, or has a key that is none, is ignored as a whole: \
         volunteers, silenced rules and the policy on native flags.",
    mend: "Mend the line. distcc-setup(1) lists the keys.",
    example: "native = \"warn\"",
    check,
};

fn check(facts: &Facts) -> Vec<Finding> {
    let Some((file, what)) = &facts.settings_fault else { return Vec::new() };
    let what = what.trim_end();
    let position = what.lines().next().and_then(position);
    let name = match position {
        Some((line, column)) => format!("{}:{line}:{column}", file.display()),
        None => file.display().to_string(),
    };
    let last = what.lines().next_back().unwrap_or(what);
    let message = format!("{last}; the file is ignored as a whole");
    vec![RULE.finding(Place::named(name), message, "mend it; distcc-setup(1) lists the keys")]
}

/// Line and column in `TOML parse error at line 2, column 1`.
fn position(text: &str) -> Option<(usize, usize)> {
    let (_, rest) = text.split_once("at line ")?;
    let (line, column) = rest.split_once(", column ")?;
    Some((line.parse().ok()?, column.trim().parse().ok()?))
}
