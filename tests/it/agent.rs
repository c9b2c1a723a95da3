//! The agent: its life, what it answers, and what clients make of one that is not well.

use std::collections::BTreeMap;
use std::fs;
use std::io::{Read, Write};
use std::os::fd::AsFd;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::os::unix::net::{UnixListener, UnixStream};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use makepkg_distcc::net::agent::place::Place;
use makepkg_distcc::net::agent::{AgentError, Gathered, ask_files, ask_of};
use makepkg_distcc::protocol::agent::{
    Answer, Form, Part, Question, Tree, encode_answer, encode_question,
};
use makepkg_distcc::protocol::lzo;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use tempfile::TempDir;

use crate::support::agent::{has_ended, pid_at, wait_until};

const AGENT: &str = env!("CARGO_BIN_EXE_distcc-agent");

/// A user's state directory, and a source of theirs. The agent ends when it is dropped, since its
/// directory is gone.
struct Stage {
    dir: TempDir,
    place: Place,
}

impl Stage {
    fn new() -> Self {
        Self::below("state")
    }

    fn below(state: &str) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let place = Place::below(&dir.path().join(state));
        let stage = Self { dir, place };
        stage.write("a.c", "#include \"a.h\"\nint main(void) { return A; }\n");
        stage.write("a.h", "#define A 0\n");
        stage
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join("src").join(name)
    }

    fn write(&self, name: &str, content: &str) {
        fs::create_dir_all(self.path(name).parent().unwrap()).unwrap();
        fs::write(self.path(name), content).unwrap();
    }

    fn question(&self, form: Form, command: &str) -> Vec<u8> {
        let cwd = self.path("").as_os_str().as_bytes().to_vec();
        let path = std::env::var_os("PATH").unwrap();
        let environment = vec![[b"PATH=", path.as_bytes()].concat()];
        let argv = command.split(' ').map(|word| word.as_bytes().to_vec()).collect();
        encode_question(&Question { form, cwd, environment, argv })
    }

    fn ask_for(&self, form: Form, command: &str) -> Result<Gathered, AgentError> {
        let program = || Ok(PathBuf::from(AGENT));
        ask_of(&self.place, &program, &self.question(form, command))
    }

    fn ask(&self) -> Result<Gathered, AgentError> {
        self.ask_for(Form::InPlace, "gcc -c a.c")
    }

    /// The process that listens at the socket.
    fn pid(&self) -> Pid {
        pid_at(&self.place.socket())
    }

    /// All agents of this state directory.
    fn agents(&self) -> usize {
        let ours = format!("DISTCC_DIR={}", self.place.state().display());
        let processes = fs::read_dir("/proc").unwrap().flatten();
        let is_ours = |dir: PathBuf| {
            let environment = fs::read(dir.join("environ")).unwrap_or_default();
            let mut variables = environment.split(|&byte| byte == 0);
            let program = fs::read_link(dir.join("exe")).unwrap_or_default();
            variables.any(|text| text == ours.as_bytes()) && program.ends_with("distcc-agent")
        };
        processes.filter(|entry| is_ours(entry.path())).count()
    }

    /// Puts somebody else in the agent's place, who does this with each client.
    fn replace_agent(&self, act: impl Fn(UnixStream) + Send + 'static) {
        let socket = self.place.socket();
        fs::create_dir_all(&self.place.dir).unwrap();
        drop(fs::remove_file(&socket));
        let listener = UnixListener::bind(socket).unwrap();
        std::thread::spawn(move || listener.incoming().flatten().for_each(act));
    }
}

