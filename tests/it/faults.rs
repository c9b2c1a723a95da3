//! What can go wrong between client and volunteer: the build succeeds, the user is told why, and
//! nothing is left over.

use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, killpg};
use nix::unistd::Pid;

use crate::support::farm::{Farm, SYSTEM_PATH};
use crate::support::fault::{Fault, FaultyVolunteer, packet_starts};
use crate::support::output::Output;
use crate::support::ports;
use crate::support::tree::Tree;
use crate::support::volunteer::{Options, Side};

const SOURCE: &str = "const char text[] = \"some text\";\nint answer(int x) { return x + 42; }\n";

/// A farm with a source and the object that a local compile makes of it.
fn farm() -> Farm {
    let farm = Farm::new();
    farm.write("unit.c", SOURCE);
    farm.local("gcc -O2 -c unit.c -o local.o").output().quiet_success();
    farm
}

/// Compiles with our client and `hosts`.
fn compile(farm: &Farm, hosts: &str) -> Output {
    farm.run(Side::Ours, "gcc -O2 -c unit.c -o out.o").hosts(hosts).output()
}

/// Fails unless the build went on as if nothing were wrong, but for a word on stderr.
#[track_caller]
fn assert_compiled_here(farm: &Farm, output: Output, words: &[&str]) {
    let mut output = output.success();
    for word in words {
        output = output.says(word);
    }
    assert_eq!(output.stdout, "", "{output}");
    assert!(farm.read("out.o") == farm.read("local.o"), "another object than a local one");
    assert_eq!(farm.tree().names(), ["local.o", "out.o", "unit.c"]);
    farm.assert_no_litter();
}

/// The same with a volunteer that has `fault`.
#[track_caller]
fn assert_survives(fault: Fault, words: &[&str]) {
    let farm = farm();
    let faulty = FaultyVolunteer::start(fault);
    let output = compile(&farm, &faulty.address());
    let address = faulty.address();
    assert_compiled_here(&farm, output, &[&[address.as_str()], words].concat());
    // One that hangs up on the compiler's full name is asked once more by the plain one.
    assert!(faulty.connections() <= 2, "{} tries", faulty.connections());
}

/// The same with a volunteer whose honest reply is spoilt; protocols 1 and 2.
#[track_caller]
fn assert_survives_spoilt(edit: impl Fn(Vec<u8>) -> Vec<u8> + Clone + Send + Sync + 'static) {
    for (side, suffix) in [(Side::Ours, ""), (Side::Ours, ",lzo"), (Side::Stock, ",lzo")] {
        let mut farm = farm();
        farm.start(&Options::new(side));
        let faulty = FaultyVolunteer::start(Fault::spoil(farm.volunteers[0].port, edit.clone()));
        let output = compile(&farm, &format!("{}{suffix}", faulty.address()));
        assert_compiled_here(&farm, output, &[&faulty.address()]);
    }
}

/// Puts `bytes` in the place of the packet that begins with `token`.
fn replaced(reply: &[u8], token: &[u8; 4], bytes: &[u8]) -> Vec<u8> {
    let starts = packet_starts(reply);
    let at = starts.iter().position(|&at| reply[at..].starts_with(token)).unwrap();
    [&reply[..starts[at]], bytes, &reply[starts[at + 1]..]].concat()
}

#[test]
fn nobody_listens() {
    let farm = farm();
    let hosts = format!("127.0.0.1:{}", ports::free());
    let output = compile(&farm, &hosts);
    assert_compiled_here(&farm, output, &["unit.c", &hosts]);
}

#[test]
fn volunteer_that_failed_rests_silently_and_the_next_one_works() {
    let mut farm = farm();
    farm.start(&Options::new(Side::Ours));
    let dead = format!("127.0.0.1:{}", ports::free());
    let hosts = format!("{dead} {}", farm.hosts(""));
    let output = compile(&farm, &hosts);
    assert_compiled_here(&farm, output, &[]);
    compile(&farm, &hosts).quiet_success();
    assert_eq!(farm.volunteers[0].wait_for_jobs(2).len(), 2);
}

