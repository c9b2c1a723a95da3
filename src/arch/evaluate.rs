//! Has bash read makepkg's configuration, in the order and in the way makepkg does.
//!
//! A configuration is a program: it may loop, print, exit, or start others. So it runs in a process
//! group of its own, with a clean environment, within a time, and what it prints goes to us. How
//! bash gets there is in `evaluate.bash`; this reads the records that it writes.

use std::ffi::{OsStr, OsString};
use std::fs::OpenOptions;
use std::io::{self, Read};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::OpenOptionsExt;
use std::os::unix::net::UnixStream;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use nix::fcntl::OFlag;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};

use crate::arch::configuration::{Configuration, Origin, Position, Value, Variable};
use crate::base::capture::Running;
use crate::base::env;

/// What bash runs.
const SCRIPT: &str = include_str!("evaluate.bash");
/// What a file finds as `$0`.
const MAKEPKG: &str = "/usr/bin/makepkg";
/// The most bytes of records; a configuration of a thousand lines makes a hundredth of it.
const MOST_RECORDS: usize = 8 << 20;
/// The most bytes that a configuration may print.
const MOST_PRINTED: usize = 1 << 20;
/// Time for all files; bash needs some milliseconds.
pub const TIME_LIMIT: Duration = Duration::from_secs(5);

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

/// Which files to read, and as whom.
#[derive(Clone, Debug)]
pub struct Request {
    /// The first file: `/etc/makepkg.conf`, or what `--config` or MAKEPKG_CONF names.
    pub file: PathBuf,
    /// Whether `FILE.d/*.conf` are read too ([`crate::arch::makepkg::Makepkg::reads_drop_ins`]).
    pub drop_ins: bool,
    /// Whether the user's own file is read last: makepkg does so only for `/etc/makepkg.conf`.
    pub user_files: bool,
    /// What is read in place of the user's own file: a copy of what it will be.
    pub user_file: Option<PathBuf>,
    /// A directory to look for programs in after all of PATH: a configuration may ask whether one
    /// is there that is yet to be installed.
    pub last_on_path: Option<PathBuf>,
    /// The user who would run makepkg, where that is not us.
    pub user: Option<OtherUser>,
    /// How long all of it may take.
    pub limit: Duration,
}

/// Another user than the one we run as.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OtherUser {
    /// The number.
    pub uid: u32,
    /// The number of the main group.
    pub gid: u32,
    /// The name.
    pub name: String,
    /// The home directory.
    pub home: PathBuf,
}

impl Request {
    /// The files of `file` alone and its drop-ins, read by us.
    pub fn new(file: impl Into<PathBuf>, drop_ins: bool) -> Self {
        let file = file.into();
        Self {
            file,
            drop_ins,
            user_files: false,
            user_file: None,
            last_on_path: None,
            user: None,
            limit: TIME_LIMIT,
        }
    }
}

/// Why a configuration cannot be read; makepkg cannot read it either, but for the last two.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum EvaluateError {
    /// It is not there, or may not be read.
    #[error("{file} cannot be read: {error}", file = .0.display(), error = .1)]
    Unreadable(PathBuf, #[source] io::Error),
    /// bash does not understand it: file, line, and what bash says.
    #[error("{file}:{1}: {2}", file = .0.display())]
    Syntax(PathBuf, usize, String),
    /// Its last command failed, which makepkg takes for a failure of the whole file.
    #[error(
        "{file}: its last command fails (status {1}), and makepkg stops there; end the file with a \
         command that succeeds, such as `true`",
        file = .0.display()
    )]
    LastCommand(PathBuf, i32),
    /// It ends the shell that reads it.
    #[error(
        "{file}: it ends the shell that reads it (`exit`, `exec`, `set -e` or `set -u`), and \
         makepkg with it",
        file = .0.display()
    )]
    Exits(PathBuf),
    /// It does not come to an end.
    #[error(
        "{file}: reading it takes more than {1:?}; makepkg would wait as long (does it loop, ask, \
         or use the network?)",
        file = .0.display()
    )]
    TooLong(PathBuf, Duration),
    /// It prints without end.
    #[error(
        "{file}: it prints more than {MOST_PRINTED} bytes while it is read",
        file = .0.display()
    )]
    Prints(PathBuf),
    /// bash could not be run, or its answer could not be read.
    #[error("bash cannot be run to read {file}: {error}", file = .0.display(), error = .1)]
    Bash(PathBuf, #[source] io::Error),
}

