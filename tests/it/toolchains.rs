//! Volunteers for other targets: Debian's real cross compilers behind our daemon, asked by both
//! clients, under every name that people give them.

use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};

use makepkg_distcc::compiler::object::{ObjectIdentity, identify, lto_version};

use crate::support::farm::{Farm, SYSTEM_PATH};
use crate::support::output::Output;
use crate::support::volunteer::{Options, Side};
use crate::volunteer::{Place, parse, request};

/// Names of the machine's own, as on a client of that machine.
const OWN: [&str; 6] = ["gcc", "g++", "cc", "c++", "gcc-12", "g++-12"];
/// Triple of Debian's cross compilers, and the one that Arch Linux ARM's clients give.
const ARMV7H: (&str, &str) = ("arm-linux-gnueabihf", "armv7l-unknown-linux-gnueabihf");
const ARMV5: (&str, &str) = ("arm-linux-gnueabi", "arm-unknown-linux-gnueabi");
const ARMV8: (&str, &str) = ("aarch64-linux-gnu", "aarch64-unknown-linux-gnu");

const SOURCES: [(&str, &str); 2] = [
    ("t.c", "double half(double a) { return a / 2; }\nconst char *who(void) { return \"C\"; }\n"),
    (
        "t.cc",
        "struct A { virtual ~A(); virtual int f(float x) { return int(x * 3); } };\nA::~A() {}\n",
    ),
];

fn options(args: &[&str]) -> Options {
    let mut options = Options::new(Side::Ours);
    options.args = args.iter().map(|arg| (*arg).to_owned()).collect();
    options
}

/// A farm with this volunteer.
fn farm(args: &[&str]) -> Farm {
    let mut farm = Farm::new();
    farm.start(&options(args));
    sources(&farm);
    farm
}

fn sources(farm: &Farm) {
    for (name, text) in SOURCES {
        farm.write(name, text);
    }
}

/// The program that Debian has for one of [`OWN`], below a triple.
fn debian(triple: &str, name: &str) -> PathBuf {
    let name = match name {
        "cc" => "gcc",
        "c++" => "g++",
        name => name,
    };
    PathBuf::from(format!("/usr/bin/{triple}-{name}"))
}

/// A directory in which a cross compiler has the names that it has on its own machine: bare ones,
/// and full ones.
fn machine_of(farm: &Farm, (debian_triple, triple): (&str, &str)) -> PathBuf {
    let dir = farm.path(&format!("machine-{triple}"));
    std::fs::create_dir(&dir).unwrap();
    for name in OWN {
        symlink(debian(debian_triple, name), dir.join(name)).unwrap();
        symlink(debian(debian_triple, name), dir.join(format!("{triple}-{name}"))).unwrap();
    }
    dir
}

/// Runs `name` on a volunteer alone, on a machine whose compilers are in `bin`.
fn compile(farm: &Farm, side: Side, bin: &Path, name: &str, env: &[(&str, &str)]) -> Output {
    let source = if name.contains("++") { "t.cc" } else { "t.c" };
    let script = format!("rm -f o.o; {} {name} -O2 -c {source} -o o.o", side.client().display());
    let path = format!("{}:{SYSTEM_PATH}", bin.display());
    let mut run = farm.run(side, &script).env("PATH", &path).env("DISTCC_BACKOFF_PERIOD", "0");
    if side == Side::Stock {
        // Built for x86-64, it would ask for that machine's gcc; on its own machine it does not.
        run = run.env("DISTCC_NO_REWRITE_CROSS", "1");
    }
    for (name, value) in env {
        run = run.env(name, value);
    }
    run.output()
}

const ALONE: [(&str, &str); 1] = [("DISTCC_FALLBACK", "0")];

/// What a compile here makes.
fn local(farm: &Farm, bin: &Path, name: &str) -> Vec<u8> {
    let source = if name.contains("++") { "t.cc" } else { "t.c" };
    let script = format!("{name} -O2 -c {source} -o here.o");
    let path = format!("{}:{SYSTEM_PATH}", bin.display());
    farm.local(&script).env("PATH", &path).output().success();
    farm.read("here.o")
}

fn made(farm: &Farm) -> ObjectIdentity {
    identify(&farm.read("o.o")).unwrap()
}

