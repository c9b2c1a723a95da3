//! `variable-not-exported`: a variable of distcc is set and not exported.

use crate::arch::configuration::Origin;
use crate::setup::facts::Facts;
use crate::setup::rules::finding::{Finding, Severity};
use crate::setup::rules::{Group, Rule};

/// The rule.
pub(super) const RULE: Rule = Rule {
    id: "variable-not-exported",
    severity: Severity::Warning,
    group: Group::Machine,
    in_hook: true,
    summary: "a DISTCC_ variable does not reach the build",
    why: "Of the variables in its files makepkg exports DISTCC_HOSTS, and no other of distcc's. \
         The hook that comes with this package exports them all.",
    mend: "Write `export` before it.",
    example: "export DISTCC_DIR=/tmp/distcc",
    check,
};

fn check(facts: &Facts) -> Vec<Finding> {
    if facts.machine.has_hook {
        return Vec::new();
    }
    let variables = facts.configuration.variables.iter();
    let lost = variables.filter(|(name, variable)| {
        let ours = name.starts_with("DISTCC_") && name.as_str() != "DISTCC_HOSTS";
        ours && !variable.exported && matches!(variable.origin, Origin::File(_))
    });
    lost.map(|(name, _)| {
        let message = format!("{name} is set here and not exported, so no build sees it");
        let help = format!("write `export {name}=…`");
        RULE.finding(facts.place_of(name), message, help)
    })
    .collect()
}
