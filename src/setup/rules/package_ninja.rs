//! `package-ninja`: the PKGBUILD calls a build tool that does not read MAKEFLAGS.

use crate::setup::facts::Facts;
use crate::setup::facts::package::{Command, Word, commands};
use crate::setup::rules::finding::{Finding, Severity};
use crate::setup::rules::{Group, Rule};

/// The rule.
pub(super) const RULE: Rule = Rule {
    id: "package-ninja",
    severity: Severity::Note,
    group: Group::Package,
    in_hook: false,
    summary: "the package is built by a tool that ignores MAKEFLAGS",
    why: "ninja, meson and `cmake --build` do not read MAKEFLAGS: ninja runs two jobs more than \
         this machine has processors, whatever the volunteers could do. From 1.13 on ninja \
         takes part in a running make, and only then.",
    mend: "Give ninja a -j of its own; `cmake --build` also reads CMAKE_BUILD_PARALLEL_LEVEL.",
    example: "ninja -C build -j44",
    check,
};

fn check(facts: &Facts) -> Vec<Finding> {
    let Some(package) = facts.package.as_ref() else { return Vec::new() };
    let jobs = facts.right_jobs().map_or("N".to_owned(), |right| right.to_string());
    let mut found = Vec::new();
    for line in package.build_lines() {
        for command in commands(line.code) {
            let has_jobs = |word: &Word<'_>| {
                word.text.starts_with("-j") || word.text.starts_with("--parallel")
            };
            let Some((tool, option)) = tool(&command) else { continue };
            let Some(first) = command.words.first().filter(|_| !command.words.iter().any(has_jobs))
            else {
                continue;
            };
            let start = line.start + first.at;
            let place = package.place(start..start + first.text.len());
            let message = format!(
                "{tool} does not read MAKEFLAGS, and only runs as many jobs as suit this machine"
            );
            let help = format!("add `{option}{jobs}`");
            found.push(RULE.finding(place, message, help));
        }
    }
    found
}

/// The tool's name, and how it is told a number of jobs.
fn tool(command: &Command<'_>) -> Option<(&'static str, &'static str)> {
    let second = command.words.get(1).map(|word| word.text);
    match (command.words.first()?.text, second) {
        ("ninja", _) => Some(("ninja", "-j")),
        ("samu", _) => Some(("samurai", "-j")),
        ("meson", Some("compile")) => Some(("meson", "-j")),
        ("cmake", Some("--build")) => Some(("cmake --build", "--parallel ")),
        _ => None,
    }
}
