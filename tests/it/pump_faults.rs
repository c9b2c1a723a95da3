//! What can go wrong on the client's side in pump mode: the build succeeds, the user is told why,
//! and nothing is left over.

use std::fmt::Write as _;
use std::fs;
use std::io::{IoSlice, IoSliceMut, Read, Write};
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::fs::{PermissionsExt, symlink};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, SystemTime};

use makepkg_distcc::net::agent::place::Place;
use makepkg_distcc::progress::journal::Pump;
use makepkg_distcc::progress::journal_read::read_since;
use makepkg_distcc::protocol::agent::{
    Answer, AnswerDecoder, Part, Question, QuestionDecoder, Tree, encode_answer, encode_question,
};
use makepkg_distcc::protocol::lzo;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use rustix::fs::{MemfdFlags, SealFlags, fcntl_add_seals, memfd_create};
use rustix::net::{
    RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, SendAncillaryBuffer,
    SendAncillaryMessage, SendFlags, recvmsg, sendmsg,
};

use crate::faults::FullDisk;
use crate::pump::{Client, compare};
use crate::support::agent::{has_ended, pid_at, wait_until};
use crate::support::farm::{Farm, Run, SYSTEM_PATH};
use crate::support::output::{Output, without_temp_names};
use crate::support::tree;
use crate::support::volunteer::Side;

const AGENT: &str = env!("CARGO_BIN_EXE_distcc-agent");

/// What the state directory may hold, and that of an agent.
const STATE: [&str; 6] = ["agent", "compilers", "journal", "lock", "state", "volunteers"];
const OF_AGENT: [&str; 4] = ["lock", "rest", "socket", "start"];

/// A volunteer of ours, a unit, and what a local compile makes of it.
struct Stage {
    farm: Farm,
    client: Client,
    object: Vec<u8>,
    dependencies: Vec<u8>,
}

const COMPILE: &str = "gcc -O2 -MD -c unit.c -o out.o";

impl Stage {
    fn new() -> Self {
        let farm = Farm::with(Side::Ours);
        let client = Client::with_agent(&farm);
        farm.write(
            "unit.c",
            "#include <stdio.h>\n#include \"sub/a.h\"\nint a(void) { return A; }\n",
        );
        farm.write("sub/a.h", "#define A printf(\"some text\")\n");
        farm.write("other.c", "#include <stddef.h>\nsize_t other;\n");
        farm.local(COMPILE).output().quiet_success();
        let (object, dependencies) = (farm.read("out.o"), farm.read("out.d"));
        Self { farm, client, object, dependencies }
    }

    /// The unit's compile, as another build's than all others.
    fn run(&self) -> Run<'_> {
        for name in ["out.o", "out.d"] {
            drop(fs::remove_file(self.farm.work().join(name)));
        }
        let build = self.entries().to_string();
        self.client.run(&self.farm, COMPILE).env("DISTCC_BUILD", &build)
    }

    fn entries(&self) -> usize {
        read_since(&self.farm.path("distcc/journal"), SystemTime::UNIX_EPOCH).len()
    }

    /// How the last unit went by the journal: `pump`, or the sentence why not.
    fn way(&self) -> String {
        let entries = read_since(&self.farm.path("distcc/journal"), SystemTime::UNIX_EPOCH);
        match &entries.last().unwrap().pump {
            Pump::NotAsked => "-".to_owned(),
            Pump::Used => "pump".to_owned(),
            Pump::Plain { sentence, .. } => sentence.clone(),
        }
    }

    /// Compiles, and fails unless that went as a local compile goes and left nothing; `why` is what
    /// the user reads where it was not in pump mode.
    #[track_caller]
    fn compiles(&self, what: &str, why: Option<&str>) {
        let output = self.run().output();
        self.compiled(&output, what, why);
    }

    #[track_caller]
    fn compiled(&self, output: &Output, what: &str, why: Option<&str>) {
        assert_eq!((output.status, &*output.stdout), (0, ""), "{what}: {output}");
        assert!(self.farm.read("out.o") == self.object, "{what}: another object");
        assert!(self.farm.read("out.d") == self.dependencies, "{what}: other dependencies");
        let way = self.way();
        match why {
            None => assert_eq!((&*way, &*output.stderr), ("pump", ""), "{what}"),
            Some(why) => {
                assert!(
                    way.contains(why) && output.stderr.contains(why),
                    "{what}: {way}\n{output}"
                );
            }
        }
        assert_eq!(
            self.farm.tree().names(),
            ["other.c", "out.d", "out.o", "sub", "sub/a.h", "unit.c"],
            "{what}"
        );
        self.farm.assert_no_litter();
        let state = tree::Tree::read(&self.farm.path("distcc"));
        for name in state.names() {
            let mut parts = name.split('/');
            let (first, last) = (parts.next().unwrap(), parts.nth(1));
            assert!(!name.starts_with("state/"), "{what}: {name}");
            let is_known = STATE.contains(&first)
                && (first != "agent" || last.is_none_or(|last| OF_AGENT.contains(&last)));
            assert!(is_known, "{what}: {name}");
        }
    }

    fn place(&self) -> Place {
        Place::below(&self.farm.path("distcc"))
    }

    /// The agent that clients have started.
    fn agent(&self) -> Pid {
        pid_at(&self.place().socket())
    }
}

