//! `client-missing-on-host`: a build root distributes, and the host has no client.

use crate::setup::facts::Facts;
use crate::setup::rules::finding::{Finding, Severity};
use crate::setup::rules::{Group, Rule};

/// The rule.
pub(super) const RULE: Rule = Rule {
    id: "client-missing-on-host",
    severity: Severity::Error,
    group: Group::Machine,
    in_hook: false,
    summary: "the host has no distcc, which devtools needs",
    why: "makechrootpkg fetches sources on the host, with the build root's makepkg.conf. makepkg \
         then looks for distcc on the host, and stops: \"Could not download sources\".",
    mend: "Install the client on the host too, or switch distcc on in a drop-in that asks for it \
         first, as the one of distcc-setup does.",
    example: "sudo distcc-setup chroot enable /var/lib/archbuild/extra-x86_64/root",
    check,
};

fn check(facts: &Facts) -> Vec<Finding> {
    let machine = &facts.machine;
    if !facts.subject.is_chroot() || machine.client_on_host || !facts.on_for_host {
        return Vec::new();
    }
    let place = facts.place_of_word("BUILDENV", "distcc");
    let message = "makechrootpkg has the host read this to fetch sources, the host has no distcc, \
                   and makepkg stops there";
    let help = "install it on the host: sudo pacman -S makepkg-distcc";
    vec![RULE.finding(place, message, help)]
}
