//! `lto-compiler-differs`: a volunteer has another compiler, and packages are built with LTO.

use crate::setup::facts::Facts;
use crate::setup::probe::fault::Fault;
use crate::setup::rules::finding::{Finding, Severity};
use crate::setup::rules::{Group, Rule};

/// The rule.
pub(super) const RULE: Rule = Rule {
    id: "lto-compiler-differs",
    severity: Severity::Error,
    group: Group::Volunteers,
    in_hook: false,
    summary: "LTO with a volunteer that has another compiler",
    why: "With LTO an object holds the compiler's inner language, which another release cannot \
         read: a build ends with \"bytecode stream … generated with LTO version …\" when it \
         links. The client of this package notices, discards the object and compiles here; \
         distcc 3.4 does not notice.",
    mend: "Bring both machines up to date, or switch LTO off in OPTIONS.",
    example: "OPTIONS=(… !lto)",
    check,
};

fn check(facts: &Facts) -> Vec<Finding> {
    if !facts.has_option("lto") {
        return Vec::new();
    }
    facts
        .faults(|fault| matches!(fault, Fault::CompilerDiffers { .. } | Fault::LtoDiffers { .. }))
        .map(|found| found.by(&RULE))
        .collect()
}
