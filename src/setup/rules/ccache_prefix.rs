//! `ccache-prefix`: CCACHE_PREFIX makes distcc run inside distcc.

use crate::setup::facts::Facts;
use crate::setup::rules::finding::{Finding, Severity};
use crate::setup::rules::{Group, Rule};

/// The rule.
pub(super) const RULE: Rule = Rule {
    id: "ccache-prefix",
    severity: Severity::Warning,
    group: Group::Caches,
    in_hook: true,
    summary: "CCACHE_PREFIX would have distcc run twice",
    why: "With ccache and distcc in BUILDENV makepkg appends distcc to CCACHE_PREFIX itself: the \
         bare word until pacman 7.0, its full path from 7.1 on. It does not notice the other \
         spelling, and distcc then calls distcc, which compiles here.",
    mend: "Take CCACHE_PREFIX out of the configuration and the environment.",
    example: "# CCACHE_PREFIX is set by makepkg",
    check,
};

fn check(facts: &Facts) -> Vec<Finding> {
    let prefix = facts.configuration.text("CCACHE_PREFIX").unwrap_or_default();
    let by_path = facts.subject.makepkg.is_at_least(7, 1);
    let is_other = |word: &&str| {
        let named = word.rsplit('/').next() == Some("distcc");
        named && word.contains('/') != by_path
    };
    let Some(word) = prefix.split_whitespace().find(is_other) else { return Vec::new() };
    if !facts.has_both_caches() {
        return Vec::new();
    }
    let appended = if by_path { "/usr/bin/distcc" } else { "distcc" };
    let message = format!(
        "makepkg appends `{appended}` to this by itself, so distcc would run inside distcc, and \
         compile here"
    );
    let help = "take CCACHE_PREFIX out";
    vec![RULE.finding(facts.place_of_word("CCACHE_PREFIX", word), message, help)]
}
