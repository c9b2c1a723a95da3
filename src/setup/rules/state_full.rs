//! `state-full`: the state directory has no room.

use crate::setup::facts::Facts;
use crate::setup::rules::finding::{Finding, Severity};
use crate::setup::rules::{Group, Rule};

/// The rule.
pub(super) const RULE: Rule = Rule {
    id: "state-full",
    severity: Severity::Error,
    group: Group::Machine,
    in_hook: true,
    summary: "the state directory is full",
    why: "Without room for locks and state files the client compiles everything on this machine.",
    mend: "Make room, or let DISTCC_DIR name a directory on tmpfs, as /tmp is on Arch.",
    example: "export DISTCC_DIR=/tmp/distcc",
    check,
};

/// With less, locks and state files of a large build may not fit.
const LEAST_MIB: u64 = 8;
/// With fewer, likewise.
const LEAST_FILES: u64 = 256;

fn check(facts: &Facts) -> Vec<Finding> {
    let Some(state) = facts.machine.state.as_ref() else { return Vec::new() };
    let left = match (state.free_mib, state.free_files) {
        (Some(mib), _) if mib < LEAST_MIB => format!("{mib} MiB"),
        (_, Some(files)) if files < LEAST_FILES => format!("{files} files"),
        _ => return Vec::new(),
    };
    let message = format!(
        "its file system has room for {left} more; without its locks and state files the client \
         compiles here"
    );
    let help = "make room (df -h shows where), or write in makepkg.conf: export \
                DISTCC_DIR=/tmp/distcc";
    vec![RULE.finding(facts.state_place(state), message, help)]
}
