//! `makeflags-high`: -j is higher than the slots can use.

use crate::setup::facts::Facts;
use crate::setup::rules::finding::{Finding, Severity};
use crate::setup::rules::jobs::Compared;
use crate::setup::rules::{Group, Rule};

/// The rule.
pub(super) const RULE: Rule = Rule {
    id: "makeflags-high",
    severity: Severity::Warning,
    group: Group::Jobs,
    in_hook: true,
    summary: "-j is too high for the slots",
    why: "Jobs that find no slot wait, each with its memory; and a build's own steps, such as \
         linking with LTO, run so many times at once on this machine.",
    mend: "Write twice the sum of all slots, or set `job_factor` in setup.toml. A tenth more or \
         less is no matter.",
    example: "MAKEFLAGS=\"-j44\"",
    check,
};

fn check(facts: &Facts) -> Vec<Finding> {
    let compared = Compared::of(facts).filter(|compared| compared.count * 10 > compared.right * 11);
    let factor = facts.settings.job_factor();
    let follows = format!("more than {factor} for each only wait, or run on this machine");
    compared.map(|compared| compared.finding(facts, &RULE, &follows)).into_iter().collect()
}