/// Reads what `request` names.
///
/// # Errors
///
/// [`EvaluateError`], with the file that is at fault.
pub fn evaluate(request: &Request) -> Result<Configuration, EvaluateError> {
    ensure_readable(&request.file)
        .map_err(|error| EvaluateError::Unreadable(request.file.clone(), error))?;
    let bash = |error| EvaluateError::Bash(request.file.clone(), error);
    let mut shell = Shell::start(request).map_err(bash)?;
    let ended = shell.listen(request.limit).map_err(bash)?;
    drop(shell.child);
    let [records, output, errors] = shell.heard;
    let mut reading = Reading::default();
    reading.take(&records);
    let at = || reading.current.clone().unwrap_or_else(|| request.file.clone());
    let errors = String::from_utf8_lossy(&errors).into_owned();
    match ended {
        Ended::Late => Err(EvaluateError::TooLong(at(), request.limit)),
        Ended::Loud => Err(EvaluateError::Prints(at())),
        Ended::ByItself => {
            let syntax = || syntax_error(&errors, &reading.configuration.files);
            let fine = reading.complete && reading.failed.is_none();
            if let Some((file, line, what)) = (!fine).then(syntax).flatten() {
                return Err(EvaluateError::Syntax(file, line, what));
            }
            match reading.failed {
                Some((file, status)) => Err(EvaluateError::LastCommand(file, status)),
                None if !reading.complete => Err(EvaluateError::Exits(at())),
                None => {
                    let mut configuration = reading.configuration;
                    let errors = without_syntax_errors(&errors, &mut configuration);
                    configuration.printed = String::from_utf8_lossy(&output).into_owned() + &errors;
                    Ok(configuration)
                }
            }
        }
    }
}

/// Whether bash could read it: a directory can be opened, and nothing more. A pipe without a writer
/// does not keep us; it is bash that has a time limit.
fn ensure_readable(file: &Path) -> io::Result<()> {
    let file = OpenOptions::new().read(true).custom_flags(OFlag::O_NONBLOCK.bits()).open(file)?;
    match file.metadata()?.is_dir() {
        true => Err(rustix::io::Errno::ISDIR.into()),
        false => Ok(()),
    }
}

/// How listening ended.
#[derive(Debug, PartialEq, Eq)]
enum Ended {
    /// With the last record, or with the shell.
    ByItself,
    /// The time was over.
    Late,
    /// Too much was said.
    Loud,
}

/// The running shell: its records, standard output and standard error.
#[derive(Debug)]
struct Shell {
    child: Running,
    pipes: [Option<OwnedFd>; 3],
    heard: [Vec<u8>; 3],
}

