//! `distcc-setup volunteer --target`: Debian's cross compilers behind daemons of our own, for real in
//! namespaces; toolchains that are broken, elsewhere, or none at all.

use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;

use crate::setup_volunteer::{Machine, masked};
use crate::support::output::Output;

/// A systemctl that knows the ordinary unit and those of targets, and starts them as systemd would.
const SYSTEMCTL: &str = "#!/bin/sh
echo \"systemctl $*\" >>\"$TOP/calls\"
for unit; do :; done
name=${unit%.service} target=${unit%.service}; target=${target#distccd}; target=${target#[@-]}
conf=/etc/conf.d/distccd${target:+-$target}
WANTS=/etc/systemd/system/multi-user.target.wants
case $name in *@*) words=\"--target $target\" ;; esac
start() {
  PATH=/usr/bin:/bin; [ ! -e $conf ] || . $conf; export TMPDIR PATH
  \"$DISTCCD\" --daemon --user nobody --pid-file /run/$name.pid $words $DISTCC_ARGS
}
stop() { kill \"$(cat /run/$name.pid)\"; while [ -e /run/$name.pid ]; do sleep 0.05; done; }
case \"$*\" in
  '--quiet is-enabled '*) [ -e /run/enabled-$name ] ;;
  '--quiet is-active '*) [ -e /run/$name.pid ] ;;
  'enable --now '*) : >/run/enabled-$name; start
    mkdir -p $WANTS; ln -sf /none $WANTS/$unit ;;
  'restart '*) stop; start ;;
esac
";
/// Our template's unit, in the image of the machine's /etc.
const TEMPLATE: &str = "mkdir -p /etc/systemd/system
printf '[Service]\\nExecStart=/usr/bin/distccd --daemon --target %%i $DISTCC_ARGS\\n' \
     >/etc/systemd/system/distccd@.service
";

/// A machine with Debian's cross compilers and the units; `None` without the former.
#[expect(clippy::print_stderr, reason = "whoever reads the output learns what was not tested")]
fn machine() -> Option<Machine> {
    let names = ["arm-linux-gnueabihf-g++", "arm-linux-gnueabi-g++", "aarch64-linux-gnu-g++"];
    if !names.iter().all(|name| Path::new("/usr/bin").join(name).exists()) {
        eprintln!("skipped: Debian's cross compilers are not here");
        return None;
    }
    let machine = Machine::new(true);
    machine.program("systemctl", SYSTEMCTL);
    Some(machine)
}

/// Runs a script on it.
fn run(machine: &Machine, script: &str) -> Output {
    drop(std::fs::remove_dir_all(machine.path("etc")));
    machine.run(&format!("{TEMPLATE}{script}"))
}

/// The text without versions, and without the note that Debian's compilers are old.
fn plain(text: &str) -> String {
    let mut out = String::new();
    for line in masked(text).lines().filter(|line| !line.contains("note: it is gcc")) {
        let line = line.replace("/12/", "/VERSION/");
        let by = line.find(" (GCC: ").map(|at| format!("{} (GCC)\n", &line[..at]));
        let version = line.find(", gcc ").map(|at| {
            let rest = line[at + 6..].split_once(',').map_or("", |(_, rest)| rest);
            format!("{}, gcc VERSION,{rest}\n", &line[..at])
        });
        out += &by.or(version).unwrap_or_else(|| format!("{line}\n"));
    }
    out
}

