//! `sccache-too`: sccache and distcc are both switched on.

use crate::setup::facts::Facts;
use crate::setup::rules::finding::{Finding, Severity};
use crate::setup::rules::{Group, Rule};

/// The rule.
pub(super) const RULE: Rule = Rule {
    id: "sccache-too",
    severity: Severity::Error,
    group: Group::Caches,
    in_hook: false,
    summary: "sccache and distcc exclude each other",
    why: "makepkg of pacman 7.1 stops if BUILDENV has sccache beside distcc or ccache (exit code \
         3); older ones do not know sccache at all.",
    mend: "Write `!sccache`; ccache goes together with distcc.",
    example: "BUILDENV=(distcc color ccache check !sign !sccache)",
    check,
};

fn check(facts: &Facts) -> Vec<Finding> {
    let on = facts.configuration.option("BUILDENV", "sccache") == Some(true);
    if !on || !facts.distcc_is_on() {
        return Vec::new();
    }
    let place = facts.place_of_word("BUILDENV", "sccache");
    let help = "write `!sccache`; ccache goes together with distcc";
    if facts.subject.makepkg.is_at_least(7, 1) {
        let message = "makepkg stops where both sccache and distcc are on";
        return vec![RULE.finding(place, message, help).replacing("!sccache")];
    }
    let message =
        format!("{} does not know sccache: the word has no effect", facts.makepkg_version());
    vec![RULE.finding(place, message, help).severity(Severity::Warning)]
}
