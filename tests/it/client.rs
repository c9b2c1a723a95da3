//! The client, driven as users drive it: slots shared with the C client, and compilers compared.

use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use crate::support::farm::Farm;
use crate::support::volunteer::{Options, Side};

/// A farm with a source and the object that a local compile makes of it.
fn farm() -> Farm {
    let farm = Farm::new();
    farm.write("unit.c", "int answer(int x) { return x + 42; }\n");
    farm.local("gcc -O2 -c unit.c -o local.o").output().quiet_success();
    farm
}

/// Compilers that write down when they begin and when they end.
fn counting_compilers(farm: &Farm) -> (PathBuf, PathBuf) {
    let script = "events=${0%/*}/events\necho begin >> $events\nsleep 0.1\n$real \"$@\"\n\
                  status=$?\necho end >> $events\nexit $status";
    let dir = farm.compilers("counting", script);
    let events = dir.join("events");
    std::fs::write(&events, "").unwrap();
    std::fs::set_permissions(&events, Permissions::from_mode(0o666)).unwrap();
    (dir, events)
}

/// How many compilers ran in all, and the most at once.
fn count(events: &Path) -> (usize, usize) {
    let (mut running, mut most, mut all) = (0_usize, 0, 0);
    for line in std::fs::read_to_string(events).unwrap().lines() {
        if line == "begin" {
            running += 1;
            all += 1;
            most = most.max(running);
        } else {
            running -= 1;
        }
    }
    (all, most)
}

/// Starts six compiles at once, half of them by the C client where `mixed`, on `slots` slots.
fn crowd(daemon: Side, slots: usize, mixed: bool) {
    let mut farm = farm();
    let (dir, events) = counting_compilers(&farm);
    farm.start(&Options::new(daemon).path(&dir).jobs(8).no_sandbox());
    let other = if mixed { Side::Stock } else { Side::Ours };
    let script: String = (0..6)
        .map(|i| {
            let side = if i % 2 == 0 { Side::Ours } else { other };
            format!("{} gcc -O2 -c unit.c -o out-{i}.o &\n", side.client().display())
        })
        .collect();
    let hosts = farm.hosts(&format!("/{slots}"));
    let run = farm.run(Side::Ours, &(script + "wait")).hosts(&hosts);
    run.env("DISTCC_PAUSE_TIME_MSEC", "20").output().quiet_success();
    for i in 0..6 {
        assert!(farm.read(&format!("out-{i}.o")) == farm.read("local.o"), "object {i}");
    }
    let (all, most) = count(&events);
    assert_eq!(all, 6, "compiles by the volunteer");
    assert!(most <= slots, "{most} at once on {slots} slots");
}

#[test]
fn clients_never_fill_more_slots_than_there_are() {
    crowd(Side::Ours, 1, false);
    crowd(Side::Stock, 2, false);
}

#[test]
fn clients_share_slots_with_stock_clients() {
    crowd(Side::Ours, 1, true);
    crowd(Side::Stock, 2, true);
}

/// A farm whose volunteer has compilers that are another than ours.
fn farm_with_other_compiler(script: &str, daemon: Side) -> Farm {
    let mut farm = farm();
    let dir = farm.compilers("other", script);
    farm.start(&Options::new(daemon).path(&dir));
    farm
}

/// The first object is discarded with one warning; then the volunteer is not asked again.
#[track_caller]
fn assert_refuses_other_compiler(script: &str, words: &[&str]) {
    for daemon in [Side::Ours, Side::Stock] {
        let farm = farm_with_other_compiler(script, daemon);
        let compile = || farm.run(Side::Ours, "gcc -O2 -c unit.c -o out.o").output();
        let mut output = compile().success();
        for word in words {
            output = output.says(word);
        }
        assert_eq!(output.stderr.lines().count(), 1, "{output}");
        assert!(farm.read("out.o") == farm.read("local.o"), "another object than a local one");
        let jobs = farm.volunteers[0].wait_for_jobs(1).len();
        compile().quiet_success();
        compile().quiet_success();
        assert_eq!(farm.volunteers[0].settled_jobs().len(), jobs, "asked again");
        assert!(farm.read("out.o") == farm.read("local.o"), "another object than a local one");
        farm.assert_no_litter();
    }
}

/// What a volunteer for ARM answers to a plain `gcc`.
const CROSS: &str = "exec /usr/bin/aarch64-linux-gnu-gcc \"$@\"";

