//! Clients of another target than the volunteer's own machine: `configure` finds the port at which
//! each volunteer compiles for it, `doctor` says which is the right one, and a build is distributed.
//!
//! Volunteers are addresses of the loopback interface in a network of the test's own, since the
//! ports are those that people know. The client's `gcc` is Debian's cross compiler, as it is the
//! native one on an ARM machine.

use std::os::unix::fs::symlink;
use std::path::PathBuf;
use std::process::Command;

use serde_json::Value;

use crate::support::farm::Farm;
use crate::support::output::Output;
use crate::support::volunteer::Side;

const SETUP: &str = env!("CARGO_BIN_EXE_distcc-setup");
/// Where the programs are that set up networks.
const ADMIN_PATH: &str = "/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin";
/// Daemons by address: whose, what they are given besides it, and the directory that is their PATH.
/// Where `gcc` is one for ARM, it stands for an ARM machine's own, or for an old service.
const VOLUNTEERS: [(&str, Side, &str, &str); 7] = [
    ("127.0.0.2", Side::Ours, "--target armv7h --toolchain /usr/bin", "native"),
    ("127.0.0.2", Side::Ours, "--port 3632", "native"),
    ("127.0.0.3", Side::Ours, "--port 3632 --toolchain armv7h=/usr/bin", "native"),
    ("127.0.0.4", Side::Ours, "--port 3632", "native"),
    ("127.0.0.5", Side::Stock, "--port 3632", "native"),
    ("127.0.0.6", Side::Stock, "--port 3635", "soft"),
    ("127.0.0.7", Side::Stock, "--port 3632", "hard"),
];

/// A directory of links to the compilers for `triple` under the names of a machine's own, and to
/// what a daemon needs beside them.
fn compilers(farm: &Farm, dir: &str, triple: &str) -> PathBuf {
    let dir = farm.path(dir);
    std::fs::create_dir(&dir).unwrap();
    for (name, compiler) in [("gcc", "gcc"), ("g++", "g++"), ("cc", "gcc"), ("c++", "g++")] {
        symlink(format!("/usr/bin/{triple}-{compiler}"), dir.join(name)).unwrap();
    }
    for tool in ["as", "sh"] {
        symlink(format!("/usr/bin/{tool}"), dir.join(tool)).unwrap();
    }
    dir
}

/// `/usr/bin` as on an ARM machine, which has no compilers of ours under their full names.
fn tools(farm: &Farm) -> PathBuf {
    let dir = farm.path("tools");
    std::fs::create_dir(&dir).unwrap();
    for entry in std::fs::read_dir("/usr/bin").unwrap().map(|entry| entry.unwrap()) {
        let name = entry.file_name();
        let full = name.to_str().is_some_and(|name| name.starts_with("x86_64-linux-gnu-"));
        if !full && name != "distcc" {
            symlink(entry.path(), dir.join(name)).unwrap();
        }
    }
    symlink(Side::Ours.client(), dir.join("distcc")).unwrap();
    dir
}

/// How a command gets a network of its own, or why it cannot.
fn own_network() -> Result<&'static str, String> {
    let root = nix::unistd::Uid::effective().is_root();
    let unshare = if root { "unshare --net" } else { "unshare --map-root-user --net" };
    let script = format!("{unshare} sh -c 'ip link set lo up'");
    match Command::new("sh").args(["-c", &script]).env("PATH", ADMIN_PATH).output() {
        Ok(output) if output.status.success() => Ok(unshare),
        Ok(output) => Err(String::from_utf8_lossy(&output.stderr).into_owned()),
        Err(error) => Err(error.to_string()),
    }
}

