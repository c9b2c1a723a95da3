//! `chroot-lost`: a build root was enabled, and is not any more.

use crate::setup::facts::Facts;
use crate::setup::rules::finding::{Finding, Severity};
use crate::setup::rules::{Group, Rule};

/// The rule.
pub(super) const RULE: Rule = Rule {
    id: "chroot-lost",
    severity: Severity::Error,
    group: Group::Machine,
    in_hook: false,
    summary: "a build root was enabled, and is not any more",
    why: "`archbuild -c` makes a root anew, and archbuild and pkgctl put their own makepkg.conf \
          into it at each build (drop-ins stay). What `distcc-setup chroot enable` has brought \
          there is gone then, and everything is compiled on this machine.",
    mend: "Enable it again: hosts and jobs are those of last time.",
    example: "sudo distcc-setup chroot enable /var/lib/archbuild/extra-x86_64/root",
    check,
};

fn check(facts: &Facts) -> Vec<Finding> {
    let Some(lost) = facts.chroot.as_ref().and_then(|chroot| chroot.lost.as_deref()) else {
        return Vec::new();
    };
    let message = format!("this build root was enabled, and is not any more: {lost}");
    let root = facts.subject.root.display();
    let mut finding = RULE.finding(facts.main_place(), message, "enable it again");
    finding.command = Some(format!("sudo distcc-setup chroot enable {root}"));
    vec![finding]
}
