//! `distcc-setup configure`: writes makepkg's configuration so that builds are distributed.
//!
//! The hosts are found (`hosts`), and with them the values that makepkg is to have (`wanted`).
//! `plan` works out on a `draft` of all files what to write where (`place`), and has bash say
//! that makepkg would then have these values. Only then is anything shown, asked and written
//! (`apply`).

pub(in crate::setup) mod consent;
pub(in crate::setup) mod draft;
pub(in crate::setup) mod drop_in;
mod edits;
pub(in crate::setup) mod hosts;
mod native;
pub(in crate::setup) mod place;
pub(in crate::setup) mod plan;
mod summary;
pub(in crate::setup) mod target;
pub(in crate::setup) mod wanted;

use std::num::NonZeroU32;
use std::path::Path;

use clap::{Args, ValueEnum};

use crate::base::exit::Exit;
use crate::setup::apply::apply_error::ApplyError;
use crate::setup::apply::{ask, diff};
use crate::setup::configure::consent::Consent;
use crate::setup::configure::draft::{Draft, DraftError};
use crate::setup::configure::drop_in::Author;
use crate::setup::configure::hosts::{Hosts, HostsError, Sources};
use crate::setup::configure::place::Place;
use crate::setup::configure::plan::{PlanError, Planner};
use crate::setup::configure::summary::Summary;
use crate::setup::configure::target::{Target, TargetError, TargetOptions};
use crate::setup::configure::wanted::Wanted;
use crate::setup::ports::settle::Wish;
use crate::setup::settings::{Settings, SettingsError};
use crate::setup::{ports, screen};
use crate::targets;

/// Exit code where a person said no.
const DECLINED: Exit = Exit(1);
/// Exit code of an error.
const ERROR: Exit = Exit(2);

/// Options of `distcc-setup configure`.
#[derive(Args, Clone, Debug, Default)]
pub struct ConfigureOptions {
    /// DISTCC_HOSTS, from the most to the least powerful, as in "localhost/9 192.168.10.2/5"
    /// [default: those of setup.toml]
    #[arg(long, value_name = "HOSTS")]
    pub hosts: Option<String>,
    /// Packages are built for TARGET (armv5, armv6h, armv7h, armv8, x86_64): hosts without a port
    /// get that of its distccd [default: as CARCH of makepkg.conf, or the machine, says]
    #[arg(long, value_name = "TARGET", value_parser = ports::target::read)]
    pub client_of: Option<&'static targets::Target>,
    /// Do not ask hosts without a port what they compile for
    #[arg(long)]
    pub offline: bool,
    /// The -j of MAKEFLAGS [default: twice the slots of all hosts]
    #[arg(short, long, value_name = "N")]
    pub jobs: Option<NonZeroU32>,
    /// What to do about -march=native and the like in CFLAGS and CXXFLAGS
    #[arg(long, value_name = "HOW", default_value = "keep")]
    pub march: March,
    /// Edit the file that sets a value now
    #[arg(long)]
    pub in_place: bool,
    /// Write makepkg.conf.d/distcc.conf, which pacman 6.1 and later read [default there]
    #[arg(long, conflicts_with_all = ["in_place", "user", "file"])]
    pub drop_in: bool,
    /// What is written.
    #[command(flatten)]
    pub target: TargetOptions,
    /// Also edit a file that is read later, such as the user's own, where it sets another value
    #[arg(long)]
    pub overrides: bool,
    /// Show what would change, and change nothing
    #[arg(short = 'n', long)]
    pub dry_run: bool,
    /// Ask nothing
    #[arg(short, long)]
    pub yes: bool,
}

/// What to do about flags that mean this machine's processor.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum March {
    /// Leave them alone
    #[default]
    Keep,
    /// Put what they stand for on this machine
    Replace,
}