fn end(pid: Pid) {
    kill(pid, Signal::SIGKILL).unwrap();
    wait_until("the agent is gone", || has_ended(pid));
}

/// Compilers that do something to an agent that asks them what they are, while `once` is there.
fn compilers_that(stage: &Stage, act: &str) -> String {
    let once = stage.farm.path("once");
    let script = format!(
        "if read name </proc/$PPID/comm && [ \"$name\" = distcc-agent ] && rm {} 2>/dev/null\n\
         then {act}; fi\nexec $real \"$@\"",
        once.display()
    );
    let dir = stage.farm.compilers("acting", &script);
    let masquerade = stage.farm.path("masquerade-ours");
    format!("{}:{}:{SYSTEM_PATH}", masquerade.display(), dir.display())
}

#[test]
fn agent_killed_before_or_during_a_question_costs_nothing() {
    let stage = Stage::new();
    stage.compiles("first", None);
    end(stage.agent());
    stage.compiles("killed before the question", None);
    // While it works on the question: the client asks the next one that it starts.
    end(stage.agent());
    fs::write(stage.farm.path("once"), "").unwrap();
    let path = compilers_that(&stage, "kill -KILL $PPID");
    let output = stage.run().env("PATH", &path).output();
    stage.compiled(&output, "killed with the question", None);
    assert!(!stage.farm.path("once").exists());
}

#[test]
fn agent_that_is_killed_by_each_question_costs_pump_mode() {
    let stage = Stage::new();
    let path = compilers_that(&stage, ":").replace("acting", "killing");
    let script = "read name </proc/$PPID/comm; [ \"$name\" != distcc-agent ] || kill -KILL $PPID\n\
                  exec $real \"$@\"";
    stage.farm.compilers("killing", script);
    let output = stage.run().env("PATH", &path).output();
    stage.compiled(&output, "killed with each question", Some("hung up without an answer"));
    let output = stage.run().output();
    stage.compiled(&output, "well again", None);
}

#[test]
fn stopped_agent_is_left_alone_for_a_while() {
    let stage = Stage::new();
    stage.compiles("first", None);
    let agent = stage.agent();
    kill(agent, Signal::SIGSTOP).unwrap();
    stage.compiles("stopped", Some("it has not taken the question"));
    stage.compiles("rests", Some("it did not answer a short while ago"));
    kill(agent, Signal::SIGCONT).unwrap();
    fs::remove_file(stage.place().rest_mark()).unwrap();
    stage.compiles("goes on", None);
}

#[test]
fn agent_that_stops_with_the_question_is_waited_for_once() {
    let stage = Stage::new();
    fs::write(stage.farm.path("once"), "").unwrap();
    let path = compilers_that(&stage, "kill -STOP $PPID");
    let output = stage.run().env("PATH", &path).output();
    let agent = fs::read_dir("/proc").unwrap().flatten().find_map(|entry| {
        let dir = entry.path();
        let environment = fs::read(dir.join("environ")).unwrap_or_default();
        let ours = format!("DISTCC_DIR={}", stage.farm.path("distcc").display());
        let is_ours = environment.split(|&byte| byte == 0).any(|text| text == ours.as_bytes());
        let is_agent =
            fs::read_link(dir.join("exe")).is_ok_and(|exe| exe.ends_with("distcc-agent"));
        (is_ours && is_agent).then(|| entry.file_name().to_str().unwrap().parse().unwrap())
    });
    end(Pid::from_raw(agent.unwrap()));
    stage.compiled(&output, "stopped with the question", Some("it has not answered within"));
    stage.compiles("rests", Some("it did not answer a short while ago"));
}