#[track_caller]
fn assert_compiles_as_here(farm: &Farm, side: Side, bin: &Path, name: &str) {
    compile(farm, side, bin, name, &ALONE).quiet_success();
    assert!(farm.read("o.o") == local(farm, bin, name), "{side:?} {name}: another object");
}

#[test]
fn a_service_of_one_target_answers_bare_and_full_names_of_both_clients() {
    for (target, names) in [("armv7h", ARMV7H), ("armv8", ARMV8), ("armv5", ARMV5)] {
        let farm = farm(&["--target", target]);
        let bin = machine_of(&farm, names);
        for name in OWN {
            // Our client's own choice, the bare name, and the full one.
            assert_compiles_as_here(&farm, Side::Ours, &bin, name);
            let plain = [ALONE[0], ("DISTCC_NO_REWRITE_CROSS", "1")];
            compile(&farm, Side::Ours, &bin, name, &plain).quiet_success();
            assert!(farm.read("o.o") == farm.read("here.o"), "{name}: not equal");
            assert_compiles_as_here(&farm, Side::Ours, &bin, &format!("{}-{name}", names.1));
        }
        for name in ["gcc", "c++", "g++-12", &format!("{}-gcc", names.1)] {
            assert_compiles_as_here(&farm, Side::Stock, &bin, name);
        }
        let jobs = farm.volunteers[0].wait_for_jobs(3 * OWN.len() + 4);
        assert!(jobs.iter().all(|job| job.result == "COMPILE_OK"), "{jobs:?}");
        let what: Vec<_> = jobs.iter().map(|job| job.what.as_str()).collect();
        assert!(what.contains(&"gcc t.c") && what.contains(&"c++ t.cc"), "{what:?}");
        assert!(what.contains(&format!("{}-g++-12 t.cc", names.1).as_str()), "{what:?}");
        let log = farm.volunteers[0].log();
        let serving = format!("serving {target} with /usr/bin/{}-gcc 12.2.0", names.0);
        assert!(log.contains(&serving), "{log}");
    }
}

#[test]
fn options_that_bring_other_parts_of_a_toolchain_find_them() {
    let farm = farm(&["--target", "armv7h"]);
    let bin = machine_of(&farm, ARMV7H);
    let path = format!("{}:{SYSTEM_PATH}", bin.display());
    farm.write("asm.c", "asm(\".syntax unified\\nadd r0, r1, r2\");\nint f(void) { return 1; }\n");
    for options in [
        "-flto=auto -c asm.c",
        "-flto=auto -ffat-lto-objects -c asm.c",
        "-c asm.c",
        "-S asm.c",
        "-mthumb -c asm.c",
    ] {
        let here = farm.local(&format!("gcc {options} -o here.o")).env("PATH", &path);
        here.output().success();
        let client = Side::Ours.client().display();
        let there = farm.run(Side::Ours, &format!("{client} gcc {options} -o o.o"));
        there.env("PATH", &path).env("DISTCC_FALLBACK", "0").output().quiet_success();
        let (there, here) = (farm.read("o.o"), farm.read("here.o"));
        if options.contains("lto") {
            // Its sections have names that are made up anew each time, and are packed.
            assert_eq!(identify(&there), identify(&here), "{options}");
            assert_eq!(lto_version(&there), lto_version(&here), "{options}");
            assert!(lto_version(&there).is_some(), "{options}");
        } else {
            assert!(there == here, "{options}");
        }
    }
    assert_eq!(farm.volunteers[0].wait_for_jobs(5).len(), 5);
}

