//! `distcc-setup volunteer`: the file, the commands, the firewall and the daemon, each for real where
//! a namespace of the test's own can hold it, and by scripts where not (systemd, ufw, firewalld).

use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::process::Command;

use crate::support::output::Output;

/// Arch's file, as the package `distcc` has it.
const FRESH: &str = "#\n# Parameters to be passed to distccd\n#\n# You must explicitly add IPs (or \
                     subnets)\n# that are allowed to connect, using the --allow switch.\n#\n\
                     DISTCC_ARGS=\"--allow 127.0.0.1\"\n";
/// In the namespaces: what makes their /etc, /run and so on a copy, and starts the network.
const ENTER: &str = "set -e
cp -a /etc \"$TOP/etc\"; mkdir -p \"$TOP/etc/conf.d\"
[ ! -e \"$TOP/fresh\" ] || cp \"$TOP/fresh\" \"$TOP/etc/conf.d/distccd\"
mount --bind \"$TOP/etc\" /etc
for dir in /run /var/lib /usr/lib/distcc; do [ -d $dir ] || continue; mount -t tmpfs none $dir; done
ip link set lo up
ip link add lan0 type veth peer name lan1; ip link set lan1 up; ip link set lan0 up
ip address add 192.168.77.2/24 dev lan0
PATH=$TOP/bin:/usr/sbin:/usr/bin:/sbin:/bin
";
/// A systemctl that knows one unit, and starts it with what systemd would read.
const SYSTEMCTL: &str = "#!/bin/sh
echo \"systemctl $*\" >>\"$TOP/calls\"
start() { . /etc/conf.d/distccd; export TMPDIR
  \"$DISTCCD\" --daemon --user nobody --pid-file /run/distccd.pid $DISTCC_ARGS; }
stop() { kill \"$(cat /run/distccd.pid)\"; while [ -e /run/distccd.pid ]; do sleep 0.05; done; }
case \"$*\" in
  '--quiet is-enabled '*) [ -e /run/enabled ] ;;
  '--quiet is-active '*) [ -e /run/distccd.pid ] ;;
  'enable --now '*) : >/run/enabled; start ;;
  'restart '*) stop; start ;;
esac
";

/// A directory for namespaces to be entered from.
pub struct Machine {
    top: tempfile::TempDir,
}

impl Machine {
    /// A machine with Arch's file, with systemd if `systemd`.
    pub fn new(systemd: bool) -> Self {
        let machine = Self { top: tempfile::tempdir().unwrap() };
        std::fs::set_permissions(machine.top.path(), Permissions::from_mode(0o755)).unwrap();
        std::fs::create_dir(machine.path("bin")).unwrap();
        std::fs::write(machine.path("fresh"), FRESH).unwrap();
        if systemd {
            machine.program("systemctl", SYSTEMCTL);
        }
        machine
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.top.path().join(name)
    }

    /// A script among its programs.
    pub fn program(&self, name: &str, script: &str) {
        let path = self.path("bin").join(name);
        std::fs::write(&path, script).unwrap();
        std::fs::set_permissions(path, Permissions::from_mode(0o755)).unwrap();
    }

    /// Runs a script in namespaces; `volunteer` in it is ours. What it started ends with it.
    pub fn run(&self, script: &str) -> Output {
        let systemd = match self.path("bin/systemctl").exists() {
            true => "mkdir -p /run/systemd/system\n",
            false => "",
        };
        let ours = "volunteer() { \"$SETUP\" volunteer \"$@\" </dev/null; }\n";
        let mut command = Command::new("timeout");
        command.args(["--kill-after=5", "120", "unshare", "-mnpf", "--kill-child", "bash", "-c"]);
        command.arg(format!("{ENTER}{systemd}{ours}set +e\n{script}"));
        command.env("TOP", self.top.path()).env("SETUP", env!("CARGO_BIN_EXE_distcc-setup"));
        command.env("DISTCCD", env!("CARGO_BIN_EXE_distccd"));
        command.output().unwrap().into()
    }

    /// What the file says after a script.
    pub fn file(&self) -> String {
        std::fs::read_to_string(self.path("etc/conf.d/distccd")).unwrap()
    }
}

