//! Shutting compilers off: Landlock for files and TCP, an empty network where the kernel allows it.
//!
//! Landlock binds a thread and what it starts, for good. So each compiler is started by a thread of
//! its own, which restricts itself first and ends at once; the daemon stays free, and nothing runs
//! between fork and exec. A thread that enters the root of a pump job does so before that.

use std::collections::BTreeSet;
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command};
use std::thread;

use landlock::{
    ABI, Access, AccessFs, AccessNet, BitFlags, CompatLevel, Compatible, PathBeneath, PathFd,
    Ruleset, RulesetAttr, RulesetCreatedAttr, RulesetStatus, Scope,
};
use nix::sched::CloneFlags;
use rustix::process::DumpableBehavior;

use crate::daemon::options::Sandbox as Wanted;
use crate::daemon::pump::stage::{self, Stage};

/// The newest Landlock that we know; older kernels do what they can of it.
const NEWEST: ABI = ABI::V6;
/// Stack of a thread that only starts one program.
const STACK: usize = 128 * 1024;
/// Directories that hold programs, libraries and headers.
const SYSTEM: [&str; 7] = ["/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/opt"];
/// Files outside of these that programs and compilers read when they start.
const SETTINGS: [&str; 5] =
    ["/etc/ld.so.cache", "/etc/ld.so.preload", "/etc/clang", "/etc/localtime", "/etc/gcc"];
/// Devices that are safe to read.
const SOURCES: [&str; 3] = ["/dev/zero", "/dev/urandom", "/dev/random"];

/// A file or directory, and what may be done with it and all below it.
type Rule = (PathFd, BitFlags<AccessFs>);

/// What one compiler may touch besides what all may read.
#[derive(Clone, Copy, Debug)]
pub struct Confines<'a> {
    /// The only place where it may write.
    pub work_dir: &'a Path,
    /// A tree of a client's that it may read.
    pub tree: Option<&'a Path>,
    /// The root that it sees.
    pub stage: Option<&'a Stage>,
}

/// What compilers are kept from.
#[derive(Debug)]
pub struct Sandbox {
    /// What each job may touch besides its own directory; `None`: no Landlock.
    rules: Option<Vec<Rule>>,
    /// Compilers see a network with nothing in it.
    empty_network: bool,
}

impl Sandbox {
    /// No restriction at all.
    pub fn off() -> Self {
        Self { rules: None, empty_network: false }
    }

    /// Looks what the kernel has, and opens what compilers found on `path` need, and `extra`
    /// directories.
    ///
    /// # Errors
    ///
    /// `require` on a kernel without Landlock.
    pub fn prepare(
        wanted: Wanted,
        path: &[PathBuf],
        extra: &[PathBuf],
        empty_network: bool,
    ) -> io::Result<Self> {
        if wanted == Wanted::Off {
            return Ok(Self::off());
        }
        let rules = works().then(|| rules(path, extra));
        if rules.is_none() && wanted == Wanted::Require {
            return Err(io::Error::new(
                io::ErrorKind::Unsupported,
                "--sandbox=require: this kernel has no Landlock, or it is not switched on \
                 (lsm=landlock on the kernel's command line)",
            ));
        }
        Ok(Self { rules, empty_network })
    }

    /// What holds, for the log.
    pub fn level(&self) -> String {
        let network =
            if self.empty_network { "an empty network namespace" } else { "no namespace" };
        match self.rules {
            Some(_) => format!("Landlock (files, TCP, signals) and {network}"),
            None if self.empty_network => {
                format!("{network} only: compilers can read what this user can read")
            }
            None => "none: compilers can do what this user can do".to_owned(),
        }
    }

    /// Whether files are out of reach.
    pub fn holds_files(&self) -> bool {
        self.rules.is_some()
    }

    /// Starts `command` within `confines`. `program` is the file that it runs: one that stands
    /// apart from PATH brings its toolchain.
    ///
    /// # Errors
    ///
    /// What the start met; `PermissionDenied` where the restriction could not be put on.
    pub fn spawn(
        &self,
        command: &mut Command,
        program: &Path,
        confines: &Confines<'_>,
    ) -> io::Result<Child> {
        if self.rules.is_none() && confines.stage.is_none() {
            return command.spawn();
        }
        let apart = open(apart(program).into_iter().map(|dir| (dir, run())));
        self.within(confines, &apart, || command.spawn())
    }