#[test]
fn all_volunteers_are_dead_and_not_asked_again_soon() {
    let farm = farm();
    let faulty = FaultyVolunteer::start(Fault::CloseAfter(0));
    let hosts = faulty.address();
    let output = compile(&farm, &hosts);
    assert_compiled_here(&farm, output, &[&hosts]);
    let connections = faulty.connections();
    compile(&farm, &hosts).success();
    assert_eq!(faulty.connections(), connections);
}

#[test]
fn without_resting_a_dead_volunteer_is_tried_each_time_and_the_build_goes_on() {
    let farm = farm();
    let faulty = FaultyVolunteer::start(Fault::CloseAfter(0));
    let run = farm.run(Side::Ours, "gcc -O2 -c unit.c -o out.o").hosts(&faulty.address());
    let output = run.env("DISTCC_BACKOFF_PERIOD", "0").output();
    assert_compiled_here(&farm, output, &[&faulty.address()]);
    assert!((1..=6).contains(&faulty.connections()), "{} tries", faulty.connections());
}

#[test]
fn fallback_switched_off_makes_a_dead_volunteer_an_error() {
    let farm = farm();
    let hosts = format!("127.0.0.1:{}", ports::free());
    let run = farm.run(Side::Ours, "gcc -O2 -c unit.c -o out.o").hosts(&hosts);
    let output = run.env("DISTCC_FALLBACK", "0").output().says("fallback");
    assert!((100..=120).contains(&output.status), "{output}");
    assert_eq!(farm.tree().names(), ["local.o", "unit.c"]);
}

#[test]
fn syntax_error_with_fallback_switched_off_jails_nobody() {
    let mut farm = farm();
    farm.start(&Options::new(Side::Ours));
    farm.write("bad.c", "int bad(void) { return 1 +; }\n");
    let run = farm.run(Side::Ours, "gcc -c bad.c").env("DISTCC_FALLBACK", "0");
    assert_eq!(run.output().says("bad.c:1").status, 1);
    let run = farm.run(Side::Ours, "gcc -c unit.c").env("DISTCC_FALLBACK", "0");
    run.output().quiet_success();
}

#[test]
fn host_list_that_cannot_be_read_is_named() {
    let farm = farm();
    for hosts in ["", "127.0.0.1:many", "127.0.0.1,cpp"] {
        let output = compile(&farm, hosts);
        assert_compiled_here(&farm, output, &["DISTCC_HOSTS"]);
    }
}

#[test]
fn host_name_that_does_not_resolve() {
    let farm = farm();
    let output = compile(&farm, "no-such-host.invalid");
    assert_compiled_here(&farm, output, &["no-such-host.invalid"]);
}

#[test]
fn volunteer_refuses_the_address() {
    for side in [Side::Ours, Side::Stock] {
        let mut farm = farm();
        farm.start(&Options::new(side).allow("192.0.2.1"));
        let hosts = farm.hosts("");
        let output = compile(&farm, &hosts);
        assert_compiled_here(&farm, output, &[&hosts]);
    }
}

#[test]
fn volunteer_does_not_know_the_compiler() {
    for side in [Side::Ours, Side::Stock] {
        let mut farm = farm();
        farm.start(&Options::new(side));
        let mine = farm.compilers("mine", "exec $real \"$@\"");
        std::fs::rename(mine.join("gcc"), mine.join("mycc")).unwrap();
        let path = format!("{}:{SYSTEM_PATH}", mine.display());
        let client = Side::Ours.client().display();
        let run = farm.run(Side::Ours, &format!("{client} mycc -O2 -c unit.c -o out.o"));
        let output = run.env("PATH", &path).output();
        assert_compiled_here(&farm, output, &[&farm.hosts("")]);
    }
}

#[test]
fn volunteer_knows_the_name_but_lacks_the_compiler() {
    for side in [Side::Ours, Side::Stock] {
        let mut farm = farm();
        farm.start(&Options::new(side).env("PATH", "/nonexistent"));
        let output = compile(&farm, &farm.hosts(""));
        assert_compiled_here(&farm, output, &[]);
    }
}

