//! Our daemon, driven by raw requests and by Debian's client.

use std::fs;
use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::path::Path;
use std::process::Command;
use std::thread;

use crate::volunteer::{
    Place, Volunteer, free_port, head, hello, packet, parse, request, runs, wait_until,
};

/// Debian's client.
const DISTCC: &str = "/usr/bin/distcc";
const HELLO: &str = "#include <stdio.h>\nint main(void) { puts(\"hello\"); return 0; }\n";

/// The fields of the page, in 3.4's order; the last one is of its development head.
const STATISTICS: &str = "tcp_accept rej_bad_req rej_overload compile_ok compile_error \
    compile_timeout cli_disconnect other longest_job longest_job_compiler longest_job_time_msecs \
    max_kids avg_kids1 avg_kids2 avg_kids3 current_load load1 load2 load3 num_compiles1 \
    num_compiles2 num_compiles3 num_procstate_D max_RSS max_RSS_name io_rate free_space free_mem";

fn put(path: &Path, text: &str) {
    fs::File::create(path).unwrap().write_all(text.as_bytes()).unwrap();
}

/// The lines that tell how visits ended, without what differs from run to run.
fn summaries(volunteer: &Volunteer, count: usize) -> Vec<String> {
    let lines = || {
        let log = volunteer.place.log();
        let lines = log.lines().filter(|line| line.contains("(dcc_job_summary) client: "));
        lines.map(str::to_owned).collect::<Vec<_>>()
    };
    wait_until("the summaries", || lines().len() >= count);
    lines()
        .iter()
        .map(|line| {
            let words = line.split(' ').skip(4);
            let words =
                words.map(|word| if word.starts_with("time:") { "time:TIME" } else { word });
            words.collect::<Vec<_>>().join(" ")
        })
        .collect()
}

#[test]
fn debians_client_gets_the_objects_that_a_local_compile_makes() {
    if !Path::new(DISTCC).exists() {
        return;
    }
    let volunteer = Place::new().start(&[]);
    let work = tempfile::tempdir().unwrap();
    fs::create_dir(work.path().join("state")).unwrap();
    put(&work.path().join("hello.c"), HELLO);
    put(&work.path().join("hello.cc"), "#include <vector>\nint n = std::vector<int>(3).size();\n");
    let calls =
        ["gcc -O2 -c hello.c", "g++ -O2 -c hello.cc", "clang -O2 -c hello.c", "gcc -S hello.c"];
    for (call, options) in calls.iter().flat_map(|call| [(call, ""), (call, ",lzo")]) {
        let words: Vec<&str> = call.split(' ').collect();
        if !Path::new("/usr/bin").join(words[0]).exists() {
            continue;
        }
        let output = |name| work.path().join(name);
        let run = |program: &str, args: &[&str], out: &str| {
            let done = Command::new(program)
                .args(args)
                .args(["-o", out])
                .current_dir(work.path())
                .env("DISTCC_HOSTS", format!("127.0.0.1:{}{options}", volunteer.port))
                .env("DISTCC_FALLBACK", "0")
                .env("DISTCC_DIR", work.path().join("state"))
                .env_remove("DISTCC_LOG")
                .output()
                .unwrap();
            assert!(done.status.success(), "{call}: {done:?}\n{}", volunteer.place.log());
            assert!(done.stderr.is_empty() && done.stdout.is_empty(), "{call}: {done:?}");
        };
        run(DISTCC, &words, "remote.out");
        run(words[0], &words[1..], "local.out");
        let (remote, local) = (fs::read(output("remote.out")), fs::read(output("local.out")));
        assert!(remote.unwrap() == local.unwrap(), "{call}{options} differs");
    }
    let lines = summaries(&volunteer, 2);
    assert!(lines.iter().all(|line| line.starts_with("COMPILE_OK exit:0 ")), "{lines:?}");
    let (status, place) = volunteer.stop();
    assert!(status.success());
    place.assert_clean();
}

