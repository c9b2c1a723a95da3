//! What scripts, ccache and distcc's own test suite rely on: exit codes, words and places of the
//! client.

use std::os::unix::fs::PermissionsExt;

use crate::support::farm::{Farm, Run, SYSTEM_PATH};
use crate::support::fault::{Fault, FaultyVolunteer};
use crate::support::ports;
use crate::support::volunteer::{Options, Side};

fn farm() -> Farm {
    let farm = Farm::with(Side::Ours);
    farm.write("unit.c", "int answer(int x) { return x + 42; }\n");
    farm
}

/// Runs `distcc WORDS` by its name; PATH has no masquerade directory.
fn distcc<'a>(farm: &'a Farm, words: &str) -> Run<'a> {
    let run = farm.run(Side::Ours, &format!("{} {words}", Side::Ours.client().display()));
    run.env("PATH", SYSTEM_PATH)
}

#[test]
fn without_words_it_says_how_to_get_help() {
    let farm = farm();
    let output = distcc(&farm, "").output();
    assert_eq!((output.status, output.stdout.as_str()), (101, ""));
    let output = output.says(": missing option/operand\n");
    assert!(output.says(" --help' for more information.\n").stderr.starts_with('/'));
}

#[test]
fn help_and_version_go_to_stdout() {
    let farm = farm();
    let help = distcc(&farm, "--help").output().success();
    assert!(help.stdout.contains("Usage:"), "{help}");
    for output in [help, distcc(&farm, "--version").output().success()] {
        let mut lines = output.stdout.lines();
        let words: Vec<&str> = lines.next().unwrap().split(' ').collect();
        assert!(matches!(words[..], ["distcc", "3.4", _]), "{words:?}");
        let protocols = lines.next().unwrap().trim_start();
        assert!(protocols.starts_with("(protocol"), "{protocols}");
        assert!(protocols.ends_with(" (default port 3632)"), "{protocols}");
        assert_eq!(output.stderr, "");
    }
}

#[test]
fn hosts_and_their_slots_are_shown() {
    let farm = farm();
    let hosts = "# a comment\n10.0.0.1/5:3635 @far,lzo localhost/3 --localslots=2";
    let shown = distcc(&farm, "--show-hosts").hosts(hosts).output().success();
    assert_eq!(shown.stdout, "10.0.0.1/5:3635\n@far,lzo\nlocalhost/3\n");
    let slots = distcc(&farm, "-j").hosts(hosts).output().success();
    assert_eq!(slots.stdout, "12\n");
}

#[test]
fn host_lists_in_files_are_read_in_their_order() {
    let farm = farm();
    std::fs::create_dir(farm.path("home/.distcc")).unwrap();
    std::fs::write(farm.path("home/.distcc/hosts"), "of-home\n").unwrap();
    let script =
        |unset: &str| format!("unset {unset}; {} --show-hosts", Side::Ours.client().display());
    let shown = |unset: &str| farm.run(Side::Ours, &script(unset)).output().success().stdout;
    assert_eq!(shown("DISTCC_HOSTS DISTCC_DIR"), "of-home\n");
    std::fs::write(farm.path("distcc/hosts"), "of-distcc-dir\n").unwrap();
    assert_eq!(shown("DISTCC_HOSTS"), "of-distcc-dir\n");
}

#[test]
fn every_form_of_a_call_is_distributed() {
    let farm = farm();
    distcc(&farm, "gcc -c unit.c").output().quiet_success();
    distcc(&farm, "-c unit.c").output().quiet_success();
    distcc(&farm, "unit.c -c").output().quiet_success();
    distcc(&farm, "/usr/bin/gcc -c unit.c").output().quiet_success();
    farm.run(Side::Ours, "gcc -c unit.c").output().quiet_success();
    farm.run(Side::Ours, "cc -c unit.c").output().quiet_success();
    let jobs = farm.volunteers[0].wait_for_jobs(6);
    assert!(jobs.iter().all(|job| job.result == "COMPILE_OK"), "{jobs:?}");
}

#[test]
fn options_of_the_compiler_are_its_own() {
    let farm = farm();
    let bogus = "gcc --bogus-option unit.c";
    let local = farm.local(bogus).output();
    assert_eq!(distcc(&farm, bogus).output(), local);
    let help = distcc(&farm, "gcc --help").output().success();
    assert!(help.stdout.starts_with("Usage: ") && !help.stdout.contains("distcc"), "{help}");
}

#[test]
fn log_file_takes_every_message() {
    let farm = farm();
    let log = farm.path("log");
    let dead = FaultyVolunteer::start(Fault::CloseAfter(0));
    let hosts = format!("{} {}", dead.address(), farm.hosts(""));
    let run = distcc(&farm, "gcc -c unit.c").hosts(&hosts);
    run.env("DISTCC_LOG", log.to_str().unwrap()).output().quiet_success();
    let text = std::fs::read_to_string(&log).unwrap();
    let completed = format!("compile unit.c on {} completed ok\n", farm.hosts(""));
    assert!(text.contains(&completed), "{text}");
    assert!(text.contains(&dead.address()), "{text}");
    assert!(text.lines().all(|line| line.starts_with("distcc[")), "{text}");
}

