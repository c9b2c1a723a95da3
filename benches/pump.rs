//! Pump mode against the C distcc in the same run: client CPU and bytes per unit, and how many units
//! a second one machine can send off.
//!
//! `cargo bench --bench pump`. CPU is user and system time of the client, of all its children, and of
//! the agent. The C distcc works with Debian's daemon, ours with our own. The second table has a
//! volunteer that answers at once with a canned object, and two clients at a time. Sources come from
//! Debian (`apt-get source`, kept in `target/bench-src`).

#![expect(
    clippy::print_stdout,
    clippy::indexing_slicing,
    clippy::disallowed_methods,
    clippy::panic,
    reason = "a bench prints, and stops where it stumbles"
)]

mod daemon;
mod proxy;
mod trees;

use std::fs;
use std::io::{Read, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::thread;
use std::time::Instant;

use daemon::Daemon;
use makepkg_distcc::protocol::limits::Limits;
use makepkg_distcc::protocol::reply::{Reply, encode_reply};
use makepkg_distcc::protocol::request::RequestDecoder;
use nix::sys::resource::{UsageWho, getrusage};
use nix::sys::time::TimeValLike;
use nix::unistd::{SysconfVar, sysconf};
use proxy::{count_between, listen};
use trees::{Tree, trees};

const OURS: &str = env!("CARGO_BIN_EXE_distcc");
const OUR_DAEMON: &str = env!("CARGO_BIN_EXE_distccd");
const THEIRS: &str = "/usr/bin/distcc";
const THEIR_DAEMON: &str = "/usr/bin/distccd";

/// Units of each tree that are compiled.
const MOST_UNITS: usize = 20;
/// How often each is sent off to the volunteer that answers at once.
const ROUNDS: usize = 5;

fn main() {
    if !Path::new(THEIRS).exists() || !Path::new(THEIR_DAEMON).exists() {
        println!("pump: Debian's distcc is not installed; nothing to compare with");
        return;
    }
    let scratch = tempfile::tempdir().expect("a scratch directory");
    fs::set_permissions(scratch.path(), fs::Permissions::from_mode(0o755)).expect("readable");
    let theirs = Counted::start(THEIR_DAEMON, scratch.path(), "theirs");
    let ours = Counted::start(OUR_DAEMON, scratch.path(), "ours");
    for mut tree in trees(&["redis", "rocksdb"]) {
        let step = tree.commands.len().div_ceil(MOST_UNITS);
        tree.commands = tree.commands.into_iter().step_by(step).collect();
        let dirs = ["c", "plain", "pump"].map(|name| scratch.path().join(tree.name).join(name));
        let lzo = |port: u16| format!("127.0.0.1:{port}/8,lzo");
        let pump = |port: u16| format!("127.0.0.1:{port}/8,cpp,lzo");
        println!("{}, {} units", tree.name, tree.commands.len());
        println!("  {:<18} {:>12} {:>8} {:>12}", "", "CPU ms/unit", "ratio", "bytes/unit");
        let [c, plain, pumped] = &dirs;
        let base = cost(&tree, THEIRS, &lzo(theirs.port), c, &theirs.bytes);
        base.print("C, lzo", &base);
        cost(&tree, OURS, &lzo(ours.port), plain, &ours.bytes).print("ours, lzo", &base);
        cost(&tree, OURS, &pump(ours.port), pumped, &ours.bytes).print("ours, pump cold", &base);
        cost(&tree, OURS, &pump(ours.port), pumped, &ours.bytes).print("ours, pump warm", &base);
        println!("  {:<18} {:>12} {:>8}", "", "units/s", "ratio");
        let quick = quick(&object(&tree, scratch.path()));
        let base = rate(&tree, THEIRS, &lzo(quick), c);
        println!("  {:<18} {base:>12.1} {:>8.2}", "C, lzo", 1.0);
        for (name, hosts, dir) in
            [("ours, lzo", lzo(quick), plain), ("ours, pump warm", pump(quick), pumped)]
        {
            let rate = rate(&tree, OURS, &hosts, dir);
            println!("  {name:<18} {rate:>12.1} {:>8.2}", rate / base);
        }
    }
}

/// What the units of a tree cost.
struct Cost {
    ms: f64,
    bytes: u64,
    failed: usize,
    /// Of units in pump mode, how many went so.
    pumped: Option<(usize, usize)>,
}

impl Cost {
    fn print(&self, name: &str, base: &Self) {
        let Self { ms, bytes, failed, pumped } = self;
        let pumped =
            pumped.map_or(String::new(), |(yes, all)| format!("   {yes} of {all} by pump"));
        let failed = if *failed > 0 { format!("   {failed} failed") } else { String::new() };
        let ratio = ms / base.ms;
        println!("  {name:<18} {ms:>12.2} {ratio:>8.3} {bytes:>12}{pumped}{failed}");
    }
}

/// Compiles all units one after the other.
fn cost(tree: &Tree, client: &str, hosts: &str, state: &Path, bytes: &AtomicU64) -> Cost {
    let journal = state.join(format!("journal/{}.jsonl", nix::unistd::geteuid()));
    drop(fs::remove_file(&journal));
    let before = children_ms() + agents_ms(state);
    let bytes_before = bytes.load(Ordering::SeqCst);
    let failed =
        tree.commands.iter().filter(|words| !run(tree, client, hosts, state, words)).count();
    let units = tree.commands.len();
    let ms = (children_ms() + agents_ms(state) - before) / units as f64;
    let bytes = (bytes.load(Ordering::SeqCst) - bytes_before) / units as u64;
    let lines = fs::read_to_string(journal).unwrap_or_default();
    let yes = lines.lines().filter(|line| line.contains("\"pump\":\"used\"")).count();
    let pumped = hosts.contains("cpp").then_some((yes, lines.lines().count()));
    Cost { ms, bytes, failed, pumped }
}

/// Units a second, two at a time; all have been sent once before.
fn rate(tree: &Tree, client: &str, hosts: &str, state: &Path) -> f64 {
    let all = |rounds: usize| {
        let next = AtomicUsize::new(0);
        let count = tree.commands.len() * rounds;
        thread::scope(|scope| {
            for _ in 0..2 {
                scope.spawn(|| {
                    while let Some(at) =
                        Some(next.fetch_add(1, Ordering::SeqCst)).filter(|at| *at < count)
                    {
                        run(tree, client, hosts, state, &tree.commands[at % tree.commands.len()]);
                    }
                });
            }
        });
        count
    };
    all(1);
    let start = Instant::now();
    let count = all(ROUNDS);
    count as f64 / start.elapsed().as_secs_f64()
}

fn run(tree: &Tree, client: &str, hosts: &str, state: &Path, words: &[String]) -> bool {
    fs::create_dir_all(state).expect("a state directory");
    let out = state.join(format!("{:?}.o", thread::current().id()));
    let ran = Command::new(client)
        .args(words)
        .arg("-o")
        .arg(out)
        .current_dir(&tree.dir)
        .env("DISTCC_HOSTS", hosts)
        .env("DISTCC_DIR", state)
        .env("DISTCC_FALLBACK", "0")
        .env("DISTCC_BACKOFF_PERIOD", "0")
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status();
    ran.is_ok_and(|status| status.success())
}

fn children_ms() -> f64 {
    let usage = getrusage(UsageWho::RUSAGE_CHILDREN).expect("the kernel counts");
    (usage.user_time() + usage.system_time()).num_microseconds() as f64 / 1000.0
}

/// CPU of the agents of a state directory: they name it on their command line.
fn agents_ms(state: &Path) -> f64 {
    let ticks = sysconf(SysconfVar::CLK_TCK).ok().flatten().unwrap_or(100) as f64;
    let name = state.display().to_string();
    let of = |dir: PathBuf| -> Option<f64> {
        let line = fs::read(dir.join("cmdline")).ok()?;
        let line = String::from_utf8_lossy(&line).into_owned();
        if !line.contains("distcc-agent") || !line.contains(&name) {
            return None;
        }
        let stat = fs::read_to_string(dir.join("stat")).ok()?;
        let fields: Vec<&str> = stat.rsplit(')').next()?.split_whitespace().collect();
        let spent: f64 =
            fields.get(11)?.parse::<f64>().ok()? + fields.get(12)?.parse::<f64>().ok()?;
        Some(spent * 1000.0 / ticks)
    };
    let entries = fs::read_dir("/proc").expect("/proc").flatten();
    entries.filter_map(|entry| of(entry.path())).sum()
}

/// A daemon behind a proxy that counts what passes.
struct Counted {
    _daemon: Daemon,
    port: u16,
    bytes: Arc<AtomicU64>,
}

impl Counted {
    fn start(program: &str, scratch: &Path, name: &str) -> Self {
        let temp = scratch.join(format!("daemon-{name}"));
        let daemon = Daemon::start(program, &temp, |command| {
            command.args(["--jobs", "4", "--log-file", "/dev/null"]);
        });
        let bytes = Arc::new(AtomicU64::new(0));
        let port = count_between(daemon.port, Arc::clone(&bytes));
        Self { _daemon: daemon, port, bytes }
    }
}

/// A volunteer that answers every request with `object`, without a look at it.
fn quick(object: &[u8]) -> u16 {
    let reply = Reply { object: object.to_vec(), ..Reply::default() };
    listen(move |mut client| {
        let mut decoder = RequestDecoder::new(&Limits::default());
        let mut buffer = vec![0; 256 * 1024];
        while let Ok(count @ 1..) = client.read(&mut buffer) {
            let Ok(read) = decoder.push(&buffer[..count]) else { return };
            if let Some(request) = read {
                drop(client.write_all(&encode_reply(request.version, request.echo, &reply)));
                return;
            }
        }
    })
}

/// What the tree's compiler makes of nearly nothing.
fn object(tree: &Tree, scratch: &Path) -> Vec<u8> {
    let compiler = &tree.commands[0][0];
    let out = scratch.join("canned.o");
    let made = Command::new(compiler).args(["-c", "-x", "c", "/dev/null", "-o"]).arg(&out).status();
    assert!(made.is_ok_and(|status| status.success()), "{compiler} compiles");
    fs::read(out).expect("an object")
}