#[test]
fn the_log_tells_each_visit_in_the_words_of_distcc() {
    let volunteer = Place::new().start(&["-j", "1"]);
    let object = parse(&volunteer.talk(&hello())).3;
    assert!(object.starts_with(b"\x7fELF"));
    let failing = request(&["gcc", "-c", "bad.c", "-o", "bad.o"], b"int x\n");
    let (status, stderr, stdout, object) = parse(&volunteer.talk(&failing));
    assert_eq!((status, stdout.as_str(), object.len()), (0x100, "", 0));
    assert!(stderr.contains("bad.c:1:") && stderr.contains("error"), "{stderr}");
    assert_eq!(volunteer.talk(b"HELO00000001"), b"");
    assert_eq!(volunteer.talk(&request(&["gcc", "-E", "a.c"], b"")), b"");
    let ghost = request(&["no-such-cc", "-c", "a.c", "-o", "a.o"], b"");
    let (status, stderr, ..) = parse(&volunteer.talk(&ghost));
    assert_eq!(status, 0x6e00);
    assert!(stderr.contains("failed to exec no-such-cc: No such file or directory"), "{stderr}");
    let lines = summaries(&volunteer, 5);
    insta::assert_snapshot!(lines.join("\n"), @r"
    COMPILE_OK exit:0 sig:0 core:0 ret:0 time:TIME gcc hello.c
    COMPILE_ERROR exit:1 sig:0 core:0 ret:0 time:TIME gcc bad.c
    REJ_BAD_REQ exit:0 sig:0 core:0 ret:109 time:TIME 
    OTHER exit:0 sig:0 core:0 ret:100 time:TIME 
    COMPILE_ERROR exit:110 sig:0 core:0 ret:0 time:TIME no-such-cc a.c
    ");
}

#[test]
fn version_zero_is_answered_as_zero() {
    let volunteer = Place::new().start(&[]);
    let argv = ["gcc", "-c", "a.c", "-o", "a.o"];
    let reply = volunteer.talk(&[head(0, &argv), packet("DOTI", b"int x;\n")].concat());
    assert!(reply.starts_with(b"DONE00000000STAT00000000SERR00000000SOUT00000000DOTO"));
}

#[test]
fn a_compiler_that_writes_nothing_has_made_an_empty_object() {
    let volunteer = Place::new().with_program("gcc", "exit 0").start(&[]);
    let (status, .., object) = parse(&volunteer.talk(&hello()));
    assert_eq!((status, object.len()), (0, 0));
}

#[test]
fn signals_and_exit_codes_of_compilers_travel() {
    let place = Place::new().with_program("gcc", "kill -SEGV $$").with_program("cc", "exit 77");
    let volunteer = place.start(&[]);
    assert_eq!(parse(&volunteer.talk(&hello())).0, 11);
    let call = request(&["cc", "-c", "a.c", "-o", "a.o"], b"");
    assert_eq!(parse(&volunteer.talk(&call)).0, 77 << 8);
}

#[test]
fn compilers_see_a_clean_environment_and_no_descriptors_of_ours() {
    let place = Place::new().with_program("gcc", "env; pwd; ls /proc/self/fd | tr '\\n' ' '; cat");
    let volunteer = place.start_as(&["--sandbox=off"], |command| {
        command.env("SECRET_OF_THE_DAEMON", "1").env("LC_TIME", "C").env("HOME", "/root");
    });
    let (_, _, stdout, _) = parse(&volunteer.talk(&hello()));
    assert!(!stdout.contains("SECRET") && !stdout.contains("HOME=/root"), "{stdout}");
    let tmp = volunteer.place.tmp().display().to_string();
    for wanted in ["_DISTCC_SAFEGUARD=1", "LC_TIME=C", &format!("TMPDIR={tmp}/distccd_")] {
        assert!(stdout.contains(wanted), "{wanted} in {stdout}");
    }
    // The last one is the directory that `ls` reads.
    assert!(stdout.ends_with("0 1 2 3 "), "{stdout}");
}

#[test]
fn compilers_cannot_read_or_write_outside_of_their_directory() {
    let place = Place::new();
    put(&place.path().join("secret"), "treasure");
    put(&place.path().join("run/open"), "");
    crate::volunteer::allow(&place.path().join("run/open"), 0o666);
    let text = format!(
        "cat {0}/secret; echo pwned > {0}/run/open; echo fine > distccd-output.o; exit 0",
        place.path().display()
    );
    let volunteer = place.with_program("gcc", &text).start(&[]);
    let (status, stderr, stdout, object) = parse(&volunteer.talk(&hello()));
    if !volunteer.place.log().contains("sandbox: Landlock") {
        return;
    }
    assert_eq!((status, stdout.as_str(), object.as_slice()), (0, "", b"fine\n".as_slice()));
    assert!(stderr.contains("Permission denied"), "{stderr}");
    let opened = fs::read_to_string(volunteer.place.path().join("run/open")).unwrap();
    assert_eq!(opened, "");
}

#[test]
fn only_listed_compilers_run_and_the_log_says_how_to_list_one() {
    if fs::read_dir("/usr/lib/distcc").map_or(0, Iterator::count) == 0 {
        return;
    }
    let place = Place::new().with_program("evil", "exit 0");
    let volunteer = place.start_bare(&["--allow-private"], |_| {});
    assert_eq!(volunteer.talk(&request(&["evil", "-c", "a.c", "-o", "a.o"], b"")), b"");
    assert_eq!(volunteer.talk(&request(&["/opt/bin/gcc", "-c", "a.c", "-o", "a.o"], b"")), b"");
    volunteer.wait_for_log("evil not in /usr/lib/distcc or /usr/lib/distcc/bin whitelist");
    volunteer.wait_for_log("run update-distcc-symlinks");
    volunteer.wait_for_log("compiler name </opt/bin/gcc> cannot be an absolute path");
}

#[test]
fn a_command_list_maps_names_to_programs() {
    let place = Place::new().with_program("special-gcc", "echo special");
    let list = place.path().join("commands");
    put(&list, &format!("{}/bin/special-gcc\n", place.path().display()));
    let volunteer = place.start_as(&[], |command| {
        command.env("DISTCC_CMDLIST", &list);
    });
    let call = request(&["/anywhere/special-gcc", "-c", "a.c", "-o", "a.o"], b"");
    assert_eq!(parse(&volunteer.talk(&call)).2, "special\n");
    assert_eq!(volunteer.talk(&hello()), b"");
    volunteer.wait_for_log("lookup of gcc in DISTCC_CMDLIST failed");
}

#[test]
fn clients_that_are_not_allowed_are_hung_up_on() {
    let options = ["--allow", "10.255.255.1", "--enable-tcp-insecure"];
    let volunteer = Place::new().start_bare(&options, |_| {});
    assert_eq!(volunteer.talk(&hello()), b"");
    volunteer.wait_for_log("denied by access list");
    assert!(!volunteer.place.log().contains("dcc_job_summary"));
}

#[test]
fn a_client_that_goes_takes_its_compiler_with_it() {
    let nap = "8801.5";
    let place = Place::new().with_program("gcc", &format!("sleep {nap} & sleep {nap}"));
    let volunteer = place.start(&["-j", "1"]);
    let mut stream = volunteer.connect();
    stream.write_all(&hello()).unwrap();
    wait_until("the compiler to run", || runs(nap));
    drop(stream);
    wait_until("the compiler to die", || !runs(nap));
    assert!(summaries(&volunteer, 1)[0].starts_with("CLI_DISCONN "));
    let (_, place) = volunteer.stop();
    place.assert_clean();
}

#[test]
fn half_closing_counts_as_going() {
    let nap = "8802.5";
    let volunteer = Place::new().with_program("gcc", &format!("sleep {nap}")).start(&[]);
    let mut stream = volunteer.connect();
    stream.write_all(&hello()).unwrap();
    wait_until("the compiler to run", || runs(nap));
    stream.shutdown(Shutdown::Write).unwrap();
    wait_until("the compiler to die", || !runs(nap));
}

#[test]
fn a_client_that_goes_while_it_waits_is_not_compiled_for() {
    let place = Place::new();
    let gate = place.path().join("run/gate");
    let text =
        format!("echo ran >> {0}.log; until [ -e {0} ]; do sleep 0.02; done", gate.display());
    let volunteer = place.with_program("gcc", &text).start(&["-j", "1", "--sandbox=off"]);
    let started = || fs::read_to_string(gate.with_extension("log")).unwrap_or_default();
    let mut first = volunteer.connect();
    first.write_all(&hello()).unwrap();
    wait_until("the first compile", || !started().is_empty());
    for _ in 0..3 {
        let mut stream = volunteer.connect();
        stream.write_all(&hello()).unwrap();
        drop(stream);
    }
    put(&gate, "");
    let lines = summaries(&volunteer, 4);
    assert!(lines[1..].iter().all(|line| line.starts_with("CLI_DISCONN")), "{lines:?}");
    assert_eq!(started(), "ran\n");
}

#[test]
fn spec_files_are_taken_from_the_sysroot_and_from_nowhere_else() {
    let place = Place::new();
    let sysroot = place.path().join("sysroot");
    fs::create_dir(&sysroot).unwrap();
    put(&sysroot.join("my.specs"), "*cc1_options:\n+ -DFROM_SPECS\n\n");
    put(&place.path().join("other.specs"), "");
    let volunteer = place.start(&["--sysroot", sysroot.to_str().unwrap()]);
    let ask = |word: &str| {
        volunteer.talk(&request(&["gcc", word, "-c", "a.c", "-o", "a.o"], b"int x;\n"))
    };
    let (status, stderr, ..) = parse(&ask("-specs=my.specs"));
    assert_eq!(status, 0, "{stderr}");
    let log = || volunteer.place.log();
    for word in ["-specs=other.specs", "-specs=../other.specs", "-specs=a.c"] {
        assert_eq!(ask(word), b"", "{word}: {}", log());
    }
    volunteer.wait_for_log("is no regular file below --sysroot");
}

#[test]
fn a_compile_that_takes_too_long_is_killed_and_says_so() {
    let nap = "8803.5";
    let volunteer =
        Place::new().with_program("gcc", &format!("sleep {nap}")).start(&["--job-lifetime", "1"]);
    assert_eq!(parse(&volunteer.talk(&hello())).0, 0x7600);
    wait_until("the compiler to die", || !runs(nap));
    assert!(
        summaries(&volunteer, 1)[0].starts_with("COMPILE_TIMEOUT exit:118 sig:0 core:0 ret:118")
    );
}

#[test]
fn stalled_peers_keep_nobody_from_being_served() {
    let volunteer = Place::new().start(&["-j", "2"]);
    let whole = hello();
    let stalled: Vec<TcpStream> = (0..20)
        .map(|number| {
            let mut stream = volunteer.connect();
            stream.write_all(&whole[..number * 3 + 4]).unwrap();
            stream
        })
        .collect();
    for _ in 0..5 {
        volunteer.assert_serves();
    }
    // They are not forgotten either.
    for (number, mut stream) in stalled.into_iter().enumerate() {
        stream.write_all(&whole[number * 3 + 4..]).unwrap();
        let mut reply = Vec::new();
        stream.read_to_end(&mut reply).unwrap();
        assert_eq!(parse(&reply).0, 0);
    }
}

#[test]
fn clients_that_do_not_read_their_reply_keep_nobody_from_being_served() {
    let big = "dd if=/dev/zero of=distccd-output.o bs=1048576 count=24 2>/dev/null";
    let place = Place::new().with_program("gcc", big).with_program("cc", "echo quick");
    let volunteer = place.start(&["-j", "2"]);
    let slow: Vec<TcpStream> = (0..6)
        .map(|_| {
            let mut stream = volunteer.connect();
            stream.write_all(&hello()).unwrap();
            stream
        })
        .collect();
    let call = request(&["cc", "-c", "a.c", "-o", "a.o"], b"");
    assert_eq!(parse(&volunteer.talk(&call)).2, "quick\n");
    for mut stream in slow {
        let mut reply = Vec::new();
        stream.read_to_end(&mut reply).unwrap();
        assert_eq!(parse(&reply).3.len(), 24 << 20);
    }
}

#[test]
fn memory_of_large_objects_is_given_back() {
    let big = "dd if=/dev/zero of=distccd-output.o bs=1048576 count=20 2>/dev/null";
    let volunteer = Place::new().with_program("gcc", big).start(&["-j", "4"]);
    for _ in 0..2 {
        thread::scope(|scope| {
            for _ in 0..8 {
                scope.spawn(|| assert_eq!(parse(&volunteer.talk(&hello())).3.len(), 20 << 20));
            }
        });
    }
    wait_until("memory to be given back", || volunteer.memory() < 40_000);
}

#[test]
fn two_hundred_clients_at_once_are_all_served() {
    let volunteer = Place::new().with_program("gcc", "exit 0").start(&["-j", "4"]);
    let mut streams: Vec<TcpStream> = (0..200).map(|_| volunteer.connect()).collect();
    for stream in &mut streams {
        stream.write_all(&hello()).unwrap();
    }
    for stream in &mut streams {
        let mut reply = Vec::new();
        stream.read_to_end(&mut reply).unwrap();
        assert_eq!(parse(&reply).0, 0);
    }
}

#[test]
fn requests_that_stop_moving_are_given_up() {
    let volunteer = Place::new().start(&["--io-timeout", "1"]);
    assert_eq!(volunteer.talk(&hello()[..30]), b"");
    assert!(summaries(&volunteer, 1)[0].starts_with("CLI_DISCONN exit:0 sig:0 core:0 ret:118"));
    let place = Place::new();
    let volunteer = place.start_as(&[], |command| {
        command.env("DISTCC_IO_TIMEOUT", "1");
    });
    assert_eq!(volunteer.talk(&hello()[..30]), b"");
}

#[test]
fn the_statistics_page_has_the_fields_of_distcc() {
    let stats_port = free_port();
    let volunteer =
        Place::new().start(&["--stats", "--stats-port", &stats_port.to_string(), "-j", "3"]);
    volunteer.assert_serves();
    assert_eq!(volunteer.talk(b"nonsense...."), b"");
    summaries(&volunteer, 2);
    let ask = || {
        let mut stream = TcpStream::connect(("127.0.0.1", stats_port)).unwrap();
        stream.write_all(b"GET / HTTP/1.0\r\n\r\n").unwrap();
        let mut page = String::new();
        stream.read_to_string(&mut page).unwrap();
        page
    };
    // A reader who says nothing keeps nobody waiting.
    let silent = TcpStream::connect(("127.0.0.1", stats_port)).unwrap();
    wait_until("the counters", || {
        let page = ask();
        ["dcc_rej_bad_req 1\n", "dcc_compile_ok 1\n"].iter().all(|line| page.contains(line))
    });
    let page = ask();
    drop(silent);
    assert!(page.starts_with(
        "HTTP/1.0 200 OK\nContent-Type: text/plain\nConnection: close\n\nargv /distccd\n\
         <distccstats>\ndcc_tcp_accept 2\ndcc_rej_bad_req 1\ndcc_rej_overload 0\n\
         dcc_compile_ok 1\n"
    ));
    let names: Vec<&str> =
        page.lines().filter_map(|line| line.strip_prefix("dcc_")?.split(' ').next()).collect();
    assert_eq!(names.join(" "), STATISTICS);
    assert!(page.contains("\ndcc_max_kids 3\n") && page.contains("\n</distccstats>\n"), "{page}");
}

#[test]
fn clients_past_the_limit_of_waiting_ones_are_served_later() {
    let volunteer =
        Place::new().with_program("gcc", "exit 0").start(&["-j", "1", "--max-waiting", "4"]);
    let clients: Vec<_> = (0..40)
        .map(|_| {
            let mut stream = volunteer.connect();
            thread::spawn(move || {
                stream.write_all(&hello()).unwrap();
                let mut reply = Vec::new();
                stream.read_to_end(&mut reply).unwrap();
                parse(&reply).0
            })
        })
        .collect();
    for client in clients {
        assert_eq!(client.join().unwrap(), 0);
    }
}

#[test]
fn compilers_apart_from_path_are_within_reach_of_themselves() {
    let place = Place::new();
    let apart = place.path().join("apart/bin");
    fs::create_dir_all(&apart).unwrap();
    let place = place.with_program("gcc", "exit 9");
    fs::rename(place.path().join("bin/gcc"), apart.join("gcc")).unwrap();
    let list = place.path().join("commands");
    put(&list, &format!("{}/gcc\n", apart.display()));
    let volunteer = place.start_as(&[], |command| {
        command.env("DISTCC_CMDLIST", &list);
    });
    assert_eq!(parse(&volunteer.talk(&hello())).0, 9 << 8);
}

#[test]
fn compilers_have_no_network() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let knock = format!("bash -c 'exec 3<>/dev/tcp/127.0.0.1/{port}' && echo connected");
    let volunteer = Place::new().with_program("gcc", &knock).start(&[]);
    let (_, _, stdout, _) = parse(&volunteer.talk(&hello()));
    let log = volunteer.place.log();
    assert!(stdout.is_empty() || log.contains("sandbox: none"), "{stdout}{log}");
}

#[test]
fn peers_that_sit_on_all_places_make_room_for_others() {
    let volunteer = Place::new().start(&["--max-waiting", "3"]);
    let sitting: Vec<TcpStream> = (0..3)
        .map(|_| {
            let mut stream = volunteer.connect();
            stream.write_all(b"DIST").unwrap();
            stream
        })
        .collect();
    volunteer.assert_serves();
    volunteer.wait_for_log("REJ_OVERLOAD");
    drop(sitting);
}
