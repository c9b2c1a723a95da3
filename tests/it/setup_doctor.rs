//! `distcc-setup doctor` before a farm of daemons, ours and the C one, each with one fault: it names
//! exactly that fault.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use serde_json::Value;

use crate::support::farm::{Farm, SYSTEM_PATH};
use crate::support::fault::{Fault, FaultyVolunteer};
use crate::support::output::Output;
use crate::support::ports;
use crate::support::volunteer::{Options, Side};

/// The program.
const SETUP: &str = env!("CARGO_BIN_EXE_distcc-setup");
/// Both daemons.
const SIDES: [Side; 2] = [Side::Ours, Side::Stock];
/// Seconds that a volunteer may take where nothing hangs: no machine is so busy.
const PATIENT: &str = "120";

/// Where the programs are that set up networks.
const ADMIN_PATH: &str = "/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin";

/// Runs the doctor on these words.
fn doctor(farm: &Farm, words: &str) -> Output {
    // No statistics page of another test's daemon is to answer.
    let stats = ports::free();
    let script = format!("{SETUP} doctor --config makepkg.conf --stats-port {stats} {words}");
    if !farm.work().join("makepkg.conf").exists() {
        farm.write("makepkg.conf", "OPTIONS=(strip !lto)\n");
    }
    farm.local(&script).output()
}

/// What the doctor found, for programs.
fn json(output: &Output) -> Value {
    serde_json::from_str(&output.stdout).unwrap_or_else(|error| panic!("{error}: {output}"))
}

/// The faults of the volunteers, each by its id.
fn faults(output: &Output) -> Vec<Vec<String>> {
    let ids = |volunteer: &Value| {
        let faults = volunteer["faults"].as_array().unwrap();
        faults.iter().map(|fault| fault["id"].as_str().unwrap().to_owned()).collect()
    };
    json(output)["volunteers"].as_array().unwrap().iter().map(ids).collect()
}

/// Fails unless the only volunteer has exactly these faults, and the exit code is this.
#[track_caller]
fn assert_only(output: &Output, expected: &[&str], status: i32) {
    let mut found = faults(output);
    // A machine that is busy makes any volunteer slow, which is a warning.
    let is_busy = !expected.contains(&"slow") && found.iter().flatten().any(|id| id == "slow");
    found.iter_mut().for_each(|found| found.retain(|id| !is_busy || id != "slow"));
    let status = if is_busy { status.max(1) } else { status };
    assert_eq!(found, [expected], "{output}");
    assert_eq!(output.status, status, "{output}");
}

/// The doctor's words on a volunteer started like this, for programs.
fn diagnose(farm: &mut Farm, options: &Options, words: &str) -> Output {
    let number = farm.start(options);
    let address = farm.volunteers[number].address();
    doctor(farm, &format!("--format json --timeout {PATIENT} {words} {address}/4"))
}

/// Makes a directory of links, for the front of a daemon's PATH or for all of it.
fn links(farm: &Farm, dir: &str, links: &[(&str, &str)]) -> PathBuf {
    let dir = farm.path(dir);
    std::fs::create_dir_all(&dir).unwrap();
    for (name, target) in links {
        std::os::unix::fs::symlink(format!("/usr/bin/{target}"), dir.join(name)).unwrap();
    }
    dir
}

#[test]
fn healthy_volunteers_have_no_fault() {
    for side in SIDES {
        let output = diagnose(&mut Farm::new(), &Options::new(side), "");
        assert_only(&output, &[], 0);
        let volunteer = &json(&output)["volunteers"][0];
        for compiler in volunteer["compilers"].as_array().unwrap() {
            assert_eq!(compiler["verdict"], "same", "{side:?}: {compiler}");
        }
        assert_eq!(volunteer["protocols"], Value::from(vec![1, 2, 3]), "{side:?}");
        assert!(volunteer["units_per_second"].as_f64().unwrap() > 0.0);
    }
}

#[test]
fn a_port_where_nobody_listens_is_down() {
    let farm = Farm::new();
    let output = doctor(&farm, &format!("--format json 127.0.0.1:{}", ports::free()));
    assert_only(&output, &["down"], 2);
}