    /// Does `task` as a compiler would be started on `stage`.
    ///
    /// # Errors
    ///
    /// What entering it met, or the task.
    pub fn try_out(
        &self,
        stage: &Stage,
        task: impl FnOnce() -> io::Result<()> + Send,
    ) -> io::Result<()> {
        let confines = Confines { work_dir: &stage.work_dir, tree: None, stage: Some(stage) };
        self.within(&confines, &[], task)
    }

    /// Runs `task` on a thread of its own, restricted.
    fn within<T: Send>(
        &self,
        confines: &Confines<'_>,
        apart: &[Rule],
        task: impl FnOnce() -> io::Result<T> + Send,
    ) -> io::Result<T> {
        let restricted = || {
            let Some(stage) = confines.stage else {
                let read = AccessFs::ReadFile | AccessFs::ReadDir;
                let tree = open(confines.tree.into_iter().map(|tree| (tree.to_owned(), read)));
                return self.restrict([apart, &tree], confines.work_dir);
            };
            stage.enter()?;
            self.restrict([apart, &of_stage(stage)], &stage::work())
        };
        thread::scope(|scope| {
            let thread = thread::Builder::new().stack_size(STACK);
            let starter = thread.spawn_scoped(scope, || restricted().and_then(|()| task()))?;
            starter.join().unwrap_or_else(|_| Err(io::Error::other("the starting thread failed")))
        })
    }

    fn restrict(&self, further: [&[Rule]; 2], work_dir: &Path) -> io::Result<()> {
        match &self.rules {
            Some(rules) => restrict(rules.iter().chain(further.into_iter().flatten()), work_dir),
            None => Ok(()),
        }
    }
}

/// What may be read on a stage, besides what is the same directory as elsewhere.
fn of_stage(stage: &Stage) -> Vec<Rule> {
    let read = AccessFs::ReadFile | AccessFs::ReadDir;
    let merged = stage.areas.iter().filter(|(area, merged)| *merged && area != Path::new("etc"));
    let merged = merged.map(|(area, _)| (Path::new("/").join(area), run()));
    open(merged.chain(stage.tops.iter().map(|top| (top.clone(), read))))
}

/// The directories of a program that stands apart from PATH.
pub fn apart(program: &Path) -> Vec<PathBuf> {
    let real = program.canonicalize().unwrap_or_else(|_| program.to_owned());
    real.parent().map(toolchain).unwrap_or_default()
}

/// All directories of programs, libraries and headers that compilers found on `path` may read, and
/// `extra` ones.
pub fn readable(path: &[PathBuf], extra: &[PathBuf]) -> Vec<PathBuf> {
    let system = SYSTEM.iter().map(PathBuf::from);
    let toolchains = path.iter().flat_map(|dir| toolchain(dir));
    system.chain(toolchains).chain(extra.iter().cloned()).collect()
}

/// Moves this process, which must have one thread only, into a network with nothing in it.
/// Sockets that are open already stay where they are. `false` where the kernel does not allow it.
pub fn leave_network() -> bool {
    let network = CloneFlags::CLONE_NEWNET | CloneFlags::CLONE_NEWIPC;
    if rustix::process::geteuid().is_root() {
        return nix::sched::unshare(network).is_ok();
    }
    own_namespace(network)
}

/// Moves this process, which must have one thread only and no rights, into a user namespace, so
/// that its threads can have mounts of their own. `false` where the kernel does not allow it.
pub fn gain_mounts() -> bool {
    if rustix::process::geteuid().is_root() {
        return true;
    }
    // One that was root does not own its own files in /proc.
    let before = rustix::process::dumpable_behavior();
    let _ = rustix::process::set_dumpable_behavior(DumpableBehavior::Dumpable);
    let gained = own_namespace(CloneFlags::empty());
    if let Ok(before) = before {
        let _ = rustix::process::set_dumpable_behavior(before);
    }
    gained
}

