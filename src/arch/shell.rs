//! The shell that reads a configuration: in a process group of its own, with a clean environment,
//! within a time and so many bytes.

use std::ffi::OsString;
use std::io::{self, Read};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::os::unix::process::CommandExt;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};

use crate::arch::evaluate::Request;
use crate::base::capture::Running;
use crate::base::env;

/// What bash runs.
const SCRIPT: &str = include_str!("evaluate.bash");
/// What a file finds as `$0`.
const MAKEPKG: &str = "/usr/bin/makepkg";
/// The most bytes of records; a configuration of a thousand lines makes a hundredth of it.
const MOST_RECORDS: usize = 8 << 20;
/// The most bytes that a configuration may print.
pub(super) const MOST_PRINTED: usize = 1 << 20;

/// Variables of the caller that makepkg would see and that a configuration may build upon.
const INHERITED: [&str; 47] = [
    "HOME",
    "USER",
    "LOGNAME",
    "PATH",
    "XDG_CONFIG_HOME",
    "XDG_CACHE_HOME",
    "XDG_DATA_HOME",
    "XDG_STATE_HOME",
    "XDG_RUNTIME_DIR",
    "LANG",
    "LC_ALL",
    "LC_COLLATE",
    "LC_CTYPE",
    "TZ",
    "TERM",
    "TMPDIR",
    "MAKEFLAGS",
    "NPROC",
    "CPPFLAGS",
    "CFLAGS",
    "CXXFLAGS",
    "LDFLAGS",
    "LTOFLAGS",
    "RUSTFLAGS",
    "CHOST",
    "NINJAFLAGS",
    "PKGDEST",
    "SRCDEST",
    "SRCPKGDEST",
    "LOGDEST",
    "BUILDDIR",
    "PKGEXT",
    "SRCEXT",
    "GPGKEY",
    "PACKAGER",
    "CARCH",
    "SOURCE_DATE_EPOCH",
    "HOSTNAME",
    "CC",
    "CXX",
    "CCACHE_DIR",
    "CCACHE_PREFIX",
    "CCACHE_DISABLE",
    "CMAKE_BUILD_PARALLEL_LEVEL",
    "CARGO_BUILD_JOBS",
    "LIBRARY",
    "MAKEPKG_LIBRARY",
];

/// How listening ended.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Ended {
    /// With the last record, or with the shell.
    ByItself,
    /// The time was over.
    Late,
    /// Too much was said.
    Loud,
}

/// The running shell: its records, standard output and standard error.
#[derive(Debug)]
pub(super) struct Shell {
    pub(super) child: Running,
    pub(super) pipes: [Option<OwnedFd>; 3],
    pub(super) heard: [Vec<u8>; 3],
}

impl Shell {
    pub(super) fn start(request: &Request) -> io::Result<Self> {
        let (ours, theirs) = UnixStream::pair()?;
        let yes = |flag| if flag { "y" } else { "n" };
        let mut command = Command::new("/bin/bash");
        command.args(["--norc", "--noprofile", "-c", SCRIPT, MAKEPKG]);
        command.args([yes(request.drop_ins), yes(request.user_files)]).arg(&request.file);
        command.args(&request.user_file);
        command.env_clear().envs(inherited());
        if let Some(dir) = &request.last_on_path {
            let mut path = env::PATH.get_nonempty().unwrap_or_else(|| "/usr/bin".into());
            path.push(":");
            path.push(dir);
            command.env("PATH", path);
        }
        if let Some(user) = &request.user {
            command.uid(user.uid).gid(user.gid).env("HOME", &user.home);
            command.env("USER", &user.name).env("LOGNAME", &user.name);
            for name in INHERITED.iter().filter(|name| name.starts_with("XDG_")) {
                command.env_remove(name);
            }
        }
        command.process_group(0).stdin(Stdio::from(OwnedFd::from(theirs)));
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn()?;
        let output = child.stdout.take().map(OwnedFd::from);
        let errors = child.stderr.take().map(OwnedFd::from);
        let pipes = [Some(OwnedFd::from(ours)), output, errors];
        Ok(Self { child: Running(child), pipes, heard: Default::default() })
    }

