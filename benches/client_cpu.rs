//! Client CPU and wire bytes per remote unit, ours against Debian's distcc in the same run.
//!
//! `cargo bench --bench client_cpu`. Both clients ask the same Debian daemon on loopback. CPU is
//! user and system time of the client and all its children, the preprocessor among them. The
//! sources of redis and leveldb come from Debian (`apt-get source`, kept in `target/bench-src`);
//! without them only generated units are measured.

#![expect(
    clippy::print_stdout,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a bench prints, and stops where it stumbles"
)]

mod daemon;
mod proxy;

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use daemon::Daemon;
use nix::sys::resource::{UsageWho, getrusage};
use nix::sys::time::TimeValLike;
use proxy::count_between;

const OURS: &str = env!("CARGO_BIN_EXE_distcc");
const THEIRS: &str = "/usr/bin/distcc";

/// Units of each project that are compiled.
const MOST_UNITS: usize = 24;

fn main() {
    if !Path::new(THEIRS).exists() || !Path::new("/usr/bin/distccd").exists() {
        println!("client_cpu: Debian's distcc is not installed; nothing to compare with");
        return;
    }
    let scratch = tempfile::tempdir().expect("a scratch directory");
    let farm = Farm::start(scratch.path());
    println!("{:<34} {:>10} {:>10} {:>7}", "client CPU per unit (ms)", "C", "ours", "ratio");
    let unit = preprocessed_unit(scratch.path());
    for options in ["", ",lzo"] {
        let name = format!("remote, no cpp{}", if options.is_empty() { "" } else { ", lzo" });
        let words = vec![vec!["gcc".into(), "-c".into(), unit.display().to_string()]; 60];
        farm.compare(&name, options, scratch.path(), &words);
    }
    let sources = fetch(Path::new(env!("CARGO_MANIFEST_DIR")));
    for (name, dir, words) in projects(&sources) {
        for options in ["", ",lzo"] {
            farm.compare(&format!("{name}{}", options.replace(',', ", ")), options, &dir, &words);
        }
    }
}

/// Debian's daemon, and a proxy that counts what passes.
struct Farm {
    _daemon: Daemon,
    port: u16,
    bytes: Arc<AtomicU64>,
    state: PathBuf,
}

impl Farm {
    fn start(scratch: &Path) -> Self {
        let daemon = Daemon::start("/usr/bin/distccd", &scratch.join("daemon"), |command| {
            command.args(["--jobs", "4", "--log-file", "/dev/null"]);
        });
        let bytes = Arc::new(AtomicU64::new(0));
        let port = count_between(daemon.port, Arc::clone(&bytes));
        Self { _daemon: daemon, port, bytes, state: scratch.to_owned() }
    }

    /// Compiles each of `commands` with both clients, alternately, and prints what it cost.
    fn compare(&self, name: &str, options: &str, dir: &Path, commands: &[Vec<String>]) {
        let mut cost = [0.0, 0.0];
        let mut bytes = [0, 0];
        let mut units = 0_u32;
        for command in commands {
            let mut spent = [0.0, 0.0];
            let mut sent = [0, 0];
            let mut remote = true;
            for (which, client) in [THEIRS, OURS].into_iter().enumerate() {
                let before = self.bytes.load(Ordering::SeqCst);
                let start = children_ms();
                let ended = self.run(client, options, dir, command);
                spent[which] = children_ms() - start;
                sent[which] = self.bytes.load(Ordering::SeqCst) - before;
                remote &= ended && sent[which] > 0;
            }
            // Only units that both sent tell of a remote compile.
            if remote {
                units += 1;
                for which in 0..2 {
                    cost[which] += spent[which];
                    bytes[which] += sent[which];
                }
            }
        }
        if units == 0 {
            println!("{name:<34} no unit was compiled remotely by both");
            return;
        }
        let per = |total: f64| total / f64::from(units);
        println!(
            "{name:<34} {:>10.2} {:>10.2} {:>7.2}   ({units} units)",
            per(cost[0]),
            per(cost[1]),
            cost[1] / cost[0]
        );
        println!(
            "{:<34} {:>10} {:>10} {:>7.2}",
            "  bytes on the wire per unit",
            bytes[0] / u64::from(units),
            bytes[1] / u64::from(units),
            bytes[1] as f64 / bytes[0] as f64
        );
    }

