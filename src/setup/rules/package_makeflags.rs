//! `package-makeflags`: the PKGBUILD takes MAKEFLAGS away.

use crate::setup::facts::Facts;
use crate::setup::rules::finding::{Finding, Severity};
use crate::setup::rules::{Group, Rule};

/// The rule.
pub(super) const RULE: Rule = Rule {
    id: "package-makeflags",
    severity: Severity::Note,
    group: Group::Package,
    in_hook: false,
    summary: "the package takes MAKEFLAGS away",
    why: "options=('!makeflags') unsets MAKEFLAGS: make compiles one unit at a time, each on a \
         volunteer. It is meant for makefiles that break when run in parallel.",
    mend: "Nothing, if the package needs it; else take the word out.",
    example: "options=()",
    check,
};

fn check(facts: &Facts) -> Vec<Finding> {
    let option = facts.package.as_ref().and_then(|package| package.option("makeflags"));
    let Some((false, place)) = option else { return Vec::new() };
    let message = "this package builds one unit at a time, so volunteers hardly help";
    vec![RULE.finding(place, message, "take `!makeflags` out, if the package builds in parallel")]
}