/// A user namespace with the same names inside as outside, and what else is asked for.
fn own_namespace(others: CloneFlags) -> bool {
    let user = rustix::process::geteuid().as_raw();
    let group = rustix::process::getegid().as_raw();
    if nix::sched::unshare(others | CloneFlags::CLONE_NEWUSER).is_err() {
        return false;
    }
    // Without this map files would belong to nobody.
    let write = |file: &str, text: String| {
        std::fs::OpenOptions::new()
            .write(true)
            .open(file)
            .and_then(|mut file| io::Write::write_all(&mut file, text.as_bytes()))
    };
    let mapped = write("/proc/self/setgroups", "deny".to_owned())
        .and_then(|()| write("/proc/self/uid_map", format!("{user} {user} 1")))
        .and_then(|()| write("/proc/self/gid_map", format!("{group} {group} 1")));
    mapped.is_ok()
}

fn ruleset() -> Result<landlock::RulesetCreated, landlock::RulesetError> {
    Ruleset::default()
        .set_compatibility(CompatLevel::BestEffort)
        .handle_access(AccessFs::from_all(NEWEST))?
        .handle_access(AccessNet::from_all(NEWEST))?
        .scope(Scope::from_all(NEWEST))?
        .create()
}

/// Whether the kernel enforces anything: asked of a thread that restricts itself and ends.
fn works() -> bool {
    let probe = thread::Builder::new().stack_size(STACK).spawn(|| {
        let status = ruleset().and_then(landlock::RulesetCreated::restrict_self);
        status.is_ok_and(|status| status.ruleset != RulesetStatus::NotEnforced)
    });
    probe.is_ok_and(|probe| probe.join().unwrap_or(false))
}

/// What may be done with directories of programs, libraries and headers.
fn run() -> BitFlags<AccessFs> {
    AccessFs::ReadFile | AccessFs::ReadDir | AccessFs::Execute
}

fn rules(path: &[PathBuf], extra: &[PathBuf]) -> Vec<Rule> {
    let read = AccessFs::ReadFile | AccessFs::ReadDir;
    let system = SYSTEM.iter().map(|dir| (PathBuf::from(dir), run()));
    let settings = SETTINGS.iter().map(|file| (PathBuf::from(file), read));
    let sources = SOURCES.iter().map(|file| (PathBuf::from(file), AccessFs::ReadFile.into()));
    let null = (PathBuf::from("/dev/null"), AccessFs::ReadFile | AccessFs::WriteFile);
    let toolchains = path.iter().flat_map(|dir| toolchain(dir)).map(|dir| (dir, run()));
    let extra = extra.iter().map(|dir| (dir.clone(), run()));
    open(system.chain(settings).chain(sources).chain([null]).chain(toolchains).chain(extra))
}

/// Opens what is there, each thing once.
fn open(wanted: impl Iterator<Item = (PathBuf, BitFlags<AccessFs>)>) -> Vec<Rule> {
    let mut seen = BTreeSet::new();
    wanted
        .filter_map(|(path, access)| {
            // On a system with a merged /usr most directories are one.
            let real = path.canonicalize().ok().filter(|real| seen.insert(real.clone()))?;
            // A rule for a file must not name rights that only directories have.
            let access = if real.is_dir() { access } else { access & AccessFs::from_file(NEWEST) };
            Some((PathFd::new(&real).ok()?, access))
        })
        .collect()
}

/// What a compiler in the directory `bin` of PATH needs: itself, and, where the directory above
/// is visibly a toolchain's, all of that.
fn toolchain(bin: &Path) -> Vec<PathBuf> {
    let below_system = SYSTEM.iter().any(|dir| bin.starts_with(dir));
    if below_system || !bin.is_absolute() || bin.parent().is_none() {
        return Vec::new();
    }
    let mut dirs = vec![bin.to_owned()];
    let marks = ["lib/gcc", "libexec/gcc", "lib/clang", "lib64/gcc"];
    if let (Some(b"bin"), Some(prefix)) = (bin.file_name().map(OsStrExt::as_bytes), bin.parent())
        && marks.iter().any(|mark| prefix.join(mark).is_dir())
    {
        dirs.push(prefix.to_owned());
    }
    dirs
}

