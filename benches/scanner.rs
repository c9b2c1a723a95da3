//! The include scanner on large trees: what it finds against what gcc and clang open, and the
//! processor time that it takes against clang-scan-deps.
//!
//! `cargo bench --bench scanner [-- TREE...]`. Each unit of each tree is scanned, and preprocessed
//! with `-M` by gcc and by clang: a file that they open and the scanner does not name ends the run
//! with status 1. Trees come from Debian (`apt-get source`); linux needs flex, bison, bc and
//! libelf-dev for its generated headers. `SCANNER_STEP=10` takes every tenth unit only,
//! `SCANNER_CHECK=0` leaves out the compilers.

#![expect(
    clippy::print_stdout,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    clippy::disallowed_methods,
    reason = "a bench prints, and stops where it stumbles"
)]

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};

use makepkg_distcc::base::disk::RealDisk;
use makepkg_distcc::compiler::scan::{Plan, Surroundings, scan};
use makepkg_distcc::compiler::unit::TranslationUnit;
use makepkg_distcc::include::CannotTell;
use makepkg_distcc::include::scanner::{Request, Scanned, Scanner};
use makepkg_distcc::include::search::{Defaults, question};
use nix::sys::resource::{UsageWho, getrusage};
use nix::sys::time::TimeValLike;

use crate::trees::{Tree, trees};

mod trees;

const TREES: [&str; 6] = ["redis", "git", "leveldb", "rocksdb", "boost1.74", "linux"];

fn main() {
    let chosen: Vec<String> = std::env::args().skip(1).filter(|word| word != "--bench").collect();
    let chosen: Vec<&'static str> = TREES
        .into_iter()
        .filter(|name| chosen.is_empty() || chosen.iter().any(|one| one == name))
        .collect();
    let step = std::env::var("SCANNER_STEP").ok().and_then(|text| text.parse().ok()).unwrap_or(1);
    println!(
        "{:<10} {:<6} {:>6} {:>6} {:>7} {:>6} {:>7} {:>8} {:>8} {:>9} {:>7}",
        "tree",
        "by",
        "units",
        "here",
        "cannot",
        "errors",
        "median",
        "cold ms",
        "warm ms",
        "deps ms",
        "missing"
    );
    let mut missing = 0;
    for tree in trees(&chosen) {
        for family in ["gcc", "clang"] {
            missing += run(&tree, family, step);
        }
    }
    if missing > 0 {
        std::process::exit(1);
    }
}

/// Scans and checks one tree with one family of compilers, prints what comes out, and gives how
/// many files were missed.
fn run(tree: &Tree, family: &str, step: usize) -> usize {
    let mut commands: Vec<Vec<String>> = tree.commands.iter().step_by(step).cloned().collect();
    if family == "clang" {
        for_clang(&mut commands, &tree.dir);
    }
    let path = [PathBuf::from("/usr/bin")];
    let surroundings = Surroundings { cwd: &tree.dir, path: &path, disk: &RealDisk };
    let mut here: BTreeMap<String, usize> = BTreeMap::new();
    let mut units = Vec::new();
    for command in &commands {
        let argv: Vec<OsString> = command.iter().map(OsString::from).collect();
        match scan(&argv, &surroundings) {
            Plan::Distribute(unit) => units.push((command, *unit)),
            Plan::Local(reason) => *here.entry(reason.sentence()).or_default() += 1,
        }
    }
    let asked = defaults(&tree.dir, units.iter().map(|(_, unit)| unit));
    let (units, asked): (Vec<_>, Vec<_>) =
        units.into_iter().zip(asked).filter_map(|(unit, asked)| Some((unit, asked?))).unzip();
    let scanner = Scanner::default();
    let pass = || -> (Duration, Vec<Result<Scanned, CannotTell>>) {
        let start = cpu(UsageWho::RUSAGE_THREAD);
        let found = units.iter().zip(&asked).map(|((_, unit), defaults)| {
            scanner.scan(&request(unit, &tree.dir, defaults), &RealDisk)
        });
        let found = found.collect();
        (cpu(UsageWho::RUSAGE_THREAD).saturating_sub(start), found)
    };
    let (cold, found) = pass();
    let (_, again) = pass();
    let (warm, _) = pass();
    let checks: Vec<(&Vec<String>, &Result<Scanned, CannotTell>)> = units
        .iter()
        .map(|(command, _)| *command)
        .zip(&found)
        .chain(units.iter().map(|(command, _)| *command).zip(&again))
        .collect();
    let is_checked = std::env::var_os("SCANNER_CHECK").is_none_or(|value| value != "0");
    let verdict = is_checked.then(|| verdict(tree, &checks));
    let has_deps = is_checked && family == "clang";
    let deps = if has_deps { scan_deps(tree, &commands) } else { None };
    let per = |time: Duration| time.as_secs_f64() * 1000.0 / units.len().max(1) as f64;
    let checked = |text: &dyn Fn(&Verdict) -> String| verdict.as_ref().map_or("-".to_owned(), text);
    println!(
        "{:<10} {:<6} {:>6} {:>6} {:>7} {:>6} {:>7} {:>8.2} {:>8.2} {:>9} {:>7}",
        tree.name,
        family,
        units.len(),
        here.values().sum::<usize>(),
        checked(&|verdict| {
            let cannot: usize = verdict.cannot.values().map(|(count, _)| count).sum();
            format!("{:.2}%", cannot as f64 * 100.0 / units.len().max(1) as f64)
        }),
        checked(&|verdict| verdict.errors.to_string()),
        checked(&|verdict| format!("{:.2}", verdict.median)),
        per(cold),
        per(warm),
        deps.map_or("-".to_owned(), |time| format!("{:.2}", per(time))),
        checked(&|verdict| verdict.missing.len().to_string()),
    );
    for (why, count) in here {
        println!("    {count} stay here: {why}");
    }
    let verdict = verdict.unwrap_or_default();
    for (why, (count, example)) in &verdict.cannot {
        println!("    {count} cannot tell: {why}, such as: {example}");
    }
    for missing in verdict.missing.iter().take(20) {
        println!("    MISSING {missing}");
    }
    verdict.missing.len()
}

