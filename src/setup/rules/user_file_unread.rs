//! `user-file-unread`: the older of the user's two files is not read.

use crate::setup::facts::Facts;
use crate::setup::facts::place::Place;
use crate::setup::rules::finding::{Finding, Severity};
use crate::setup::rules::{Group, Rule};

/// The rule.
pub(super) const RULE: Rule = Rule {
    id: "user-file-unread",
    severity: Severity::Warning,
    group: Group::Files,
    in_hook: false,
    summary: "~/.makepkg.conf is not read",
    why: "makepkg reads one file of the user's: ~/.config/pacman/makepkg.conf, and \
         ~/.makepkg.conf only where the first is not there.",
    mend: "Move what is still wanted into the file that is read, and remove the other.",
    example: "rm ~/.makepkg.conf",
    check,
};
fn check(facts: &Facts) -> Vec<Finding> {
    let Some((old, read)) = &facts.unread else { return Vec::new() };
    let message =
        format!("makepkg reads {} instead, so nothing in here has an effect", read.display());
    let help = "move what you still want into that file, and remove this one";
    vec![RULE.finding(Place::named(old.display().to_string()), message, help)]
}
