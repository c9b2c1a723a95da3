//! `package-buildflags`: the PKGBUILD takes the flags away.

use crate::setup::facts::Facts;
use crate::setup::rules::finding::{Finding, Severity};
use crate::setup::rules::{Group, Rule};

/// The rule.
pub(super) const RULE: Rule = Rule {
    id: "package-buildflags",
    severity: Severity::Note,
    group: Group::Package,
    in_hook: false,
    summary: "the package takes the compiler's flags away",
    why: "options=('!buildflags') unsets CFLAGS and the others. The build is distributed all the \
         same, and what this program says of flags in makepkg.conf does not hold for it.",
    mend: "Nothing has to be done.",
    example: "options=()",
    check,
};

fn check(facts: &Facts) -> Vec<Finding> {
    let option = facts.package.as_ref().and_then(|package| package.option("buildflags"));
    let Some((false, place)) = option else { return Vec::new() };
    let message = "this package ignores the flags of makepkg.conf; it is distributed all the same";
    vec![RULE.finding(place, message, "nothing has to be done")]
}
