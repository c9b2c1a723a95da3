//! `lto-plain`: -flto has no value, which volunteers refuse.

use crate::setup::facts::Facts;
use crate::setup::facts::flags::{self, LocalFlag};
use crate::setup::rules::finding::{Finding, Severity};
use crate::setup::rules::{Group, Rule};

/// The rule.
pub(super) const RULE: Rule = Rule {
    id: "lto-plain",
    severity: Severity::Warning,
    group: Group::Flags,
    in_hook: true,
    summary: "-flto has no value",
    why: "distcc 3.4 on a volunteer refuses -flto without a value, so the client compiles units \
         with it here. With -flto=auto they travel, and the link uses make's job server.",
    mend: "Write -flto=auto.",
    example: "LTOFLAGS=\"-flto=auto\"",
    check,
};

fn check(facts: &Facts) -> Vec<Finding> {
    let message = "volunteers of distcc 3.4 refuse -flto without a value, so every unit is \
                   compiled here";
    let flags = flags::local_flags(facts).into_iter();
    let mut found: Vec<_> = flags
        .filter(|flag| flags::is_plain_lto(&flag.reason))
        .map(|LocalFlag { variable, flag, .. }| {
            let place = facts.place_of_word(variable, &flag);
            RULE.finding(place, message, "write `-flto=auto`").replacing("-flto=auto")
        })
        .collect();
    let lto = facts.configuration.text("LTOFLAGS").unwrap_or_default();
    let flags = facts.configuration.option("OPTIONS", "buildflags") != Some(false);
    if flags && facts.has_option("lto") && lto.trim().is_empty() {
        let message = format!("LTOFLAGS is empty, so makepkg takes -flto: {message}");
        let place = facts.place_of_word("OPTIONS", "lto");
        found.push(RULE.finding(place, message, "write `LTOFLAGS=\"-flto=auto\"`"));
    }
    found
}