/// What the packets say: `file` and content, `link` and text, or `dir`.
fn entries(gathered: &Gathered) -> BTreeMap<String, String> {
    let bytes: Vec<u8> = gathered.packets().flatten().copied().collect();
    let mut rest = bytes.as_slice();
    let mut next = || {
        let (head, after) = rest.split_at(12);
        let length = usize::from_str_radix(std::str::from_utf8(&head[4..]).unwrap(), 16).unwrap();
        let (body, after) = after.split_at(length);
        rest = after;
        (String::from_utf8(head[..4].to_vec()).unwrap(), body.to_vec())
    };
    let mut entries = BTreeMap::new();
    for _ in 0..gathered.tree.count {
        let (token, name) = next();
        assert_eq!(token, "NAME");
        let mut name = String::from_utf8(name).unwrap();
        let (token, body) = next();
        let what = match (token.as_str(), name.strip_suffix("/forcing_technique_271828")) {
            ("FILE", Some(dir)) => {
                assert!(body.is_empty());
                name = dir.to_owned();
                "dir".to_owned()
            }
            ("FILE", None) => {
                let content = lzo::decompress(&body, 1 << 20).unwrap();
                format!("file {}", String::from_utf8_lossy(&content))
            }
            _ => format!("link {}", String::from_utf8(body).unwrap()),
        };
        assert_eq!(entries.insert(name, what), None, "each name once");
    }
    assert!(rest.is_empty());
    assert_eq!(gathered.size(), bytes.len());
    entries
}

/// Those below the sources, by their names there.
fn own_entries(stage: &Stage, gathered: &Gathered) -> Vec<String> {
    let root = format!("{}/", stage.dir.path().join("src").display());
    let entries = entries(gathered);
    let ours = entries.iter().filter_map(|(name, what)| Some((name.strip_prefix(&root)?, what)));
    ours.map(|(name, what)| format!("{name}: {what}").replace(&root, "SRC/")).collect()
}

#[test]
fn a_hundred_clients_start_one_agent_and_all_get_answers() {
    let stage = Stage::new();
    let answers: Vec<_> = std::thread::scope(|scope| {
        let clients: Vec<_> = (0..100).map(|_| scope.spawn(|| stage.ask())).collect();
        clients.into_iter().map(|client| client.join().unwrap()).collect()
    });
    for answer in answers {
        let gathered = answer.unwrap();
        let a_h = stage.path("a.h").to_str().unwrap().to_owned();
        assert_eq!(entries(&gathered)[&a_h], "file #define A 0\n");
    }
    wait_until("one is left", || stage.agents() == 1);
}

#[test]
fn nobody_waits_for_the_agent_and_it_keeps_nothing_of_its_starter() {
    let stage = Stage::new();
    let socket = stage.dir.path().join("socket");
    // `output` waits until nobody has the pipes any more; 7 is another one of its starter's.
    let output = Command::new("sh")
        .args([
            "-c",
            "exec 7>&1; trap '' HUP; \"$0\" --socket socket --pid-file pid; echo $?",
            AGENT,
        ])
        .current_dir(stage.dir.path())
        .envs([("LD_PRELOAD", "/nonexistent.so"), ("SECRET", "1")])
        .output()
        .unwrap();
    assert_eq!(String::from_utf8_lossy(&output.stdout), "0\n");
    let pid = pid_at(&socket);
    let written = fs::read_to_string(stage.dir.path().join("pid")).unwrap();
    assert_eq!(written, format!("{pid}\n"));
    let process = PathBuf::from(format!("/proc/{pid}"));
    // It lets go of the pipe to its starter after it has said there that it listens.
    wait_until("its standard descriptors lead nowhere", || {
        ["0", "1", "2"].iter().all(|descriptor| {
            let leads = fs::read_link(process.join("fd").join(descriptor)).unwrap();
            leads == Path::new("/dev/null")
        })
    });
    let descriptors = fs::read_dir(process.join("fd")).unwrap().flatten();
    let pipes = descriptors.filter_map(|entry| fs::read_link(entry.path()).ok());
    assert_eq!(pipes.filter(|to| to.to_string_lossy().starts_with("pipe:")).count(), 0);
    assert_eq!(fs::read_link(process.join("cwd")).unwrap(), Path::new("/"));
    assert_eq!(nix::unistd::getsid(Some(pid)).unwrap(), pid, "a session of its own");
    let environment = fs::read(process.join("environ")).unwrap();
    for text in environment.split(|&byte| byte == 0).filter(|text| !text.is_empty()) {
        let text = String::from_utf8_lossy(text);
        let name = text.split('=').next().unwrap();
        let known = ["PATH", "HOME", "TMPDIR", "DISTCC_DIR", "DISTCC_VERBOSE"];
        assert!(known.contains(&name), "{text}");
    }
    let mode = fs::metadata(&socket).unwrap().permissions().mode();
    assert_eq!(mode & 0o777 & !0o700, 0, "{mode:o}");
    kill(pid, Signal::SIGTERM).unwrap();
    wait_until("it ends", || has_ended(pid));
    let left: Vec<_> = fs::read_dir(stage.dir.path()).unwrap().flatten().collect();
    let left: Vec<_> = left.iter().map(|entry| entry.file_name()).collect();
    assert_eq!(left, ["src"], "litter");
}

