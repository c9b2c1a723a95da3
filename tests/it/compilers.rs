//! Command lines against the real gcc and clang: what is preprocessed here and compiled elsewhere
//! must give what one compile here gives.

use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use makepkg_distcc::base::disk::RealDisk;
use makepkg_distcc::compiler::admit::AdmitOptions;
use makepkg_distcc::compiler::admit::plain::admit;
use makepkg_distcc::compiler::object::identify;
use makepkg_distcc::compiler::scan::{Plan, Surroundings, scan};
use makepkg_distcc::compiler::unit::TranslationUnit;
use makepkg_distcc::compiler::{language, response, rewrite, stock};

/// What gcc says of a word that is no option and no file.
const NOT_FOUND: &str = ": linker input file not found: No such file or directory";

const SOURCES: [(&str, &str); 5] = [
    ("t.c", "#include <stdio.h>\n#include \"inc/h.h\"\nint f(int a) { return printf(FMT, a); }\n"),
    ("inc/h.h", "#define FMT \"%d\\n\"\n"),
    ("plain.c", "int add(int a, int b) { return a + b; }\nstatic int unused_no(void);\n"),
    ("u.cc", "#include <vector>\nstatic std::vector<int> v{1, 2};\nint g() { return v.at(1); }\n"),
    ("dir with $/s p.c", "int space;\n"),
];

/// A client's directory with the sources, and an empty one that is the volunteer's.
struct Place {
    root: tempfile::TempDir,
}

impl Place {
    fn new() -> Self {
        let root = tempfile::tempdir().unwrap();
        for dir in ["client/inc", "client/dir with $", "client/out", "client/o d", "volunteer"] {
            std::fs::create_dir_all(root.path().join(dir)).unwrap();
        }
        let place = Self { root };
        for (name, text) in SOURCES {
            put(&place.client().join(name), text.as_bytes());
        }
        place
    }

    fn client(&self) -> PathBuf {
        self.root.path().canonicalize().unwrap().join("client")
    }

    fn volunteer(&self) -> PathBuf {
        self.root.path().canonicalize().unwrap().join("volunteer")
    }

    fn scan(&self, argv: &[OsString]) -> TranslationUnit {
        let client = self.client();
        let around = Surroundings { cwd: &client, path: &[], disk: &RealDisk };
        let unit = match scan(argv, &around) {
            Plan::Distribute(unit) => Ok(*unit),
            Plan::Local(reason) => Err(format!("{argv:?}: {}", reason.sentence())),
        };
        unit.unwrap()
    }

    /// Compiles as a client and a volunteer of ours do together; the object is the volunteer's.
    fn distribute(&self, argv: &[OsString]) -> Vec<u8> {
        let unit = self.scan(argv);
        let preprocessed = run(&self.client(), &rewrite::preprocessor(&unit, None));
        assert!(preprocessed.status.success(), "{preprocessed:?}");
        let sent = rewrite::volunteer(&unit, &unit.compiler, &self.client());
        let job = admit(&sent, &AdmitOptions::default()).unwrap();
        let input =
            OsString::from(String::from_utf8_lossy(language::base_name(&job.source)).into_owned());
        put(&self.volunteer().join(&input), &preprocessed.stdout);
        let compiled =
            run(&self.volunteer(), &job.argv(&job.compiler, &input, OsStr::new("object")));
        assert!(compiled.status.success(), "{compiled:?}");
        assert_eq!(String::from_utf8_lossy(&compiled.stderr), "", "{argv:?}");
        std::fs::read(self.volunteer().join("object")).unwrap()
    }
}

#[expect(clippy::disallowed_methods, reason = "a test makes its own files")]
fn put(path: &Path, content: &[u8]) {
    std::fs::write(path, content).unwrap();
}

fn words(line: &str) -> Vec<OsString> {
    shell_words::split(line).unwrap().into_iter().map(OsString::from).collect()
}

fn run(dir: &Path, argv: &[OsString]) -> Output {
    Command::new(&argv[0])
        .args(&argv[1..])
        .current_dir(dir)
        .env("PWD", dir)
        .env_remove("DEPENDENCIES_OUTPUT")
        .stdin(Stdio::null())
        .output()
        .unwrap()
}

fn has(program: &str) -> bool {
    Command::new(program).arg("--version").output().is_ok_and(|output| output.status.success())
}

/// Each line for each compiler family that this machine has.
fn each_compiler(lines: &[&str], mut check: impl FnMut(&Place, &[OsString])) {
    for (c, cxx) in [("gcc", "g++"), ("clang", "clang++")] {
        if !has(c) {
            continue;
        }
        for line in lines {
            let argv = words(&line.replace("CXX", cxx).replace("CC", c));
            check(&Place::new(), &argv);
        }
    }
}

