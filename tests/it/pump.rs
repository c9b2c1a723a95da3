//! Our client in pump mode: what comes back is what a local compile makes, or plain mode does it.

use std::fmt::Write as _;
use std::path::Path;
use std::time::SystemTime;

use makepkg_distcc::progress::journal::Pump;
use makepkg_distcc::progress::journal_read::read_since;
use makepkg_distcc::protocol::lzo;

use crate::support::farm::{Farm, Run};
use crate::support::fault::{Fault, FaultyVolunteer, packet_starts};
use crate::support::include_server::{Answers, IncludeServer};
use crate::support::output::Output;
use crate::support::stock_include_server::StockIncludeServer;
use crate::support::tree::Tree;
use crate::support::volunteer::{Options, Side};

/// The files of the units below.
const FILES: [(&str, &str); 17] = [
    (
        "a.c",
        "#include <stdio.h>\n#include \"a.h\"\nint a(void) { return printf(NAME, __FILE__); }\n",
    ),
    ("a.h", "#include \"sub/b.h\"\n#include <stddef.h>\n#define NAME \"%s\" WHERE\n"),
    ("sub/b.h", "#include \"../dir/../c.h\"\n#define WHERE __FILE__\n"),
    ("c.h", "#pragma once\n#include <stdint.h>\ntypedef uint32_t word;\n"),
    ("dir/keep", ""),
    (
        "cc.cc",
        "#include <string>\n#include <vector>\n#include \"c.h\"\n#include \"link.h\"\n\
               std::string name(std::vector<word> v) { return __FILE__ + std::to_string(v[0]); }\n",
    ),
    (
        "real/linked.h",
        "static const char *linked = __FILE__;\n#include \"beside.h\"\n\
                       inline const char *where() { return linked; }\n",
    ),
    ("beside.h", "int beside_the_link;\n"),
    ("warns.c", "#include \"c.h\"\nint w(word x) { int unused; return x; }\n"),
    ("wrong.c", "#include \"c.h\"\nint w(word x) { return y; }\n"),
    ("lost.c", "#include \"no such header.h\"\nint w;\n"),
    ("empty.c", ""),
    // The name by which it is included shows in the object.
    ("sub/shown.h", "static const char *SHOWN = __FILE__;\n"),
    ("top.c", "#define SHOWN a\n#include \"sub/shown.h\"\nconst char *top(void) { return a; }\n"),
    ("sub/in.c", "#define SHOWN a\n#include <shown.h>\nconst char *in(void) { return a; }\n"),
    (
        "in.c",
        "#ifndef H\n#define H <shown.h>\n#endif\n\
         #define SHOWN a\n#include H\nconst char *in(void) { return a; }\n",
    ),
    (
        "twice.c",
        "#define SHOWN a\n#include \"sub/shown.h\"\n#undef SHOWN\n#define SHOWN b\n\
         #include <../sub/shown.h>\nconst char *twice(int c) { return c ? a : b; }\n",
    ),
];

/// Makes the files in the farm's work directory.
fn prepare(farm: &Farm) {
    farm.clear_work();
    for (name, text) in FILES {
        farm.write(name, text);
    }
    let link = farm.work().join("link.h");
    std::os::unix::fs::symlink("real/linked.h", link).unwrap();
}

/// What came of a command.
struct Result {
    output: Output,
    tree: Tree,
}

/// Runs `command` with our client in pump mode, or without one.
fn run(farm: &Farm, command: &str, client: Option<&Client>) -> Result {
    prepare(farm);
    let run = match client {
        None => farm.local(command),
        Some(client) => client.run(farm, command),
    };
    Result { output: run.output(), tree: farm.tree() }
}

/// How our client is told.
pub struct Client {
    socket: Option<String>,
    hosts: String,
}

impl Client {
    fn of(farm: &Farm, server: &IncludeServer) -> Self {
        Self::at(farm, &server.socket())
    }

    /// One that asks whoever listens at `socket`.
    fn at(farm: &Farm, socket: &Path) -> Self {
        let socket = Some(socket.display().to_string());
        Self { socket, hosts: farm.hosts("/4,cpp,lzo") }
    }

    /// One that has our agent.
    pub fn with_agent(farm: &Farm) -> Self {
        Self { socket: None, hosts: farm.hosts("/4,cpp,lzo") }
    }