fn request<'a>(
    unit: &'a TranslationUnit,
    cwd: &'a Path,
    defaults: &'a Arc<Defaults>,
) -> Request<'a> {
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap();
    Request { unit, cwd, defaults, now: i128::try_from(now.as_nanos()).unwrap() }
}

/// What the compilers say of themselves, each distinct question asked once; `None` where they end
/// with an error.
fn defaults<'a>(
    cwd: &Path,
    units: impl Iterator<Item = &'a TranslationUnit>,
) -> Vec<Option<Arc<Defaults>>> {
    let mut known: HashMap<Vec<OsString>, Option<Arc<Defaults>>> = HashMap::new();
    let ask = |question: Vec<OsString>| {
        let words = question.clone();
        let new = || {
            let said = Command::new(&words[0])
                .args(&words[1..])
                .current_dir(cwd)
                .env("LC_ALL", "C")
                .stdin(Stdio::null())
                .output()
                .unwrap();
            Defaults::read(&said.stdout, &said.stderr).map(Arc::new)
        };
        known.entry(question).or_insert_with(new).clone()
    };
    units.map(question).map(ask).collect()
}

#[derive(Default)]
struct Verdict {
    /// Units that nobody can tell of: kind, how many, one of them.
    cannot: BTreeMap<&'static str, (usize, String)>,
    /// Units that do not compile.
    errors: usize,
    /// Files found for each that is opened, in the middle unit.
    median: f64,
    missing: BTreeSet<String>,
}

/// Compares the first and the second answer for each unit with what its compiler opens.
fn verdict(tree: &Tree, checks: &[(&Vec<String>, &Result<Scanned, CannotTell>)]) -> Verdict {
    let next = AtomicUsize::new(0);
    let units = checks.len() / 2;
    let verdict = Mutex::new((Verdict::default(), Vec::new()));
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                let mut known = HashMap::new();
                loop {
                    let at = next.fetch_add(1, Ordering::SeqCst);
                    if at >= units {
                        return;
                    }
                    let (command, first) = checks[at];
                    let opened = opened(&tree.dir, command, &mut known);
                    let mut verdict = verdict.lock().unwrap();
                    let Some(opened) = opened else {
                        verdict.0.errors += 1;
                        continue;
                    };
                    for (found, which) in [(first, "first"), (checks[at + units].1, "second")] {
                        match found {
                            Err(error) if which == "first" => {
                                let kind = kind(error);
                                let example = error.to_string();
                                verdict.0.cannot.entry(kind).or_insert((0, example)).0 += 1;
                            }
                            Err(_) => {}
                            Ok(found) => {
                                let paths: BTreeSet<&Path> =
                                    found.inputs.iter().map(|input| &*input.way.real).collect();
                                for path in
                                    opened.iter().filter(|path| !paths.contains(path.as_path()))
                                {
                                    let source = command.last().unwrap();
                                    let path = path.display();
                                    verdict.0.missing.insert(format!("{source}: {path} ({which})"));
                                }
                                verdict.1.push(paths.len() as f64 / opened.len() as f64);
                            }
                        }
                    }
                }
            });
        }
    });
    let (mut verdict, mut ratios) = verdict.into_inner().unwrap();
    ratios.sort_unstable_by(f64::total_cmp);
    verdict.median = ratios.get(ratios.len() / 2).copied().unwrap_or_default();
    verdict
}

