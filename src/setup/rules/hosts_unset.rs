//! `hosts-unset`: there is no host list at all.

use crate::setup::facts::Facts;
use crate::setup::rules::finding::{Finding, Severity};
use crate::setup::rules::{Group, Rule};

/// The rule.
pub(super) const RULE: Rule = Rule {
    id: "hosts-unset",
    severity: Severity::Error,
    group: Group::Hosts,
    in_hook: true,
    summary: "there is no host list",
    why: "Without DISTCC_HOSTS the client reads $DISTCC_DIR/hosts and /etc/distcc/hosts. With \
         none of them it has nobody to send to, and compiles everything on this machine.",
    mend: "Set DISTCC_HOSTS, from the most to the least powerful machine, each with the number of \
         jobs that it takes.",
    example: "DISTCC_HOSTS=\"localhost/9 192.168.10.2/5 192.168.10.3/5\"",
    check,
};

fn check(facts: &Facts) -> Vec<Finding> {
    if facts.hosts.is_some() {
        return Vec::new();
    }
    let place = facts.commented_out("DISTCC_HOSTS").unwrap_or_else(|| facts.main_place());
    let message = "DISTCC_HOSTS is not set and there is no hosts file: nobody is there to send \
                   to, and everything is compiled on this machine";
    let help = format!(
        "write `DISTCC_HOSTS=\"localhost/9 192.168.10.2/5\"` with your own volunteers, or run: {}",
        facts.configure()
    );
    vec![RULE.finding(place, message, help)]
}
