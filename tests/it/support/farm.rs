//! A farm: volunteers on loopback, and a place to run commands with a client or without one.

use std::fs::Permissions;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use nix::unistd::Uid;
use tempfile::TempDir;

use crate::support::output::Output;
use crate::support::tree::Tree;
use crate::support::volunteer::{Options, Side, Volunteer};

/// Compiler names in the masquerade directories.
const COMPILERS: [&str; 8] = ["cc", "c++", "gcc", "g++", "gcc-12", "clang", "clang++", "c99"];

/// Names under which [`Farm::compilers`] makes its scripts: as called, and as sent.
const SCRIPTED: [&str; 4] = ["gcc", "g++", "x86_64-linux-gnu-gcc", "x86_64-linux-gnu-g++"];

/// Where commands find compilers and tools when no client is in the way.
pub const SYSTEM_PATH: &str = "/usr/local/bin:/usr/bin:/bin";

/// Volunteers, and a client's world: a work directory, HOME, TMPDIR and DISTCC_DIR of its own.
#[derive(Debug)]
pub struct Farm {
    /// Dropped before `root`, so that no daemon writes into a directory that goes away.
    pub volunteers: Vec<Volunteer>,
    root: TempDir,
}

impl Farm {
    /// A farm without volunteers.
    pub fn new() -> Self {
        Self::below(std::env::temp_dir())
    }

    /// A farm in a directory of the caller's: the C distcc cannot have sockets in long ones.
    pub fn below(dir: impl AsRef<Path>) -> Self {
        let root = tempfile::Builder::new().prefix("farm-").tempdir_in(dir).unwrap();
        std::fs::set_permissions(root.path(), Permissions::from_mode(0o755)).unwrap();
        let farm = Self { volunteers: Vec::new(), root };
        for dir in ["work", "home", "tmp", "distcc", "masquerade-ours", "masquerade-stock"] {
            std::fs::create_dir(farm.path(dir)).unwrap();
        }
        for (side, dir) in [(Side::Ours, "masquerade-ours"), (Side::Stock, "masquerade-stock")] {
            for name in COMPILERS {
                symlink(side.client(), farm.path(dir).join(name)).unwrap();
            }
            symlink(side.client(), farm.path(dir).join("distcc")).unwrap();
        }
        farm
    }

    /// A farm with one volunteer.
    pub fn with(side: Side) -> Self {
        let mut farm = Self::new();
        farm.start(&Options::new(side));
        farm
    }

    /// Starts one more volunteer, and gives its number.
    pub fn start(&mut self, options: &Options) -> usize {
        let number = self.volunteers.len();
        let dir = self.path(&format!("volunteer-{number}"));
        self.volunteers.push(Volunteer::start(&dir, options));
        number
    }

    /// Starts one more volunteer by a command of the caller's, and gives its number.
    pub fn start_as(&mut self, name: &str, command: Command, port: u16, side: Side) -> usize {
        let number = self.volunteers.len();
        self.volunteers.push(Volunteer::start_as(&self.path(name), command, port, side));
        number
    }

    /// A path below the farm's directory.
    pub fn path(&self, name: &str) -> PathBuf {
        self.root.path().join(name)
    }

    /// Where commands run.
    pub fn work(&self) -> PathBuf {
        self.path("work")
    }

