//! The commands that follow after the file is written.

use std::path::Path;

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
    /// The firewall at work.
    pub firewall: Option<Firewall>,
    /// Whether its commands are to be run.
    pub open_firewall: bool,
    /// Brings the unit up.
    pub start: Vec<Line>,
    /// What a person has to run where no systemd runs.
    pub by_hand: Option<String>,
}

impl Steps {
    /// Finds out what is left to do.
    pub(super) fn find(options: &VolunteerOptions, plan: &Plan) -> Self {
        let mut steps = Self { links: links(&options.root), ..Self::default() };
        if options.root != Path::new("/") {
            return steps;
        }
        steps.here = true;
        let arguments = &plan.arguments;
        let mut networks = arguments.allowed();
        networks.retain(|network| !network.starts_with("127.") && network != "::1");
        if arguments.allows_private() {
            networks.extend(PRIVATE.map(str::to_owned));
        }
        steps.firewall = firewall::find_active(arguments.port(), &networks);
        steps.open_firewall = options.apply_firewall;
        if options.no_start {
            return steps;
        }
        if systemd_runs() {
            steps.start = start_commands(!plan.changes.is_empty());
        } else {
            let dir = plan.temp_dir.as_ref().map(|dir| format!("TMPDIR={dir} "));
            let (dir, words) = (dir.unwrap_or_default(), arguments.text());
            steps.by_hand = Some(format!("{dir}distccd --daemon --user distcc {words}"));
        }
        steps
    }

    /// What is to be run.
    pub(super) fn commands(&self) -> impl Iterator<Item = &Line> {
        let firewall = self.firewall.iter().filter(|_| self.open_firewall);
        let firewall = firewall.flat_map(|firewall| &firewall.commands);
        self.links.iter().chain(firewall).chain(&self.start)
    }

    /// Whether nothing is to be run.
    pub(super) fn is_empty(&self) -> bool {
        self.commands().next().is_none()
    }
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