/// The text without what differs between machines.
pub fn masked(text: &str) -> String {
    let slots = std::thread::available_parallelism().map_or(1, usize::from) + 2;
    text.replace(&format!("/{slots}\n"), "/SLOTS\n")
}

#[test]
fn a_fresh_machine_becomes_a_volunteer_and_a_second_run_changes_nothing() {
    let machine = Machine::new(true);
    let output = machine.run("volunteer --yes --temp-dir /tmp").success();
    insta::assert_snapshot!(masked(&output.stdout), @r#"
    --- /etc/conf.d/distccd
    +++ /etc/conf.d/distccd
    @@ -4,4 +4,5 @@
     # You must explicitly add IPs (or subnets)
     # that are allowed to connect, using the --allow switch.
     #
    -DISTCC_ARGS="--allow 127.0.0.1"
    +DISTCC_ARGS="--allow-private --log-file /tmp/distccd.log"
    +TMPDIR="/tmp"
    Commands that are run:
      update-distcc-symlinks
      systemctl enable --now distccd.service
    /etc/conf.d/distccd is written.
    $ update-distcc-symlinks
    $ systemctl enable --now distccd.service
    distccd listens and lets clients in at 127.0.0.1:3632.
    Clients have one of these among their DISTCC_HOSTS:
      192.168.77.2/SLOTS
    "#);
    assert_eq!(
        machine.file(),
        FRESH.replace("\"--allow 127.0.0.1\"", "\"--allow-private --log-file /tmp/distccd.log\"")
            + "TMPDIR=\"/tmp\"\n"
    );

    let script = "volunteer --yes --temp-dir /tmp >/dev/null\n: >\"$TOP/calls\"\n\
                  volunteer --yes; cat \"$TOP/calls\"";
    std::fs::remove_dir_all(machine.path("etc")).unwrap();
    let output = machine.run(script).success();
    insta::assert_snapshot!(masked(&output.stdout), @r"
    Everything is as it should be.
    distccd listens and lets clients in at 127.0.0.1:3632.
    Clients have one of these among their DISTCC_HOSTS:
      192.168.77.2/SLOTS
    systemctl --quiet is-enabled distccd.service
    systemctl --quiet is-active distccd.service
    ");
}

#[test]
fn undo_gives_the_old_file_back() {
    let machine = Machine::new(true);
    let script = "volunteer --yes --jobs 3 --no-start >/dev/null; \"$SETUP\" undo --list; \
                  \"$SETUP\" undo >/dev/null </dev/null && cat /etc/conf.d/distccd";
    let output = machine.run(script).success();
    assert!(output.stdout.contains("distcc-setup volunteer --yes --jobs 3"), "{output}");
    assert_eq!(machine.file(), FRESH);
}

#[test]
fn a_dry_run_shows_all_and_does_nothing() {
    let machine = Machine::new(true);
    let script = "volunteer --dry-run --temp-dir /tmp --allow-attached --listen 192.168.77.2 --jobs 7 \
                  --port 3700 --nice 10 --log-level info --log-file /var/log/distccd.log";
    let output = machine.run(script).success();
    insta::assert_snapshot!(masked(&output.stdout), @r#"
    --- /etc/conf.d/distccd
    +++ /etc/conf.d/distccd
    @@ -4,4 +4,5 @@
     # You must explicitly add IPs (or subnets)
     # that are allowed to connect, using the --allow switch.
     #
    -DISTCC_ARGS="--allow 127.0.0.1"
    +DISTCC_ARGS="--allow 192.168.77.0/24 --listen 192.168.77.2 --port 3700 --jobs 7 --nice 10 --log-level info --log-file /var/log/distccd.log"
    +TMPDIR="/tmp"
    Commands that are run:
      update-distcc-symlinks
      systemctl enable --now distccd.service
    "#);
    assert_eq!(machine.file(), FRESH);
    assert!(!machine.run("volunteer --dry-run").stdout.contains("Do this?"));
}

#[test]
fn a_change_restarts_the_daemon_and_clients_of_that_network_are_let_in() {
    let machine = Machine::new(true);
    let script = "volunteer --yes >/dev/null\n: >\"$TOP/calls\"\n\
                  volunteer --yes --allow-attached --port 3700 | tail -3; cat \"$TOP/calls\"";
    let output = machine.run(script).success();
    insta::assert_snapshot!(masked(&output.stdout), @r"
    distccd listens and lets clients in at 192.168.77.2:3700.
    Clients have one of these among their DISTCC_HOSTS:
      192.168.77.2:3700/SLOTS
    systemctl --quiet is-enabled distccd.service
    systemctl --quiet is-active distccd.service
    systemctl restart distccd.service
    ");
}

#[test]
fn a_daemon_that_does_not_start_is_told() {
    let machine = Machine::new(true);
    machine.program(
        "systemctl",
        "#!/bin/sh\ncase \"$*\" in 'enable --now'*) exit 1;; *is-*) exit 1;; esac\n",
    );
    let output = machine.run("volunteer --yes");
    assert_eq!(output.status, 100, "{output}");
    assert!(output.stderr.contains("`systemctl enable --now distccd.service` fails"), "{output}");
    machine.program("systemctl", "#!/bin/sh\ncase \"$*\" in *is-*) exit 1;; esac\n");
    std::fs::remove_dir_all(machine.path("etc")).unwrap();
    let output = machine.run("volunteer --yes");
    assert_eq!(output.status, 1, "{output}");
    assert!(output.stdout.contains("Nobody listens at 127.0.0.1:3632"), "{output}");
}

#[test]
fn without_systemd_it_says_how_to_start() {
    let machine = Machine::new(false);
    let output = machine.run("volunteer --yes --temp-dir /tmp").success();
    let expected = "TMPDIR=/tmp distccd --daemon --user distcc --allow-private --log-file";
    assert!(output.stdout.contains(expected), "{output}");
}

#[test]
fn nftables_gets_a_rule_for_each_network_once() {
    let machine = Machine::new(false);
    let script = "nft add table inet fw
nft 'add chain inet fw in { type filter hook input priority 0; policy drop; }'
nft add rule inet fw in iifname lo accept
volunteer --dry-run --allow 192.168.77.0/24 --allow fd00:77::/64 | sed -n '/may stop/,$p'
volunteer --yes --allow 192.168.77.0/24 --allow fd00:77::/64 --apply-firewall >/dev/null
nft list chain inet fw in
volunteer --dry-run --allow 192.168.77.0/24 --allow fd00:77::/64";
    let output = machine.run(script).success();
    insta::assert_snapshot!(output.stdout, @r#"
    nftables may stop clients. These let them in:
      nft insert rule inet fw in ip saddr 192.168.77.0/24 tcp dport 3632 accept
      nft insert rule inet fw in ip6 saddr fd00:77::/64 tcp dport 3632 accept
      or --apply-firewall, which runs them
      put the rules into /etc/nftables.conf to keep them
    table inet fw {
    	chain in {
    		type filter hook input priority filter; policy drop;
    		ip6 saddr fd00:77::/64 tcp dport 3632 accept
    		ip saddr 192.168.77.0/24 tcp dport 3632 accept
    		iifname "lo" accept
    	}
    }
    Everything is as it should be.
    "#);
}

#[test]
fn iptables_gets_a_rule_for_each_network_once() {
    let machine = Machine::new(false);
    let script = "iptables -P INPUT DROP; iptables -A INPUT -i lo -j ACCEPT
volunteer --yes --allow 192.168.77.0/24 --port 3700 --apply-firewall >/dev/null
iptables -S INPUT
volunteer --dry-run --apply-firewall";
    let output = machine.run(script).success();
    insta::assert_snapshot!(output.stdout, @r"
    -P INPUT DROP
    -A INPUT -s 192.168.77.0/24 -p tcp -m tcp --dport 3700 -j ACCEPT
    -A INPUT -i lo -j ACCEPT
    Everything is as it should be.
    ");
}

#[test]
fn ufw_and_firewalld_are_spoken_to_in_their_own_words() {
    let machine = Machine::new(false);
    machine.program("ufw", "#!/bin/sh\n[ \"$1\" != status ] || printf 'Status: active\\n\\nTo Action From\\n3632/tcp                   ALLOW       10.0.0.0/8     # distcc\\n'\necho \"$*\" >>\"$TOP/said\"\n");
    let show =
        "volunteer --dry-run --allow 10.0.0.0/8 --allow 192.168.77.0/24 | sed -n '/may stop/,$p'";
    let ufw = machine.run(show).success().stdout;
    std::fs::remove_file(machine.path("bin/ufw")).unwrap();
    std::fs::remove_dir_all(machine.path("etc")).unwrap();
    machine.program(
        "firewall-cmd",
        "#!/bin/sh\ncase \"$*\" in --state) ;; *10.0.0.0/8*) ;; *--query*) exit 1;; esac\n",
    );
    let firewalld = machine.run(show).success().stdout;
    insta::assert_snapshot!(ufw + &firewalld, @r#"
    ufw may stop clients. These let them in:
      ufw allow proto tcp from 192.168.77.0/24 to any port 3632 comment distcc
      or --apply-firewall, which runs them
    firewalld may stop clients. These let them in:
      firewall-cmd --permanent '--add-rich-rule=rule family="ipv4" source address="192.168.77.0/24" port port="3632" protocol="tcp" accept'
      firewall-cmd --reload
      or --apply-firewall, which runs them
    "#);
}

#[test]
fn an_image_gets_the_file_and_nothing_is_started() {
    let root = tempfile::tempdir().unwrap();
    std::fs::create_dir_all(root.path().join("usr/bin")).unwrap();
    for name in ["gcc", "distcc"] {
        let path = root.path().join("usr/bin").join(name);
        std::fs::write(&path, "#!/bin/sh\n").unwrap();
        std::fs::set_permissions(path, Permissions::from_mode(0o755)).unwrap();
    }
    let run = |words: &[&str]| -> Output {
        let mut command = Command::new(env!("CARGO_BIN_EXE_distcc-setup"));
        command.arg("volunteer").arg("--root").arg(root.path()).args(words);
        command.output().unwrap().into()
    };
    let output = run(&["--yes", "--jobs", "4"]).success();
    assert!(output.stdout.contains("update-distcc-symlinks --root"), "{output}");
    let file = std::fs::read_to_string(root.path().join("etc/conf.d/distccd")).unwrap();
    assert!(file.contains("DISTCC_ARGS=\"--allow-private --jobs 4 --log-file"), "{file}");
    assert!(!file.contains("TMPDIR"), "{file}");
    assert!(root.path().join("usr/lib/distcc/gcc").is_symlink());
    assert_eq!(run(&["--yes", "--jobs", "4"]).success().stdout, "Everything is as it should be.\n");
    let output = run(&["--jobs", "5"]);
    assert_eq!(output.status, 100, "{output}");
    assert!(output.stderr.contains("nobody can be asked"), "{output}");
}

#[test]
fn whoever_is_not_root_is_told_how_to_be() {
    let machine = Machine::new(true);
    let script = "chmod 755 \"$TOP\"; cp \"$SETUP\" \"$(dirname \"$SETUP\")/update-distcc-symlinks\" /run/\n\
                  setpriv --reuid=65534 --clear-groups /run/distcc-setup volunteer --jobs 3 --yes";
    let output = machine.run(script);
    assert_eq!(output.status, 100, "{output}");
    insta::assert_snapshot!(output.stderr, @"distcc-setup: only root can start distccd and change the firewall; run it as root: sudo distcc-setup volunteer --jobs 3 --yes");
    assert_eq!(machine.file(), FRESH);
}

#[test]
fn values_that_the_file_cannot_hold_are_refused() {
    for (words, said) in [
        (&["--allow", "lan"][..], "`lan` is no network; write one as 192.168.0.0/24"),
        (&["--log-file", "/tmp/a b"], "`/tmp/a b` cannot stand in /etc/conf.d"),
        (&["--temp-dir", "tmp"], "write a path from the root"),
        (&["--nice", "20"], "20 is not in -20..=19"),
        (&["--listen", "lan0"], "invalid IP address syntax"),
    ] {
        let mut command = Command::new(env!("CARGO_BIN_EXE_distcc-setup"));
        let output: Output =
            command.args(["volunteer", "--dry-run"]).args(words).output().unwrap().into();
        assert!(output.status != 0 && output.stderr.contains(said), "{words:?}: {output}");
    }
}