#[test]
fn volunteer_hangs_up_at_any_byte_of_the_request() {
    for count in [0, 1, 12, 30, 100] {
        assert_survives(Fault::CloseAfter(count), &[]);
    }
}

#[test]
fn volunteer_hangs_up_instead_of_answering() {
    assert_survives(Fault::Answer(Vec::new()), &[]);
}

#[test]
fn reply_is_cut_at_each_packet() {
    for packet in 0..5 {
        assert_survives_spoilt(move |reply| reply[..packet_starts(&reply)[packet]].to_vec());
    }
}

#[test]
fn reply_is_cut_within_each_packet() {
    for packet in [0, 1, 2, 4] {
        assert_survives_spoilt(move |reply| reply[..packet_starts(&reply)[packet] + 6].to_vec());
    }
    assert_survives_spoilt(|reply| reply[..reply.len() - 1].to_vec());
}

#[test]
fn reply_has_another_version() {
    assert_survives_spoilt(|reply| replaced(&reply, b"DONE", b"DONE00000007"));
}

#[test]
fn reply_claims_more_than_it_has() {
    assert_survives_spoilt(|reply| replaced(&reply, b"SERR", b"SERRffffffff"));
    assert_survives_spoilt(|reply| replaced(&reply, b"DOTO", b"DOTOffffffff"));
}

#[test]
fn reply_has_a_number_that_is_none() {
    assert_survives_spoilt(|reply| replaced(&reply, b"STAT", b"STAT-0000000"));
}

#[test]
fn reply_has_its_packets_in_another_order() {
    assert_survives_spoilt(|reply| replaced(&reply, b"SERR", b"SOUT00000000SERR00000000"));
}

#[test]
fn reply_is_of_another_protocol() {
    assert_survives(Fault::Answer(b"HTTP/1.0 400 Bad Request\r\n\r\n".to_vec()), &[]);
    assert_survives(Fault::Answer(vec![0; 4096]), &[]);
}

#[test]
fn compressed_object_is_no_lzo() {
    let object = b"DOTO0000000a\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00";
    assert_survives_spoilt(move |reply| replaced(&reply, b"DOTO", object));
}

#[test]
fn object_is_empty() {
    assert_survives_spoilt(|reply| replaced(&reply, b"DOTO", b"DOTO00000000"));
}

#[test]
fn object_is_no_object() {
    assert_survives(Fault::Answer(reply_with(b"this is no ELF file")), &[]);
}

fn reply_with(object: &[u8]) -> Vec<u8> {
    let mut reply = b"DONE00000001STAT00000000SERR00000000SOUT00000000".to_vec();
    reply.extend(format!("DOTO{:08x}", object.len()).bytes());
    reply.extend(object);
    reply
}

#[test]
fn object_is_for_another_processor() {
    let scratch = farm();
    scratch.local("aarch64-linux-gnu-gcc -O2 -c unit.c -o arm.o").output().quiet_success();
    assert_survives(Fault::Answer(reply_with(&scratch.read("arm.o"))), &[]);
}

#[test]
fn volunteer_stalls_before_it_reads() {
    let farm = farm();
    // More than the buffers of the connection take.
    let long: String = (0..400_000).map(|i| format!("extern int name_{i};\n")).collect();
    farm.write("unit.c", &(SOURCE.to_owned() + &long));
    let faulty = FaultyVolunteer::start(Fault::StallAfter(0));
    let run = farm.run(Side::Ours, "gcc -O2 -c unit.c -o out.o").hosts(&faulty.address());
    let output = run.env("DISTCC_IO_TIMEOUT", "1").output();
    assert_compiled_here(&farm, output, &[&faulty.address()]);
}