    /// A shell command whose compilers go through our client.
    pub fn run<'a>(&self, farm: &'a Farm, command: &str) -> Run<'a> {
        let run = farm.run(Side::Ours, command).hosts(&self.hosts);
        let run = run.env("DISTCC_AGENT", env!("CARGO_BIN_EXE_distcc-agent"));
        match &self.socket {
            Some(socket) => run.env("INCLUDE_SERVER_PORT", socket),
            None => run,
        }
    }
}

/// How the units went by the journal, oldest first: `pump`, the reason for plain mode, or `local`.
pub fn ways(farm: &Farm) -> Vec<String> {
    let entries = read_since(&farm.path("distcc/journal"), SystemTime::UNIX_EPOCH);
    let way = |pump| match pump {
        Pump::NotAsked => "-".to_owned(),
        Pump::Used => "pump".to_owned(),
        Pump::Plain { counter, .. } => counter,
    };
    entries.into_iter().map(|entry| way(entry.pump)).collect()
}

/// Runs each of `commands` both ways and fails where results differ, or the way is not the one
/// that is expected.
#[track_caller]
pub fn compare(farm: &Farm, client: &Client, commands: &[(&str, &str)]) {
    let mut failures = String::new();
    for (command, expected) in commands {
        let local = run(farm, command, None);
        let before = ways(farm).len();
        let ours = run(farm, command, Some(client));
        if ours.output != local.output {
            write!(failures, "{command}\n{}, locally\n{}", ours.output, local.output).unwrap();
        }
        let differences = ours.tree.differences(&local.tree, |_, _, _| false);
        if !differences.is_empty() {
            writeln!(failures, "{command}\n{differences}").unwrap();
        }
        let ways = ways(farm).split_off(before);
        if ways != [*expected] {
            writeln!(failures, "{command}: went {ways:?}, not {expected}").unwrap();
        }
    }
    assert!(failures.is_empty(), "{failures}");
}

/// Command lines that distccd 3.4 compiles in pump mode as a local compile does.
const STOCK: [(&str, &str); 18] = [
    ("gcc -c a.c", "pump"),
    ("gcc -O2 -Wall -c a.c -o a.o", "pump"),
    ("gcc -O2 -I. -Isub -c a.c -o sub/a.o", "pump"),
    ("gcc -MD -c a.c", "pump"),
    ("gcc -MMD -c a.c -o sub/a.o", "pump"),
    ("gcc -MMD -MF x.d -c a.c", "pump"),
    ("gcc -MMD -MT 'some target' -MP -c a.c", "pump"),
    ("gcc -MD -MQ 'some $target' -c a.c", "pump"),
    ("gcc -MD -MT one -MT two -c a.c", "pump-option"),
    ("gcc -Wp,-MMD,dir/a.d -c a.c", "pump"),
    ("gcc -include c.h -imacros a.h -c a.c", "pump"),
    ("gcc -iquote sub -isystem dir -c a.c", "pump"),
    ("gcc -S a.c", "pump"),
    ("g++ -O2 -MD -c cc.cc", "pump"),
    ("g++ -x c++ -c a.c", "pump"),
    ("gcc -ffile-prefix-map=dir=other -c a.c", "pump-option"),
    ("gcc --sysroot=/ -c a.c", "pump-option"),
    ("CPATH=dir gcc -c a.c", "pump-environment"),
];

#[test]
fn stock_volunteer_makes_what_a_local_compile_makes() {
    let farm = Farm::with(Side::Stock);
    let server = IncludeServer::start(Answers::Honestly);
    let client = Client::of(&farm, &server);
    compare(&farm, &client, &STOCK[..6]);
    compare(
        &farm,
        &client,
        &[
            ("g++ -O2 -MD -c cc.cc", "pump"),
            ("gcc -Wall -c warns.c", "pump"),
            ("gcc -c wrong.c", "pump"),
            ("gcc -c empty.c", "pump"),
            ("gcc -c lost.c", "pump-cannot-tell"),
            ("gcc -c missing.c", "pump-cannot-tell"),
        ],
    );
    assert_eq!(server.discrepancies(), 0);
    farm.assert_no_litter();
}

