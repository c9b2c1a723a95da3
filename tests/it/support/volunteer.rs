//! One `distccd`, ours or the C one, on a port of loopback, with a directory of its own.

use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill, killpg};
use nix::unistd::{Pid, Uid};

use crate::support::ports;
use crate::support::tree::Tree;

/// Where a daemon finds its compilers, unless told otherwise.
pub const DAEMON_PATH: &str = "/usr/local/bin:/usr/bin:/bin";

/// Whose program: ours, or the C distcc that the system's package manager installed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    /// Ours.
    Ours,
    /// The C one.
    Stock,
}

impl Side {
    /// The client.
    pub fn client(self) -> &'static Path {
        Path::new(match self {
            Self::Ours => env!("CARGO_BIN_EXE_distcc"),
            Self::Stock => "/usr/bin/distcc",
        })
    }

    /// The daemon.
    pub fn daemon(self) -> &'static Path {
        Path::new(match self {
            Self::Ours => env!("CARGO_BIN_EXE_distccd"),
            Self::Stock => "/usr/bin/distccd",
        })
    }
}

/// How to start a volunteer.
#[derive(Clone, Debug)]
pub struct Options {
    /// Whose daemon.
    pub side: Side,
    /// Further options of `distccd`.
    pub args: Vec<String>,
    /// Variables over the default ones.
    pub env: Vec<(String, String)>,
    /// `--jobs`.
    pub jobs: u32,
    /// `--allow`.
    pub allow: String,
    /// A shell command that runs the daemon, which is its `"$@"`.
    pub within: Option<String>,
}

impl Options {
    /// The usual: four jobs, the system's compilers.
    pub fn new(side: Side) -> Self {
        Self {
            side,
            args: Vec::new(),
            env: Vec::new(),
            jobs: 4,
            allow: "127.0.0.1".into(),
            within: None,
        }
    }

    /// Switches the sandbox off, for compilers of the test's that write where they like.
    pub fn no_sandbox(mut self) -> Self {
        if self.side == Side::Ours {
            self.args.push("--sandbox=off".to_owned());
        }
        self
    }

    /// Sets a variable.
    pub fn env(mut self, name: &str, value: &str) -> Self {
        self.env.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Sets the directories in which the daemon looks for compilers before the system's.
    pub fn path(self, dir: &Path) -> Self {
        let path = format!("{}:{DAEMON_PATH}", dir.display());
        self.env("PATH", &path)
    }

    /// Sets the one address that may connect.
    pub fn allow(mut self, address: &str) -> Self {
        self.allow = address.to_owned();
        self
    }

    /// Has a shell command run the daemon, which is its `"$@"`.
    pub fn within(mut self, script: &str) -> Self {
        self.within = Some(script.to_owned());
        self
    }

    /// Sets `--jobs`.
    pub fn jobs(mut self, jobs: u32) -> Self {
        self.jobs = jobs;
        self
    }
}

/// One line of the log in which a daemon sums up a job.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Job {
    /// `COMPILE_OK`, `COMPILE_ERROR`, `CLI_DISCONN` …
    pub result: String,
    /// The compiler's exit code.
    pub exit: i32,
    /// The compiler's name and the source, where the log gives them.
    pub what: String,
}

/// A running daemon; killed when dropped.
#[derive(Debug)]
pub struct Volunteer {
    child: Child,
    dir: PathBuf,
    /// Its port on 127.0.0.1.
    pub port: u16,
    /// Whose daemon.
    pub side: Side,
}

impl Volunteer {
    /// Starts a daemon with `dir` (made here) as its world, and waits until it listens.
    pub fn start(dir: &Path, options: &Options) -> Self {
        let daemon = options.side.daemon();
        assert!(daemon.exists(), "{} is missing: run tests/run", daemon.display());
        make_world(dir);
        for _ in 0..20 {
            let port = ports::free();
            let child = command(dir, options, port).spawn().unwrap();
            let mut volunteer = Self { child, dir: dir.to_owned(), port, side: options.side };
            if volunteer.wait_for_listener() {
                return volunteer;
            }
        }
        panic!("{} does not start:\n{}", daemon.display(), read(&dir.join("stderr")));
    }

    /// Starts a daemon by this very command, which has it listen on `port` and log where
    /// [`Volunteer::log`] looks.
    pub fn start_as(dir: &Path, mut command: Command, port: u16, side: Side) -> Self {
        make_world(dir);
        live_in(&mut command, dir);
        let mut volunteer =
            Self { child: command.spawn().unwrap(), dir: dir.to_owned(), port, side };
        let listens = volunteer.wait_for_listener();
        assert!(listens, "{command:?} does not start:\n{}", read(&dir.join("stderr")));
        volunteer
    }

    fn wait_for_listener(&mut self) -> bool {
        let deadline = Instant::now() + Duration::from_secs(20);
        while Instant::now() < deadline {
            if ports::has_listener(self.port) {
                return true;
            }
            if self.child.try_wait().unwrap().is_some() {
                return false;
            }
            std::thread::sleep(Duration::from_millis(5));
        }
        false
    }

