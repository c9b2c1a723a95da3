//! Whole builds in pump mode: the C client and ours, with our agent as include server, and
//! volunteers of both sides. Objects and dependency files are those of a local build.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::SystemTime;

use makepkg_distcc::progress::journal::Pump;
use makepkg_distcc::progress::journal_read::read_since;

use crate::support::farm::{Farm, Run};
use crate::support::sources;
use crate::support::stock_include_server::StockIncludeServer;
use crate::support::tree::{Node, Tree, same_code};
use crate::support::volunteer::{Options, Side};

const PUMP: &str = env!("CARGO_BIN_EXE_pump");

/// Units in C and in C++, with headers beside them, in a directory of `-I`, and by links; some with
/// debug information, all with dependency files.
const MAKEFILE: &str = "\
C := $(basename $(notdir $(wildcard bzip2/*.c)))
CXX_UNITS := words
OBJECTS := $(C:%=out/%.o) $(CXX_UNITS:%=out/%.o)
all: $(OBJECTS)
out/%.o: bzip2/%.c
\tgcc -g -Ibzip2 -MMD -MP -c -o $@ $<
out/%.o: kitxx/%.cpp
\tg++ -std=c++17 -Iinclude -MD -MF out/$*.dep -c -o $@ $<
";
/// How many units that are.
const UNITS: usize = WITH_DEBUG + 1;
/// How many of them have debug information.
const WITH_DEBUG: usize = 8;

fn prepare(farm: &Farm) {
    farm.clear_work();
    sources::unpack("bzip2", &farm.work().join("bzip2"));
    // Programs that are none of the library.
    for name in ["dlltest.c", "mk251.c", "spewG.c", "unzcrash.c", "bzip2recover.c"] {
        // Not each release has each of them.
        drop(std::fs::remove_file(farm.work().join("bzip2").join(name)));
    }
    let sample = Path::new(env!("CARGO_MANIFEST_DIR")).join("sample/kitxx");
    let copy = format!(
        "cp -r {} kitxx && mkdir -p out include && ln -s ../kitxx include/kit",
        sample.display()
    );
    farm.local(&copy).output().success();
    farm.write("empty.c", "");
    farm.write("Makefile", MAKEFILE);
}

/// The words of a dependency file: distccd 3.4 breaks its lines elsewhere.
fn words(node: &Node) -> Vec<String> {
    let Node::File(_, content) = node else { return Vec::new() };
    let text = String::from_utf8_lossy(content).replace("\\\n", " ");
    text.split_whitespace().map(str::to_owned).collect()
}

/// The dependency files and objects of a build.
fn built(farm: &Farm) -> Tree {
    let files = Tree::read(&farm.work().join("out")).0;
    Tree(files.into_iter().filter(|(name, _)| !name.ends_with(".log")).collect::<BTreeMap<_, _>>())
}

/// Builds with `script`; each unit must go out in pump mode, and what is made be `local`.
#[track_caller]
fn builds_equally(farm: &Farm, run: Run<'_>, volunteer: usize, local: &Tree, exact: bool) {
    let before = farm.volunteers[volunteer].settled_jobs().len();
    let output = run.output().success();
    // Clients say so when they go another way.
    assert_eq!(output.stderr, "", "{output}");
    let tree = built(farm);
    let same = |name: &str, one: &Node, other: &Node| match name.ends_with(".o") {
        true => !exact && same_code(one, other),
        false => !exact && words(one) == words(other),
    };
    assert_eq!(tree.differences(local, same), "");
    let jobs = &farm.volunteers[volunteer].settled_jobs()[before..];
    let done: Vec<_> = jobs.iter().filter(|job| job.result == "COMPILE_OK").collect();
    assert!(done.len() >= UNITS, "{} of {UNITS} units were sent: {jobs:#?}", done.len());
}

/// Builds without a client, and with that of `side` by `script` and each kind of volunteer; `exact`
/// says for both whether what is made is the same to the byte.
#[track_caller]
fn build_each_way(side: Side, script: &str, set: fn(Run<'_>) -> Run<'_>, exact: [bool; 2]) -> Farm {
    let mut farm = Farm::new();
    prepare(&farm);
    farm.local("make -s -j4").output().quiet_success();
    let local = built(&farm);
    assert_eq!(local.0.len(), 2 * UNITS, "{:?}", local.names());
    for (volunteer, exact) in [Side::Stock, Side::Ours].into_iter().zip(exact) {
        let volunteer = farm.start(&Options::new(volunteer));
        prepare(&farm);
        let hosts = format!("{}/4,cpp,lzo", farm.volunteers[volunteer].address());
        let run = set(farm.run(side, script).hosts(&hosts));
        builds_equally(&farm, run, volunteer, &local, exact);
    }
    farm
}

#[test]
fn the_c_client_asks_our_agent() {
    // An error of a volunteer's in place of a second try here; no word but the compiler's.
    fn strict(run: Run<'_>) -> Run<'_> {
        run.env("DISTCC_FALLBACK", "0").env("DISTCC_TESTING_INCLUDE_SERVER", "1")
    }
    let script = format!("{PUMP} make -s -j4");
    build_each_way(Side::Stock, &script, strict, [false, false]).assert_no_litter();
}

/// Each unit of our client's builds went in pump mode, but for those with debug information to
/// distccd 3.4, which leaves its directory in it.
#[track_caller]
fn assert_all_in_pump_mode(farm: &Farm) {
    let entries = read_since(&farm.path("distcc/journal"), SystemTime::UNIX_EPOCH);
    let ways = entries.iter().map(|entry| match &entry.pump {
        Pump::Used => "pump",
        Pump::NotAsked => "not asked",
        Pump::Plain { counter, .. } => counter,
    });
    let mut count = BTreeMap::new();
    ways.for_each(|way| *count.entry(way).or_insert(0) += 1);
    let expected = [("pump", 2 * (UNITS + 1) - WITH_DEBUG), ("pump-directory", WITH_DEBUG)];
    assert_eq!(count, expected.into(), "{entries:#?}");
}

#[test]
fn our_client_asks_the_agent_of_a_pump() {
    // The first unit learns what the volunteer is, for which others wait no longer than a second.
    let script = format!(
        "eval \"$({PUMP} --startup)\"; gcc -c empty.c && make -s -j4; status=$?
        {PUMP} --shutdown; exit $status"
    );
    let farm = build_each_way(Side::Ours, &script, |run| run, [false, true]);
    assert_all_in_pump_mode(&farm);
    // No agent but that of the pump was asked.
    assert!(!farm.path("distcc/agent").exists());
    farm.assert_no_litter();
}

#[test]
fn our_client_asks_the_include_server_of_the_c_distcc() {
    let server = StockIncludeServer::start();
    let socket = server.socket();
    let script =
        format!("export INCLUDE_SERVER_PORT={}; gcc -c empty.c && make -s -j4", socket.display());
    let farm = build_each_way(Side::Ours, &script, |run| run, [false, true]);
    assert_all_in_pump_mode(&farm);
    assert!(!farm.path("distcc/agent").exists());
    assert_eq!(server.said(), "");
    farm.assert_no_litter();
}