#[test]
fn the_wrong_service_says_which_is_the_right_one_and_the_unit_is_compiled_here() {
    let mut farm = farm(&[]);
    farm.start(&options(&["--target", "armv7h"]));
    let arm = machine_of(&farm, ARMV7H);
    let cases = [
        (0, arm.as_path(), format!("{}-g++", ARMV7H.1), "x86_64", "armv7h", "3635"),
        (1, Path::new("/usr/bin"), "x86_64-linux-gnu-gcc".to_owned(), "armv7h", "x86_64", "3632"),
        (1, Path::new("/usr/bin"), "aarch64-linux-gnu-gcc".to_owned(), "armv7h", "armv8", "3636"),
    ];
    for (number, bin, name, served, target, right_port) in cases {
        let port = farm.volunteers[number].port;
        let unit = if target == "x86_64" { "distccd" } else { &format!("distccd-{target}") };
        let option = if target == "x86_64" { String::new() } else { format!(" --target {target}") };
        let sentence = format!(
            "failed to exec {name}: No such file or directory: this distccd (port {port}) compiles \
             for {served}; ask {unit}: write 127.0.0.1:{right_port} in DISTCC_HOSTS, and on the \
             volunteer run distcc-setup volunteer{option}"
        );
        let hosts = format!("127.0.0.1:{port}");
        for side in [Side::Ours, Side::Stock] {
            let hosts = ("DISTCC_HOSTS", hosts.as_str());
            compile(&farm, side, bin, &name, &[hosts, ALONE[0]]).says(&sentence);
            let output = compile(&farm, side, bin, &name, &[hosts]).success();
            assert!(side == Side::Stock || output.stderr.contains(&sentence), "{output}");
            assert!(farm.read("o.o") == local(&farm, bin, &name), "{side:?} {name}");
        }
        let log = farm.volunteers[number].log();
        assert!(log.contains(&sentence), "{log}");
    }
}

#[test]
fn an_object_for_another_machine_is_discarded_and_the_right_service_named() {
    let mut farm = farm(&[]);
    farm.start(&options(&["--target", "armv5"]));
    farm.start(&options(&["--target", "armv7h"]));
    let plain = ("DISTCC_NO_REWRITE_CROSS", "1");
    let (armv7h, armv5, own) =
        (machine_of(&farm, ARMV7H), machine_of(&farm, ARMV5), PathBuf::from("/usr/bin"));
    let advice = |port: &str, unit: &str, rest: &str| {
        format!(
            "ask {unit}: write 127.0.0.1:{port} in DISTCC_HOSTS, and on the volunteer run \
             distcc-setup volunteer{rest}"
        )
    };
    let hard = advice("3635", "distccd-armv7h", " --target armv7h");
    let soft = advice("3633", "distccd-armv5", " --target armv5");
    let x86 = advice("3632", "distccd", "");
    for (number, bin, what, advice) in [
        (0, &armv7h, "is 64-bit x86-64, the local compiler makes 32-bit ARM", &hard),
        (1, &armv7h, "32-bit ARM with soft floats, the local compiler makes hard floats", &hard),
        (2, &armv5, "32-bit ARM with hard floats, the local compiler makes soft floats", &soft),
        (2, &own, "is 32-bit ARM, the local compiler makes 64-bit x86-64", &x86),
    ] {
        let hosts = format!("127.0.0.1:{}", farm.volunteers[number].port);
        let env = [("DISTCC_HOSTS", hosts.as_str()), plain];
        let output = compile(&farm, Side::Ours, bin, "gcc", &env);
        output.success().says(what).says(advice);
        assert!(farm.read("o.o") == local(&farm, bin, "gcc"));
    }
}

#[test]
fn one_port_serves_all_toolchains_by_name_and_bare_names_stay_the_machines_own() {
    let bin = Path::new("/usr/bin");
    let farm =
        farm(&["--toolchain", "armv7h", "--toolchain", "armv8=/usr/bin", "--toolchain", "armv5"]);
    for (names, machine, hard) in
        [(ARMV7H, 40, Some(true)), (ARMV5, 40, Some(false)), (ARMV8, 183, None)]
    {
        let cross = machine_of(&farm, names);
        for side in [Side::Ours, Side::Stock] {
            for triple in [names.0, names.1] {
                for name in ["gcc", "g++", "gcc-12"] {
                    assert_compiles_as_here(&farm, side, &cross, &format!("{triple}-{name}"));
                    let made = made(&farm);
                    assert_eq!((made.machine, made.hard_float), (machine, hard), "{name}");
                }
            }
        }
        // A client of ours knows what its gcc is for.
        for name in OWN {
            assert_compiles_as_here(&farm, Side::Ours, &cross, name);
            assert_eq!(made(&farm).machine, machine);
        }
    }
    for side in [Side::Ours, Side::Stock] {
        for name in ["gcc", "g++", "x86_64-linux-gnu-gcc"] {
            assert_compiles_as_here(&farm, side, bin, name);
            assert_eq!(made(&farm).machine, 62);
        }
    }
}