#[test]
fn volunteer_stalls_within_its_reply() {
    for length in [12, 30, 70] {
        let farm = farm();
        let reply = reply_with(&farm.read("local.o"))[..length].to_vec();
        let faulty = FaultyVolunteer::start(Fault::AnswerThenStall(reply));
        let run = farm.run(Side::Ours, "gcc -O2 -c unit.c -o out.o").hosts(&faulty.address());
        let output = run.env("DISTCC_IO_TIMEOUT", "1").output();
        assert_compiled_here(&farm, output, &[&faulty.address()]);
    }
}

#[test]
fn volunteer_compiles_for_longer_than_the_user_allows() {
    let farm = farm();
    let faulty = FaultyVolunteer::start(Fault::AnswerThenStall(Vec::new()));
    let run = farm.run(Side::Ours, "gcc -O2 -c unit.c -o out.o").hosts(&faulty.address());
    let output = run.env("DISTCC_COMPILE_TIMEOUT", "1").output();
    assert_compiled_here(&farm, output, &[&faulty.address()]);
}

#[test]
fn long_compile_is_not_cut_by_the_timeout_of_the_connection() {
    for side in [Side::Ours, Side::Stock] {
        let mut farm = farm();
        let slow = farm.compilers("slow", "sleep 3\nexec $real \"$@\"");
        farm.start(&Options::new(side).path(&slow).no_sandbox());
        let run = farm.run(Side::Ours, "gcc -O2 -c unit.c -o out.o");
        run.env("DISTCC_IO_TIMEOUT", "1").output().quiet_success();
        assert_eq!(farm.volunteers[0].wait_for_jobs(1)[0].result, "COMPILE_OK");
    }
}

#[test]
fn volunteer_is_killed_while_it_compiles() {
    for side in [Side::Ours, Side::Stock] {
        let mut farm = farm();
        let slow = slow_compilers(&farm);
        farm.start(&Options::new(side).path(&slow).no_sandbox());
        let mut command = farm.run(Side::Ours, "gcc -O2 -c unit.c -o out.o").into_command();
        let child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        wait_for(&slow.join("started"));
        farm.volunteers[0].kill();
        let output: Output = child.wait_with_output().unwrap().into();
        let address = farm.volunteers[0].address();
        // What a daemon leaves that was killed without warning is not the client's affair.
        farm.volunteers.clear();
        assert_compiled_here(&farm, output, &[&address]);
    }
}

/// Compilers that say that they have been started, then take their time.
fn slow_compilers(farm: &Farm) -> std::path::PathBuf {
    farm.compilers("slow", "touch ${0%/*}/started\nsleep 20\nexec $real \"$@\"")
}

#[track_caller]
fn wait_for(path: &Path) {
    let deadline = Instant::now() + Duration::from_secs(20);
    while !path.exists() {
        assert!(Instant::now() < deadline, "{} does not come", path.display());
        std::thread::sleep(Duration::from_millis(5));
    }
}

#[test]
fn volunteers_compiler_crashes() {
    for side in [Side::Ours, Side::Stock] {
        let mut farm = farm();
        let crashing = farm.compilers("crashing", "kill -SEGV $$");
        farm.start(&Options::new(side).path(&crashing));
        let output = compile(&farm, &farm.hosts(""));
        assert_compiled_here(&farm, output, &[]);
    }
}

#[test]
fn volunteers_compiler_fails_where_the_local_one_does_not() {
    for side in [Side::Ours, Side::Stock] {
        let mut farm = farm();
        let failing = farm.compilers("failing", "echo out of luck >&2; exit 3");
        farm.start(&Options::new(side).path(&failing));
        let output = compile(&farm, &farm.hosts(""));
        assert!(!output.stderr.contains("out of luck"), "{output}");
        assert_compiled_here(&farm, output, &[]);
    }
}

/// A small file system on `dir`, filled to the brim; `None` where mounting is not allowed.
pub struct FullDisk(std::path::PathBuf);

impl FullDisk {
    /// Mounts it.
    pub fn mount(dir: &Path) -> Option<Self> {
        let mut mount = Command::new("mount");
        mount.args(["-t", "tmpfs", "-o", "size=64k,mode=1777", "tmpfs"]).arg(dir);
        let mounted = mount.stderr(Stdio::null()).status().unwrap().success();
        mounted.then(|| Self(dir.to_owned()))
    }