#[test]
fn dependency_file_is_the_one_of_a_local_compile() {
    let lines = [
        "CC -c -MD t.c",
        "CC -c -MMD t.c",
        "CC -c -MD t.c -o out/x.o",
        "CC -c -MD t.c -o out/x",
        "CC -c -MD t.c -o out/.x",
        "CC -c -MD t.c -o out/x.y.z",
        "CC -c -MD t.c -o 'o d/x$y#.o'",
        "CC -c -MD 'dir with $/s p.c'",
        "CC -c -MD ./t.c -MP",
        "CC -c -MD -S t.c",
        "CC -S -MD t.c -o out/x.s",
        "CC -c -MD t.c -MF out/a.d",
        "CC -c -MD -MF out/a.d -MF out/b.d t.c",
        "CC -c -MD t.c -MT foo -MT 'bar$ baz'",
        "CC -c -MD t.c -MQ 'foo $' -MT 'bar$' -o out/x.o",
        "CC -c -MMD -MP -MTx -MFout/y.d t.c",
        "CC -c -Wp,-MD,out/f.d t.c",
        "CC -c -Wp,-MD,out/f.d t.c -o out/x.o",
        "CC -c -Wp,-MMD,out/f.d t.c -o out/x.o",
        "gcc -c -Wp,-MMD,out/f.d,-MT,tgt t.c -o out/x.o",
        "CC -c -Wp,-MD,out/f.d -MT other t.c -o out/x.o",
        "CXX -c -MD u.cc -o out/u.o",
        "CC -c -O2 -g -MD -MF out/g.d -I inc -iquote . t.c",
        "CC -c -xc -MD t.c",
    ];
    each_compiler(&lines, |place, argv| {
        let unit = place.scan(argv);
        let local = run(&place.client(), argv);
        assert!(local.status.success(), "{argv:?} {local:?}");
        assert!(place.client().join(&unit.output).exists(), "{argv:?} {:?}", unit.output);
        let named = place.client().join(unit.dependency_file.as_ref().unwrap());
        let expected = std::fs::read_to_string(&named).unwrap();
        let to = place.volunteer().join("deps");
        let here = run(&place.client(), &rewrite::preprocessor(&unit, Some(to.as_os_str())));
        assert!(here.status.success(), "{argv:?} {here:?}");
        assert_eq!(std::fs::read_to_string(&to).unwrap(), expected, "{argv:?}");
    });
}

#[test]
fn object_without_debug_information_is_the_one_of_a_local_compile() {
    let lines = [
        "CC -c t.c",
        "CC -O2 -c t.c -o out/t.o",
        "CC -O2 -fPIC -Wp,-D_FORTIFY_SOURCE=3 -ffunction-sections -c t.c",
        "CC -S -O1 t.c",
        "CC -xc++ -c t.c",
        "CXX -O2 -c u.cc",
        "CXX -c plain.c",
        "CC -std=c99 -pedantic -Wall -Wextra -Werror=format -pthread -pipe -c t.c",
        "CC -Wa,--noexecstack -c t.c",
        "CC -nostdinc -c plain.c",
        "CC -DX=1 -UY -I inc -isystem inc -iquote inc -idirafter inc -include inc/h.h -c t.c",
        "CC -c 'dir with $/s p.c'",
    ];
    each_compiler(&lines, |place, argv| {
        let unit = place.scan(argv);
        let distributed = place.distribute(argv);
        let local = run(&place.client(), argv);
        assert!(local.status.success(), "{argv:?} {local:?}");
        let object = std::fs::read(place.client().join(&unit.output)).unwrap();
        assert!(object == distributed, "{argv:?}: objects differ");
        assert!(!identify(&object).unwrap().comments.is_empty(), "{argv:?}");
    });
}

#[test]
fn debug_information_keeps_the_clients_directory() {
    let lines = ["CC -g -c t.c", "CXX -g -O1 -c u.cc", "CC -gdwarf-4 -c plain.c"];
    each_compiler(&lines, |place, argv| {
        let object = place.distribute(argv);
        let holds = |path: &Path| {
            let path = path.to_str().unwrap().as_bytes();
            object.windows(path.len()).any(|part| part == path)
        };
        assert!(holds(&place.client()), "{argv:?}");
        assert!(!holds(&place.volunteer()), "{argv:?}");
    });
}

#[test]
fn gccs_object_of_a_source_without_macros_is_the_same_with_debug_information() {
    for line in ["gcc -g -c plain.c", "gcc -g -O2 -gz -c plain.c", "gcc -g -gdwarf-4 -c plain.c"] {
        let place = Place::new();
        let argv = words(line);
        let distributed = place.distribute(&argv);
        assert!(run(&place.client(), &argv).status.success());
        let object = std::fs::read(place.client().join("plain.o")).unwrap();
        assert!(object == distributed, "{line}");
    }
}

