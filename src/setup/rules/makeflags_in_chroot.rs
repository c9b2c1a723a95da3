//! `makeflags-in-chroot`: devtools takes MAKEFLAGS out of a build root's makepkg.conf.

use crate::setup::facts::Facts;
use crate::setup::rules::finding::{Finding, Severity};
use crate::setup::rules::{Group, Rule};

/// The rule.
pub(super) const RULE: Rule = Rule {
    id: "makeflags-in-chroot",
    severity: Severity::Warning,
    group: Group::Jobs,
    in_hook: false,
    summary: "devtools deletes this line",
    why: "makechrootpkg deletes every line of the copy's makepkg.conf that begins with \
         `MAKEFLAGS=`, and appends the host's value. Drop-ins are left alone, and are read \
         later.",
    mend: "Write MAKEFLAGS into makepkg.conf.d of the root, or into the configuration of the \
         host.",
    example: "distcc-setup configure --chroot /var/lib/archbuild/extra-x86_64/root",
    check,
};

fn check(facts: &Facts) -> Vec<Finding> {
    if !facts.subject.is_chroot() {
        return Vec::new();
    }
    let place = facts.place_of("MAKEFLAGS");
    let main = place
        .in_file()
        .is_some_and(|spot| spot.file == facts.subject.file && spot.text.starts_with("MAKEFLAGS="));
    if !main {
        return Vec::new();
    }
    let message =
        "makechrootpkg deletes this line before it builds, and puts the host's value there";
    let root = facts.subject.root.display();
    let help = match facts.subject.makepkg.reads_drop_ins {
        true => format!("write it into a drop-in: distcc-setup configure --chroot {root}"),
        false => "set MAKEFLAGS on the host".to_owned(),
    };
    vec![RULE.finding(place, message, help)]
}
