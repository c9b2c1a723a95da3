//! How our daemon starts, listens, is told things, and ends.

use std::fs;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::os::fd::OwnedFd;
use std::os::unix::net::{UnixDatagram, UnixStream};
use std::path::Path;
use std::process::{Command, Stdio};
use std::thread;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use rustix::event::{PollFd, PollFlags, Timespec};

use crate::volunteer::{
    DISTCCD, PATIENCE, Place, Volunteer, free_port, hello, parse, runs, wait_until,
};

/// A file of the source tree.
fn tree_file(name: &str) -> String {
    fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(name)).unwrap()
}

#[test]
fn both_families_are_served_by_default() {
    let place = Place::new();
    let mut command = place.distccd();
    let port = free_port();
    command.args(["--no-detach", "--daemon", "--enable-tcp-insecure", "--verbose", "--log-file"]);
    command.arg(place.log_file()).arg("--port").arg(port.to_string());
    let child = command.spawn().unwrap();
    let volunteer = Volunteer { place, child, port };
    volunteer.wait_for_log("daemon started");
    volunteer.assert_serves();
    if TcpListener::bind("[::1]:0").is_ok() {
        let mut stream = TcpStream::connect(("::1", port)).unwrap();
        stream.write_all(&hello()).unwrap();
        let mut reply = Vec::new();
        stream.read_to_end(&mut reply).unwrap();
        assert_eq!(parse(&reply).0, 0);
        volunteer.wait_for_log("client: [::1]:");
    }
    volunteer.wait_for_log("client: 127.0.0.1:");
}

#[test]
fn hup_keeps_jobs_and_opens_the_log_again() {
    let volunteer = Place::new().with_program("gcc", "sleep 1; echo done").start(&[]);
    let mut stream = volunteer.connect();
    stream.write_all(&hello()).unwrap();
    volunteer.wait_for_log("compile from hello.c");
    fs::rename(volunteer.place.log_file(), volunteer.place.path().join("run/log.1")).unwrap();
    volunteer.signal(Signal::SIGHUP);
    volunteer.wait_for_log("settings read again");
    let mut reply = Vec::new();
    stream.read_to_end(&mut reply).unwrap();
    assert_eq!(parse(&reply).2, "done\n");
    volunteer.wait_for_log("COMPILE_OK");
}

#[test]
fn told_to_stop_it_ends_compilers_and_leaves_nothing() {
    let nap = "8804.5";
    let volunteer = Place::new()
        .with_program("gcc", &format!("trap '' TERM; touch litter; sleep {nap}; sleep {nap}"))
        .start(&["-j", "2", "--stop-grace", "0"]);
    let mut streams: Vec<TcpStream> = (0..4).map(|_| volunteer.connect()).collect();
    for stream in &mut streams {
        stream.write_all(&hello()).unwrap();
    }
    wait_until("the compiler to run", || runs(nap));
    let (status, place) = volunteer.stop();
    assert!(status.success(), "{}", place.log());
    wait_until("the compiler to die", || !runs(nap));
    place.assert_clean();
    for mut stream in streams {
        assert_eq!(stream.read(&mut [0; 16]).unwrap_or(0), 0);
    }
}

#[test]
fn told_to_stop_it_lets_quick_compiles_finish_and_sends_what_they_made() {
    let big = "sleep 0.5; dd if=/dev/zero of=distccd-output.o bs=1048576 count=24 2>/dev/null";
    let volunteer = Place::new().with_program("gcc", big).start(&["--stop-grace", "60"]);
    let mut stream = volunteer.connect();
    stream.write_all(&hello()).unwrap();
    volunteer.wait_for_log("compile from hello.c");
    let client = thread::spawn(move || {
        let mut reply = Vec::new();
        stream.read_to_end(&mut reply).unwrap();
        parse(&reply).3.len()
    });
    let (status, _) = volunteer.stop();
    assert!(status.success());
    assert_eq!(client.join().unwrap(), 24 << 20);
}

#[test]
fn bad_options_end_with_101_and_write_no_pid_file() {
    let place = Place::new();
    let pid_file = place.path().join("run/pid");
    for options in [
        "gcc-path --bogus-option",
        "--port 80000",
        "--jobs 0",
        "--allow 1.2.3.4/40",
        "--allow x/y",
        "--jobs",
    ] {
        let done = place
            .distccd()
            .args(["--daemon", "--pid-file"])
            .arg(&pid_file)
            .args(options.split(' '))
            .output()
            .unwrap();
        assert_eq!(done.status.code(), Some(101), "{options}: {done:?}");
        assert!(String::from_utf8_lossy(&done.stderr).contains("ERROR: "), "{options}: {done:?}");
        assert!(!pid_file.exists(), "{options}");
    }
}

