//! `package-jobs`: the PKGBUILD tells make how many jobs to run.

use crate::setup::facts::Facts;
use crate::setup::facts::package::commands;
use crate::setup::rules::finding::{Finding, Severity};
use crate::setup::rules::{Group, Rule};

/// The rule.
pub(super) const RULE: Rule = Rule {
    id: "package-jobs",
    severity: Severity::Warning,
    group: Group::Package,
    in_hook: false,
    summary: "the package sets the number of jobs itself",
    why: "A -j on make's command line wins over MAKEFLAGS: with `make -j$(nproc)` volunteers get \
         no more than this machine could do alone.",
    mend: "Call make without -j. For makefiles that break when run in parallel there is \
         options=('!makeflags').",
    example: "make",
    check,
};

fn check(facts: &Facts) -> Vec<Finding> {
    let Some(package) = facts.package.as_ref() else { return Vec::new() };
    let mut found = Vec::new();
    for line in package.build_lines() {
        for command in commands(line.code) {
            let word = command.words.iter().skip(1).find(|word| is_jobs(word.text));
            let Some(word) = word.filter(|_| command.is("make") || command.is("gmake")) else {
                continue;
            };
            let start = line.start + word.at;
            let place = package.place(start..start + word.text.len());
            let message =
                "this beats MAKEFLAGS, so the build does not use the slots of the volunteers";
            found.push(RULE.finding(place, message, "take it out"));
        }
    }
    found
}

fn is_jobs(word: &str) -> bool {
    let number = word.strip_prefix("-j").or_else(|| word.strip_prefix("--jobs"));
    number.is_some_and(|number| !number.contains("MAKEFLAGS"))
}
