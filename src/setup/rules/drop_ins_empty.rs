//! `drop-ins-empty`: makepkg.conf.d is empty, which this makepkg cannot bear.

use crate::setup::facts::Facts;
use crate::setup::facts::place::Place;
use crate::setup::rules::finding::{Finding, Severity};
use crate::setup::rules::{Group, Rule};

/// The rule.
pub(super) const RULE: Rule = Rule {
    id: "drop-ins-empty",
    severity: Severity::Error,
    group: Group::Files,
    in_hook: false,
    summary: "makepkg.conf.d is empty",
    why: "makepkg of pacman 6.1 and 7.0 takes `makepkg.conf.d/*.conf` for the name of a file \
         where nothing fits it, and stops (exit code 6).",
    mend: "Remove the directory with its last file.",
    example: "sudo rmdir /etc/makepkg.conf.d",
    check,
};

fn check(facts: &Facts) -> Vec<Finding> {
    let drop_ins = &facts.drop_ins;
    if !drop_ins.exists || !drop_ins.files.is_empty() || !facts.subject.makepkg.needs_a_drop_in {
        return Vec::new();
    }
    let version = facts.makepkg_version();
    let message = format!("the directory holds no *.conf, and {version} stops at that");
    let help = format!("remove it: sudo rmdir {}", drop_ins.dir.display());
    vec![RULE.finding(Place::named(drop_ins.dir.display().to_string()), message, help)]
}
