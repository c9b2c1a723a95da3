//! Pump clients that want to see, write or run what is not theirs, and those that go away.

use std::fs;
use std::io::Write;
use std::os::unix::process::CommandExt;
use std::process::Command;
use std::thread;

use makepkg_distcc::protocol::reply::Reply;
use nix::unistd::Uid;

use crate::support::pump::{PumpRequest, read_reply};
use crate::volunteer::{DISTCCD, Place, Volunteer, wait_until};

fn compile(volunteer: &Volunteer, request: &PumpRequest) -> Option<Reply> {
    let bytes = volunteer.talk(&request.bytes());
    (!bytes.is_empty()).then(|| read_reply(&bytes))
}

fn unit(source: &str) -> PumpRequest {
    PumpRequest::new("/w", "gcc -c a.c -o a.o").file("/w/a.c", source)
}

#[track_caller]
fn assert_compiles(volunteer: &Volunteer, request: &PumpRequest) {
    let reply = compile(volunteer, request).unwrap_or_else(|| panic!("{}", volunteer.place.log()));
    assert_eq!(reply.status, 0, "{}", String::from_utf8_lossy(&reply.stderr));
    assert!(reply.object.starts_with(b"\x7fELF") && !reply.dependencies.is_empty());
}

/// Daemons of either kind, and with what holds compilers in the second: the sandbox, or nothing.
fn volunteers() -> [Volunteer; 3] {
    let caged = Place::new().start_as(&["-j", "4"], without_user_namespaces);
    if Uid::effective().is_root() {
        assert!(caged.place.log().contains("other paths than the client's"));
    }
    [Place::new().start(&["-j", "4"]), caged, Place::new().start(&["--sandbox=off"])]
}

/// Has the daemon run where nobody can make a user namespace: in a root that is not the machine's.
fn without_user_namespaces(command: &mut Command) {
    if Uid::effective().is_root() {
        let root = "\"$TMPDIR/../root\"";
        let script =
            format!("mkdir -p {root} && mount --rbind / {root} && exec chroot {root} \"$@\"");
        in_own_mounts(command, &script);
    }
}

/// Has a shell with mounts of its own run the daemon, which is its `"$@"`.
fn in_own_mounts(command: &mut Command, script: &str) {
    let daemon = std::mem::replace(command, Command::new("unshare"));
    command.args(["-m", "sh", "-c", script, "sh"]).arg(DISTCCD).args(daemon.get_args());
    for (name, value) in daemon.get_envs() {
        match value {
            Some(value) => command.env(name, value),
            None => command.env_remove(name),
        };
    }
}

#[test]
fn names_and_links_lead_nowhere_else() {
    let target = tempfile::tempdir().unwrap();
    crate::volunteer::allow(target.path(), 0o777);
    let out = target.path().to_str().unwrap();
    let up = "../".repeat(40);
    for volunteer in volunteers() {
        for request in [
            unit("int x;").file(&format!("/w/{up}{}/x", &out[1..]), "y"),
            unit("int x;").file("/../x", "y"),
            unit("int x;").file("x", "y"),
            unit("int x;").file("/w/./x", "y"),
            unit("int x;").file("/w//x", "y"),
            unit("int x;").file("/w/x/", "y"),
            unit("int x;").file("/w/a\0b", "y"),
            unit("int x;").link("/w/l", out).file("/w/l/x", "y"),
            unit("int x;").file("/w/l/x", "y").link("/w/l", out),
            unit("int x;").link("/w/l", &format!("{up}{}", &out[1..])).file("/w/l/x", "y"),
            unit("int x;").file("/w/x", "y").file("/w/x", "z"),
            unit("int x;").file("/w/x", "y").file("/w/x/y", "z"),
            unit("int x;").own("/etc"),
            PumpRequest::new("w", "gcc -c a.c").file("/w/a.c", "int x;"),
            PumpRequest::new("/w/../..", "gcc -c a.c").file("/w/a.c", "int x;"),
        ] {
            assert_eq!(compile(&volunteer, &request), None, "{request:?}");
        }
        assert_eq!(fs::read_dir(out).unwrap().count(), 0);
        let secret = target.path().join("secret.h");
        fs::File::create(&secret).unwrap().write_all(b"int treasure;\n").unwrap();
        let include = "#include \"l/secret.h\"\nint y = sizeof treasure;";
        let reply = compile(&volunteer, &unit(include).link("/w/l", out)).unwrap();
        assert_ne!(reply.status, 0, "a link led out of the tree");
        let loops = unit("#include \"l/x.h\"").link("/w/l", "m").link("/w/m", "l");
        assert_ne!(compile(&volunteer, &loops).unwrap().status, 0);
        fs::remove_file(secret).unwrap();
        assert_compiles(&volunteer, &unit("int x;"));
    }
}