/// Starts an agent of the user's own place, and gives its process.
fn started(stage: &Stage, program: &Path, options: &[&str]) -> Pid {
    started_by(stage, Command::new(program).args(options))
}

fn started_by(stage: &Stage, command: &mut Command) -> Pid {
    let command = command.env("DISTCC_DIR", stage.place.state()).stdout(Stdio::null());
    assert!(command.status().unwrap().success());
    stage.pid()
}

/// The names below the agents' directory.
fn left_behind(stage: &Stage) -> Vec<String> {
    let dir = stage.place.state().join("agent");
    let names = fs::read_dir(dir).unwrap().flatten();
    names.map(|entry| entry.file_name().into_string().unwrap()).collect()
}

#[test]
fn it_leaves_without_work_and_on_signals() {
    let stage = Stage::new();
    let pid = started(&stage, Path::new(AGENT), &["--idle", "1"]);
    stage.ask().unwrap();
    wait_until("it leaves", || has_ended(pid));
    assert_eq!(left_behind(&stage), ["log"]);
    for signal in [Signal::SIGTERM, Signal::SIGINT, Signal::SIGHUP] {
        let pid = started(&stage, Path::new(AGENT), &["--idle", "0"]);
        kill(pid, signal).unwrap();
        wait_until("it ends", || has_ended(pid));
        assert_eq!(left_behind(&stage), ["log"], "{signal}");
    }
    let log = fs::read_to_string(stage.place.state().join("agent/log")).unwrap();
    assert!(log.contains("ends: no work for 1 s"), "{log}");
    assert_eq!(log.matches("ends: a signal").count(), 3, "{log}");
}

#[test]
fn it_leaves_when_its_directory_or_its_program_is_another_one() {
    let stage = Stage::new();
    let pid = started(&stage, Path::new(AGENT), &[]);
    fs::remove_dir_all(&stage.place.dir).unwrap();
    fs::create_dir(&stage.place.dir).unwrap();
    wait_until("it leaves", || has_ended(pid));
    let program = stage.dir.path().join("distcc-agent");
    fs::copy(AGENT, &program).unwrap();
    let pid = started(&stage, &program, &[]);
    fs::copy(AGENT, stage.dir.path().join("new")).unwrap();
    fs::rename(stage.dir.path().join("new"), &program).unwrap();
    wait_until("it leaves", || has_ended(pid));
    assert_eq!(left_behind(&stage), ["log"]);
    stage.ask().unwrap();
}

#[test]
fn a_second_agent_leaves_the_first_alone() {
    let stage = Stage::new();
    stage.ask().unwrap();
    let first = stage.pid();
    assert_eq!(started(&stage, Path::new(AGENT), &[]), first);
    // The second says that somebody listens before it has ended.
    wait_until("the second leaves", || stage.agents() == 1);
    assert_eq!(stage.pid(), first);
}