fn kind(error: &CannotTell) -> &'static str {
    match error {
        CannotTell::Option(_) => "option",
        CannotTell::File(..) => "file",
        CannotTell::Content(..) => "content",
        CannotTell::Precompiled(_) => "precompiled header",
        CannotTell::Computed(..) => "computed include",
        CannotTell::Trigraphs(_) => "trigraphs",
        CannotTell::Clock(_) | CannotTell::ClockOption(_) => "clock",
        _ => "other",
    }
}

/// What the compiler opens, by `-M`; `None` where it ends with an error.
fn opened(
    cwd: &Path,
    command: &[String],
    known: &mut HashMap<String, PathBuf>,
) -> Option<Vec<PathBuf>> {
    let said = Command::new(&command[0])
        .args(command[1..].iter().filter(|word| *word != "-c"))
        .args(["-M", "-MT", "x"])
        .current_dir(cwd)
        .stderr(Stdio::null())
        .output()
        .unwrap();
    if !said.status.success() {
        return None;
    }
    let text = String::from_utf8(said.stdout).unwrap().replace("\\\n", " ");
    let mut files = Vec::new();
    for file in text.split_whitespace().skip(1) {
        if !known.contains_key(file) {
            let real = fs::canonicalize(cwd.join(file)).unwrap();
            known.insert(file.to_owned(), real);
        }
        files.push(known[file].clone());
    }
    Some(files)
}

/// Makes commands for gcc ones for clang: what clang does not know is left out.
fn for_clang(commands: &mut [Vec<String>], cwd: &Path) {
    for command in commands.iter_mut() {
        let name = if command[0] == "g++" { "clang++" } else { "clang" };
        name.clone_into(&mut command[0]);
        command.retain(|word| !word.starts_with("-Werror"));
    }
    let mut refused: BTreeSet<String> = BTreeSet::new();
    for at in (0..commands.len()).step_by(commands.len().div_ceil(40).max(1)) {
        for _ in 0..30 {
            let command: Vec<&String> =
                commands[at].iter().filter(|word| !refused.contains(*word)).collect();
            let said = Command::new(command[0])
                .args(&command[1..])
                .args(["-Wno-everything", "-M", "-MF", "/dev/null"])
                .current_dir(cwd)
                .output()
                .unwrap();
            let text = String::from_utf8_lossy(&said.stderr).into_owned();
            let before = refused.len();
            for line in text.lines().filter(|line| line.contains("error: ")) {
                let quoted = line.split('\'').skip(1).step_by(2);
                refused.extend(quoted.filter(|word| word.starts_with('-')).map(str::to_owned));
            }
            if refused.len() == before {
                break;
            }
        }
    }
    for command in commands {
        command.retain(|word| !refused.contains(word));
    }
}

/// The processor time that clang-scan-deps takes for all units, on one thread.
fn scan_deps(tree: &Tree, commands: &[Vec<String>]) -> Option<Duration> {
    let program = ["clang-scan-deps", "clang-scan-deps-14", "clang-scan-deps-19"]
        .into_iter()
        .find(|name| Path::new("/usr/bin").join(name).exists())?;
    let entries: Vec<serde_json::Value> = commands
        .iter()
        .map(|command| {
            let source = command.last().unwrap();
            serde_json::json!({
                "directory": tree.dir, "file": source, "arguments": command, "output": "x.o",
            })
        })
        .collect();
    let file = tempfile::NamedTempFile::new().unwrap();
    fs::write(file.path(), serde_json::to_vec(&entries).unwrap()).unwrap();
    let start = cpu(UsageWho::RUSAGE_CHILDREN);
    let ran = Command::new(program)
        .args(["-j", "1", "-compilation-database"])
        .arg(file.path())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status();
    if let Err(error) = ran {
        panic!("{program}: {error}");
    }
    Some(cpu(UsageWho::RUSAGE_CHILDREN).saturating_sub(start))
}

/// The time that processors have spent, of the system and for itself.
fn cpu(who: UsageWho) -> Duration {
    let usage = getrusage(who).unwrap();
    let total = usage.user_time() + usage.system_time();
    Duration::from_micros(u64::try_from(total.num_microseconds()).unwrap_or_default())
}
