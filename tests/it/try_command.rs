//! `distcc-setup try`: what it does, what it says, and that nothing of it is left, however it ends.

use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

/// Longest that anything here may take; only a test that fails waits so long.
const PATIENCE: Duration = Duration::from_secs(120);
/// The user that a test that runs as root becomes where root is not what it is about.
const NOBODY: u32 = 65534;

/// A directory of programs and another for everything `try` makes, both of which anyone can reach.
struct Place {
    top: tempfile::TempDir,
}

impl Place {
    fn new() -> Self {
        let top = tempfile::tempdir().unwrap();
        let place = Self { top };
        for (dir, mode) in [("", 0o755), ("bin", 0o755), ("tmp", 0o1777), ("work", 0o1777)] {
            let dir = place.top.path().join(dir);
            std::fs::create_dir_all(&dir).unwrap();
            std::fs::set_permissions(&dir, std::fs::Permissions::from_mode(mode)).unwrap();
        }
        place.install(env!("CARGO_BIN_EXE_distcc-setup"));
        place
    }

    fn with_programs() -> Self {
        let place = Self::new();
        place.install(env!("CARGO_BIN_EXE_distcc"));
        place.install(env!("CARGO_BIN_EXE_distccd"));
        place
    }

    fn install(&self, program: &str) {
        let program = Path::new(program);
        let copy = self.top.path().join("bin").join(program.file_name().unwrap());
        // By another process: what this one has open for writing, a process that another test
        // starts meanwhile has open too, and nobody can run it.
        let copied = Command::new("cp").args([program, &copy]).status().unwrap();
        assert!(copied.success());
    }

    fn tmp(&self) -> PathBuf {
        self.top.path().join("tmp")
    }

    fn work(&self) -> PathBuf {
        self.top.path().join("work")
    }

    /// `distcc-setup` with `words`, not run yet; not under the cargo that runs this test.
    fn setup(&self, words: &[&str]) -> Command {
        let mut command = Command::new(self.top.path().join("bin/distcc-setup"));
        command.args(words).current_dir(self.work()).env("TMPDIR", self.tmp());
        for name in ["CARGO", "CARGO_PKG_NAME", "MAKEFLAGS"] {
            command.env_remove(name);
        }
        command.stdin(Stdio::null());
        command
    }

    /// Runs a shell script with two volunteers.
    fn try_script(&self, script: &str) -> Output {
        self.setup(&["try", "--", "sh", "-c", script]).output().unwrap()
    }

    fn write(&self, name: &str, text: &str) {
        let path = self.work().join(name);
        makepkg_distcc::base::replace::write(&path, text.as_bytes(), 0o666).unwrap();
    }

