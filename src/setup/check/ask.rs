//! Asks the volunteers, for rules about what they answer.

use std::time::Duration;

use crate::base::{env, version};
use crate::hosts::spec::HostSpec;
use crate::net::ssh;
use crate::setup::facts::Facts;
use crate::setup::facts::volunteer::Heard;
use crate::setup::probe::local::Local;
use crate::setup::probe::{ProbeOptions, probe_all};
use crate::setup::screen::Screen;

/// How long a volunteer may take; they are asked at the same time.
const LIMIT: Duration = Duration::from_secs(5);

/// Asks all volunteers of the host list and puts their answers among the facts. Says meanwhile whom
/// it waits for.
pub(super) fn volunteers(facts: &mut Facts) {
    let hosts: Vec<HostSpec> = facts
        .hosts
        .iter()
        .flat_map(|hosts| hosts.specs())
        .map(|(_, spec)| spec.clone())
        .filter(|spec| !spec.is_local() && !spec.down)
        .collect();
    if hosts.is_empty() {
        return;
    }
    let mut screen = Screen::new();
    screen.status("Asking the compilers of this machine …");
    let local = Local::look(&facts.subject.root, Some(&facts.configuration), &[]);
    let how = ProbeOptions {
        limit: LIMIT,
        stats_port: version::DEFAULT_STATS_PORT,
        ssh: ssh::words(env::DISTCC_SSH.text().as_deref()),
        target: facts.target(),
    };
    let answers = probe_all(&hosts, &local, &how, |waiting| {
        let names: Vec<&str> = waiting.iter().map(|host| host.text.as_str()).collect();
        screen.status(&format!("Asking the volunteers: {}", names.join(", ")));
    });
    facts.volunteers = answers.into_iter().map(Heard::from).collect();
}