    /// Writes a file into the work directory.
    pub fn write(&self, name: &str, content: &str) {
        let path = self.work().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, content).unwrap();
    }

    /// Reads a file of the work directory.
    pub fn read(&self, name: &str) -> Vec<u8> {
        std::fs::read(self.work().join(name)).unwrap()
    }

    /// Empties the work directory.
    pub fn clear_work(&self) {
        std::fs::remove_dir_all(self.work()).unwrap();
        std::fs::create_dir(self.work()).unwrap();
    }

    /// A masquerade directory with a copy of the client that any user may run: our own binaries
    /// may be in root's home directory.
    pub fn public_masquerade(&self, side: Side) -> PathBuf {
        let dir = self.path(&format!("public-{side:?}"));
        if !dir.exists() {
            std::fs::create_dir(&dir).unwrap();
            std::fs::copy(side.client(), dir.join("distcc")).unwrap();
            let agent = env!("CARGO_BIN_EXE_distcc-agent");
            std::fs::copy(agent, dir.join("distcc-agent")).unwrap();
            for name in COMPILERS {
                symlink("distcc", dir.join(name)).unwrap();
            }
        }
        dir
    }

    /// A shell command as a user who is not root, with no client in the way. The farm's
    /// directories become that user's.
    pub fn unprivileged(&self, script: &str) -> Run<'_> {
        if !Uid::effective().is_root() {
            return self.local(script);
        }
        for dir in ["work", "home", "tmp", "distcc"] {
            let mut chown = Command::new("chown");
            chown.args(["-R", "nobody:"]).arg(self.path(dir));
            assert!(chown.status().unwrap().success());
        }
        let mut run = self.local(script);
        let mut command = Command::new("setpriv");
        command.args(["--reuid=nobody", "--regid=65534", "--clear-groups", "--"]);
        command.arg(run.command.get_program()).args(run.command.get_args()).env_clear();
        command.envs(run.command.get_envs().filter_map(|(name, value)| Some((name, value?))));
        command.current_dir(self.work()).stdin(Stdio::null());
        run.command = command;
        run
    }

    /// Makes a directory of compilers that are shell scripts; `real` in them is the compiler's
    /// own path. Its name is for [`Options::path`].
    pub fn compilers(&self, dir: &str, script: &str) -> PathBuf {
        let dir = self.path(dir);
        std::fs::create_dir_all(&dir).unwrap();
        std::fs::set_permissions(&dir, Permissions::from_mode(0o777)).unwrap();
        for name in SCRIPTED {
            let path = dir.join(name);
            let real = format!("/usr/bin/{}", name.trim_start_matches("x86_64-linux-gnu-"));
            std::fs::write(&path, format!("#!/bin/sh\nreal={real}\n{script}\n")).unwrap();
            std::fs::set_permissions(&path, Permissions::from_mode(0o755)).unwrap();
        }
        dir
    }

    /// What the work directory holds.
    pub fn tree(&self) -> Tree {
        Tree::read(&self.work())
    }

    /// DISTCC_HOSTS with all volunteers, each followed by `suffix`, as in `/4,lzo`.
    pub fn hosts(&self, suffix: &str) -> String {
        let hosts = self.volunteers.iter().map(|v| format!("{}{suffix}", v.address()));
        hosts.collect::<Vec<_>>().join(" ")
    }

    /// How many jobs the volunteers have done.
    pub fn compiled(&self) -> usize {
        self.volunteers.iter().map(|volunteer| volunteer.settled_jobs().len()).sum()
    }

    /// A shell command with no client in the way.
    pub fn local(&self, script: &str) -> Run<'_> {
        Run::new(self, script)
    }

    /// A shell command whose compilers go through the client of `side`, to all volunteers.
    pub fn run(&self, side: Side, script: &str) -> Run<'_> {
        let masquerade = match side {
            Side::Ours => self.path("masquerade-ours"),
            Side::Stock => self.path("masquerade-stock"),
        };
        Run::new(self, script)
            .env("PATH", &format!("{}:{SYSTEM_PATH}", masquerade.display()))
            .env("DISTCC_DIR", self.path("distcc").to_str().unwrap())
            .env("DISTCC_HOSTS", &self.hosts("/4"))
    }

    /// Fails if the client left anything among its temporary files.
    #[track_caller]
    pub fn assert_no_litter(&self) {
        let left = Tree::read(&self.path("tmp"));
        assert!(left.0.is_empty(), "temporary files are left: {left:?}");
        for volunteer in &self.volunteers {
            volunteer.assert_no_litter();
        }
    }
}

/// A shell command about to run in the farm's work directory.
#[must_use]
pub struct Run<'a> {
    farm: &'a Farm,
    command: Command,
}

impl<'a> Run<'a> {
    fn new(farm: &'a Farm, script: &str) -> Self {
        // A command that hangs ends with status 124 rather than with the patience of CI.
        let mut command = Command::new("timeout");
        command
            .args(["--kill-after=5", "300", "/bin/sh", "-c", script])
            .env_clear()
            .env("PATH", SYSTEM_PATH)
            .env("HOME", farm.path("home"))
            .env("TMPDIR", farm.path("tmp"))
            .env("LC_ALL", "C")
            .stdin(Stdio::null());
        let run = Self { farm, command };
        let work = run.farm.work();
        run.dir(&work)
    }

    /// Sets a variable.
    pub fn env(mut self, name: &str, value: &str) -> Self {
        self.command.env(name, value);
        self
    }

    /// Runs in another directory.
    pub fn dir(mut self, dir: &Path) -> Self {
        self.command.current_dir(dir);
        self
    }

    /// Sets DISTCC_HOSTS.
    pub fn hosts(self, hosts: &str) -> Self {
        self.env("DISTCC_HOSTS", hosts)
    }

    /// The command itself, to be started otherwise.
    pub fn into_command(self) -> Command {
        self.command
    }

    /// Runs it to its end.
    #[must_use]
    pub fn output(mut self) -> Output {
        self.command.output().unwrap().into()
    }
}
