//! Clients in pid and mount namespaces of their own, as builds in chroots are, that share one state
//! directory which each has mounted elsewhere.
//!
//! Each client is the first process of its namespace, so all of them have pid 1 at the same time.

use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use crate::support::farm::{Farm, SYSTEM_PATH};
use crate::support::volunteer::Side;

const MONITOR: &str = env!("CARGO_BIN_EXE_distccmon-text");
const SETUP: &str = env!("CARGO_BIN_EXE_distcc-setup");

/// Mounts $1 at $2, and becomes the rest, as pid 1.
const ENTER: &str =
    r#"mkdir -p "$2" && mount --bind "$1" "$2" && export DISTCC_DIR="$2" && shift 2 && exec "$@""#;

/// What starts a shell as pid 1 of new namespaces; `None`, and a word, where that is not allowed.
#[expect(clippy::print_stderr, reason = "a test that is left out says so")]
fn unshare() -> Option<Vec<&'static str>> {
    let common = ["--pid", "--fork", "--kill-child", "--mount", "--propagation=private"];
    let as_root = ["unshare"].iter().chain(&common).copied().collect::<Vec<_>>();
    let as_user = ["unshare", "-U", "-r"].iter().chain(&common).copied().collect::<Vec<_>>();
    let found = [as_root, as_user].into_iter().find(|words| {
        let mut command = Command::new(words[0]);
        let command = command.args(&words[1..]).arg("true").stderr(Stdio::null());
        command.status().is_ok_and(|status| status.success())
    });
    if found.is_none() {
        eprintln!("skipped: this machine lets us make no pid and mount namespaces");
    }
    found
}

/// A volunteer that takes connections and never says a word.
struct Mute {
    port: u16,
    taken: Arc<Mutex<Vec<TcpStream>>>,
}

impl Mute {
    fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let taken = Arc::new(Mutex::new(Vec::new()));
        let list = Arc::clone(&taken);
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let stream = stream.unwrap();
                stream.set_nonblocking(true).unwrap();
                list.lock().unwrap().push(stream);
            }
        });
        Self { port, taken }
    }

    /// How many have connected, and how many of them are still there.
    fn connections(&self) -> (usize, usize) {
        let taken = self.taken.lock().unwrap();
        let is_there = |stream: &&TcpStream| {
            let mut bytes = [0; 65_536];
            loop {
                match std::io::Read::read(&mut &**stream, &mut bytes) {
                    Ok(0) => return false,
                    Ok(_) => {}
                    Err(error) => return error.kind() == std::io::ErrorKind::WouldBlock,
                }
            }
        };
        (taken.len(), taken.iter().filter(is_there).count())
    }

    /// Waits until `count` have connected. There are never more than `limit` at once.
    fn wait_for(&self, count: usize, limit: usize) {
        let deadline = Instant::now() + Duration::from_secs(30);
        loop {
            let (all, now) = self.connections();
            assert!(now <= limit, "{now} at once");
            if all >= count {
                return;
            }
            assert!(Instant::now() < deadline, "{all} have connected, not {count}");
            std::thread::sleep(Duration::from_millis(10));
        }
    }
}

/// A client in namespaces of its own, killed at the latest when this goes.
struct Client(Child);

impl Client {
    /// Kills it, as the kernel or an impatient person does.
    fn kill(&mut self) {
        // It may have ended by itself.
        drop(self.0.kill());
        self.0.wait().unwrap();
    }
}

impl Drop for Client {
    fn drop(&mut self) {
        self.kill();
    }
}

/// `words` in namespaces of their own, with the farm's state directory at `name`.
fn inside(farm: &Farm, unshare: &[&str], name: &str, words: &[&str]) -> Command {
    let mut command = Command::new(unshare[0]);
    command.args(&unshare[1..]).args(["sh", "-c", ENTER, "sh"]);
    command.arg(farm.path("distcc")).arg(farm.path(name)).args(words);
    command.current_dir(farm.work()).env_clear().env("PATH", SYSTEM_PATH);
    command.env("HOME", farm.path("home")).stdin(Stdio::null());
    command
}

fn client(farm: &Farm, unshare: &[&str], side: Side, unit: &str, hosts: &str) -> Client {
    farm.write(&format!("{unit}.i"), "int x;\n");
    let program = side.client();
    let source = format!("{unit}.i");
    let words = [program.to_str().unwrap(), "gcc", "-c", &source];
    let mut command = inside(farm, unshare, &format!("ns-{unit}"), &words);
    command.env("DISTCC_HOSTS", hosts).stderr(Stdio::null());
    Client(command.spawn().unwrap())
}

fn board(farm: &Farm) -> String {
    let output = Command::new(MONITOR).env("DISTCC_DIR", farm.path("distcc")).output().unwrap();
    String::from_utf8(output.stdout).unwrap()
}

