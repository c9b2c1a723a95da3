//! Tricky command lines, each a file, through every pair of client and daemon: what they leave
//! behind equals what a local run leaves.
//!
//! `tests/fixtures/interop/NAME.cmd` is a shell command after lines of these kinds:
//!
//! * `# expect: remote [COUNT]`: so many units (1) are compiled by the volunteer;
//! * `# expect: tried REASON…`: a volunteer may see the unit, but the result is a local one;
//! * `# expect: local REASON…`: no volunteer sees it; the reasons are those in the journal;
//! * `# setup: COMMAND`: prepares the directory, which holds a copy of `tree/` at first;
//! * `# compare: code WHY`: objects are equal apart from debug information;
//! * `# compare: without FILE WHY`: that file exists in both runs, but its content differs;
//! * `# stock: differs WHY`: the stock client gets this wrong, and with each daemon another way;
//! * anything else after a `#` is a remark.
//!
//! `INTEROP=TEXT` in the environment runs only the files whose name contains it.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::SystemTime;

use makepkg_distcc::progress::journal::Outcome;
use makepkg_distcc::progress::journal_read::read_since;

use crate::support::farm::Farm;
use crate::support::output::{Output, without_temp_names};
use crate::support::tree::{Node, Tree, same_code};
use crate::support::volunteer::Side;

/// Where a fixture says its units are compiled.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Expected {
    Remote(usize),
    Tried(Vec<String>),
    Local(Vec<String>),
}

/// In what the files of two runs may differ.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Compare {
    Code,
    Without(String),
}

#[derive(Clone, Debug)]
struct Fixture {
    name: String,
    expected: Expected,
    compare: Vec<Compare>,
    stock_differs: bool,
    setup: String,
    command: String,
}

/// What one run of a command did, as far as another can be held against it.
#[derive(Clone, Debug)]
struct Result {
    output: Output,
    tree: Tree,
}

fn dir() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/interop")
}

fn fixtures() -> Vec<Fixture> {
    let wanted = std::env::var("INTEROP").unwrap_or_default();
    let mut fixtures: Vec<Fixture> = std::fs::read_dir(dir())
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "cmd"))
        .map(|path| Fixture::read(&path))
        .filter(|fixture| fixture.name.contains(&wanted))
        .collect();
    fixtures.sort_by(|a, b| a.name.cmp(&b.name));
    fixtures
}

impl Fixture {
    fn read(path: &Path) -> Self {
        let text = std::fs::read_to_string(path).unwrap();
        let mut fixture = Self {
            name: path.file_stem().unwrap().to_str().unwrap().to_owned(),
            expected: Expected::Local(Vec::new()),
            compare: Vec::new(),
            stock_differs: false,
            setup: String::new(),
            command: String::new(),
        };
        for line in text.lines() {
            if let Some(value) = line.strip_prefix("# expect: ") {
                fixture.expected = Expected::read(value);
            } else if let Some(value) = line.strip_prefix("# compare: ") {
                fixture.compare.push(Compare::read(value));
            } else if line.starts_with("# stock: differs ") {
                fixture.stock_differs = true;
            } else if let Some(value) = line.strip_prefix("# setup: ") {
                writeln!(fixture.setup, "{value}").unwrap();
            } else if !line.starts_with('#') {
                writeln!(fixture.command, "{line}").unwrap();
            }
        }
        assert!(!fixture.command.is_empty(), "{}: no command", path.display());
        fixture
    }

    /// Makes `start` in the farm: the directory in which every run begins.
    fn prepare(&self, farm: &Farm) {
        clear(&farm.path("start"));
        copy(&dir().join("tree"), &farm.path("start"));
        farm.local(&self.setup).dir(&farm.path("start")).output().success();
    }

    /// Runs the command in a fresh copy of `start`.
    fn run(&self, farm: &Farm, client: Option<(Side, &str)>) -> Result {
        clear(&farm.work());
        copy(&farm.path("start"), &farm.work());
        let run = match client {
            None => farm.local(&self.command),
            Some((side, hosts)) => farm.run(side, &self.command).hosts(hosts),
        };
        let mut output = run.output();
        output.stderr = without_temp_names(&output.stderr);
        Result { output, tree: farm.tree() }
    }

