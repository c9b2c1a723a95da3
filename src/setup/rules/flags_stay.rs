//! `flags-stay`: a flag keeps every unit on this machine.

use crate::setup::facts::Facts;
use crate::setup::facts::flags::{self, LocalFlag, is_native};
use crate::setup::rules::finding::{Finding, Severity};
use crate::setup::rules::{Group, Rule};

/// The rule.
pub(super) const RULE: Rule = Rule {
    id: "flags-stay",
    severity: Severity::Warning,
    group: Group::Flags,
    in_hook: true,
    summary: "a flag keeps every unit on this machine",
    why: "Some flags ask for what a volunteer cannot do for us: they read or write more files \
         than the source and the object (coverage, profiles, -save-temps, -specs), load code \
         (-fplugin), or are not known to the client. It compiles every unit with such a flag \
         here. `distcc --explain gcc … -c x.c` says why.",
    mend: "Take the flag out of makepkg.conf, and put it into the packages that need it.",
    example: "distcc --explain gcc --coverage -c x.c",
    check,
};

fn check(facts: &Facts) -> Vec<Finding> {
    let flags = flags::local_flags(facts).into_iter();
    let others =
        flags.filter(|flag| !is_native(&flag.reason) && !flags::is_plain_lto(&flag.reason));
    others
        .map(|LocalFlag { variable, flag, reason }| {
            let message = format!("{}; every unit with it is compiled here", reason.sentence());
            let help = "take it out, and put it into the packages that need it";
            RULE.finding(facts.place_of_word(variable, &flag), message, help)
        })
        .collect()
}