    fn run(&self, client: &str, options: &str, dir: &Path, command: &[String]) -> bool {
        let state = self.state.join(if client == OURS { "ours" } else { "theirs" });
        fs::create_dir_all(&state).expect("a state directory");
        let host = format!(
            "127.0.0.1:{}/8{}",
            self.port,
            if options.is_empty() { ",plain" } else { options }
        );
        let host = if client == THEIRS { host.replace(",plain", "") } else { host };
        let output = Command::new(client)
            .args(command)
            .arg("-o")
            .arg(self.state.join("out.o"))
            .current_dir(dir)
            .env("DISTCC_HOSTS", host)
            .env("DISTCC_DIR", state)
            .env("DISTCC_FALLBACK", "0")
            .env("DISTCC_BACKOFF_PERIOD", "0")
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .status();
        output.is_ok_and(|status| status.success())
    }
}

fn children_ms() -> f64 {
    let usage = getrusage(UsageWho::RUSAGE_CHILDREN).expect("the kernel counts");
    let total = usage.user_time() + usage.system_time();
    total.num_microseconds() as f64 / 1000.0
}

/// A preprocessed unit of ordinary size, made from system headers.
fn preprocessed_unit(dir: &Path) -> PathBuf {
    let source = dir.join("unit.c");
    let headers = ["stdio", "stdlib", "string", "math", "unistd", "signal", "netdb", "pthread"];
    let text: String = headers.iter().map(|name| format!("#include <{name}.h>\n")).collect();
    fs::File::create(&source)
        .and_then(|mut file| writeln!(file, "{text}int main(void) {{ return 0; }}"))
        .expect("a source file");
    let unit = dir.join("unit.i");
    let status = Command::new("gcc").arg("-E").arg(&source).arg("-o").arg(&unit).status();
    assert!(status.is_ok_and(|status| status.success()), "gcc preprocesses");
    unit
}

/// Unpacked Debian sources below `target/bench-src`.
fn fetch(project: &Path) -> PathBuf {
    let dir = project.join("target/bench-src");
    drop(Command::new("bash").arg(project.join("benches/fetch-sources")).arg(&dir).status());
    dir
}

/// Real projects: a name, a directory, and the commands of its units.
fn projects(sources: &Path) -> Vec<(String, PathBuf, Vec<Vec<String>>)> {
    let mut projects = Vec::new();
    let flags = |text: &str| text.split(' ').map(str::to_owned).collect::<Vec<_>>();
    let redis = sources.join("redis/src");
    let c = flags(
        "gcc -c -std=c11 -O0 -D_GNU_SOURCE -DREDIS_STATIC= -I../deps/hiredis -I../deps/linenoise \
         -I../deps/lua/src -I../deps/hdr_histogram -w",
    );
    projects.push(("redis (C)".to_owned(), redis.clone(), units(&redis, "c", &c)));
    let leveldb = sources.join("leveldb");
    let cxx = flags("g++ -c -std=c++17 -O0 -I. -Iinclude -DLEVELDB_PLATFORM_POSIX=1 -w");
    let mut commands = Vec::new();
    for part in ["db", "table", "util"] {
        commands.extend(units(&leveldb.join(part), "cc", &cxx));
    }
    commands.retain(|words| words.last().is_some_and(|name| !name.contains("test")));
    projects.push(("leveldb (C++)".to_owned(), leveldb, commands));
    projects.retain(|(_, dir, commands)| dir.exists() && !commands.is_empty());
    for (.., commands) in &mut projects {
        // Every so many, so that the volunteer's compiles do not take the whole run's time.
        let step = commands.len().div_ceil(MOST_UNITS);
        *commands = commands.iter().step_by(step).cloned().collect();
    }
    projects
}

fn units(dir: &Path, suffix: &str, flags: &[String]) -> Vec<Vec<String>> {
    let mut files: Vec<PathBuf> = fs::read_dir(dir)
        .into_iter()
        .flatten()
        .flatten()
        .map(|entry| entry.path())
        .filter(|path| path.extension().is_some_and(|found| found == suffix))
        .collect();
    files.sort();
    files
        .into_iter()
        .map(|file| {
            let mut words = flags.to_vec();
            words.push(file.display().to_string());
            words
        })
        .collect()
}