/// A compiler that is one release behind: its objects say so.
const OLDER: &str = r#"
out=; next=
for word; do
	[ -n "$next" ] && out=$word
	next=
	[ "$word" = -o ] && next=1
done
$real "$@" || exit
printf '\0GCC: (GNU) 11.3.0\0' > "$out.comment"
objcopy --remove-section .comment --add-section ".comment=$out.comment" "$out"
rm "$out.comment""#;

#[test]
fn object_of_a_cross_compiler_is_refused_and_remembered() {
    assert_refuses_other_compiler(CROSS, &["AArch64"]);
}

#[test]
fn object_of_another_release_is_refused_and_remembered() {
    assert_refuses_other_compiler(OLDER, &["11.3.0"]);
}

#[test]
fn another_compiler_is_borne_where_the_user_allows_it() {
    let farm = farm_with_other_compiler(OLDER, Side::Ours);
    let run = farm.run(Side::Ours, "gcc -O2 -c unit.c -o out.o");
    run.env("DISTCC_COMPILER_MISMATCH", "allow").output().quiet_success();
    assert!(String::from_utf8_lossy(&farm.read("out.o")).contains("11.3.0"));
}

#[test]
fn another_compiler_is_used_with_a_warning_where_the_user_says_so() {
    let farm = farm_with_other_compiler(OLDER, Side::Ours);
    let run = farm.run(Side::Ours, "gcc -O2 -c unit.c -o out.o");
    run.env("DISTCC_COMPILER_MISMATCH", "warn").output().success().says("11.3.0");
    assert!(String::from_utf8_lossy(&farm.read("out.o")).contains("11.3.0"));
}

#[test]
fn one_volunteer_with_another_compiler_does_not_keep_the_rest_from_work() {
    let mut farm = farm_with_other_compiler(OLDER, Side::Ours);
    farm.start(&Options::new(Side::Ours));
    let compile = || farm.run(Side::Ours, "gcc -O2 -c unit.c -o out.o").output();
    compile().success();
    compile().quiet_success();
    assert!(farm.read("out.o") == farm.read("local.o"));
    assert!(!farm.volunteers[1].wait_for_jobs(1).is_empty());
    assert_eq!(farm.volunteers[0].settled_jobs().len(), 1);
}

/// What `monitor` says of a compile by `client` that does not end before it is seen.
///
/// Asked again while it says nothing of it yet: distcc 3.4 empties its record whenever it writes it
/// anew, and the compiler may be running before the client has written that it is.
fn shown_while_compiling(client: Side, monitor: &Path) -> Vec<String> {
    let mut farm = farm();
    let script = "until test -e ${0%/*}/seen; do sleep 0.05; done\nexec $real \"$@\"";
    let waiting = farm.compilers("waiting", script);
    farm.start(&Options::new(Side::Stock).path(&waiting));
    let mut command = farm.run(client, "gcc -O2 -c unit.c -o out.o").into_command();
    let mut child = command.spawn().unwrap();
    let deadline = Instant::now() + Duration::from_secs(20);
    let words = loop {
        let shown = Command::new(monitor).env("DISTCC_DIR", farm.path("distcc")).output().unwrap();
        let shown = String::from_utf8(shown.stdout).unwrap();
        let words: Vec<String> = shown.split_whitespace().map(String::from).collect();
        if words.iter().any(|word| word == "Compile") || Instant::now() > deadline {
            break words;
        }
        std::thread::sleep(Duration::from_millis(5));
    };
    std::fs::write(waiting.join("seen"), "").unwrap();
    assert!(child.wait().unwrap().success());
    let states = std::fs::read_dir(farm.path("distcc/state")).unwrap().count();
    assert_eq!(states, 0, "state records are left");
    words
}

#[test]
fn stock_monitor_shows_our_clients_jobs_and_ours_shows_the_stock_clients() {
    let ours = Path::new(env!("CARGO_BIN_EXE_distccmon-text"));
    let stock = Path::new("/usr/bin/distccmon-text");
    for (client, monitor) in [(Side::Ours, stock), (Side::Stock, ours), (Side::Ours, ours)] {
        let words = shown_while_compiling(client, monitor);
        let expected = ["Compile", "unit.c", "127.0.0.1[0]"];
        assert_eq!(words.get(1..), Some(expected.map(String::from).as_slice()), "{client:?}");
    }
}