fn wait_for_board(farm: &Farm, is_right: impl Fn(&str) -> bool) -> String {
    let deadline = Instant::now() + Duration::from_secs(30);
    loop {
        let text = board(farm);
        if is_right(&text) {
            return text;
        }
        assert!(Instant::now() < deadline, "on the board: {text:?}");
        std::thread::sleep(Duration::from_millis(10));
    }
}

#[test]
fn clients_of_four_namespaces_with_one_pid_share_two_slots_and_a_board() {
    let Some(unshare) = unshare() else { return };
    let farm = Farm::new();
    let mute = Mute::start();
    let hosts = format!("127.0.0.1:{}/2", mute.port);
    let start = |side, unit| client(&farm, &unshare, side, unit, &hosts);
    let mut ours = start(Side::Ours, "a");
    mute.wait_for(1, 2);
    let mut stock = start(Side::Stock, "b");
    mute.wait_for(2, 2);
    let text = wait_for_board(&farm, |text| text.matches("127.0.0.1[").count() == 2);
    for (unit, slot) in [("  a.i ", " 127.0.0.1[0]"), ("  b.i ", " 127.0.0.1[1]")] {
        let has = |line: &str| line.contains(unit) && line.ends_with(slot);
        assert!(text.lines().any(has), "{text}");
    }
    assert_eq!(text.lines().filter(|line| line.starts_with("     1  ")).count(), 2, "{text}");

    let (mut third, mut fourth) = (start(Side::Ours, "c"), start(Side::Stock, "d"));
    ours.kill();
    mute.wait_for(3, 2);
    stock.kill();
    mute.wait_for(4, 2);
    let text = wait_for_board(&farm, |text| text.matches("127.0.0.1[").count() == 2);
    assert!(text.contains("c.i") && text.contains("d.i"), "{text}");
    third.kill();
    fourth.kill();
    // Each ends a moment after what started its namespace.
    wait_for_board(&farm, |text| text == "\n");

    // Neither slot nor turnstile is left to anybody.
    let mut next = [start(Side::Ours, "e"), start(Side::Ours, "f")];
    mute.wait_for(6, 2);
    next.iter_mut().for_each(Client::kill);
}

#[test]
fn one_that_waits_in_a_namespace_is_woken_by_one_outside() {
    let Some(unshare) = unshare() else { return };
    let farm = Farm::new();
    let mute = Mute::start();
    let hosts = format!("127.0.0.1:{}/1", mute.port);
    farm.write("out.i", "int x;\n");
    let mut command = Command::new(Side::Ours.client());
    command.args(["gcc", "-c", "out.i"]).current_dir(farm.work()).stderr(Stdio::null());
    command.env("DISTCC_DIR", farm.path("distcc")).env("DISTCC_HOSTS", &hosts);
    let mut outside = Client(command.spawn().unwrap());
    mute.wait_for(1, 1);
    // Only waking can serve it: it looks again by itself after an hour.
    farm.write("in.i", "int x;\n");
    let program = Side::Ours.client();
    let words = [program.to_str().unwrap(), "gcc", "-c", "in.i"];
    let mut command = inside(&farm, &unshare, "ns-in", &words);
    command.env("DISTCC_HOSTS", &hosts).env("DISTCC_PAUSE_TIME_MSEC", "3600000");
    let _inside = Client(command.stderr(Stdio::null()).spawn().unwrap());
    let waits = farm.path("distcc/lock/queue_volunteer");
    let deadline = Instant::now() + Duration::from_secs(30);
    while !is_locked(&waits) {
        assert!(Instant::now() < deadline, "nobody waits");
        std::thread::sleep(Duration::from_millis(10));
    }
    outside.kill();
    mute.wait_for(2, 1);
}

fn is_locked(path: &Path) -> bool {
    let (dir, name) = (path.parent().unwrap(), path.file_name().unwrap());
    makepkg_distcc::slots::lockfile::is_taken(dir, name.to_str().unwrap())
}