    /// `127.0.0.1:PORT`.
    pub fn address(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    /// The process of the daemon.
    pub fn pid(&self) -> Pid {
        Pid::from_raw(i32::try_from(self.child.id()).unwrap())
    }

    /// Its directory for temporary files.
    pub fn tmp(&self) -> PathBuf {
        self.dir.join("tmp")
    }

    /// Its log so far.
    pub fn log(&self) -> String {
        read(&self.dir.join("tmp/distccd.log"))
    }

    /// The jobs it has summed up so far.
    pub fn jobs(&self) -> Vec<Job> {
        self.log().lines().filter_map(read_summary).collect()
    }

    /// The jobs, as soon as there are `count`: the line may come after the client's end.
    #[track_caller]
    pub fn wait_for_jobs(&self, count: usize) -> Vec<Job> {
        let deadline = Instant::now() + Duration::from_secs(20);
        loop {
            let jobs = self.jobs();
            if jobs.len() >= count {
                return jobs;
            }
            let late = Instant::now() > deadline;
            assert!(!late, "{} of {count} jobs came: {jobs:#?}\n{}", jobs.len(), self.log());
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    /// The jobs, as soon as every connection so far has its line.
    pub fn settled_jobs(&self) -> Vec<Job> {
        let deadline = Instant::now() + Duration::from_secs(5);
        loop {
            let log = self.log();
            let connections = log.matches("connection from ").count();
            let jobs: Vec<Job> = log.lines().filter_map(read_summary).collect();
            if jobs.len() >= connections || Instant::now() > deadline {
                return jobs;
            }
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    /// Waits until nothing but the log is left among its temporary files.
    #[track_caller]
    pub fn assert_no_litter(&self) {
        let deadline = Instant::now() + Duration::from_secs(10);
        loop {
            let left = self.litter();
            if left.is_empty() {
                return;
            }
            assert!(Instant::now() < deadline, "{:?} left {left:?}", self.side);
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// What jobs have left. Our daemon's own directory, in which each job has another, stays for
    /// as long as the daemon lives, and so do the trees of pump jobs.
    fn litter(&self) -> Vec<String> {
        let mut names = Tree::read(&self.tmp()).0;
        names.remove("distccd.log");
        if self.side == Side::Ours {
            let of_daemon = |name: &str| {
                name.split_once('/').is_none_or(|(_, rest)| rest.split('/').next() == Some("roots"))
            };
            names.retain(|name, _| !name.starts_with("distccd_") || !of_daemon(name));
        }
        names.into_keys().collect()
    }

    /// Ends it: asked first, then by force, its process group too.
    pub fn stop(&mut self) {
        // It may have ended by itself; then there is no one to signal.
        let _ = kill(self.pid(), Signal::SIGTERM);
        let deadline = Instant::now() + Duration::from_secs(5);
        while self.child.try_wait().unwrap().is_none() && Instant::now() < deadline {
            std::thread::sleep(Duration::from_millis(5));
        }
        self.kill();
    }

    /// Kills it and its process group at once.
    pub fn kill(&mut self) {
        let _ = killpg(self.pid(), Signal::SIGKILL);
        let _ = kill(self.pid(), Signal::SIGKILL);
        self.child.wait().unwrap();
    }
}

impl Drop for Volunteer {
    fn drop(&mut self) {
        self.stop();
    }
}

fn command(dir: &Path, options: &Options, port: u16) -> Command {
    let mut command = match &options.within {
        None => Command::new(options.side.daemon()),
        Some(script) => {
            let mut shell = Command::new("sh");
            shell.args(["-c", script, "sh"]).arg(options.side.daemon());
            shell
        }
    };
    command
        .args(["--daemon", "--no-detach", "--listen", "127.0.0.1", "--allow", &options.allow])
        // A test program that was killed leaves no daemon for ever.
        .args(["--lifetime", "1500", "--log-level", "info"])
        .args(["--port", &port.to_string(), "--jobs", &options.jobs.to_string()])
        .arg("--log-file")
        .arg(dir.join("tmp/distccd.log"));
    if Uid::effective().is_root() {
        command.args(["--user", "nobody"]);
    }
    command.args(&options.args).env_clear().env("PATH", DAEMON_PATH);
    live_in(&mut command, dir);
    command.envs(options.env.iter().map(|(name, value)| (name, value)));
    command
}

/// Makes the directories of a daemon.
fn make_world(dir: &Path) {
    for part in ["", "home", "tmp"] {
        let part = dir.join(part);
        std::fs::create_dir_all(&part).unwrap();
        // Started by root, the daemon works as another user.
        std::fs::set_permissions(&part, Permissions::from_mode(0o777)).unwrap();
    }
}

/// Has a daemon use the directories of [`make_world`], and a process group of its own.
fn live_in(command: &mut Command, dir: &Path) {
    command
        .env("HOME", dir.join("home"))
        .env("TMPDIR", dir.join("tmp"))
        .env("LC_ALL", "C")
        .current_dir(dir)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(std::fs::File::create(dir.join("stderr")).unwrap())
        .process_group(0);
}

fn read(path: &Path) -> String {
    String::from_utf8_lossy(&std::fs::read(path).unwrap_or_default()).into_owned()
}

fn read_summary(line: &str) -> Option<Job> {
    let (_, summary) = line.split_once("client: ")?;
    let mut words = summary.split(' ').skip(1);
    let result = words.next()?.to_owned();
    let exit = words.next()?.strip_prefix("exit:")?.parse().ok()?;
    let (_, after_time) = summary.split_once("time:")?;
    let what = after_time.split_once(' ').map_or("", |(_, what)| what).trim().to_owned();
    Some(Job { result, exit, what })
}