#[test]
fn one_that_was_killed_or_stopped_costs_no_compile() {
    let stage = Stage::new();
    stage.ask().unwrap();
    let first = stage.pid();
    kill(first, Signal::SIGKILL).unwrap();
    wait_until("it is gone", || has_ended(first));
    stage.ask().unwrap();
    let second = stage.pid();
    assert_ne!(first, second);
    kill(second, Signal::SIGSTOP).unwrap();
    assert!(matches!(stage.ask(), Err(AgentError::NotTaken)));
    assert!(matches!(stage.ask(), Err(AgentError::Resting)));
    kill(second, Signal::SIGKILL).unwrap();
    wait_until("it is gone", || has_ended(second));
    fs::remove_file(stage.place.rest_mark()).unwrap();
    stage.ask().unwrap();
    // What agents of other roots have left is removed by the next one that begins.
    let other = stage.place.dir.with_file_name("1-2-3");
    fs::create_dir(&other).unwrap();
    for name in ["socket", "lock", "start", "rest"] {
        fs::write(other.join(name), "").unwrap();
    }
    kill(stage.pid(), Signal::SIGTERM).unwrap();
    wait_until("it is gone", || stage.agents() == 0);
    stage.ask().unwrap();
    assert!(!other.exists());
}

/// Reads a question from a client that sends one, and tells it so.
fn take_question(stream: &mut UnixStream) {
    let mut head = [0; 12];
    stream.read_exact(&mut head).unwrap();
    let length = u64::from_str_radix(std::str::from_utf8(&head[4..]).unwrap(), 16).unwrap();
    std::io::copy(&mut stream.take(length), &mut std::io::sink()).unwrap();
    stream.shutdown(std::net::Shutdown::Read).unwrap();
}

#[test]
fn whatever_listens_in_its_place_costs_an_error() {
    let stage = Stage::new();
    // Nobody accepts.
    fs::create_dir_all(&stage.place.dir).unwrap();
    let listener = UnixListener::bind(stage.place.socket()).unwrap();
    assert!(matches!(stage.ask(), Err(AgentError::NotTaken)));
    drop(listener);
    let tree = |parts: Vec<Part>| {
        encode_answer(&Answer::Tree(Tree { count: 1, parts, ..Tree::default() }))
    };
    let whole = tree(vec![Part { at: 0, length: 4 }]);
    let half = whole[..whole.len() / 2].to_vec();
    let acts: [(&str, Vec<u8>); 5] = [
        ("hung up", Vec::new()),
        ("hung up", half),
        ("expected CANT, found `GET `", b"GET / HTTP/1.1\r\n\r\n".to_vec()),
        ("no descriptor came", whole),
        ("not enough", b"TREE00000002\x01\x00".to_vec()),
    ];
    for (said, bytes) in acts {
        drop(fs::remove_file(stage.place.rest_mark()));
        stage.replace_agent(move |mut stream| {
            take_question(&mut stream);
            drop(stream.write_all(&bytes));
        });
        let error = stage.ask().unwrap_err();
        let text = error.to_string();
        assert!(text.contains(said) || matches!(error, AgentError::Garbage(_)), "{said}: {text}");
    }
    // One that takes nothing, and one that hangs up at once.
    drop(fs::remove_file(stage.place.rest_mark()));
    stage.replace_agent(std::mem::forget);
    assert!(matches!(stage.ask(), Err(AgentError::NotTaken)));
    drop(fs::remove_file(stage.place.rest_mark()));
    stage.replace_agent(drop);
    assert!(matches!(stage.ask(), Err(AgentError::HungUp)));
}

