//! From options to a service: what root is needed for, then the change of user, then the rest.

use std::ffi::OsString;
use std::fs::OpenOptions;
use std::io;
use std::net::TcpListener;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use crate::base::exit::Exit;
use crate::base::log::{self, Sink};
use crate::base::{descriptors, dirs, env, memory, process};
use crate::daemon::access::AccessList;
use crate::daemon::announce::{self, Announcement};
use crate::daemon::cli::{Config, LogTo};
use crate::daemon::compilers::Compilers;
use crate::daemon::detach::PidFile;
use crate::daemon::options;
use crate::daemon::privileges::{self, Persona};
use crate::daemon::pump;
use crate::daemon::reception::Purpose;
use crate::daemon::sandbox::{self, Sandbox};
use crate::daemon::service::Service;
use crate::daemon::toolchains::Toolchains;
use crate::daemon::workdir::WorkTree;
use crate::net::listen;
use crate::{critical, error, info, notice, warning};

/// A listening socket and what it is for.
pub type Door = (TcpListener, Purpose);

/// Binds what the options say, unless systemd has opened sockets for us.
///
/// # Errors
///
/// An address cannot be bound.
pub fn doors(config: &Config, activated: Vec<(String, TcpListener)>) -> io::Result<Vec<Door>> {
    let mut doors: Vec<Door> = activated
        .into_iter()
        .map(|(name, listener)| {
            (listener, if name == "stats" { Purpose::Stats } else { Purpose::Jobs })
        })
        .collect();
    let has = |doors: &[Door], purpose| doors.iter().any(|(_, one)| *one == purpose);
    let address = config.listen.as_deref();
    if !has(&doors, Purpose::Jobs) {
        let defer = env::DISTCC_TCP_DEFER_ACCEPT.flag(true);
        let bound = listen::bind(address, config.port, defer)?;
        doors.extend(bound.into_iter().map(|listener| (listener, Purpose::Jobs)));
    }
    if let Some(port) = config.stats_port.filter(|_| !has(&doors, Purpose::Stats)) {
        let bound = listen::bind(address, port, false)?;
        doors.extend(bound.into_iter().map(|listener| (listener, Purpose::Stats)));
    }
    Ok(doors)
}

/// Who may connect, as the options say; `daemon` is not satisfied with "everyone".
///
/// # Errors
///
/// An `--allow` that cannot be read: exit code 101.
pub fn access(config: &Config, daemon: bool) -> Result<AccessList, Exit> {
    let mut private = config.allow_private;
    if daemon && config.allow.is_empty() && !private {
        warning!(
            "No --allow option specified. Defaulting to --allow-private. Allowing non-Internet \
             (globally routable) addresses."
        );
        private = true;
    }
    AccessList::new(&config.allow, private).map_err(|refused| {
        error!("{refused}");
        Exit::BAD_ARGUMENTS
    })
}

/// What ends with the daemon, besides its service.
#[derive(Debug, Default)]
pub struct Around {
    /// The pid file.
    pub pid_file: Option<PidFile>,
    /// What tells the network of it.
    pub announcement: Option<Announcement>,
}

/// All that happens between the sockets and the first client. `alone` is for a daemon that waits
/// for clients, in contrast to one that was started for its only one.
///
/// # Errors
///
/// The exit code, after saying why.
pub fn service(
    mut config: Config,
    access: AccessList,
    alone: bool,
) -> Result<(Service, Around), Exit> {
    if !descriptors::seal() {
        info!("this kernel cannot seal inherited descriptors");
    }
    process::keep_ended_children();
    memory::give_back_large_blocks();
    privileges::be_nice(config.nice, config.oom_score_adj);
    let files = privileges::set_limits();
    fit_to_descriptors(&mut config, files);
    let mut compilers = compilers(&config)?;
    let persona = Persona::choose(config.user.as_deref());
    open_log(&config, persona);
    let around = match alone {
        true => around(&config, persona),
        false => Around::default(),
    };
    let network = config.sandbox != options::Sandbox::Off && sandbox::leave_network();
    let changed =
        persona.map_or(Ok(()), Persona::become_it).and_then(|()| privileges::gain_nothing());
    if let Err(error) = changed {
        critical!("cannot give up root's rights: {error}");
        return Err(Exit::SETUID_FAILED);
    }
    let mounts = network && sandbox::gain_mounts();
    let temp = dirs::temp_dir();
    std::env::set_current_dir(&temp).map_err(|error| {
        error!("cannot go to {}: {error} (set TMPDIR)", temp.display());
        Exit::IO_ERROR
    })?;
    // Asked as the user who will run them, and once nothing depends on there being one thread.
    let toolchains = Toolchains::find(config.target, &config.toolchains, compilers.path());
    let toolchains = toolchains.map_err(|none| {
        critical!("{none}");
        if config.log_to != LogTo::Stderr {
            // Whoever starts a daemon by hand looks there first.
            log::init("distccd", config.log_level, Sink::Stderr);
            critical!("{none}");
        }
        none.exit()
    })?;
    let mut path = compilers.path().to_vec();
    path.extend(toolchains.dirs());
    compilers = compilers.with_toolchains(toolchains);
    let extra = extra_dirs(&config);
    let sandbox = Sandbox::prepare(config.sandbox, &path, &extra, network);
    let sandbox = sandbox.map_err(|error| {
        critical!("{error}");
        Exit::FAILED
    })?;
    let tree = WorkTree::create(&temp, env::DISTCC_SAVE_TEMPS.flag(false)).map_err(|error| {
        error!("cannot make a directory for jobs in {}: {error} (set TMPDIR)", temp.display());
        Exit::IO_ERROR
    })?;
    notice!("sandbox: {}", sandbox.level());
    let readable = sandbox::readable(&path, &extra);
    let pump = pump::start::prepare(&config, readable, &sandbox, &tree, mounts);
    let service =
        Service::new(config, access, compilers, sandbox, tree, pump).map_err(|error| {
            error!("cannot start: {error}");
            Exit::FAILED
        })?;
    Ok((service, around))
}

