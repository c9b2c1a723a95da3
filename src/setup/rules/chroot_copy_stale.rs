//! `chroot-copy-stale`: a copy of a build root is as the root was before.

use crate::setup::facts::Facts;
use crate::setup::facts::place::Place;
use crate::setup::rules::finding::{Finding, Severity};
use crate::setup::rules::{Group, Rule};

/// The rule.
pub(super) const RULE: Rule = Rule {
    id: "chroot-copy-stale",
    severity: Severity::Warning,
    group: Group::Machine,
    in_hook: false,
    summary: "a copy of a build root is as the root was before",
    why: "makechrootpkg builds in a copy of the root, and keeps it for the next build unless `-c` \
          is given. What has been brought into the root since is not in it.",
    mend: "Have the copy made anew. archbuild and pkgctl do so at each build.",
    example: "makechrootpkg -c -r ~/chroot",
    check,
};

fn check(facts: &Facts) -> Vec<Finding> {
    let stale = facts.chroot.iter().flat_map(|chroot| &chroot.stale);
    stale
        .map(|(copy, why)| {
            let name = copy.file_name().unwrap_or_default().to_string_lossy();
            let matrix = copy.parent().unwrap_or(copy).display();
            let message = format!("this copy is not as its root is now: {why}");
            let place = Place::named(copy.display().to_string());
            let mut finding = RULE.finding(place, message, "have it made anew");
            finding.command = Some(format!("makechrootpkg -c -r {matrix} -l {name}"));
            finding
        })
        .collect()
}
