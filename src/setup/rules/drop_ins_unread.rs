//! `drop-ins-unread`: there are drop-ins, and this makepkg does not read them.

use crate::setup::facts::Facts;
use crate::setup::facts::place::Place;
use crate::setup::rules::finding::{Finding, Severity};
use crate::setup::rules::{Group, Rule};

/// The rule.
pub(super) const RULE: Rule = Rule {
    id: "drop-ins-unread",
    severity: Severity::Warning,
    group: Group::Files,
    in_hook: false,
    summary: "this makepkg does not read makepkg.conf.d",
    why: "Drop-ins are read from pacman 6.1 on, and only those beside the file that is read: \
         `--config x.conf` reads `x.conf.d/*.conf`.",
    mend: "Write the values into makepkg.conf itself.",
    example: "distcc-setup configure",
    check,
};

fn check(facts: &Facts) -> Vec<Finding> {
    let Some(first) = facts.drop_ins.files.first() else { return Vec::new() };
    if facts.subject.makepkg.reads_drop_ins {
        return Vec::new();
    }
    let version = facts.makepkg_version();
    let message = format!("{version} does not read this file, so nothing in it has an effect");
    let help = "write the values into makepkg.conf itself: distcc-setup configure";
    vec![RULE.finding(Place::named(first.display().to_string()), message, help)]
}
