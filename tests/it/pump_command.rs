//! The command `pump`: its agent, its directory and its words, beside those of the C one.

use std::io::{BufRead, BufReader, Write};
use std::os::unix::fs::symlink;
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use insta::assert_snapshot;
use nix::sys::signal::{Signal, kill, killpg};
use nix::unistd::Pid;

use crate::support::farm::{Farm, Run, SYSTEM_PATH};
use crate::support::ports;
use crate::support::tree::Tree;
use crate::support::volunteer::Side;

const OURS: &str = env!("CARGO_BIN_EXE_pump");
const STOCK: &str = "/usr/bin/distcc-pump";
/// A host list for builds that compile nothing.
const HOSTS: &str = "127.0.0.1:9,cpp,lzo";

/// A script in which `pump` is ours.
fn run<'a>(farm: &'a Farm, script: &str) -> Run<'a> {
    let bin = Path::new(OURS).parent().unwrap();
    farm.local(script)
        .env("PATH", &format!("{}:{SYSTEM_PATH}", bin.display()))
        .env("DISTCC_DIR", farm.path("distcc").to_str().unwrap())
        .env("DISTCC_HOSTS", HOSTS)
}

/// Fails if anything is left of a pump: a directory, or the process whose number the build wrote
/// into the file `agent`.
#[track_caller]
fn assert_gone(farm: &Farm) {
    assert_eq!(Tree::read(&farm.path("tmp")).names(), [""; 0]);
    let agent = String::from_utf8(farm.read("agent")).unwrap();
    let is_there = Path::new("/proc").join(agent.trim()).join("exe").exists();
    assert!(!agent.trim().is_empty() && !is_there, "agent {agent} is left");
}

/// Waits until a file of the work directory has a line, and gives it.
#[track_caller]
fn wait_for(farm: &Farm, name: &str) -> String {
    let deadline = Instant::now() + Duration::from_secs(20);
    loop {
        let text = std::fs::read_to_string(farm.work().join(name)).unwrap_or_default();
        if text.ends_with('\n') {
            return text.trim_end().to_owned();
        }
        assert!(Instant::now() < deadline, "{name} has no line");
        std::thread::sleep(Duration::from_millis(5));
    }
}

#[test]
fn help_says_what_there_is() {
    let farm = Farm::new();
    let help = run(&farm, "pump --help").output().success();
    assert_eq!(run(&farm, "pump").output(), help);
    assert_eq!(run(&farm, "pump -h").output(), help);
    assert_snapshot!(help.stdout);
}

