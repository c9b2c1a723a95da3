//! The include scanner against compilers: it names every file that gcc and clang open, on real
//! trees and made-up ones, also while headers are edited, made, replaced and deleted.

use std::collections::{BTreeSet, HashMap};
use std::ffi::OsString;
use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::SystemTime;

use makepkg_distcc::base::disk::RealDisk;
use makepkg_distcc::compiler::scan::{Plan, Surroundings, scan};
use makepkg_distcc::compiler::unit::TranslationUnit;
use makepkg_distcc::include::CannotTell;
use makepkg_distcc::include::scanner::{Bounds, Request, Scanned, Scanner};
use makepkg_distcc::include::search::{Defaults, question};
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};

/// A scanner, and what its compilers have said of themselves.
#[derive(Default)]
struct Bench {
    scanner: Scanner,
    defaults: HashMap<Vec<OsString>, Arc<Defaults>>,
}

impl Bench {
    /// The unit of a command, and what its compiler says.
    fn asked(&mut self, cwd: &Path, command: &str) -> (TranslationUnit, Arc<Defaults>) {
        let unit = unit(cwd, command);
        let question = question(&unit);
        let defaults = self.defaults.entry(question.clone()).or_insert_with(|| {
            let (compiler, words) = question.split_first().unwrap();
            let asked = Command::new(compiler)
                .args(words)
                .current_dir(cwd)
                .env("LC_ALL", "C")
                .stdin(Stdio::null())
                .output()
                .unwrap();
            Arc::new(Defaults::read(&asked.stdout, &asked.stderr).unwrap())
        });
        (unit, Arc::clone(defaults))
    }

    fn scan(&mut self, cwd: &Path, command: &str) -> Result<Scanned, CannotTell> {
        let (unit, defaults) = self.asked(cwd, command);
        ask(&self.scanner, cwd, &unit, &defaults)
    }

    /// Where all that is found leads.
    fn real(&mut self, cwd: &Path, command: &str) -> Result<BTreeSet<PathBuf>, CannotTell> {
        let found = self.scan(cwd, command)?;
        Ok(found.inputs.iter().map(|input| input.way.real.clone()).collect())
    }
}

fn ask(
    scanner: &Scanner,
    cwd: &Path,
    unit: &TranslationUnit,
    defaults: &Arc<Defaults>,
) -> Result<Scanned, CannotTell> {
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap();
    let now = i128::try_from(now.as_nanos()).unwrap();
    scanner.scan(&Request { unit, cwd, defaults, now }, &RealDisk)
}

fn unit(cwd: &Path, command: &str) -> TranslationUnit {
    let argv: Vec<OsString> = command.split(' ').map(OsString::from).collect();
    let path = [PathBuf::from("/usr/bin")];
    match scan(&argv, &Surroundings { cwd, path: &path, disk: &RealDisk }) {
        Plan::Distribute(unit) => *unit,
        Plan::Local(reason) => panic!("{command}: {}", reason.sentence()),
    }
}

/// What the compiler itself opens, by `-M`; `None` where it ends with an error.
fn opened(cwd: &Path, command: &str) -> Option<BTreeSet<PathBuf>> {
    // Made-up headers that include each other keep gcc busy for ages: two ways at each of 200 levels.
    let asked = Command::new("timeout")
        .arg("10")
        .args(command.split(' ').filter(|word| *word != "-c"))
        .args(["-M", "-MT", "x"])
        .current_dir(cwd)
        .stderr(Stdio::null())
        .output()
        .unwrap();
    let text = String::from_utf8(asked.stdout).unwrap().replace("\\\n", " ");
    let files = text.split_whitespace().skip(1);
    let real = |file: &str| fs::canonicalize(cwd.join(file)).unwrap();
    asked.status.success().then(|| files.map(real).collect())
}

/// Checks that nothing that the compiler opens is missing; gives how many files it opens and how
/// many were found.
fn check(bench: &mut Bench, cwd: &Path, command: &str) -> Option<(usize, usize)> {
    let opened = opened(cwd, command)?;
    let found = bench.real(cwd, command).unwrap_or_else(|error| panic!("{command}: {error}"));
    let missing: Vec<_> = opened.difference(&found).collect();
    assert!(missing.is_empty(), "{command}: {missing:?}");
    Some((opened.len(), found.len()))
}

