//! The commands that follow after the file is written.

use std::path::Path;

use crate::setup::volunteer::arguments::Arguments;
use crate::setup::volunteer::command::Line;
use crate::setup::volunteer::firewall::{self, Firewall};
use crate::setup::volunteer::networks::PRIVATE;
use crate::setup::volunteer::options::VolunteerOptions;
use crate::setup::volunteer::plan::Plan;
use crate::setup::volunteer::service::{start_commands, systemd_runs};

/// What is to be run, and what is only to be said.
#[derive(Debug, Default)]
pub(super) struct Steps {
    /// Whether they are about this machine, and not about an image.
    pub here: bool,
    /// Brings the masquerade directories into step with the compilers.
    pub links: Option<Line>,
    /// The firewall at work, once for each port that is closed in it.
    pub firewalls: Vec<Firewall>,
    /// Whether its commands are to be run.
    pub open_firewall: bool,
    /// Brings the units up.
    pub start: Vec<Line>,
    /// What a person has to run where no systemd runs, for each daemon.
    pub by_hand: Vec<String>,
}

impl Steps {
    /// Finds out what is left to do.
    pub(super) fn find(options: &VolunteerOptions, plans: &[Plan]) -> Self {
        let mut steps = Self { links: links(&options.root), ..Self::default() };
        if options.root != Path::new("/") {
            return steps;
        }
        steps.here = true;
        steps.open_firewall = options.apply_firewall;
        for plan in plans {
            let found = firewall::find_active(plan.port(), &networks(&plan.arguments));
            steps.firewalls.extend(found.filter(|firewall| !firewall.commands.is_empty()));
            if options.no_start {
                continue;
            }
            if systemd_runs() {
                steps.start.extend(start_commands(&plan.daemon.unit, plan.change.is_some()));
            } else {
                steps.by_hand.push(by_hand(plan));
            }
        }
        steps
    }

    /// What is to be run.
    pub(super) fn commands(&self) -> impl Iterator<Item = &Line> {
        let firewall = self.firewalls.iter().filter(|_| self.open_firewall);
        let firewall = firewall.flat_map(|firewall| &firewall.commands);
        self.links.iter().chain(firewall).chain(&self.start)
    }

    /// Whether nothing is to be run.
    pub(super) fn is_empty(&self) -> bool {
        self.commands().next().is_none()
    }
}

/// Those that may connect, but for this machine itself.
fn networks(arguments: &Arguments) -> Vec<String> {
    let mut networks = arguments.allowed();
    networks.retain(|network| !network.starts_with("127.") && network != "::1");
    if arguments.allows_private() {
        networks.extend(PRIVATE.map(str::to_owned));
    }
    networks
}

/// The command that starts the daemon.
fn by_hand(plan: &Plan) -> String {
    let dir = plan.temp_dir.as_ref().map(|dir| format!("TMPDIR={dir} ")).unwrap_or_default();
    let words = plan.arguments.text();
    let target = plan.daemon.target.filter(|_| !words.contains("--target "));
    let target = target.map(|target| format!("--target {} ", target.name)).unwrap_or_default();
    format!("{dir}distccd --daemon --user distcc {target}{words}")
}

/// `update-distcc-symlinks`, if it would do something.
fn links(root: &Path) -> Option<Line> {
    let mut line = Line::new("update-distcc-symlinks");
    if root != Path::new("/") {
        line.0.extend(["--root".to_owned(), root.to_string_lossy().into_owned()]);
    }
    let mut dry = line.clone();
    dry.0.push("--dry-run".to_owned());
    dry.output().is_none_or(|changes| !changes.trim().is_empty()).then_some(line)
}