/// What somebody in the agent's place makes of a true answer, and of the arena.
type Spoil = Box<dyn Fn(Tree, OwnedFd) -> (Vec<u8>, Option<OwnedFd>) + Send>;

/// A true agent at a socket of its own.
struct TrueAgent {
    child: Child,
    socket: PathBuf,
}

impl TrueAgent {
    fn start(farm: &Farm) -> Self {
        let dir = farm.path("true");
        fs::create_dir_all(&dir).unwrap();
        let socket = dir.join("socket");
        let mut command = Command::new(AGENT);
        command.arg("--foreground").arg("--socket").arg(&socket).stderr(Stdio::null());
        let child = command.spawn().unwrap();
        wait_until("it listens", || UnixStream::connect(&socket).is_ok());
        Self { child, socket }
    }

    fn pid(&self) -> Pid {
        Pid::from_raw(i32::try_from(self.child.id()).unwrap())
    }
}

impl Drop for TrueAgent {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

/// The true agent's answer to the question that comes from `client`, for the unit `of`.
fn true_answer(client: &mut UnixStream, socket: &Path, of: &str) -> (Tree, OwnedFd) {
    let mut question = vec![0; 12];
    client.read_exact(&mut question).unwrap();
    let length = std::str::from_utf8(&question[4..]).unwrap();
    let length = u64::from_str_radix(length, 16).unwrap();
    client.take(length).read_to_end(&mut question).unwrap();
    client.shutdown(std::net::Shutdown::Read).unwrap();
    let mut agent = UnixStream::connect(socket).unwrap();
    let question = QuestionDecoder::default().push(&question).unwrap().unwrap();
    let renamed = |word: Vec<u8>| if word == b"unit.c" { of.as_bytes().to_vec() } else { word };
    let argv = question.argv.into_iter().map(renamed).collect();
    agent.write_all(&encode_question(&Question { argv, ..question })).unwrap();
    let (mut decoder, mut arena) = (AnswerDecoder::default(), None);
    loop {
        let mut buffer = [0; 4096];
        let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
        let mut control = RecvAncillaryBuffer::new(&mut space);
        let mut parts = [IoSliceMut::new(&mut buffer)];
        let got = recvmsg(&agent, &mut parts, &mut control, RecvFlags::CMSG_CLOEXEC).unwrap();
        for message in control.drain() {
            if let RecvAncillaryMessage::ScmRights(mut descriptors) = message {
                arena = descriptors.next();
            }
        }
        assert_ne!(got.bytes, 0, "the true agent hung up");
        match decoder.push(&buffer[..got.bytes]).unwrap() {
            Some(Answer::Tree(tree)) => return (tree, arena.unwrap()),
            Some(Answer::CannotTell(why)) => panic!("{why}"),
            None => {}
        }
    }
}

fn give(client: &mut UnixStream, bytes: &[u8], arena: Option<&OwnedFd>) {
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
    let mut control = SendAncillaryBuffer::new(&mut space);
    let descriptors: Vec<_> = arena.iter().map(|arena| arena.as_fd()).collect();
    if !descriptors.is_empty() {
        assert!(control.push(SendAncillaryMessage::ScmRights(&descriptors)));
    }
    let sent = sendmsg(&*client, &[IoSlice::new(bytes)], &mut control, SendFlags::NOSIGNAL);
    // It may have gone after the first bytes.
    if let Ok(sent) = sent {
        drop(client.write_all(&bytes[sent..]));
    }
}

/// Puts somebody in the agent's place who spoils the answers of a true one.
fn replace_agent(stage: &Stage, socket: PathBuf, of: &'static str, spoil: Spoil) {
    let place = stage.place();
    place.make().unwrap();
    drop(fs::remove_file(place.socket()));
    drop(fs::remove_file(place.rest_mark()));
    let listener = UnixListener::bind(place.socket()).unwrap();
    std::thread::spawn(move || {
        for mut client in listener.incoming().flatten() {
            let (tree, arena) = true_answer(&mut client, &socket, of);
            let (bytes, arena) = spoil(tree, arena);
            give(&mut client, &bytes, arena.as_ref());
        }
    });
}

/// A file in memory with these bytes.
fn memory(bytes: &[u8], seals: SealFlags) -> OwnedFd {
    let file = memfd_create("arena", MemfdFlags::ALLOW_SEALING).unwrap();
    let mut file = fs::File::from(file);
    file.write_all(bytes).unwrap();
    fcntl_add_seals(&file, seals).unwrap();
    file.into()
}

/// The packets of a tree.
fn packets(tree: &Tree, arena: &OwnedFd) -> Vec<u8> {
    let file = fs::File::from(arena.try_clone().unwrap());
    let mut all = Vec::new();
    for part in &tree.parts {
        let mut bytes = vec![0; usize::try_from(part.length).unwrap()];
        std::os::unix::fs::FileExt::read_exact_at(&file, &mut bytes, part.at).unwrap();
        all.extend(bytes);
    }
    all
}

fn whole(tree: Tree) -> Vec<u8> {
    encode_answer(&Answer::Tree(tree))
}

/// An answer with these packets in memory of its own.
fn repacked(tree: Tree, bytes: &[u8], seals: SealFlags) -> (Vec<u8>, Option<OwnedFd>) {
    let parts = vec![Part { at: 0, length: bytes.len() as u64 }];
    (whole(Tree { parts, ..tree }), Some(memory(bytes, seals)))
}

fn counting(tree: Tree, arena: OwnedFd, count: impl Fn(u32) -> u32) -> (Vec<u8>, Option<OwnedFd>) {
    let count = count(tree.count);
    (whole(Tree { count, ..tree }), Some(arena))
}

/// What is wrong with an answer, what the user reads of it, and how it comes to be.
fn spoilt() -> Vec<(&'static str, &'static str, Spoil)> {
    let unseen = "its packets cannot be read";
    let bytes =
        |bytes: Vec<u8>| -> Spoil { Box::new(move |_, arena| (bytes.clone(), Some(arena))) };
    vec![
        (
            "half",
            "hung up",
            Box::new(|tree, arena| {
                let answer = whole(tree);
                (answer[..answer.len() / 2].to_vec(), Some(arena))
            }),
        ),
        ("nothing", "hung up", bytes(Vec::new())),
        ("garbage", "cannot be read", bytes(vec![0xa5; 65536])),
        ("another release", "cannot be read", bytes(b"TREE00000001\xff".to_vec())),
        ("too long", "cannot be read", bytes(b"TREEffffffff".to_vec())),
        ("too short", "hung up", bytes(b"TREE00100000\x01".to_vec())),
        (
            "a count that is not kept",
            "cannot be read",
            bytes(b"TREE00000009\x01\0\0\0\0\xff\xff\xff\xff".to_vec()),
        ),
        ("no descriptor", "no descriptor came", Box::new(|tree, _| (whole(tree), None))),
        (
            "no memory",
            unseen,
            Box::new(|tree, _| (whole(tree), Some(fs::File::open("/dev/zero").unwrap().into()))),
        ),
        (
            "a file",
            unseen,
            Box::new(|tree, arena| {
                let mut file = tempfile::tempfile().unwrap();
                file.write_all(&packets(&tree, &arena)).unwrap();
                (whole(tree), Some(file.into()))
            }),
        ),
        (
            "no seals",
            "sealed",
            Box::new(|tree, arena| {
                let bytes = packets(&tree, &arena);
                repacked(tree, &bytes, SealFlags::empty())
            }),
        ),
        (
            "becomes shorter",
            "sealed",
            Box::new(|tree, arena| {
                let bytes = packets(&tree, &arena);
                let (answer, memory) = repacked(tree, &bytes, SealFlags::GROW);
                let file = memory.as_ref().unwrap().try_clone().unwrap();
                std::thread::spawn(move || {
                    std::thread::sleep(Duration::from_millis(1));
                    rustix::fs::ftruncate(&file, 0).unwrap();
                });
                (answer, memory)
            }),
        ),
        (
            "is shorter",
            "are not there",
            Box::new(|tree, arena| {
                let bytes = packets(&tree, &arena);
                let (_, memory) =
                    repacked(tree.clone(), &bytes[..bytes.len() - 1], SealFlags::SHRINK);
                let parts = vec![Part { at: 0, length: bytes.len() as u64 }];
                (whole(Tree { parts, ..tree }), memory)
            }),
        ),
        (
            "outside",
            "are not there",
            Box::new(|mut tree, arena| {
                tree.parts[0].at = u64::MAX - 3;
                (whole(tree), Some(arena))
            }),
        ),
        (
            "twice",
            unseen,
            Box::new(|mut tree, arena| {
                tree.parts = [tree.parts.clone(), tree.parts].concat();
                (whole(tree), Some(arena))
            }),
        ),
        (
            "overlapping",
            unseen,
            Box::new(|mut tree, arena| {
                tree.parts[0].length -= 5;
                let Part { at, length } = tree.parts[0];
                tree.parts.insert(1, Part { at: at + length - 2, length: 7 });
                (whole(tree), Some(arena))
            }),
        ),
        ("one less", unseen, Box::new(|tree, arena| counting(tree, arena, |count| count - 1))),
        ("one more", unseen, Box::new(|tree, arena| counting(tree, arena, |count| count + 1))),
        ("very many", unseen, Box::new(|tree, arena| counting(tree, arena, |_| u32::MAX))),
        (
            "zeros",
            unseen,
            Box::new(|tree, arena| {
                let zeros = vec![0; packets(&tree, &arena).len()];
                repacked(tree, &zeros, SealFlags::SHRINK)
            }),
        ),
        (
            "names without files",
            unseen,
            Box::new(|tree, arena| {
                let bytes = packets(&tree, &arena);
                let bytes = String::from_utf8_lossy(&bytes).replace("FILE", "NAME").into_bytes();
                repacked(tree, &bytes, SealFlags::SHRINK)
            }),
        ),
    ]
}

#[test]
fn spoilt_answers_cost_a_unit_pump_mode_and_no_more() {
    let stage = Stage::new();
    let agent = TrueAgent::start(&stage.farm);
    let replace = |spoil| replace_agent(&stage, agent.socket.clone(), "unit.c", spoil);
    replace(Box::new(|tree, arena| (whole(tree), Some(arena))));
    stage.compiles("nothing is spoilt", None);
    for (what, why, spoil) in spoilt() {
        replace(spoil);
        stage.compiles(what, Some(why));
    }
    // What a volunteer cannot unpack, it refuses.
    replace(Box::new(|tree, arena| {
        let mut bytes = packets(&tree, &arena);
        let content = lzo::compress(&fs::read("/usr/include/stdio.h").unwrap());
        let at = memchr::memmem::find(&bytes, &content).unwrap();
        bytes[at..at + content.len()].fill(0xff);
        repacked(tree, &bytes, SealFlags::SHRINK)
    }));
    stage.compiles("not packed", Some("volunteer 127.0.0.1"));
}

/// A volunteer that is shown other files fails, and the compile here does not.
#[test]
fn files_of_another_unit_cost_one_more_compile() {
    let stage = Stage::new();
    let agent = TrueAgent::start(&stage.farm);
    let answer: Spoil = Box::new(|tree, arena| (whole(tree), Some(arena)));
    replace_agent(&stage, agent.socket.clone(), "other.c", answer);
    let output = stage.run().output().says("with exit code 1 and went well here");
    let output = Output { stderr: String::new(), ..output };
    stage.compiled(&output, "another unit's", None);
    let answer: Spoil = Box::new(|_, arena| (whole(Tree::default()), Some(arena)));
    replace_agent(&stage, agent.socket.clone(), "unit.c", answer);
    let output = stage.run().output().says("with exit code 1 and went well here");
    let output = Output { stderr: String::new(), ..output };
    stage.compiled(&output, "no files at all", None);
}

#[test]
fn what_an_agent_has_given_outlives_it() {
    let stage = Stage::new();
    let agent = TrueAgent::start(&stage.farm);
    let pid = agent.pid();
    let answer: Spoil = Box::new(move |tree, arena| {
        end(pid);
        (whole(tree), Some(arena))
    });
    replace_agent(&stage, agent.socket.clone(), "unit.c", answer);
    stage.compiles("killed before the client sends", None);
}

/// The command's status, and its stderr without what our client says.
fn ending(output: &Output) -> (i32, String) {
    let own = |line: &&str| !line.starts_with("distcc[");
    let lines: Vec<&str> = output.stderr.lines().filter(own).collect();
    (output.status, lines.join("\n"))
}

#[test]
fn full_disks_of_the_client_cost_no_more_than_pump_mode() {
    let stage = Stage::new();
    let full = |dir: &str| {
        let dir = stage.farm.path(dir);
        fs::create_dir_all(&dir).unwrap();
        let disk = FullDisk::mount(&dir)?;
        disk.fill();
        Some(disk)
    };
    // The state directory, from the first unit on.
    let Some(disk) = full("distcc") else {
        println!("skipped: mounting a file system is not allowed here");
        return;
    };
    for _ in 0..2 {
        let output = stage.run().output();
        assert_eq!(ending(&output), (0, String::new()), "{output}");
        assert!(stage.farm.read("out.o") == stage.object, "{output}");
        assert!(stage.farm.read("out.d") == stage.dependencies, "{output}");
    }
    drop(disk);
    // Once everything is known.
    stage.compiles("room again", None);
    let disk = full("tmp").unwrap();
    assert_ne!(stage.farm.local(COMPILE).output().status, 0, "no room for the local compiler");
    let output = stage.run().output().quiet_success();
    assert!(stage.farm.read("out.o") == stage.object, "{output}");
    drop(disk);
    // Where the outputs go: a compile here is tried too, and what that leaves, is left.
    for name in ["full/out.o", "full/out.o -MF out.d", "out.o -MF full/out.d"] {
        let disk = full("work/full").unwrap();
        let command = format!("gcc -O2 -MD -c unit.c -o {name}");
        let made = |run: Run<'_>| {
            for name in ["out.o", "out.d", "full/out.o", "full/out.d"] {
                drop(fs::remove_file(stage.farm.work().join(name)));
            }
            let (status, text) = ending(&run.output());
            (status, without_temp_names(&text), stage.farm.tree())
        };
        let local = made(stage.farm.local(&command));
        assert_ne!(local.0, 0, "{command}");
        assert_eq!(made(stage.client.run(&stage.farm, &command)), local, "{command}");
        drop(disk);
    }
    stage.farm.local("rm -f out.* full/*").output().quiet_success();
    fs::remove_dir(stage.farm.work().join("full")).unwrap();
    stage.compiles("room again", None);
}

