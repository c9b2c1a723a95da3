//! `package-native`: the PKGBUILD has a flag that means this machine's processor.

use crate::setup::facts::Facts;
use crate::setup::facts::flags::native_in;
use crate::setup::rules::finding::{Finding, Severity};
use crate::setup::rules::{Group, Rule};
use crate::setup::settings::Native;

/// The rule.
pub(super) const RULE: Rule = Rule {
    id: "package-native",
    severity: Severity::Error,
    group: Group::Package,
    in_hook: false,
    summary: "the package compiles for this machine's own processor",
    why: "A volunteer would read -march=native, -mtune=native or -mcpu=native as its own \
         processor, so the client compiles every unit with it on this machine. What build() \
         does to the flags no hook of makepkg sees.",
    mend: "Take the flag out, or write a level such as x86-64-v3; or let the package keep it, \
         with options=('!distcc').",
    example: "options=('!distcc')",
    check,
};

fn check(facts: &Facts) -> Vec<Finding> {
    let Some(package) = facts.package.as_ref() else { return Vec::new() };
    if matches!(package.option("distcc"), Some((false, _))) {
        return Vec::new();
    }
    let severity = match facts.settings.native() {
        Native::Reject => Severity::Error,
        Native::Warn => Severity::Warning,
    };
    let mut found = Vec::new();
    for line in package.lines() {
        for (at, flag) in native_in(line.code) {
            let start = line.start + at;
            let message = format!(
                "each volunteer would read {flag} as its own processor, so units with it are \
                 compiled on this machine"
            );
            let help = "take it out, or compile the package here: options=('!distcc')";
            let place = package.place(start..start + flag.len());
            found.push(RULE.finding(place, message, help).severity(severity));
        }
    }
    found
}