/// Why nothing was written.
#[derive(Debug, thiserror::Error)]
enum Stop {
    #[error(transparent)]
    Target(#[from] TargetError),
    #[error("{0}")]
    Place(String),
    #[error(transparent)]
    Settings(#[from] SettingsError),
    #[error(transparent)]
    Hosts(#[from] HostsError),
    #[error(transparent)]
    Plan(#[from] PlanError),
    #[error(transparent)]
    Apply(#[from] ApplyError),
    #[error(
        "stdin is no terminal, so nobody can be asked; nothing was written (--yes writes without \
         asking, --dry-run only shows)"
    )]
    NobodyToAsk,
}

impl From<DraftError> for Stop {
    fn from(error: DraftError) -> Self {
        Self::Plan(error.into())
    }
}

/// Does it.
pub(super) fn run(options: &ConfigureOptions) -> Exit {
    configure(options).unwrap_or_else(|stop| {
        super::complain(&stop.to_string());
        if let Stop::Apply(error) | Stop::Plan(PlanError::Draft(DraftError::Apply(error))) = &stop {
            error.advice().iter().for_each(|advice| super::complain(advice));
        }
        match stop {
            Stop::Plan(PlanError::Overridden { declined: true, .. }) => DECLINED,
            _ => ERROR,
        }
    })
}

fn configure(options: &ConfigureOptions) -> Result<Exit, Stop> {
    let target = Target::find(&options.target)?;
    let place = Place::choose(options, &target).map_err(Stop::Place)?;
    // Without questions, nobody can get in between reading and writing. A lock that cannot be had
    // matters only if there is something to write.
    let early = (options.yes && !options.dry_run).then(|| target.state.lock());
    let draft = Draft::read(&target.subject, place.file())?;
    let settings = Settings::read(Path::new("/"), target.subject.home.as_deref())?;
    let found = found_hosts(options, &target, &draft, &settings)?;
    let Some(found) = found else { return Ok(DECLINED) };
    let hosts = &found.hosts;
    let jobs = match options.jobs {
        Some(jobs) => jobs.into(),
        None => hosts.jobs(settings.job_factor())?,
    };
    let wanted = Wanted { hosts: hosts.text.clone(), jobs, march: options.march };
    let planner = Planner {
        place: &place,
        wanted: &wanted,
        consent: Consent::of(options),
        author: Author::Configure,
    };
    let plan = planner.plan(draft)?;
    let summary = Summary { target: &target, found: &found, wanted: &wanted, plan: &plan };
    if plan.changes.is_empty() {
        screen::write(&summary.nothing_to_do());
        return Ok(Exit::OK);
    }
    screen::write(&diff::of_all(&plan.changes, diff::has_colours()));
    screen::write(&summary.notes());
    if options.dry_run {
        return Ok(Exit::OK);
    }
    plan.changes.ensure_writable()?;
    if !options.yes && !ask::can_ask() {
        return Err(Stop::NobodyToAsk);
    }
    if !options.yes && !ask::confirm("Write this?", true) {
        screen::write("Nothing was written.\n");
        return Ok(DECLINED);
    }
    let locked = early.unwrap_or_else(|| target.state.lock())?;
    let run = locked.apply(&plan.changes, &command())?;
    screen::write(&summary.after(&run));
    Ok(Exit::OK)
}

/// The hosts to write.
struct Found {
    /// Each with the port of its distccd, by address where only that works.
    hosts: Hosts,
    /// What people should hear about the ports, in whole lines.
    notes: Vec<String>,
    /// What packages are built for.
    target: Option<&'static targets::Target>,
}

/// Finds the hosts and their ports; `None` where the person gave no answer.
fn found_hosts(
    options: &ConfigureOptions,
    target: &Target,
    draft: &Draft<'_>,
    settings: &Settings,
) -> Result<Option<Found>, Stop> {
    let subject = &target.subject;
    let now = draft.evaluate()?;
    let sources = Sources {
        option: options.hosts.as_deref(),
        settings,
        now: &now,
        subject,
        take: options.yes || options.dry_run,
    };
    let Some(hosts) = sources.choose()? else { return Ok(None) };
    let target = ports::target::of(options.client_of, Some(&now), subject.is_chroot());
    let wish = Wish { target, is_named: options.client_of.is_some(), offline: options.offline };
    let settled = wish.settle(&hosts.text);
    let hosts = Hosts::read(&settled.text)?;
    let hosts = match subject.is_chroot() || settings.addresses_only == Some(true) {
        true => hosts.by_address()?,
        false => hosts,
    };
    Ok(Some(Found { hosts, notes: settled.notes, target }))
}

/// This command, as one would type it.
fn command() -> String {
    let words = std::env::args_os().skip(1).map(|word| word.to_string_lossy().into_owned());
    let words: Vec<String> = std::iter::once("distcc-setup".to_owned()).chain(words).collect();
    shell_words::join(&words)
}
