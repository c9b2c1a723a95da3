//! Clients on ARM machines, and volunteers that are none: every target's service on its own port
//! at once, and one daemon with all toolchains on the standard port.

use std::os::unix::fs::symlink;
use std::path::Path;

use crate::support::cross::{ARMS, Arm, host, in_own_network, on, start_c_service, start_service};
use crate::support::farm::{Farm, Run, SYSTEM_PATH};
use crate::support::sources;
use crate::support::tree::{Tree, same_without};
use crate::support::volunteer::{Side, Volunteer};

/// The port of the daemon that has all toolchains.
const STANDARD: u16 = 3632;
/// Units of the fixture's programs.
const UNITS: usize = 46;
/// The programs without Lua.
const SMALLER: &str = "compress squeeze";
/// Those of C++ and of bzip2.
const UNITS_WITHOUT_LUA: usize = 13;

/// A farm with the five services, as our units start them.
fn services() -> Farm {
    let mut farm = Farm::new();
    for arm in &ARMS {
        start_service(&mut farm, Some(arm.name), "");
    }
    let all = ARMS.map(|arm| format!("--toolchain {}", arm.name)).join(" ");
    start_service(&mut farm, None, &all);
    link_full_names(&farm);
    farm
}

/// Adds the names with triples to the clients' masquerade directories, as the package has them.
fn link_full_names(farm: &Farm) {
    for arm in &ARMS {
        let triple = arm.target().triple;
        for name in ["gcc", "g++", "cc", "c++"] {
            for (side, dir) in [(Side::Ours, "masquerade-ours"), (Side::Stock, "masquerade-stock")]
            {
                let link = farm.path(dir).join(format!("{triple}-{name}"));
                symlink(side.client(), link).unwrap();
            }
        }
    }
}

/// The volunteer at a port.
fn at(farm: &Farm, port: u16) -> &Volunteer {
    farm.volunteers.iter().find(|volunteer| volunteer.port == port).unwrap()
}

/// Every port that one of our services has.
fn ports() -> [u16; 5] {
    [STANDARD, 3633, 3634, 3635, 3636]
}

/// Makes the work directory anew, with the sources of the programs.
fn prepare(farm: &Farm) {
    farm.clear_work();
    let fixture = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/cross");
    for file in std::fs::read_dir(fixture).unwrap() {
        let file = file.unwrap();
        std::fs::copy(file.path(), farm.work().join(file.file_name())).unwrap();
    }
    for project in ["lua", "bzip2", "snappy"] {
        sources::unpack(project, &farm.work().join(project));
    }
}

/// What makepkg would run for these programs.
fn make(arm: &Arm, words: &str) -> String {
    format!("make -s -j4 ARCH='{}' {words}", arm.flags)
}

/// Objects, what they were made from, and the program that is compiled when it is linked.
fn objects(farm: &Farm) -> Tree {
    let mut tree = farm.tree();
    tree.0.retain(|name, _| name.ends_with(".o") || name.ends_with(".d") || name == "compress");
    tree
}

/// What differs from a local build.
///
/// Some of Lua's objects tell debuggers of the text that they were made from, and those of bzip2
/// tell the linker: that may differ, but not the code, which those of bzip2 get in the program.
fn differences(arm: &Arm, tree: &Tree, local: &Tree) -> String {
    let objcopy = format!("{}-objcopy", arm.debian);
    tree.differences(local, |name, one, other| match name.split_once('/') {
        Some(("lua", unit)) if unit.ends_with("lib.o") => {
            same_without(&objcopy, "--strip-debug", one, other)
        }
        Some(("bzip2", _)) => true,
        None if name == "compress" => same_without(&objcopy, "--strip-all", one, other),
        _ => false,
    })
}

/// Builds on `arm`, and fails unless that goes without a word from distcc.
fn build(farm: &Farm, arm: &Arm, run: Run<'_>) -> Tree {
    let output = on(farm, arm, run).success();
    assert!(!output.stderr.contains("distcc"), "{}: {output}", arm.name);
    objects(farm)
}

/// How many jobs the volunteer has done.
fn done(volunteer: &Volunteer) -> usize {
    volunteer.settled_jobs().iter().filter(|job| job.result == "COMPILE_OK").count()
}

/// Runs the linked programs as those of the machine that they are for.
fn run_programs(farm: &Farm, arm: &Arm) {
    let runner = arm.runner();
    let script = format!(
        "{runner} ./calculate 'print(6 * 7, string.format(\"%.3f\", math.pi), #string.pack(\"T\", 0))'
         echo text from another machine | {runner} ./compress | bzip2 -d
         {runner} ./squeeze"
    );
    let output = farm.local(&script).output().success();
    let bits = if arm.name == "armv8" { 64 } else { 32 };
    let expected = format!(
        "42\t3.142\t{}\ntext from another machine\n{bits} bits: 20000 bytes came back\n",
        bits / 8
    );
    assert_eq!((output.stdout, output.stderr), (expected, String::new()), "{}", arm.name);
}