#[test]
fn nothing_of_a_client_is_run_or_loaded() {
    let volunteer = Place::new().start(&[]);
    for name in [
        "/usr/lib/gcc/x86_64-linux-gnu/12/specs",
        "/usr/lib/gcc/x86_64-linux-gnu/12/cc1",
        "/usr/bin/as",
        "/usr/x86_64-linux-gnu/bin/as",
        "/etc/ld.so.preload",
        "/w/a.h.gch",
    ] {
        if !volunteer.place.log().contains("see the client's own paths") && name != "/w/a.h.gch" {
            continue;
        }
        let request = unit("#include \"a.h\"\n").file("/w/a.h", "").file(name, "*cpp:\n-evil\n");
        let reply = compile(&volunteer, &request).unwrap();
        let stderr = String::from_utf8_lossy(&reply.stderr).into_owned();
        assert_eq!((reply.status, stderr.contains(name)), (0x100, true), "{stderr}");
    }
    let words = PumpRequest::new("/w", "gcc -I@evil -c a.c").file("/w/a.c", "int x;");
    assert_eq!(compile(&volunteer, &words.file("/w/evil", "-fplugin=x.so")), None);
    // A response file by its last part, or a program by its link.
    let at = PumpRequest::new("/w", "gcc -c d/@a.c").file("/w/d/@a.c", "int x;");
    assert_eq!(compile(&volunteer, &at), None);
    assert_compiles(&volunteer, &unit("int x;"));
}

#[test]
fn a_job_sees_nothing_of_the_ones_before() {
    for volunteer in volunteers() {
        for round in 0..3 {
            let first = unit("#include \"secret.h\"\n#include <sub/deep.h>\n");
            let first = PumpRequest::of_parts("/w", "gcc -I. -c a.c -o a.o", &first)
                .file("/w/secret.h", "int a;\n")
                .file("/w/sub/deep.h", "int b;\n")
                .dir("/w/empty");
            assert_compiles(&volunteer, &first);
            let second = unit(
                "#if __has_include(\"secret.h\") || __has_include(\"sub/deep.h\")\n#error\n#endif\n\
                 #if __has_include(\"empty/../own.h\")\n#error\n#endif\n#include \"own.h\"\n",
            );
            let second = second.file("/w/own.h", &format!("int round{round};\n"));
            assert_compiles(&volunteer, &second);
        }
    }
}

#[test]
fn bombs_and_trees_without_room_are_declined() {
    let volunteer = Place::new().start(&["--pump-cache", "2"]);
    let mut bomb = vec![17 + 4, 0, 0, 0, 0, 32];
    bomb.extend(std::iter::repeat_n(0, 3_000_000));
    bomb.extend([1, 0, 0, 17, 0, 0]);
    assert_eq!(compile(&volunteer, &unit("int x;").packed("/w/b.h", bomb)), None);
    assert_eq!(compile(&volunteer, &unit("int x;").packed("/w/b.h", vec![1, 2, 3])), None);
    let large = "/".repeat(3 << 20);
    assert_eq!(compile(&volunteer, &unit("int x;").file("/w/b.h", &large)), None);
    volunteer.wait_for_log("--pump-cache");
    assert_compiles(&volunteer, &unit("int x;"));
    let (_, place) = volunteer.stop();
    place.assert_clean();
}