#[test]
fn the_c_distccs_include_server_is_understood() {
    for side in [Side::Stock, Side::Ours] {
        let farm = Farm::with(side);
        let server = StockIncludeServer::start();
        let client = Client::at(&farm, &server.socket());
        compare(&farm, &client, &STOCK[..6]);
        compare(
            &farm,
            &client,
            &[
                ("g++ -O2 -MD -c cc.cc", "pump"),
                ("gcc -include c.h -imacros a.h -c a.c", "pump"),
                ("gcc -iquote sub -isystem dir -c a.c", "pump"),
                ("gcc -Wall -c warns.c", "pump"),
                ("gcc -c wrong.c", "pump"),
                ("gcc -c empty.c", "pump"),
                ("gcc -c missing.c", "pump-cannot-tell"),
            ],
        );
        let said = server.said();
        assert!(said.contains("Could not find translation unit 'missing.c'"), "{said}");
        assert_eq!(said.lines().count(), 1, "{said}");
        farm.assert_no_litter();
    }
}

#[test]
fn include_server_that_is_not_well_costs_a_unit_pump_mode_and_no_more() {
    let farm = Farm::with(Side::Stock);
    for (answers, way) in [
        (Answers::Nothing, "pump-cannot-tell"),
        (Answers::HangsUp, "pump-agent"),
        (Answers::Lies, "pump-agent"),
        (Answers::Garbage, "pump-agent"),
    ] {
        let server = IncludeServer::start(answers);
        let client = Client::of(&farm, &server);
        prepare(&farm);
        let output = client.run(&farm, "gcc -O2 -MD -c a.c").output();
        assert_eq!(output.status, 0, "{answers:?}: {output}");
        let ours = farm.tree();
        prepare(&farm);
        farm.local("gcc -O2 -MD -c a.c").output().quiet_success();
        assert_eq!(ours.differences(&farm.tree(), |_, _, _| false), "", "{answers:?}");
        assert_eq!(ways(&farm).last().map(String::as_str), Some(way), "{answers:?}");
        assert_eq!(server.asked(), 1, "{answers:?}");
        let news = output.stderr.contains("not in pump mode: the");
        assert_eq!(news, way == "pump-agent", "{answers:?}: {output}");
        // The same is said once in a build.
        client.run(&farm, "gcc -O2 -MD -c a.c").output().quiet_success();
    }
    assert_eq!(farm.compiled(), 9, "each unit in plain mode, and the question what it is");
    farm.assert_no_litter();
}

#[test]
fn nobody_at_the_include_servers_socket_is_said_once() {
    let farm = Farm::with(Side::Stock);
    let socket = Some(farm.path("nobody").display().to_string());
    let client = Client { socket, hosts: farm.hosts("/4,cpp,lzo") };
    prepare(&farm);
    client.run(&farm, "gcc -c a.c").output().success().says("not in pump mode: the agent: ");
    client.run(&farm, "gcc -c a.c").output().quiet_success();
    assert_eq!(ways(&farm), ["pump-agent", "pump-agent"]);
}

#[test]
fn units_that_fail_on_the_volunteer_alone_are_counted() {
    let mut farm = Farm::new();
    let script = "case \"$*\" in *fails.c*) exit 1;; esac\nexec $real \"$@\"";
    let compilers = farm.compilers("broken", script);
    farm.start(&Options::new(Side::Stock).path(&compilers));
    let server = IncludeServer::start(Answers::Honestly);
    let client = Client::of(&farm, &server);
    farm.write("fails.c", "int fails;\n");
    let compile = |most: &str| {
        let run = client.run(&farm, "gcc -c fails.c").env("DISTCC_MAX_DISCREPANCY", most);
        run.output().success()
    };
    let said = compile("2").says("exit code 1 and went well here");
    assert!(!said.stderr.contains("rests"), "{said}");
    compile("2");
    assert_eq!(server.discrepancies(), 2);
    compile("2").says("now using plain distcc");
    assert_eq!(server.discrepancies(), 2);
    // That was of the volunteer's compiler, and plain mode told so.
    assert_eq!(ways(&farm), ["pump", "pump", "pump-discrepancy"]);
}

