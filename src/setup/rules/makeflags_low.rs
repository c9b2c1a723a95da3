//! `makeflags-low`: -j is lower than the slots need.

use crate::makepkg_conf::makeflags::{Jobs, jobs, with_jobs};
use crate::setup::facts::Facts;
use crate::setup::rules::finding::{Finding, Severity};
use crate::setup::rules::{Group, Rule};
use crate::setup::words::plural;

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
    let makeflags = facts.configuration.text("MAKEFLAGS").unwrap_or_default();
    let (Jobs::Number(count), Some(wanted)) = (jobs(&makeflags), facts.right_jobs()) else {
        return Vec::new();
    };
    let (count, right) = (count as usize, wanted as usize);
    if count * 10 >= right * 9 {
        return Vec::new();
    }
    let factor = facts.settings.job_factor();
    let slots = right / factor as usize;
    let place = facts.place_of_jobs();
    let jobs = plural(count, "job");
    let slots = plural(slots, "slot");
    let message = format!(
        "-j{count} starts {jobs} at a time for {slots}; about {factor} for each \
         keep all of them busy"
    );
    let write = with_jobs(&makeflags, wanted);
    let help = format!("write `{write}`, or run: distcc-setup configure");
    vec![RULE.finding(place, message, help)]
}