#[test]
fn a_name_that_nobody_knows_is_unknown() {
    let output = doctor(&Farm::new(), "--format json no-such-volunteer.invalid");
    assert_only(&output, &["name-unknown"], 2);
}

#[test]
fn an_access_list_that_shuts_us_out_is_told_from_all_else() {
    for side in SIDES {
        let options = Options::new(side).allow("192.0.2.0/24");
        let output = diagnose(&mut Farm::new(), &options, "");
        assert_only(&output, &["access-refused"], 2);
        let fault = json(&output)["volunteers"][0]["faults"][0].clone();
        assert_eq!(fault["machine"], "127.0.0.1");
        let command = fault["command"].as_str().unwrap();
        assert!(command.contains("--allow 127.0.0.0/8 "), "{command}");
    }
}

#[test]
fn a_compiler_that_is_not_installed_there_is_missing() {
    for side in SIDES {
        let mut farm = Farm::new();
        let names = ["gcc", "x86_64-linux-gnu-gcc", "as"];
        let only = links(&farm, "only-gcc", &names.map(|name| (name, name)));
        let options = Options::new(side).env("PATH", only.to_str().unwrap());
        let output = diagnose(&mut farm, &options, "--compiler gcc --compiler g++");
        assert_only(&output, &["compiler-missing"], 1);
        let volunteer = &json(&output)["volunteers"][0];
        assert_eq!(volunteer["compilers"][0]["verdict"], "same");
        assert_eq!(volunteer["compilers"][1]["verdict"], "missing");
    }
}

#[test]
fn a_compiler_that_is_not_let_run_there_is_missing() {
    for side in SIDES {
        let mut farm = Farm::new();
        let list = farm.path("commands");
        std::fs::write(&list, "/usr/bin/gcc\n/usr/bin/x86_64-linux-gnu-gcc\n").unwrap();
        let options = Options::new(side).env("DISTCC_CMDLIST", list.to_str().unwrap());
        let output = diagnose(&mut farm, &options, "--compiler gcc --compiler g++");
        assert_only(&output, &["compiler-missing"], 1);
        let fault = json(&output)["volunteers"][0]["faults"][0].clone();
        assert!(fault["sentence"].as_str().unwrap().contains("does not have g++"), "{fault}");
    }
}

#[test]
fn a_volunteer_that_lets_no_compiler_run_is_told_from_one_that_shuts_us_out() {
    for side in SIDES {
        let mut farm = Farm::new();
        let list = farm.path("commands");
        std::fs::write(&list, "/usr/bin/true\n").unwrap();
        let options = Options::new(side).env("DISTCC_CMDLIST", list.to_str().unwrap());
        let output = diagnose(&mut farm, &options, "--compiler gcc --compiler g++");
        assert_only(&output, &["compiler-missing", "compiler-missing"], 2);
    }
}

#[test]
fn another_release_of_gcc_differs() {
    for side in SIDES {
        let mut farm = Farm::new();
        let old = [
            ("gcc", "gcc-11"),
            ("g++", "g++-11"),
            ("x86_64-linux-gnu-gcc", "gcc-11"),
            ("x86_64-linux-gnu-g++", "g++-11"),
        ];
        let options = Options::new(side).path(&links(&farm, "old", &old));
        let output = diagnose(&mut farm, &options, "--compiler gcc --compiler g++");
        assert_only(&output, &["compiler-differs", "compiler-differs"], 2);
        let fault = json(&output)["volunteers"][0]["faults"][0].clone();
        assert_eq!(
            (&fault["machine"], &fault["command"]),
            (&"127.0.0.1".into(), &"sudo pacman -Syu gcc".into())
        );
    }
}

