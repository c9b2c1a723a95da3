//! Signals that come to the client while a command runs here.

use std::io::{BufRead, BufReader};
use std::os::unix::process::ExitStatusExt;
use std::process::{Command, Stdio};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

/// Runs `script` through distcc in a shell, sends `signal` to distcc once the script has said that
/// it is ready, and gives what the script said after that, and the signal that distcc ended by.
fn signalled(prefix: &[&str], script: &str, signal: Signal) -> (String, Option<i32>) {
    let home = tempfile::tempdir().unwrap();
    let mut words = prefix.to_vec();
    words.extend([env!("CARGO_BIN_EXE_distcc"), "sh", "-c", script]);
    let mut child = Command::new(words[0])
        .args(&words[1..])
        .env("DISTCC_DIR", home.path())
        .env("DISTCC_HOSTS", "localhost")
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    assert_eq!(lines.next().unwrap().unwrap(), "ready");
    kill(Pid::from_raw(child.id().cast_signed()), signal).unwrap();
    let rest: Vec<String> = lines.map(Result::unwrap).collect();
    (rest.join("\n"), child.wait().unwrap().signal())
}

#[test]
fn compiler_that_runs_here_is_told_of_the_signal_and_then_we_end_by_it() {
    let script = "trap 'echo cleaned up; exit 3' TERM; echo ready; sleep 60 >&- & wait; echo late";
    let (said, ended_by) = signalled(&[], script, Signal::SIGTERM);
    assert_eq!(said, "cleaned up");
    assert_eq!(ended_by, Some(Signal::SIGTERM as i32));
}

#[test]
fn signal_that_nohup_ignores_stays_ignored() {
    let script = "echo ready; sleep 1; echo still here";
    let (said, ended_by) = signalled(&["nohup"], script, Signal::SIGHUP);
    assert_eq!(said, "still here");
    assert_eq!(ended_by, None);
}

#[test]
fn compiler_that_runs_here_has_no_signal_blocked() {
    let home = tempfile::tempdir().unwrap();
    let output = Command::new(env!("CARGO_BIN_EXE_distcc"))
        .args(["grep", "-E", "SigBlk|SigIgn", "/proc/self/status"])
        .env("DISTCC_DIR", home.path())
        .env("DISTCC_HOSTS", "localhost")
        .output()
        .unwrap();
    let status = String::from_utf8(output.stdout).unwrap();
    assert!(status.contains("SigBlk:\t0000000000000000"), "{status}");
    let sigpipe = 1_u64 << (Signal::SIGPIPE as u32 - 1);
    let ignored = status.lines().find_map(|line| line.strip_prefix("SigIgn:\t")).unwrap();
    assert_eq!(u64::from_str_radix(ignored, 16).unwrap() & sigpipe, 0);
}