fn around(config: &Config, persona: Option<Persona>) -> Around {
    let path = compilers_path();
    let announce = || announce::start(config, path, persona);
    Around {
        pid_file: config.pid_file.as_deref().and_then(|path| write_pid_file(path, persona)),
        announcement: config.zeroconf.then(announce).flatten(),
    }
}

/// Directories besides PATH's that the settings of this daemon point compilers to.
fn extra_dirs(config: &Config) -> Vec<PathBuf> {
    let lists = [env::LD_LIBRARY_PATH, env::COMPILER_PATH, env::GCC_EXEC_PREFIX];
    let lists: Vec<_> = lists.iter().filter_map(|list| list.get_nonempty()).collect();
    let named = lists.iter().flat_map(std::env::split_paths).filter(|dir| dir.is_absolute());
    named.chain(config.sysroot.clone()).collect()
}

/// More clients than descriptors cannot wait.
fn fit_to_descriptors(config: &mut Config, files: usize) {
    // A job has two pipes, a process and files of its own.
    let jobs = config.jobs_at_once().saturating_mul(8);
    let most = files.saturating_sub(jobs).saturating_sub(64).max(16);
    if config.max_waiting > most {
        info!("--max-waiting is cut to {most}: no more files may be open (LimitNOFILE)");
        config.max_waiting = most;
    }
}

/// Where compilers are looked for.
fn compilers_path() -> Option<OsString> {
    env::DISTCCD_PATH.get_nonempty().or_else(|| env::PATH.get_nonempty())
}

fn compilers(config: &Config) -> Result<Compilers, Exit> {
    let path = compilers_path();
    let mut compilers = Compilers::new(path.as_deref(), config.insecure, config.sysroot.clone());
    if let Some(file) = env::DISTCC_CMDLIST.get_nonempty() {
        let words = env::DISTCC_CMDLIST_NUMWORDS.number().unwrap_or(1);
        compilers = compilers.with_cmdlist(file.into(), usize::try_from(words).unwrap_or(1));
    }
    if config.target.is_some() {
        // The toolchain is all that can be named.
        return Ok(compilers);
    }
    compilers.check_whitelist().map_err(|why| {
        critical!("{why}");
        Exit::COMPILER_MISSING
    })?;
    Ok(compilers)
}

fn write_pid_file(path: &Path, persona: Option<Persona>) -> Option<PidFile> {
    PidFile::write(path, persona)
        .inspect_err(|error| error!("cannot write pid file {}: {error}", path.display()))
        .ok()
}

/// Sends messages where the options say. A log file that root makes is given to `persona`, who
/// opens it again on SIGHUP.
pub fn open_log(config: &Config, persona: Option<Persona>) {
    let sink = match &config.log_to {
        LogTo::Stderr => Sink::Stderr,
        LogTo::Syslog => Sink::Syslog,
        LogTo::File(path) => match open_log_file(path, persona) {
            Ok(file) => Sink::File(file),
            Err(error) => {
                error!("failed to open {}: {error}; logging to syslog", path.display());
                Sink::Syslog
            }
        },
    };
    log::init("distccd", config.log_level, sink);
}

fn open_log_file(path: &Path, persona: Option<Persona>) -> io::Result<std::fs::File> {
    let Some(Persona { uid, gid }) = persona else { return log::open_file(path) };
    // Root must not be led elsewhere by a link in a directory that anyone can write to.
    let mut options = OpenOptions::new();
    options.append(true).mode(0o644).custom_flags(nix::libc::O_NOFOLLOW);
    match options.clone().create_new(true).open(path) {
        Ok(file) => {
            std::os::unix::fs::fchown(&file, Some(uid.as_raw()), Some(gid.as_raw()))?;
            Ok(file)
        }
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => options.open(path),
        Err(error) => Err(error),
    }
}
