//! `march-native`: a flag means this machine's processor.

use crate::setup::facts::Facts;
use crate::setup::facts::flags::{self, LocalFlag};
use crate::setup::rules::finding::{Finding, Severity};
use crate::setup::rules::{Group, Rule};
use crate::setup::settings::Native;

/// The rule.
pub(super) const RULE: Rule = Rule {
    id: "march-native",
    severity: Severity::Error,
    group: Group::Flags,
    in_hook: false,
    summary: "a flag means this machine's own processor",
    why: "A volunteer would read -march=native, -mtune=native or -mcpu=native as its own \
         processor: the object would be another one, and perhaps not run here. So the client \
         compiles every unit with it on this machine. makepkg's hook rejects such a build \
         before it begins, unless setup.toml has `native = \"warn\"` or the package has \
         options=('!distcc').",
    mend: "Write what native stands for on this machine, which `distcc-setup march` prints, or a \
         level such as x86-64-v3.",
    example: "CFLAGS=\"-march=x86-64-v3 -mtune=generic -O2 -pipe\"",
    check,
};

fn check(facts: &Facts) -> Vec<Finding> {
    let (severity, follows) = match facts.settings.native() {
        Native::Reject => (Severity::Error, "a build that distributes is rejected"),
        Native::Warn => (Severity::Warning, "units with it are compiled on this machine"),
    };
    let native =
        flags::local_flags(facts).into_iter().filter(|flag| flags::is_native(&flag.reason));
    native
        .map(|LocalFlag { variable, flag, .. }| {
            let message =
                format!("each volunteer would read {flag} as its own processor, so {follows}");
            let help = "write what it stands for here: distcc-setup march; or let it be replaced: \
                        distcc-setup configure --march=replace";
            let place = facts.place_of_word(variable, &flag);
            RULE.finding(place, message, help).severity(severity)
        })
        .collect()
}