#[test]
fn where_ours_is_the_older_one_it_is_ours_that_is_to_be_updated() {
    let mut farm = Farm::new();
    let old = links(&farm, "old", &[("gcc", "gcc-11"), ("distcc", "distcc")]);
    farm.start(&Options::new(Side::Ours));
    let port = ports::free();
    let words = format!("doctor --format json --stats-port {port} --timeout {PATIENT}");
    let script = format!("{SETUP} {words} --compiler gcc {}", farm.hosts("/4"));
    let path = format!("{}:{SYSTEM_PATH}", old.display());
    let output = farm.local(&script).env("PATH", &path).output();
    assert_only(&output, &["compiler-differs"], 2);
    let fault = json(&output)["volunteers"][0]["faults"][0].clone();
    assert_eq!(fault["machine"], Value::Null, "{fault}");
}

#[test]
fn a_toolchain_for_another_machine_is_the_wrong_target() {
    for (cross, words) in
        [("aarch64-linux-gnu-gcc", "64-bit AArch64"), ("arm-linux-gnueabihf-gcc", "32-bit ARM")]
    {
        for side in SIDES {
            let mut farm = Farm::new();
            let wrong = [("gcc", cross), ("x86_64-linux-gnu-gcc", cross)];
            let options = Options::new(side).path(&links(&farm, "cross", &wrong));
            let output = diagnose(&mut farm, &options, "--compiler gcc");
            assert_only(&output, &["wrong-target"], 2);
            let fault = json(&output)["volunteers"][0]["faults"][0].clone();
            assert!(fault["sentence"].as_str().unwrap().contains(words), "{fault}");
            let expected = ("127.0.0.1", "sudo distcc-setup volunteer --target x86_64");
            let found = (fault["machine"].as_str(), fault["command"].as_str());
            assert_eq!(found, (Some(expected.0), Some(expected.1)), "{fault}");
        }
    }
}

/// How a command gets a mount table of its own, or why it cannot.
fn own_mounts() -> Result<&'static str, String> {
    let root = nix::unistd::Uid::effective().is_root();
    let unshare = match root {
        true => "unshare --mount",
        false => "unshare --user --map-current-user --keep-caps --mount",
    };
    match Command::new("sh").args(["-c", &format!("{unshare} mount -t tmpfs none /mnt")]).output() {
        Ok(output) if output.status.success() => Ok(unshare),
        Ok(output) => Err(String::from_utf8_lossy(&output.stderr).into_owned()),
        Err(error) => Err(error.to_string()),
    }
}

#[test]
fn a_full_disk_is_told_from_a_refusal() {
    let unshare = match own_mounts() {
        Ok(unshare) => unshare,
        Err(error) => {
            println!("skipped, no mount namespace: {error}");
            return;
        }
    };
    for side in SIDES {
        for fill in ["head -c 65536 /dev/zero >\"$TMPDIR/fill\"", "true"] {
            let mut farm = Farm::new();
            let small = farm.path("small");
            std::fs::create_dir(&small).unwrap();
            let options = Options::new(side).env("TMPDIR", small.to_str().unwrap()).within(&format!(
                "exec {unshare} sh -c 'mount -t tmpfs -o size=64k,mode=1777 none \"$TMPDIR\"; ({fill}); \
                 exec \"$@\"' sh \"$@\""
            ));
            let output = diagnose(&mut farm, &options, "--compiler gcc --compiler g++");
            let found = faults(&output);
            // Of 64 KiB that are free, the tiny unit needs less, and the reference unit more.
            assert_eq!(found, [["disk-full"]], "{side:?}, {fill}: {output}");
        }
    }
}

#[test]
fn a_volunteer_whose_compiler_takes_seconds_is_slow() {
    for side in SIDES {
        let mut farm = Farm::new();
        let dir = farm.compilers("slow", "sleep 3; exec $real \"$@\"");
        let options = Options::new(side).path(&dir).no_sandbox();
        let output = diagnose(&mut farm, &options, "--compiler gcc --compiler g++");
        assert_only(&output, &["slow"], 1);
    }
}