impl Shell {
    fn start(request: &Request) -> io::Result<Self> {
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
    fn listen(&mut self, limit: Duration) -> io::Result<Ended> {
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

/// What bash says of a file that it cannot parse: `FILE: line N: syntax error …`.
fn syntax_error(errors: &str, files: &[PathBuf]) -> Option<(PathBuf, usize, String)> {
    errors.lines().find_map(|line| {
        let (file, number, what) = complaint(line, files)?;
        is_syntax(what).then(|| (file.clone(), number, what.to_owned()))
    })
}

fn is_syntax(what: &str) -> bool {
    let starts = ["syntax error", "unexpected EOF", "unexpected end of file"];
    starts.iter().any(|start| what.starts_with(start))
}

/// Takes a line of bash's own apart: `FILE: line N: what`.
fn complaint<'a, 'f>(line: &'a str, files: &'f [PathBuf]) -> Option<(&'f PathBuf, usize, &'a str)> {
    // A drop-in's name begins with that of the file that it belongs to.
    let (file, rest) = files.iter().find_map(|file| {
        Some((file, line.strip_prefix(&*file.to_string_lossy())?.strip_prefix(": line ")?))
    })?;
    let (number, what) = rest.split_once(": ")?;
    Some((file, number.parse().ok()?, what))
}

/// Moves what bash says of statements that it left out from `errors` to the configuration: of an
/// array that it cannot understand, as `A=(a;b)`, it says so in two lines, the second of which has
/// the text, and reads on.
fn without_syntax_errors(errors: &str, configuration: &mut Configuration) -> String {
    let mut rest = String::new();
    let mut shows_text = None;
    for line in errors.split_inclusive('\n') {
        let told = complaint(line.trim_end_matches('\n'), &configuration.files);
        let told = told.map(|(file, line, what)| (Position { file: file.clone(), line }, what));
        let last = shows_text.take();
        match told {
            Some((position, what)) if is_syntax(what) => {
                shows_text = Some(position.clone());
                configuration.left_out.push((position, what.to_owned()));
            }
            Some((position, what)) if last == Some(position.clone()) && what.starts_with('`') => {}
            _ => rest.push_str(line),
        }
    }
    rest
}

/// The records, read.
#[derive(Debug, Default)]
struct Reading {
    configuration: Configuration,
    /// The file being read.
    current: Option<PathBuf>,
    /// The file whose last command failed.
    failed: Option<(PathBuf, i32)>,
    complete: bool,
}

impl Reading {
    fn take(&mut self, records: &[u8]) {
        let mut fields = records.split(|&byte| byte == 0);
        while let Some(kind) = fields.next() {
            if self.record(kind, &mut fields).is_none() {
                return;
            }
        }
    }

    /// One record; `None` at the end, or where a record is cut off.
    fn record<'a>(
        &mut self,
        kind: &[u8],
        fields: &mut impl Iterator<Item = &'a [u8]>,
    ) -> Option<()> {
        match kind {
            b"begin" => {
                let file = path(fields.next()?);
                self.configuration.files.push(file.clone());
                self.current = Some(file);
            }
            b"done" => {
                let (file, status) = (path(fields.next()?), number(fields.next()?)?);
                if status != 0 {
                    self.failed = Some((file, status));
                }
            }
            b"set" => {
                let (name, file, line) = (text(fields.next()?), fields.next()?, fields.next()?);
                let position = Position { file: path(file), line: number(line)? };
                let assignment = (name, position);
                if self.configuration.assignments.last() != Some(&assignment) {
                    self.configuration.assignments.push(assignment);
                }
            }
            b"return" => {
                let (file, line) = (path(fields.next()?), number(fields.next()?)?);
                self.configuration.returns.push(Position { file, line });
            }
            b"lost" => {
                let lost = (text(fields.next()?), path(fields.next()?));
                if !self.configuration.lost.contains(&lost) {
                    self.configuration.lost.push(lost);
                }
            }
            b"value" => self.value(fields)?,
            _ => {
                self.complete = kind == b"end";
                return None;
            }
        }
        Some(())
    }

    fn value<'a>(&mut self, fields: &mut impl Iterator<Item = &'a [u8]>) -> Option<()> {
        let (name, kind, exported) = (text(fields.next()?), fields.next()?, fields.next()?);
        let count: usize = number(fields.next()?)?;
        let mut words = Vec::new();
        for _ in 0..count {
            words.push(text(fields.next()?));
        }
        let value = match kind {
            b"a" => Value::Array(words),
            _ => Value::Scalar(words.into_iter().next().unwrap_or_default()),
        };
        let mut assignments = self.configuration.assignments.iter().rev();
        let last = assignments.find(|(one, _)| *one == name).map(|(_, position)| position.clone());
        let origin = match last {
            Some(position) if !position.file.as_os_str().is_empty() => Origin::File(position),
            _ => Origin::Environment,
        };
        let variable = Variable { value, exported: exported == b"y", origin };
        self.configuration.variables.insert(name, variable);
        Some(())
    }
}

/// A field that names a file, which may be no text.
fn path(field: &[u8]) -> PathBuf {
    OsStr::from_bytes(field).into()
}

fn text(field: &[u8]) -> String {
    String::from_utf8_lossy(field).into_owned()
}

fn number<T: std::str::FromStr>(field: &[u8]) -> Option<T> {
    std::str::from_utf8(field).ok()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    /// Reads `text` as makepkg.conf, with these drop-ins.
    fn read(text: &str, drop_ins: &[(&str, &str)]) -> Result<Configuration, String> {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("makepkg.conf");
        crate::base::replace::write(&file, text.as_bytes(), 0o644).unwrap();
        std::fs::create_dir(dir.path().join("makepkg.conf.d")).unwrap();
        for (name, text) in drop_ins {
            let path = dir.path().join("makepkg.conf.d").join(name);
            crate::base::replace::write(&path, text.as_bytes(), 0o644).unwrap();
        }
        let limit = Duration::from_millis(700);
        let dir_name = dir.path().to_str().unwrap().to_owned();
        evaluate(&Request { limit, ..Request::new(&file, true) })
            .map_err(|error| error.to_string().replace(&dir_name, "ETC"))
    }

    fn places(configuration: &Configuration, name: &str) -> Vec<(String, usize)> {
        let file = |position: &Position| {
            position.file.file_name().unwrap_or_default().to_string_lossy().into_owned()
        };
        let all = configuration.assignments.iter().filter(|(one, _)| one == name);
        all.map(|(_, position)| (file(position), position.line)).collect()
    }

    #[test]
    fn values_come_with_the_line_that_set_them() {
        let text = "CFLAGS=\"-O2 \\\n  -pipe\"\nBUILDENV=(!distcc color\n  # why\n  check)\n\
                    CXXFLAGS=\"$CFLAGS -x\"\nexport FOO=1\nif true; then MAKEFLAGS=\"-j$(echo 4)\"; fi\n";
        let read = read(text, &[]).unwrap();
        assert_eq!(read.text("CFLAGS").unwrap(), "-O2   -pipe");
        assert_eq!(read.text("CXXFLAGS").unwrap(), "-O2   -pipe -x");
        assert_eq!(read.words("BUILDENV"), ["!distcc", "color", "check"]);
        assert_eq!(read.text("MAKEFLAGS").unwrap(), "-j4");
        assert_eq!(places(&read, "CFLAGS"), [("makepkg.conf".to_owned(), 2)]);
        assert_eq!(places(&read, "BUILDENV"), [("makepkg.conf".to_owned(), 5)]);
        assert_eq!(places(&read, "MAKEFLAGS"), [("makepkg.conf".to_owned(), 8)]);
    }

    #[test]
    fn a_drop_in_comes_after_the_file_and_wins() {
        let drop_ins =
            [("b.conf", "MAKEFLAGS=-j44\nBUILDENV+=(distcc)\n"), ("a.conf", "MAKEFLAGS=-j3\n")];
        let read = read("MAKEFLAGS=-j44\nBUILDENV=(!distcc)\n", &drop_ins).unwrap();
        assert_eq!(read.text("MAKEFLAGS").unwrap(), "-j44");
        let place = |file: &str, line| (file.to_owned(), line);
        let expected = [place("makepkg.conf", 1), place("a.conf", 1), place("b.conf", 1)];
        assert_eq!(places(&read, "MAKEFLAGS"), expected);
        assert_eq!(read.option("BUILDENV", "distcc"), Some(true));
        assert_eq!(read.position("BUILDENV").unwrap().line, 2);
        assert_eq!(read.files.len(), 3);
    }

    #[test]
    fn conditions_at_the_top_level_print_nothing() {
        let text = "[[ -d /nonexistent ]] || A=1\n((1)) && B=2\n[ -n x ]\n=x || :\n";
        let read = read(text, &[]).unwrap();
        assert_eq!(read.printed.lines().count(), 1, "{}", read.printed);
        assert!(read.printed.ends_with("=x: command not found\n"), "{}", read.printed);
    }

    #[test]
    fn what_a_file_makes_its_own_is_told() {
        let text = "MAKEFLAGS=-j1\ndeclare MAKEFLAGS=-j2\ndeclare -g CFLAGS=-O2\ntypeset -x \
                    DISTCC_DIR\nf() { local LDFLAGS=x; }\nf\n";
        let read = read(text, &[("a.conf", "CFLAGS=-O3\n")]).unwrap();
        let names: Vec<_> = read.lost.iter().map(|(name, _)| name.as_str()).collect();
        assert_eq!(names, ["MAKEFLAGS", "DISTCC_DIR"]);
        assert_eq!(read.text("MAKEFLAGS").unwrap(), "-j1");
        assert!(read.lost.iter().all(|(_, file)| file.ends_with("makepkg.conf")));
    }

    #[test]
    fn a_return_that_ends_a_file_is_told_and_one_of_a_function_is_not() {
        let text = "f() {\nreturn 0\n}\nf\n[[ -d /nonexistent ]] ||\n  return 0\nCFLAGS=x\n";
        let read = read(text, &[]).unwrap();
        let lines: Vec<_> = read.returns.iter().map(|position| position.line).collect();
        assert_eq!(lines, [6]);
        assert_eq!(read.text("CFLAGS"), None);
    }

    #[test]
    fn an_array_that_bash_leaves_out_is_told_with_its_line() {
        let text = "CFLAGS=a\nBUILDENV=(distcc;color)\necho oops >&2\nOPTIONS=(a\n  b|c)\n:\n";
        let read = read(text, &[("a.conf", "LDFLAGS=(x|y)\n:\n")]).unwrap();
        let told: Vec<_> = read
            .left_out
            .iter()
            .map(|(position, what)| format!("{}: {what}", position.line))
            .collect();
        insta::assert_snapshot!(told.join("\n"), @r"
        2: syntax error near unexpected token `;'
        5: syntax error near unexpected token `|'
        1: syntax error near unexpected token `|'
        ");
        assert_eq!(read.printed, "oops\n");
        assert_eq!(read.text("BUILDENV"), None);
    }

    #[test]
    fn assignments_that_do_not_look_like_ones_are_found_by_their_effect() {
        let text = "printf -v DISTCC_HOSTS '%s' a\n: \"${DISTCC_DIR:=/tmp/x}\"\n\
                    f() { LDFLAGS=y; }\nf\nX=$(CFLAGS=no; echo)\nread -r CXXFLAGS <<<-O3\n";
        let read = read(text, &[]).unwrap();
        assert_eq!(places(&read, "DISTCC_HOSTS"), [("makepkg.conf".to_owned(), 1)]);
        assert_eq!(places(&read, "DISTCC_DIR"), [("makepkg.conf".to_owned(), 2)]);
        assert_eq!(places(&read, "LDFLAGS"), [("makepkg.conf".to_owned(), 3)]);
        assert_eq!(places(&read, "CFLAGS"), []);
        assert_eq!(read.text("CXXFLAGS").unwrap(), "-O3");
    }

    #[test]
    fn exported_variables_are_told_from_others() {
        let read = read("export DISTCC_DIR=/a\nDISTCC_LOG=/b\n", &[]).unwrap();
        assert!(read.variables["DISTCC_DIR"].exported);
        assert!(!read.variables["DISTCC_LOG"].exported);
    }

    #[test]
    fn what_makepkg_could_not_read_is_an_error_that_says_so() {
        let error = |text: &str| read(text, &[]).unwrap_err();
        let texts = [
            "A=1\nBUILDENV=(distcc\n",
            "A='x\n\n",
            "if true; then )\n",
            "A=1\n[[ $A == 2 ]] && B=3\n",
            "exit 0\n",
            "exec true\n",
            "while :; do :; done\n",
            "sleep 100\n",
            "yes\n",
        ];
        insta::assert_snapshot!(texts.map(error).join("\n"), @r"
        ETC/makepkg.conf:2: unexpected EOF while looking for matching `)'
        ETC/makepkg.conf:1: unexpected EOF while looking for matching `''
        ETC/makepkg.conf:1: syntax error near unexpected token `)'
        ETC/makepkg.conf: its last command fails (status 1), and makepkg stops there; end the file with a command that succeeds, such as `true`
        ETC/makepkg.conf: it ends the shell that reads it (`exit`, `exec`, `set -e` or `set -u`), and makepkg with it
        ETC/makepkg.conf: it ends the shell that reads it (`exit`, `exec`, `set -e` or `set -u`), and makepkg with it
        ETC/makepkg.conf: reading it takes more than 700ms; makepkg would wait as long (does it loop, ask, or use the network?)
        ETC/makepkg.conf: reading it takes more than 700ms; makepkg would wait as long (does it loop, ask, or use the network?)
        ETC/makepkg.conf: it prints more than 1048576 bytes while it is read
        ");
    }

