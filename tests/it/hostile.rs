//! Clients that want our daemon to fall over, to write elsewhere, or to run something else.

use std::fs;
use std::io::Write;
use std::net::{Shutdown, TcpStream};

use proptest::prelude::*;

use crate::volunteer::{Place, Volunteer, head, packet, parse, request, wait_until};

const ARGV: [&str; 5] = ["gcc", "-c", "a.c", "-o", "a.o"];

/// What the end of a body of zeros looks like in LZO: a long literal, then matches of it.
fn bomb(times: usize) -> Vec<u8> {
    // Four zeros, then a match of distance 1 and length 255 * times and some, then the end.
    let mut bytes = vec![17 + 4, 0, 0, 0, 0, 32];
    bytes.extend(std::iter::repeat_n(0, times));
    bytes.extend([1, 0, 0, 17, 0, 0]);
    bytes
}

#[test]
fn a_request_cut_at_any_byte_is_dropped_and_the_next_is_served() {
    let volunteer = Place::new().start(&["-j", "2"]);
    let whole = request(&ARGV, b"int x;\n");
    for cut in 0..whole.len() {
        let mut stream = volunteer.connect();
        stream.write_all(&whole[..cut]).unwrap();
        stream.shutdown(Shutdown::Write).unwrap();
        let mut reply = Vec::new();
        drop(std::io::Read::read_to_end(&mut stream, &mut reply));
        assert!(reply.is_empty(), "cut at {cut}: {}", reply.escape_ascii());
    }
    volunteer.assert_serves();
}

#[test]
fn promises_of_many_bytes_cost_no_memory() {
    let volunteer = Place::new().start(&["-j", "2"]);
    volunteer.assert_serves();
    let before = volunteer.memory();
    let promises: Vec<TcpStream> = (0..100)
        .map(|_| {
            let mut stream = volunteer.connect();
            stream.write_all(&head(1, &ARGV)).unwrap();
            stream.write_all(b"DOTI1f000000int x;").unwrap();
            stream
        })
        .collect();
    volunteer.assert_serves();
    let grown = volunteer.memory().saturating_sub(before);
    assert!(grown < 20_000, "{grown} KiB for 100 promises");
    drop(promises);
}

#[test]
fn numbers_past_all_limits_are_refused_at_once() {
    let volunteer = Place::new().start(&[]);
    for bytes in [
        "DIST00000001ARGCffffffff",
        "DIST00000001ARGC00000000",
        "DIST00000001ARGC00000001ARGVffffffff",
        "DIST00000001ARGC00000001ARGV00000003gccDOTIffffffff",
        "DIST00000001ARGC-0000001",
        "DIST0000000x",
        "DISTffffffff",
        "DIST00000004",
        "dist00000001",
    ] {
        assert_eq!(volunteer.talk(bytes.as_bytes()), b"", "{bytes}");
    }
    volunteer.wait_for_log("REJ_BAD_REQ");
    volunteer.assert_serves();
}

#[test]
fn bombs_do_not_go_off() {
    let volunteer = Place::new().start(&["-j", "1"]);
    for times in [1_000, 8_000_000] {
        let body = bomb(times);
        let reply = volunteer.talk(&[head(2, &ARGV), packet("DOTI", &body)].concat());
        if times > 1_000 {
            assert_eq!(reply, b"");
        }
    }
    volunteer.wait_for_log("bad request from");
    volunteer.assert_serves();
}

#[test]
fn unfinished_requests_that_hold_too_much_are_dropped() {
    let volunteer = Place::new().start(&["--max-held", "1"]);
    let mut greedy = volunteer.connect();
    greedy.write_all(&head(1, &ARGV)).unwrap();
    greedy.write_all(b"DOTI00f00000").unwrap();
    let mebibyte = vec![b' '; 1 << 20];
    // The daemon hangs up in the middle.
    drop(greedy.write_all(&mebibyte).and_then(|()| greedy.write_all(&mebibyte)));
    volunteer.wait_for_log("--max-held");
    volunteer.wait_for_log("REJ_OVERLOAD");
    volunteer.assert_serves();
}

#[test]
fn bytes_after_the_request_do_no_harm() {
    let volunteer = Place::new().start(&[]);
    let mut bytes = request(&ARGV, b"int x;\n");
    bytes.extend([b'x'; 3000]);
    let mut stream = volunteer.connect();
    stream.write_all(&bytes).unwrap();
    let mut reply = Vec::new();
    // Bytes that are not read when the connection is closed may reset it.
    drop(std::io::Read::read_to_end(&mut stream, &mut reply));
    volunteer.wait_for_log("bytes after the request");
    volunteer.assert_serves();
}