/// Stands between clients and the volunteer at `port`, and holds each answer back for three seconds.
fn slow_way(port: u16) -> u16 {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        for client in listener.incoming() {
            std::thread::spawn(move || {
                let mut client = client.unwrap();
                let mut server = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).unwrap();
                let (mut from, mut to) = (client.try_clone().unwrap(), server.try_clone().unwrap());
                std::thread::spawn(move || drop(std::io::copy(&mut from, &mut to)));
                let mut answer = Vec::new();
                drop(server.read_to_end(&mut answer));
                std::thread::sleep(Duration::from_secs(3));
                drop(client.write_all(&answer));
                drop(client.shutdown(std::net::Shutdown::Both));
            });
        }
    });
    address.port()
}

#[test]
fn a_volunteer_behind_a_slow_way_is_slow() {
    let farm = Farm::with(Side::Stock);
    let port = slow_way(farm.volunteers[0].port);
    let words = format!("--format json --timeout {PATIENT} --compiler gcc 127.0.0.1:{port}");
    assert_only(&doctor(&farm, &words), &["slow"], 1);
}

#[test]
fn a_volunteer_behind_ssh_is_asked_as_any_other_and_ssh_that_fails_is_told() {
    let farm = Farm::new();
    farm.write("makepkg.conf", "");
    // ssh HOST COMMAND...
    farm.write("good", "shift; TMPDIR=/tmp exec \"$@\" 2>/dev/null\n");
    farm.write("bad", "echo 'Permission denied (publickey).' >&2; exit 255\n");
    let ask = |ssh: &str| {
        let words = format!("--format json --timeout {PATIENT} --compiler gcc @volunteer");
        let script = format!("{SETUP} doctor --config makepkg.conf {words}");
        farm.local(&script).env("DISTCC_SSH", &format!("sh ./{ssh}")).output()
    };
    assert_only(&ask("good"), &[], 0);
    let output = ask("bad");
    assert_only(&output, &["ssh-fails"], 2);
    let fault = json(&output)["volunteers"][0]["faults"][0].clone();
    assert_eq!(fault["command"], "ssh-copy-id volunteer");
}

#[test]
fn a_web_server_is_no_distccd() {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let port = listener.local_addr().unwrap().port();
    std::thread::spawn(move || {
        for client in listener.incoming() {
            let mut client = client.unwrap();
            let mut request = [0; 4096];
            let _ = client.read(&mut request).unwrap();
            drop(client.write_all(b"HTTP/1.1 400 Bad Request\r\nServer: nginx\r\n\r\n"));
        }
    });
    let output = doctor(&Farm::new(), &format!("--format json 127.0.0.1:{port}"));
    assert_only(&output, &["not-distcc"], 2);
    let fault = json(&output)["volunteers"][0]["faults"][0].clone();
    assert!(fault["sentence"].as_str().unwrap().contains("HTTP/1.1 400 Bad Request"), "{fault}");
}

#[test]
fn hostile_answers_cost_the_limit_and_no_other_volunteer() {
    let mut farm = Farm::with(Side::Ours);
    farm.start(&Options::new(Side::Stock));
    let head = b"DONE00000001STAT00000000SERR00000000SOUT00000000";
    let endless = [head.as_slice(), b"DOTOffffffff"].concat();
    let hostile = [
        FaultyVolunteer::start(Fault::StallAfter(12)),
        FaultyVolunteer::start(Fault::AnswerThenStall(head.to_vec())),
        FaultyVolunteer::start(Fault::Answer(endless)),
        FaultyVolunteer::start(Fault::Answer(b"\x1b[2J\x1b[31mDONEDONEDONE".to_vec())),
        FaultyVolunteer::start(Fault::Answer(b"DONE00000001STATzzzzzzzz".to_vec())),
        FaultyVolunteer::start(Fault::Answer(head.to_vec())),
    ];
    let words: Vec<_> = hostile.iter().map(FaultyVolunteer::address).collect();
    let words = format!("--format json --timeout 15 {} {}", words.join(" "), farm.hosts("/4"));
    let output = doctor(&farm, &words);
    let found = faults(&output);
    let expected: [&[&str]; 8] = [
        &["silent"],
        &["silent"],
        &["not-distcc"],
        &["not-distcc"],
        &["not-distcc"],
        &["not-distcc"],
        &[],
        &[],
    ];
    assert_eq!(found, expected, "{output}");
    assert!(!output.stdout.contains('\u{1b}'), "{output}");
    assert_eq!(output.status, 1);
}

