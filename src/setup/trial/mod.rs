//! `distcc-setup try`: a build with real volunteers on this machine, and what came of it.
//!
//! Everything lives in one private directory: a masquerade directory (`bin`), the clients'
//! `DISTCC_DIR` (`distcc`), a directory for each volunteer, and the sample. The guard removes it.

mod build;
mod compare;
mod elf;
mod footer;
pub(super) mod guard;
mod live;
mod programs;
mod report;
mod sample;
mod volunteer;

use std::ffi::OsString;
use std::fs::File;
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use nix::sys::signal::Signal;

use crate::base::disk::{Disk, RealDisk};
use crate::base::exit::Exit;
use crate::base::process::exit_of;
use crate::base::{dirs, env, replace};
use crate::masquerade;
use crate::setup::cli::{GuardOptions, TryOptions};
use crate::setup::compilers::{self, Compilers};
use crate::setup::places::{self, Detail};
use crate::setup::screen::Screen;
use crate::setup::tally::Tally;
use crate::setup::trial::build::{Ended, Group, Signals};
use crate::setup::trial::compare::Comparison;
use crate::setup::trial::footer::Footer;
use crate::setup::trial::guard::Guard;
use crate::setup::trial::live::Live;
use crate::setup::trial::report::Times;

/// How a trial that objects or volunteers fail ends.
const DISAPPOINTED: Exit = Exit(1);
/// The most of a build's output that is shown when it fails.
const LOG_LIMIT: u64 = 16 << 20;
/// How many lines of it.
const LOG_LINES: usize = 40;

/// Why a trial could not be made.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub(super) enum TrialError {
    /// A step of ours failed.
    #[error("{0}: {1}")]
    Io(String, #[source] io::Error),
    /// `distcc` and `distccd` are not where they should be.
    #[error(
        "distcc and distccd are not beside distcc-setup in {0}; in a source tree run \
         `cargo run --release -- try`, or build all programs with `cargo build --release`"
    )]
    Programs(PathBuf),
    /// Cargo did not build them.
    #[error("cargo could not build distcc and distccd ({0})")]
    Cargo(String),
    /// There is nothing to distribute to.
    #[error("no C or C++ compiler is on PATH; install gcc (and make)")]
    NoCompiler,
    /// A volunteer does not start.
    #[error("no volunteer could be started: {0}")]
    Volunteer(String),
    /// A command does not start.
    #[error("{program} cannot be run: {error}", program = .0.display(), error = .1)]
    Command(OsString, #[source] io::Error),
    /// The user, or the system, wants us to end.
    #[error("interrupted by {0}")]
    Interrupted(Signal),
}

impl TrialError {
    /// Wraps an error with what was being done.
    fn io(doing: &str) -> impl FnOnce(io::Error) -> Self {
        move |error| Self::Io(doing.to_owned(), error)
    }

    fn exit(&self) -> Exit {
        match self {
            Self::Interrupted(signal) => Exit(u8::try_from(128 + *signal as i32).unwrap_or(1)),
            _ => Exit::FAILED,
        }
    }
}

/// Makes the trial that `options` ask for.
pub(super) fn run(options: &TryOptions) -> Exit {
    let mut screen = Screen::new();
    let result =
        Trial::set_up(options, &mut screen).and_then(|trial| match options.command.len() {
            0 => trial.build_sample(&mut screen),
            _ => trial.run_command(&options.command, &mut screen),
        });
    drop(screen);
    result.unwrap_or_else(|error| {
        super::complain(&error.to_string());
        error.exit()
    })
}

/// A private directory with volunteers, ready for a build.
#[derive(Debug)]
struct Trial {
    guard: Guard,
    signals: Signals,
    dir: PathBuf,
    compilers: Compilers,
    jobs: u16,
    slots: u16,
    /// What follows the slots in the host specs.
    spec_options: &'static str,
    pump: bool,
    keep: bool,
}