    #[test]
    fn a_drop_in_that_bash_cannot_understand_is_named() {
        let error = read("A=1\n", &[("b.conf", "B=2\nif true; then )\n")]).unwrap_err();
        let begin = "ETC/makepkg.conf.d/b.conf:2: syntax error near unexpected token";
        assert!(error.starts_with(begin), "{error}");
    }

    #[test]
    fn what_it_prints_is_kept_and_what_it_starts_is_not_waited_for() {
        let read =
            read("echo hello\necho oops >&2\nsleep 100 &\nread -r CFLAGS\ntrue\n", &[]).unwrap();
        assert_eq!(read.printed, "hello\noops\n");
    }

    #[test]
    fn files_that_makepkg_withstands_are_read_as_it_reads_them() {
        let texts = [
            "exec 10>/dev/null 11>/dev/null",
            "printf() { :; }; shopt() { false; }",
            "trap() { :; }",
            "exec 0<&- 1>&- 2>&-",
            "for fd in {3..20}; do eval \"exec $fd>&-\"; done",
            "IFS=abcdefghijklmnopqrstuvwxyz_:0123456789",
            "set -e; shopt -s failglob nullglob nocasematch",
            "set -C -a +B; set -o posix",
            "cd /; ulimit -n 30; name=1 file=2",
            "[[ ${0##*/} == makepkg && -n $LIBRARY && ${MAKEPKG_CONF##*/} == makepkg.conf ]]; X=$?\n\
             set -e; [[ $X == 0 ]]",
            "set -e; msg2 hello; warning oops",
        ];
        for text in texts {
            let main = format!("{text}\nCFLAGS='-O2 -pipe'\nBUILDENV=(!ccache distcc)\n");
            let read = read(&main, &[("x.conf", "MAKEFLAGS=-j9\n")]);
            let read = read.unwrap_or_else(|error| panic!("{text}: {error}"));
            assert_eq!(read.text("CFLAGS").unwrap(), "-O2 -pipe", "{text}");
            assert_eq!(read.words("BUILDENV"), ["!ccache", "distcc"], "{text}");
            assert_eq!(read.position("BUILDENV").unwrap().line, 2 + text.lines().count(), "{text}");
            assert_eq!(places(&read, "MAKEFLAGS"), [("x.conf".to_owned(), 1)], "{text}");
        }
    }

