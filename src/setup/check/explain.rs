//! What a rule is about, and the list of all rules.

use crate::setup::check::wrap::wrap;
use crate::setup::rules::{ALL, Rule};

/// Columns of the text.
const WIDTH: usize = 80;

/// A rule, explained.
pub(super) fn rule(rule: &Rule) -> String {
    let Rule { id, summary, why, mend, example, .. } = *rule;
    let part = |text: &str| wrap(text, WIDTH, "");
    let silence = format!(
        "To silence it, write `silence = [\"{id}\"]` into /etc/distcc/setup.toml or \
         ~/.config/distcc/setup.toml, or in the line with the fault, or in the one before, the \
         comment"
    );
    format!(
        "{}\n\n{}\n\n{}\n\n    {example}\n\n{}\n\n    \
         # distcc-setup: silence {id}\n",
        part(&format!("{id} ({}): {summary}", rule.severity.word())),
        part(why),
        part(mend),
        part(&silence),
    )
}

/// All rules, a line each, by what they are about.
pub(super) fn list() -> String {
    let longest = ALL.iter().map(|rule| rule.id.len()).max().unwrap_or(0);
    let mut out = String::new();
    let mut group = None;
    for rule in ALL {
        if group != Some(rule.group) {
            let gap = if group.is_some() { "\n" } else { "" };
            out += &format!("{gap}{}:\n", rule.group.heading());
            group = Some(rule.group);
        }
        let line = format!("  {:longest$} {:7} {}", rule.id, rule.severity.word(), rule.summary);
        out += &(wrap_list(&line, longest) + "\n");
    }
    out
}

fn wrap_list(line: &str, longest: usize) -> String {
    // The columns of blanks at the beginning are kept; the rest is broken like text.
    let (head, summary) = line.split_at(line.len().min(longest + 11));
    let room = WIDTH.saturating_sub(head.len());
    let indent = " ".repeat(head.len());
    format!("{head}{}", wrap(summary, room, "").replace('\n', &format!("\n{indent}")))
}