#[test]
fn packets_are_where_the_agent_says_or_it_is_an_error() {
    let stage = Stage::new();
    let packets = b"NAME00000002/xFILE00000001y";
    let sealed = |length: usize, is_sealed: bool| {
        let flags = rustix::fs::MemfdFlags::ALLOW_SEALING;
        let file = rustix::fs::memfd_create("arena", flags).unwrap();
        rustix::io::write(&file, &packets[..length]).unwrap();
        if is_sealed {
            rustix::fs::fcntl_add_seals(&file, rustix::fs::SealFlags::SHRINK).unwrap();
        }
        file
    };
    let part = |at, length| Part { at, length };
    let arenas = [
        (sealed(27, true), part(0, 27), true),
        (sealed(27, true), part(1, 27), false),
        (sealed(27, true), part(u64::MAX, 27), false),
        (sealed(27, true), part(27, u64::MAX), false),
        (sealed(0, true), part(0, 1), false),
        // Not whole.
        (sealed(27, true), part(0, 26), false),
        (sealed(27, true), part(0, 14), false),
        (sealed(27, true), part(0, 0), false),
        // It could become shorter while it is read.
        (sealed(27, false), part(0, 27), false),
    ];
    for (arena, part, is_right) in arenas {
        let answer =
            encode_answer(&Answer::Tree(Tree { count: 1, parts: vec![part], ..Tree::default() }));
        stage.replace_agent(move |mut stream| {
            take_question(&mut stream);
            let mut space = [std::mem::MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
            let mut control = rustix::net::SendAncillaryBuffer::new(&mut space);
            let descriptors = [arena.as_fd()];
            assert!(control.push(rustix::net::SendAncillaryMessage::ScmRights(&descriptors)));
            let flags = rustix::net::SendFlags::empty();
            let bytes = [std::io::IoSlice::new(&answer)];
            rustix::net::sendmsg(&stream, &bytes, &mut control, flags).unwrap();
        });
        let answer = stage.ask();
        match is_right {
            true => assert_eq!(answer.unwrap().packets().collect::<Vec<_>>(), [packets]),
            false => assert!(matches!(answer, Err(AgentError::Arena(_)))),
        }
    }
}

#[test]
fn what_lies_in_the_sockets_place_is_removed_or_named() {
    for make in [
        (|path: &Path| fs::write(path, "").unwrap()) as fn(&Path),
        |path| nix::unistd::mkfifo(path, nix::sys::stat::Mode::S_IRWXU).unwrap(),
        |path| symlink("/nonexistent", path).unwrap(),
    ] {
        let stage = Stage::new();
        stage.place.make().unwrap();
        make(&stage.place.socket());
        stage.ask().unwrap();
    }
    let stage = Stage::new();
    stage.place.make().unwrap();
    fs::create_dir(stage.place.socket()).unwrap();
    let error = stage.ask().unwrap_err().to_string();
    assert!(error.contains("it is a directory: remove it"), "{error}");
    // Others may write there.
    let stage = Stage::new();
    stage.place.make().unwrap();
    let shared = stage.place.dir.parent().unwrap();
    fs::set_permissions(shared, fs::Permissions::from_mode(0o777)).unwrap();
    let error = stage.ask().unwrap_err().to_string();
    assert!(error.contains("run chmod 700 on it"), "{error}");
    let stage = Stage::new();
    let gone = || Err(AgentError::Unwanted);
    let question = stage.question(Form::InPlace, "gcc -c a.c");
    assert!(matches!(ask_of(&stage.place, &gone, &question), Err(AgentError::Unwanted)));
    assert!(!stage.place.state().exists(), "nothing is made for an agent that nobody wants");
}

#[test]
fn a_stranger_is_not_asked() {
    if !nix::unistd::geteuid().is_root() {
        return;
    }
    let stage = Stage::new();
    let dir = tempfile::Builder::new().permissions(fs::Permissions::from_mode(0o755)).tempdir();
    let dir = dir.unwrap();
    let theirs = dir.path().join("theirs");
    fs::create_dir(&theirs).unwrap();
    std::os::unix::fs::chown(&theirs, Some(65534), Some(65534)).unwrap();
    let socket = theirs.join("socket");
    // A copy, since the tree may be in a directory that only root can enter.
    let program = dir.path().join("distcc-agent");
    fs::copy(AGENT, &program).unwrap();
    let mut agent = Command::new(program)
        .arg("--foreground")
        .arg("--socket")
        .arg(&socket)
        .stderr(Stdio::null())
        .uid(65534)
        .spawn()
        .unwrap();
    wait_until("it listens", || UnixStream::connect(&socket).is_ok());
    stage.place.make().unwrap();
    symlink(&socket, stage.place.socket()).unwrap();
    let answer = stage.ask();
    kill(Pid::from_raw(i32::try_from(agent.id()).unwrap()), Signal::SIGTERM).unwrap();
    agent.wait().unwrap();
    assert!(matches!(answer, Err(AgentError::Stranger(_, 65534))));
}

#[test]
fn clients_that_stall_or_send_garbage_hold_up_nobody() {
    let stage = Stage::new();
    stage.ask().unwrap();
    let pid = stage.pid();
    let question = stage.question(Form::InPlace, "gcc -c a.c");
    let half = &question[..question.len() / 2];
    let mut stalled = Vec::new();
    for sent in [b"".as_slice(), b"UN", half, b"CDIR00000004/tmpARGC", b"UNITffffffff", b"\0\0\0\0"]
    {
        for _ in 0..20 {
            let mut stream = UnixStream::connect(stage.place.socket()).unwrap();
            stream.write_all(sent).unwrap();
            stalled.push(stream);
        }
    }
    // These do not wait for their answers.
    for _ in 0..20 {
        let mut stream = UnixStream::connect(stage.place.socket()).unwrap();
        stream.write_all(&question).unwrap();
    }
    stage.ask().unwrap();
    assert_eq!(stage.pid(), pid);
    drop(stalled);
    stage.ask().unwrap();
    assert_eq!(stage.pid(), pid);
}

#[test]
fn a_long_state_directory_has_an_agent_too() {
    let stage = Stage::below(&"long/".repeat(40));
    stage.ask().unwrap();
    assert!(stage.place.socket().as_os_str().len() > 200);
}

#[test]
fn files_links_and_directories_stand_where_they_do_here() {
    let stage = Stage::new();
    stage.write("a.c", "#include <l.h>\n#include \"sub/../a.h\"\n#include <stdlib.h>\n");
    stage.write("real/real.h", "int real;\n");
    stage.write("sub/x", "");
    stage.write("inc/x", "");
    symlink("../real/real.h", stage.path("inc/l.h")).unwrap();
    symlink("inc", stage.path("linked")).unwrap();
    let gathered = stage.ask_for(Form::InPlace, "gcc -Ilinked -I../src/empty -c a.c").unwrap();
    assert_eq!(
        own_entries(&stage, &gathered),
        [
            "a.c: file #include <l.h>\n#include \"sub/../a.h\"\n#include <stdlib.h>\n",
            "a.h: file #define A 0\n",
            "inc: dir",
            "inc/l.h: link ../real/real.h",
            "linked: link inc",
            "real/real.h: file int real;\n",
            "sub: dir",
        ]
    );
    let all = entries(&gathered);
    assert!(all["/usr/include/stdlib.h"].starts_with("file "), "{:?}", all.keys());
    assert!(gathered.tree.system.is_empty() && gathered.tree.absent.is_empty());
    let gathered = stage.ask_for(Form::Stock, "gcc -Ilinked -c a.c").unwrap();
    assert_eq!(
        own_entries(&stage, &gathered),
        [
            "a.c: file #include <l.h>\n#include \"sub/../a.h\"\n#include <stdlib.h>\n",
            "a.h: file #define A 0\n",
            "inc: dir",
            "inc/l.h: link SRC/real/real.h",
            "linked: link SRC/inc",
            "real/real.h: file int real;\n",
            "sub: dir",
        ]
    );
    let all = entries(&gathered);
    let up = "../".repeat(22);
    assert_eq!(all["/usr/include"], format!("link {up}usr/include"));
    assert!(!all.contains_key("/usr/include/stdlib.h"));
    let system: Vec<_> = gathered.tree.system.iter().map(|header| header.path.clone()).collect();
    assert!(system.contains(&b"/usr/include/stdlib.h".to_vec()));
    // A file that the compiler names whole says its name itself.
    let command = format!("gcc -I{} -c a.c", stage.path("inc").display());
    let gathered = stage.ask_for(Form::Stock, &command).unwrap();
    let named = "real/real.h: file #line 1 \"SRC/inc/l.h\"\nint real;\n".to_owned();
    assert!(own_entries(&stage, &gathered).contains(&named));
    let command = format!("gcc -c {}", stage.path("a.c").display());
    let gathered = stage.ask_for(Form::Stock, &format!("{command} -Ilinked")).unwrap();
    let a_h = "a.h: file #line 1 \"SRC/sub/../a.h\"\n#define A 0\n".to_owned();
    assert!(own_entries(&stage, &gathered).contains(&a_h));
}

#[test]
fn a_header_that_changes_is_sent_as_it_is_now() {
    let stage = Stage::new();
    let a_h = |gathered: &Gathered| {
        let entries = entries(gathered);
        entries[stage.path("a.h").to_str().unwrap()].clone()
    };
    let first = stage.ask().unwrap();
    stage.write("a.h", "#define A 1\n");
    let second = stage.ask().unwrap();
    stage.write("a.h", "#include \"b.h\"\n");
    stage.write("b.h", "#define A 2\n");
    let third = stage.ask().unwrap();
    assert_eq!(a_h(&first), "file #define A 0\n", "what was given stays as it was");
    assert_eq!(a_h(&second), "file #define A 1\n");
    assert_eq!(own_entries(&stage, &third).len(), 3, "b.h comes along");
    fs::remove_file(stage.path("a.h")).unwrap();
    fs::remove_file(stage.path("b.h")).unwrap();
    assert_eq!(own_entries(&stage, &stage.ask().unwrap()).len(), 1);
}

#[test]
fn what_it_cannot_tell_it_says() {
    let stage = Stage::new();
    stage.write("gch.c", "#include \"p.h\"\n");
    stage.write("p.h", "");
    stage.write("p.h.gch", "");
    for (command, why) in [
        ("gcc -E a.c", "-E only preprocesses"),
        ("gcc -c gch.c", "p.h.gch: a precompiled header"),
        ("gcc -c missing.c", "missing.c: "),
        ("no-such-gcc -c a.c", "no-such-gcc: no such compiler in PATH"),
    ] {
        let error = stage.ask_for(Form::InPlace, command).unwrap_err();
        let AgentError::CannotTell(said) = &error else { panic!("{error}") };
        assert!(said.contains(why), "{said}");
    }
}

#[test]
fn a_search_path_in_a_variable_counts_where_a_volunteer_can_be_told() {
    let stage = Stage::new();
    stage.write("a.c", "#include <l.h>\n");
    stage.write("inc/l.h", "int l;\n");
    let ask = |form| {
        let (cwd, path) = (stage.path(""), std::env::var_os("PATH").unwrap());
        let environment = vec![[b"PATH=", path.as_bytes()].concat(), b"CPATH=inc".to_vec()];
        let argv = ["gcc", "-c", "a.c"].map(|word| word.as_bytes().to_vec()).to_vec();
        let cwd = cwd.as_os_str().as_bytes().to_vec();
        let question = encode_question(&Question { form, cwd, environment, argv });
        ask_of(&stage.place, &|| Ok(PathBuf::from(AGENT)), &question)
    };
    let gathered = ask(Form::InPlace).unwrap();
    assert!(own_entries(&stage, &gathered).contains(&"inc/l.h: file int l;\n".to_owned()));
    let error = ask(Form::Stock).unwrap_err().to_string();
    assert_eq!(error, "CPATH is set, which distccd 3.4 does not heed");
}

#[test]
fn it_speaks_the_protocol_of_distccs_own_include_server() {
    let stage = Stage::new();
    stage.write("a.c", "#include <l.h>\n#include \"sub/../a.h\"\n#include <stdlib.h>\n");
    stage.write("inc/x", "");
    stage.write("sub/x", "");
    symlink("../a.h", stage.path("inc/l.h")).unwrap();
    let pid = started(&stage, Path::new(AGENT), &[]);
    let cwd = stage.path("");
    let ask = |command: &str| {
        let argv: Vec<&str> = command.split(' ').collect();
        ask_files(&stage.place.socket(), cwd.as_os_str().as_bytes(), &argv)
    };
    let names = ask("gcc -Iinc -c a.c -o a.o").unwrap();
    let root = root_of(&names);
    let names: Vec<PathBuf> =
        names.iter().map(|name| Path::new(std::ffi::OsStr::from_bytes(name)).into()).collect();
    let shown = |name: &str| root.join(cwd.strip_prefix("/").unwrap()).join(name);
    let unpacked = |name: &str| lzo::decompress(&fs::read(shown(name)).unwrap(), 1 << 20).unwrap();
    assert!(names.contains(&shown("a.c.lzo")));
    assert_eq!(unpacked("a.h.lzo"), b"#define A 0\n");
    assert_eq!(fs::read_link(shown("inc/l.h")).unwrap(), stage.path("a.h"));
    let system = fs::read_link(root.join("usr/include")).unwrap();
    assert_eq!(system.to_str().unwrap(), format!("{}usr/include", "../".repeat(22)));
    for name in &names {
        assert!(name.starts_with(&root), "{}", name.display());
        let meta = fs::symlink_metadata(name).unwrap();
        let is_mark = name.ends_with("forcing_technique_271828");
        assert_eq!(meta.is_file() && meta.size() == 0, is_mark, "{}", name.display());
    }
    assert!(names.contains(&shown("sub/forcing_technique_271828")));
    // A header that changes, and one that takes a directory's place.
    stage.write("a.h", "#define A 1\n");
    ask("gcc -Iinc -c a.c -o a.o").unwrap();
    assert_eq!(unpacked("a.h.lzo"), b"#define A 1\n");
    assert!(matches!(ask("gcc -E a.c"), Err(AgentError::CannotTell(_))));
    kill(pid, Signal::SIGTERM).unwrap();
    wait_until("it ends", || has_ended(pid));
    assert!(!root.exists(), "the mirror is removed");
    // That of one that was killed is removed by the next.
    let pid = started(&stage, Path::new(AGENT), &[]);
    let root = root_of(&ask("gcc -Iinc -c a.c -o a.o").unwrap());
    kill(pid, Signal::SIGKILL).unwrap();
    wait_until("it is gone", || has_ended(pid));
    assert!(root.exists());
    let pid = started(&stage, Path::new(AGENT), &[]);
    let other = root_of(&ask("gcc -Iinc -c a.c -o a.o").unwrap());
    assert!(!root.exists());
    kill(pid, Signal::SIGTERM).unwrap();
    wait_until("it ends", || has_ended(pid));
    assert!(!other.exists());
}

#[test]
fn files_for_other_clients_are_where_a_variable_says() {
    let stage = Stage::new();
    stage.write("a.c", "int a;\n");
    let two = tempfile::Builder::new().prefix("client-").tempdir_in("/tmp").unwrap();
    let two = two.path().to_str().unwrap();
    fs::create_dir(format!("{two}/three")).unwrap();
    let roots = ["/tmp", two, &format!("{two}/"), &format!("{two}/three"), "tmp"].map(|base| {
        let mut command = Command::new(AGENT);
        command.env("DISTCC_CLIENT_TMP", base);
        let pid = started_by(&stage, &mut command);
        let cwd = stage.path("");
        let names =
            ask_files(&stage.place.socket(), cwd.as_os_str().as_bytes(), &["gcc", "-c", "a.c"]);
        let root = names.map(|names| {
            let root = root_of(&names);
            assert_eq!(root.iter().count(), 4, "{}", root.display());
            assert!(root.join(cwd.strip_prefix("/").unwrap()).join("a.c.lzo").is_file());
            root
        });
        kill(pid, Signal::SIGTERM).unwrap();
        wait_until("it ends", || has_ended(pid));
        let root = root.ok()?;
        assert!(!root.exists());
        root.parent().map(PathBuf::from)
    });
    let made = |root: &Option<PathBuf>, above: &str| root.as_ref().unwrap().starts_with(above);
    assert!(made(&roots[0], "/tmp/") && made(&roots[1], two) && made(&roots[2], two), "{roots:?}");
    assert_eq!(roots[0].as_ref().unwrap().iter().count(), 3, "a directory in between");
    assert_eq!(roots[3..], [None, None], "three components, and a relative path");
    let log = fs::read_to_string(stage.place.state().join("agent/log")).unwrap();
    assert!(log.contains("/three: a mirror cannot be deeper than two directories"), "{log}");
    assert!(log.contains("tmp is no absolute path"), "{log}");
}

/// The mirror that names are below: three components.
fn root_of(names: &[Vec<u8>]) -> PathBuf {
    Path::new(std::ffi::OsStr::from_bytes(&names[0])).iter().take(4).collect()
}