/// Builds on `arm` without a client, by its port, and what is not Lua by name on the standard port;
/// `name` is the test's.
fn builds_the_same_everywhere(arm: &Arm, name: &str) {
    in_own_network(name, || {
        let farm = services();
        prepare(&farm);
        let mut local = build(&farm, arm, farm.local(&make(arm, "all")));
        assert_eq!(local.clone().objects().0.len(), UNITS);
        run_programs(&farm, arm);

        prepare(&farm);
        let run = farm.run(Side::Ours, &make(arm, "all CC=gcc CXX=c++"));
        let own = arm.target().port;
        let tree = build(&farm, arm, run.hosts(&host(own)));
        assert_eq!(differences(arm, &tree, &local), "", "at {own}");
        assert_eq!(done(at(&farm, own)), UNITS, "at {own}");
        run_programs(&farm, arm);

        prepare(&farm);
        let script = make(arm, &format!("{SMALLER} {}", arm.full_names()));
        let run = farm.run(Side::Ours, &script).hosts(&host(STANDARD));
        let tree = build(&farm, arm, run);
        local.0.retain(|name, _| !name.starts_with("lua/") && name != "calculate.o");
        assert_eq!(differences(arm, &tree, &local), "", "at {STANDARD}");
        assert_eq!(done(at(&farm, STANDARD)), UNITS_WITHOUT_LUA, "at {STANDARD}");

        let all = farm.volunteers.iter().map(|volunteer| volunteer.settled_jobs().len());
        assert_eq!(all.sum::<usize>(), UNITS + UNITS_WITHOUT_LUA);
        farm.assert_no_litter();
    });
}

#[test]
fn armv5_gets_its_own_objects_by_port_and_by_name() {
    let name = "cross::armv5_gets_its_own_objects_by_port_and_by_name";
    builds_the_same_everywhere(&ARMS[0], name);
}

// ARMv6 is ARMv7 with other options here: it has its part in the tests below.
#[test]
fn armv7h_gets_its_own_objects_by_port_and_by_name() {
    let name = "cross::armv7h_gets_its_own_objects_by_port_and_by_name";
    builds_the_same_everywhere(&ARMS[2], name);
}

#[test]
fn armv8_gets_its_own_objects_by_port_and_by_name() {
    let name = "cross::armv8_gets_its_own_objects_by_port_and_by_name";
    builds_the_same_everywhere(&ARMS[3], name);
}

/// Builds the smaller programs on each machine with `client`, asking its own port; each must be as
/// in `local`.
fn builds_with(client: Side, farm: &Farm, local: &[Tree]) {
    for (arm, local) in ARMS.iter().zip(local) {
        prepare(farm);
        let volunteer = at(farm, arm.target().port);
        let run = farm.run(client, &make(arm, SMALLER)).hosts(&host(volunteer.port));
        let tree = build(farm, arm, run);
        assert_eq!(differences(arm, &tree, local), "", "{client:?} on {}", arm.name);
        assert_eq!(done(volunteer), tree.objects().0.len(), "{client:?} on {}", arm.name);
    }
    farm.assert_no_litter();
}

#[test]
fn c_clients_and_c_daemons_make_the_machines_own_objects_with_ours() {
    in_own_network(
        "cross::c_clients_and_c_daemons_make_the_machines_own_objects_with_ours",
        || {
            let mut farm = services();
            let local = ARMS.map(|arm| {
                prepare(&farm);
                build(&farm, &arm, farm.local(&make(&arm, SMALLER)))
            });
            builds_with(Side::Stock, &farm, &local);
            farm.volunteers.clear();
            for arm in &ARMS {
                start_c_service(&mut farm, arm);
            }
            builds_with(Side::Ours, &farm, &local);
        },
    );
}

/// Compiles one unit on `arm` by asking `port` for a compiler that it does not have: the object
/// must be a local one all the same. Gives what the client said, which must be one line.
fn ask_the_wrong_one(farm: &Farm, arm: &Arm, port: u16, compiler: &str) -> String {
    farm.clear_work();
    farm.write("unit.c", "#include <stdio.h>\nint say(void) { return puts(\"\"); }\n");
    let words = format!("{} -O2 -c unit.c -o out.o", arm.flags);
    on(farm, arm, farm.local(&format!("gcc {words}"))).quiet_success();
    let local = farm.tree();
    std::fs::remove_file(farm.work().join("out.o")).unwrap();
    // A volunteer that was of no use rests.
    std::fs::remove_dir_all(farm.path("distcc")).unwrap();
    std::fs::create_dir(farm.path("distcc")).unwrap();
    let run = farm.run(Side::Ours, &format!("{compiler} {words}")).hosts(&host(port));
    let output = on(farm, arm, run).success();
    assert_eq!(farm.tree().differences(&local, |_, _, _| false), "", "{output}");
    let lines = (output.stdout.lines().count(), output.stderr.lines().count());
    assert_eq!(lines, (0, 1), "{} at {port}: {output}", arm.name);
    output.stderr
}