/// A volunteer that refuses every request in pump mode.
#[test]
fn volunteer_without_pump_mode_is_asked_once_and_used_all_the_same() {
    let farm = Farm::with(Side::Ours);
    let plain = FaultyVolunteer::start(Fault::CloseAfter(12));
    let server = IncludeServer::start(Answers::Honestly);
    let client =
        Client { hosts: format!("{}/4,cpp,lzo", plain.address()), ..Client::of(&farm, &server) };
    prepare(&farm);
    let output = client.run(&farm, "gcc -c a.c").output().success();
    let output = output.says("refuses pump mode").says("hung up without an answer");
    assert_eq!(output.stderr.lines().count(), 2, "{output}");
    assert_eq!(server.asked(), 0);
}

#[test]
fn stock_volunteer_and_our_agent_make_what_a_local_compile_makes() {
    let farm = Farm::with(Side::Stock);
    let client = Client::with_agent(&farm);
    compare(&farm, &client, &STOCK);
    farm.assert_no_litter();
}

#[test]
fn agent_that_is_not_there_is_said_once_and_costs_pump_mode_alone() {
    let farm = Farm::with(Side::Stock);
    let client = Client::with_agent(&farm);
    prepare(&farm);
    let compile =
        |agent: &str| client.run(&farm, "gcc -MD -c a.c").env("DISTCC_AGENT", agent).output();
    compile("/nonexistent/agent").success().says("not in pump mode: the agent: ");
    compile("/nonexistent/agent").quiet_success();
    compile("no").quiet_success();
    compile("/bin/false").quiet_success();
    let ways = ways(&farm);
    assert_eq!(ways, ["pump-agent", "pump-agent", "pump-unwanted", "pump-agent"]);
    assert_eq!(farm.volunteers[0].wait_for_jobs(5).len(), 5);
}

/// The volunteer's replies are spoilt: the unit is compiled all the same, in plain mode or here.
#[test]
fn spoilt_replies_never_become_outputs() {
    let farm = Farm::with(Side::Stock);
    let port = farm.volunteers[0].port;
    let cut = |reply: Vec<u8>, token: &[u8]| {
        let at = packet_starts(&reply).into_iter().find(|at| reply[*at..].starts_with(token));
        at.map_or(reply.clone(), |at| reply[..at].to_vec())
    };
    let dependencies = |text: &'static str| {
        move |reply: Vec<u8>| {
            let starts = packet_starts(&reply);
            let Some(at) = starts.into_iter().find(|at| reply[*at..].starts_with(b"DOTD")) else {
                return reply;
            };
            let body = lzo::compress(text.as_bytes());
            let head = format!("DOTD{:08x}", body.len());
            [&reply[..at], head.as_bytes(), &body].concat()
        }
    };
    let faults: [(&str, Fault, &str); 5] = [
        ("lost", Fault::spoil(port, move |reply| cut(reply, b"DOTD")), "pump-failed"),
        (
            "foreign",
            Fault::spoil(port, dependencies("a.o: /tmp/distccd_1/a.c\n")),
            "pump-dependencies",
        ),
        ("empty", Fault::spoil(port, dependencies("")), "pump-dependencies"),
        ("no rule", Fault::spoil(port, dependencies("a.c\n")), "pump-dependencies"),
        ("cut", Fault::spoil(port, move |reply| reply[..reply.len() / 2].to_vec()), "pump-failed"),
    ];
    prepare(&farm);
    farm.local("gcc -MD -c a.c").output().quiet_success();
    let local = farm.tree();
    for (name, fault, way) in faults {
        // The probe and the headers have their honest answers.
        drop(std::fs::remove_dir_all(farm.path("distcc")));
        let honest = Client::with_agent(&farm);
        prepare(&farm);
        honest.run(&farm, "gcc -MD -c a.c").output().quiet_success();
        let faulty = FaultyVolunteer::start(fault);
        let dir = farm.path("distcc/volunteers");
        for entry in std::fs::read_dir(&dir).unwrap() {
            let path = entry.unwrap().path();
            let known = path.to_str().unwrap().replace(&port.to_string(), &faulty.port.to_string());
            std::fs::rename(&path, known).unwrap();
        }
        let client = Client { hosts: format!("{}/4,cpp,lzo", faulty.address()), ..honest };
        prepare(&farm);
        let output = client.run(&farm, "gcc -MD -c a.c").output().success();
        assert_eq!(farm.tree().differences(&local, |_, _, _| false), "", "{name}: {output}");
        assert_eq!(ways(&farm).last().map(String::as_str), Some(way), "{name}: {output}");
    }
}