#[test]
fn probe_tells_what_an_object_of_the_unit_tells() {
    let lines = [
        "CC -O2 -g -c t.c",
        "CC -m64 -c t.c",
        "CXX -O2 -c u.cc",
        "CC -fno-ident -c plain.c",
        "CC -S t.c",
        "CC -flto=auto -c plain.c",
        "CC -Wall -Wextra -pedantic-errors -Werror -c plain.c -Wno-unused-function",
    ];
    each_compiler(&lines, |place, argv| {
        let unit = place.scan(argv);
        let probe = place.volunteer().join("probe");
        let probed = run(&place.client(), &rewrite::probe(&unit, probe.as_os_str()));
        assert!(probed.status.success() && probed.stderr.is_empty(), "{argv:?} {probed:?}");
        assert!(run(&place.client(), argv).status.success());
        let object = std::fs::read(place.client().join(&unit.output)).unwrap();
        assert_eq!(identify(&std::fs::read(probe).unwrap()), identify(&object), "{argv:?}");
    });
}

#[test]
fn object_of_a_cross_compiler_names_its_machine() {
    if !has("aarch64-linux-gnu-gcc") {
        return;
    }
    let place = Place::new();
    let object = place.distribute(&words("aarch64-linux-gnu-gcc -O2 -c plain.c"));
    let identity = identify(&object).unwrap();
    assert_eq!((identity.class, identity.endian, identity.machine), (2, 1, 183));
}

#[test]
fn gcc_reads_no_directive_in_a_body_that_calls_itself_c() {
    let place = Place::new();
    let job = admit(&words("gcc -x c -include secret -c t.c -o t.o"), &AdmitOptions::default());
    put(&place.volunteer().join("secret"), b"SECRET_WORD = ;\n");
    put(&place.volunteer().join("t.c"), b"#include \"secret\"\n# 1 \"secret\"\nint x = ;\n");
    let argv = job.unwrap().argv(OsStr::new("gcc"), OsStr::new("t.c"), OsStr::new("t.o"));
    let output = run(&place.volunteer(), &argv);
    assert!(!output.status.success());
    let messages = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(!messages.contains("SECRET_WORD"), "{messages}");
}

#[test]
fn clang_shows_no_lines_of_files_that_the_body_names() {
    if !has("clang") {
        return;
    }
    let place = Place::new();
    let job = admit(&words("clang -c t.c -o t.o"), &AdmitOptions::default()).unwrap();
    put(&place.volunteer().join("secret"), b"SECRET_WORD\n");
    put(&place.volunteer().join("t.c"), b"# 1 \"secret\"\nint x = ;\n");
    let argv = job.argv(OsStr::new("clang"), OsStr::new("t.c"), OsStr::new("t.o"));
    let messages = String::from_utf8_lossy(&run(&place.volunteer(), &argv).stderr).into_owned();
    assert!(messages.contains("error") && !messages.contains("SECRET_WORD"), "{messages}");
}

/// What becomes of a compile with `option` and a value that looks like a source.
fn counter_with_value(compiler: &str, option: &str) -> &'static str {
    let argv = words(&format!("{compiler} {option} value.c -c t.c"));
    let around = Surroundings { cwd: Path::new("/"), path: &[], disk: &RealDisk };
    match scan(&argv, &around) {
        Plan::Distribute(_) => "distribute",
        Plan::Local(reason) => reason.counter(),
    }
}

/// The options that a compiler's help shows with a value after a blank.
fn separate_options(help: &[&str]) -> Vec<String> {
    let output = Command::new(help[0]).args(&help[1..]).output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    text.lines()
        .filter_map(|line| line.strip_prefix("  -"))
        .filter(|line| {
            help[0] == "gcc" || line.split(' ').nth(1).is_some_and(|word| word.starts_with('<'))
        })
        .map(|line| format!("-{}", line.split([' ', '<', '\t']).next().unwrap()))
        .filter(|name| !name.ends_with('='))
        .collect()
}

#[test]
fn every_option_of_gcc_with_a_separate_value_is_known() {
    // For other languages, and for the inner compiler alone.
    let others = ["-J", "-Hd", "-Hf", "-Xf", "-gnatO", "-fintrinsic-modules-path", "-MD", "-MMD"];
    let names = separate_options(&["gcc", "--help=separate"]);
    assert!(names.len() > 20, "{names:?}");
    for name in names.iter().filter(|name| !others.contains(&name.as_str())) {
        let counter = counter_with_value("gcc", name);
        assert!(!["several-sources", "unknown-option"].contains(&counter), "{name}: {counter}");
    }
}

