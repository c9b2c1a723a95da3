//! `distcc-setup report`: from what clients wrote, and from what anyone else may have written.

use std::fmt::Write;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::Command;

use crate::support::farm::Farm;
use crate::support::output::Output;
use crate::support::volunteer::Side;

fn report(dir: &Path, words: &[&str]) -> Output {
    let mut command = Command::new("timeout");
    command.args(["60", env!("CARGO_BIN_EXE_distcc-setup"), "report"]).args(words);
    command.env("DISTCC_DIR", dir).env("TZ", "UTC").output().unwrap().into()
}

/// A state directory with this journal.
fn journal(lines: &str) -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    std::fs::create_dir(dir.path().join("journal")).unwrap();
    std::fs::write(dir.path().join("journal/1000.jsonl"), lines).unwrap();
    dir
}

/// The lines of a build with two volunteers: one compiles all, and one has another compiler.
fn build() -> String {
    let mut lines = String::new();
    let mut add = |second: u64, unit: &str, what: &str| {
        let time = 1_795_838_400_000 + second * 1000;
        let parts = r#""preprocess_ms":100,"compile_ms":900,"bytes_out":50000,"bytes_in":9000"#;
        let name = format!(r#""pid":7,"unit":"{unit}","compiler":"gcc""#);
        writeln!(lines, r#"{{"time":{time},{name},{what},"exit":0,{parts}}}"#).unwrap();
    };
    let remote = |host: &str| format!(r#""outcome":"remote","volunteer":"{host}""#);
    let local = |reason: &str, sentence: &str| {
        format!(r#""outcome":"local","reason":"{reason}","sentence":"{sentence}""#)
    };
    for second in 1..=8 {
        add(second, &format!("src/{second}.c"), &remote("192.168.10.2/4,lzo"));
    }
    add(9, "src/9.c", &remote("[fd00::7]:3633/8"));
    let differs = "192.168.10.3: its gcc is 14.1.0, ours 14.2.0";
    for second in 9..=12 {
        add(second, &format!("src/{second}.c"), &local("compiler-mismatch", differs));
    }
    add(12, "conftest.c", &local("conftest", "conftest.c is a test of configure"));
    add(13, "", &local("link", "neither -c nor -S: nothing that a volunteer can compile"));
    lines
}

#[test]
fn a_build_is_told_by_volunteer_and_reason() {
    let dir = journal(&build());
    insta::assert_snapshot!(report(dir.path(), &[]).success().stdout, @r"
    From 2026-11-28 04:00:00 to 2026-11-28 04:00:13

    9 units compiled by volunteers
      192.168.10.2      8 units  400 kB sent, 72 kB received
                                 up to 1 of 4 slots at once, 15 % of their time
      [fd00::7]:3633     1 unit  50 kB sent, 9 kB received
                                 up to 1 of 8 slots at once, 0 % of their time
    6 compiler commands ran here
      4  192.168.10.3: its gcc is 14.1.0, ours 14.2.0
         (src/9.c, src/10.c, src/11.c, …)
         to mend it: distcc-setup doctor
      1  conftest.c is a test of configure
         (conftest.c)
      1  neither -c nor -S: nothing that a volunteer can compile
         (gcc)

    13.0 s in which anything was compiled
      0.0 s  waiting for a slot
      1.5 s  preprocessing
      0.0 s  sending
      8.1 s  compiling there
      0.0 s  receiving
      5.4 s  compiling here
      0.0 s  writing outputs
      all compiles together; 450 kB sent, 81 kB received
    ");
    insta::assert_snapshot!(report(dir.path(), &["--line"]).success().stdout, @r"
    9 of 13 units were distributed to 2 volunteers
    4 not: 192.168.10.3: its gcc is 14.1.0, ours 14.2.0 (to mend it: distcc-setup doctor)
    ");
}

#[test]
fn only_what_ended_since_then_is_told() {
    let dir = journal(&build());
    let line = |when: &str| report(dir.path(), &["--line", "--since", when]).success().stdout;
    let from_nine = line("@1795838409");
    assert!(from_nine.starts_with("1 of 5 units were distributed to 1 volunteer\n"), "{from_nine}");
    assert_eq!(line("2026-11-28T04:00:09"), from_nine);
    assert_eq!(line("2026-11-28 04:00:09Z"), from_nine);
    assert_eq!(line("@9999999999"), "");
    let output = report(dir.path(), &["--since", "9 o'clock"]);
    assert_eq!(output.status, 100, "{output}");
    assert!(output.stderr.contains("`9 o'clock` is no moment; write how long ago"), "{output}");
}

#[test]
fn json_has_the_same_numbers() {
    let dir = journal(&build());
    let text = report(dir.path(), &["--json"]).success().stdout;
    let json: serde_json::Value = serde_json::from_str(&text).unwrap();
    assert_eq!(
        (&json["distributed"], &json["local_units"], &json["local_commands"]),
        (&9.into(), &4.into(), &6.into())
    );
    assert_eq!(json["local"][0]["reason"], "compiler-mismatch");
    assert_eq!(json["local"][0]["act"], true);
    assert_eq!(json["volunteers"][0]["slots"], 4);
    assert_eq!(json["bytes_out"], 450_000);
    assert_eq!(
        (&json["start"], &json["end"]),
        (&1_795_838_400_000_u64.into(), &1_795_838_413_000_u64.into())
    );
}

#[test]
fn a_page_holds_everything_and_asks_for_nothing() {
    let dir = journal(&build());
    let file = dir.path().join("page.html");
    report(dir.path(), &["--html", file.to_str().unwrap()]).quiet_success();
    let page = std::fs::read_to_string(file).unwrap();
    for wanted in ["192.168.10.2", "[fd00::7]:3633", "its gcc is 14.1.0", "distcc-setup doctor"] {
        assert!(page.contains(wanted), "{wanted}: {page}");
    }
    for other in ["http:", "https:", "<script", "src=", "<link"] {
        assert!(!page.contains(other), "{other}: {page}");
    }
    let output = report(dir.path(), &["--html", "/nonexistent/page.html"]);
    assert_eq!(output.status, 100, "{output}");
    assert!(output.stderr.contains("/nonexistent/page.html cannot be written"), "{output}");
}

#[test]
fn a_build_is_what_came_after_its_mark() {
    let farm = Farm::with(Side::Ours);
    let dir = farm.path("distcc");
    let compile = |name: &str, flags: &str| {
        farm.write(name, "int f(int a) { return a; }\n");
        farm.run(Side::Ours, &format!("gcc {flags} -c {name}")).output().success();
    };
    let lines = |words: &[&str]| report(&dir, words).success().stdout;
    let output = report(&dir, &["--last-build"]);
    assert_eq!(
        (output.status, output.stderr.contains("no build has left its mark in ")),
        (100, true)
    );
    compile("before.c", "");
    report(&dir, &["--mark", "one"]).quiet_success();
    assert_eq!(lines(&["--last-build", "--line"]), "");
    compile("a.c", "");
    compile("b.c", "-march=native");
    assert_eq!(
        lines(&["--last-build", "--line"]),
        "1 of 2 units were distributed to 1 volunteer\n\
        1 not: -march=native: each volunteer would read this as its own processor \
        (to mend it: sudo distcc-setup configure --march=replace)\n"
    );
    report(&dir, &["--mark", "two"]).quiet_success();
    compile("c.c", "");
    assert_eq!(
        lines(&["--last-build", "--line"]),
        "The only unit was distributed to 1 volunteer\n"
    );
    let one = lines(&["--last-build=one", "--line"]);
    assert!(one.starts_with("2 of 3 units"), "{one}");
    assert!(lines(&["--last-build=one"]).contains("\nBuild of one, since "));
    assert_eq!(report(&dir, &["--last-build=three"]).status, 100);
}

#[test]
fn builds_at_the_same_time_and_what_follows_them_are_kept_apart() {
    let farm = Farm::with(Side::Ours);
    let dir = farm.path("distcc");
    farm.write("a.c", "int f(int a) { return a; }\n");
    let compile = |build: &[&str], flags: &str| {
        let run = farm.run(Side::Ours, &format!("gcc {flags} -c a.c"));
        build.iter().fold(run, |run, name| run.env("DISTCC_BUILD", name)).output().success();
    };
    let lines = |words: &[&str]| report(&dir, words).success().stdout;
    report(&dir, &["--mark", "one"]).quiet_success();
    report(&dir, &["--mark", "two"]).quiet_success();
    for (build, flags) in [("one", ""), ("two", "-mtune=native"), ("one", "-O2"), ("two", "")] {
        compile(&[build], flags);
    }
    compile(&[], "-march=native");
    let one = lines(&["--last-build=one", "--line"]);
    assert_eq!(one, "All 2 units were distributed to 1 volunteer\n");
    let two = lines(&["--last-build=two", "--line"]);
    assert!(two.starts_with("1 of 2 units were distributed to 1 volunteer\n"), "{two}");
    assert!(lines(&["--line"]).starts_with("3 of 5 units"), "{}", lines(&["--line"]));
}

#[test]
fn a_journal_that_is_not_there_is_nothing_to_report() {
    let dir = tempfile::tempdir().unwrap();
    let output = report(dir.path(), &[]).success();
    let text = output.stdout.replace(dir.path().to_str().unwrap(), "DIR");
    assert_eq!(text, "Nothing has been compiled, by the journal in DIR/journal\n");
    assert_eq!(report(dir.path(), &["--line"]).success().stdout, "");
    let json: serde_json::Value =
        serde_json::from_str(&report(dir.path(), &["--json"]).success().stdout).unwrap();
    assert_eq!((&json["distributed"], &json["start"]), (&0.into(), &serde_json::Value::Null));
    let page = dir.path().join("page.html");
    report(dir.path(), &["--html", page.to_str().unwrap()]).quiet_success();
    assert!(std::fs::read_to_string(page).unwrap().contains("Nothing"));
}

#[test]
fn what_others_put_into_the_journal_does_no_harm() {
    let dir = journal("no json\n{\"time\":-1}\n[]\n\u{0}\u{1}{\"time\":1,\"outcome\":\"moon\"}\n");
    let at = |name: &str| dir.path().join("journal").join(name);
    nix::unistd::mkfifo(&at("1.jsonl"), nix::sys::stat::Mode::S_IRWXU).unwrap();
    nix::unistd::mkfifo(&at("1.builds"), nix::sys::stat::Mode::S_IRWXU).unwrap();
    symlink("/dev/zero", at("2.jsonl")).unwrap();
    symlink("3.jsonl", at("3.jsonl")).unwrap();
    std::fs::create_dir(at("4.jsonl")).unwrap();
    let mark = r#"{"time":18446744073709551615,"build":"\u001b[2Jx"}"#;
    std::fs::write(at("5.builds"), mark).unwrap();
    let line = r#"{"time":18446744073709551615,"unit":"\u001b[2J\u0007","outcome":"remote","volunteer":"\u001b]0;x\u0007/9","compile_ms":18446744073709551615,"bytes_out":18446744073709551615}"#;
    std::fs::write(at("6.jsonl"), [line, line].join("\n")).unwrap();
    for words in [&[][..], &["--line"], &["--json"], &["--last-build"], &["--html", "/dev/stdout"]]
    {
        let output = report(dir.path(), words);
        assert_eq!(output.status, 0, "{words:?}: {output}");
        assert!(!output.stdout.contains(['\u{1b}', '\u{7}']), "{words:?}: {output}");
    }
}

#[test]
fn full_journals_are_read_whole() {
    let dir = journal("");
    let line = build().lines().next().unwrap().to_owned() + "\n";
    let count = (8 << 20) / line.len();
    let full = line.repeat(count);
    for name in ["1000.old.jsonl", "1000.jsonl"] {
        std::fs::write(dir.path().join("journal").join(name), &full).unwrap();
    }
    let output = report(dir.path(), &["--line"]).success();
    assert!(output.stdout.starts_with(&format!("All {} units were", 2 * count)), "{output}");
    assert_eq!(report(dir.path(), &["--line", "--since", "2026-11-29"]).success().stdout, "");
}
