//! Volunteers found by multicast DNS: Debian's avahi and its `distccd --zeroconf` on another machine,
//! and whoever else may answer. Each test has a network of its own.

use std::collections::BTreeSet;
use std::net::{Ipv4Addr, UdpSocket};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use makepkg_distcc::setup::discover::discovered::Discovered;
use makepkg_distcc::setup::discover::{MOST, USUAL_LIMIT, discover};
use nix::sched::{CloneFlags, unshare};

/// How often to ask until a machine that has just been started has answered.
const PATIENCE: usize = 20;
/// The other machine: a namespace with a bus and avahi, and with one end of the cable.
const MACHINE: &str = "set -e
until ip link show b0 >/dev/null 2>&1; do sleep 0.05; done
ip link set lo up; ip link set b0 up
ip address add 192.168.78.2/24 dev b0; ip address add fd00:78::2/64 dev b0 nodad
mount -t tmpfs none /run; mkdir -p /run/dbus /run/avahi-daemon
dbus-daemon --system --nopidfile --fork
printf '[server]\\nhost-name=desk\\nallow-interfaces=b0\\n' >\"$TOP/avahi.conf\"
avahi-daemon --no-drop-root --no-chroot --no-rlimits --daemonize -f \"$TOP/avahi.conf\"
";

