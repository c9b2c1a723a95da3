//! ARM machines, as far as this one can play them, and volunteers that compile for them.
//!
//! An ARM machine here is this one with another `/usr/bin`: in it, the names of compilers and
//! binutils are Debian's cross compiler for that target, under the names that Arch Linux ARM has
//! them by too, and this machine's own compilers are gone. Programs that it builds run under qemu.

use std::fs;
use std::os::unix::fs::{DirBuilderExt, PermissionsExt, symlink};
use std::os::unix::net::UnixDatagram;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use makepkg_distcc::targets::{self, Target};
use nix::sys::stat::{Mode, SFlag, mknod};
use nix::unistd::Uid;

use crate::support::farm::{Farm, Run};
use crate::support::output::Output;
use crate::support::sources;
use crate::support::volunteer::{DAEMON_PATH, Side};

/// A kind of ARM machine.
#[derive(Clone, Copy, Debug)]
pub struct Arm {
    /// The name of its target in our table.
    pub name: &'static str,
    /// The triple of Debian's compilers for it.
    pub debian: &'static str,
    /// What its CFLAGS begin with. Source: makepkg.conf of Arch Linux ARM.
    pub flags: &'static str,
    /// What runs its programs here.
    pub qemu: &'static str,
}

/// The machines of Arch Linux ARM.
pub const ARMS: [Arm; 4] = [
    Arm {
        name: "armv5",
        debian: "arm-linux-gnueabi",
        flags: "-march=armv5te",
        qemu: "qemu-arm-static",
    },
    Arm {
        name: "armv6h",
        debian: "arm-linux-gnueabihf",
        flags: "-march=armv6 -mfloat-abi=hard -mfpu=vfp",
        qemu: "qemu-arm-static",
    },
    Arm {
        name: "armv7h",
        debian: "arm-linux-gnueabihf",
        flags: "-march=armv7-a -mfloat-abi=hard -mfpu=vfpv3-d16",
        qemu: "qemu-arm-static",
    },
    Arm {
        name: "armv8",
        debian: "aarch64-linux-gnu",
        flags: "-march=armv8-a",
        qemu: "qemu-aarch64-static",
    },
];

/// Debian has no compiler for ARMv6 with a floating-point unit; that for ARMv7 is one with these
/// options. It makes Thumb code unless told otherwise, in which ARMv6 has no floating point.
const ARMV6: &str = "-march=armv6 -mfpu=vfp -mfloat-abi=hard -marm";
/// Where the package `distccd-alarm-armv6h` has its toolchain.
const ARMV6_DIR: &str = "/opt/x-tools6h/arm-unknown-linux-gnueabihf/bin";

impl Arm {
    /// Its line in our table.
    pub fn target(&self) -> &'static Target {
        targets::by_name(self.name).unwrap()
    }

    /// `/usr/bin/qemu-arm-static -L …`: in front of a program of its.
    pub fn runner(&self) -> String {
        format!("{} -L /usr/{}", self.qemu, self.debian)
    }

    /// The names of its compilers on Arch Linux ARM: `CC=armv7l-unknown-linux-gnueabihf-gcc …`.
    pub fn full_names(&self) -> String {
        let triple = self.target().triple;
        format!("CC={triple}-gcc CXX={triple}-g++")
    }
}

/// Runs `body` where all ports are free and mounts touch nobody: the test `name` runs once more,
/// alone, in namespaces of its own. Tells why where the machine has none.
#[expect(clippy::print_stderr, reason = "a test that is left out says so")]
pub fn in_own_network(name: &str, body: impl FnOnce()) {
    const MARK: &str = "MAKEPKG_DISTCC_TEST_OWN_NETWORK";
    if std::env::var_os(MARK).is_some() {
        install_armv6();
        return body();
    }
    let mut unshare = Command::new("unshare");
    if !Uid::effective().is_root() {
        unshare.args(["--user", "--map-current-user", "--keep-caps"]);
    }
    // All that it has started ends with it.
    unshare.args(["--net", "--pid", "--mount-proc", "--kill-child", "--", "sh", "-c"]);
    unshare.stdin(Stdio::null());
    let path = std::env::var("PATH").unwrap_or_default();
    unshare.env("PATH", format!("{path}:/usr/sbin:/sbin"));
    let mut possible = Command::new(unshare.get_program());
    possible.args(unshare.get_args()).arg("ip link set lo up && mount -t tmpfs none /mnt");
    possible.envs(unshare.get_envs().filter_map(|(name, value)| Some((name, value?))));
    let possible = Output::from(possible.output().unwrap());
    if possible.status != 0 {
        eprintln!("skipped, no namespaces: {possible}");
        return;
    }
    sources::have_all();
    unshare.args(["ip link set lo up && exec \"$@\"", "sh"]).arg(std::env::current_exe().unwrap());
    unshare.args(["--exact", "--nocapture", name]).env(MARK, "1");
    let output = Output::from(unshare.output().unwrap());
    let ran = output.stdout.contains("1 passed");
    assert!(output.status == 0 && ran, "in a network of its own: {output}");
}