impl Trial {
    fn set_up(options: &TryOptions, screen: &mut Screen) -> Result<Self, TrialError> {
        let signals = Signals::catch().map_err(TrialError::io("catching signals"))?;
        let programs = programs::find(screen)?;
        signals.check()?;
        let compilers = compilers::find(&compilers::path());
        if compilers.by_name.is_empty() {
            return Err(TrialError::NoCompiler);
        }
        let volunteers = u16::from(options.volunteers);
        let processors = u16::try_from(processors()).unwrap_or(u16::MAX);
        let jobs = options.jobs.map_or(processors.max(2 * volunteers), u16::from);
        let slots = jobs.div_ceil(volunteers);
        let dir = private_dir()?;
        let guard = GuardOptions {
            dir: dir.clone(),
            distccd: programs.distccd,
            volunteers: options.volunteers,
            slots,
            keep: options.keep,
        };
        let furnished = furnish(&dir, &compilers, &programs.distcc);
        let guard = Guard::start(&guard)?;
        furnished.map_err(TrialError::io("filling the private directory"))?;
        signals.check()?;
        let (pump, keep) = (options.pump, options.keep);
        let spec_options = match (pump, options.lzo) {
            (true, _) => ",cpp,lzo",
            (false, true) => ",lzo",
            (false, false) => "",
        };
        let trial = Self { guard, signals, dir, compilers, jobs, slots, spec_options, pump, keep };
        screen.print(&trial.introduction());
        Ok(trial)
    }

    fn introduction(&self) -> String {
        let slots =
            if self.slots == 1 { "1 slot each" } else { &format!("{} slots each", self.slots) };
        format!("Volunteers on this machine: {} ({slots})", self.addresses().join(", "))
    }

    /// Builds the sample twice, with volunteers and without, and compares.
    fn build_sample(&self, screen: &mut Screen) -> Result<Exit, TrialError> {
        let units = sample::units();
        screen.print(&format!(
            "Building the sample, {units} C and C++ files, with make -j{} …",
            self.jobs
        ));
        let mut live = Live::new(&self.dir.join("distcc"), Some(units));
        let ended = self.make(&self.with_volunteers()?, || live.show(screen))?;
        if !ended.status.success() {
            return Ok(self.failed(screen, &ended));
        }
        let tally = Tally::of(&live.entries(), &self.addresses());
        self.report_places(&tally, screen);
        let checks = report::checks(&self.output());
        let distributed = self.dir.join("distributed");
        std::fs::rename(self.sample(), &distributed)
            .map_err(TrialError::io("putting the sample aside"))?;

        let path = build::join_path(&self.compilers.path)?;
        let objects = self.sample().join("build");
        screen.step("Building the sample again without volunteers, to compare …");
        let local =
            self.make(&[("PATH", path)], || screen.status(&live::again(&objects, units)))?;
        if !local.status.success() {
            return Ok(self.failed(screen, &local));
        }
        let comparison = compare::trees(&distributed.join("build"), &self.sample().join("build"))
            .map_err(TrialError::io("comparing objects"))?;
        screen.report(&report::objects(&comparison));
        screen.report(&checks);
        let processors = processors();
        let (distributed, local) = (ended.took, Some(local.took));
        screen.report(&report::times(&Times { distributed, local, jobs: self.jobs, processors }));
        self.close(screen);
        Ok(verdict(&tally, &comparison, self.pump))
    }

    /// Builds the sample afresh in its directory, its output going to a log.
    fn make(
        &self,
        environment: &[(&str, OsString)],
        tick: impl FnMut(),
    ) -> Result<Ended, TrialError> {
        sample::unpack(&self.sample()).map_err(TrialError::io("unpacking the sample"))?;
        let log = File::create(self.log()).map_err(TrialError::io("making a log"))?;
        let errors = log.try_clone().map_err(TrialError::io("making a log"))?;
        let mut make = Command::new("make");
        build::clean(&mut make);
        make.arg(format!("-j{}", self.jobs)).arg("check").current_dir(self.sample());
        make.envs(environment.iter().map(|(name, value)| (name, value)));
        make.stdin(Stdio::null()).stdout(log).stderr(errors);
        build::run(&mut make, Group::Own, &self.signals, tick)
    }