/// Runs a script as a client for armv7h among the volunteers, all in a network of its own, or says
/// why this machine has none to give.
fn among_volunteers(farm: &Farm, script: &str) -> Result<Output, String> {
    let unshare = own_network()?;
    compilers(farm, "hard", "arm-linux-gnueabihf");
    compilers(farm, "soft", "arm-linux-gnueabi");
    compilers(farm, "native", "x86_64-linux-gnu");
    let mut start =
        "trap 'kill $pids' EXIT\nset -e\nip link set lo up\nmkdir daemons\nchmod 777 daemons\n"
            .to_owned();
    let user = if nix::unistd::Uid::effective().is_root() { "--user nobody" } else { "" };
    for (at, (address, side, args, dir)) in VOLUNTEERS.iter().enumerate() {
        let daemon = side.daemon().display();
        let path = farm.path(dir).display().to_string();
        start += &format!(
            "PATH={path} TMPDIR=$PWD/daemons {daemon} --no-detach --daemon {args} {user} \
             --listen {address} --allow 127.0.0.0/8 --lifetime 280 --jobs 4 \
             --log-file $PWD/daemons/log{at} --log-level info &\npids=\"$pids $!\"\n"
        );
    }
    start += &format!(
        "until [ \"$(grep -cE ':0E3(0|3) 00000000:0000 0A' /proc/net/tcp)\" = {} ]; do\n\
         kill -0 $pids; sleep 0.05; done\nset +e\nexport PATH={}:{}\n",
        VOLUNTEERS.len(),
        farm.path("hard").display(),
        tools(farm).display(),
    );
    farm.write("in-network", &format!("{start}{script}\n"));
    let output =
        farm.local(&format!("{unshare} bash ./in-network")).env("PATH", ADMIN_PATH).output();
    let tidy = |text: String| text.replace(farm.path("").to_str().unwrap(), "TOP/");
    Ok(Output { stdout: tidy(output.stdout), stderr: tidy(output.stderr), ..output })
}

/// What a program is told.
fn json(output: &Output) -> Value {
    serde_json::from_str(&output.stdout).unwrap_or_else(|error| panic!("{error}: {output}"))
}

#[track_caller]
fn assert_fits(text: &str) {
    // Commands and host lists are to be copied as they are.
    let whole = ["sudo ", "DISTCC_HOSTS", "127.0.0.2:3635/5 "];
    for line in text.lines() {
        let is_whole = whole.iter().any(|word| line.contains(word));
        assert!(line.chars().count() <= 80 || is_whole, "{line}");
    }
}

/// A client's makepkg.conf.
const ARM: &str = "CARCH=\"armv7h\"\nCHOST=\"armv7l-unknown-linux-gnueabihf\"\n\
                   BUILDENV=(!distcc color !ccache check !sign)\nOPTIONS=(strip !lto)\n";

#[test]
fn each_volunteer_gets_the_port_that_makes_objects_for_the_client() {
    let farm = Farm::new();
    farm.write("makepkg.conf", ARM);
    farm.write("t.c", "int f(int n) { return n * 3; }\n");
    let hosts = "localhost/2 127.0.0.2/5 127.0.0.3/3,lzo 127.0.0.4 127.0.0.5 127.0.0.6/1 127.0.0.7/4 \
                 127.0.0.2/6:4000";
    let masquerade = farm.path("masquerade-ours");
    let script = format!(
        "{SETUP} configure --config makepkg.conf --in-place --yes --hosts '{hosts}'\n\
         echo; echo Again:\n\
         {SETUP} configure --config makepkg.conf --in-place --yes >again; head -n1 again\n\
         . ./makepkg.conf; export DISTCC_FALLBACK=0 DISTCC_DIR=$PWD/state\n\
         gcc -O2 -c t.c -o local.o\n\
         for host in 127.0.0.2:3635 127.0.0.3:3632 127.0.0.7:3632; do\n\
           case $DISTCC_HOSTS in *$host/*) ;; *) echo $host is not there; continue;; esac\n\
           DISTCC_HOSTS=$host PATH={}:$PATH gcc -O2 -c t.c -o $host.o || continue\n\
           cmp local.o $host.o && echo $host compiles as gcc here\n\
         done\n",
        masquerade.display()
    );
    let output = match among_volunteers(&farm, &script) {
        Ok(output) => output,
        Err(error) => return println!("skipped, no network namespace: {error}"),
    };
    assert_fits(&output.stdout);
    insta::assert_snapshot!(output);
}

#[test]
fn the_doctor_names_the_port_that_is_right_or_the_command_that_makes_one() {
    let farm = Farm::new();
    let hosts =
        "127.0.0.2/5 127.0.0.3:3635/3 127.0.0.4/4 127.0.0.5/4 127.0.0.6:3635 127.0.0.7:3635/4";
    farm.write("makepkg.conf", &format!("{ARM}export DISTCC_HOSTS=\"{hosts}\"\n"));
    let words = "--config makepkg.conf --timeout 60 --compiler gcc --stats-port 1 --format json";
    let script = format!("{SETUP} doctor {words}\n");
    let output = match among_volunteers(&farm, &script) {
        Ok(output) => output,
        Err(error) => return println!("skipped, no network namespace: {error}"),
    };
    let json = json(&output);
    let mut text = format!("for {}\n", json["target"].as_str().unwrap());
    for volunteer in json["volunteers"].as_array().unwrap() {
        let faults = volunteer["faults"].as_array().unwrap();
        // On a busy machine some are slow, too.
        for fault in faults.iter().filter(|fault| fault["id"] != "slow") {
            let word = |key: &str| fault[key].as_str().unwrap_or("-").to_owned();
            let parts = ["id", "sentence", "machine", "command", "note"].map(word);
            let host = volunteer["host"].as_str().unwrap();
            text += &format!("{host}: {}\n", parts.join("\n  "));
        }
    }
    insta::assert_snapshot!(text);
}