/// What a client may try in its command line; every one must come to nothing.
const TRICKS: [&str; 34] = [
    "gcc -c a.c -o a.o -wrapper /usr/bin/touch,MARK",
    "gcc -c a.c -o a.o -wrapper=/usr/bin/touch,MARK",
    "gcc -c a.c -o a.o -B DIR",
    "gcc -c a.c -o a.o -BDIR",
    "gcc -c a.c -o a.o --prefix=DIR",
    "gcc -c a.c -o a.o -fplugin=DIR/evil.so",
    "gcc -c a.c -o a.o -fplugin-arg-evil-x=MARK",
    "clang -c a.c -o a.o -Xclang -load -Xclang DIR/evil.so",
    "clang -c a.c -o a.o -fpass-plugin=DIR/evil.so",
    "clang -c a.c -o a.o -mllvm -load=DIR/evil.so",
    "gcc -c a.c -o a.o -specs=DIR/evil.specs",
    "gcc -c a.c -o a.o --specs=DIR/evil.specs",
    "gcc -c a.c -o a.o -aux-info MARK",
    "gcc -c a.c -o a.o -MD -MF MARK",
    "gcc -c a.c -o a.o -MMD -MFMARK",
    "gcc -c a.c -o a.o -Wp,-MD,MARK",
    "gcc -c a.c -o a.o -Wa,-a=MARK",
    "gcc -c a.c -o a.o -Wa,--MD,MARK",
    "gcc -c a.c -o a.o -Xassembler --MD -Xassembler MARK",
    "gcc -c a.c -o a.o -dumpdir MARK",
    "gcc -c a.c -o a.o -dumpbase MARK",
    "gcc -c a.c -o a.o -fdump-tree-all=MARK",
    "gcc -c a.c -o a.o -save-temps",
    "gcc -c a.c -o a.o -fstack-usage",
    "gcc -c a.c -o a.o -fprofile-generate=DIR",
    "gcc -c a.c -o a.o -fdiagnostics-format=json-file",
    "gcc -c a.c -o a.o @DIR/words",
    "@DIR/words",
    "-c a.c -o a.o",
    "gcc a.c -o a.o",
    "gcc -E a.c -o MARK",
    "gcc -c a.c b.c",
    "gcc -c a.c -o a.o -include DIR/words",
    "gcc -c a.c -o a.o -iplugindir=DIR",
];

/// Those of them that are served: what they ask for is left out before the compiler sees it, or
/// stays in the job's directory.
const HARMLESS: [&str; 6] = [
    "gcc -c a.c -o a.o -MD -MF MARK",
    "gcc -c a.c -o a.o -MMD -MFMARK",
    "gcc -c a.c -o a.o -Wp,-MD,MARK",
    "gcc -c a.c -o a.o -save-temps",
    "gcc -c a.c -o a.o -fstack-usage",
    "gcc -c a.c -o a.o -include DIR/words",
];

#[test]
fn command_lines_that_do_more_than_compile_are_refused() {
    let place = Place::new();
    let dir = place.path().join("run");
    let mark = dir.join("mark");
    let script = dir.join("cc1");
    fs::File::create(&script).unwrap().write_all(b"#!/bin/sh\ntouch mark\n").unwrap();
    crate::volunteer::allow(&script, 0o755);
    fs::File::create(dir.join("words")).unwrap().write_all(b"-c a.c -o a.o").unwrap();
    let volunteer = place.start(&["--sandbox=off"]);
    let mut served = Vec::new();
    for trick in TRICKS {
        let call = trick
            .replace("MARK", &mark.display().to_string())
            .replace("DIR", &dir.display().to_string());
        let words: Vec<&str> = call.split(' ').collect();
        let reply = volunteer.talk(&request(&words, b"int x;\n"));
        assert!(!mark.exists(), "{trick} wrote elsewhere");
        if !reply.is_empty() {
            served.push(trick);
        }
    }
    assert_eq!(served, HARMLESS);
    volunteer.assert_serves();
    let (_, place) = volunteer.stop();
    place.assert_clean();
}