#[test]
fn clang_compiles_for_the_target_that_it_is_told() {
    if !Path::new("/usr/bin/clang").exists() {
        eprintln!("skipped: no clang here");
        return;
    }
    let mut farm = farm(&["--toolchain", "armv7h"]);
    farm.start(&options(&["--target", "armv7h"]));
    let cross = "clang --target=armv7l-unknown-linux-gnueabihf";
    for number in [0, 1] {
        let hosts = format!("127.0.0.1:{}", farm.volunteers[number].port);
        let client = Side::Ours.client().display();
        let script = format!("{client} {cross} -c t.c -o o.o && {cross} -c t.c -o here.o");
        let run = farm.run(Side::Ours, &script).env("PATH", SYSTEM_PATH).hosts(&hosts);
        run.env("DISTCC_FALLBACK", "0").output().quiet_success();
        assert!(farm.read("o.o") == farm.read("here.o"), "volunteer {number}");
    }
}

/// A directory with nothing but bare names of a toolchain: links, or scripts.
fn bare_dir(farm: &Farm, name: &str, triple: &str, scripts: bool) -> PathBuf {
    let dir = farm.path(name);
    std::fs::create_dir_all(&dir).unwrap();
    for (bare, real) in ["gcc", "g++"].map(|name| (name, debian(triple, name))) {
        if scripts {
            script(&dir.join(bare), &format!("exec {} \"$@\"", real.display()));
        } else {
            symlink(real, dir.join(bare)).unwrap();
        }
    }
    dir
}

#[expect(clippy::disallowed_methods, reason = "a test makes its own files")]
fn script(path: &Path, text: &str) {
    std::fs::write(path, format!("#!/bin/sh\n{text}\n")).unwrap();
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o755)).unwrap();
}

#[test]
fn directories_with_bare_names_are_known_by_what_their_gcc_says() {
    for scripts in [false, true] {
        let mut farm = Farm::new();
        sources(&farm);
        let bin = machine_of(&farm, ARMV8);
        let dir = bare_dir(&farm, "x-tools8/bin", ARMV8.0, scripts);
        // systemd hands over `$PATH` as it is written in /etc/conf.d/distccd-armv8.
        let path = format!("{}:$PATH", dir.display());
        farm.start(&options(&["--target", "armv8"]).env("PATH", &path));
        for name in ["gcc", "c++", "gcc-12", "aarch64-unknown-linux-gnu-g++"] {
            assert_compiles_as_here(&farm, Side::Ours, &bin, name);
            assert_compiles_as_here(&farm, Side::Stock, &bin, name);
        }
        let log = farm.volunteers[0].log();
        assert!(log.contains(&format!("serving armv8 with {}/gcc 12", dir.display())), "{log}");
    }
}

#[test]
fn the_programs_own_name_is_the_option() {
    let mut farm = Farm::new();
    sources(&farm);
    let link = farm.path("distccd-alarm-armv8");
    symlink(Side::Ours.daemon(), &link).unwrap();
    let within = format!("shift; exec {} \"$@\"", link.display());
    farm.start(&Options::new(Side::Ours).within(&within));
    let bin = machine_of(&farm, ARMV8);
    assert_compiles_as_here(&farm, Side::Ours, &bin, "gcc");
    assert!(farm.volunteers[0].log().contains("serving armv8 with"));
}