/// How a command gets a network of its own, or why it cannot.
fn own_network() -> Result<&'static str, String> {
    let root = nix::unistd::Uid::effective().is_root();
    let unshare = if root { "unshare --net" } else { "unshare --map-root-user --net" };
    let script = format!("{unshare} sh -c 'ip link set lo up && nft add table inet t'");
    match Command::new("sh").args(["-c", &script]).env("PATH", ADMIN_PATH).output() {
        Ok(output) if output.status.success() => Ok(unshare),
        Ok(output) => Err(String::from_utf8_lossy(&output.stderr).into_owned()),
        Err(error) => Err(error.to_string()),
    }
}

/// Asks a volunteer behind a firewall with this rule; all of it in a network of its own.
fn behind_firewall(unshare: &str, side: Side, rule: &str) -> Output {
    let farm = Farm::new();
    let daemon = side.daemon().display().to_string();
    let user = if nix::unistd::Uid::effective().is_root() { "--user nobody" } else { "" };
    let script = format!(
        "set -e\nip link set lo up\nnft add table inet t\n\
         nft add chain inet t c '{{ type filter hook input priority 0; }}'\n\
         nft add rule inet t c {rule}\n\
         mkdir daemon\nchmod 777 daemon\n\
         TMPDIR=$PWD/daemon {daemon} --daemon --no-detach --port 3632 --listen 127.0.0.1 --allow 127.0.0.1 {user} \
         --lifetime 100 --log-file /dev/null &\n\
         until grep -q ':0E30 00000000:0000 0A' /proc/net/tcp; do kill -0 $!; sleep 0.05; done\n\
         {SETUP} doctor --config makepkg.conf --timeout 8 --format json 127.0.0.1 || status=$?\n\
         kill $!\nexit $status\n"
    );
    farm.write("makepkg.conf", "");
    farm.write("in-network", &script);
    farm.local(&format!("{unshare} sh ./in-network")).env("PATH", ADMIN_PATH).output()
}

#[test]
fn a_firewall_that_drops_or_rejects_is_no_volunteer_that_is_down() {
    let unshare = match own_network() {
        Ok(unshare) => unshare,
        Err(error) => return println!("skipped, no network namespace: {error}"),
    };
    for side in SIDES {
        for rule in ["tcp dport 3632 drop", "tcp dport 3632 reject with icmp type admin-prohibited"]
        {
            let output = behind_firewall(unshare, side, rule);
            assert_only(&output, &["firewalled"], 2);
            let command = &json(&output)["volunteers"][0]["faults"][0]["command"];
            let expected = "sudo ufw allow from 127.0.0.0/8 to any port 3632 proto tcp";
            assert_eq!(command, expected);
        }
    }
}

#[test]
fn a_network_without_a_way_is_unreachable() {
    let unshare = match own_network() {
        Ok(unshare) => unshare,
        Err(error) => return println!("skipped, no network namespace: {error}"),
    };
    let farm = Farm::new();
    farm.write("makepkg.conf", "");
    let words = "doctor --config makepkg.conf --format json 192.0.2.7";
    let output = farm.local(&format!("{unshare} {SETUP} {words}")).output();
    assert_only(&output, &["unreachable"], 2);
}

#[test]
fn without_volunteers_there_is_a_way_to_find_some() {
    let farm = Farm::new();
    farm.write("makepkg.conf", "");
    let output = farm.local(&format!("{SETUP} doctor --config makepkg.conf")).hosts("").output();
    assert_eq!(output.status, 2);
    insta::assert_snapshot!(output.stderr, @"distcc-setup: no volunteers are known: name some, as in `distcc-setup doctor 192.168.10.2`, or look for them with `distcc-setup hosts --discover`");
}

