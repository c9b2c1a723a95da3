//! `chroot-client-older`: a build root has an older client than this machine.

use crate::setup::facts::Facts;
use crate::setup::rules::finding::{Finding, Severity};
use crate::setup::rules::{Group, Rule};

/// The rule.
pub(super) const RULE: Rule = Rule {
    id: "chroot-client-older",
    severity: Severity::Warning,
    group: Group::Machine,
    in_hook: false,
    summary: "a build root has an older client than this machine",
    why: "The package is in no repository that the root knows, so updates of the root leave it \
          as it is. Clients share slots and state with this machine's, which may know more.",
    mend: "Enable the root again: that updates the client.",
    example: "sudo distcc-setup chroot enable /var/lib/archbuild/extra-x86_64/root",
    check,
};

fn check(facts: &Facts) -> Vec<Finding> {
    let Some((there, here)) = facts.chroot.as_ref().and_then(|chroot| chroot.older.as_ref()) else {
        return Vec::new();
    };
    let message =
        format!("the client in this build root is {there}, which is older than {here} here");
    let root = facts.subject.root.display();
    let mut finding = RULE.finding(facts.main_place(), message, "update it");
    finding.command = Some(format!("sudo distcc-setup chroot enable {root}"));
    vec![finding]
}