/// Runs `test` in a network namespace of its own, with one end of a cable in it.
pub(crate) fn on_a_network(machine: &str, test: impl FnOnce() + Send) {
    let top = tempfile::tempdir().unwrap();
    let run = || {
        unshare(CloneFlags::CLONE_NEWNET).unwrap();
        sh("ip link set lo up; ip link add a0 type veth peer name b0
            ip link set a0 up; ip link set b0 up; ip route add 224.0.0.0/4 dev a0
            ip address add 192.168.78.1/24 dev a0; ip address add fd00:78::1/64 dev a0 nodad");
        let machine = (!machine.is_empty()).then(|| Machine::start(top.path(), machine));
        test();
        drop(machine);
    };
    std::thread::scope(|scope| scope.spawn(run).join().unwrap());
}

fn sh(script: &str) {
    let output = Command::new("sh").args(["-ec", script]).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

/// The other machine; all that it runs ends with it.
struct Machine(Child);

impl Machine {
    fn start(top: &Path, script: &str) -> Self {
        // The shell stays the first process: a daemon in its place, once it has changed its user,
        // would not end with us.
        let script = format!("{MACHINE}{script}\nexit");
        let mut command = Command::new("unshare");
        command.args(["-mnpf", "--kill-child", "bash", "-c", &script]);
        let log = std::fs::File::create(top.join("log")).unwrap();
        let errors = log.try_clone().unwrap();
        command.env("TOP", top).env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin");
        let child = command.stdin(Stdio::null()).stdout(log).stderr(errors).spawn().unwrap();
        let machine = Self(child);
        // `unshare` has entered the namespaces when its child is there.
        let give = format!(
            "until pgrep -P {0} >/dev/null; do sleep 0.05; done
            ip link set b0 netns \"$(pgrep -P {0} | head -n1)\"",
            machine.0.id()
        );
        sh(&give);
        machine
    }
}

impl Drop for Machine {
    fn drop(&mut self) {
        drop(self.0.kill());
        drop(self.0.wait());
    }
}

/// Asks until `enough` is true of what was found.
fn found(enough: impl Fn(&[Discovered]) -> bool) -> Vec<Discovered> {
    for _ in 0..PATIENCE {
        let found = discover(USUAL_LIMIT).unwrap();
        if enough(&found) {
            return found;
        }
    }
    panic!("not found: {:?}", discover(USUAL_LIMIT).unwrap());
}

#[test]
fn debians_volunteer_is_found_with_all_that_it_says() {
    let script = "distccd --daemon --no-detach --zeroconf --allow-private --user nobody --jobs 6 \
                  --port 3640 --log-stderr";
    on_a_network(script, || {
        let found = found(|found| found.iter().any(|one| one.addresses.len() == 2));
        let [desk] = found.as_slice() else { panic!("{found:?}") };
        assert!(desk.name.starts_with("distcc@"), "{desk:?}");
        assert_eq!(desk.host_spec(None).as_deref(), Some("192.168.78.2:3640/6"));
        assert_eq!(desk.addresses[1].to_string(), "fd00:78::2");
        assert_eq!((desk.jobs, desk.distcc_version.as_deref()), (Some(6), Some("3.4")));
        let processors = std::thread::available_parallelism().unwrap().get();
        assert_eq!(desk.cpus.map(|cpus| cpus as usize >= processors), Some(true), "{desk:?}");
        let gcc = Command::new("cc").arg("-dumpversion").output().unwrap();
        let version = String::from_utf8(gcc.stdout).unwrap();
        assert_eq!(desk.compiler_version.as_deref(), Some(version.trim()));
        assert_eq!(desk.compiler_machine.as_deref(), Some("x86_64-linux-gnu"));
    });
}

#[test]
fn our_volunteer_is_found_beside_an_avahi_and_says_goodbye() {
    let marks = tempfile::tempdir().unwrap();
    let script = format!(
        "{} --daemon --no-detach --zeroconf --allow-private --user nobody --jobs 6 --port 3641 \
         --enable-tcp-insecure --log-stderr & daemon=$!
         # As a client of distcc 3.4 looks for those that have its compiler.
         group=_x86-64-linux-gnu--$(cc -dumpversion | tr . -)._sub._distcc._tcp
         until avahi-browse -pt $group | grep -q distcc; do sleep 0.2; done
         touch {marks}/grouped
         until [ -e {marks}/stop ]; do sleep 0.05; done
         kill $daemon; wait $daemon; touch {marks}/stopped; sleep 600",
        crate::volunteer::DISTCCD,
        marks = marks.path().display(),
    );
    on_a_network(&script, || {
        let told = found(|found| found.iter().any(|one| one.addresses.len() == 2));
        let [desk] = told.as_slice() else { panic!("{told:?}") };
        assert!(desk.name.starts_with("distcc@"), "{desk:?}");
        assert_eq!(desk.host_spec(None).as_deref(), Some("192.168.78.2:3641/6"));
        assert_eq!((desk.jobs, desk.distcc_version.as_deref()), (Some(6), Some("3.4")));
        assert_eq!(desk.compiler_machine.as_deref(), Some("x86_64-linux-gnu"));
        assert!(desk.compiler_version.is_some() && desk.cpus.is_some(), "{desk:?}");
        let wait_for = |mark| {
            let path = marks.path().join(mark);
            let seen = (0..3000).any(|_| {
                std::thread::sleep(Duration::from_millis(20));
                path.exists()
            });
            assert!(seen, "{mark}");
        };
        wait_for("grouped");
        std::fs::write(marks.path().join("stop"), "").unwrap();
        wait_for("stopped");
        found(|found| found.is_empty());
    });
}

#[test]
fn the_most_powerful_is_first_and_odd_words_are_left_out() {
    let script = "avahi-publish -s 'distcc@small' _distcc._tcp 3632 txtvers=1 cpus=2 jobs=4 &
        avahi-publish -s 'distcc@large' _distcc._tcp 3633 txtvers=1 cpus=64 jobs=66 cc_version=14.2.1 &
        avahi-publish -s \"$(printf 'od\\033[2Jd. na\\\\me \\303\\251')\" _distcc._tcp 3634 cpus=-1 jobs=many =x cpus cc_version=\"$(printf 'a\\nb')\" &
        avahi-publish -s 'bare' _distcc._tcp 3635 &
        wait";
    on_a_network(script, || {
        let found =
            found(|found| found.len() == 4 && found.iter().all(|one| !one.addresses.is_empty()));
        let told =
            found.iter().map(|one| (one.name.as_str(), one.host_spec(None).unwrap(), one.cpus));
        let told: Vec<_> = told.collect();
        assert_eq!(told[0], ("distcc@large", "192.168.78.2:3633/66".to_owned(), Some(64)));
        assert_eq!(told[1], ("distcc@small", "192.168.78.2/4".to_owned(), Some(2)));
        let rest: BTreeSet<_> =
            told[2..].iter().map(|(_, spec, cpus)| (spec.as_str(), *cpus)).collect();
        let expected = [("192.168.78.2:3634", None), ("192.168.78.2:3635", None)];
        assert_eq!(rest, BTreeSet::from(expected));
        assert!(!found.iter().any(|one| one.name.contains(char::is_control)), "{found:?}");
        assert!(found.iter().all(|one| one.compiler_version.as_deref() != Some("a\nb")));
    });
}

#[test]
fn a_network_without_volunteers_has_none() {
    on_a_network("sleep 60", || {
        assert_eq!(discover(Duration::from_millis(300)).unwrap(), []);
    });
}

#[test]
fn a_machine_without_a_network_has_none() {
    let alone = || {
        unshare(CloneFlags::CLONE_NEWNET).unwrap();
        // Whether an error says so or nobody answers: it ends, and finds nobody.
        assert_eq!(discover(Duration::from_millis(300)).unwrap_or_default(), []);
    };
    std::thread::scope(|scope| scope.spawn(alone).join().unwrap());
}

/// A name on the wire.
fn name(labels: &[&str]) -> Vec<u8> {
    let label = |label: &&str| [&[u8::try_from(label.len()).unwrap()], label.as_bytes()].concat();
    [labels.iter().flat_map(label).collect::<Vec<_>>(), vec![0]].concat()
}

/// A record of the Internet class.
fn record(owner: &[u8], kind: u16, data: &[u8]) -> Vec<u8> {
    let length = u16::try_from(data.len()).unwrap();
    let [kind, class, length] = [kind, 1, length].map(u16::to_be_bytes);
    [owner, &kind, &class, &120_u32.to_be_bytes(), &length, data].concat()
}

/// An answer that volunteer `number` is at an address of its own.
fn answer(number: u16) -> Vec<u8> {
    let service = ["_distcc", "_tcp", "local"];
    let label = format!("distcc@{number}");
    let instance = name(&[&[label.as_str()], &service[..]].concat());
    let host = name(&[&format!("h{number}"), "local"]);
    let [high, low] = number.to_be_bytes();
    let server = [&[0, 0, 0, 0, 0x0e, 0x30], host.as_slice()].concat();
    let header = [0_u16, 0x8400, 0, 4, 0, 0].map(u16::to_be_bytes).concat();
    let text = format!("\u{6}cpus={}", number % 10);
    [
        header,
        record(&name(&service), 12, &instance),
        record(&instance, 33, &server),
        record(&instance, 16, text.as_bytes()),
        record(&host, 1, &[10, 1, high, low]),
    ]
    .concat()
}

/// Sends what `packets` gives to all who listen, until told to stop.
fn flood_while<T>(packets: impl Fn(u32) -> Vec<u8> + Sync, listen: impl FnOnce() -> T + Send) -> T {
    let done = std::sync::atomic::AtomicBool::new(false);
    std::thread::scope(|scope| {
        let result = {
            // A thread that is started here is on the same network.
            scope.spawn(|| {
                let socket = UdpSocket::bind(("192.168.78.1", 0)).unwrap();
                socket.set_multicast_loop_v4(true).unwrap();
                for number in (0..).take_while(|_| !done.load(std::sync::atomic::Ordering::Relaxed))
                {
                    // A full buffer loses packets, as any network does.
                    drop(socket.send_to(&packets(number), (Ipv4Addr::new(224, 0, 0, 251), 5353)));
                    if number % 50 == 0 {
                        std::thread::sleep(Duration::from_millis(1));
                    }
                }
            });
            listen()
        };
        done.store(true, std::sync::atomic::Ordering::Relaxed);
        result
    })
}

#[test]
fn of_thousands_that_answer_only_so_many_are_told() {
    on_a_network("", || {
        let found = flood_while(
            |number| answer(u16::try_from(number % 5000).unwrap()),
            || discover(Duration::from_secs(3)).unwrap(),
        );
        assert!(!found.is_empty() && found.len() <= MOST, "{}", found.len());
        assert!(found.iter().all(|one| one.port == 3632 && one.addresses.len() <= 16), "{found:?}");
    });
}

#[test]
fn answers_that_are_cut_or_changed_do_no_harm() {
    on_a_network("", || {
        let spoilt = |number: u32| {
            let mut packet = answer(u16::try_from(number % 300).unwrap());
            let at = number.wrapping_mul(2_654_435_761) as usize % packet.len();
            match number % 3 {
                0 => packet.truncate(at),
                1 => packet[at] ^= 0xff,
                // A name that points at itself.
                _ => packet[12..14].copy_from_slice(&[0xc0, 0x0c]),
            }
            packet
        };
        let found = flood_while(spoilt, || discover(Duration::from_secs(3)).unwrap());
        assert!(!found.is_empty() && found.len() <= MOST, "{}", found.len());
        assert!(!found.iter().any(|one| one.name.contains(char::is_control)), "{found:?}");
    });
}