#[test]
fn log_names_what_could_not_be_distributed() {
    let farm = farm();
    let log = farm.path("log");
    let hosts = format!("127.0.0.1:{}", ports::free());
    let run = distcc(&farm, "gcc -c unit.c").hosts(&hosts);
    run.env("DISTCC_LOG", log.to_str().unwrap()).output().quiet_success();
    let text = std::fs::read_to_string(&log).unwrap();
    let line = text.lines().find(|line| line.contains("failed to distribute")).unwrap();
    assert!(line.contains("running locally instead"), "{text}");
}

#[test]
fn log_file_that_cannot_be_opened_is_named_and_no_obstacle() {
    let farm = farm();
    let run = distcc(&farm, "gcc -c unit.c").env("DISTCC_LOG", "/nonexistent/log");
    run.output().success().says("failed to open logfile");
}

#[test]
fn messages_go_to_the_descriptor_that_ccache_names() {
    let farm = farm();
    let words = format!("{} gcc -c unit.c 3>messages", Side::Ours.client().display());
    let run = farm.run(Side::Ours, &words).hosts(&format!("127.0.0.1:{}", ports::free()));
    run.env("PATH", SYSTEM_PATH).env("UNCACHED_ERR_FD", "3").output().quiet_success();
    let messages = farm.read("messages");
    assert!(String::from_utf8_lossy(&messages).contains("Warning: unit.c: "), "{messages:?}");
}

#[test]
fn empty_host_list_is_a_warning() {
    let farm = farm();
    let output = distcc(&farm, "gcc -c unit.c").hosts("").output().success();
    let line = output.stderr.lines().find(|line| line.contains("$DISTCC_HOSTS")).unwrap();
    assert!(line.contains("Warning: ") && line.contains("can't distribute work"), "{line}");
}

#[test]
fn compilers_that_are_none_end_as_they_end() {
    let mut farm = Farm::new();
    let mut options = Options::new(Side::Ours);
    options.args.push("--enable-tcp-insecure".to_owned());
    farm.start(&options);
    farm.write("unit.i", "int x;\n");
    assert_eq!(distcc(&farm, "false -c unit.i").output().status, 1);
    assert_eq!(distcc(&farm, "true -c unit.i").output().status, 0);
    let run = distcc(&farm, "no-such-compiler -c unit.i").env("DISTCC_FALLBACK", "0");
    assert_eq!(run.output().says("failed to exec").status, 110);
    assert_eq!(distcc(&farm, "no-such-compiler -c unit.i").output().status, 110);
}

#[test]
fn errors_of_the_source_are_final_where_fallback_is_off() {
    let farm = farm();
    farm.write("bad.c", "int bad(void) { return 1 +; }\n");
    farm.write("worse.c", "#error \"worse\"\n");
    for (file, status, words) in [("bad.c", 1, "bad.c:1:"), ("worse.c", 1, "worse")] {
        let run = distcc(&farm, &format!("gcc -c {file}")).env("DISTCC_FALLBACK", "0");
        let output = run.output().says(words);
        assert_eq!((output.status, output.stdout.as_str()), (status, ""), "{output}");
    }
}

#[test]
fn volunteers_error_is_final_where_the_user_says_so() {
    let farm = farm();
    farm.write("bad.c", "int bad(void) { return 1 +; }\n");
    let run = distcc(&farm, "gcc -c bad.c").env("DISTCC_SKIP_LOCAL_RETRY", "1");
    let output = run.output().says("bad.c:1:");
    assert_eq!(output.status, 1, "{output}");
    assert_eq!(output.stderr.matches("error:").count(), 1, "{output}");
}

#[test]
fn timeout_that_is_none_is_a_bad_argument() {
    let farm = farm();
    let run = distcc(&farm, "gcc -c unit.c").env("DISTCC_IO_TIMEOUT", "0");
    assert_eq!(run.output().says("DISTCC_IO_TIMEOUT").status, 101);
}

#[test]
fn calling_itself_without_end_is_noticed() {
    let farm = farm();
    let run = distcc(&farm, "gcc -c unit.c").env("_DISTCC_SAFEGUARD", "1");
    assert_eq!(run.output().says("invoked itself recursively").status, 111);
}

#[test]
fn objects_have_the_mode_that_the_umask_leaves() {
    let farm = farm();
    let client = Side::Ours.client().display();
    for (umask, mode) in [("000", 0o666), ("022", 0o644), ("077", 0o600)] {
        let script = format!("umask {umask}; {client} gcc -c unit.c -o {umask}.o");
        farm.run(Side::Ours, &script).env("PATH", SYSTEM_PATH).output().quiet_success();
        let meta = std::fs::metadata(farm.work().join(format!("{umask}.o"))).unwrap();
        assert_eq!(meta.permissions().mode() & 0o777, mode);
    }
}

#[test]
fn localhost_in_the_host_list_compiles_here() {
    let farm = farm();
    distcc(&farm, "gcc -c unit.c").hosts("localhost/1").output().quiet_success();
    assert_eq!(farm.volunteers[0].settled_jobs().len(), 0);
}

#[test]
fn plan_is_explained_without_carrying_it_out() {
    let farm = farm();
    let output = distcc(&farm, "--explain gcc -march=native -c unit.c").output().success();
    assert!(output.stdout.contains("[native]"), "{output}");
    let output = distcc(&farm, "--explain gcc -O2 -c unit.c").output().success();
    assert!(output.stdout.contains(&farm.hosts("")), "{output}");
    assert_eq!(farm.tree().names(), ["unit.c"]);
    assert_eq!(farm.volunteers[0].settled_jobs().len(), 0);
}
