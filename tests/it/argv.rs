//! Command lines on file, and the plan that each gets: what would run here, and what would travel.

use std::ffi::{OsStr, OsString};
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use makepkg_distcc::base::disk::MemoryDisk;
use makepkg_distcc::compiler::admit::{AdmitOptions, admit};
use makepkg_distcc::compiler::language::by_suffix;
use makepkg_distcc::compiler::rewrite;
use makepkg_distcc::compiler::scan::{Plan, Surroundings, scan};
use makepkg_distcc::compiler::unit::TranslationUnit;

/// Response files that the command lines name.
const FILES: [(&str, &str); 3] = [
    ("/work/flags.rsp", "-O2 '-DNAME=\"a b\"'\n-I inc\\ dir @more.rsp\n"),
    ("/work/more.rsp", "-Wall -g"),
    ("/work/self.rsp", "-O2 @self.rsp"),
];

fn words(line: &str) -> Vec<OsString> {
    shell_words::split(line).unwrap().into_iter().map(OsString::from).collect()
}

fn plan(argv: &[OsString]) -> Plan {
    let disk = MemoryDisk {
        files: FILES.map(|(path, text)| (PathBuf::from(path), text.into())).into(),
        links: [(PathBuf::from("/usr/local/bin/c++"), PathBuf::from("clang++"))].into(),
    };
    let path = [PathBuf::from("/usr/local/bin"), PathBuf::from("/usr/bin")];
    scan(argv, &Surroundings { cwd: Path::new("/work"), path: &path, disk: &disk })
}

fn line(argv: &[OsString]) -> String {
    shell_words::join(argv.iter().map(|word| word.to_string_lossy()))
}

fn show(unit: &TranslationUnit) -> String {
    let mut text = String::from("distribute\n");
    let name = |name: &OsStr| name.to_string_lossy().into_owned();
    let kind = if unit.preprocessed { ", preprocessed" } else { "" };
    let _ = writeln!(text, "source: {} ({:?}{kind})", name(&unit.source), unit.language);
    let given = if unit.output_given { "" } else { " (by default)" };
    let _ = writeln!(text, "output: {}{given}", name(&unit.output));
    if let Some(dependency) = &unit.dependency {
        let target = dependency.target.as_deref().map_or("as given".to_owned(), name);
        let _ = writeln!(text, "dependencies: {}, target {target}", name(&dependency.file));
    }
    let traits = [(unit.assembly, "assembly"), (unit.debug, "debug"), (unit.lto, "lto")];
    for (_, word) in traits.iter().filter(|(is, _)| *is) {
        let _ = writeln!(text, "{word}");
    }
    if !unit.preprocessed {
        let dependency = unit.dependency.as_ref().map(|_| OsStr::new("DEPS"));
        let _ = writeln!(text, "here: {}", line(&rewrite::preprocessor(unit, dependency)));
    }
    let sent = rewrite::volunteer(unit, &unit.compiler, Path::new("/work"));
    let _ = writeln!(text, "sent: {}", line(&sent));
    if let Some(why) = refused_by_distcc_3_4(&sent) {
        let _ = writeln!(text, "REFUSED by distcc 3.4: {why}");
    }
    match admit(&sent, &AdmitOptions::default()) {
        Ok(job) => {
            let argv = job.argv(&unit.compiler, OsStr::new("INPUT"), OsStr::new("OBJECT"));
            let _ = writeln!(text, "there: {}", line(&argv));
        }
        Err(refusal) => {
            let _ = writeln!(text, "REFUSED: {}", refusal.sentence());
        }
    }
    text
}

/// The scanner of distcc 3.4, which runs at both its ends: what it would refuse in `argv`.
fn refused_by_distcc_3_4(argv: &[OsString]) -> Option<String> {
    let words: Vec<_> = argv.iter().map(|word| word.to_string_lossy()).collect();
    let (mut inputs, mut outputs, mut compiles) = (0, 0, false);
    let mut at = 1;
    while let Some(word) = words.get(at) {
        let next = words.get(at + 1).map_or("", |word| word);
        let local = match &**word {
            "-E"
            | "-march=native"
            | "-mtune=native"
            | "-flto"
            | "-frepo"
            | "--coverage"
            | "-fprofile-arcs"
            | "-ftest-coverage"
            | "-fprofile-correction" => true,
            "-MD" | "-MMD" | "-MG" | "-MP" | "-MF" | "-MT" | "-MQ" => true,
            "-c" | "-S" => {
                compiles = true;
                false
            }
            "-o" => {
                outputs += 1;
                at += 1;
                next == "-"
            }
            word if word.starts_with("-Wa,") => word.contains(",-a") || word.contains("--MD"),
            word if word.starts_with("-x") && !next.is_empty() => {
                !["c", "objective-c", "go"].iter().any(|name| next.starts_with(name))
            }
            word if word.starts_with('-') => {
                ["-M", "-fprofile-generate", "-fprofile-use", "-fauto-profile", "-specs=", "-dr"]
                    .iter()
                    .any(|prefix| word.starts_with(prefix))
            }
            word if by_suffix(OsStr::new(word)).is_some() => {
                inputs += 1;
                false
            }
            word => word.ends_with(".o"),
        };
        if local {
            return Some(word.clone().into_owned());
        }
        at += 1;
    }
    (inputs != 1 || outputs != 1 || !compiles)
        .then(|| format!("{inputs} inputs, {outputs} outputs"))
}

#[test]
fn every_command_line_on_file_gets_the_plan_it_should() {
    insta::glob!("../fixtures/argv", "*.argv", |path| {
        let command = std::fs::read_to_string(path).unwrap();
        let text = match plan(&words(&command)) {
            Plan::Distribute(unit) => show(&unit),
            Plan::Local(reason) => {
                format!("local: {}: {}\n", reason.counter(), reason.sentence())
            }
        };
        insta::with_settings!({ description => command.trim(), omit_expression => true }, {
            insta::assert_snapshot!(text);
        });
    });
}
