//! Build systems and other tools in front of the client and behind it: what they build is what
//! they build without it, and the units are compiled by the volunteer.

use std::fs::Permissions;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use nix::unistd::{Uid, User};

use crate::support::farm::{Farm, SYSTEM_PATH};
use crate::support::ports;
use crate::support::sources;
use crate::support::tree::Tree;
use crate::support::volunteer::Side;

/// Builds with `script` here and through the client, each time on the work directory that
/// `prepare` makes; at least `units` must go out, and the objects be equal.
fn builds_equally(farm: &Farm, prepare: impl Fn(&Farm), script: &str, units: usize) {
    let build = |client: Option<Side>| {
        farm.clear_work();
        prepare(farm);
        let run = match client {
            None => farm.local(script),
            Some(side) => farm.run(side, script),
        };
        let output = run.output().success();
        assert!(!output.stderr.contains("distcc"), "{output}");
        farm.tree().objects()
    };
    let local = build(None);
    assert!(local.0.len() >= units, "{} objects: {:?}", local.0.len(), local.names());
    let objects = build(Some(Side::Ours));
    assert_eq!(objects.differences(&local, |_, _, _| false), "");
    let jobs = farm.volunteers[0].settled_jobs();
    let done = jobs.iter().filter(|job| job.result == "COMPILE_OK").count();
    assert!(done >= units, "{done} of {units} units were sent: {jobs:#?}");
    farm.assert_no_litter();
}

#[test]
fn autotools_and_libtool() {
    let farm = Farm::with(Side::Ours);
    let script = "./configure --quiet --disable-docs CFLAGS=-O1 >configure.log 2>&1 &&
        make -s -j3 V=0 >make.log 2>&1";
    let prepare = |farm: &Farm| {
        std::fs::remove_dir(farm.work()).unwrap();
        sources::unpack("libffi", &farm.work());
    };
    // Each of 7 sources twice, as libtool does; assembler sources stay here.
    builds_equally(&farm, prepare, script, 14);
}

#[test]
fn cmake_and_ninja() {
    let farm = Farm::with(Side::Ours);
    let prepare = |farm: &Farm| sources::unpack("leveldb", &farm.work().join("leveldb"));
    let script = "cmake -S leveldb -B build -G Ninja -DCMAKE_BUILD_TYPE=None >cmake.log 2>&1 &&
        ninja -C build $(ninja -C build -t targets all | grep -o '^CMakeFiles/leveldb.dir/util/.*\\.o')";
    builds_equally(&farm, prepare, script, 10);
}

#[test]
fn meson() {
    let farm = Farm::with(Side::Ours);
    let prepare = |farm: &Farm| {
        farm.write(
            "meson.build",
            "project('demo', 'c', 'cpp')\n\
             demo = static_library('demo', 'a.c', 'b.cpp', include_directories: 'inc')\n\
             executable('program', 'main.c', include_directories: 'inc', link_with: demo)\n",
        );
        farm.write("inc/demo.h", "#pragma once\nint demo(int);\n");
        farm.write(
            "a.c",
            "#include <stdio.h>\n#include <demo.h>\nint demo(int x) { return puts(\"\") + x; }\n",
        );
        farm.write("b.cpp", "#include <string>\nstd::string b() { return __FILE__; }\n");
        farm.write("main.c", "#include <demo.h>\nint main(void) { return demo(0); }\n");
    };
    builds_equally(&farm, prepare, "meson setup --buildtype=plain build >log && ninja -C build", 3);
}

#[test]
fn make_with_a_job_server_and_link_time_optimisation() {
    let farm = Farm::with(Side::Ours);
    sources::unpack("bzip2", &farm.work().join("bzip2"));
    farm.write(
        "Makefile",
        "VPATH = bzip2\n\
         OBJECTS = blocksort.o huffman.o crctable.o randtable.o compress.o decompress.o bzlib.o bzip2.o\n\
         CFLAGS = -O1 -flto=auto -Ibzip2\n\
         program: $(OBJECTS)\n\
         \t+gcc $(CFLAGS) -o program $(OBJECTS)\n",
    );
    // A client that lets its log leak into lto-wrapper breaks the job server's descriptors.
    let log = farm.path("client.log");
    let run = farm.run(Side::Ours, "make -j3 && echo some text | ./program | ./program -d");
    let output = run.env("DISTCC_LOG", log.to_str().unwrap()).output().success();
    assert_eq!(output.stderr, "");
    assert!(output.stdout.ends_with("some text\n"), "{output}");
    assert_eq!(farm.volunteers[0].wait_for_jobs(8).len(), 8);
}

#[test]
fn ccache_calls_the_client_once_and_then_never_again() {
    let farm = Farm::with(Side::Ours);
    farm.write("unit.c", "#include <stdio.h>\nint say(void) { return puts(\"\"); }\n");
    farm.local("gcc -O2 -c unit.c -o local.o").output().quiet_success();
    let only_distcc = farm.path("only-distcc");
    std::fs::create_dir(&only_distcc).unwrap();
    symlink(Side::Ours.client(), only_distcc.join("distcc")).unwrap();
    let path = format!("{}:{SYSTEM_PATH}", only_distcc.display());
    for _ in 0..2 {
        let run = farm.run(Side::Ours, "ccache gcc -O2 -c unit.c -o out.o").env("PATH", &path);
        run.env("CCACHE_PREFIX", "distcc").output().quiet_success();
        assert!(farm.read("out.o") == farm.read("local.o"), "another object than a local one");
        std::fs::remove_file(farm.work().join("out.o")).unwrap();
    }
    assert_eq!(farm.volunteers[0].settled_jobs().len(), 1);
}