#[test]
fn the_list_is_makepkgs_and_says_where_it_stands() {
    let farm = Farm::with(Side::Ours);
    let list = farm.hosts("/4");
    farm.write("makepkg.conf", &format!("# hosts\nDISTCC_HOSTS='localhost/2 {list}'\n"));
    let output = doctor(&farm, "--format json");
    assert_eq!(output.status, 0, "{output}");
    assert_eq!(json(&output)["source"], "makepkg.conf:2");
}

/// The text without what differs from machine to machine: ports, the compilers' versions, and with
/// them the widths of columns.
fn steady(farm: &Farm, text: &str) -> String {
    let ports = farm.volunteers.iter().enumerate();
    let text = ports.fold(text.to_owned(), |text, (at, one)| {
        text.replace(&one.port.to_string(), &format!("PORT{at}"))
    });
    let version = |number: &str| {
        let (_, rest) = text.split_once(&format!("  {number}"))?;
        Some(format!("{number}{}", rest.split("  ").next()?.lines().next()?))
    };
    let ours = text.lines().find_map(|line| line.strip_prefix("  gcc ")).unwrap();
    let old = version("11.").unwrap();
    let mut lines = Vec::new();
    // A long one may be broken at one of its blanks.
    let broken =
        ours.match_indices(' ').map(|(at, _)| format!("{}\n  {}", &ours[..at], &ours[at + 1..]));
    let text = broken.fold(text.replace(ours, "OURS"), |text, one| text.replace(&one, "OURS"));
    let text = text.replace(&old, "OLD");
    for line in text.lines() {
        let margin = line.len() - line.trim_start().len();
        let words: Vec<_> =
            line.split("  ").map(str::trim).filter(|word| !word.is_empty()).collect();
        lines.push(format!("{}{}", " ".repeat(margin.min(6)), words.join("  ")));
    }
    lines.join("\n")
}

#[test]
fn the_report_fits_80_columns_and_says_what_mends_each_fault() {
    let mut farm = Farm::with(Side::Ours);
    farm.start(&Options::new(Side::Stock).allow("192.0.2.0/24"));
    let old = [("gcc", "gcc-11"), ("x86_64-linux-gnu-gcc", "gcc-11")];
    let dir = links(&farm, "old", &old);
    farm.start(&Options::new(Side::Stock).path(&dir));
    farm.start(&Options::new(Side::Ours));
    farm.volunteers[3].stop();
    let words = format!("--timeout {PATIENT} --compiler gcc --compiler g++ localhost/2 ");
    let output = doctor(&farm, &(words + &farm.hosts("/4")));
    assert_eq!((output.status, output.stderr.as_str()), (1, ""), "{output}");
    let commands = |line: &&str| !line.starts_with("    sudo");
    for line in output.stdout.lines().filter(commands) {
        assert!(line.chars().count() <= 80, "{line}");
    }
    insta::assert_snapshot!(steady(&farm, &output.stdout), @r#"
    VOLUNTEER  COMPILER  VERSION THERE  VERDICT
    localhost/2  this machine
    127.0.0.1:PORT0/4  gcc  OURS  same
          g++  OURS  same
    127.0.0.1:PORT1/4  access-refused
    127.0.0.1:PORT2/4  gcc  OLD  differs
          g++  OURS  same
    127.0.0.1:PORT3/4  down

    Compared with this machine's
      gcc OURS
      g++ OURS

    127.0.0.1:PORT1/4: access-refused
      127.0.0.1 hangs up on this machine before it asks for anything: 127.0.0.1 is
      not in distccd's access list (--allow).
      On 127.0.0.1, run:
        sudo sed -i 's|^DISTCC_ARGS="|&--allow 127.0.0.0/8 |' /etc/conf.d/distccd && \
          sudo systemctl restart distccd

    127.0.0.1:PORT2/4: compiler-differs
      gcc on 127.0.0.1 is OLD, here it is OURS: its objects are not used.
      On 127.0.0.1, run:
        sudo pacman -Syu gcc

    127.0.0.1:PORT3/4: down
      127.0.0.1 is up, but nothing listens on its port PORT3: distccd is not
      running.
      On 127.0.0.1, run:
        sudo systemctl enable --now distccd

    2 of 4 volunteers can be used; 3 faults
    "#);
}
