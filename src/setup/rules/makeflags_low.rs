//! `makeflags-low`: -j is lower than the slots need.

use crate::setup::facts::Facts;
use crate::setup::rules::finding::{Finding, Severity};
use crate::setup::rules::jobs::Compared;
use crate::setup::rules::{Group, Rule};

/// The rule.
pub(super) const RULE: Rule = Rule {
    id: "makeflags-low",
    severity: Severity::Warning,
    group: Group::Jobs,
    in_hook: true,
    summary: "-j is too low for the slots",
    why: "make keeps no more than N compilers busy with -jN. While a unit is compiled, another \
         is preprocessed or on its way, so that volunteers are only busy with about twice as \
         many jobs as there are slots.",
    mend: "Write twice the sum of all slots, or set `job_factor` in setup.toml. A tenth more or \
         less is no matter.",
    example: "MAKEFLAGS=\"-j44\"",
    check,
};

fn check(facts: &Facts) -> Vec<Finding> {
    let compared = Compared::of(facts).filter(|compared| compared.count * 10 < compared.right * 9);
    let factor = facts.settings.job_factor();
    let follows = format!("about {factor} for each keep all of them busy");
    compared.map(|compared| compared.finding(facts, &RULE, &follows)).into_iter().collect()
}