    /// How `result` differs from `expected`, in words.
    fn differences(&self, result: &Result, expected: &Result) -> String {
        let mut text = String::new();
        if result.output != expected.output {
            write!(text, "{}instead of, locally,\n{}", result.output, expected.output).unwrap();
        }
        text + &self.tree_differences(result, expected)
    }

    fn tree_differences(&self, result: &Result, expected: &Result) -> String {
        result.tree.differences(&expected.tree, |name, one, other| self.same(name, one, other))
    }

    fn same(&self, name: &str, one: &Node, other: &Node) -> bool {
        self.compare.iter().any(|compare| match compare {
            Compare::Code => name.ends_with(".o") && same_code(one, other),
            Compare::Without(file) => name == file,
        })
    }
}

impl Expected {
    fn read(text: &str) -> Self {
        let mut words = text.split_whitespace().map(str::to_owned);
        match words.next().unwrap().as_str() {
            "remote" => Self::Remote(words.next().map_or(1, |count| count.parse().unwrap())),
            "tried" => Self::Tried(words.collect()),
            "local" => Self::Local(words.collect()),
            other => unreachable!("`# expect: {other}`"),
        }
    }
}

impl Compare {
    fn read(text: &str) -> Self {
        let words: Vec<&str> = text.split_whitespace().collect();
        match words[..] {
            ["code", _, ..] => Self::Code,
            ["without", file, _, ..] => Self::Without(file.to_owned()),
            _ => unreachable!("`# compare: {text}`"),
        }
    }
}

fn clear(dir: &Path) {
    if dir.exists() {
        std::fs::remove_dir_all(dir).unwrap();
    }
}

fn copy(from: &Path, to: &Path) {
    let status = Command::new("cp").arg("-a").arg(from).arg(to).status().unwrap();
    assert!(status.success());
}

/// Forgets what earlier fixtures left: resting volunteers, and the journal.
fn forget(farm: &Farm) {
    clear(&farm.path("distcc/lock"));
    clear(&farm.path("distcc/journal"));
}

/// Where our client says that the units were compiled: a count, and reasons.
fn journal(farm: &Farm) -> (usize, Vec<String>) {
    let (mut remote, mut reasons) = (0, Vec::new());
    for entry in read_since(&farm.path("distcc/journal"), SystemTime::UNIX_EPOCH) {
        match entry.outcome {
            Outcome::Remote { .. } => remote += 1,
            Outcome::Local { counter, .. } => reasons.push(counter),
        }
    }
    (remote, reasons)
}

/// Whether the units went where the fixture says, by the journal and by the volunteer's log.
fn placement(fixture: &Fixture, farm: &Farm, jobs_before: usize) -> String {
    let jobs = farm.volunteers[0].settled_jobs();
    let done = jobs[jobs_before..].iter().filter(|job| job.result == "COMPILE_OK").count();
    let (remote, reasons) = journal(farm);
    let wanted = match &fixture.expected {
        Expected::Remote(count) => remote == *count && done == *count,
        Expected::Tried(expected) => remote == 0 && reasons == *expected,
        Expected::Local(expected) => {
            jobs.len() == jobs_before && remote == 0 && reasons == *expected
        }
    };
    let expected = &fixture.expected;
    if wanted {
        return String::new();
    }
    format!("  {expected:?}, but {remote} went out, {done} were done there, here: {reasons:?}\n")
}

/// A volunteer whose compile was fine, or failed, has no reason to rest.
fn resting(farm: &Farm) -> String {
    let names = std::fs::read_dir(farm.path("distcc/lock")).into_iter().flatten();
    let names = names.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let resting = names.filter(|name| name.starts_with("backoff"));
    resting.map(|name| format!("  a volunteer rests: {name}\n")).collect()
}

fn litter(farm: &Farm) -> String {
    let left = Tree::read(&farm.path("tmp"));
    let text = left.names().iter().map(|name| format!("  TMPDIR: {name} is left\n")).collect();
    clear(&farm.path("tmp"));
    std::fs::create_dir(farm.path("tmp")).unwrap();
    text
}

