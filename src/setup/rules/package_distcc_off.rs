//! `package-distcc-off`: the PKGBUILD switches distcc off.

use crate::setup::facts::Facts;
use crate::setup::rules::finding::{Finding, Severity};
use crate::setup::rules::{Group, Rule};

/// The rule.
pub(super) const RULE: Rule = Rule {
    id: "package-distcc-off",
    severity: Severity::Note,
    group: Group::Package,
    in_hook: false,
    summary: "the package switches distcc off",
    why: "options=('!distcc') wins over BUILDENV: the package is compiled on this machine. Some \
         do not build otherwise; that is what the option is for.",
    mend: "Nothing, if the package needs it; else take the word out.",
    example: "options=()",
    check,
};

fn check(facts: &Facts) -> Vec<Finding> {
    let option = facts.package.as_ref().and_then(|package| package.option("distcc"));
    let Some((false, place)) = option else { return Vec::new() };
    let message = "this package switches distcc off, so it is compiled on this machine";
    vec![RULE.finding(place, message, "take `!distcc` out, if the package builds without it")]
}
