//! `makeflags-missing`: MAKEFLAGS has no -j.

use crate::makepkg_conf::makeflags::{Jobs, jobs, with_jobs};
use crate::setup::facts::Facts;
use crate::setup::rules::finding::{Finding, Severity};
use crate::setup::rules::{Group, Rule};

/// The rule.
pub(super) const RULE: Rule = Rule {
    id: "makeflags-missing",
    severity: Severity::Warning,
    group: Group::Jobs,
    in_hook: true,
    summary: "MAKEFLAGS has no -j",
    why: "Without -j make starts one compiler at a time, and all volunteers but one wait.",
    mend: "Write twice the sum of all slots: one unit is preprocessed or on its way for each that \
         is being compiled.",
    example: "MAKEFLAGS=\"-j44\"",
    check,
};

fn check(facts: &Facts) -> Vec<Finding> {
    let makeflags = facts.configuration.text("MAKEFLAGS");
    // In a build root devtools adds the host's.
    if makeflags.is_none() && facts.subject.is_chroot() {
        return Vec::new();
    }
    if jobs(makeflags.as_deref().unwrap_or_default()) != Jobs::Missing {
        return Vec::new();
    }
    let place = match &makeflags {
        Some(_) => facts.place_of("MAKEFLAGS"),
        None => facts.commented_out("MAKEFLAGS").unwrap_or_else(|| facts.main_place()),
    };
    let message = "MAKEFLAGS has no -j, so make compiles one unit at a time while volunteers wait";
    let written = makeflags.as_deref().unwrap_or_default();
    let help = match facts.right_jobs() {
        Some(right) => {
            let write = with_jobs(written, right);
            format!("write `MAKEFLAGS=\"{write}\"`, or run: distcc-setup configure")
        }
        None => "write `MAKEFLAGS=\"-jN\"`, N being twice the sum of all slots".to_owned(),
    };
    vec![RULE.finding(place, message, help)]
}
