//! Command lines on file, and the plan that each gets: what would run here, and what would travel.

use std::ffi::{OsStr, OsString};
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use makepkg_distcc::base::disk::MemoryDisk;
use makepkg_distcc::compiler::admit::AdmitOptions;
use makepkg_distcc::compiler::admit::plain::admit;
use makepkg_distcc::compiler::scan::{Plan, Surroundings, scan};
use makepkg_distcc::compiler::unit::TranslationUnit;
use makepkg_distcc::compiler::{rewrite, stock};
use proptest::prelude::*;

/// Response files that the command lines name.
const FILES: [(&str, &str); 3] = [
    ("/home/me/src/flags.rsp", "-O2 '-DNAME=\"a b\"'\n-I inc\\ dir @more.rsp\n"),
    ("/home/me/src/more.rsp", "-Wall -g"),
    ("/home/me/src/self.rsp", "-O2 @self.rsp"),
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
    scan(argv, &Surroundings { cwd: Path::new("/home/me/src"), path: &path, disk: &disk })
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
    let sent = rewrite::volunteer(unit, &unit.compiler, Path::new("/home/me/src"));
    let _ = writeln!(text, "sent: {}", line(&sent));
    if let Some(word) = stock::refused(&sent) {
        let _ = writeln!(text, "REFUSED by distcc 3.4: {}", word.display());
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

/// Words of real command lines, and noise.
fn word() -> impl Strategy<Value = String> {
    let known = [
        "-c",
        "-S",
        "-o",
        "t.c",
        "t.cc",
        "t.i",
        "t.o",
        "-x",
        "c",
        "c++",
        "-xc++",
        "-xnone",
        "-D",
        "-DX",
        "-Wp,-MD,x",
        "-Wp,-DX,-UY",
        "-Wp,-I",
        "-MF",
        "-MT",
        "-MQ",
        "-MD",
        "-MMD",
        "-MP",
        "@flags.rsp",
        "@none",
        "-Wa,--noexecstack",
        "-Wa,--defsym,X=1",
        "-Wa,-a",
        "-Xassembler",
        "-g",
        "-g0",
        "-O2",
        "-Xclang",
        "-fno-pch-timestamp",
        "-mllvm",
        "-asan-stack=0",
        "-flto",
        "-flto=auto",
        "-I",
        "inc",
        "-include",
        "-isystem",
        "-target",
        "arm",
        "--target=arm",
        "-B",
        "-",
        "--",
        "",
        "-E",
        "-M",
        "-L/x",
        "-lx",
        "-march=armv8-a",
        "-frandom-seed=a/b.o",
        "--param",
        "a=1",
        "--param=a=1",
        "-Wall",
        "-std=c99",
        "--output=x",
        "--compile",
        "-finput-charset=utf-8",
        "-fopt-info-vec",
        "-pthread",
        "-save-temps",
        "-fdiagnostics-color=always",
        "-undef",
        "-emit-llvm",
        "-w",
        "-stdlib=libc++",
    ];
    prop_oneof![
        8 => proptest::sample::select(known.to_vec()).prop_map(str::to_owned),
        2 => "-[fmWgO][a-z-]{1,8}(=[a-z0-9,]{0,4})?",
        1 => "-[a-zA-Z-]{0,8}[=,/@.]{0,2}[a-z.]{0,4}",
        1 => "\\PC{0,6}",
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn what_we_send_our_volunteer_takes_and_distcc_3_4_too(
        line in proptest::collection::vec(word(), 0..10),
        compiler in proptest::sample::select(vec!["gcc", "g++", "clang", "clang++"]),
        compiles in any::<bool>(),
    ) {
        let mut argv: Vec<OsString> = vec![compiler.into()];
        argv.extend(line.into_iter().map(OsString::from));
        if compiles {
            argv.extend(["-c".into(), "unit.c".into()]);
        }
        if let Plan::Distribute(unit) = plan(&argv) {
            let sent = rewrite::volunteer(&unit, &unit.compiler, Path::new("/home/me/src"));
            prop_assert_eq!(stock::refused(&sent), None);
            let job = admit(&sent, &AdmitOptions::default());
            prop_assert!(job.is_ok(), "{:?}: {:?}", sent, job);
            let job = job.unwrap();
            prop_assert_eq!(&job.source, &unit.source);
            prop_assert_eq!(&job.output, &unit.output);
            prop_assert_eq!((job.language, job.assembly), (unit.language, unit.assembly));
            let here = rewrite::preprocessor(&unit, Some(OsStr::new("DEPS")));
            prop_assert!(here.iter().any(|word| *word == "-E"));
        }
    }
}