/// Puts a toolchain for ARMv6 where its package has it, in this namespace's `/opt`.
fn install_armv6() {
    let mount = Command::new("mount").args(["-t", "tmpfs", "none", "/opt"]).status().unwrap();
    assert!(mount.success());
    fs::create_dir_all(ARMV6_DIR).unwrap();
    let dir = Path::new(ARMV6_DIR);
    for name in ["gcc", "g++"] {
        let full = dir.join(format!("arm-unknown-linux-gnueabihf-{name}"));
        let script =
            format!("#!/bin/sh\nexec /usr/bin/arm-linux-gnueabihf-{name} {ARMV6} \"$@\"\n");
        fs::write(&full, script).unwrap();
        fs::set_permissions(&full, fs::Permissions::from_mode(0o755)).unwrap();
        symlink(full, dir.join(name)).unwrap();
    }
}

/// The layer over `/usr/bin` that makes this machine one of `arm`'s; made in `farm` when first
/// asked for.
fn layer(farm: &Farm, arm: &Arm) -> PathBuf {
    let layer = farm.path(&format!("machine-{}", arm.name));
    if layer.exists() {
        return layer;
    }
    fs::DirBuilder::new().mode(0o755).create(&layer).unwrap();
    let prefix = format!("{}-", arm.debian);
    let names = fs::read_dir("/usr/bin").unwrap();
    let names = names.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let names: Vec<String> = names.collect();
    let ours: Vec<_> = names.iter().filter_map(|name| name.strip_prefix(&prefix)).collect();
    assert!(ours.contains(&"g++"), "g++-{} is missing: run tests/run", arm.debian);
    for name in names.iter().filter(|name| is_native_tool(name, &ours)) {
        // This is how a layer says that the one below it has no such file.
        mknod(&layer.join(name), SFlag::S_IFCHR, Mode::empty(), 0).unwrap();
    }
    let link = |name: &str, to: &str| {
        let path = layer.join(name);
        // Perhaps a name that the lower layer was not to have.
        drop(fs::remove_file(&path));
        symlink(to, path).unwrap();
    };
    for name in &ours {
        link(name, &format!("{prefix}{name}"));
    }
    if arm.name == "armv6h" {
        link("gcc", &format!("{ARMV6_DIR}/gcc"));
        link("g++", &format!("{ARMV6_DIR}/g++"));
    }
    for (name, to) in [("cc", "gcc"), ("c++", "g++")] {
        link(name, to);
    }
    for name in ["gcc", "g++", "cc", "c++", "cpp"] {
        link(&format!("{}-{name}", arm.target().triple), name);
    }
    layer
}

/// Whether a program of this machine compiles or links for it.
fn is_native_tool(name: &str, cross: &[&str]) -> bool {
    let families = ["gcc-", "g++-", "cpp-", "clang", "c89", "c99", "ld."];
    let machine = std::env::consts::ARCH;
    cross.contains(&name)
        || name.starts_with(&format!("{machine}-linux-gnu-"))
        || families.iter().any(|family| name.starts_with(family))
}

/// The command on a machine of `arm`'s.
pub fn on(farm: &Farm, arm: &Arm, run: Run<'_>) -> Output {
    let inner = run.into_command();
    let mut command = Command::new("unshare");
    let mount = "mount -t overlay overlay -o lowerdir=\"$0\":/usr/bin /usr/bin && exec \"$@\"";
    command.args(["--mount", "sh", "-c", mount]).arg(layer(farm, arm));
    command.arg(inner.get_program()).args(inner.get_args());
    command.env_clear().envs(inner.get_envs().filter_map(|(name, value)| Some((name, value?))));
    command.current_dir(inner.get_current_dir().unwrap()).stdin(Stdio::null());
    command.output().unwrap().into()
}

/// A file of the repository.
fn repository(name: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(name);
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("{name}: {error}"))
}

/// The one value of `key` in a unit file or one for the environment, without quotes.
fn value<'a>(text: &'a str, key: &str) -> &'a str {
    let values = text.lines().filter_map(|line| line.strip_prefix(key)?.strip_prefix('='));
    let values: Vec<_> = values.collect();
    let [value] = values[..] else { panic!("{} lines begin with {key}=", values.len()) };
    value.trim_matches('"')
}