#[test]
fn a_build_has_an_agent_of_its_own() {
    let farm = Farm::new();
    let script = "dir=${INCLUDE_SERVER_PORT%/socket}; cat $dir/pid >agent
        test -S $INCLUDE_SERVER_PORT && test -e $dir/distcc-agent || exit 1
        stat -c %a $dir; test -d /proc/$(cat $dir/pid); echo \"$DISTCC_HOSTS\"; exit 7";
    let output = run(&farm, &format!("pump sh -c '{script}'")).output();
    let bin = Path::new(OURS).parent().unwrap().to_str().unwrap();
    assert_eq!(output.status, 7, "{output}");
    assert_eq!(output.stderr, "");
    assert_snapshot!(output.stdout.replace(bin, "BIN"), @r"
    __________Using distcc-pump from BIN
    __________Using 1 distcc server in pump mode
    700
    127.0.0.1:9,cpp,lzo
    __________Shutting down distcc-pump include server
    ");
    assert_gone(&farm);
}

/// Whether the C distcc's include server comes up here, asked once. It is a program in Python
/// that dies on many a machine, its `pump` then waits for ever, and we are not its judge.
#[expect(clippy::print_stdout, reason = "whoever reads the test's output learns what it left out")]
fn stock_starts(farm: &Farm) -> bool {
    static STARTS: OnceLock<bool> = OnceLock::new();
    *STARTS.get_or_init(|| {
        let script = format!("timeout --kill-after=1 60 {STOCK} true");
        let output = run(farm, &script).env("PATH", SYSTEM_PATH).output();
        if output.status != 0 {
            println!("{STOCK} does not come up, so nothing is compared with it:\n{output}");
        }
        output.status == 0
    })
}

/// Says how a build ended, with what differs between the two programs taken out.
fn said(farm: &Farm, pump: &str, hosts: &str, arguments: &str) -> String {
    let script = format!("{pump} {arguments}");
    let run = run(farm, &script).hosts(hosts).env("PATH", SYSTEM_PATH);
    let output = run.env("DISTCC_VERBOSE", "0").output();
    let bin = Path::new(pump).parent().unwrap();
    let text = output.to_string().replace(pump, "PUMP").replace(bin.to_str().unwrap(), "BIN");
    let line = |line: &str| {
        let line = line.replace("include_server(1) man page", "pump(1)");
        let line =
            line.replace("the Distcc Discrepancy Symptoms section in the", "DISCREPANCIES in");
        // Paths, numbers of processes, and how shells say that there is no such command.
        let line = match line.split_once("='") {
            Some((name, _)) if line.starts_with("export ") => format!("{name}=…"),
            _ => line,
        };
        if line.contains(": no-such-command: ") { "no-such-command".to_owned() } else { line }
    };
    // What shells say of a command that a signal ended, and what only we say.
    let counts = |line: &&str| {
        !["Killed", "Terminated", "------- stderr -------"].contains(line)
            && !line.contains("there is nothing to shut down")
    };
    text.lines().filter(counts).map(|text| line(text) + "\n").collect()
}

#[test]
fn it_says_and_does_what_the_c_one_does() {
    let farm = Farm::below("/tmp");
    let count = "sh -c 'printf @@ >${INCLUDE_SERVER_PORT%/*}/discrepancy_counter'";
    let cases = [
        ("a b,lzo", "true"),
        ("a,cpp,lzo", "sh -c 'exit 5'"),
        ("a,cpp,lzo b,lzo,cpp", "sh -c 'kill -9 $$'"),
        ("a,cpp,lzo b/3,cpp,lzo localhost c,lzo", "sh -c 'kill -TERM $$'"),
        ("a,cpp,lzo", "no-such-command"),
        ("a,cpp,lzo", count),
        ("a,cpp,lzo", "--shutdown"),
        ("a b", "--startup"),
        ("a,cpp,lzo", "sh -c 'echo $DISTCC_HOSTS'"),
    ];
    let mut said_by_ours = String::new();
    for (hosts, arguments) in cases {
        let ours = said(&farm, OURS, hosts, arguments);
        if stock_starts(&farm) {
            assert_eq!(ours, said(&farm, STOCK, hosts, arguments), "{hosts}: {arguments}");
        }
        said_by_ours += &format!("== {hosts}: {arguments}\n{ours}");
    }
    assert_snapshot!(said_by_ours);
    let startup = "export INCLUDE_SERVER_PID export INCLUDE_SERVER_DIR export INCLUDE_SERVER_PORT \
        export DISTCC_HOSTS export PATH";
    let pumps = [OURS, STOCK].into_iter().filter(|pump| *pump == OURS || stock_starts(&farm));
    for pump in pumps {
        let script = format!(
            "{pump} --startup >start && cut -d= -f1 start && . ./start &&
            echo $INCLUDE_SERVER_PID >agent && {pump} --shutdown"
        );
        let output = run(&farm, &script).env("PATH", SYSTEM_PATH).output().success();
        let names: Vec<_> = output.stdout.lines().collect();
        let (last, names) = names.split_last().unwrap();
        assert_eq!(names.join(" "), startup);
        assert_eq!(*last, "__________Shutting down distcc-pump include server");
        assert_gone(&farm);
    }
}

#[test]
fn each_program_shuts_down_what_the_other_has_started() {
    let farm = Farm::below("/tmp");
    for (start, end) in [(OURS, STOCK), (STOCK, OURS)] {
        if start == STOCK && !stock_starts(&farm) {
            continue;
        }
        let script = format!(
            "eval \"$({start} --startup)\" && echo $INCLUDE_SERVER_PID >agent &&
            test -d /proc/$INCLUDE_SERVER_PID && {end} --shutdown"
        );
        run(&farm, &script).output().success();
        assert_gone(&farm);
    }
}

#[test]
fn what_startup_prints_is_read_by_any_shell_whatever_is_in_it() {
    let farm = Farm::new();
    let tmp = farm.path("tmp/it's \"$HOME\" `id` a\\b");
    std::fs::create_dir(&tmp).unwrap();
    let hosts = "127.0.0.1:9,cpp,lzo # it's $(exit) \"a\n127.0.0.1:9/3";
    farm.write(
        "script",
        "eval \"$(pump --startup)\"; echo $INCLUDE_SERVER_PID >agent
        test -S \"$INCLUDE_SERVER_PORT\" || exit 1
        dirname \"$INCLUDE_SERVER_DIR\"; echo \"$DISTCC_HOSTS\"; pump --shutdown; exit $?",
    );
    for shell in ["dash", "bash", "bash --posix", "busybox sh", "zsh", "sh"] {
        let name = shell.split(' ').next().unwrap();
        if !Path::new("/bin").join(name).exists() && !Path::new("/usr/bin").join(name).exists() {
            continue;
        }
        let run = run(&farm, &format!("{shell} ./script")).hosts(hosts);
        let output = run.env("TMPDIR", tmp.to_str().unwrap()).output().success();
        let end = "__________Shutting down distcc-pump include server\n";
        assert_eq!(
            output.stdout,
            format!("{}\n{hosts}\n{end}", tmp.display()),
            "{shell}: {output}"
        );
        assert_eq!(output.stderr, "");
        std::fs::remove_dir(&tmp).unwrap();
        assert_gone(&farm);
        std::fs::create_dir(&tmp).unwrap();
    }
}

#[test]
fn an_error_before_the_build_starts_nothing() {
    let farm = Farm::new();
    let fails = |run: Run<'_>| {
        let output = run.output();
        assert_eq!(output.status, 1, "{output}");
        assert_eq!(Tree::read(&farm.path("tmp")).names(), [""; 0]);
        output.stderr.replace(OURS, "pump")
    };
    let build = || run(&farm, "exec pump echo built");
    assert_snapshot!(fails(build().env("DISTCC_MAX_DISCREPANCY", "0")), @r#"pump: error: Bad DISTCC_MAX_DISCREPANCY value: "0". Needs to be 1 or greater."#);
    assert_snapshot!(fails(build().env("DISTCC_MAX_DISCREPANCY", "few")), @r#"pump: error: Bad DISTCC_MAX_DISCREPANCY value: "few". Needs to be 1 or greater."#);
    assert_snapshot!(fails(build().hosts("a,cpp")), @"pump: error: $DISTCC_HOSTS: host spec `a,cpp`: pump mode (`,cpp`) requires compression (write `,cpp,lzo`)");
    assert_snapshot!(fails(run(&farm, "pump --verbose make")), @"pump: error: `--verbose make` makes no sense; try --help");
    assert_snapshot!(fails(build().env("DISTCC_POTENTIAL_HOSTS", "a").env("LSDISTCC_ARGS", "-q")), @"pump: error: `lsdistcc -c150 -q a` makes no sense");
}

#[test]
fn a_build_goes_on_without_an_agent() {
    let farm = Farm::new();
    let script = "pump sh -c 'echo [${INCLUDE_SERVER_PORT-unset}] $DISTCC_HOSTS; exit 3'";
    let broken = |run: Run<'_>| {
        let output = run.env("INCLUDE_SERVER_PORT", "/stale/socket").output();
        assert_eq!(output.status, 3, "{output}");
        assert_eq!(Tree::read(&farm.path("tmp")).names(), [""; 0]);
        assert!(output.stdout.contains("\n[unset] "), "{output}");
        output.says("__________Warning: distcc-pump include server failed; running unpumped\n")
    };
    broken(run(&farm, script).env("DISTCC_AGENT", "/no/agent")).says("/no/agent: there is no such");
    broken(run(&farm, script).env("DISTCC_AGENT", "/bin/false"))
        .says("/bin/false cannot be started");
    broken(run(&farm, script).env("TMPDIR", "/no/where")).says("no directory in /no/where: ");
    let startup = run(&farm, "pump --startup").env("DISTCC_AGENT", "/bin/false").output();
    assert_eq!((startup.status, &*startup.stdout), (1, ""), "{startup}");
    assert_eq!(Tree::read(&farm.path("tmp")).names(), [""; 0]);
}

#[test]
fn an_agent_that_startup_cannot_tell_of_is_not_left() {
    let farm = Farm::new();
    let output = run(&farm, "pump --startup >/dev/full").output();
    assert_eq!(output.status, 1, "{output}");
    output.says("writing to standard output: ");
    assert_eq!(Tree::read(&farm.path("tmp")).names(), [""; 0]);
}

#[test]
fn a_long_directory_is_not_used_for_the_socket() {
    let farm = Farm::new();
    let tmp = farm.path("tmp").join("x".repeat(90));
    std::fs::create_dir(&tmp).unwrap();
    let script =
        "pump sh -c 'cat ${INCLUDE_SERVER_PORT%socket}pid >agent; echo $INCLUDE_SERVER_PORT'";
    let output = run(&farm, script).env("TMPDIR", tmp.to_str().unwrap()).output().success();
    assert!(output.stdout.contains("\n/tmp/distcc-pump."), "{output}");
    std::fs::remove_dir(&tmp).unwrap();
    assert_gone(&farm);
}

#[test]
fn hosts_that_are_up_become_the_host_list() {
    let farm = Farm::with(Side::Ours);
    let up = farm.volunteers[0].port;
    let script = "pump sh -c 'echo $DISTCC_HOSTS'";
    let ask = |port: u16| {
        let run = run(&farm, script).hosts("").env("DISTCC_POTENTIAL_HOSTS", " 127.0.0.1 ");
        let output = run.env("LSDISTCC_ARGS", &format!("-r{port}")).output().success();
        output.stdout.lines().skip(1).take(2).collect::<Vec<_>>().join("\n")
    };
    let found =
        format!("__________Found 1 available distcc servers\n--randomize 127.0.0.1:{up},cpp,lzo");
    assert_eq!(ask(up), found);
    assert_eq!(ask(ports::free()), "__________Found 0 available distcc servers\n--randomize");
}

#[test]
fn path_leads_to_our_client_and_to_its_links_before_compilers() {
    let farm = Farm::new();
    let show = |path: &str| {
        let run = run(&farm, &format!("{OURS} printenv PATH")).env("PATH", path);
        run.env("DISTCC_TESTING_INCLUDE_SERVER", "1").output().success().stdout.trim().to_owned()
    };
    let bin = Path::new(OURS).parent().unwrap().to_str().unwrap();
    assert_eq!(show(SYSTEM_PATH), format!("{bin}:{SYSTEM_PATH}"));
    let links = farm.path("masquerade-ours").to_str().unwrap().to_owned();
    for path in [format!("{links}:{SYSTEM_PATH}"), format!("{bin}:{SYSTEM_PATH}")] {
        assert_eq!(show(&path), path);
    }
    // A directory of links without one named distcc.
    std::fs::remove_file(farm.path("masquerade-ours/distcc")).unwrap();
    symlink("/usr/bin/true", farm.path("masquerade-stock/true")).unwrap();
    let path = format!("{links}:{bin}:{SYSTEM_PATH}");
    assert_eq!(show(&path), path);
}

#[test]
fn options_for_another_include_server_are_accepted() {
    let farm = Farm::new();
    let arguments = "-d1 --stat_reset_triggers='*.h' --no-email -x --what";
    let run = run(&farm, "pump true").env("INCLUDE_SERVER_ARGS", arguments);
    assert_snapshot!(run.output().success().stderr.replace(OURS, "pump"), @r"
    pump: INCLUDE_SERVER_ARGS: -x has no effect here
    pump: INCLUDE_SERVER_ARGS: --what is no option of an include server
    ");
}

#[test]
fn shutdown_touches_nothing_that_is_not_a_pumps() {
    let farm = Farm::new();
    farm.write("dear/file", "");
    let mut sleeper = Command::new("sleep").arg("600").spawn().unwrap();
    let pid = sleeper.id().to_string();
    let dear = farm.work().join("dear");
    let shutdown = |dir: &Path| {
        let run = run(&farm, "pump --shutdown").env("INCLUDE_SERVER_PID", &pid);
        run.env("INCLUDE_SERVER_DIR", dir.to_str().unwrap()).output()
    };
    let output = shutdown(&dear);
    assert_eq!(output.status, 1, "{output}");
    output.says("nothing in it is touched");
    assert!(dear.join("file").exists());
    // A number that another process has by now.
    let place = farm.path("tmp/distcc-pump.abcdef");
    std::fs::create_dir(&place).unwrap();
    shutdown(&place).success();
    assert!(!place.exists());
    assert!(sleeper.try_wait().unwrap().is_none());
    sleeper.kill().unwrap();
    sleeper.wait().unwrap();
}

/// What `env` is told for a build that signals are to end: who runs the tests in the background may
/// have them ignored, and a shell that begins so cannot trap them.
const UNIGNORED: &str = "--default-signal=HUP,INT,QUIT,TERM";

/// A build that writes its number into `build` and its agent's into `agent`, and goes on for long.
fn long_build(farm: &Farm, trap: &str) -> Child {
    let script = format!(
        "cat ${{INCLUDE_SERVER_PORT%socket}}pid >agent; {trap}; echo $$ >build
        sleep 600 & wait; wait"
    );
    let mut command = run(farm, "").into_command();
    let envs: Vec<(_, _)> = command
        .get_envs()
        .map(|(name, value)| (name.to_owned(), value.unwrap_or_default().to_owned()))
        .collect();
    command = Command::new("/usr/bin/env");
    command
        .args([UNIGNORED, OURS, "sh", "-c", &script])
        .env_clear()
        .envs(envs)
        .current_dir(farm.work());
    command.stdin(Stdio::null()).stdout(Stdio::null()).process_group(0);
    let child = command.spawn().unwrap();
    wait_for(farm, "build");
    child
}

fn end(mut child: Child) -> Option<i32> {
    let pid = Pid::from_raw(i32::try_from(child.id()).unwrap());
    let status = child.wait().unwrap();
    // What the build has left running.
    let _ = killpg(pid, Signal::SIGKILL);
    status.signal().or(status.code())
}

fn signal(child: &Child, signal: Signal) {
    kill(Pid::from_raw(i32::try_from(child.id()).unwrap()), signal).unwrap();
}

#[test]
fn signals_end_the_build_and_its_agent() {
    let farm = Farm::new();
    for with in [Signal::SIGTERM, Signal::SIGINT, Signal::SIGHUP] {
        let child = long_build(&farm, "trap 'kill $!; exit 4' TERM INT HUP");
        signal(&child, with);
        assert_eq!(end(child), Some(4), "{with}");
        assert_gone(&farm);
        std::fs::remove_file(farm.work().join("build")).unwrap();
    }
    // A build that dies of it: so do we, for the shell that waits for us.
    let child = long_build(&farm, ":");
    signal(&child, Signal::SIGTERM);
    assert_eq!(end(child), Some(Signal::SIGTERM as i32));
    assert_gone(&farm);
}

#[test]
fn an_agent_does_not_outlive_a_pump_that_was_killed() {
    let farm = Farm::new();
    let child = long_build(&farm, ":");
    let agent = wait_for(&farm, "agent");
    signal(&child, Signal::SIGKILL);
    assert_eq!(end(child), Some(Signal::SIGKILL as i32));
    let deadline = Instant::now() + Duration::from_secs(20);
    while Path::new("/proc").join(&agent).join("exe").exists() {
        assert!(Instant::now() < deadline, "agent {agent} is left");
        std::thread::sleep(Duration::from_millis(10));
    }
}

#[test]
fn a_key_at_the_terminal_reaches_the_build_once() {
    let farm = Farm::new();
    let pty = nix::pty::openpty(None, None).unwrap();
    let script = "cat ${INCLUDE_SERVER_PORT%socket}pid >agent; count=0
        trap 'count=$((count + 1)); echo interrupted >>log' INT; echo ready
        while test $count = 0; do sleep 0.1; done; sleep 1; exit 6";
    let mut command = run(&farm, "").into_command();
    let envs: Vec<(_, _)> = command
        .get_envs()
        .map(|(name, value)| (name.to_owned(), value.unwrap_or_default().to_owned()))
        .collect();
    command = Command::new("setsid");
    command.args(["--ctty", "--wait", "/usr/bin/env", UNIGNORED, OURS, "sh", "-c", script]);
    command.env_clear().envs(envs);
    let terminal = || Stdio::from(pty.slave.try_clone().unwrap());
    command.current_dir(farm.work()).stdin(terminal()).stdout(terminal()).stderr(terminal());
    let mut child = command.spawn().unwrap();
    drop(command);
    drop(pty.slave);
    let mut keys = std::fs::File::from(pty.master);
    let lines = BufReader::new(keys.try_clone().unwrap()).lines();
    let mut seen = lines.map_while(Result::ok).skip_while(|line| !line.contains("ready"));
    assert!(seen.next().is_some());
    keys.write_all(b"\x03").unwrap();
    let rest: Vec<_> = seen.collect();
    assert_eq!(child.wait().unwrap().code(), Some(6), "{rest:?}");
    assert_eq!(String::from_utf8(farm.read("log")).unwrap(), "interrupted\n");
    assert_gone(&farm);
}