/// Has the client look at each of the volunteer's compilers once; from then on it knows what text
/// they take.
fn make_acquainted(farm: &Farm, hosts: &str) {
    copy(&dir().join("tree/."), &farm.work());
    for compile in ["gcc -c line.c", "g++ -c small.cc", "clang -c line.c", "clang++ -c small.cc"] {
        farm.run(Side::Ours, compile).hosts(hosts).output().quiet_success();
    }
}

/// Runs every fixture with our client and a daemon of `side`, with and without compression, and
/// compares with a local run.
fn compare_with_local(side: Side) {
    let farm = Farm::with(side);
    let hosts = ["/4", "/4,lzo"].map(|suffix| farm.hosts(suffix));
    make_acquainted(&farm, &hosts[0]);
    let mut failures = String::new();
    let fixtures = fixtures();
    for fixture in &fixtures {
        fixture.prepare(&farm);
        let local = fixture.run(&farm, None);
        for hosts in &hosts {
            forget(&farm);
            let jobs_before = farm.volunteers[0].settled_jobs().len();
            let ours = fixture.run(&farm, Some((Side::Ours, hosts)));
            let text = fixture.differences(&ours, &local)
                + &placement(fixture, &farm, jobs_before)
                + &resting(&farm)
                + &litter(&farm);
            if !text.is_empty() {
                let Fixture { name, command, .. } = fixture;
                writeln!(failures, "{name} with {hosts}: {command}{text}").unwrap();
            }
        }
    }
    assert!(failures.is_empty(), "of {} command lines\n{failures}", fixtures.len());
    farm.volunteers[0].assert_no_litter();
}

/// Runs every fixture with the stock client, once to each daemon. Where the stock daemon served
/// it well, ours does the same, or refuses so that the files become those of a local run.
#[test]
fn stock_client_gets_from_our_daemon_what_it_gets_from_the_stock_one() {
    let stock = Farm::with(Side::Stock);
    let ours = Farm::with(Side::Ours);
    let mut failures = String::new();
    let mut compared = 0;
    for fixture in fixtures().into_iter().filter(|fixture| !fixture.stock_differs) {
        fixture.prepare(&stock);
        let hosts = [stock.hosts("/4"), ours.hosts("/4"), ours.hosts("/4,lzo")];
        let mut results = hosts.iter().map(|hosts| {
            forget(&stock);
            fixture.run(&stock, Some((Side::Stock, hosts)))
        });
        let reference = results.next().unwrap();
        if reference.output.status != 0 || reference.output.stderr.contains("distcc") {
            continue;
        }
        compared += 1;
        // The results come first: a local run takes their place in the directory.
        let results: Vec<Result> = results.collect();
        let mut local = None;
        for result in results {
            let text = fixture.differences(&result, &reference);
            if text.is_empty() {
                continue;
            }
            let local = local.get_or_insert_with(|| fixture.run(&stock, None));
            let as_local = result.output.status == local.output.status
                && result.output.stdout == local.output.stdout
                && fixture.tree_differences(&result, local).is_empty();
            if !as_local {
                writeln!(failures, "{}: {}{text}", fixture.name, fixture.command).unwrap();
            }
        }
    }
    let count =
        |farm: &Farm| farm.volunteers[0].settled_jobs().iter().filter(|job| job.exit == 0).count();
    let (by_stock, by_ours) = (count(&stock), count(&ours));
    ours.volunteers[0].assert_no_litter();
    assert!(failures.is_empty(), "of {compared} command lines\n{failures}");
    assert!(
        by_ours >= by_stock,
        "{by_stock} jobs by the stock daemon, {by_ours} by ours, in twice the runs"
    );
}

#[test]
fn our_client_and_our_daemon_do_what_a_local_run_does() {
    compare_with_local(Side::Ours);
}

#[test]
fn our_client_and_the_stock_daemon_do_what_a_local_run_does() {
    compare_with_local(Side::Stock);
}

#[test]
fn there_are_enough_command_lines() {
    assert!(std::env::var("INTEROP").is_ok() || fixtures().len() >= 60);
}