#[test]
fn a_port_in_use_ends_with_102_also_when_detaching() {
    let place = Place::new();
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port().to_string();
    for options in [&["--no-detach"][..], &[]] {
        let done = place
            .distccd()
            .args(["--daemon", "--allow-private", "--enable-tcp-insecure"])
            .args(["--listen", "127.0.0.1", "--port", &port, "--pid-file"])
            .arg(place.path().join("run/pid"))
            .args(options)
            .output()
            .unwrap();
        assert_eq!(done.status.code(), Some(102), "{done:?}");
        assert!(!place.path().join("run/pid").exists());
    }
}

/// While it is there, orphans become this process's own: process 1 may not reap what is not. No
/// longer, or those of other tests stay where nobody waits for them.
struct Reaper;

impl Reaper {
    fn new() -> Self {
        rustix::process::set_child_subreaper(rustix::process::Pid::from_raw(1)).unwrap();
        Self
    }
}

impl Drop for Reaper {
    fn drop(&mut self) {
        rustix::process::set_child_subreaper(None).unwrap();
    }
}

#[test]
fn detached_it_serves_when_its_parent_returns_and_removes_its_pid_file() {
    let _reaper = Reaper::new();
    let place = Place::new();
    let pid_file = place.path().join("run/pid");
    let port = free_port();
    // A make that waits for the end of the pipe at 9 must not wait for the daemon.
    let mut parent = Command::new("/bin/sh")
        .args(["-c", "exec 9>&1 >/dev/null; exec \"$0\" \"$@\"", DISTCCD])
        .args(["--daemon", "--allow", "127.0.0.1", "--enable-tcp-insecure"])
        .args(["--listen", "127.0.0.1", "--port", &port.to_string(), "--verbose", "--log-file"])
        .arg(place.log_file())
        .arg("--pid-file")
        .arg(&pid_file)
        .env("TMPDIR", place.tmp())
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let status = parent.wait().unwrap();
    assert!(status.success(), "{}", place.log());
    let pipe = parent.stdout.take().unwrap();
    let mut left_open = [PollFd::new(&pipe, PollFlags::IN)];
    rustix::event::poll(&mut left_open, Some(&Timespec { tv_sec: 60, tv_nsec: 0 })).unwrap();
    assert_eq!(left_open[0].revents(), PollFlags::HUP);
    let mut stream = TcpStream::connect(("127.0.0.1", port)).unwrap();
    stream.write_all(&hello()).unwrap();
    let mut reply = Vec::new();
    stream.read_to_end(&mut reply).unwrap();
    assert_eq!(parse(&reply).0, 0);
    let text = fs::read_to_string(&pid_file).unwrap();
    let pid = Pid::from_raw(text.strip_suffix('\n').unwrap().parse().unwrap());
    kill(pid, Signal::SIGTERM).unwrap();
    nix::sys::wait::waitpid(pid, None).unwrap();
    assert!(!pid_file.exists());
    place.assert_clean();
}

#[test]
fn a_supervisor_is_told_when_it_is_ready_reloads_and_stops() {
    let place = Place::new();
    let path = place.path().join("run/notify");
    let socket = UnixDatagram::bind(&path).unwrap();
    socket.set_read_timeout(Some(PATIENCE)).unwrap();
    crate::volunteer::allow(&path, 0o666);
    let volunteer = place.start_as(&[], |command| {
        command.env("NOTIFY_SOCKET", &path);
    });
    let hear = || {
        let mut bytes = [0; 1000];
        let count = socket.recv(&mut bytes).unwrap();
        String::from_utf8(bytes[..count].to_vec()).unwrap()
    };
    assert!(hear().starts_with("READY=1\n"));
    volunteer.signal(Signal::SIGHUP);
    assert!(hear().starts_with("RELOADING=1\nMONOTONIC_USEC="));
    assert!(hear().starts_with("READY=1\n"));
    volunteer.signal(Signal::SIGTERM);
    assert_eq!(hear(), "STOPPING=1");
}

#[test]
fn sockets_of_systemd_are_served() {
    let place = Place::new();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    // What systemd does: the socket becomes descriptor 3, and the variables name the process.
    let script = "exec 3<&0 </dev/null; LISTEN_FDS=1 LISTEN_PID=$$ exec \"$0\" \"$@\"";
    let child = Command::new("/bin/sh")
        .args(["-c", script, DISTCCD])
        .args(["--no-detach", "--daemon", "--allow", "127.0.0.1", "--enable-tcp-insecure"])
        .args(["--verbose", "--log-file"])
        .arg(place.log_file())
        .env("TMPDIR", place.tmp())
        .stdin(OwnedFd::from(listener))
        .spawn()
        .unwrap();
    let volunteer = Volunteer { place, child, port };
    volunteer.wait_for_log(&format!("listening on 127.0.0.1:{port}"));
    volunteer.assert_serves();
}