#[test]
fn names_of_sources_and_outputs_cannot_leave_the_directory() {
    let place = Place::new();
    let outside = place.path().join("run/outside");
    let text = outside.display().to_string();
    let up = format!("../../../../../../../../../../..{text}");
    let volunteer = place.start(&["--sandbox=off"]);
    let sources =
        ["/", "..", "../a.c", "/etc/passwd.c", "a/../../b.c", "x\ny.c", &format!("{text}.c")];
    let outputs = [text.as_str(), &up, "..", "/", "a/b/c.o"];
    for (source, output) in sources.iter().flat_map(|source| outputs.map(|output| (source, output)))
    {
        let call = ["gcc", "-c", source, "-o", output];
        let reply = volunteer.talk(&request(&call, b"int x;\n"));
        if !reply.is_empty() {
            assert!(parse(&reply).3.starts_with(b"\x7fELF"), "{call:?}");
        }
        assert!(!outside.exists(), "{call:?}");
    }
    volunteer.assert_serves();
    let (_, place) = volunteer.stop();
    place.assert_clean();
    assert_eq!(fs::read_dir(place.path().join("run")).unwrap().count(), 1, "only the log");
}

#[test]
fn source_text_cannot_bring_in_files_of_the_volunteer() {
    let place = Place::new();
    fs::File::create(place.path().join("secret")).unwrap().write_all(b"treasure").unwrap();
    let source = format!("asm(\".incbin \\\"{}/secret\\\"\");\n", place.path().display());
    let volunteer = place.start(&[]);
    let (status, stderr, _, object) = parse(&volunteer.talk(&request(&ARGV, source.as_bytes())));
    if !volunteer.place.log().contains("sandbox: Landlock") {
        return;
    }
    assert_ne!(status, 0, "{stderr}");
    assert!(!object.windows(8).any(|bytes| bytes == b"treasure"));
}

#[test]
fn names_cannot_forge_lines_of_the_log() {
    let volunteer = Place::new().start(&[]);
    let name = "a.c\ndistccd[1] (dcc_job_summary) client: 1.2.3.4:5 COMPILE_OK forged";
    volunteer.talk(&request(&["gcc", "-c", name, "-o", "a.o"], b"int x;\n"));
    volunteer.talk(&request(&["gcc\nforged", "-c", "a.c", "-o", "a.o"], b"int x;\n"));
    volunteer.assert_serves();
    let log = volunteer.place.log();
    assert!(!log.lines().any(|line| line.starts_with("forged")), "{log}");
    assert!(
        !log.lines().any(|line| line.contains("distccd[1] (") && line.starts_with("distccd[1]"))
    );
}

#[test]
fn noise_of_any_kind_leaves_the_daemon_standing() {
    let volunteer = Place::new().with_program("gcc", "exit 0").start(&["-j", "2"]);
    let words = prop_oneof![
        Just(b"DIST00000001".to_vec()),
        Just(b"DIST00000002".to_vec()),
        Just(b"ARGC00000003".to_vec()),
        Just(packet("ARGV", b"gcc")),
        Just(packet("ARGV", b"-c")),
        Just(packet("ARGV", b"a.c")),
        Just(packet("DOTI", b"int x;")),
        Just(packet("DOTI", &bomb(100))),
        prop::collection::vec(any::<u8>(), 0..40),
    ];
    let noise = prop::collection::vec(words, 0..8).prop_map(|parts| parts.concat());
    let config = ProptestConfig { cases: 200, failure_persistence: None, ..Default::default() };
    proptest!(config, |(bytes in noise)| {
        shout(&volunteer, &bytes);
    });
    volunteer.assert_serves();
    let (status, place) = volunteer.stop();
    assert!(status.success());
    place.assert_clean();
}

/// Sends bytes and hangs up.
fn shout(volunteer: &Volunteer, bytes: &[u8]) {
    let mut stream = volunteer.connect();
    drop(stream.write_all(bytes));
    drop(stream.shutdown(Shutdown::Write));
    drop(std::io::Read::read_to_end(&mut stream, &mut Vec::new()));
}

#[test]
fn clients_that_come_and_go_leave_nothing_open() {
    let volunteer = Place::new().with_program("gcc", "exit 0").start(&["-j", "2"]);
    let open = || fs::read_dir(format!("/proc/{}/fd", volunteer.child.id())).unwrap().count();
    volunteer.assert_serves();
    let before = open();
    for round in 0..200 {
        let bytes = request(&ARGV, b"int x;\n");
        let mut stream = volunteer.connect();
        stream.write_all(&bytes[..round % bytes.len()]).unwrap();
    }
    wait_until("the connections to be closed", || open() <= before + 2);
}
