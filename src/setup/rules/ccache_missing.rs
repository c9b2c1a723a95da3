//! `ccache-missing`: BUILDENV has ccache, which is not there.

use crate::setup::facts::Facts;
use crate::setup::facts::machine::CCACHE_DIR;
use crate::setup::rules::finding::{Finding, Severity};
use crate::setup::rules::{Group, Rule};

/// The rule.
pub(super) const RULE: Rule = Rule {
    id: "ccache-missing",
    severity: Severity::Error,
    group: Group::Caches,
    in_hook: true,
    summary: "ccache is switched on and not there",
    why: "makepkg stops if the ccache in BUILDENV is not on PATH (exit code 15). If only its \
         links are missing from /usr/lib/ccache/bin, makepkg goes on without it, and says \
         nothing.",
    mend: "Install ccache, or write `!ccache`.",
    example: "sudo pacman -S ccache",
    check,
};

fn check(facts: &Facts) -> Vec<Finding> {
    let machine = &facts.machine;
    let on = facts.configuration.option("BUILDENV", "ccache") == Some(true);
    if !on || (machine.ccache && machine.ccache_dir) {
        return Vec::new();
    }
    let place = facts.place_of_word("BUILDENV", "ccache");
    let help = "install it: sudo pacman -S ccache; or write `!ccache`";
    if !machine.ccache {
        let message = "ccache is on, and not installed: makepkg stops before it builds";
        return vec![RULE.finding(place, message, help)];
    }
    let message = format!(
        "{CCACHE_DIR} is not there, where makepkg looks for ccache's links: nothing is cached"
    );
    vec![RULE.finding(place, message, help).severity(Severity::Warning)]
}
