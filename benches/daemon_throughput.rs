//! Jobs per second, latency and memory of the daemon, ours against Debian's in the same run.
//!
//! `cargo bench --bench daemon_throughput`. Both daemons run on loopback, with the same options and
//! the same compiler, which does nothing: what is measured is the daemon. The clients are threads
//! of this program; each connects, sends a request, and reads the reply to its end.

#![expect(
    clippy::print_stdout,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a bench prints, and stops where it stumbles"
)]

mod daemon;
mod spent;

use std::fs;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::os::fd::OwnedFd;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use daemon::Daemon;
use spent::{cpu_ms, processes};

const OURS: &str = env!("CARGO_BIN_EXE_distccd");
const THEIRS: &str = "/usr/bin/distccd";
/// How long each number of connections is kept up.
const SPAN: Duration = Duration::from_millis(1200);
/// How often.
const ROUNDS: usize = 3;
/// Bytes of preprocessed source in each request.
const SOURCE: usize = 20_000;

fn main() {
    if !Path::new(THEIRS).exists() {
        println!("daemon_throughput: Debian's distccd is not installed; nothing to compare with");
        return;
    }
    let scratch = tempfile::tempdir().expect("a scratch directory");
    fs::set_permissions(scratch.path(), fs::Permissions::from_mode(0o755)).expect("readable");
    let bin = null_compiler(scratch.path());
    let variants: [(&str, &str, &[&str]); 3] = [
        ("C", THEIRS, &[]),
        ("ours", OURS, &["--sandbox=off"]),
        ("ours, sandbox", OURS, &["--sandbox=auto"]),
    ];
    println!(
        "{:<12} {:<14} {:>9} {:>7} {:>8} {:>8} {:>11} {:>7}",
        "connections", "daemon", "jobs/s", "ratio", "p50 ms", "p99 ms", "CPU ms/job", "ratio"
    );
    for connections in [1, 8, 32, 64] {
        // In turns, so that other work on this machine disturbs all alike; the best round counts.
        let mut best: [Option<Run>; 3] = [None, None, None];
        for _ in 0..ROUNDS {
            for ((_, program, options), best) in variants.iter().zip(&mut best) {
                let daemon = Served::start(program, &bin, scratch.path(), options);
                daemon.hammer(connections, Duration::from_millis(200));
                let run = daemon.hammer(connections, SPAN);
                if best.as_ref().is_none_or(|best| best.per_second < run.per_second) {
                    *best = Some(run);
                }
            }
        }
        let base = best[0].clone().expect("a run");
        for ((name, ..), run) in variants.iter().zip(best.into_iter().flatten()) {
            println!(
                "{connections:<12} {name:<14} {:>9.0} {:>7.2} {:>8.2} {:>8.2} {:>11.3} {:>7.2}{}",
                run.per_second,
                run.per_second / base.per_second,
                run.p50,
                run.p99,
                run.cpu,
                run.cpu / base.cpu,
                if run.failed > 0 { format!("  {} failed", run.failed) } else { String::new() },
            );
        }
    }
    println!("\n{:<32} {:>14} {:>14}", "KiB of memory (Pss)", "started", "200 idle");
    for (name, program, options) in variants {
        let daemon = Served::start(program, &bin, scratch.path(), options);
        daemon.hammer(4, Duration::from_millis(300));
        let before = daemon.memory();
        let idle: Vec<TcpStream> = (0..200).map(|_| daemon.begin()).collect();
        thread::sleep(Duration::from_millis(300));
        println!("{name:<32} {before:>14} {:>14}", daemon.memory());
        drop(idle);
    }
    println!("\n{:<32} {:>14} {:>14} {:>14}", "ms for one job (median)", "TCP", "socket", "pipes");
    for (name, program, options) in variants {
        let daemon = Served::start(program, &bin, scratch.path(), options);
        let tcp = median(|| daemon.job().is_some());
        let socket = median(|| inetd(program, &bin, scratch.path(), options, true));
        let pipes = median(|| inetd(program, &bin, scratch.path(), options, false));
        println!("{name:<32} {tcp:>14.2} {socket:>14.2} {pipes:>14.2}");
    }
}

/// A directory with a `gcc` that does nothing, as fast as that can be done.
fn null_compiler(scratch: &Path) -> PathBuf {
    let bin = scratch.join("bin");
    fs::create_dir(&bin).expect("a directory");
    let source = scratch.join("null.c");
    let text = "void _start(void) { __asm__ volatile (\"syscall\" :: \"a\"(60), \"D\"(0)); }\n";
    fs::File::create(&source).and_then(|mut file| file.write_all(text.as_bytes())).expect("source");
    let small = Command::new("gcc")
        .args(["-O2", "-static", "-nostdlib", "-o"])
        .arg(bin.join("gcc"))
        .arg(&source)
        .stderr(Stdio::null())
        .status();
    if !small.is_ok_and(|status| status.success()) {
        fs::copy("/bin/true", bin.join("gcc")).expect("a program that does nothing");
    }
    bin
}

struct Served(Daemon);

/// What one run of many jobs gave.
#[derive(Clone)]
struct Run {
    /// Milliseconds of processor time of the daemon and its compilers, a job.
    cpu: f64,
    per_second: f64,
    p50: f64,
    p99: f64,
    failed: usize,
}