/// A stock volunteer that has another system header than this machine is not used in pump mode.
#[test]
fn stock_volunteer_with_other_system_headers_is_used_in_plain_mode() {
    let mut farm = Farm::new();
    farm.write("stdio.h", "#error this is not the header of the client\n");
    std::fs::copy(farm.work().join("stdio.h"), farm.path("stdio.h")).unwrap();
    let bind = format!("mount --bind {} /usr/include/stdio.h", farm.path("stdio.h").display());
    let how = if nix::unistd::Uid::effective().is_root() { "" } else { "--map-root-user" };
    let script = format!("exec unshare {how} --mount sh -c '{bind} && exec \"$@\"' sh \"$@\"");
    farm.start(&Options::new(Side::Stock).within(&script));
    let client = Client::with_agent(&farm);
    prepare(&farm);
    farm.local("gcc -MD -c a.c").output().quiet_success();
    let local = farm.tree();
    prepare(&farm);
    let output = client.run(&farm, "gcc -MD -c a.c").output().success();
    let output = output.says("its /usr/include/stdio.h is not that of this machine");
    assert_eq!(farm.tree().differences(&local, |_, _, _| false), "", "{output}");
    client.run(&farm, "gcc -MD -c a.c").output().quiet_success();
    assert_eq!(ways(&farm), ["pump-headers", "pump-headers"]);
    // What it is, headers that it must not have and those that it must, and two units.
    let jobs = farm.volunteers[0].wait_for_jobs(5);
    assert_eq!(jobs.len(), 5, "{jobs:#?}");
}

#[test]
fn what_is_no_file_is_left_to_the_compiler_here() {
    let farm = Farm::with(Side::Stock);
    let client = Client::with_agent(&farm);
    let commands = [
        (
            "mkfifo pipe.h; (echo 'int piped;' >pipe.h) & gcc -include pipe.h -c a.c",
            "pump-cannot-tell",
        ),
        ("mkdir dir/a.h; gcc -include dir/a.h -c a.c", "pump"),
    ];
    compare(&farm, &client, &commands);
}

/// Command lines beside [`STOCK`] for volunteers that show files in place.
const IN_PLACE: [(&str, &str); 16] = [
    ("gcc -g -O2 -c a.c", "pump"),
    ("g++ -g -O2 -MMD -MP -c cc.cc -o sub/cc.o", "pump"),
    ("gcc -g -O2 -c $PWD/a.c -o $PWD/a.o", "pump"),
    ("gcc -g -I$PWD/sub -isystem $PWD/dir -c a.c", "pump"),
    ("gcc -MD -MT one -MQ 'two $' -MP -c a.c", "pump"),
    ("gcc -MD -c a.c -o 'sub/odd $name.o'", "pump"),
    ("gcc -MMD -MF sub/x.d -c sub/../a.c", "pump"),
    ("gcc -ffile-prefix-map=$PWD=/there -g -c $PWD/a.c", "pump"),
    ("gcc --sysroot=/ -c a.c", "pump"),
    ("gcc -flto=auto -O2 -frandom-seed=1 -c a.c", "pump"),
    ("CPATH=sub:dir C_INCLUDE_PATH=$PWD gcc -g -c a.c", "pump"),
    ("gcc -include $PWD/c.h -c a.c", "pump"),
    ("clang -g -O2 -MD -c a.c", "pump"),
    ("clang++ -O2 -c cc.cc", "pump"),
    ("echo '-O2 -Isub' >words; gcc @words -c a.c", "pump"),
    ("gcc -O2 -gz -c a.c", "pump"),
];

#[test]
fn our_volunteer_and_our_agent_make_what_a_local_compile_makes() {
    let farm = Farm::with(Side::Ours);
    let client = Client::with_agent(&farm);
    compare(&farm, &client, &IN_PLACE);
    compare(
        &farm,
        &client,
        &[
            ("gcc -Wall -c warns.c", "pump"),
            ("gcc -c wrong.c", "pump"),
            ("gcc -c lost.c", "pump"),
            ("gcc -c missing.c", "pump-cannot-tell"),
        ],
    );
    assert!(Tree::read(&farm.path("tmp")).0.is_empty());
}

