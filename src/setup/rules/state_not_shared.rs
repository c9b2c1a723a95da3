//! `state-not-shared`: a build root has a state directory of its own.

use crate::setup::facts::Facts;
use crate::setup::rules::finding::{Finding, Severity};
use crate::setup::rules::{Group, Rule};

/// The rule.
pub(super) const RULE: Rule = Rule {
    id: "state-not-shared",
    severity: Severity::Note,
    group: Group::Machine,
    in_hook: false,
    summary: "a build root has a state directory of its own",
    why: "The locks of volunteers' slots, what is known of volunteers, and the records for \
         monitors and reports are in the state directory. In a build root that is one of its own, \
         unless one of the host is bound there: two builds at once then each take all slots, and \
         the host's distccmon-text shows neither.",
    mend: "Build with makechrootpkg-distcc, or give makechrootpkg the option that it prints.",
    example: "makechrootpkg-distcc -c -r /var/lib/archbuild/extra-x86_64",
    check,
};

fn check(facts: &Facts) -> Vec<Finding> {
    let is_inside = facts.machine.is_chroot && !facts.subject.is_chroot();
    let Some(state) = facts.machine.state.as_ref().filter(|state| is_inside && !state.is_bound)
    else {
        return Vec::new();
    };
    let message = "the state directory is this build root's own: two builds at once each take all \
                   slots of each volunteer, and monitors on the host show nothing of this one";
    let help = "build with makechrootpkg-distcc, which binds the host's";
    vec![RULE.finding(facts.state_place(state), message, help)]
}
