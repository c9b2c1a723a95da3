//! `farm-foreign`: an entry of the masquerade directory is no link to distcc.

use crate::setup::facts::Facts;
use crate::setup::rules::finding::{Finding, Severity};
use crate::setup::rules::{Group, Rule};

/// The rule.
pub(super) const RULE: Rule = Rule {
    id: "farm-foreign",
    severity: Severity::Warning,
    group: Group::Machine,
    in_hook: true,
    summary: "an entry of the masquerade directory does not lead to distcc",
    why: "What stands there under a compiler's name comes first in PATH; if it is not distcc, \
         nothing that calls it is distributed.",
    mend: "Remove the entry, and make the links anew.",
    example: "sudo update-distcc-symlinks",
    check,
};

fn check(facts: &Facts) -> Vec<Finding> {
    let names = &facts.machine.farm.foreign;
    if names.is_empty() || !facts.machine.client {
        return Vec::new();
    }
    let names = names.join(", ");
    let message =
        format!("{names} does not lead to distcc, so what calls it compiles on this machine");
    let help = format!("remove it, then run: {}", facts.update_links());
    vec![RULE.finding(facts.farm_place(), message, help)]
}
