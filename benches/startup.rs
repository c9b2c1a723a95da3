//! What it costs to start the client, ours against Debian's distcc in the same run.
//!
//! `cargo bench --bench startup [-- RUNS]`. Both clients do the same thing by turns, RUNS times
//! (default 400); the median of the wall time is printed, and the number of system calls where
//! `strace` is installed (those of the client alone, not of the compiler it starts).

#![expect(clippy::print_stdout, reason = "a bench prints, and stops where it stumbles")]

use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

const OURS: &str = env!("CARGO_BIN_EXE_distcc");
const THEIRS: &str = "/usr/bin/distcc";
const RUNS: usize = 400;

/// What is run: a name, and the words behind the client's name.
const CASES: [(&str, &[&str]); 5] = [
    ("distcc --version", &["--version"]),
    ("distcc true -c empty.i, local", &["true", "-c", "empty.i", "-o", "empty.o"]),
    ("distcc true x.o -o x, linking", &["true", "x.o", "-o", "x"]),
    ("distcc gcc --version", &["gcc", "--version"]),
    ("distcc gcc -c empty.c, local", &["gcc", "-c", "empty.c", "-o", "empty.o"]),
];

fn main() {
    if !Path::new(THEIRS).exists() {
        println!("startup: Debian's distcc is not installed; nothing to compare with");
        return;
    }
    let runs = std::env::args().find_map(|word| word.parse().ok()).unwrap_or(RUNS);
    let scratch = tempfile::tempdir().expect("a scratch directory");
    for name in ["empty.c", "empty.i"] {
        std::fs::File::create(scratch.path().join(name)).expect("an empty source");
    }
    println!(
        "{:<32} {:>9} {:>9} {:>6}   {:>8} {:>8} {:>6}",
        "start-up, median of wall time", "C (us)", "ours (us)", "ratio", "C calls", "ours", "ratio"
    );
    for (name, words) in CASES {
        let case = Case { dir: scratch.path(), words };
        let (theirs, ours) = case.times(runs);
        let ratio = ours.as_secs_f64() / theirs.as_secs_f64();
        print!("{name:<32} {:>9} {:>9} {ratio:>6.2}", theirs.as_micros(), ours.as_micros());
        match (case.calls(THEIRS), case.calls(OURS)) {
            (Some(theirs), Some(ours)) => {
                println!("   {theirs:>8} {ours:>8} {:>6.2}", f64::from(ours) / f64::from(theirs));
            }
            _ => println!("   (no strace)"),
        }
    }
}

/// One command line, in a directory of its own.
struct Case<'a> {
    dir: &'a Path,
    words: &'a [&'a str],
}

impl Case<'_> {
    /// The same world for both clients: every job is to be done here.
    fn set_up<'c>(&self, command: &'c mut Command, client: &str) -> &'c mut Command {
        let state = self.dir.join(if client == OURS { "ours" } else { "theirs" });
        std::fs::create_dir_all(&state).expect("a state directory");
        command
            .current_dir(self.dir)
            .env_clear()
            .env("PATH", "/usr/bin:/bin")
            .env("HOME", self.dir)
            .env("DISTCC_DIR", state)
            .env("DISTCC_HOSTS", "localhost")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
    }

    /// The medians of Debian's client and of ours.
    fn times(&self, runs: usize) -> (Duration, Duration) {
        let mut times = [Vec::with_capacity(runs), Vec::with_capacity(runs)];
        for _ in 0..runs {
            for (client, times) in [THEIRS, OURS].into_iter().zip(&mut times) {
                let mut command = Command::new(client);
                self.set_up(command.args(self.words), client);
                let start = Instant::now();
                let status = command.status().expect("the client");
                times.push(start.elapsed());
                assert!(status.success(), "{client} {:?}: {status}", self.words);
            }
        }
        let [theirs, ours] = times.map(median);
        (theirs, ours)
    }

    /// How many system calls `client` itself makes.
    fn calls(&self, client: &str) -> Option<u32> {
        let counts = self.dir.join("calls");
        let mut command = Command::new("strace");
        command.arg("-c").arg("-o").arg(&counts).arg(client).args(self.words);
        self.set_up(&mut command, client).status().ok()?;
        let text = std::fs::read_to_string(counts).ok()?;
        let total = text.lines().find(|line| line.ends_with(" total"))?;
        // % time, seconds, microseconds per call, calls, perhaps errors, the word.
        total.split_whitespace().nth(3)?.parse().ok()
    }
}

fn median(mut times: Vec<Duration>) -> Duration {
    times.sort();
    times.get(times.len() / 2).copied().unwrap_or_default()
}