    /// Takes the last byte.
    pub fn fill(&self) {
        // It ends with an error when no byte is left, which is its purpose.
        drop(std::fs::write(self.0.join("filling"), vec![b'x'; 1 << 20]));
    }
}

impl Drop for FullDisk {
    fn drop(&mut self) {
        drop(Command::new("umount").arg("--lazy").arg(&self.0).status());
    }
}

#[test]
fn volunteers_disk_is_full() {
    for side in [Side::Ours, Side::Stock] {
        let mut farm = farm();
        let small = farm.path("small");
        std::fs::create_dir(&small).unwrap();
        let Some(disk) = FullDisk::mount(&small) else {
            println!("skipped: mounting a file system is not allowed here");
            return;
        };
        farm.start(&Options::new(side).env("TMPDIR", small.to_str().unwrap()));
        disk.fill();
        let output = compile(&farm, &farm.hosts(""));
        assert_compiled_here(&farm, output, &[]);
        farm.volunteers.clear();
        assert_eq!(Tree::read(&small).names(), ["filling"]);
    }
}

#[test]
fn clients_temporary_directory_is_full() {
    let mut farm = farm();
    farm.start(&Options::new(Side::Ours));
    let Some(disk) = FullDisk::mount(&farm.path("tmp")) else {
        println!("skipped: mounting a file system is not allowed here");
        return;
    };
    disk.fill();
    // A local compile needs the directory; one by a volunteer does not.
    assert_ne!(farm.local("gcc -O2 -c unit.c -o out.o").output().status, 0);
    compile(&farm, &farm.hosts("")).quiet_success();
    assert!(farm.read("out.o") == farm.read("local.o"));
}

#[test]
fn clients_disk_is_full() {
    let mut farm = farm();
    farm.start(&Options::new(Side::Ours));
    std::fs::create_dir(farm.work().join("small")).unwrap();
    let Some(disk) = FullDisk::mount(&farm.work().join("small")) else {
        println!("skipped: mounting a file system is not allowed here");
        return;
    };
    disk.fill();
    let script = "gcc -O2 -c unit.c -o small/out.o";
    let local = farm.local(script).output();
    std::fs::remove_file(farm.work().join("small/out.o")).unwrap_or_default();
    let output = farm.run(Side::Ours, script).output();
    assert_eq!(output.status, local.status, "{output}");
    assert!(output.stderr.contains("No space left on device"), "{output}");
    assert_eq!(Tree::read(&farm.work().join("small")).names(), ["filling"]);
}

#[test]
fn state_directory_cannot_be_written() {
    for dir in ["/proc/no-such-place", "/dev/null"] {
        let mut farm = farm();
        farm.start(&Options::new(Side::Ours));
        let run = farm.run(Side::Ours, "gcc -O2 -c unit.c -o out.o").env("DISTCC_DIR", dir);
        let output = run.output();
        let output = output.success().says("DISTCC_DIR");
        assert!(farm.read("out.o") == farm.read("local.o"), "{output}");
    }
}

/// The moments at which a client may be killed.
#[derive(Clone, Copy, Debug)]
enum Moment {
    WaitingForSlot,
    Preprocessing,
    Sending,
    Compiling,
    Receiving,
    CompilingHere,
}

const MOMENTS: [Moment; 6] = [
    Moment::WaitingForSlot,
    Moment::Preprocessing,
    Moment::Sending,
    Moment::Compiling,
    Moment::Receiving,
    Moment::CompilingHere,
];