#[test]
fn one_client_on_a_socket_is_served_without_being_told_so() {
    let place = Place::new();
    for options in [&[][..], &["--inetd"]] {
        let (mut ours, theirs) = UnixStream::pair().unwrap();
        let mut child = place
            .distccd()
            .args(options)
            .args(["--enable-tcp-insecure", "--log-stderr"])
            .stdin(OwnedFd::from(theirs.try_clone().unwrap()))
            .stdout(OwnedFd::from(theirs))
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        ours.set_read_timeout(Some(PATIENCE)).unwrap();
        ours.write_all(&hello()).unwrap();
        let mut reply = Vec::new();
        ours.read_to_end(&mut reply).unwrap();
        assert_eq!(parse(&reply).0, 0);
        assert!(child.wait().unwrap().success());
        place.assert_clean();
    }
}

fn inetd_on_pipes(place: &Place) -> std::process::Child {
    place
        .distccd()
        .args(["--inetd", "--enable-tcp-insecure", "--log-stderr"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap()
}

#[test]
fn one_client_on_two_pipes_is_served_as_ssh_needs_it() {
    let place = Place::new();
    let mut child = inetd_on_pipes(&place);
    let mut stdin = child.stdin.take().unwrap();
    stdin.write_all(&hello()).unwrap();
    let mut reply = Vec::new();
    child.stdout.take().unwrap().read_to_end(&mut reply).unwrap();
    assert_eq!(parse(&reply).0, 0);
    assert!(child.wait().unwrap().success());
    place.assert_clean();
}

#[test]
fn a_pipe_that_closes_takes_the_compiler_with_it() {
    let nap = "8805.5";
    let place = Place::new().with_program("gcc", &format!("sleep {nap}"));
    let mut child = inetd_on_pipes(&place);
    let mut stdin = child.stdin.take().unwrap();
    stdin.write_all(&hello()).unwrap();
    wait_until("the compiler to run", || runs(nap));
    drop(stdin);
    assert!(!child.wait().unwrap().success());
    place.assert_clean();
    wait_until("the compiler to die", || !runs(nap));
}

#[test]
fn a_signal_ends_a_job_on_pipes_and_leaves_nothing() {
    let nap = "8806.5";
    let place = Place::new().with_program("gcc", &format!("sleep {nap}"));
    let mut child = inetd_on_pipes(&place);
    let mut stdin = child.stdin.take().unwrap();
    stdin.write_all(&hello()).unwrap();
    wait_until("the compiler to run", || runs(nap));
    kill(Pid::from_raw(child.id().cast_signed()), Signal::SIGTERM).unwrap();
    child.wait().unwrap();
    place.assert_clean();
    wait_until("the compiler to die", || !runs(nap));
}

#[test]
fn lifetime_ends_the_daemon() {
    let mut volunteer = Place::new().start(&["--lifetime", "1"]);
    assert!(volunteer.child.wait().unwrap().success());
}

#[test]
fn help_and_version_are_for_people_and_scripts() {
    let place = Place::new();
    let help = place.distccd().arg("--help").output().unwrap();
    assert!(help.status.success());
    assert!(String::from_utf8(help.stdout).unwrap().contains("Usage: distccd"));
    let version = place.distccd().arg("--version").output().unwrap();
    let text = String::from_utf8(version.stdout).unwrap();
    assert!(text.starts_with("distccd 3.4 ") && text.contains("(default port 3632)"), "{text}");
}

#[test]
fn a_parent_that_discards_its_children_is_no_trouble() {
    let volunteer = Place::new().start_as(&[], |command| {
        let mut shell = Command::new("/bin/sh");
        shell.args(["-c", "trap '' CHLD; exec \"$0\" \"$@\""]).arg(command.get_program());
        shell.args(command.get_args()).stdin(Stdio::null());
        for (name, value) in command.get_envs() {
            match value {
                Some(value) => shell.env(name, value),
                None => shell.env_remove(name),
            };
        }
        *command = shell;
    });
    volunteer.assert_serves();
}

#[test]
fn options_of_the_unit_and_its_settings_are_known() {
    let settings = tree_file("systemd/conf.d/distccd");
    let args: Vec<&str> = settings
        .lines()
        .filter_map(|line| line.trim_start_matches('#').strip_prefix("DISTCC_ARGS=\""))
        .map(|rest| rest.strip_suffix('"').unwrap())
        .collect();
    assert_eq!(args[0], "--allow 127.0.0.1", "Arch's own default");
    let unit = tree_file("systemd/distccd.service");
    let line = unit.lines().find_map(|line| line.strip_prefix("ExecStart=")).unwrap();
    for args in args {
        let call = line.replace("$DISTCC_ARGS", args);
        let argv: Vec<_> = call.split(' ').map(std::ffi::OsString::from).collect();
        let asked = makepkg_distcc::daemon::cli::read(&argv);
        assert!(matches!(asked, Ok(makepkg_distcc::daemon::cli::Asked::Serve(_))), "{call}");
    }
}