/// Restricts this thread and what it starts.
fn restrict<'a>(rules: impl Iterator<Item = &'a Rule>, work_dir: &Path) -> io::Result<()> {
    let denied = |error: &dyn std::error::Error| {
        io::Error::new(io::ErrorKind::PermissionDenied, format!("sandbox: {error}"))
    };
    let mut ruleset = ruleset().map_err(|error| denied(&error))?;
    for (fd, access) in rules {
        ruleset =
            ruleset.add_rule(PathBeneath::new(fd, *access)).map_err(|error| denied(&error))?;
    }
    let own = PathFd::new(work_dir).map_err(|error| denied(&error))?;
    // Anything but running what a compile wrote, and devices.
    let all = AccessFs::from_all(NEWEST);
    let device = AccessFs::MakeChar | AccessFs::MakeBlock | AccessFs::IoctlDev;
    let own = PathBeneath::new(own, all & !(device | AccessFs::Execute));
    ruleset
        .add_rule(own)
        .and_then(landlock::RulesetCreated::restrict_self)
        .map(|_| ())
        .map_err(|error| denied(&error))
}

#[cfg(test)]
mod tests {
    use std::process::Stdio;

    use super::*;

    fn run(sandbox: &Sandbox, dir: &Path, script: &str) -> bool {
        let mut command = Command::new("/bin/sh");
        command.arg("-c").arg(script).current_dir(dir).stderr(Stdio::null()).stdout(Stdio::null());
        let confines = Confines { work_dir: dir, tree: None, stage: None };
        let child = sandbox.spawn(&mut command, Path::new("/bin/sh"), &confines);
        child.unwrap().wait().unwrap().success()
    }

    #[test]
    fn compilers_write_in_their_own_directory_and_nowhere_else() {
        let sandbox = Sandbox::prepare(Wanted::Auto, &[], &[], false).unwrap();
        if !sandbox.holds_files() {
            return;
        }
        let own = tempfile::tempdir().unwrap();
        let other = tempfile::tempdir().unwrap();
        std::fs::File::create(other.path().join("secret")).unwrap();
        let other = other.path().display();
        assert!(run(&sandbox, own.path(), "echo x > mine && cat mine && mkdir d && rm -r d"));
        assert!(run(&sandbox, own.path(), "echo x > /dev/null && ls /usr/lib"));
        assert!(!run(&sandbox, own.path(), &format!("echo x > {other}/theirs")));
        assert!(!run(&sandbox, own.path(), &format!("cat {other}/secret")));
        assert!(!run(&sandbox, own.path(), "cat /etc/passwd"));
        assert!(!run(&sandbox, own.path(), "cat /proc/self/environ"));
        assert!(!run(&sandbox, own.path(), "cp /bin/true t && ./t"));
    }

    #[test]
    fn the_daemon_itself_stays_free() {
        let sandbox = Sandbox::prepare(Wanted::Auto, &[], &[], false).unwrap();
        let own = tempfile::tempdir().unwrap();
        assert!(run(&sandbox, own.path(), "true"));
        std::fs::File::open("/etc/passwd").unwrap();
    }

    #[test]
    fn a_program_that_is_missing_is_not_found() {
        let sandbox = Sandbox::prepare(Wanted::Auto, &[], &[], false).unwrap();
        let own = tempfile::tempdir().unwrap();
        let program = Path::new("/no/such/cc");
        let confines = Confines { work_dir: own.path(), tree: None, stage: None };
        let error = sandbox.spawn(&mut Command::new(program), program, &confines).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::NotFound);
    }

    #[test]
    fn toolchains_outside_the_system_bring_their_prefix_only_if_they_look_like_one() {
        let home = tempfile::tempdir().unwrap();
        let bin = home.path().join("bin");
        assert_eq!(toolchain(&bin), std::slice::from_ref(&bin));
        std::fs::create_dir_all(home.path().join("lib/gcc")).unwrap();
        assert_eq!(toolchain(&bin), [bin, home.path().to_owned()]);
        assert!(toolchain(Path::new("/usr/bin")).is_empty());
        assert!(toolchain(Path::new("relative/bin")).is_empty());
        assert!(toolchain(Path::new("/")).is_empty());
    }
}