fn write(dir: &Path, name: &str, text: &str) {
    let path = dir.join(name);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, text).unwrap();
}

fn names_below(dir: &Path, suffixes: &[&str]) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut open = vec![dir.to_owned()];
    while let Some(dir) = open.pop() {
        for entry in fs::read_dir(dir).unwrap().map(Result::unwrap) {
            let path = entry.path();
            if entry.file_type().unwrap().is_dir() {
                open.push(path);
            } else if suffixes.iter().any(|suffix| path.to_string_lossy().ends_with(suffix)) {
                found.push(path);
            }
        }
    }
    found.sort();
    found
}

#[test]
fn the_sample_and_headers_of_the_system_are_covered_for_gcc_and_clang() {
    let dir = tempfile::tempdir().unwrap();
    let sample = Path::new(env!("CARGO_MANIFEST_DIR")).join("sample");
    let mut bench = Bench::default();
    let mut commands: Vec<(PathBuf, String)> = Vec::new();
    for source in names_below(&sample, &[".c", ".cc", ".cpp"]) {
        let source = source.display();
        for compiler in ["gcc", "clang"] {
            let options = "-I. -Ikit -Ikitxx -Igen -O2";
            commands.push((sample.clone(), format!("{compiler} {options} -c {source}")));
        }
    }
    let lists = [("gcc", "c", "/usr/include"), ("clang", "c", "/usr/include")];
    let plus = [("g++", "cc", "/usr/include/c++/12"), ("clang++", "cc", "/usr/include/c++/12")];
    for (compiler, suffix, headers) in lists.into_iter().chain(plus) {
        let Ok(entries) = fs::read_dir(headers) else { continue };
        let mut names: Vec<_> = entries.map(|entry| entry.unwrap()).collect();
        names.retain(|entry| entry.file_type().unwrap().is_file());
        names.sort_by_key(fs::DirEntry::file_name);
        // A third of them is as good as all, in a third of the time.
        for entry in names.into_iter().step_by(3) {
            let name = entry.file_name().into_string().unwrap();
            let file = format!("{}_{suffix}.{suffix}", name.replace(['.', '-'], "_"));
            write(dir.path(), &file, &format!("#include <{name}>\nint one;\n"));
            commands.push((dir.path().to_owned(), format!("{compiler} -c {file}")));
        }
    }
    let mut ratios = Vec::new();
    for (cwd, command) in &commands {
        if let Some((opened, found)) = check(&mut bench, cwd, command) {
            ratios.push(found * 100 / opened);
        }
    }
    ratios.sort_unstable();
    let median = ratios[ratios.len() / 2];
    eprintln!("{} units covered; found of opened: median {median} %", ratios.len());
    assert!(ratios.len() > 100, "{}", ratios.len());
    assert!(median < 150, "{median}");
}