/// Starts what our unit starts, by its very command line: `distccd@.service` for the target
/// `instance`, or `distccd.service`. `more` goes where users put options of their own.
pub fn start_service(farm: &mut Farm, instance: Option<&str>, more: &str) -> usize {
    let (unit, options) = match instance {
        Some(_) => ("systemd/distccd@.service", "systemd/conf.d/distccd@"),
        None => ("systemd/distccd.service", "systemd/conf.d/distccd"),
    };
    let name = instance.map_or("distccd".to_owned(), |instance| format!("distccd-{instance}"));
    let unit = repository(unit).replace("%i", instance.unwrap_or_default());
    let read = value(&unit, "EnvironmentFile").trim_start_matches('-');
    assert_eq!(read, format!("/etc/conf.d/{name}"));
    let line = value(&unit, "ExecStart");
    let rest = line.strip_prefix("/usr/bin/distccd ").unwrap();
    let port = instance.map_or(3632, |instance| targets::by_name(instance).unwrap().port);
    let dir = farm.path(&name);
    let log = dir.join("tmp/distccd.log");
    let usual = value(&repository(options), "DISTCC_ARGS").to_owned();
    let log = format!("--log-level info --log-file {} --lifetime 1500", log.display());
    let words = rest.replace("$DISTCC_ARGS", &format!("{usual} {log} {more}"));
    assert!(!words.contains(['%', '$', '"', '\'']), "{words}");
    assert_eq!(value(&unit, "Type"), "notify");
    let path = farm.path(&format!("{name}.notify"));
    let socket = UnixDatagram::bind(&path).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o777)).unwrap();
    socket.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
    let mut command = as_nobody(farm, Side::Ours);
    command.args(words.split_whitespace()).env("NOTIFY_SOCKET", &path);
    let number = farm.start_as(&name, command, port, Side::Ours);
    let mut message = [0; 4096];
    loop {
        let received = socket.recv(&mut message);
        let length = received.unwrap_or_else(|error| {
            panic!("{name} is not ready: {error}\n{}", farm.volunteers[number].log())
        });
        if message[..length].windows(7).any(|part| part == b"READY=1") {
            return number;
        }
    }
}

/// Starts a C daemon that has only `arm`'s compilers, by bare names, in a directory of its own, as
/// the packages `distccd-alarm-*` do.
pub fn start_c_service(farm: &mut Farm, arm: &Arm) -> usize {
    let port = arm.target().port;
    let name = format!("c-{}", arm.name);
    let dir = farm.path(&format!("x-tools-{}", arm.name));
    fs::create_dir(&dir).unwrap();
    for (name, program) in [("gcc", "gcc"), ("g++", "g++"), ("cc", "gcc"), ("c++", "g++")] {
        let program = match arm.name {
            "armv6h" => format!("{ARMV6_DIR}/{program}"),
            _ => format!("/usr/bin/{}-{program}", arm.debian),
        };
        symlink(program, dir.join(name)).unwrap();
    }
    let log = farm.path(&name).join("tmp/distccd.log");
    let mut command = as_nobody(farm, Side::Stock);
    command.args(["--no-detach", "--daemon", "--allow", "127.0.0.1", "--log-level", "info"]);
    command.args(["--port", &port.to_string(), "--lifetime", "1500", "--log-file"]).arg(log);
    // The packages write so; systemd does not put anything in the place of the second word.
    command.env("PATH", format!("{}:$PATH", dir.display()));
    farm.start_as(&name, command, port, Side::Stock)
}

/// A daemon that is not root, as units have it with `User=`.
fn as_nobody(farm: &Farm, side: Side) -> Command {
    // Our own may be in root's home directory.
    let daemon = farm.path(&format!("distccd-{side:?}"));
    if !daemon.exists() {
        fs::copy(side.daemon(), &daemon).unwrap();
    }
    let mut command = match Uid::effective().is_root() {
        true => Command::new("/usr/bin/setpriv"),
        false => Command::new("/usr/bin/env"),
    };
    if Uid::effective().is_root() {
        command.args(["--reuid=nobody", "--regid=65534", "--clear-groups"]);
    }
    command.args(["--"]).arg(daemon).env_clear().env("PATH", DAEMON_PATH);
    command
}

/// `DISTCC_HOSTS` for one port of this machine.
pub fn host(port: u16) -> String {
    format!("127.0.0.1:{port}/4")
}
