//! A `distccd` of ours in a directory of its own, and the bytes that clients send to it.

use std::fs;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

/// Our daemon.
pub(crate) const DISTCCD: &str = env!("CARGO_BIN_EXE_distccd");
/// How long anything may take before a test gives up on it.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

/// A directory with everything that a daemon needs, readable by whatever user it becomes.
pub(crate) struct Place {
    dir: tempfile::TempDir,
}

impl Place {
    pub(crate) fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let place = Self { dir };
        allow(place.path(), 0o755);
        for (name, mode) in [("bin", 0o755), ("tmp", 0o1777), ("run", 0o1777)] {
            fs::create_dir(place.path().join(name)).unwrap();
            allow(&place.path().join(name), mode);
        }
        place
    }

    pub(crate) fn path(&self) -> &Path {
        self.dir.path()
    }

    /// Where jobs compile.
    pub(crate) fn tmp(&self) -> PathBuf {
        self.path().join("tmp")
    }

    pub(crate) fn log_file(&self) -> PathBuf {
        self.path().join("run/log")
    }

    /// Adds a program, first in the daemon's PATH, that runs this shell text.
    pub(crate) fn with_program(self, name: &str, text: &str) -> Self {
        let path = self.path().join("bin").join(name);
        let mut file = fs::File::create(&path).unwrap();
        file.write_all(format!("#!/bin/sh\n{text}\n").as_bytes()).unwrap();
        drop(file);
        allow(&path, 0o755);
        self
    }

    /// A command for the daemon here, without any options yet.
    pub(crate) fn distccd(&self) -> Command {
        let mut command = Command::new(DISTCCD);
        let bin = self.path().join("bin");
        command
            .env_remove("DISTCC_CMDLIST")
            .env_remove("NOTIFY_SOCKET")
            .env("DISTCCD_PATH", format!("{}:/usr/bin:/bin", bin.display()))
            .env("TMPDIR", self.tmp())
            .stdin(Stdio::null());
        command
    }

    /// Starts the daemon in the foreground on a free port of 127.0.0.1, for this machine, insecure
    /// (any program in `bin` will do as a compiler), verbose.
    pub(crate) fn start(self, options: &[&str]) -> Volunteer {
        self.start_as(options, |_| {})
    }

    /// The same, after `change` has had a look at the command.
    pub(crate) fn start_as(self, options: &[&str], change: impl Fn(&mut Command)) -> Volunteer {
        let open = ["--allow", "127.0.0.1", "--enable-tcp-insecure"];
        self.start_bare(&[&open, options].concat(), change)
    }

    /// The same, with no other options about security than these.
    pub(crate) fn start_bare(self, options: &[&str], change: impl Fn(&mut Command)) -> Volunteer {
        for _ in 0..20 {
            let port = free_port();
            let mut command = self.distccd();
            command.args(["--no-detach", "--daemon", "--listen", "127.0.0.1", "--verbose"]);
            command.arg("--port").arg(port.to_string());
            command.arg("--log-file").arg(self.log_file()).args(options);
            change(&mut command);
            let child = command.spawn().unwrap();
            if let Some(child) = self.started(child) {
                return Volunteer { place: self, child, port };
            }
        }
        panic!("the daemon does not start: {}", self.log());
    }

    /// Waits until the daemon serves; `None` if another test was quicker to take its port.
    fn started(&self, mut child: Child) -> Option<Child> {
        let mut status = None;
        wait_until("the daemon to start", || {
            status = child.try_wait().unwrap();
            status.is_some() || self.log().contains("daemon started")
        });
        let Some(status) = status else { return Some(child) };
        assert_eq!(status.code(), Some(102), "{}", self.log());
        None
    }

    pub(crate) fn log(&self) -> String {
        fs::read_to_string(self.log_file()).unwrap_or_default()
    }

    /// Nothing is left where jobs compile.
    pub(crate) fn assert_clean(&self) {
        let left: Vec<_> = fs::read_dir(self.tmp()).unwrap().flatten().collect();
        assert!(left.is_empty(), "{left:?}");
    }
}

/// A daemon that runs; killed at the end.
pub(crate) struct Volunteer {
    pub(crate) place: Place,
    pub(crate) child: Child,
    pub(crate) port: u16,
}

impl Volunteer {
    pub(crate) fn connect(&self) -> TcpStream {
        let stream = TcpStream::connect(("127.0.0.1", self.port)).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream.set_write_timeout(Some(PATIENCE)).unwrap();
        stream
    }

    /// Sends bytes and reads all that comes back; a reset counts as an end.
    pub(crate) fn talk(&self, bytes: &[u8]) -> Vec<u8> {
        let mut stream = self.connect();
        // A daemon that has heard enough may hang up while we talk.
        drop(stream.write_all(bytes));
        let mut reply = Vec::new();
        match stream.read_to_end(&mut reply) {
            Ok(_) => {}
            Err(error) if error.kind() == std::io::ErrorKind::ConnectionReset => {}
            Err(error) => panic!("no answer: {error}\n{}", self.place.log()),
        }
        reply
    }