#[test]
fn a_name_that_two_toolchains_may_have_is_answered_by_the_first_unless_one_has_that_very_name() {
    let mut farm = Farm::new();
    let marked = |dir: &str, name: &str, mark: &str| {
        let dir = farm.path(dir);
        std::fs::create_dir_all(&dir).unwrap();
        let real = debian(ARMV7H.0, "gcc");
        script(&dir.join(name), &format!("exec {} -DMARK={mark} \"$@\"", real.display()));
        dir.display().to_string()
    };
    let first = marked("a", "armv7-first-linux-gnueabihf-gcc", "1");
    let second = marked("b", "arm-linux-gnueabihf-gcc", "2");
    farm.start(&options(&[
        "--toolchain",
        &format!("armv7h={first}"),
        "--toolchain",
        &second,
        "--sandbox=off",
    ]));
    let asked = |name: &str| {
        let (client, hosts) = (Side::Stock.client().display(), farm.hosts(""));
        let dir = farm.path(&format!("names-{name}"));
        std::fs::create_dir(&dir).unwrap();
        symlink(debian(ARMV7H.0, "gcc"), dir.join(name)).unwrap();
        let path = format!("{}:{SYSTEM_PATH}", dir.display());
        // A text that is preprocessed already keeps MARK out of the client's hands.
        let run = farm.run(Side::Stock, &format!("{client} {name} -v -c m.c -o o.o"));
        let output = run.env("PATH", &path).env("DISTCC_FALLBACK", "0").hosts(&hosts).output();
        output.success().stderr
    };
    farm.write("m.c", "int mark;\n");
    assert!(asked("arm-linux-gnueabihf-gcc").contains("MARK=2"));
    assert!(asked("armv7l-unknown-linux-gnueabihf-gcc").contains("MARK=1"));
    assert!(asked("armv7-first-linux-gnueabihf-gcc").contains("MARK=1"));
}

/// Starts a daemon that is expected not to: its exit code and what it says.
fn refusal(farm: &Farm, args: &str, path: &str) -> (i32, String) {
    let daemon = Side::Ours.daemon().display();
    let log = farm.path("tmp/refused.log");
    let script = format!(
        "{daemon} --daemon --no-detach --port 1 --listen 127.0.0.1 --allow 127.0.0.1 --lifetime 20 \
         --log-file {} {args}",
        log.display()
    );
    let script = script.replace("--port 1 ", &format!("--port {} ", crate::volunteer::free_port()));
    let output = farm.local(&script).env("DISTCCD_PATH", path).output();
    (output.status, output.stderr)
}

#[test]
fn without_a_fitting_toolchain_there_is_no_daemon_and_the_reason_is_told() {
    let farm = Farm::new();
    std::fs::set_permissions(farm.path("tmp"), std::fs::Permissions::from_mode(0o777)).unwrap();
    // Debian's armhf is ARMv7, which an ARMv6 machine cannot run.
    let (exit, text) = refusal(&farm, "--target armv6h", SYSTEM_PATH);
    assert_eq!(exit, 110, "{text}");
    for part in [
        "no toolchain for armv6h on this machine: looked into /usr/local/bin, /usr/bin, /bin",
        "(ARMv7, which armv6h machines cannot run), not for armv6h",
        "install one (the AUR has distccd-alarm-armv6h), or name its directory with --toolchain",
    ] {
        assert!(text.contains(part), "{text}");
    }
    let (exit, text) = refusal(&farm, "--toolchain armv7h=/no/such/bin", SYSTEM_PATH);
    assert_eq!(exit, 110, "{text}");
    assert!(text.contains("no compiler for armv7h in /no/such/bin: give --toolchain"), "{text}");
    // An assembler that is found by PATH alone would be this machine's.
    let dir = farm.path("no-as");
    std::fs::create_dir(&dir).unwrap();
    let gcc = "case \"$*\" in *print-prog-name*) echo as;; *) exec /usr/bin/arm-linux-gnueabihf-gcc \
               \"$@\";; esac";
    script(&dir.join("arm-linux-gnueabihf-gcc"), gcc);
    let option = format!("--target armv7h --toolchain {}", dir.display());
    let (exit, text) = refusal(&farm, &option, SYSTEM_PATH);
    assert_eq!(exit, 110, "{text}");
    assert!(text.contains("arm-linux-gnueabihf-gcc has no assembler of its own"), "{text}");
}