    /// Fails unless no process and no file is left, within reason.
    fn assert_nothing_is_left(&self) {
        let begin = Instant::now();
        loop {
            let files: Vec<_> = std::fs::read_dir(self.tmp()).unwrap().flatten().collect();
            let processes = self.processes();
            if files.is_empty() && processes.is_empty() {
                return;
            }
            assert!(begin.elapsed() < PATIENCE, "left: {files:?}, {processes:?}");
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// The command lines of processes that name our directory. Zombies have none.
    fn processes(&self) -> Vec<String> {
        let tmp = self.tmp().display().to_string();
        let all = std::fs::read_dir("/proc").unwrap().flatten();
        let command_lines =
            all.filter_map(|entry| std::fs::read(entry.path().join("cmdline")).ok());
        command_lines
            .map(|line| String::from_utf8_lossy(&line).replace('\0', " "))
            .filter(|line| line.contains(&tmp))
            .collect()
    }

    /// Starts a trial whose command writes `ready` and then waits.
    fn start_waiting(&self) -> Child {
        let script = "echo $$ > ready.new; mv ready.new ready; exec sleep 1000";
        let mut command = self.setup(&["try", "--", "sh", "-c", script]);
        let child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let begin = Instant::now();
        while !self.work().join("ready").exists() {
            assert!(begin.elapsed() < PATIENCE, "the trial does not begin");
            std::thread::sleep(Duration::from_millis(10));
        }
        assert!(self.processes().len() >= 3, "a guard and two volunteers: {:?}", self.processes());
        child
    }

    /// Ends the command that [`Self::start_waiting`] left behind.
    fn end_waiting_command(&self) {
        let pid = std::fs::read_to_string(self.work().join("ready")).unwrap();
        let _ = kill(Pid::from_raw(pid.trim().parse().unwrap()), Signal::SIGKILL);
    }
}

fn pid(child: &Child) -> Pid {
    Pid::from_raw(i32::try_from(child.id()).unwrap())
}

fn stdout(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).unwrap()
}

/// The report with ports, sizes and times taken out, from its first line on.
fn report(output: &Output) -> String {
    let text = stdout(output);
    let mask = |word: &str| match word {
        word if word.starts_with("127.0.0.") => "ADDRESS".to_owned(),
        word if word.contains('.') && word.parse::<f64>().is_ok() => "N".to_owned(),
        word if word.parse::<u64>().is_ok_and(|number| number > 99) => "N".to_owned(),
        word => word.to_owned(),
    };
    let words = |line: &str| line.split_whitespace().map(mask).collect::<Vec<_>>().join(" ");
    let lines = text.lines().skip_while(|line| !line.ends_with(" compiled by volunteers"));
    lines.map(words).collect::<Vec<_>>().join("\n")
}

#[test]
fn the_sample_is_distributed_whole_and_its_objects_are_those_of_a_local_build() {
    let place = Place::with_programs();
    let output = place.setup(&["try"]).output().unwrap();
    let text = stdout(&output);
    assert_eq!(output.status.code(), Some(0), "{text}\n{output:?}");
    assert!(text.contains("53 units compiled by volunteers\n"), "{text}");
    assert!(text.contains("\n3 compiler commands ran here\n"), "{text}");
    assert!(text.contains("\n53 objects compared with a local build's\n"), "{text}");
    assert!(text.contains("and 53 dependency files, identical to the byte\n"), "{text}");
    assert!(!text.contains("DIFFERENT"), "{text}");
    assert!(text.contains("[53/53] "), "progress, a line a unit: {text}");
    place.assert_nothing_is_left();
}

#[test]
fn a_command_is_run_with_volunteers_and_reported() {
    let place = Place::with_programs();
    place.write("a.c", "int a(void) { return 1; }\n");
    place.write("b.c", "int b(void) { return 2; }\n");
    let script = "gcc -c a.c && gcc -c b.c && gcc -c -march=native a.c -o n.o && ls *.o";
    let output = place.try_script(script);
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    assert!(stdout(&output).contains("a.o\nb.o\nn.o\n"), "{output:?}");
    let report = report(&output);
    assert!(report.starts_with("2 units compiled by volunteers\n"), "{report}");
    assert!(report.contains("1 compiler command ran here\n1 -march=native: each"), "{report}");
    assert!(report.contains("\n(a.c)\n"), "{report}");
    place.assert_nothing_is_left();
}

#[test]
fn the_commands_own_exit_status_is_ours() {
    let place = Place::with_programs();
    assert_eq!(place.try_script("exit 7").status.code(), Some(7));
    assert_eq!(place.try_script("kill -9 $$").status.code(), Some(137));
    place.assert_nothing_is_left();
}

#[test]
fn lzo_and_the_number_of_volunteers_reach_the_host_list() {
    let place = Place::with_programs();
    let words = ["try", "-n3", "-j7", "--lzo", "--", "sh", "-c", "echo hosts $DISTCC_HOSTS"];
    let output = place.setup(&words).output().unwrap();
    let text = stdout(&output);
    let hosts = text.lines().find_map(|line| line.strip_prefix("hosts ")).unwrap();
    let hosts: Vec<_> = hosts.split(' ').collect();
    assert_eq!(hosts.len(), 3, "{hosts:?}");
    assert!(hosts.iter().all(|host| host.ends_with("/3,lzo")), "{hosts:?}");
    place.assert_nothing_is_left();
}

#[test]
fn pump_mode_is_tried_and_counted() {
    let place = Place::with_programs();
    place.install(env!("CARGO_BIN_EXE_distcc-agent"));
    place.write("a.c", "#include <stdio.h>\nint a(void) { return puts(__FILE__); }\n");
    let script =
        "case $DISTCC_HOSTS in *,cpp,lzo) gcc -c a.c && gcc -E a.c -o a.i && gcc -c a.i;; esac";
    let output = place.setup(&["try", "-n1", "--pump", "--", "sh", "-c", script]).output().unwrap();
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    let report = report(&output);
    let (_, report) = report.split_once("\n1 compiler command ran here\n").unwrap();
    insta::assert_snapshot!(report, @r"
    1 -E only preprocesses
    (a.c)

    1 unit went in pump mode
    1 unit did not, and was preprocessed here
    1 the source is preprocessed already
    (a.i)

    N s in all
    ");
    place.assert_nothing_is_left();
}

#[test]
fn a_kept_directory_has_logs_and_journal_and_no_volunteers() {
    let place = Place::with_programs();
    place.write("a.c", "int a;\n");
    let output = place.setup(&["try", "--keep", "--", "gcc", "-c", "a.c"]).output().unwrap();
    let text = stdout(&output);
    let kept = text.lines().find_map(|line| line.strip_prefix("Everything is kept in ")).unwrap();
    for name in ["distcc.log", "distcc/journal", "volunteer-1/log", "volunteer-2/log", "bin/gcc"] {
        assert!(Path::new(kept).join(name).exists(), "{name}");
    }
    std::fs::remove_dir_all(kept).unwrap();
    place.assert_nothing_is_left();
}

#[test]
fn a_signal_ends_command_volunteers_and_directory() {
    for signal in [Signal::SIGINT, Signal::SIGTERM, Signal::SIGHUP] {
        let place = Place::with_programs();
        let child = place.start_waiting();
        kill(pid(&child), signal).unwrap();
        let output = child.wait_with_output().unwrap();
        assert_eq!(output.status.code(), Some(128 + signal as i32), "{output:?}");
        let said = String::from_utf8(output.stderr).unwrap();
        assert!(said.contains(&format!("distcc-setup: interrupted by {signal}")), "{said}");
        place.end_waiting_command();
        place.assert_nothing_is_left();
    }
}

#[test]
fn killed_outright_it_leaves_nothing_either() {
    let place = Place::with_programs();
    let mut child = place.start_waiting();
    kill(pid(&child), Signal::SIGKILL).unwrap();
    assert_eq!(child.wait().unwrap().signal(), Some(9));
    place.end_waiting_command();
    place.assert_nothing_is_left();
}

#[test]
fn a_user_without_rights_gets_the_same() {
    let place = Place::with_programs();
    place.write("a.c", "int a(void) { return 1; }\n");
    let mut command = place.setup(&["try", "--", "gcc", "-c", "a.c"]);
    if nix::unistd::geteuid().is_root() {
        command.uid(NOBODY).gid(NOBODY);
    }
    let output = command.env("HOME", "/nonexistent").output().unwrap();
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    assert!(report(&output).starts_with("1 unit compiled by volunteers\n"), "{output:?}");
    place.assert_nothing_is_left();
}

#[test]
fn without_the_other_programs_it_says_what_to_do() {
    let place = Place::new();
    let output = place.setup(&["try"]).output().unwrap();
    assert_eq!(output.status.code(), Some(100));
    let said = String::from_utf8(output.stderr).unwrap();
    let said = said.replace(&place.top.path().display().to_string(), "PLACE");
    let said = said.replace("; ", "\n");
    insta::assert_snapshot!(said, @r"
    distcc-setup: distcc and distccd are not beside distcc-setup in PLACE/bin
    in a source tree run `cargo run --release -- try`, or build all programs with `cargo build --release`
    ");
    place.assert_nothing_is_left();
}

#[test]
fn without_a_compiler_it_says_so() {
    let place = Place::with_programs();
    let output = place.setup(&["try"]).env("PATH", place.work()).output().unwrap();
    assert_eq!(output.status.code(), Some(100));
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(said.contains("no C or C++ compiler is on PATH"), "{said}");
    place.assert_nothing_is_left();
}

#[test]
fn a_command_that_is_not_there_is_named() {
    let place = Place::with_programs();
    let output = place.setup(&["try", "--", "no-such-make"]).output().unwrap();
    assert_eq!(output.status.code(), Some(100));
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(said.contains("no-such-make cannot be run: No such file"), "{said}");
    place.assert_nothing_is_left();
}

#[test]
fn a_volunteer_that_does_not_start_is_reported_with_its_last_words() {
    let place = Place::with_programs();
    let daemon = place.top.path().join("bin/distccd");
    std::fs::remove_file(&daemon).unwrap();
    std::os::unix::fs::symlink("/bin/false", daemon).unwrap();
    let output = place.setup(&["try"]).output().unwrap();
    assert_eq!(output.status.code(), Some(100));
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(said.contains("no volunteer could be started: distccd ended at once"), "{said}");
    place.assert_nothing_is_left();
}

#[test]
fn a_wrong_command_line_ends_with_code_2() {
    let place = Place::new();
    for words in [&["try", "make"][..], &["try", "--volunteers", "0"], &["frobnicate"], &[]] {
        assert_eq!(place.setup(words).output().unwrap().status.code(), Some(2), "{words:?}");
    }
}