    /// The daemon still compiles.
    pub(crate) fn assert_serves(&self) {
        let reply = self.talk(&request(&["gcc", "-c", "a.c", "-o", "a.o"], b"int x;\n"));
        let start = String::from_utf8_lossy(&reply[..reply.len().min(60)]).into_owned();
        assert!(start.starts_with("DONE00000001STAT00000000"), "{start}\n{}", self.place.log());
    }

    /// Waits until the log has this in it.
    pub(crate) fn wait_for_log(&self, text: &str) {
        wait_until(&format!("`{text}` in the log"), || self.place.log().contains(text));
    }

    pub(crate) fn signal(&self, signal: Signal) {
        kill(Pid::from_raw(self.child.id().cast_signed()), signal).unwrap();
    }

    /// Ends the daemon by SIGTERM; its place stays, to be looked at.
    pub(crate) fn stop(mut self) -> (ExitStatus, Place) {
        self.signal(Signal::SIGTERM);
        let status = self.child.wait().unwrap();
        let place = std::mem::replace(&mut self.place, Place::new());
        (status, place)
    }

    /// KiB of memory in use.
    pub(crate) fn memory(&self) -> u64 {
        let status = fs::read_to_string(format!("/proc/{}/status", self.child.id())).unwrap();
        let line = status.lines().find(|line| line.starts_with("VmRSS:")).unwrap();
        line.split_whitespace().nth(1).unwrap().parse().unwrap()
    }
}

impl Drop for Volunteer {
    fn drop(&mut self) {
        if let Ok(None) = self.child.try_wait() {
            self.signal(Signal::SIGTERM);
            drop(self.child.wait());
        }
    }
}

pub(crate) fn allow(path: &Path, mode: u32) {
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
}

pub(crate) fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

/// Waits for what must happen sooner or later.
pub(crate) fn wait_until(what: &str, mut happened: impl FnMut() -> bool) {
    let start = Instant::now();
    while !happened() {
        assert!(start.elapsed() < PATIENCE, "waited in vain for {what}");
        thread::sleep(Duration::from_millis(10));
    }
}

/// Whether any process has this word in its command line.
pub(crate) fn runs(word: &str) -> bool {
    fs::read_dir("/proc").unwrap().flatten().any(|entry| {
        // Of a process that has ended and waits for its parent this is empty.
        let argv = fs::read(entry.path().join("cmdline")).unwrap_or_default();
        argv.split(|byte| *byte == 0).any(|argument| argument == word.as_bytes())
    })
}

/// One packet with a body.
pub(crate) fn packet(token: &str, body: &[u8]) -> Vec<u8> {
    [format!("{token}{:08x}", body.len()).as_bytes(), body].concat()
}

/// Version and command line.
pub(crate) fn head(version: u32, argv: &[&str]) -> Vec<u8> {
    let mut bytes = format!("DIST{version:08x}ARGC{:08x}", argv.len()).into_bytes();
    for word in argv {
        bytes.extend(packet("ARGV", word.as_bytes()));
    }
    bytes
}

/// A request in protocol 1.
pub(crate) fn request(argv: &[&str], source: &[u8]) -> Vec<u8> {
    [head(1, argv), packet("DOTI", source)].concat()
}

/// A request that every compiler can serve.
pub(crate) fn hello() -> Vec<u8> {
    request(&["gcc", "-c", "hello.c", "-o", "hello.o"], b"int x;\n")
}

/// A reply in protocol 1, taken apart: status, stderr, stdout, object.
pub(crate) fn parse(reply: &[u8]) -> (u32, String, String, Vec<u8>) {
    let mut rest = reply;
    let mut next = |token: &str| {
        let (head, tail) = rest.split_at_checked(12).unwrap_or_else(|| panic!("no {token}"));
        assert_eq!(std::str::from_utf8(&head[..4]), Ok(token));
        let number = u32::from_str_radix(std::str::from_utf8(&head[4..]).unwrap(), 16).unwrap();
        let body = if token.len() == 4 && !matches!(token, "DONE" | "STAT") { number } else { 0 };
        let (body, tail) = tail.split_at(body as usize);
        rest = tail;
        (number, body.to_vec())
    };
    assert_eq!(next("DONE").0, 1);
    let status = next("STAT").0;
    let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
    let (stderr, stdout) = (text(next("SERR").1), text(next("SOUT").1));
    let object = next("DOTO").1;
    assert!(rest.is_empty(), "{} bytes after the reply", rest.len());
    (status, stderr, stdout, object)
}
