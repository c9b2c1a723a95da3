//! `package-compiler`: the PKGBUILD calls a compiler by its path.

use crate::compiler::names::is_compiler;
use crate::setup::facts::Facts;
use crate::setup::rules::finding::{Finding, Severity};
use crate::setup::rules::{Group, Rule};

/// The rule.
pub(super) const RULE: Rule = Rule {
    id: "package-compiler",
    severity: Severity::Warning,
    group: Group::Package,
    in_hook: false,
    summary: "the package calls a compiler by its path",
    why: "distcc is called because its directory comes first in PATH. `/usr/bin/gcc` goes past \
         that, and compiles on this machine.",
    mend: "Call the compiler by its name.",
    example: "make CC=gcc",
    check,
};

fn check(facts: &Facts) -> Vec<Finding> {
    let Some(package) = facts.package.as_ref() else { return Vec::new() };
    let mut found = Vec::new();
    for line in package.lines() {
        for (at, _) in line.code.match_indices("/usr/bin/") {
            let rest = line.code.get(at + "/usr/bin/".len()..).unwrap_or_default();
            let is_name = |letter: char| letter.is_ascii_alphanumeric() || "+-._".contains(letter);
            let name: String = rest.chars().take_while(|letter| is_name(*letter)).collect();
            if !is_compiler(&name, &[]) {
                continue;
            }
            let start = line.start + at;
            let message = format!("this goes past distcc, which stands for `{name}` in PATH");
            let help = format!("write `{name}`");
            let place = package.place(start..start + "/usr/bin/".len() + name.len());
            found.push(RULE.finding(place, message, help).replacing(name));
        }
    }
    found
}
