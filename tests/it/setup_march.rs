//! `distcc-setup march`: what it prints means what the native flag means, by the compilers
//! themselves, and is distributed.

use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;
use std::time::SystemTime;

use makepkg_distcc::progress::journal::Outcome;
use makepkg_distcc::progress::journal_read::read_since;

use crate::support::farm::Farm;
use crate::support::output::Output;
use crate::support::volunteer::{Options, Side};

/// Compilers that tests ask, as far as they are installed.
const COMPILERS: [&str; 5] = ["gcc", "g++", "gcc-11", "clang", "clang++"];

fn march(words: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_distcc-setup"));
    command.arg("march").args(words).output().unwrap().into()
}

/// The flags that stand for `flags`.
fn expanded(compiler: &str, more: &[&str], flags: &[&str]) -> Vec<String> {
    let words = [&["--compiler", compiler], more, &["--"], flags].concat();
    let output = march(&words).success();
    assert_eq!((output.stdout.lines().count(), &*output.stderr), (1, ""), "{output}");
    let words = shell_words::split(&output.stdout).unwrap();
    assert!(!words.iter().any(|word| word.ends_with("native")), "{words:?}");
    words
}

fn installed() -> impl Iterator<Item = &'static str> {
    COMPILERS.into_iter().filter(|name| Command::new(name).arg("--version").output().is_ok())
}