/// A private sshd that runs `distccd` of `daemon` for whoever runs the tests.
struct Sshd {
    child: Child,
    dir: PathBuf,
    port: u16,
}

impl Sshd {
    fn start(farm: &Farm, daemon: Side) -> Self {
        let dir = farm.path("sshd");
        std::fs::create_dir(&dir).unwrap();
        for key in ["host_key", "user_key"] {
            let mut keygen = Command::new("ssh-keygen");
            keygen.args(["-q", "-t", "ed25519", "-N", "", "-f"]).arg(dir.join(key));
            assert!(keygen.status().unwrap().success());
        }
        std::fs::copy(dir.join("user_key.pub"), dir.join("authorized_keys")).unwrap();
        let port = ports::free();
        let here = dir.display();
        let config = format!(
            "Port {port}\nListenAddress 127.0.0.1\nHostKey {here}/host_key\n\
             AuthorizedKeysFile {here}/authorized_keys\nStrictModes no\nUsePAM no\n\
             PermitRootLogin yes\nPasswordAuthentication no\nPidFile none\n"
        );
        std::fs::write(dir.join("sshd_config"), config).unwrap();
        std::fs::write(dir.join("distccd"), wrapper(&dir, daemon)).unwrap();
        std::fs::set_permissions(dir.join("distccd"), Permissions::from_mode(0o755)).unwrap();
        std::fs::set_permissions(&dir, Permissions::from_mode(0o777)).unwrap();
        if Uid::effective().is_root() {
            // sshd insists on this empty directory, which its service would have made.
            std::fs::create_dir_all("/run/sshd").unwrap();
        }
        let mut command = Command::new("/usr/sbin/sshd");
        command.args(["-D", "-f"]).arg(dir.join("sshd_config"));
        command.arg("-E").arg(dir.join("sshd.log")).stdin(Stdio::null());
        let sshd = Self { child: command.spawn().unwrap(), dir, port };
        let deadline = Instant::now() + Duration::from_secs(20);
        while !ports::has_listener(port) {
            assert!(Instant::now() < deadline, "sshd does not start");
            std::thread::sleep(Duration::from_millis(5));
        }
        sshd
    }

    /// DISTCC_SSH: no file of the user's is read or written.
    fn command(&self) -> String {
        let key = self.dir.join("user_key");
        let options =
            "-o BatchMode=yes -o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null";
        format!("ssh -q -F /dev/null -i {} -p {} {options}", key.display(), self.port)
    }

    /// Waits until the daemons have summed up `count` jobs: the line comes after the reply.
    fn wait_for_jobs(&self, count: usize) {
        let deadline = Instant::now() + Duration::from_secs(10);
        loop {
            let log = std::fs::read_to_string(self.dir.join("distccd.log")).unwrap_or_default();
            if log.matches(" COMPILE_OK ").count() == count {
                return;
            }
            assert!(Instant::now() < deadline, "not {count} jobs:\n{log}");
            std::thread::sleep(Duration::from_millis(10));
        }
    }
}

impl Drop for Sshd {
    fn drop(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

/// What the host spec names as the command: `distccd` with a log that the test can read.
fn wrapper(dir: &std::path::Path, daemon: Side) -> String {
    let user = if Uid::effective().is_root() { "--user nobody" } else { "" };
    let (daemon, log) = (daemon.daemon().display(), dir.join("distccd.log"));
    format!(
        "#!/bin/sh\nPATH={SYSTEM_PATH} exec {daemon} {user} --log-level info --log-file {} \"$@\"\n",
        log.display()
    )
}

#[test]
fn volunteers_are_reached_through_ssh() {
    let me = User::from_uid(Uid::effective()).unwrap().unwrap();
    if me.shell.ends_with("nologin") || me.shell.ends_with("false") {
        println!("skipped: sshd runs no command for {}", me.name);
        return;
    }
    for daemon in [Side::Ours, Side::Stock] {
        let farm = Farm::new();
        let sshd = Sshd::start(&farm, daemon);
        farm.write("unit.c", "int answer(void) { return 42; }\n");
        farm.local("gcc -O2 -c unit.c -o local.o").output().quiet_success();
        let command = sshd.dir.join("distccd");
        for (user, suffix) in [("", ""), (me.name.as_str(), ",lzo")] {
            let host = format!("{user}@127.0.0.1:{}{suffix}", command.display());
            let run = farm.run(Side::Ours, "gcc -O2 -c unit.c -o out.o").hosts(&host);
            run.env("DISTCC_SSH", &sshd.command()).output().quiet_success();
            assert!(farm.read("out.o") == farm.read("local.o"), "another object");
        }
        sshd.wait_for_jobs(2);
        assert_eq!(Tree::read(&farm.path("tmp")).names(), [""; 0]);
    }
}