/// Files and directories that the user may not read, and what a compile says then.
#[test]
fn files_without_permission_are_left_to_the_compiler_here() {
    let stage = Stage::new();
    let farm = &stage.farm;
    for dir in ["listed", "entered", "closed", "good"] {
        farm.write(&format!("{dir}/b.h"), &format!("#define B \"{dir}\"\n"));
    }
    farm.write("b.c", "#include <b.h>\nconst char *b = B;\n");
    farm.write("maybe.c", "#if __has_include(<b.h>)\n#include <b.h>\n#endif\nconst char *b = B;\n");
    farm.write("secret.c", "int secret;\n");
    farm.write("secret.h", "int secret;\n");
    farm.write("links/keep", "");
    farm.write("circle/keep", "");
    symlink("../closed/b.h", farm.work().join("links/b.h")).unwrap();
    symlink("b.h", farm.work().join("circle/b.h")).unwrap();
    for (name, mode) in
        [("secret.c", 0), ("secret.h", 0), ("listed", 0o444), ("entered", 0o111), ("closed", 0)]
    {
        let path = farm.work().join(name);
        fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
    }
    let path = format!("{}:{SYSTEM_PATH}", farm.public_masquerade(Side::Ours).display());
    let state = farm.path("distcc");
    for compiler in ["gcc", "clang"] {
        for words in [
            "-c secret.c",
            "-c unit.c -include secret.h",
            "-Ilisted -Igood -c b.c",
            "-Ientered -Igood -c b.c",
            "-Iclosed -Igood -c b.c",
            "-Iclosed -c b.c",
            "-Iclosed -Igood -c maybe.c",
            "-Ilisted -Igood -c maybe.c",
            "-Igood -Iclosed -c b.c",
            "-Iclosed/below -Igood -c b.c",
            "-Ilinks -Igood -c b.c",
            "-Icircle -Igood -c b.c",
            "-Iclosed/../good -c b.c",
            "-iquote closed -Igood -c b.c",
            "-isystem closed -Igood -c b.c",
            "-Igood -c closed/b.c",
            "-Igood -c b.c -o closed/b.o",
        ] {
            let command = format!("{compiler} {words}");
            let removed = format!("rm -f *.o; {command}");
            let local = farm.unprivileged(&removed).output();
            let object = fs::read(farm.work().join("b.o")).ok();
            let run = farm.unprivileged(&removed).env("PATH", &path);
            let run = run.env("DISTCC_DIR", state.to_str().unwrap());
            let ours = run.hosts(&farm.hosts("/4,cpp,lzo")).output();
            assert_eq!(ending(&ours), ending(&local), "{command}: {ours}");
            assert!(fs::read(farm.work().join("b.o")).ok() == object, "{command}: another object");
        }
    }
    let ways = crate::pump::ways(farm);
    let by_pump = ways.iter().filter(|way| *way == "pump").count();
    assert!(by_pump >= 4, "{ways:?}");
}