#[test]
fn named_hosts_without_a_port_are_asked_at_the_one_that_serves() {
    let farm = Farm::new();
    farm.write("makepkg.conf", ARM);
    let words = "--config makepkg.conf --timeout 60 --compiler gcc --stats-port 1 --format json";
    let script = format!("{SETUP} hosts {words} 127.0.0.2/5 127.0.0.3/3 127.0.0.7/4 127.0.0.4\n");
    let output = match among_volunteers(&farm, &script) {
        Ok(output) => output,
        Err(error) => return println!("skipped, no network namespace: {error}"),
    };
    let json = json(&output);
    let volunteers = json["volunteers"].as_array().unwrap();
    let hosts: Vec<_> = volunteers.iter().map(|one| one["host"].as_str().unwrap()).collect();
    let expected = ["127.0.0.2:3635/5", "127.0.0.3:3632/3", "127.0.0.7:3632/4", "127.0.0.4:3635"];
    assert_eq!(hosts, expected, "{output}");
    let proposal = json["proposal"].as_str().unwrap();
    let mut words: Vec<_> = proposal.split(' ').collect();
    words.sort_unstable();
    assert_eq!(words, &expected[..3], "{output}");
}

/// `configure` without anybody to ask.
fn offline(farm: &Farm, words: &str) -> Output {
    let script = format!("{SETUP} configure --offline --dry-run {words}");
    let output = farm.local(&script).output();
    let tidy = |text: String| text.replace(farm.path("").to_str().unwrap(), "TOP/");
    Output { stdout: tidy(output.stdout), stderr: tidy(output.stderr), ..output }
}

#[test]
fn without_asking_the_tables_port_is_written() {
    let farm = Farm::new();
    farm.write("makepkg.conf", "BUILDENV=(distcc)\nDISTCC_HOSTS=\"a\"\n");
    let output = offline(
        &farm,
        "--config makepkg.conf --in-place --client-of armv7h \
         --hosts 'localhost/9 192.168.10.2/5:3635 192.168.10.3/5 desk:4000/2 [fd00::7]/4'",
    );
    assert_fits(&output.stdout);
    insta::assert_snapshot!(output);
    for (target, port) in [
        ("armv5", ":3633"),
        ("alarm-armv6h", ":3634"),
        ("aarch64", ":3636"),
        ("distccd-x86_64", ""),
    ] {
        let words = "--config makepkg.conf --in-place --hosts 192.168.10.3/5";
        let output = offline(&farm, &format!("{words} --client-of {target}"));
        let expected = format!("+DISTCC_HOSTS=\"192.168.10.3{port}/5\"\n");
        assert!(output.stdout.contains(&expected), "{target}: {output}");
    }
}

#[test]
fn the_target_is_that_of_the_chroot_or_the_configuration_and_setup_toml_needs_no_port() {
    let farm = Farm::new();
    farm.write("root/etc/makepkg.conf", "CARCH=\"aarch64\"\nBUILDENV=(distcc)\n");
    let chroot = offline(&farm, "--chroot root --hosts '10.0.0.2/5 10.0.0.3:3632/4'");
    assert!(chroot.stdout.contains("10.0.0.2:3636/5 10.0.0.3:3632/4"), "{chroot}");
    farm.write("makepkg.conf", ARM);
    std::fs::create_dir_all(farm.path("home/.config/distcc")).unwrap();
    let text = "[[volunteer]]\naddress = '10.0.0.2'\nslots = 5\n\
                [[volunteer]]\naddress = '10.0.0.3'\nport = 3632\nslots = 4\n";
    std::fs::write(farm.path("home/.config/distcc/setup.toml"), text).unwrap();
    let own = offline(&farm, "--config makepkg.conf --in-place");
    assert!(own.stdout.contains("\"10.0.0.2:3635/5 10.0.0.3:3632/4\""), "{own}");
}

#[test]
fn a_target_that_is_none_is_refused_with_those_that_are() {
    insta::assert_snapshot!(offline(&Farm::new(), "--client-of mips").stderr, @"
    error: invalid value 'mips' for '--client-of <TARGET>': no target is called so (write one of x86_64, armv5, armv6h, armv7h, armv8)

    For more information, try '--help'.
    ");
}
