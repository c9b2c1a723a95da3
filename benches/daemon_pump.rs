//! Processor time of the daemon for a job of pump mode, ours against Debian's with the same requests.
//!
//! `cargo bench --bench daemon_pump`. The units include three to eight headers of C++'s library
//! each, with all that those include (some hundred files), as a client sends them that sends
//! everything. The compiler does nothing but make its two files: what is measured is the daemon,
//! which makes and removes trees.

#![expect(
    clippy::print_stdout,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a bench prints, and stops where it stumbles"
)]

mod daemon;
mod spent;

use std::collections::BTreeSet;
use std::fs;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use daemon::Daemon;
use makepkg_distcc::protocol::request::encode_pump_head;
use makepkg_distcc::protocol::{lzo, packet};
use spent::cpu_ms;

const OURS: &str = env!("CARGO_BIN_EXE_distccd");
const THEIRS: &str = "/usr/bin/distccd";
/// Jobs of one run.
const JOBS: usize = 200;
/// Clients at once.
const CLIENTS: usize = 4;
const HEADERS: [&str; 24] = [
    "vector",
    "map",
    "string",
    "algorithm",
    "memory",
    "regex",
    "thread",
    "iostream",
    "sstream",
    "filesystem",
    "functional",
    "random",
    "chrono",
    "future",
    "unordered_map",
    "set",
    "deque",
    "cmath",
    "cstdio",
    "atomic",
    "variant",
    "optional",
    "locale",
    "valarray",
];

fn main() {
    if !Path::new(THEIRS).exists() {
        println!("daemon_pump: Debian's distccd is not installed; nothing to compare with");
        return;
    }
    let scratch = tempfile::tempdir().expect("a scratch directory");
    fs::set_permissions(scratch.path(), fs::Permissions::from_mode(0o755)).expect("readable");
    let bin = compiler(scratch.path());
    let units: Vec<(usize, Vec<u8>)> = (0..40).map(request).collect();
    let files = units.iter().map(|(files, _)| files).sum::<usize>() / units.len();
    let bytes = units.iter().map(|(_, bytes)| bytes.len()).sum::<usize>() / units.len();
    println!("{files} files and {} KiB a unit, {CLIENTS} clients", bytes / 1024);
    println!("{:<20} {:>12} {:>8} {:>8}", "daemon", "CPU ms/job", "ratio", "failed");
    let variants: [(&str, &str, &[&str]); 3] = [
        ("C", THEIRS, &[]),
        ("ours, in place", OURS, &[]),
        ("ours, moved", OURS, &["--sandbox=off"]),
    ];
    let mut base = None;
    for (name, program, options) in variants {
        let mut best = (f64::MAX, 0);
        for _ in 0..2 {
            let daemon = Served::start(program, &bin, scratch.path(), options);
            daemon.hammer(&units, 40);
            let before = daemon.cpu();
            let failed = daemon.hammer(&units, JOBS);
            let cpu = (daemon.cpu() - before) / JOBS as f64;
            if cpu < best.0 {
                best = (cpu, failed);
            }
        }
        let base = *base.get_or_insert(best.0);
        println!("{name:<20} {:>12.2} {:>8.2} {:>8}", best.0, best.0 / base, best.1);
    }
}

/// A directory with a `g++` that makes the files that it is told to, as fast as that can be done.
fn compiler(scratch: &Path) -> PathBuf {
    let bin = scratch.join("bin");
    fs::create_dir(&bin).expect("a directory");
    let source = scratch.join("null.c");
    let text = "#include <fcntl.h>\n#include <string.h>\nint main(int n, char **v) {\n\
                for (int i = 1; i + 1 < n; i++)\n\
                if (!strcmp(v[i], \"-o\") || !strcmp(v[i], \"-MF\"))\n\
                if (open(v[i + 1], O_CREAT | O_WRONLY, 0600) < 0) return 1;\nreturn 0; }\n";
    fs::File::create(&source).and_then(|mut file| file.write_all(text.as_bytes())).expect("source");
    let mut gcc = Command::new("gcc");
    gcc.args(["-O2", "-static", "-o"]).arg(bin.join("g++")).arg(&source);
    assert!(gcc.status().expect("gcc runs").success());
    bin
}

/// A unit with all that it reads: how many files, and the request.
fn request(number: usize) -> (usize, Vec<u8>) {
    let count = 3 + number % 6;
    let chosen = (0..count).map(|index| HEADERS[(number * 7 + index * index * 5 + index) % 24]);
    let source: String = chosen.map(|name| format!("#include <{name}>\n")).collect();
    let mut child = Command::new("g++")
        .args(["-M", "-x", "c++", "-"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("g++ runs");
    child.stdin.take().expect("a pipe").write_all(source.as_bytes()).expect("writes");
    let out = child.wait_with_output().expect("ends").stdout;
    let text = String::from_utf8_lossy(&out).into_owned();
    let files: BTreeSet<&str> =
        text.split_whitespace().filter(|word| word.starts_with('/')).collect();
    let argv = ["g++", "-O2", "-c", "unit.cc", "-o", "unit.o"];
    let mut bytes = encode_pump_head(b"/build/src", &argv);
    let count = u32::try_from(files.len() + 1).expect("some hundred");
    bytes.extend(packet::header(packet::token::NFIL, count));
    let mut put = |name: &str, content: &[u8]| {
        packet::put(&mut bytes, packet::token::NAME, name.as_bytes());
        packet::put(&mut bytes, packet::token::FILE, &lzo::compress(content));
    };
    put("/build/src/unit.cc", source.as_bytes());
    for file in &files {
        // Where no daemon has headers of its own: ours takes none for there unless it shows them there.
        put(&format!("/build/headers{file}"), &fs::read(file).expect("a header"));
    }
    (files.len() + 1, bytes)
}

struct Served(Daemon);

impl Served {
    fn start(program: &str, bin: &Path, scratch: &Path, options: &[&str]) -> Self {
        Self(Daemon::start(program, &scratch.join("tmp"), |command| {
            command.args(["--log-level", "crit", "--log-stderr", "-j", "4", "--nice", "0"]);
            command.args(options).env("DISTCCD_PATH", bin);
            command.env("PATH", format!("{}:/usr/bin:/bin", bin.display()));
        }))
    }

    /// Has the units compiled, in turns; gives how many of the jobs failed.
    fn hammer(&self, units: &[(usize, Vec<u8>)], jobs: usize) -> usize {
        let (next, failed) = (AtomicUsize::new(0), AtomicUsize::new(0));
        thread::scope(|scope| {
            for _ in 0..CLIENTS {
                scope.spawn(|| {
                    loop {
                        let number = next.fetch_add(1, Ordering::Relaxed);
                        if number >= jobs {
                            return;
                        }
                        if !self.job(&units[number % units.len()].1) {
                            failed.fetch_add(1, Ordering::Relaxed);
                        }
                    }
                });
            }
        });
        failed.into_inner()
    }

    fn job(&self, request: &[u8]) -> bool {
        let mut reply = Vec::new();
        let stream = TcpStream::connect(("127.0.0.1", self.0.port));
        let talked = stream.and_then(|mut stream| {
            stream.set_nodelay(true)?;
            stream.write_all(request)?;
            stream.read_to_end(&mut reply)
        });
        talked.is_ok() && reply.starts_with(b"DONE00000003STAT00000000")
    }

    /// Milliseconds of processor time so far, of all processes of the daemon's, ended ones too.
    fn cpu(&self) -> f64 {
        // The last job's end may take a moment.
        thread::sleep(Duration::from_millis(200));
        cpu_ms(self.0.child.id())
    }
}