    #[test]
    fn a_name_that_is_no_text_stays_what_it_is() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join(OsStr::from_bytes(b"caf\xe9 \n.conf"));
        crate::base::replace::write(&file, b"CFLAGS=x\n", 0o644).unwrap();
        let read = evaluate(&Request::new(&file, false)).unwrap();
        assert_eq!(read.position("CFLAGS").unwrap().file, file);
        assert_eq!(read.files, [file]);
    }

    #[test]
    fn what_is_no_file_is_told_from_one_that_fails() {
        let dir = tempfile::tempdir().unwrap();
        let error = evaluate(&Request::new(dir.path(), false)).unwrap_err().to_string();
        assert!(error.contains("cannot be read: Is a directory"), "{error}");
        let pipe = dir.path().join("pipe");
        nix::unistd::mkfifo(&pipe, nix::sys::stat::Mode::S_IRUSR).unwrap();
        let limit = Duration::from_millis(200);
        let error = evaluate(&Request { limit, ..Request::new(&pipe, false) }).unwrap_err();
        assert!(matches!(error, EvaluateError::TooLong(..)), "{error}");
    }

    #[test]
    fn a_file_that_is_not_there_is_an_error() {
        let error = evaluate(&Request::new("/nonexistent/makepkg.conf", true)).unwrap_err();
        assert!(error.to_string().starts_with("/nonexistent/makepkg.conf cannot be read"));
    }

    #[test]
    fn another_user_reads_with_his_own_rights_and_home() {
        if !nix::unistd::geteuid().is_root() {
            return;
        }
        let dir = tempfile::tempdir().unwrap();
        std::fs::set_permissions(dir.path(), PermissionsExt::from_mode(0o755)).unwrap();
        let file = dir.path().join("makepkg.conf");
        let text = "CFLAGS=\"$HOME $UID $EUID\"\n";
        crate::base::replace::write(&file, text.as_bytes(), 0o644).unwrap();
        let user =
            OtherUser { uid: 65534, gid: 65534, name: "nobody".into(), home: "/none".into() };
        let read = evaluate(&Request { user: Some(user), ..Request::new(&file, false) }).unwrap();
        assert_eq!(read.text("CFLAGS").unwrap(), "/none 65534 65534");
    }
}