#[test]
fn only_compilers_of_the_target_can_be_named() {
    let place = Place::new().with_program("arm-linux-gnueabihf-gcc-99", "echo no >&2; exit 1");
    let volunteer = place.start_bare(&["--target", "armv7h", "--allow", "127.0.0.1"], |_| {});
    let long = "a".repeat(4000) + "-linux-gnueabihf-gcc";
    for name in [
        "arm-linux-gnueabihf-objcopy",
        "arm-linux-gnueabihf-as",
        "arm-linux-gnueabihf-ld",
        "arm-linux-gnueabihf-gcc-ar",
        "arm-linux-gnueabihf-../../x",
        "arm-linux-gnueabihf-gcc-../../../bin/sh",
        "../../usr/bin/arm-linux-gnueabihf-gcc",
        "/usr/bin/../bin/gcc",
        "/usr/local/bin/gcc",
        "arm-linux-gnueabihf-gcc\0",
        "arm-linux-gnueabihf-gcc/",
        "arm-linux-gnueabihf-",
        "-gcc",
        "--gcc",
        "gcc-",
        "gcc-12 ",
        "gcc-12.",
        "gcc-..",
        "gcc-99",
        "GCC",
        "gcc\n",
        "sh",
        "touch",
        "distcc",
        "distccd",
        "as",
        ".",
        "..",
        "",
        "arm-none-eabi-gcc",
        "arm-linux-musleabihf-gcc",
        "x-y-z-gcc",
        &long,
    ] {
        let reply = volunteer.talk(&request(&[name, "-c", "a.c", "-o", "a.o"], b"int x;\n"));
        if !reply.is_empty() {
            let (status, stderr, _, object) = parse(&reply);
            assert!(status != 0 && object.is_empty(), "{name:?}: {stderr}");
            assert!(stderr.contains("failed to exec") || stderr == "no\n", "{name:?}: {stderr}");
        }
    }
    for name in ["gcc", "/usr/bin/gcc", "arm-linux-gnueabihf-gcc", "armv7a-x-linux-gnueabihf-cc"] {
        let reply = volunteer.talk(&request(&[name, "-c", "a.c", "-o", "a.o"], b"int x;\n"));
        let (status, stderr, _, object) = parse(&reply);
        assert_eq!(status, 0, "{name}: {stderr}");
        assert_eq!(identify(&object).unwrap().machine, 40, "{name}");
    }
}

#[test]
fn a_bare_name_in_a_toolchains_directory_is_served_only_if_it_is_the_targets() {
    let mut farm = Farm::new();
    sources(&farm);
    let dir = farm.path("mixed/bin");
    std::fs::create_dir_all(&dir).unwrap();
    symlink(debian(ARMV7H.0, "gcc"), dir.join("arm-linux-gnueabihf-gcc")).unwrap();
    symlink("/usr/bin/gcc-12", dir.join("gcc-12.9")).unwrap();
    farm.start(&options(&["--target", "armv7h", "--toolchain", dir.to_str().unwrap()]));
    let bin = machine_of(&farm, ARMV7H);
    symlink(debian(ARMV7H.0, "gcc"), bin.join("gcc-12.9")).unwrap();
    assert_compiles_as_here(&farm, Side::Stock, &bin, "gcc");
    let output = compile(&farm, Side::Stock, &bin, "gcc-12.9", &ALONE);
    output.says("failed to exec gcc-12.9: No such file or directory");
}

#[test]
fn a_toolchain_outside_the_system_runs_within_the_sandbox() {
    let mut farm = Farm::new();
    sources(&farm);
    let prefix = farm.path("apart");
    let parts = [
        ("usr/bin/arm-linux-gnueabihf-gcc-12", "bin/arm-linux-gnueabihf-gcc"),
        ("usr/bin/arm-linux-gnueabihf-as", "arm-linux-gnueabihf/bin/as"),
        (
            "usr/lib/gcc-cross/arm-linux-gnueabihf/12/cc1",
            "lib/gcc-cross/arm-linux-gnueabihf/12/cc1",
        ),
    ];
    for (from, to) in parts {
        let to = prefix.join(to);
        std::fs::create_dir_all(to.parent().unwrap()).unwrap();
        std::fs::copy(Path::new("/").join(from), to).unwrap();
    }
    let toolchain = format!("armv7h={}", prefix.join("bin").display());
    farm.start(&options(&["--toolchain", &toolchain]));
    let bin = machine_of(&farm, ARMV7H);
    assert_compiles_as_here(&farm, Side::Ours, &bin, &format!("{}-gcc", ARMV7H.1));
    let log = farm.volunteers[0].log();
    assert!(log.contains(&format!("{}/bin/arm-linux-gnueabihf-gcc 12", prefix.display())), "{log}");
}
