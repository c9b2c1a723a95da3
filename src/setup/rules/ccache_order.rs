//! `ccache-order`: ccache stands behind distcc.

use crate::setup::facts::Facts;
use crate::setup::rules::finding::{Finding, Severity};
use crate::setup::rules::{Group, Rule};

/// The rule.
pub(super) const RULE: Rule = Rule {
    id: "ccache-order",
    severity: Severity::Warning,
    group: Group::Caches,
    in_hook: true,
    summary: "ccache stands behind distcc in PATH",
    why: "A cache has to be asked before a unit is sent. With ccache's links in PATH and \
         `!ccache` in BUILDENV, makepkg puts distcc before them, and nothing is found in the \
         cache. With ccache in BUILDENV it calls ccache, which calls distcc for what it does \
         not have.",
    mend: "Take ccache out of PATH, and switch it on in BUILDENV.",
    example: "BUILDENV=(distcc color ccache check !sign)",
    check,
};

fn check(facts: &Facts) -> Vec<Finding> {
    let on = facts.configuration.option("BUILDENV", "ccache") == Some(true);
    let Some(dir) = facts.machine.ccache_in_path.as_ref().filter(|_| facts.distcc_is_on() && !on)
    else {
        return Vec::new();
    };
    let place = match facts.configuration.option("BUILDENV", "ccache") {
        Some(_) => facts.place_of_word("BUILDENV", "!ccache"),
        None => facts.place_of("BUILDENV"),
    };
    let message = format!(
        "PATH has {}, but makepkg puts distcc before it, so nothing comes from the cache",
        dir.display()
    );
    let help = "write `ccache` in BUILDENV, and take the directory out of PATH: makepkg then asks \
                ccache first";
    vec![RULE.finding(place, message, help)]
}