/// Kills a client with `signal` at `moment`, and looks at what is left.
fn kill_client(moment: Moment, signal: Signal) {
    let farm = farm();
    farm.write("out.o", "the object of yesterday");
    let slow = slow_compilers(&farm);
    let reply = reply_with(&farm.read("local.o"))[..200].to_vec();
    let faulty = FaultyVolunteer::start(match moment {
        Moment::Sending => Fault::StallAfter(20),
        Moment::Receiving => Fault::AnswerThenStall(reply),
        _ => Fault::AnswerThenStall(Vec::new()),
    });
    if let Moment::Sending = moment {
        let long: String = (0..400_000).map(|i| format!("extern int name_{i};\n")).collect();
        farm.write("unit.c", &(SOURCE.to_owned() + &long));
    }
    let mut run = farm.run(Side::Ours, "exec gcc -O2 -c unit.c -o out.o");
    let with_slow =
        format!("{}:{}:{SYSTEM_PATH}", farm.path("masquerade-ours").display(), slow.display());
    run = match moment {
        Moment::Preprocessing => run.hosts(&faulty.address()).env("PATH", &with_slow),
        Moment::CompilingHere => run.hosts("localhost/1").env("PATH", &with_slow),
        Moment::WaitingForSlot => run.hosts(&format!("{}/1", faulty.address())),
        _ => run.hosts(&faulty.address()),
    };
    let occupier = match moment {
        Moment::WaitingForSlot => Some(occupy_slot(&farm, &faulty)),
        _ => None,
    };
    let mut command = run.into_command();
    let mut child = command.stderr(Stdio::piped()).spawn().unwrap();
    match moment {
        Moment::Preprocessing | Moment::CompilingHere => wait_for(&slow.join("started")),
        _ => wait_for_connection(&faulty),
    }
    std::thread::sleep(Duration::from_millis(300));
    end(&mut child, signal);
    if let Some(mut occupier) = occupier {
        end(&mut occupier, Signal::SIGTERM);
    }
    if signal != Signal::SIGKILL {
        let states = Tree::read(&farm.path("distcc/state"));
        assert_eq!(states.names(), [""; 0], "{moment:?} {signal}");
    }
    let names = farm.tree();
    assert_eq!(names.names(), ["local.o", "out.o", "unit.c"], "{moment:?} {signal}");
    assert_eq!(farm.read("out.o"), b"the object of yesterday", "{moment:?} {signal}");
    assert_eq!(Tree::read(&farm.path("tmp")).names(), [""; 0], "{moment:?} {signal}");
}

/// A client that holds the volunteer's only slot.
fn occupy_slot(farm: &Farm, faulty: &FaultyVolunteer) -> Child {
    let run = farm.run(Side::Ours, "exec gcc -O2 -c unit.c -o other.o");
    let mut command = run.hosts(&format!("{}/1", faulty.address())).into_command();
    let child = command.stderr(Stdio::piped()).spawn().unwrap();
    wait_for_connection(faulty);
    child
}

/// Signals a command and all that it has started. `timeout` has made itself the leader of a
/// process group, as a shell does with its jobs.
fn end(child: &mut Child, signal: Signal) {
    killpg(Pid::from_raw(i32::try_from(child.id()).unwrap()), signal).unwrap();
    drop(child.wait());
}

fn wait_for_connection(faulty: &FaultyVolunteer) {
    let deadline = Instant::now() + Duration::from_secs(20);
    while faulty.connections() == 0 {
        assert!(Instant::now() < deadline, "the client does not come");
        std::thread::sleep(Duration::from_millis(5));
    }
}

#[test]
fn client_that_is_killed_leaves_nothing() {
    for moment in MOMENTS {
        for signal in [Signal::SIGTERM, Signal::SIGINT, Signal::SIGKILL] {
            kill_client(moment, signal);
        }
    }
}

#[test]
fn killed_client_takes_its_job_along() {
    let mut farm = farm();
    let slow = slow_compilers(&farm);
    farm.start(&Options::new(Side::Ours).path(&slow).no_sandbox());
    let mut command = farm.run(Side::Ours, "exec gcc -O2 -c unit.c -o out.o").into_command();
    let mut child = command.spawn().unwrap();
    wait_for(&slow.join("started"));
    end(&mut child, Signal::SIGKILL);
    let jobs = farm.volunteers[0].wait_for_jobs(1);
    assert_eq!(jobs[0].result, "CLI_DISCONN");
    farm.assert_no_litter();
}
