//! What is asked for, as one plan for each daemon.

use std::path::Path;

use crate::setup::volunteer::Stop;
use crate::setup::volunteer::arguments::{Arguments, Usual, Wanted};
use crate::setup::volunteer::chosen::Chosen;
use crate::setup::volunteer::daemons::Daemon;
use crate::setup::volunteer::env_file;
use crate::setup::volunteer::options::{VolunteerOptions, plain_path};
use crate::setup::volunteer::plan::{self, Plan, TempDir};
use crate::setup::volunteer::service::systemd_runs;
use crate::targets::Target;

/// The port of the statistics page where no option says another. Source: distccd(1) of 3.4.
const STATS_PORT: u16 = 3633;

/// What is to be done.
#[derive(Debug)]
pub(super) struct Prepared {
    /// A plan for each daemon.
    pub plans: Vec<Plan>,
    /// The toolchains, in words.
    pub toolchains: String,
}

/// Works it out.
///
/// # Errors
///
/// [`Stop`]: options that do not go together, no toolchain that serves, a port that is taken.
pub(super) fn prepare(options: &VolunteerOptions) -> Result<Prepared, Stop> {
    let (wanted, temp_dir) = options.wanted().map_err(Stop::Options)?;
    let mut targets: Vec<&'static Target> = Vec::new();
    for target in &options.targets {
        if !targets.contains(target) {
            targets.push(target);
        }
    }
    if let [first, second, ..] = targets.as_slice()
        && options.port.is_some()
        && !options.one_port
    {
        return Err(Stop::Options(format!(
            "--port is one port, and {} and {} need one each; leave it out, or use --one-port",
            first.name, second.name
        )));
    }
    let mut work = Work { options, wanted, temp_dir, toolchains: String::new() };
    let plans = match (targets.is_empty(), options.one_port) {
        (true, _) => vec![work.standard()?],
        (false, true) => vec![work.one_port(&targets)?],
        (false, false) => {
            let plans = targets.into_iter().map(|target| work.target(target));
            plans.collect::<Result<_, Stop>>()?
        }
    };
    Ok(Prepared { plans, toolchains: work.toolchains })
}

/// What all plans share.
struct Work<'a> {
    options: &'a VolunteerOptions,
    wanted: Wanted,
    temp_dir: TempDir,
    toolchains: String,
}

impl Work<'_> {
    fn root(&self) -> &Path {
        &self.options.root
    }

    /// The ordinary daemon.
    fn standard(&self) -> Result<Plan, Stop> {
        Ok(plan::plan(self.root(), Daemon::standard(), &self.wanted, &self.temp_dir)?)
    }

    /// The ordinary daemon, which serves `targets` besides.
    fn one_port(&mut self, targets: &[&'static Target]) -> Result<Plan, Stop> {
        let old = plan::read(self.root(), &Daemon::standard())?;
        for target in targets {
            let chosen = self.choose(target, &old)?;
            let dir = self.written(&chosen)?;
            self.wanted.toolchains.push((target, dir));
        }
        self.standard()
    }

    /// The daemon of one target.
    fn target(&mut self, target: &'static Target) -> Result<Plan, Stop> {
        let daemon = Daemon::of(target, self.root());
        let old = plan::read(self.root(), &daemon)?;
        let chosen = self.choose(target, &old)?;
        if daemon.target.is_none() {
            self.toolchains += &format!(
                "  {} is this machine's own target, which {} serves\n",
                target.name, daemon.unit
            );
            return self.standard();
        }
        let is_missing = self.root() == Path::new("/") && !daemon.is_installed(self.root());
        if is_missing && systemd_runs() && !self.options.no_start {
            return Err(Stop::Options(format!(
                "there is no {} here, nor any other unit for {}; install makepkg-distcc again, \
                 whole, or use --no-start",
                daemon.unit, target.name
            )));
        }
        let arguments = Arguments::read(&env_file::get(&old, "DISTCC_ARGS").unwrap_or_default());
        let mut wanted = self.wanted.clone();
        wanted.serves_one = true;
        wanted.target = Some(target).filter(|_| !daemon.knows_target);
        let said = arguments.toolchain_dirs(target);
        if !chosen.is_default || !said.is_empty() {
            let dir = self.written(&chosen)?;
            if !said.iter().any(|said| said.as_os_str() == dir.as_str()) {
                wanted.toolchains.push((target, dir));
            }
        }
        wanted.usual = self.usual(&daemon)?;
        let plan = plan::plan(self.root(), daemon, &wanted, &self.temp_dir)?;
        self.ensure_port(target, &plan)?;
        Ok(plan)
    }

    fn choose(&mut self, target: &'static Target, old: &str) -> Result<Chosen, Stop> {
        let chosen = Chosen::find(target, &self.options.toolchains, old, self.root())
            .map_err(Stop::Options)?;
        self.toolchains += &chosen.text(target);
        Ok(chosen)
    }

    /// The directory of a toolchain, as a file of options has it.
    fn written(&self, chosen: &Chosen) -> Result<String, Stop> {
        let dir = chosen.dir().unwrap_or(Path::new(""));
        let dir = dir.strip_prefix(self.root()).unwrap_or(dir);
        plain_path(&format!("/{}", dir.display())).map_err(Stop::Options)
    }

    /// Who may connect to the ordinary daemon may connect to this one, if nothing else is said.
    fn usual(&self, daemon: &Daemon) -> Result<Usual, Stop> {
        let log_file = Some(daemon.log_file());
        let file = plan::read(self.root(), &Daemon::standard())?;
        let standard = Arguments::read(&env_file::get(&file, "DISTCC_ARGS").unwrap_or_default());
        if standard.is_closed() {
            return Ok(Usual { log_file, ..Usual::default() });
        }
        let (allow, allow_private) = (standard.allowed(), standard.allows_private());
        Ok(Usual { log_file, allow, allow_private })
    }

    /// Makes sure that nobody else has its port.
    fn ensure_port(&self, target: &Target, plan: &Plan) -> Result<(), Stop> {
        let standard = Daemon::standard();
        let file = plan::read(self.root(), &standard)?;
        let other = Arguments::read(&env_file::get(&file, "DISTCC_ARGS").unwrap_or_default());
        let port = plan.port();
        let is_on = standard.is_enabled(self.root());
        let name = target.name;
        if is_on && other.port().unwrap_or(standard.port) == port {
            return Err(Stop::Options(format!(
                "{name} has port {port}, on which {} listens; use --one-port, so that it serves \
                 {name} too, or give {name} another with --port",
                standard.unit
            )));
        }
        let stats = |arguments: &Arguments| arguments.has_stats() && port == STATS_PORT;
        if (is_on && stats(&other)) || stats(&plan.arguments) {
            return Err(Stop::Options(format!(
                "{name} has port {port}, on which `--stats` of distccd puts its page; move that by \
                 `--stats-port` in /etc/conf.d, or give {name} another with --port"
            )));
        }
        if plan.arguments.has_stats() && self.options.targets.len() > 1 {
            return Err(Stop::Options(
                "--stats is one port, and each of several daemons would want it; set up one by \
                 one, with `--stats-port` in /etc/conf.d"
                    .to_owned(),
            ));
        }
        Ok(())
    }
}