#[test]
fn scan_includes_lists_what_a_compile_may_open_and_needs_a_pump_host() {
    let dir = tempfile::tempdir().unwrap();
    let dir = fs::canonicalize(dir.path()).unwrap();
    write(&dir, "main.c", "#include \"sub/../link/one.h\"\n");
    write(&dir, "real/one.h", "#ifdef NONE\n#include \"none.h\"\n#endif\n");
    write(&dir, "none.h", "");
    fs::create_dir(dir.join("sub")).unwrap();
    symlink("real", dir.join("link")).unwrap();
    let scan = |hosts: &str, words: &[&str]| {
        let ran = Command::new(env!("CARGO_BIN_EXE_distcc"))
            .arg("--scan-includes")
            .args(words)
            .current_dir(&dir)
            .env("DISTCC_HOSTS", hosts)
            .env("DISTCC_DIR", dir.join("state"))
            .output()
            .unwrap();
        let text = String::from_utf8([ran.stdout, ran.stderr].concat()).unwrap();
        let text = text.replace(&dir.display().to_string(), "");
        let ours = text.lines().filter(|line| !line.contains("/usr/"));
        (ran.status.code().unwrap(), ours.collect::<Vec<_>>().join("\n"))
    };
    let pump = "10.0.0.1,cpp,lzo";
    insta::assert_snapshot!(scan(pump, &["gcc", "-nostdinc", "-c", "main.c"]).1, @"
    FILE      /main.c
    FILE      /real/one.h
    SYMLINK   /link
    DIRECTORY /sub
    ");
    assert_eq!(scan("10.0.0.1", &["gcc", "-c", "main.c"]).0, 100);
    write(&dir, "main.c", "asm(\".incbin \\\"x\\\"\");\n");
    let (code, said) = scan(pump, &["gcc", "-c", "main.c"]);
    assert!(code == 100 && said.contains("the assembler reads a file"), "{said}");
}

#[test]
fn include_next_of_a_file_beside_its_includer_goes_on_among_quoted_directories() {
    let dir = tempfile::tempdir().unwrap();
    write(dir.path(), "main.c", "#include \"one.h\"\n");
    write(
        dir.path(),
        "one.h",
        "#include_next <two.h>\n#if __has_include_next(<three.h>)\n#endif\n",
    );
    write(dir.path(), "two.h", "");
    write(dir.path(), "a/two.h", "#define NAME <four.h>\n#include_next NAME\n");
    write(dir.path(), "a/four.h", "#error not this one\n");
    write(dir.path(), "b/four.h", "");
    for compiler in ["gcc", "clang"] {
        let command = format!("{compiler} -iquote a -iquote b -I. -c main.c");
        check(&mut Bench::default(), dir.path(), &command).unwrap();
    }
}

/// One line of a made-up header. Numbers stand for headers after this one, macros, and values.
#[derive(Clone, Debug)]
enum Line {
    Include(u8, u8),
    Define(u8, u8),
    Function(u8, u8),
    Undefine(u8),
    Open(u8, u8, u8),
    Else,
    Elif(u8, u8),
    Close,
    Name(u8, u8),
    Computed(u8, u8),
    Asked(u8),
}

fn line() -> impl Strategy<Value = Line> {
    use Line::*;
    let number = any::<u8>;
    prop_oneof![
        4 => (number(), number()).prop_map(|(a, b)| Include(a, b)),
        3 => (number(), number()).prop_map(|(a, b)| Define(a, b)),
        1 => (number(), number()).prop_map(|(a, b)| Function(a, b)),
        1 => number().prop_map(Undefine),
        4 => (number(), number(), number()).prop_map(|(a, b, c)| Open(a, b, c)),
        2 => Just(Else),
        1 => (number(), number()).prop_map(|(a, b)| Elif(a, b)),
        4 => Just(Close),
        1 => (number(), number()).prop_map(|(a, b)| Name(a, b)),
        2 => (number(), number()).prop_map(|(a, b)| Computed(a, b)),
        1 => number().prop_map(Asked),
    ]
}

const FILES: u8 = 12;
const DIRS: [&str; 3] = ["", "a/", "b/"];

/// The text of header `at` in directory `dir`: it includes headers with higher numbers only.
fn text(lines: &[Line], at: u8) -> String {
    let later = |number: u8| format!("h{}.h", at + 1 + number % (FILES - at).max(1));
    let condition = |name: u8, how: u8| match how % 9 {
        0 => format!("defined M{}", name % 6),
        1 => format!("M{} > {}", name % 6, how % 3),
        2 => format!("!defined(M{}) || F{}(1, 2)", name % 6, how % 3),
        3 => format!("M{} + {} == 2", name % 6, how % 4),
        4 => format!("defined(M{0}) && M{0} > {1} || M{2} < 0", name % 6, how % 4, how % 6),
        5 => format!("defined F0 && F{}(M{}, {})", name % 3, name % 6, how % 4),
        6 => format!("M{0} ? M{0} == M{1} : M{1} - 1", name % 6, how % 6),
        7 => format!("M{} T{} 1", name % 6, name % 2),
        _ => "0".to_owned(),
    };
    let mut out = String::new();
    let mut depth = 0;
    // Two includes for each header, or else some trees take hours.
    let mut includes = 0;
    for line in lines {
        let is_include = matches!(line, Line::Include(..) | Line::Computed(..) | Line::Asked(_));
        includes += usize::from(is_include);
        if is_include && includes > 2 {
            continue;
        }
        let text = match line {
            Line::Include(file, how) if at < FILES => match how % 5 {
                0 => format!("#include <{}>", later(*file)),
                1 => format!("#include \"{}{}\"", DIRS[usize::from(*how) % 3], later(*file)),
                2 => format!("#include_next <{}>", later(*file)),
                3 => format!("# /* x */ include \\\n  \"{}\"", later(*file)),
                _ => format!("#include \"{}\" // y", later(*file)),
            },
            Line::Define(name, value) => match value % 9 {
                4 => format!("#define M{} M{}", name % 6, value % 6),
                5 => format!("#define M{} (M{} + 1)", name % 6, value % 6),
                6 => format!("#undef T{0}\n#define T{0} < 2 || 0 <", name % 2),
                7 => format!("#undef T{0}\n#define T{0} ==", name % 2),
                value => format!("#define M{} {}", name % 6, value % 4),
            },
            Line::Function(name, value) => {
                let (name, value) = (name % 3, value % 5);
                match value {
                    3 => format!("#undef F{name}\n#define F{name}(x, y) 0"),
                    4 => format!("#undef F{name}\n#define F{name}(x, y) (x ## y + 0 == 0 && x)"),
                    _ => format!("#define F{name}(x, y) ((x) + {value} > (y))"),
                }
            }
            Line::Undefine(name) => format!("#undef M{}", name % 6),
            Line::Open(name, how, kind) => {
                depth += 1;
                match kind % 3 {
                    0 => format!("#ifdef M{}", name % 6),
                    1 => format!("#ifndef M{}", name % 6),
                    _ => format!("#if {}", condition(*name, *how)),
                }
            }
            Line::Else if depth > 0 => {
                // One #else a conditional: what follows it is a new one.
                format!("#else\nint e{at};\n#endif\n#if {}", condition(at, 1))
            }
            Line::Elif(name, how) if depth > 0 => format!("#elif {}", condition(*name, *how)),
            Line::Close if depth > 0 => {
                depth -= 1;
                "#endif".to_owned()
            }
            Line::Name(name, file) if at < FILES => {
                format!("#undef N{0}\n#define N{0} <{1}>", name % 3, later(*file))
            }
            Line::Computed(name, file) if at < FILES => match file % 2 {
                0 => format!("#ifdef N{0}\n#include N{0}\n#endif", name % 3),
                _ => format!("#define S(x) #x\n#define T(x) S(x)\n#include T(h{FILES}.h)"),
            },
            Line::Asked(file) if at < FILES => {
                format!("#if __has_include(<{0}>)\n#include <{0}>\n#endif", later(*file))
            }
            _ => continue,
        };
        out.push_str(&text);
        out.push('\n');
    }
    out.push_str(&"#endif\n".repeat(depth));
    out
}

#[test]
fn made_up_trees_are_covered() {
    let cases = std::env::var("INCLUDE_CASES").ok().and_then(|cases| cases.parse().ok());
    let mut runner = TestRunner::new(Config { cases: cases.unwrap_or(40), ..Config::default() });
    let file = (0..3_usize, proptest::collection::vec(line(), 0..14));
    let trees = proptest::collection::vec(proptest::collection::vec(file, 1..3), 13..14);
    let compiled = std::cell::Cell::new(0);
    let result = runner.run(&trees, |tree| {
        let dir = tempfile::tempdir().unwrap();
        for (at, variants) in tree.iter().enumerate() {
            let at = u8::try_from(at).unwrap();
            write(dir.path(), &format!("h{at}.h"), "");
            for (place, lines) in variants {
                write(dir.path(), &format!("{}h{at}.h", DIRS[*place]), &text(lines, at));
            }
        }
        fs::rename(dir.path().join("h0.h"), dir.path().join("main.c")).unwrap();
        let mut bench = Bench::default();
        // The second unit of the same kind finds more macros than it would alone.
        for options in ["-I. -Ia -Ib -DM1=2", "-Ib -iquote a -I. -UM2 -DM3"] {
            let command = format!("gcc {options} -c main.c");
            compiled.set(
                compiled.get() + usize::from(check(&mut bench, dir.path(), &command).is_some()),
            );
            let again = format!("gcc {options} -DM4 -c main.c");
            check(&mut bench, dir.path(), &again);
        }
        Ok(())
    });
    result.unwrap();
    assert!(compiled.get() > 5, "only {} trees compile", compiled.get());
}

/// A source that includes `<first.h>`, which may be in `a` or `b`, and includes `"second.h"`.
fn small_tree(dir: &Path) {
    write(dir, "main.c", "#include <first.h>\nint main(void) { return VALUE; }\n");
    write(dir, "a/other.h", "");
    write(dir, "b/first.h", "#include \"second.h\"\n");
    write(dir, "b/second.h", "#define VALUE 1\n");
}

#[test]
fn headers_that_change_during_a_build_are_never_stale() {
    let dir = tempfile::tempdir().unwrap();
    let dir = fs::canonicalize(dir.path()).unwrap();
    small_tree(&dir);
    let mut bench = Bench::default();
    let command = "gcc -Ia -Ib -c main.c";
    let has = |bench: &mut Bench, name: &str| {
        bench.real(&dir, command).unwrap().contains(&dir.join(name))
    };
    for round in 0..100 {
        // Edited: one byte, the same length.
        let third = format!("#include \"third{}.h\"\n", round % 2);
        write(&dir, "b/third0.h", "");
        write(&dir, "b/third1.h", "");
        write(&dir, "b/second.h", &third);
        assert!(has(&mut bench, &format!("b/third{}.h", round % 2)), "edited, {round}");
        assert!(!has(&mut bench, "a/first.h"), "{round}");
        // Generated, in a directory that is searched before.
        write(&dir, "a/first.h", "#include <gone.h>\n");
        assert!(has(&mut bench, "a/first.h"), "generated, {round}");
        // Replaced, by a link.
        fs::remove_file(dir.join("a/first.h")).unwrap();
        symlink("../b/first.h", dir.join("a/first.h")).unwrap();
        assert!(has(&mut bench, "b/first.h") && !has(&mut bench, "a/first.h"), "linked, {round}");
        // The link is turned elsewhere.
        fs::remove_file(dir.join("a/first.h")).unwrap();
        symlink("other.h", dir.join("a/first.h")).unwrap();
        assert!(has(&mut bench, "a/other.h"), "turned, {round}");
        // Deleted.
        fs::remove_file(dir.join("a/first.h")).unwrap();
        assert!(!has(&mut bench, "a/other.h"), "deleted, {round}");
        // A whole directory comes and goes.
        write(&dir, "c/first.h", "");
        let found = bench.real(&dir, "gcc -Ic -Ib -c main.c").unwrap();
        assert!(found.contains(&dir.join("c/first.h")), "directory, {round}");
        fs::remove_dir_all(dir.join("c")).unwrap();
        let found = bench.real(&dir, "gcc -Ic -Ib -c main.c").unwrap();
        assert!(!found.contains(&dir.join("c/first.h")), "no directory, {round}");
    }
}

/// Headers and sources that include each other; `round` decides what is there and what includes
/// what.
fn tangle(dir: &Path, round: usize) {
    for at in 0..24_usize {
        let place = ["a", "b", "a/c"][(at + round) % 3];
        for other in ["a", "b", "a/c"] {
            drop(fs::remove_file(dir.join(other).join(format!("h{at}.h"))));
        }
        let next = [at + 1 + round % 3, at + 2, at * 2 + round];
        let next =
            next.iter().map(|next| format!("#include <h{next}.h>\n#include <c/h{next}.h>\n"));
        write(dir, &format!("{place}/h{at}.h"), &next.collect::<String>());
        if (at + round).is_multiple_of(5) {
            drop(fs::remove_file(dir.join(format!("a/h{}.h", at + 1))));
            drop(symlink(format!("../{place}/h{at}.h"), dir.join(format!("a/h{}.h", at + 1))));
        }
    }
    for at in 0..8 {
        let text = format!("#include \"h{at}.h\"\n#include \"b/../a/h{}.h\"\n", (at + round) % 8);
        write(dir, &format!("u{at}.c"), &text);
    }
}

#[test]
fn many_threads_get_the_answers_of_a_fresh_scanner_while_files_change() {
    let dir = tempfile::tempdir().unwrap();
    let dir = fs::canonicalize(dir.path()).unwrap();
    tangle(&dir, 0);
    let mut bench = Bench::default();
    let units: Vec<(TranslationUnit, Arc<Defaults>)> = (0..8)
        .flat_map(|at| ["-Ia -Ib", "-Ib -iquote a"].map(|options| (at, options)))
        .map(|(at, options)| bench.asked(&dir, &format!("gcc {options} -c u{at}.c")))
        .collect();
    let shared = Scanner::default();
    for round in 1..12 {
        std::thread::scope(|scope| {
            for (unit, defaults) in &units {
                // What is found while files change may be of either state.
                scope.spawn(|| {
                    (0..4).for_each(|_| drop(ask(&shared, &dir, unit, defaults)));
                });
            }
            tangle(&dir, round);
        });
        std::thread::scope(|scope| {
            for (unit, defaults) in &units {
                let (shared, dir) = (&shared, &dir);
                scope.spawn(move || {
                    let known = ask(shared, dir, unit, defaults).unwrap();
                    let fresh = ask(&Scanner::default(), dir, unit, defaults).unwrap();
                    let sorted = |scanned: &Scanned| {
                        let mut inputs = scanned.inputs.clone();
                        inputs.sort_by(|a, b| a.path.cmp(&b.path));
                        let absent: BTreeSet<Arc<Path>> = scanned.absent.iter().cloned().collect();
                        (inputs, absent)
                    };
                    assert_eq!(sorted(&known), sorted(&fresh), "{round}");
                });
            }
        });
    }
}

#[test]
fn little_memory_is_enough() {
    let dir = tempfile::tempdir().unwrap();
    let dir = fs::canonicalize(dir.path()).unwrap();
    tangle(&dir, 1);
    let mut bench = Bench::default();
    let bounds = Bounds { kinds: 3, nodes: 80, text: 1 << 20, names: 10_000 };
    let small = Scanner::new(bounds);
    let one_unit = 60;
    for at in 0..40 {
        let command = format!("gcc -Ia -Ib -Inone{} -DN{at} -c u{}.c", at % 7, at % 8);
        let (unit, defaults) = bench.asked(&dir, &command);
        let known = ask(&small, &dir, &unit, &defaults).unwrap();
        assert_eq!(known.inputs, ask(&Scanner::default(), &dir, &unit, &defaults).unwrap().inputs);
        let (kinds, nodes) = small.size();
        assert!(kinds <= bounds.kinds + 1 && nodes <= bounds.nodes + one_unit, "{kinds} {nodes}");
    }
}

#[test]
fn large_and_nasty_files_come_to_an_end() {
    let dir = tempfile::tempdir().unwrap();
    let dir = fs::canonicalize(dir.path()).unwrap();
    let mut many: String = (0..150_000).map(|at| format!("#define REGISTER_{at} {at}\n")).collect();
    many.push_str("#include <x.h>\n");
    write(&dir, "many.c", &many);
    write(&dir, "x.h", "");
    let found = Bench::default().real(&dir, "gcc -I. -c many.c").unwrap();
    assert!(found.contains(&dir.join("x.h")));
    // Each macro stands for four of the next: a million million million in the end.
    let bomb: String =
        (0..30).map(|at| format!("#define B{at} B{0} B{0} B{0} B{0}\n", at + 1)).collect();
    write(&dir, "bomb.c", &format!("{bomb}#if B0\n#include <x.h>\n#endif\n"));
    let found = Bench::default().real(&dir, "gcc -I. -c bomb.c").unwrap();
    assert!(found.contains(&dir.join("x.h")));
    // What cannot be expanded in every way is followed by its names, unless a string is made.
    write(&dir, "name.c", &format!("{bomb}#define B30 <x.h>\n#include B0\n"));
    let found = Bench::default().scan(&dir, "gcc -I. -c name.c").unwrap();
    assert!(found.inputs.iter().any(|input| input.path == dir.join("x.h")));
    write(&dir, "made.c", &format!("{bomb}#define B30 S(x.h)\n#define S(x) #x\n#include B0\n"));
    let error = Bench::default().scan(&dir, "gcc -I. -c made.c").unwrap_err();
    assert!(matches!(error, CannotTell::Computed(..)), "{error}");
    // A large directory, and a name in it that comes later.
    fs::create_dir(dir.join("large")).unwrap();
    (0..10_000).for_each(|at| write(&dir, &format!("large/f{at}.h"), ""));
    write(&dir, "large.c", "#include <f9999.h>\n#include <late.h>\n");
    let mut bench = Bench::default();
    let command = "gcc -Ilarge -c large.c";
    assert!(bench.real(&dir, command).unwrap().contains(&dir.join("large/f9999.h")));
    write(&dir, "large/late.h", "");
    assert!(bench.real(&dir, command).unwrap().contains(&dir.join("large/late.h")));
}

#[test]
fn what_cannot_be_followed_is_named_and_nothing_hangs() {
    let dir = tempfile::tempdir().unwrap();
    let cannot = |name: &str, text: &str, options: &str| {
        write(dir.path(), name, text);
        let command = format!("gcc {options} -c {name}").replace("  ", " ");
        let error = Bench::default().scan(dir.path(), &command).unwrap_err();
        error.to_string().replace(&dir.path().display().to_string(), "")
    };
    nix::unistd::mkfifo(&dir.path().join("pipe.h"), nix::sys::stat::Mode::S_IRWXU).unwrap();
    fs::File::create(dir.path().join("large.h")).unwrap().set_len(100 << 20).unwrap();
    write(dir.path(), "compiled.h", "");
    write(dir.path(), "compiled.h.gch", "");
    write(dir.path(), "clock.h", "#define NOW __DATE__\n");
    let all = [
        cannot("pipe.c", "#include \"pipe.h\"\n", ""),
        cannot("device.c", "#include \"/dev/zero\"\n", ""),
        cannot("large.c", "#include \"large.h\"\n", ""),
        cannot("compiled.c", "#include \"compiled.h\"\n", ""),
        cannot("split.c", "", "-I-"),
        cannot("incbin.c", "asm(\".incbin \\\"x\\\"\");\n", ""),
        cannot("trigraph.c", "char *s = \"??/\n\";\n", "-std=c99"),
        cannot("clock.c", "#include \"clock.h\"\n", ""),
        cannot("option.c", "", "-DNOW=__TIME__"),
        cannot("line.c", "#define S(x) #x\n#define T(x) S(x)\n#include T(__LINE__)\n", ""),
        cannot("renamed.c", "#line 1 \"x\"\n#ifndef A\n#define A\n#include __FILE__\n#endif\n", ""),
        cannot("deep.c", &"#if A\n".repeat(2000), ""),
        Bench::default().scan(dir.path(), "gcc -c none.c").unwrap_err().to_string(),
    ];
    let dir = dir.path().display().to_string();
    insta::assert_snapshot!(all.join("\n").replace(&dir, ""), @r#"
    /pipe.h: it is no regular file
    /dev/zero: it is no regular file
    /large.h: it has more than 67108864 bytes
    /compiled.h.gch: a precompiled header
    "-I-": it changes which file a header's name means
    /incbin.c: the assembler reads a file that it names
    /trigraph.c: trigraphs
    /clock.h: it asks for __DATE__, __TIME__ or __TIMESTAMP__
    NOW __TIME__: it asks for the time
    /line.c: #include T(__LINE__): too many meanings, or one that the compiler makes up
    /renamed.c: #include __FILE__: too many meanings, or one that the compiler makes up
    /deep.c: conditionals are nested too deeply, or there are too many
    /none.c: No such file or directory (os error 2)
    "#);
}

#[test]
fn files_that_include_themselves_by_name_are_followed() {
    let dir = tempfile::tempdir().unwrap();
    let again = "#ifndef LIST\n#define LIST 1\n#include __FILE__\n#else\n\
                 #include \"last.h\"\nint list;\n#endif\n";
    for name in ["w/main.c", "w/inc/list.h", "w/inc/sub/other.h", "up/third.h", "abs/fourth.h"] {
        let main = "#include <list.h>\n#undef LIST\n#include \"sub/other.h\"\n#undef LIST\n\
                    #include <third.h>\n#undef LIST\n#include <fourth.h>\n";
        write(dir.path(), name, if name.ends_with(".c") { main } else { again });
    }
    write(dir.path(), "w/inc/last.h", "");
    let cwd = dir.path().join("w");
    let top = dir.path().display();
    let command = format!("-Iinc -I. -I{top}/up -I./inc -I{top}/abs -c main.c");
    for compiler in ["gcc", "clang"] {
        let mut bench = Bench::default();
        let (opened, found) = check(&mut bench, &cwd, &format!("{compiler} {command}")).unwrap();
        assert!(opened >= 6 && found <= opened + 1, "{opened} {found}");
        // Another file of that name is nearer now.
        write(dir.path(), "w/inc/inc/list.h", "int nearer;\n#include \"deep.h\"\n");
        write(dir.path(), "w/inc/inc/deep.h", "");
        let nearer = check(&mut bench, &cwd, &format!("{compiler} {command}")).unwrap();
        assert!(nearer.0 > opened, "{nearer:?}");
        fs::remove_dir_all(dir.path().join("w/inc/inc")).unwrap();
    }
    // Ways that go on for ever.
    let error =
        Bench::default().scan(&cwd, "gcc -Iinc -I. -I../up -I../abs -c main.c").unwrap_err();
    assert!(error.to_string().contains("third.h: #include __FILE__"), "{error}");
    // No further than links may lead.
    symlink(".", dir.path().join("w/inc/inc")).unwrap();
    assert!(check(&mut Bench::default(), &cwd, &format!("gcc {command}")).is_some());
}

#[test]
fn the_time_counts_only_where_it_may_be_asked_for() {
    let dir = tempfile::tempdir().unwrap();
    let text = "// __DATE__\nchar *s = \"__TIME__\";\n#if 0\nchar *t = __TIME__;\n#endif\n";
    write(dir.path(), "main.c", text);
    assert_eq!(Bench::default().scan(dir.path(), "gcc -c main.c").unwrap().inputs.len(), 2);
}

#[test]
fn what_the_compilers_own_directories_lack_is_told() {
    let dir = tempfile::tempdir().unwrap();
    write(dir.path(), "main.c", "#include <own.h>\n#include <none.h>\n#include \"stdint.h\"\n");
    write(dir.path(), "a/own.h", "");
    let scanned = Bench::default().scan(dir.path(), "gcc -Ia -c main.c").unwrap();
    let absent = |path: &str| scanned.absent.iter().any(|known| **known == *Path::new(path));
    assert!(absent("/usr/include/none.h"), "{:?}", scanned.absent);
    // The one in a directory that the command names comes first.
    assert!(!absent("/usr/include/own.h"), "{:?}", scanned.absent);
    // gcc's own directory, the first, has one, which asks for the next.
    assert!(absent("/usr/local/include/stdint.h"), "{:?}", scanned.absent);
    assert_eq!(scanned.absolute, None);
    write(dir.path(), "main.c", "#include \"/usr/include/stdint.h\"\n");
    let scanned = Bench::default().scan(dir.path(), "gcc -c main.c").unwrap();
    assert_eq!(scanned.absolute.as_deref(), Some(Path::new("/usr/include/stdint.h")));
}

#[test]
fn cycles_links_and_directories_on_the_way_are_followed() {
    let dir = tempfile::tempdir().unwrap();
    let dir = fs::canonicalize(dir.path()).unwrap();
    write(&dir, "main.c", "#include \"x/../y/one.h\"\n#include \"x\"\n");
    fs::create_dir(dir.join("x")).unwrap();
    write(&dir, "real/one.h", "#include \"two.h\"\n#include \"../main.c\"\n");
    write(&dir, "real/two.h", "#include \"one.h\"\n");
    symlink("real", dir.join("y")).unwrap();
    symlink("loop", dir.join("loop")).unwrap();
    let found = Bench::default().scan(&dir, "gcc -c main.c").unwrap().inputs;
    let one = found.iter().find(|input| input.way.real == dir.join("real/one.h")).unwrap();
    assert_eq!(one.path, dir.join("x/../y/one.h"));
    assert_eq!(one.way.links, [(dir.join("y"), PathBuf::from("real"))]);
    assert_eq!(one.way.dirs, [dir.join("x")]);
    assert!(found.iter().any(|input| input.way.real == dir.join("real/two.h")));
    // gcc fails where a directory is no directory for another reason than that it is not there.
    let error = Bench::default().scan(&dir, "gcc -I loop -c main.c").unwrap_err().to_string();
    assert!(error.contains("symbolic links"), "{error}");
}
