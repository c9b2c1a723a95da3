//! What all threads of the daemon share.

use std::ffi::OsString;
use std::io::{self, Write};
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::net::UnixStream;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{PoisonError, RwLock};

use crate::base::env;
use crate::daemon::access::AccessList;
use crate::daemon::cli::Config;
use crate::daemon::compilers::Compilers;
use crate::daemon::pump::job::Pump;
use crate::daemon::sandbox::Sandbox;
use crate::daemon::stats::Stats;
use crate::daemon::toolchains::Program;
use crate::daemon::workdir::WorkTree;
use crate::protocol::limits::Limits;

/// Variables that a compiler may need, and that say nothing about who runs it.
const KEPT: [&str; 6] =
    ["LANG", "LANGUAGE", "LD_LIBRARY_PATH", "GCC_EXEC_PREFIX", "COMPILER_PATH", "TZ"];

/// What all threads of the daemon share.
#[derive(Debug)]
pub struct Service {
    /// The options.
    pub config: Config,
    /// Compiles at once.
    pub jobs: usize,
    /// The most accepted of each thing.
    pub limits: Limits,
    /// Which compilers may run.
    pub compilers: Compilers,
    /// How they are shut off.
    pub sandbox: Sandbox,
    /// Where they run.
    pub tree: WorkTree,
    /// What pump jobs share.
    pub pump: Pump,
    /// The environment of each, but for what names its own directory.
    pub environment: Vec<(OsString, OsString)>,
    /// What is counted.
    pub stats: Stats,
    access: RwLock<AccessList>,
    stopping: AtomicBool,
    abort: (UnixStream, UnixStream),
}

impl Service {
    /// Puts the parts together.
    ///
    /// # Errors
    ///
    /// No descriptors are left.
    pub fn new(
        config: Config,
        access: AccessList,
        compilers: Compilers,
        sandbox: Sandbox,
        tree: WorkTree,
        pump: Pump,
    ) -> io::Result<Self> {
        let environment = environment(&compilers);
        Ok(Self {
            jobs: config.jobs_at_once(),
            config,
            limits: Limits::default(),
            compilers,
            sandbox,
            tree,
            pump,
            environment,
            stats: Stats::default(),
            access: RwLock::new(access),
            stopping: AtomicBool::new(false),
            abort: UnixStream::pair()?,
        })
    }

    /// The environment of `program`. A toolchain of another target has a PATH of its own, and no
    /// settings that were made for this machine's compilers.
    pub fn environment_of(&self, program: &Program) -> Vec<(OsString, OsString)> {
        let mut environment = self.environment.clone();
        if let Some(path) = &program.path {
            let is_shared = self.config.target.is_none();
            environment.retain(|(name, _)| {
                name != env::PATH.0
                    && !(is_shared && env::COMPILER_PARTS.iter().any(|one| name == one.0))
            });
            environment.push((env::PATH.0.into(), path.clone()));
        }
        environment
    }

    /// Whether this client may connect.
    pub fn allows(&self, address: std::net::IpAddr) -> bool {
        self.access.read().unwrap_or_else(PoisonError::into_inner).allows(address)
    }

    /// Changes who may connect.
    pub fn set_access(&self, access: AccessList) {
        *self.access.write().unwrap_or_else(PoisonError::into_inner) = access;
    }

    /// Whether no new work is taken.
    pub fn stopping(&self) -> bool {
        self.stopping.load(Ordering::SeqCst)
    }

    /// Takes no new work from now on.
    pub fn stop(&self) {
        self.stopping.store(true, Ordering::SeqCst);
    }

    /// Readable once every compile has to end.
    pub fn aborted(&self) -> BorrowedFd<'_> {
        self.abort.0.as_fd()
    }

    /// Ends every compile.
    pub fn abort(&self) {
        // A full pipe is readable as well.
        drop((&self.abort.1).write(b"!"));
    }

    /// A descriptor that a signal handler may write to, to end every compile.
    ///
    /// # Errors
    ///
    /// No descriptors are left.
    pub fn abort_by_signal(&self) -> io::Result<UnixStream> {
        self.abort.1.try_clone()
    }
}

/// The environment of compilers: what they need and nothing that is the daemon's own business.
fn environment(compilers: &Compilers) -> Vec<(OsString, OsString)> {
    let kept = |name: &OsString| {
        name.to_str().is_some_and(|name| KEPT.contains(&name) || name.starts_with("LC_"))
    };
    let mut environment: Vec<_> = env::all().filter(|(name, _)| kept(name)).collect();
    let path = std::env::join_paths(compilers.path()).unwrap_or_default();
    environment.push(("PATH".into(), path));
    environment.push((env::SAFEGUARD.0.into(), "1".into()));
    environment
}