    /// Reads all three until the last record, or until something else is the end of it.
    pub(super) fn listen(&mut self, limit: Duration) -> io::Result<Ended> {
        let deadline = Instant::now() + limit;
        loop {
            let open: Vec<usize> =
                (0..3).filter(|&at| self.pipes.get(at).is_some_and(Option::is_some)).collect();
            // The shell holds the records' socket until it ends, and its children may hold others.
            if !open.contains(&0) {
                return Ok(Ended::ByItself);
            }
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Ok(Ended::Late);
            }
            let pipes = self.pipes.iter().flatten();
            let mut fds: Vec<_> =
                pipes.map(|pipe| PollFd::new(pipe.as_fd(), PollFlags::POLLIN)).collect();
            let timeout = PollTimeout::try_from(left).unwrap_or(PollTimeout::MAX);
            match poll(&mut fds, timeout) {
                Err(nix::errno::Errno::EINTR) => continue,
                other => other?,
            };
            let ready: Vec<bool> = fds.iter().map(|fd| fd.any().unwrap_or(false)).collect();
            for (&at, _) in open.iter().zip(ready).filter(|(_, ready)| *ready) {
                self.read(at)?;
            }
            let [records, output, errors] = &self.heard;
            if records.ends_with(b"\0end\0") {
                self.drain()?;
                return Ok(Ended::ByItself);
            }
            if records.len() > MOST_RECORDS || output.len() + errors.len() > MOST_PRINTED {
                return Ok(Ended::Loud);
            }
        }
    }

    fn read(&mut self, at: usize) -> io::Result<()> {
        let (Some(pipe), Some(heard)) = (self.pipes.get_mut(at), self.heard.get_mut(at)) else {
            return Ok(());
        };
        let mut buffer = [0; 16 * 1024];
        let count = match pipe.as_ref().map(|fd| rustix::io::read(fd, &mut buffer)) {
            Some(Err(rustix::io::Errno::INTR)) => return Ok(()),
            // A socket whose other end is gone with bytes unread.
            Some(Err(rustix::io::Errno::CONNRESET)) | None => 0,
            Some(count) => count?,
        };
        heard.extend_from_slice(buffer.get(..count).unwrap_or_default());
        if count == 0 {
            *pipe = None;
        }
        Ok(())
    }

    /// Takes what has been printed by now; whoever still holds the pipes is not waited for.
    fn drain(&mut self) -> io::Result<()> {
        for at in [1, 2] {
            let Some(Some(pipe)) = self.pipes.get(at) else { continue };
            rustix::io::ioctl_fionbio(pipe, true)?;
            let mut file = std::fs::File::from(pipe.try_clone()?);
            if let Some(heard) = self.heard.get_mut(at) {
                // It ends in WouldBlock where a child of the configuration lives on.
                drop(Read::by_ref(&mut file).take(MOST_PRINTED as u64).read_to_end(heard));
            }
        }
        Ok(())
    }
}

/// The caller's variables that the shell gets. Messages are bash's own, which we read; names are
/// sorted as in the caller's locale, for makepkg sorts drop-ins so.
fn inherited() -> Vec<(OsString, OsString)> {
    let all: Vec<_> = env::all()
        .filter(|(name, _)| {
            let name = name.to_string_lossy();
            INHERITED.contains(&&*name) || name.starts_with("DISTCC_")
        })
        .collect();
    let of = |name: &str| {
        let found = all.iter().find(|(one, value)| one == name && !value.is_empty());
        found.map(|(_, value)| value.clone())
    };
    let collate = of("LC_ALL").or_else(|| of("LC_COLLATE")).or_else(|| of("LANG"));
    let mut kept: Vec<_> = all.iter().filter(|(name, _)| name != "LC_ALL").cloned().collect();
    kept.push(("LC_MESSAGES".into(), "C".into()));
    kept.extend(collate.map(|value| ("LC_COLLATE".into(), value)));
    kept
}
