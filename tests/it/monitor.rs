//! The board between our programs and distcc 3.4's, both ways.

use std::io::{BufRead, BufReader, Read};
use std::net::TcpListener;
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Output, Stdio};
use std::time::{Duration, Instant};

use makepkg_distcc::progress::board::Post;
use makepkg_distcc::progress::phase::Phase;

const OURS: &str = env!("CARGO_BIN_EXE_distccmon-text");
const THEIRS: &str = "/usr/bin/distccmon-text";
/// Tells [`helper_that_posts_until_it_is_killed`] where; without it, it does nothing.
const HELPER_DIR: &str = "MONITOR_TEST_DIR";

fn monitor(program: &str, args: &[&str], distcc_dir: &Path) -> Command {
    let mut command = Command::new(program);
    command.args(args).env("DISTCC_DIR", distcc_dir);
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

/// Runs a monitor once on the board of `distcc_dir`.
fn run(program: &str, args: &[&str], distcc_dir: &Path) -> Output {
    monitor(program, args, distcc_dir).output().unwrap()
}

fn shown(program: &str, distcc_dir: &Path) -> String {
    let output = run(program, &[], distcc_dir);
    assert!(output.status.success(), "{output:?}");
    String::from_utf8(output.stdout).unwrap()
}

/// Status, stdout and stderr as one text, without what differs from run to run.
fn told(child: std::io::Result<Child>, distcc_dir: &Path) -> String {
    let child = child.unwrap();
    let pid = format!("[{}]", child.id());
    let output = child.wait_with_output().unwrap();
    let stderr = String::from_utf8_lossy(&output.stderr)
        .replace(distcc_dir.to_str().unwrap(), "DIR")
        .replace(&pid, "[PID]");
    let code = output.status.code().unwrap();
    format!("[{code}]\n{}------- stderr -------\n{stderr}", String::from_utf8_lossy(&output.stdout))
}

/// Waits until `program` shows a line with `word` on the board; gives all it showed then.
fn wait_for(word: &str, program: &str, distcc_dir: &Path) -> String {
    let deadline = Instant::now() + Duration::from_secs(20);
    loop {
        let text = shown(program, distcc_dir);
        if text.contains(word) {
            return text;
        }
        assert!(Instant::now() < deadline, "no `{word}` on the board: {text:?}");
        std::thread::sleep(Duration::from_millis(10));
    }
}

/// A child that is killed and reaped at the end of its test.
struct Reaped(Child);

impl Reaped {
    fn kill(&mut self) -> ExitStatus {
        // It may have ended by itself.
        drop(self.0.kill());
        self.0.wait().unwrap()
    }
}

impl Drop for Reaped {
    fn drop(&mut self) {
        self.kill();
    }
}

/// This test program again, as a client of ours that holds a post; `through` starts it.
fn client(through: &[&str], distcc_dir: &Path) -> Reaped {
    let own = std::env::current_exe().unwrap();
    let mut words = through.iter().map(std::ffi::OsString::from).collect::<Vec<_>>();
    words.push(own.into());
    let mut command = Command::new(&words[0]);
    command.args(&words[1..]).args(["--ignored", "--exact"]);
    command.arg("monitor::helper_that_posts_until_it_is_killed");
    command.env(HELPER_DIR, distcc_dir).stdout(Stdio::null()).stderr(Stdio::null());
    Reaped(command.spawn().unwrap())
}

#[test]
#[ignore = "no test, but a process that other tests start"]
fn helper_that_posts_until_it_is_killed() {
    let Some(dir) = std::env::vars_os().find_map(|(name, dir)| (name == HELPER_DIR).then_some(dir))
    else {
        return;
    };
    let mut post = Post::new(&Path::new(&dir).join("state"));
    post.publish(Phase::Send, b"/src/helper.c", "vol", 1);
    std::thread::sleep(Duration::from_secs(60));
}

#[test]
fn the_c_monitor_shows_our_jobs_and_so_does_ours() {
    let dir = tempfile::tempdir().unwrap();
    let mut post = Post::new(&dir.path().join("state"));
    for phase in Phase::ALL.into_iter().filter(|phase| *phase != Phase::Done) {
        post.publish(phase, b"/src/deep/main.c", "192.168.10.2", 3);
        let expected = format!(
            "{:6}  {:<10}  main.c                                     192.168.10.2[3]\n\n",
            std::process::id(),
            phase.name()
        );
        assert_eq!(shown(THEIRS, dir.path()), expected);
        assert_eq!(shown(OURS, dir.path()), expected);
    }
    // Neither shows what is over, however it ends.
    post.publish(Phase::Done, b"/src/deep/main.c", "192.168.10.2", 3);
    assert_eq!(shown(THEIRS, dir.path()), "\n");
    assert_eq!(shown(OURS, dir.path()), "\n");
    drop(post);
    assert_eq!(shown(OURS, dir.path()), "\n");
}

#[test]
fn our_monitor_shows_the_c_clients_job_until_it_is_killed() {
    let dir = tempfile::tempdir().unwrap();
    // A volunteer that takes the connection and never says a word.
    let volunteer = TcpListener::bind("127.0.0.1:0").unwrap();
    let source = dir.path().join("slow.i");
    std::fs::File::create(&source).unwrap();
    let mut client = Reaped(
        Command::new("/usr/bin/distcc")
            .args(["gcc", "-c", "slow.i", "-o", "slow.o"])
            .current_dir(dir.path())
            .env("DISTCC_DIR", dir.path())
            .env("DISTCC_HOSTS", format!("127.0.0.1:{}", volunteer.local_addr().unwrap().port()))
            .stderr(Stdio::null())
            .spawn()
            .unwrap(),
    );
    let ours = wait_for("Compile", OURS, dir.path());
    assert_eq!(ours, shown(THEIRS, dir.path()));
    assert!(ours.contains("slow.i") && ours.contains(" 127.0.0.1[0]\n"), "{ours}");
    client.kill();
    assert_eq!(shown(OURS, dir.path()), "\n");
}

#[test]
fn a_killed_client_is_gone_from_the_board_at_once() {
    let dir = tempfile::tempdir().unwrap();
    let mut client = client(&[], dir.path());
    wait_for("helper.c", OURS, dir.path());
    client.kill();
    assert_eq!(shown(OURS, dir.path()), "\n");
}

#[test]
fn our_monitor_sees_into_other_pid_namespaces() {
    let as_root: &[&str] = &["unshare", "--pid", "--fork", "--kill-child"];
    let as_user: &[&str] = &["unshare", "-U", "-r", "--pid", "--fork", "--kill-child"];
    let works = |start: &&&[&str]| {
        let mut command = Command::new(start[0]);
        let command = command.args(&start[1..]).arg("true").stderr(Stdio::null());
        command.status().is_ok_and(|status| status.success())
    };
    let Some(start) = [as_root, as_user].iter().find(works).copied() else {
        eprintln!("this machine lets us make no pid namespace");
        return;
    };
    let dir = tempfile::tempdir().unwrap();
    let _client = client(start, dir.path());
    let text = wait_for("helper.c", OURS, dir.path());
    assert!(text.contains("Send"), "{text}");
}

#[test]
fn it_repeats_and_stops_quietly_when_nobody_reads_any_more() {
    let dir = tempfile::tempdir().unwrap();
    let mut command = Command::new(OURS);
    command.arg("0.01").env("DISTCC_DIR", dir.path());
    let mut monitor =
        Reaped(command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap());
    let mut lines = BufReader::new(monitor.0.stdout.take().unwrap()).lines();
    for _ in 0..3 {
        assert_eq!(lines.next().unwrap().unwrap(), "");
    }
    drop(lines);
    assert!(monitor.0.wait().unwrap().success());
    let mut said = String::new();
    monitor.0.stderr.take().unwrap().read_to_string(&mut said).unwrap();
    assert_eq!(said, "");
}

#[test]
fn help_and_version_are_answers_and_anything_else_is_a_mistake() {
    let dir = tempfile::tempdir().unwrap();
    let answer = |args| told(monitor(OURS, args, dir.path()).spawn(), dir.path());
    let help = answer(&["--help"]);
    insta::assert_snapshot!(help, @r"
    [0]
    usage: distccmon-text [DELAY]

    Shows what the distcc clients of this user are compiling now, a line for each.

    With DELAY, a number of seconds such as 2 or 0.5, it shows so again and again;
    without it, once.

      --help     this text
      --version  which distccmon-text this is

    Clients tell about themselves in $DISTCC_DIR/state (default: ~/.distcc/state).
    ------- stderr -------
    ");
    assert_eq!(
        answer(&["2x"]) + "------- stderr -------\n",
        help.replace("[0]\n", "[1]\n------- stderr -------\n")
    );
    assert!(run(OURS, &["--version"], dir.path()).status.success());
    assert_eq!(run(OURS, &["1", "2"], dir.path()).status.code(), Some(1));
    assert_eq!(run(THEIRS, &["1", "2"], dir.path()).status.code(), Some(1));
}

#[test]
fn a_directory_that_is_not_there_is_explained() {
    let dir = tempfile::tempdir().unwrap();
    let missing = dir.path().join("missing");
    insta::assert_snapshot!(told(monitor(OURS, &[], &missing).spawn(), dir.path()), @r"
    [107]
    ------- stderr -------
    distccmon-text[PID] ERROR: DISTCC_DIR is DIR/missing, and there is no such directory; set it as the build that you want to watch has it
    ");
    assert_eq!(run(OURS, &[], &missing).status, run(THEIRS, &[], &missing).status);
    assert!(!missing.exists());
    let nowhere = monitor(OURS, &[], &missing).env_clear().spawn();
    insta::assert_snapshot!(told(nowhere, dir.path()), @r"
    [101]
    ------- stderr -------
    distccmon-text[PID] ERROR: neither DISTCC_DIR nor HOME is set, so there is no telling where to look
    ");
}