#[test]
fn a_full_disk_costs_one_job_and_leaves_nothing() {
    if !Uid::effective().is_root() {
        return;
    }
    let volunteer = Place::new().start_as(&[], |command| {
        let script = "mount -t tmpfs -o size=1m,mode=1777 none \"$TMPDIR\" && exec \"$@\"";
        in_own_mounts(command, script);
    });
    let large = "/".repeat(2 << 20);
    assert_eq!(compile(&volunteer, &unit("int x;").file("/w/b.h", &large)), None);
    volunteer.wait_for_log("No space left on device");
    assert_compiles(&volunteer, &unit("int x;"));
}

#[test]
fn compilers_cannot_change_the_tree() {
    let script =
        "touch /w/evil.h evil.h \"$HOME/good\" 2>&1\nchmod 777 /w\nexec /usr/bin/gcc \"$@\"";
    let volunteer = Place::new().with_program("gcc", script).start(&[]);
    if !volunteer.place.log().contains("see the client's own paths") {
        return;
    }
    let reply = compile(&volunteer, &unit("#if __has_include(\"evil.h\")\n#error\n#endif\n"));
    let reply = reply.unwrap();
    assert_eq!(reply.status, 0, "{}", String::from_utf8_lossy(&reply.stderr));
    let said = String::from_utf8_lossy(&reply.stdout).into_owned();
    assert!(said.contains("evil.h") && !said.contains("good"), "{said}");
}

#[test]
fn a_client_that_goes_away_takes_its_compile_along() {
    let volunteer = Place::new().with_program("gcc", "sleep 6543").start(&[]);
    let mut stream = volunteer.connect();
    stream.write_all(&unit("int x;").bytes()).unwrap();
    wait_until("the compiler", || crate::volunteer::runs("6543"));
    drop(stream);
    volunteer.wait_for_log("CLI_DISCONN");
    wait_until("its end", || !crate::volunteer::runs("6543"));
    let (_, place) = volunteer.stop();
    place.assert_clean();
}

#[test]
fn many_jobs_at_once_each_see_their_own_files() {
    let volunteer = Place::new().with_program("gcc", "cat own.h\necho >\"$HOME/distccd-output.d\"");
    let volunteer = volunteer.start(&["-j", "6"]);
    let request = |number: usize| {
        let text = format!("{number} ").repeat(number + 1);
        let shared = (0..30).fold(unit("int x;").file("/w/own.h", &text), |unit, index| {
            unit.file(&format!("/w/inc/{index}.h"), &format!("// {}\n", index * (number % 7)))
        });
        (text, shared)
    };
    thread::scope(|scope| {
        for worker in 0..20 {
            let volunteer = &volunteer;
            scope.spawn(move || {
                for number in (worker..200).step_by(20) {
                    let (text, request) = request(number);
                    let reply = compile(volunteer, &request).unwrap();
                    assert_eq!(String::from_utf8_lossy(&reply.stdout), text);
                }
            });
        }
    });
    let (status, place) = volunteer.stop();
    assert!(status.success());
    place.assert_clean();
}

#[test]
fn a_daemon_that_was_never_root_serves_the_same() {
    if !Uid::effective().is_root() {
        return;
    }
    let as_root = Place::new().start(&[]).place.log().contains("see the client's own paths");
    let volunteer = Place::new().start_as(&[], |command| {
        command.uid(65534).gid(65534);
    });
    assert_eq!(volunteer.place.log().contains("see the client's own paths"), as_root);
    assert_compiles(&volunteer, &unit("int x;"));
}
