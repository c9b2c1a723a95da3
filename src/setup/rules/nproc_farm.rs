//! `nproc-farm`: NPROC is more than this machine has.

use crate::setup::facts::Facts;
use crate::setup::rules::finding::{Finding, Severity};
use crate::setup::rules::{Group, Rule};

/// The rule.
pub(super) const RULE: Rule = Rule {
    id: "nproc-farm",
    severity: Severity::Warning,
    group: Group::Jobs,
    in_hook: true,
    summary: "NPROC is more than this machine has",
    why: "NPROC is how many jobs makepkg itself runs on this machine, as when it strips a \
         package (pacman 7.1). It is no place for the slots of volunteers, who do nothing of \
         that.",
    mend: "Write the number of processors, or take the line out. The slots go into MAKEFLAGS.",
    example: "NPROC=8",
    check,
};

fn check(facts: &Facts) -> Vec<Finding> {
    let Some(text) = facts.configuration.text("NPROC") else { return Vec::new() };
    let processors = facts.machine.processors;
    let Some(count) = text.trim().parse::<u32>().ok().filter(|count| *count > processors) else {
        return Vec::new();
    };
    let message = format!(
        "makepkg would run {count} jobs of its own on this machine, which has {processors} \
         processors; volunteers take none of them"
    );
    let help = format!("write `NPROC={processors}`; jobs for volunteers are MAKEFLAGS' affair");
    vec![RULE.finding(facts.place_of("NPROC"), message, help)]
}