impl Served {
    fn start(program: &str, bin: &Path, scratch: &Path, options: &[&str]) -> Self {
        let process = Daemon::start(program, &scratch.join("tmp"), |command| {
            command.args(["--log-level", "crit", "--log-stderr", "-j", "8", "--nice", "0"]);
            command.args(options).env("DISTCCD_PATH", bin).env("DISTCC_TCP_DEFER_ACCEPT", "1");
        });
        let served = Self(process);
        assert!(served.job().is_some(), "{program} does not serve");
        served
    }

    /// One job: its time, if the reply was whole.
    fn job(&self) -> Option<Duration> {
        let start = Instant::now();
        let mut stream = TcpStream::connect(("127.0.0.1", self.0.port)).ok()?;
        stream.set_nodelay(true).ok()?;
        stream.write_all(&request()).ok()?;
        let mut reply = Vec::new();
        stream.read_to_end(&mut reply).ok()?;
        reply.starts_with(b"DONE00000001STAT00000000SERR").then(|| start.elapsed())
    }

    /// A connection that has begun a request and says no more.
    fn begin(&self) -> TcpStream {
        let mut stream = TcpStream::connect(("127.0.0.1", self.0.port)).expect("connects");
        stream.write_all(b"DIST00000001ARGC").expect("sends");
        stream
    }

    fn hammer(&self, connections: usize, span: Duration) -> Run {
        let over = AtomicBool::new(false);
        let cpu = self.cpu();
        let start = Instant::now();
        let times: Vec<Option<Duration>> = thread::scope(|scope| {
            let clients: Vec<_> = (0..connections)
                .map(|_| {
                    scope.spawn(|| {
                        let mut times = Vec::new();
                        while !over.load(Ordering::Relaxed) {
                            times.push(self.job());
                        }
                        times
                    })
                })
                .collect();
            thread::sleep(span);
            over.store(true, Ordering::Relaxed);
            clients.into_iter().flat_map(|client| client.join().expect("a client")).collect()
        });
        let elapsed = start.elapsed().as_secs_f64();
        let failed = times.iter().filter(|time| time.is_none()).count();
        let mut millis: Vec<f64> =
            times.iter().flatten().map(|time| time.as_secs_f64() * 1000.0).collect();
        millis.sort_by(f64::total_cmp);
        let cpu = (self.cpu() - cpu) / millis.len() as f64;
        // Hundredths, in whole numbers.
        let at = |part: usize| millis[(millis.len() - 1) * part / 100];
        Run { per_second: millis.len() as f64 / elapsed, p50: at(50), p99: at(99), failed, cpu }
    }

    /// Milliseconds of processor time so far, compilers that have ended included.
    fn cpu(&self) -> f64 {
        cpu_ms(self.0.child.id())
    }

    /// KiB of memory of the daemon and its children, shared pages counted in parts.
    fn memory(&self) -> u64 {
        let proportional = |path: &PathBuf| {
            let rollup = fs::read_to_string(path.join("smaps_rollup")).unwrap_or_default();
            let line = rollup.lines().find(|line| line.starts_with("Pss:")).unwrap_or("");
            line.split_whitespace().nth(1).map_or(0, |kib| kib.parse().unwrap_or(0))
        };
        processes(self.0.child.id()).iter().map(proportional).sum()
    }
}

/// One job of a daemon started for it.
fn inetd(program: &str, bin: &Path, scratch: &Path, options: &[&str], socket: bool) -> bool {
    let mut command = Command::new(program);
    command
        .args(["--inetd", "--enable-tcp-insecure", "--log-level", "crit", "--log-stderr"])
        .args(options)
        .env("DISTCCD_PATH", bin)
        .env("TMPDIR", scratch.join("tmp"))
        .stderr(Stdio::null());
    let mut reply = Vec::new();
    let mut child;
    if socket {
        let (mut ours, theirs) = UnixStream::pair().expect("a pair of sockets");
        let stdout = theirs.try_clone().expect("a copy");
        command.stdin(OwnedFd::from(theirs)).stdout(OwnedFd::from(stdout));
        child = command.spawn().expect("the daemon starts");
        drop(command);
        ours.write_all(&request()).expect("sends");
        ours.read_to_end(&mut reply).expect("a reply");
    } else {
        child = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("the daemon starts");
        let mut stdin = child.stdin.take().expect("a pipe");
        stdin.write_all(&request()).expect("sends");
        let mut stdout = child.stdout.take().expect("a pipe");
        stdout.read_to_end(&mut reply).expect("a reply");
        drop(stdin);
    }
    child.wait().expect("ends");
    reply.starts_with(b"DONE00000001STAT00000000SERR")
}

fn median(mut job: impl FnMut() -> bool) -> f64 {
    let mut times: Vec<f64> = (0..7)
        .map(|_| {
            let start = Instant::now();
            assert!(job(), "a job fails");
            start.elapsed().as_secs_f64() * 1000.0
        })
        .collect();
    times.sort_by(f64::total_cmp);
    times[times.len() / 2]
}

fn request() -> Vec<u8> {
    let argv = ["gcc", "-O2", "-c", "hello.c", "-o", "hello.o"];
    let mut bytes = format!("DIST00000001ARGC{:08x}", argv.len()).into_bytes();
    for word in argv {
        bytes.extend(format!("ARGV{:08x}{word}", word.len()).into_bytes());
    }
    bytes.extend(format!("DOTI{SOURCE:08x}").into_bytes());
    let line = b"int f(int x) { return x + 1; }\n";
    bytes.extend(line.iter().cycle().take(SOURCE));
    bytes
}