#[test]
fn a_target_gets_a_daemon_of_its_own_and_a_second_run_changes_nothing() {
    let Some(machine) = machine() else { return };
    let script = "volunteer --target armv7h --yes --temp-dir /tmp; echo; : >\"$TOP/calls\"
        volunteer --target armv7h --yes; cat \"$TOP/calls\"";
    let output = run(&machine, script).success();
    insta::assert_snapshot!(plain(&output.stdout), @r#"
    armv7h: compilers in /usr/bin/arm-linux-gnueabihf-*, gcc VERSION, 32-bit ARMv7, hard float
    --- /dev/null
    +++ /etc/conf.d/distccd-armv7h
    @@ -0,0 +1,4 @@
    +# Options of distccd(1), for distccd@armv7h.service. One line; systemd splits it at blanks, and no
    +# shell reads it.
    +DISTCC_ARGS="--allow-private --log-file /tmp/distccd-armv7h.log"
    +TMPDIR="/tmp"
    Commands that are run:
      update-distcc-symlinks
      systemctl enable --now distccd@armv7h.service
    /etc/conf.d/distccd-armv7h is written.
    $ update-distcc-symlinks
    $ systemctl enable --now distccd@armv7h.service
    distccd for armv7h listens and lets clients in at 127.0.0.1:3635.
    It has compiled for armv7h: 32-bit ARMv7, hard float (GCC)
    Clients of armv7h have one of these among their DISTCC_HOSTS:
      192.168.77.2:3635/SLOTS

    armv7h: compilers in /usr/bin/arm-linux-gnueabihf-*, gcc VERSION, 32-bit ARMv7, hard float
    Everything is as it should be.
    distccd for armv7h listens and lets clients in at 127.0.0.1:3635.
    It has compiled for armv7h: 32-bit ARMv7, hard float (GCC)
    Clients of armv7h have one of these among their DISTCC_HOSTS:
      192.168.77.2:3635/SLOTS
    systemctl --quiet is-enabled distccd@armv7h.service
    systemctl --quiet is-active distccd@armv7h.service
    "#);
}

#[test]
fn all_run_at_once_and_undo_takes_all_back() {
    let Some(machine) = machine() else { return };
    let script = "volunteer --target armv7h,armv8 --target armv5 --yes --jobs 3 --nice 10 \
                  --allow-attached --allow 127.0.0.0/8 >$TOP/said; grep -v '^[-+@ ]' $TOP/said
        grep -h ARGS /etc/conf.d/distccd-*
        \"$SETUP\" undo </dev/null; ls /etc/conf.d";
    let output = run(&machine, script).success();
    insta::assert_snapshot!(plain(&output.stdout), @r#"
    armv7h: compilers in /usr/bin/arm-linux-gnueabihf-*, gcc VERSION, 32-bit ARMv7, hard float
    armv8: compilers in /usr/bin/aarch64-linux-gnu-*, gcc VERSION, 64-bit AArch64
    armv5: compilers in /usr/bin/arm-linux-gnueabi-*, gcc VERSION, 32-bit ARMv5, soft float
    Commands that are run:
    /etc/conf.d/distccd-armv7h is written.
    /etc/conf.d/distccd-armv8 is written.
    /etc/conf.d/distccd-armv5 is written.
    $ update-distcc-symlinks
    $ systemctl enable --now distccd@armv7h.service
    $ systemctl enable --now distccd@armv8.service
    $ systemctl enable --now distccd@armv5.service
    distccd for armv7h listens and lets clients in at 192.168.77.2:3635.
    It has compiled for armv7h: 32-bit ARMv7, hard float (GCC)
    Clients of armv7h have one of these among their DISTCC_HOSTS:
    distccd for armv8 listens and lets clients in at 192.168.77.2:3636.
    It has compiled for armv8: 64-bit AArch64 (GCC)
    Clients of armv8 have one of these among their DISTCC_HOSTS:
    distccd for armv5 listens and lets clients in at 192.168.77.2:3633.
    It has compiled for armv5: 32-bit ARMv5, soft float (GCC)
    Clients of armv5 have one of these among their DISTCC_HOSTS:
    DISTCC_ARGS="--allow 127.0.0.0/8 --allow 192.168.77.0/24 --jobs 3 --nice 10 --log-file /tmp/distccd-armv5.log"
    DISTCC_ARGS="--allow 127.0.0.0/8 --allow 192.168.77.0/24 --jobs 3 --nice 10 --log-file /tmp/distccd-armv7h.log"
    DISTCC_ARGS="--allow 127.0.0.0/8 --allow 192.168.77.0/24 --jobs 3 --nice 10 --log-file /tmp/distccd-armv8.log"
    Removed /etc/conf.d/distccd-armv7h.
    Removed /etc/conf.d/distccd-armv8.
    Removed /etc/conf.d/distccd-armv5.
    What runs still has the options that were taken back. Run:
      sudo systemctl disable --now distccd@armv7h.service
      sudo systemctl disable --now distccd@armv8.service
      sudo systemctl disable --now distccd@armv5.service
    Taken back: distcc-setup volunteer --target armv7h,armv8 --target armv5 --yes --jobs 3 --nice 10 --allow-attached --allow 127.0.0.0/8 (just now)
    distccd
    "#);
}

#[test]
fn the_files_and_units_of_other_packages_stay_and_work() {
    let Some(machine) = machine() else { return };
    let script = "mount -t tmpfs none /opt
        bin=/opt/x-tools8/aarch64-unknown-linux-gnu/bin; mkdir -p $bin
        for name in gcc g++; do
            printf '#!/bin/sh\\nexec /usr/bin/aarch64-linux-gnu-%s \"$@\"\\n' $name >$bin/$name
            cp $bin/$name $bin/aarch64-unknown-linux-gnu-$name
        done; chmod 755 $bin/*
        printf '[Service]\\nEnvironmentFile=/etc/conf.d/distccd-armv8\\nExecStart=/usr/bin/distccd \
            --no-detach --daemon $DISTCC_ARGS\\n' >/etc/systemd/system/distccd-armv8.service
        cat >/etc/conf.d/distccd-armv8 <<'END'
# distccd-alarm
PATH=/opt/x-tools8/aarch64-unknown-linux-gnu/bin:$PATH
DISTCC_ARGS=\"--allow 127.0.0.1 --port 3636 --nice 19 --log-file /tmp/distccd-armv8.log\"
END
        volunteer --target armv8 --yes --temp-dir /tmp";
    let output = run(&machine, script).success();
    insta::assert_snapshot!(plain(&output.stdout), @r#"
    armv8: compilers in /opt/x-tools8/aarch64-unknown-linux-gnu/bin, gcc VERSION, 64-bit AArch64
      also here: /usr/bin
    --- /etc/conf.d/distccd-armv8
    +++ /etc/conf.d/distccd-armv8
    @@ -1,3 +1,4 @@
     # distccd-alarm
     PATH=/opt/x-tools8/aarch64-unknown-linux-gnu/bin:$PATH
    -DISTCC_ARGS="--allow 127.0.0.1 --port 3636 --nice 19 --log-file /tmp/distccd-armv8.log"
    +DISTCC_ARGS="--allow-private --port 3636 --nice 19 --log-file /tmp/distccd-armv8.log --target armv8"
    +TMPDIR="/tmp"
    Commands that are run:
      update-distcc-symlinks
      systemctl enable --now distccd-armv8.service
    /etc/conf.d/distccd-armv8 is written.
    $ update-distcc-symlinks
    $ systemctl enable --now distccd-armv8.service
    distccd for armv8 listens and lets clients in at 127.0.0.1:3636.
    It has compiled for armv8: 64-bit AArch64 (GCC)
    Clients of armv8 have one of these among their DISTCC_HOSTS:
      192.168.77.2:3636/SLOTS
    "#);
}

#[test]
fn one_port_serves_every_target_by_full_names() {
    let Some(machine) = machine() else { return };
    let script = "volunteer --target armv7h,armv5,armv8 --one-port --yes --temp-dir /tmp; \
                  volunteer --target armv8 --one-port --yes | tail -5";
    let output = run(&machine, script).success();
    insta::assert_snapshot!(plain(&output.stdout), @r#"
    armv7h: compilers in /usr/bin/arm-linux-gnueabihf-*, gcc VERSION, 32-bit ARMv7, hard float
    armv5: compilers in /usr/bin/arm-linux-gnueabi-*, gcc VERSION, 32-bit ARMv5, soft float
    armv8: compilers in /usr/bin/aarch64-linux-gnu-*, gcc VERSION, 64-bit AArch64
    --- /etc/conf.d/distccd
    +++ /etc/conf.d/distccd
    @@ -4,4 +4,5 @@
     # You must explicitly add IPs (or subnets)
     # that are allowed to connect, using the --allow switch.
     #
    -DISTCC_ARGS="--allow 127.0.0.1"
    +DISTCC_ARGS="--allow-private --log-file /tmp/distccd.log --toolchain armv7h=/usr/bin --toolchain armv5=/usr/bin --toolchain armv8=/usr/bin"
    +TMPDIR="/tmp"
    Commands that are run:
      update-distcc-symlinks
      systemctl enable --now distccd.service
    /etc/conf.d/distccd is written.
    $ update-distcc-symlinks
    $ systemctl enable --now distccd.service
    distccd listens and lets clients in at 127.0.0.1:3632.
    It has compiled for armv7h: 32-bit ARMv7, hard float (GCC)
    It has compiled for armv5: 32-bit ARMv5, soft float (GCC)
    It has compiled for armv8: 64-bit AArch64 (GCC)
    Clients have one of these among their DISTCC_HOSTS:
      192.168.77.2/SLOTS
    Everything is as it should be.
    distccd listens and lets clients in at 127.0.0.1:3632.
    It has compiled for armv8: 64-bit AArch64 (GCC)
    Clients have one of these among their DISTCC_HOSTS:
      192.168.77.2/SLOTS
    "#);
}

#[test]
fn a_toolchain_that_lacks_a_part_is_told_before_anything_is_done() {
    let Some(machine) = machine() else { return };
    let script = "cc1=$(arm-linux-gnueabihf-gcc -print-prog-name=cc1); cc1plus=${cc1}plus
        as=$(arm-linux-gnueabihf-gcc -print-prog-name=as)
        as_is() { volunteer --target armv7h --dry-run --temp-dir /tmp | grep -A2 -B2 warning; }
        try() { volunteer --target armv7h --yes; echo \"$?\"; ls /etc/conf.d; }
        mount --bind /dev/null $cc1plus; as_is; umount $cc1plus
        head -c 99 /dev/urandom >/run/garbage; chmod 755 /run/garbage
        mount --bind /run/garbage $cc1plus; as_is; umount $cc1plus
        mount --bind /dev/null $cc1; try; umount $cc1
        mount --bind /run/garbage \"$(readlink -f $as)\"; try";
    let output = run(&machine, script);
    insta::assert_snapshot!(plain(&output.stdout), @r"
    armv7h: compilers in /usr/bin/arm-linux-gnueabihf-*, gcc VERSION, 32-bit ARMv7, hard float
      warning: /usr/bin/arm-linux-gnueabihf-g++ has no cc1plus that works: it finds none; install the toolchain again, all of it
    --- /dev/null
    +++ /etc/conf.d/distccd-armv7h
    armv7h: compilers in /usr/bin/arm-linux-gnueabihf-*, gcc VERSION, 32-bit ARMv7, hard float
      warning: /usr/bin/arm-linux-gnueabihf-g++ has no cc1plus that works: /usr/lib/gcc-cross/arm-linux-gnueabihf/VERSION/cc1plus does not start: it is no program (exec format error); install the toolchain again
    --- /dev/null
    +++ /etc/conf.d/distccd-armv7h
    100
    distccd
    100
    distccd
    ");
    let stderr = output.stderr.replace("/12/", "/VERSION/");
    insta::assert_snapshot!(stderr, @r"
    distcc-setup: no toolchain for armv7h here can serve:
      /usr/bin/arm-linux-gnueabihf-gcc has no cc1 that works: it finds none; install the toolchain again, all of it
    mend that, or install distccd-alarm-armv7h from the AUR, or x-tools7h.tar.xz of https://archlinuxarm.org/builder/xtools/ unpacked in /opt, or Debian's gcc- and g++-arm-linux-gnueabihf
    distcc-setup: no toolchain for armv7h here can serve:
      /usr/bin/arm-linux-gnueabihf-gcc has no as that works: /usr/lib/gcc-cross/arm-linux-gnueabihf/VERSION/../../../../arm-linux-gnueabihf/bin/as does not start: it is no program (exec format error); install the toolchain again
    mend that, or install distccd-alarm-armv7h from the AUR, or x-tools7h.tar.xz of https://archlinuxarm.org/builder/xtools/ unpacked in /opt, or Debian's gcc- and g++-arm-linux-gnueabihf
    ");
}

#[test]
fn a_directory_without_compilers_for_the_target_is_told_what_it_has() {
    let Some(machine) = machine() else { return };
    let script = "mount -t tmpfs none /opt; mkdir -p /opt/empty /opt/tools/bin; cd /opt/tools/bin
        printf '#!/bin/sh\\n' >aarch64-linux-gnu-gcc; cp aarch64-linux-gnu-gcc arm-none-eabi-gcc
        cp aarch64-linux-gnu-gcc arm-linux-gnueabihf-gcc; chmod 755 a*-gcc
        chmod 644 arm-linux-gnueabihf-gcc
        for dir in /opt/empty /opt/tools /opt/none; do
            volunteer --target armv7h --toolchain $dir --yes; done
        volunteer --target armv7h --toolchain armv7h=/opt/tools --toolchain armv8=/opt/empty --yes
        volunteer --target armv7h --toolchain tools --yes
        volunteer --target armv7h --toolchain armv9=/opt --yes
        volunteer --target armv6h --yes
        ls /etc/conf.d";
    let output = run(&machine, script);
    assert_eq!(output.stdout, "distccd\n");
    insta::assert_snapshot!(output.stderr, @r"
    distcc-setup: there are no compilers for armv7h in or below /opt/empty; it should hold programs as armv7l-unknown-linux-gnueabihf-gcc, in itself or in its bin
    distcc-setup: there are no compilers for armv7h in or below /opt/tools; there are: /opt/tools/bin/aarch64-linux-gnu-gcc, /opt/tools/bin/arm-linux-gnueabihf-gcc (not executable: chmod +x), /opt/tools/bin/arm-none-eabi-gcc
    distcc-setup: there are no compilers for armv7h in or below /opt/none: it is no directory
    distcc-setup: there are no compilers for armv7h in or below /opt/tools; there are: /opt/tools/bin/aarch64-linux-gnu-gcc, /opt/tools/bin/arm-linux-gnueabihf-gcc (not executable: chmod +x), /opt/tools/bin/arm-none-eabi-gcc
    error: invalid value 'tools' for '--toolchain <[TARGET=]DIR>': `tools` is no path from the root; write /opt/x-tools7h

    For more information, try '--help'.
    error: invalid value 'armv9=/opt' for '--toolchain <[TARGET=]DIR>': `armv9` is no target; there are x86_64, armv5, armv6h, armv7h, armv8

    For more information, try '--help'.
    distcc-setup: no toolchain for armv6h here can serve:
      /usr/bin/arm-linux-gnueabihf-gcc makes ARMv7 code unless it is told otherwise, which not all machines of armv6h run, so that distccd does not serve them with it
    mend that, or install distccd-alarm-armv6h from the AUR, or x-tools6h.tar.xz of https://archlinuxarm.org/builder/xtools/ unpacked in /opt
    ");
}

#[test]
fn another_daemon_at_the_port_is_found_out() {
    let Some(machine) = machine() else { return };
    let script = "ln -s \"$DISTCCD\" /usr/lib/distcc/gcc
        \"$DISTCCD\" --daemon --user nobody --port 3635 --allow 127.0.0.1
        printf '#!/bin/sh\\n' >$TOP/bin/systemctl
        volunteer --target armv7h --yes --temp-dir /tmp; echo $?";
    let output = run(&machine, script);
    let tail: Vec<_> = output.stdout.lines().rev().take(3).collect();
    let tail = tail.into_iter().rev().collect::<Vec<_>>().join("\n");
    insta::assert_snapshot!(masked(&(tail + "\n")), @r"
    distccd for armv7h listens and lets clients in at 127.0.0.1:3635.
    It answers gcc with an object for 64-bit x86-64, and armv7h needs 32-bit ARM, hard float. Is another distccd on its port? See: ss -tlnp 'sport = :3635'
    1
    ");
}

#[test]
fn the_firewall_is_opened_at_each_port() {
    let Some(machine) = machine() else { return };
    let script = "nft add table inet fw
nft 'add chain inet fw in { type filter hook input priority 0; policy drop; }'
nft add rule inet fw in iifname lo accept
volunteer --target armv7h,armv8 --dry-run --allow 192.168.77.0/24 | sed -n '/may stop/,$p'";
    let output = run(&machine, script).success();
    insta::assert_snapshot!(output.stdout, @r"
    nftables may stop clients. These let them in:
      nft insert rule inet fw in ip saddr 192.168.77.0/24 tcp dport 3635 accept
      nft insert rule inet fw in ip saddr 192.168.77.0/24 tcp dport 3636 accept
      or --apply-firewall, which runs them
      put the rules into /etc/nftables.conf to keep them
    ");
}

#[test]
fn options_that_do_not_go_together_are_refused() {
    let Some(machine) = machine() else { return };
    let script = "wants=/etc/systemd/system/multi-user.target.wants; mkdir -p $wants
        ln -s /usr/lib/systemd/system/distccd.service $wants/distccd.service
        volunteer --target armv7h,armv8 --port 4000 --yes
        volunteer --target armv5 --stats --yes
        volunteer --target armv7h,armv8 --stats --yes
        volunteer --target armv7h --port 3632 --yes
        sed -i 's/127.0.0.1/10.0.0.0\\/8 --stats/' /etc/conf.d/distccd
        volunteer --target armv5 --yes
        rm /etc/systemd/system/distccd@.service; volunteer --target armv8 --yes
        volunteer --one-port --yes 2>&1 | grep -A1 required
        ls /etc/conf.d";
    let output = run(&machine, script);
    insta::assert_snapshot!(output.stdout, @r"
    error: the following required arguments were not provided:
      --target <TARGET>
    distccd
    ");
    insta::assert_snapshot!(output.stderr, @r"
    distcc-setup: --port is one port, and armv7h and armv8 need one each; leave it out, or use --one-port
    distcc-setup: armv5 has port 3633, on which `--stats` of distccd puts its page; move that by `--stats-port` in /etc/conf.d, or give armv5 another with --port
    distcc-setup: --stats is one port, and each of several daemons would want it; set up one by one, with `--stats-port` in /etc/conf.d
    distcc-setup: armv7h has port 3632, on which distccd.service listens; use --one-port, so that it serves armv7h too, or give armv7h another with --port
    distcc-setup: armv5 has port 3633, on which `--stats` of distccd puts its page; move that by `--stats-port` in /etc/conf.d, or give armv5 another with --port
    distcc-setup: there is no distccd@armv8.service here, nor any other unit for armv8; install makepkg-distcc again, whole, or use --no-start
    ");
}

#[test]
fn clients_of_the_ordinary_daemon_may_use_that_of_a_target() {
    let Some(machine) = machine() else { return };
    let script = "sed -i 's/127.0.0.1/10.0.0.0\\/8/' /etc/conf.d/distccd
        volunteer --target armv8 --dry-run --temp-dir /tmp | grep ARGS
        volunteer --target armv8 --dry-run --temp-dir /tmp --allow 192.168.1.0/24 | grep ARGS
        volunteer --target x86_64 --dry-run --temp-dir /tmp | grep -v compilers";
    let output = run(&machine, script).success();
    insta::assert_snapshot!(output.stdout, @r#"
    +DISTCC_ARGS="--allow 10.0.0.0/8 --log-file /tmp/distccd-armv8.log"
    +DISTCC_ARGS="--allow 192.168.1.0/24 --log-file /tmp/distccd-armv8.log"
      x86_64 is this machine's own target, which distccd.service serves
    --- /etc/conf.d/distccd
    +++ /etc/conf.d/distccd
    @@ -5,3 +5,4 @@
     # that are allowed to connect, using the --allow switch.
     #
     DISTCC_ARGS="--allow 10.0.0.0/8"
    +TMPDIR="/tmp"
    Commands that are run:
      update-distcc-symlinks
      systemctl enable --now distccd.service
    "#);
}

/// An image with programs.
fn image(programs: &[&str]) -> tempfile::TempDir {
    let root = tempfile::tempdir().unwrap();
    for program in ["usr/bin/gcc", "usr/bin/distcc"].iter().chain(programs) {
        let path = root.path().join(program);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, "#!/bin/sh\nexit 1\n").unwrap();
        std::fs::set_permissions(path, Permissions::from_mode(0o755)).unwrap();
    }
    root
}

fn in_image(root: &Path, words: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_distcc-setup"));
    command.arg("volunteer").arg("--root").arg(root).args(words).output().unwrap().into()
}

#[test]
fn an_image_gets_the_file_and_its_programs_are_not_run() {
    let root = image(&["srv/tools/x-tools7h/arm-unknown-linux-gnueabihf/bin/\
                        arm-unknown-linux-gnueabihf-gcc"]);
    let words = ["--target", "armv7h", "--toolchain", "/srv/tools", "--yes"];
    in_image(root.path(), &words).success();
    let file = std::fs::read_to_string(root.path().join("etc/conf.d/distccd-armv7h")).unwrap();
    insta::assert_snapshot!(file, @r#"
    # Options of distccd(1), for distccd@armv7h.service. One line; systemd splits it at blanks, and no
    # shell reads it.
    DISTCC_ARGS="--allow-private --log-file /tmp/distccd-armv7h.log --toolchain /srv/tools/x-tools7h/arm-unknown-linux-gnueabihf/bin"
    "#);
    let again = in_image(root.path(), &["--target", "armv7h", "--yes"]).success();
    assert!(again.stdout.ends_with("Everything is as it should be.\n"), "{again}");
}

#[test]
fn targets_are_listed_with_what_there_is_for_them() {
    let root = image(&[
        "opt/x-tools7h/arm-unknown-linux-gnueabihf/bin/arm-unknown-linux-gnueabihf-gcc",
        "usr/bin/aarch64-linux-gnu-gcc",
        "opt/gcc-linaro-7.5/bin/aarch64-linux-gnu-gcc",
    ]);
    let listed = in_image(root.path(), &["--list-targets"]).success();
    let listed = listed.stdout.replace(&root.path().display().to_string(), "");
    insta::assert_snapshot!(listed, @r"
    x86_64 on port 3632: distccd.service, not installed
      there is no toolchain for x86_64 on this machine; install distccd-x86_64 from the AUR, or Debian's gcc- and g++-x86-64-linux-gnu; one that is elsewhere is named by --toolchain DIR
    armv5 on port 3633: distccd@armv5.service, not installed
      there is no toolchain for armv5 on this machine; install distccd-alarm-armv5 from the AUR, or x-tools.tar.xz of https://archlinuxarm.org/builder/xtools/ unpacked in /opt, or Debian's gcc- and g++-arm-linux-gnueabi; one that is elsewhere is named by --toolchain DIR
    armv6h on port 3634: distccd@armv6h.service, not installed
      compilers in /opt/x-tools7h/arm-unknown-linux-gnueabihf/bin (not tried: nothing in an image is run)
    armv7h on port 3635: distccd@armv7h.service, not installed
      compilers in /opt/x-tools7h/arm-unknown-linux-gnueabihf/bin (not tried: nothing in an image is run)
    armv8 on port 3636: distccd@armv8.service, not installed
      compilers in /opt/gcc-linaro-7.5/bin (not tried: nothing in an image is run)
        also here: /usr/bin
    ");
}