/// Command lines where compilers name the current directory as `$PWD` does.
const NAMED: [&str; 11] = [
    "gcc -g -c a.c",
    "gcc -g -O2 -MD -c sub/../a.c -o sub/a.o",
    "gcc -g -I../work/sub -I$PWD/dir -MMD -MF sub/x.d -c $PWD/a.c",
    "gcc -g -fdebug-prefix-map=$PWD=/there -c a.c",
    "gcc -g -ffile-prefix-map=$PWD=. -c $PWD/a.c",
    "gcc -flto=auto -O2 -frandom-seed=1 -c a.c",
    "gcc -O2 -c ../work/a.c",
    "g++ -g -O2 -MMD -c cc.cc",
    "clang -g -MD -c a.c",
    "clang -g -fdebug-prefix-map=$PWD=/there -c ../work/a.c",
    "clang++ -g -c $PWD/cc.cc",
];

#[test]
fn directory_goes_by_the_name_of_pwd() {
    let mut farm = Farm::with(Side::Ours);
    // Ways there by links with and without a slash in front.
    std::os::unix::fs::symlink("two", farm.path("one")).unwrap();
    std::os::unix::fs::symlink(farm.path(""), farm.path("two")).unwrap();
    let client = Client::with_agent(&farm);
    let there =
        |command: &str| format!("cd ../one/work; export PWD DISTCC_DIRECTIVES_ONLY=0; {command}");
    let commands = NAMED.map(there);
    compare(&farm, &client, &commands.each_ref().map(|command| (command.as_str(), "pump")));
    // A name that is another one for each process, one that is not written plainly, a wrong one,
    // and none. What plain mode does to such a source is not to be seen in debug information.
    let others = [
        ("PWD=/proc/self/cwd; exec gcc -g -c p.c", "pump-cannot-tell"),
        ("PWD=$PWD/../work; gcc -g -c p.c", "pump-directory"),
        ("PWD=$PWD/../work; gcc -c p.c", "pump"),
        ("PWD=/tmp; gcc -g -c p.c", "pump"),
        ("unset PWD; gcc -g -c p.c", "pump"),
    ];
    let first = "export PWD DISTCC_DIRECTIVES_ONLY=0; echo 'int p(void) { return 1; }' >p.c";
    let others = others.map(|(command, way)| (format!("{first}; {command}"), way));
    compare(&farm, &client, &others.each_ref().map(|(command, way)| (command.as_str(), *way)));
    // Where paths are changed, the name is not to be had.
    let other = farm.start(&Options::new(Side::Ours).no_sandbox());
    let hosts = format!("{}/4,cpp,lzo", farm.volunteers[other].address());
    let client = Client { socket: None, hosts };
    let [debug, none] = ["gcc -g -c p.c", "gcc -c p.c"]
        .map(|command| format!("{first}; cd ../one/work; {command}"));
    compare(&farm, &client, &[(&debug, "pump-directory"), (&none, "pump")]);
}

/// Command lines by which a file goes by its name, or by two of which one is absolute.
const NAMES: [(&str, &str); 10] = [
    ("gcc -O2 -I$PWD/sub -c top.c", "pump-cannot-tell"),
    ("gcc -O2 -I$PWD/dir -c twice.c", "pump-cannot-tell"),
    ("gcc -O2 -I$PWD/dir -c $PWD/twice.c", "pump-cannot-tell"),
    ("gcc -O2 -Idir -c twice.c", "pump"),
    ("gcc -O2 -I$PWD/dir -c top.c", "pump"),
    ("gcc -O2 -I$PWD/sub -c in.c", "pump"),
    ("gcc -O2 -I$PWD/sub '-DH=<sub/shown.h>' -c in.c", "pump-cannot-tell"),
    ("cd real; gcc -O2 -I$PWD/../sub -c ../sub/in.c", "pump-directory"),
    ("cd real; gcc -O2 -I$PWD/../sub -c $PWD/../sub/in.c", "pump"),
    ("gcc -O2 -I$PWD/sub -c $PWD/top.c", "pump"),
];

#[test]
fn stock_volunteer_is_not_asked_where_a_file_goes_by_two_names() {
    let farm = Farm::with(Side::Stock);
    let client = Client::with_agent(&farm);
    compare(&farm, &client, &NAMES);
}