#[test]
fn each_other_service_names_the_one_to_ask() {
    in_own_network("cross::each_other_service_names_the_one_to_ask", || {
        let mut farm = Farm::new();
        for arm in &ARMS {
            start_service(&mut farm, Some(arm.name), "");
        }
        // The standard one has this machine's own compilers here, and no others.
        start_service(&mut farm, None, "");
        link_full_names(&farm);
        for arm in &ARMS {
            let own = arm.target().port;
            for port in ports().into_iter().filter(|port| *port != own) {
                let compiler = format!("{}-gcc", arm.target().triple);
                let said = ask_the_wrong_one(&farm, arm, port, &compiler);
                let begin = format!("failed to exec {compiler}: No such file or directory: ");
                assert!(said.contains(&begin), "{} at {port}: {said}", arm.name);
                let advice = format!("ask distccd-{}: write 127.0.0.1:{own} in", arm.name);
                assert!(said.contains(&advice), "{} at {port}: {said}", arm.name);
            }
        }
        farm.assert_no_litter();
    });
}

/// makepkg.conf of Arch Linux ARM, as far as it goes for this package.
fn makepkg_conf(arm: &Arm, distcc: &str) -> String {
    let (target, flags) = (arm.target(), arm.flags);
    format!(
        "CARCH='{}'\nCHOST='{}'\nCFLAGS='{flags} -O2 -pipe -fstack-protector-strong -fno-plt \
         -fexceptions -Wp,-D_FORTIFY_SOURCE=2'\nCXXFLAGS=$CFLAGS\nMAKEFLAGS='-j4'\n\
         BUILDENV=({distcc} !color !ccache check !sign)\nOPTIONS=(strip !debug !lto)\n\
         DISTCC_HOSTS='{}'\nINTEGRITY_CHECK=(sha256)\nPKGEXT='.pkg.tar.gz'\nSRCEXT='.src.tar.gz'\n\
         STRIP_BINARIES='--strip-all'\nSTRIP_SHARED='--strip-unneeded'\n",
        target.carch,
        target.triple,
        host(target.port)
    )
}

/// Builds the package on `arm`, and gives its files.
fn makepkg(farm: &Farm, arm: &Arm, distcc: &str) -> Tree {
    prepare(farm);
    farm.write("makepkg.conf", &makepkg_conf(arm, distcc));
    let path = farm.public_masquerade(Side::Ours).display().to_string();
    let path =
        if distcc == "distcc" { format!("{path}:{SYSTEM_PATH}") } else { SYSTEM_PATH.into() };
    let run = farm.unprivileged("makepkg --config makepkg.conf --nodeps --nocheck");
    let run = run.env("PATH", &path).env("SOURCE_DATE_EPOCH", "1700000000");
    let run = run.env("DISTCC_DIR", farm.path("distcc").to_str().unwrap());
    let output = on(farm, arm, run).success();
    assert!(!output.stderr.contains("distcc["), "{output}");
    let unpack = "mkdir package && bsdtar -xf cross-1-1-armv7h.pkg.tar.gz -C package";
    farm.local(unpack).output().quiet_success();
    let mut tree = Tree::read(&farm.work().join("package"));
    // They say whether distcc was on: .BUILDINFO, and with it the digest of that file.
    tree.0.remove(".BUILDINFO").unwrap();
    tree.0.remove(".MTREE").unwrap();
    tree
}

#[test]
fn makepkg_on_armv7h_makes_the_same_package() {
    in_own_network("cross::makepkg_on_armv7h_makes_the_same_package", || {
        let mut farm = Farm::new();
        let arm = &ARMS[2];
        start_service(&mut farm, Some(arm.name), "");
        let local = makepkg(&farm, arm, "!distcc");
        assert!(local.names().contains(&"usr/lib/cross/squeeze"), "{:?}", local.names());
        let package = makepkg(&farm, arm, "distcc");
        assert_eq!(package.differences(&local, |_, _, _| false), "");
        assert_eq!(done(&farm.volunteers[0]), UNITS_WITHOUT_LUA);
        let script = format!("{} package/usr/lib/cross/squeeze", arm.runner());
        let output = farm.local(&script).output().success();
        assert_eq!(output.stdout, "32 bits: 20000 bytes came back\n");
    });
}