#[test]
fn warnings_as_errors_and_of_missing_directories_are_those_of_a_local_compile() {
    let farm = Farm::with(Side::Ours);
    let client = Client::with_agent(&farm);
    let words = [
        "-Wall -Werror -c warns.c",
        "-Wall -Werror=unused-variable -MD -c warns.c",
        "-Wall -Wno-error -c warns.c",
        "-Wmissing-include-dirs -Inowhere -c a.c",
        "-Werror=missing-include-dirs -Inowhere -c a.c",
        "-Werror -Wmissing-include-dirs -Inowhere -isystem no/where -c a.c",
    ];
    let commands =
        words.iter().flat_map(|words| ["gcc", "clang"].map(|gcc| format!("{gcc} {words}")));
    let commands: Vec<String> = commands.collect();
    let commands: Vec<(&str, &str)> =
        commands.iter().map(|command| (command.as_str(), "pump")).collect();
    compare(&farm, &client, &commands);
    farm.assert_no_litter();
}

/// The most bytes of memory that a process has had.
fn most_memory(pid: Pid) -> u64 {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    line.trim_end_matches("kB").trim().parse::<u64>().unwrap() * 1024
}

#[test]
fn header_of_very_many_macros_is_one_of_many() {
    const MACROS: u64 = 100_000;
    let stage = Stage::new();
    let mut text = String::from("#define A 7\n");
    for number in 0..MACROS {
        writeln!(text, "#define NAME_{number} {number}").unwrap();
    }
    stage.farm.write("sub/a.h", &text);
    let local = stage.farm.local("gcc -c unit.c -o local.o").output();
    let ours = stage.client.run(&stage.farm, "gcc -c unit.c -o ours.o").output();
    assert_eq!(ours, local);
    assert!(stage.farm.read("ours.o") == stage.farm.read("local.o"));
    assert_eq!(stage.way(), "pump");
    // Twice what the scanner's bounds say, and what an agent needs for anything.
    let most = most_memory(stage.agent());
    assert!(most < MACROS * 1000 + (64 << 20), "{most} bytes");
}

#[test]
fn header_of_a_hundred_megabytes_goes_another_way() {
    let stage = Stage::new();
    let line = format!("/* {} */\n", "x".repeat(1000));
    stage.farm.write("sub/a.h", &(line.repeat(100_000) + "#define A 7\n"));
    let local = stage.farm.local("gcc -c unit.c -o local.o").output();
    let ours = stage.client.run(&stage.farm, "gcc -c unit.c -o ours.o").output();
    assert_eq!(ours, local);
    assert!(stage.farm.read("ours.o") == stage.farm.read("local.o"));
    let way = stage.way();
    assert!(way.contains("it has more than"), "{way}");
}