#[test]
fn every_option_of_clang_with_a_separate_value_is_known() {
    if !has("clang") {
        return;
    }
    let names = separate_options(&["clang", "--help-hidden"]);
    assert!(names.len() > 50, "{names:?}");
    let unknown = |name: &&String| {
        ["several-sources", "unknown-option"].contains(&counter_with_value("clang", name))
    };
    assert_eq!(names.iter().filter(unknown).collect::<Vec<_>>(), [""; 0]);
}

#[test]
fn response_file_is_cut_as_gcc_cuts_it() {
    let place = Place::new();
    let text = "a\\ b \"c d\\\"e\" 'f g' \\\\ x\\y z@q \"un'q\" 'h\\'i' j\tk\nl '\\n' \"open";
    put(&place.client().join("words.rsp"), text.as_bytes());
    let output = run(&place.client(), &words("gcc -c @words.rsp"));
    let messages = String::from_utf8_lossy(&output.stderr).into_owned();
    let by_gcc: Vec<&str> = messages
        .lines()
        .filter_map(|line| line.strip_prefix("gcc: error: ")?.strip_suffix(NOT_FOUND))
        .collect();
    let disk = RealDisk;
    let ours = response::expand(&words("@words.rsp"), &place.client(), &disk).unwrap();
    assert_eq!(ours, by_gcc, "{messages}");
}

/// The C client says in its log whether it would distribute a command.
fn distributed_by_c_client(place: &Place, argv: &[OsString]) -> bool {
    let log = place.volunteer().join("log");
    drop(std::fs::remove_file(&log));
    let status = Command::new("/usr/bin/distcc")
        .args(argv)
        .current_dir(place.client())
        .env("DISTCC_DIR", place.volunteer())
        .env("DISTCC_HOSTS", "127.0.0.1:1")
        .env("DISTCC_BACKOFF_PERIOD", "60")
        .env("DISTCC_NO_REWRITE_CROSS", "1")
        .env("DISTCC_VERBOSE", "1")
        .env("DISTCC_LOG", &log)
        .env_remove("_DISTCC_SAFEGUARD")
        .stdin(Stdio::null())
        .output();
    drop(status);
    drop(std::fs::remove_dir_all(place.volunteer().join("lock")));
    std::fs::read_to_string(log).unwrap().contains("Connection refused")
}

#[test]
fn scanner_of_distcc_3_4_is_known_exactly() {
    let version = Command::new("/usr/bin/distcc").arg("--version").output();
    let text = version.map(|output| output.stdout).unwrap_or_default();
    if !text.starts_with(b"distcc 3.4") || text.windows(14).any(|part| part == b"makepkg-distcc") {
        return;
    }
    let place = Place::new();
    for line in [
        "gcc -c t.c",
        "gcc -c t.c u.cc",
        "gcc -xc++ -c t.c",
        "gcc -x c++ -c t.c",
        "gcc -x none -c t.c",
        "gcc -c t.c -x c",
        "gcc -flto -c t.c",
        "gcc -flto=1 -c plain.c",
        "gcc -Wa,-k,-a=x -c t.c",
        "gcc -Wa,-a=x -c t.c",
        "gcc -Wa,--noexecstack,--MD,x -c t.c",
        "gcc -c t.c -o out/t.o -optimize",
        "gcc -optimize -c t.c",
        "gcc -drx -c t.c",
        "gcc -specs=x -c t.c",
        "gcc -fprofile-correction -c t.c",
        "gcc -MFx -MTy -c t.c",
        "gcc -MF x.c -c t.c",
        "gcc -MJ x -c t.c",
        "gcc -c t.c out/t.o",
        "gcc -c t.c -o out/t.o other.o",
        "gcc t.c",
    ] {
        let argv = words(line);
        let by_c = distributed_by_c_client(&place, &argv);
        assert_eq!(stock::refused(&argv).is_none(), by_c, "{line}");
    }
}

#[test]
fn debug_information_names_the_directory_as_the_shell_does() {
    if !has("clang") {
        return;
    }
    let place = Place::new();
    let link = place.volunteer().join("link");
    std::os::unix::fs::symlink(place.client(), &link).unwrap();
    for (pwd, named) in [(link.clone(), link), ("/".into(), place.client())] {
        let output = Command::new(env!("CARGO_BIN_EXE_distcc"))
            .args(["--explain", "clang", "-g", "-c", "plain.c"])
            .current_dir(place.client())
            .env("PWD", &pwd)
            .env("DISTCC_DIR", place.volunteer())
            .output()
            .unwrap();
        let plan = String::from_utf8_lossy(&output.stdout).into_owned();
        let word = format!("-fdebug-compilation-dir={}", named.display());
        assert!(plan.contains(&word), "{plan}");
    }
}