/// What a command in a namespace said; it has to succeed.
fn done(output: Output) -> String {
    assert!(output.status.success(), "{output:?}");
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn what_a_namespace_compiled_and_learnt_is_known_outside() {
    let Some(unshare) = unshare() else { return };
    let farm = Farm::with(Side::Ours);
    farm.write("a.c", "int a(void) { return 1; }\n");
    let program = Side::Ours.client();
    let build = "hello:extra-x86_64/me";
    for words in [
        [SETUP, "report", "--mark", build],
        [program.to_str().unwrap(), "gcc", "-c", "a.c"],
        [SETUP, "report", "--mark", "hello:extra-x86_64/other"],
    ] {
        let mut command = inside(&farm, &unshare, "ns", &words);
        command.env("DISTCC_HOSTS", farm.hosts("")).env("DISTCC_BUILD", build);
        done(command.output().unwrap());
    }
    let report = |arguments: &[&str]| {
        let mut command = Command::new(SETUP);
        command.arg("report").args(arguments).env("DISTCC_DIR", farm.path("distcc"));
        done(command.output().unwrap())
    };
    let text = report(&[&format!("--last-build={build}")]);
    assert!(text.contains("Build of hello in extra-x86_64/me, since "), "{text}");
    assert!(text.contains("\n1 unit compiled by volunteers\n"), "{text}");
    // The newer build of the same package, in another copy, has compiled nothing yet.
    let text = report(&["--last-build=hello"]);
    assert!(text.contains("hello in extra-x86_64/other has called no compiler"), "{text}");
    let known: Vec<_> = names_in(&farm.path("distcc/compilers"));
    assert!(known.iter().any(|name| name.starts_with("same_")), "{known:?}");
}

fn names_in(dir: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(dir).unwrap();
    entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
}

#[test]
fn two_roots_whose_compilers_have_one_name_and_age_are_two_compilers() {
    let Some(unshare) = unshare() else { return };
    let farm = Farm::with(Side::Ours);
    farm.write("a.c", "int a(void) { return 1; }\n");
    farm.compilers("root-one", "exec \"$real\" \"$@\"");
    let mut cp = Command::new("cp");
    cp.arg("-a").arg(farm.path("root-one")).arg(farm.path("root-two"));
    assert!(cp.status().unwrap().success());
    let farm_bin = farm.path("bin");
    let path = format!("{}:{SYSTEM_PATH}", farm_bin.display());
    let program = Side::Ours.client();
    let script = "mkdir -p \"$1\" && mount --bind \"$2\" \"$1\" && exec \"$3\" gcc -c a.c";
    for root in ["root-one", "root-two", "root-one"] {
        let root = farm.path(root);
        let words = [
            "sh",
            "-c",
            script,
            "sh",
            farm_bin.to_str().unwrap(),
            root.to_str().unwrap(),
            program.to_str().unwrap(),
        ];
        let mut command = inside(&farm, &unshare, "ns", &words);
        command.env("DISTCC_HOSTS", farm.hosts("")).env("PATH", &path);
        done(command.output().unwrap());
    }
    let names = names_in(&farm.path("distcc/compilers"));
    let probes = names.iter().filter(|name| name.starts_with("local_")).count();
    assert_eq!(probes, 2, "{names:?}");
    assert!(!names.iter().any(|name| name.starts_with("probe")), "{names:?}");
}

/// Compiles, says so, waits for the other, and compiles again.
const FIRST: &str = "mount --bind \"$1\" inc && \"$2\" gcc -Iinc -c a.c -o first.o && echo >first
    while ! test -e second; do sleep 0.02; done
    \"$2\" gcc -Iinc -c a.c -o again.o";
/// Compiles while the first agent is there, and counts sockets.
const SECOND: &str = "mount --bind \"$1\" inc && \"$2\" gcc -Iinc -c a.c -o second.o
    ls \"$DISTCC_DIR\"/agent/*/socket >sockets; echo >second";

#[test]
fn each_namespace_has_an_agent_that_reads_its_own_files() {
    let Some(unshare) = unshare() else { return };
    let farm = Farm::with(Side::Stock);
    let source = "#include <v.h>\nint a(void) { return V; }\n";
    farm.write("a.c", source);
    farm.write("inc/.keep", "");
    for (dir, value) in [("one", 1), ("two", 2)] {
        farm.write(&format!("{dir}/v.h"), &format!("#define V {value}\n"));
        farm.local(&format!("gcc -I{dir} -c a.c -o {dir}.o")).output().quiet_success();
    }
    let program = Side::Ours.client().to_str().unwrap();
    let start = |name: &str, script: &str, dir: &str| {
        let words = ["sh", "-ec", script, "sh", dir, program];
        let mut command = inside(&farm, &unshare, name, &words);
        command.env("DISTCC_HOSTS", farm.hosts("/4,cpp,lzo")).env("DISTCC_FALLBACK", "0");
        Client(command.spawn().unwrap())
    };
    let mut first = start("ns-first", FIRST, "one");
    let deadline = Instant::now() + Duration::from_secs(30);
    while !farm.work().join("first").exists() {
        assert!(Instant::now() < deadline, "the first has not compiled");
        std::thread::sleep(Duration::from_millis(10));
    }
    let mut second = start("ns-second", SECOND, "two");
    assert!(second.0.wait().unwrap().success());
    assert!(first.0.wait().unwrap().success());
    let sockets = String::from_utf8(farm.read("sockets")).unwrap();
    assert_eq!(sockets.lines().count(), 2, "{sockets}");
    for (made, local) in [("first.o", "one.o"), ("second.o", "two.o"), ("again.o", "one.o")] {
        assert!(farm.read(made) == farm.read(local), "{made} is not {local}");
    }
}