/// What `compiler` prints when it is called with `flags` and `more`.
fn said<S: AsRef<std::ffi::OsStr>>(compiler: &str, flags: &[S], more: &[&str]) -> String {
    let output = Command::new(compiler).args(flags).args(more).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

/// The object that `source` becomes.
fn object<S: AsRef<std::ffi::OsStr>>(compiler: &str, flags: &[S], source: &str) -> Vec<u8> {
    let dir = tempfile::tempdir().unwrap();
    let object = dir.path().join("x.o");
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("sample").join(source);
    let mut command = Command::new(compiler);
    command.args(flags).args(["-O3", "-ffast-math", "-ftree-vectorize", "-c"]);
    if source.extension().is_some_and(|suffix| suffix == "cpp") {
        command.arg("-std=c++17");
    }
    let output = command.arg(source).arg("-o").arg(&object).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    std::fs::read(object).unwrap()
}

#[test]
fn objects_are_those_of_the_native_flag_to_the_byte() {
    for compiler in installed() {
        let sources: &[&str] = match compiler.contains("++") {
            true => &["kitxx/statistics.cpp"],
            false => &["kit/matrix.c", "kit/sort.c"],
        };
        for flag in ["-march=native", "-mtune=native"] {
            let full = expanded(compiler, &[], &[flag]);
            let short = expanded(compiler, &["--minimal"], &[flag]);
            assert!(short.len() <= full.len());
            for source in sources {
                let native = object(compiler, &[flag], source);
                let what = format!("{compiler} {flag} {source}");
                assert!(native == object(compiler, &full, source), "{what}: {full:?}");
                assert!(native == object(compiler, &short, source), "{what}: {short:?}");
            }
        }
    }
}

#[test]
fn gcc_lists_the_same_as_on_and_clang_defines_the_same_macros() {
    for compiler in installed() {
        let ask: &[&str] = match compiler.contains("clang") {
            true => &["-dM", "-E", "-x", "c", "/dev/null"],
            false => &["-Q", "--help=target", "--help=params"],
        };
        for flag in ["-march=native", "-mtune=native"] {
            let native = said(compiler, &[flag], ask);
            assert!(!native.is_empty());
            assert_eq!(said(compiler, &expanded(compiler, &[], &[flag]), ask), native);
            assert_eq!(said(compiler, &expanded(compiler, &["--minimal"], &[flag]), ask), native);
        }
    }
}

#[test]
fn other_flags_for_the_machine_keep_their_say_wherever_they_stand() {
    let lines: [&[&str]; 9] = [
        &["-mno-sse3", "-march=native"],
        &["-march=native", "-mno-sse3"],
        &["-march=native", "-mtune=generic"],
        &["-mtune=generic", "-march=native"],
        &["-march=native", "-mtune=native"],
        &["-mtune=native", "-march=native"],
        &["-march=native", "-march=x86-64"],
        &["-march=x86-64", "-march=native"],
        &["-mavx2", "-mtune=native", "-msse3", "-mfpmath=sse"],
    ];
    for compiler in ["gcc", "clang"] {
        for line in lines {
            for more in [&[][..], &["--minimal"]] {
                let words = expanded(compiler, more, line);
                let native = object(compiler, line, "kit/matrix.c");
                assert!(object(compiler, &words, "kit/matrix.c") == native, "{line:?}: {words:?}");
            }
        }
    }
}

#[test]
fn flags_that_are_not_native_are_printed_as_they_were() {
    let line = ["-O2 -pipe", "-DNAME='a b'", "-Wl,-z,now"];
    assert_eq!(
        march(&[&["--for", "gcc", "--"][..], &line].concat()).stdout,
        "-O2 -pipe '-DNAME=a b' -Wl,-z,now\n"
    );
}

#[test]
fn what_it_prints_is_distributed() {
    let mut farm = Farm::new();
    farm.start(&Options::new(Side::Ours));
    for name in ["sort.c", "sort.h"] {
        let kit = Path::new(env!("CARGO_MANIFEST_DIR")).join("sample/kit");
        std::fs::copy(kit.join(name), farm.work().join(name)).unwrap();
    }
    for compiler in ["gcc", "clang"] {
        for more in [&[][..], &["--minimal"]] {
            let flags = expanded(compiler, more, &["-march=native"]).join(" ");
            farm.run(Side::Ours, &format!("{compiler} -O2 {flags} -c sort.c")).output().success();
        }
    }
    let entries = read_since(&farm.path("distcc/journal"), SystemTime::UNIX_EPOCH);
    assert_eq!(entries.len(), 4);
    for entry in entries {
        assert!(matches!(entry.outcome, Outcome::Remote { .. }), "{entry:?}");
    }
}

#[test]
fn both_compilers_are_asked_if_none_is_named_and_farms_are_passed_by() {
    let farm = Farm::new();
    let path = format!("{}:/usr/bin", farm.path("masquerade-ours").display());
    let mut command = Command::new(env!("CARGO_BIN_EXE_distcc-setup"));
    let output = command.args(["march", "--format", "json"]).env("PATH", path).output().unwrap();
    let answers: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    let compilers: Vec<_> =
        answers.as_array().unwrap().iter().map(|one| &one["compiler"]).collect();
    assert_eq!(compilers, ["/usr/bin/gcc", "/usr/bin/clang"]);
    let words = answers[0]["expansion"].as_array().unwrap();
    assert!(words[0].as_str().unwrap().starts_with("-march="), "{words:?}");
}

/// A compiler that is a shell script.
fn script(text: &str) -> (tempfile::TempDir, String) {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("cc");
    std::fs::write(&path, format!("#!/bin/sh\n{text}\n")).unwrap();
    std::fs::set_permissions(&path, Permissions::from_mode(0o755)).unwrap();
    let name = path.to_str().unwrap().to_owned();
    (dir, name)
}

/// What is said about a compiler that answers by this script.
fn complaint(text: &str) -> String {
    let (_dir, cc) = script(text);
    let output = march(&["--compiler", &cc]);
    assert_eq!((output.status, &*output.stdout), (100, ""), "{output}");
    output.stderr.replace(&cc, "CC")
}

#[test]
fn compilers_that_cannot_answer_are_told_apart() {
    insta::assert_snapshot!(complaint("exit 0"), @"distcc-setup: CC does not say what `-march=native` passes on (is it gcc or clang?)");
    insta::assert_snapshot!(complaint("echo \"CC: error: bad value ('native')\" >&2; exit 1"), @"distcc-setup: CC does not take `-march=native`: bad value ('native')");
    insta::assert_snapshot!(complaint("kill -9 $$"), @"distcc-setup: CC does not take `-march=native`: signal: 9 (SIGKILL)");
    insta::assert_snapshot!(complaint("yes"), @"distcc-setup: CC cannot be asked: file too large");
    // It passes on what it understands, but what it lists as on is never the same twice.
    let liar = "case \"$*\" in *-Q*) echo \"  -mx $$\";; *native*) echo ' /lib/cc1 -march=k8' >&2;; \
                *) echo ' /lib/cc1' >&2;; esac";
    insta::assert_snapshot!(complaint(liar), @"distcc-setup: no other flags of CC mean the same as `-march=native` on this machine; name a processor instead, as in -march=x86-64-v3");
    let output = march(&["--compiler", "aarch64-linux-gnu-gcc"]);
    insta::assert_snapshot!(output.stderr, @"distcc-setup: /usr/bin/aarch64-linux-gnu-gcc does not know what `-march=native` stands for: it compiles for another kind of machine than this; name the processor that you mean");
    let output = march(&["--compiler", "no-such-cc"]);
    insta::assert_snapshot!(output.stderr, @"distcc-setup: no-such-cc is not on PATH; install it, or name its path");
}