    /// Runs the user's command with the volunteers in its environment.
    fn run_command(&self, words: &[OsString], screen: &mut Screen) -> Result<Exit, TrialError> {
        let (program, arguments) = words.split_first().ok_or(TrialError::NoCompiler)?;
        let mut command = Command::new(program);
        command.args(arguments).envs(self.with_volunteers()?);
        let live = Live::new(&self.dir.join("distcc"), None);
        let mut footer = Footer::open();
        let ended =
            build::run(&mut command, Group::Ours, &self.signals, || footer.show(&live.status()))?;
        drop(footer);
        let tally = Tally::of(&live.entries(), &self.addresses());
        self.report_places(&tally, screen);
        screen.report(&report::times(&Times {
            distributed: ended.took,
            local: None,
            jobs: self.jobs,
            processors: processors(),
        }));
        self.close(screen);
        Ok(exit_of(ended.status))
    }

    /// The variables that make a build use the volunteers.
    fn with_volunteers(&self) -> Result<Vec<(&'static str, OsString)>, TrialError> {
        let masquerade = self.dir.join("bin");
        let path = std::iter::once(&masquerade).chain(&self.compilers.path);
        Ok(vec![
            (env::PATH.0, build::join_path(path)?),
            (env::DISTCC_HOSTS.0, self.hosts().join(" ").into()),
            (env::DISTCC_DIR.0, self.dir.join("distcc").into()),
            (env::DISTCC_LOG.0, self.dir.join("distcc.log").into()),
        ])
    }

    /// The host specs.
    fn hosts(&self) -> Vec<String> {
        let spec = |address| format!("{address}/{}{}", self.slots, self.spec_options);
        self.guard.volunteers.iter().map(spec).collect()
    }

    fn addresses(&self) -> Vec<String> {
        self.guard.volunteers.iter().map(ToString::to_string).collect()
    }

    fn sample(&self) -> PathBuf {
        self.dir.join("sample")
    }

    fn log(&self) -> PathBuf {
        self.dir.join("make.log")
    }

    /// What the last make printed.
    fn output(&self) -> String {
        let log = RealDisk.read(&self.log(), LOG_LIMIT).unwrap_or_default();
        String::from_utf8_lossy(&log).into_owned()
    }

    /// Shows the end of a failed build's output.
    fn failed(&self, screen: &mut Screen, ended: &Ended) -> Exit {
        let log = self.output();
        let lines: Vec<_> = log.lines().collect();
        let last = lines.get(lines.len().saturating_sub(LOG_LINES)..).unwrap_or_default();
        screen.print(&format!("{}\nThe sample's make failed ({}).", last.join("\n"), ended.status));
        self.close(screen);
        exit_of(ended.status)
    }

    /// Says where units were compiled, and how they went there.
    fn report_places(&self, tally: &Tally, screen: &mut Screen) {
        screen.report(&places::places(tally, Detail::Facts));
        if let Some(pump) = places::pump(tally).filter(|_| self.pump) {
            screen.report(&pump);
        }
    }

    fn close(&self, screen: &mut Screen) {
        if self.keep {
            screen.print(&format!("Everything is kept in {}", self.dir.display()));
        }
    }
}

/// Whether the trial showed what it should: units were distributed, in pump mode if that was to be
/// tried, and objects are equal.
fn verdict(tally: &Tally, comparison: &Comparison, pump: bool) -> Exit {
    let as_asked = tally.distributed() > 0 && (tally.pumped > 0 || !pump);
    match as_asked && comparison.differing.is_empty() {
        true => Exit::OK,
        false => DISAPPOINTED,
    }
}

/// Fills the private directory with what clients and volunteers need.
fn furnish(dir: &Path, compilers: &Compilers, distcc: &Path) -> io::Result<()> {
    std::fs::create_dir(dir.join("distcc"))?;
    masquerade::fill(&dir.join("bin"), distcc, &compilers.path)?;
    let list = compilers::command_list(compilers);
    replace::write(&dir.join(volunteer::COMMAND_LIST), &list, 0o644)
}

/// A new directory; others may pass through it to the volunteers' own, but not look into it.
fn private_dir() -> Result<PathBuf, TrialError> {
    let made = tempfile::Builder::new()
        .prefix("distcc-try-")
        .permissions(std::fs::Permissions::from_mode(0o711))
        .tempdir_in(dirs::temp_dir());
    made.map(tempfile::TempDir::keep).map_err(TrialError::io("making a private directory"))
}

fn processors() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from)
}
