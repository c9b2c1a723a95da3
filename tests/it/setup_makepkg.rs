//! makepkg with our hooks in its library: what a person sees in each kind of run.
//!
//! The library is a copy of the installed one, in which pacman's own hook looks for compilers'
//! names where the farm has them.

use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::SystemTime;

use insta::assert_snapshot;
use makepkg_distcc::progress::journal::Pump;
use makepkg_distcc::progress::journal_read::read_since;

use crate::support::farm::{Farm, SYSTEM_PATH};
use crate::support::output::Output;
use crate::support::volunteer::Side;

/// Builds three objects and links them.
const PKGBUILD: &str = "\
pkgname=hello
pkgver=1
pkgrel=1
arch=(x86_64)
build() {
	cd \"$startdir\"
	for unit in main one two; do
		gcc $CPPFLAGS $CFLAGS -c $unit.c
	done
	gcc $LDFLAGS -o hello main.o one.o two.o
}
package() {
	install -D \"$startdir/hello\" \"$pkgdir/usr/bin/hello\"
}
";

/// Rules about the machine that the tests run on.
const SILENCE: &str = "silence = ['ccache-missing', 'farm-missing', 'state-slow']\n";

/// A farm in which makepkg has our hooks.
struct Workshop {
    farm: Farm,
    /// makepkg.conf after the usual beginning.
    config: String,
    pkgbuild: String,
    settings: String,
}

impl Workshop {
    fn new() -> Self {
        let farm = Farm::with(Side::Ours);
        install_programs(&farm);
        install_library(&farm);
        let config = format!(
            "BUILDENV=(distcc !color !ccache check !sign)\nDISTCC_HOSTS='{}'\nMAKEFLAGS='-j8'\n",
            farm.hosts("/4")
        );
        let settings = SILENCE.to_owned();
        Self { farm, config, pkgbuild: PKGBUILD.to_owned(), settings }
    }

    /// Adds lines to makepkg.conf.
    fn config(mut self, lines: &str) -> Self {
        self.config += lines;
        self
    }

    /// Adds lines to the PKGBUILD.
    fn pkgbuild(mut self, lines: &str) -> Self {
        self.pkgbuild += lines;
        self
    }

    /// Adds to the user's `setup.toml`.
    fn settings(mut self, text: &str) -> Self {
        self.settings += text;
        self
    }

    /// The whole makepkg.conf.
    fn makepkg_conf(&self) -> String {
        let fixture = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/makepkg");
        std::fs::read_to_string(fixture.join("makepkg.conf")).unwrap() + &self.config
    }

    /// Runs makepkg with these arguments, as a script would.
    fn makepkg(&self, arguments: &str) -> Output {
        self.farm.write("makepkg.conf", &self.makepkg_conf());
        self.farm.write("PKGBUILD", &self.pkgbuild);
        let settings = self.farm.path("home/.config/distcc");
        std::fs::create_dir_all(&settings).unwrap();
        std::fs::write(settings.join("setup.toml"), &self.settings).unwrap();
        self.farm.write(
            "main.c",
            "int one(void), two(void);\nint main(void) { return one() - two() / 2; }\n",
        );
        self.farm.write("one.c", "int one(void) { return 1; }\n");
        self.farm.write("two.c", "int two(void) { return 2; }\n");
        self.run(&format!("makepkg --config makepkg.conf --nodeps {arguments}"))
    }

    /// Runs a script beside the PKGBUILD.
    fn run(&self, script: &str) -> Output {
        let path = format!("{}:{SYSTEM_PATH}", self.farm.path("bin").display());
        let run = self.farm.unprivileged(script).env("PATH", &path);
        let output = run.env("LIBRARY", self.farm.path("library").to_str().unwrap()).output();
        Output {
            stdout: self.normal(&output.stdout),
            stderr: self.normal(&output.stderr),
            ..output
        }
    }

    /// The text without what differs from run to run.
    fn normal(&self, text: &str) -> String {
        let root = self.farm.path("");
        let root = root.to_str().unwrap().trim_end_matches('/');
        let text = text.replace(root, "FARM").replace(&self.farm.hosts(""), "VOLUNTEER");
        let undated = |line: &str| match line.split_once(" (") {
            Some((start, _)) if start.to_lowercase().contains(" making") => {
                format!("{start} (DATE)\n")
            }
            _ => format!("{line}\n"),
        };
        text.lines().map(undated).collect()
    }

    /// How many units the volunteer has compiled.
    fn compiled(&self) -> usize {
        self.farm.volunteers[0].settled_jobs().len()
    }
}

/// `bin/` with the client and distcc-setup, and `farm/bin/` with the names of compilers, where
/// users of any id may run them.
fn install_programs(farm: &Farm) {
    let (bin, links) = (farm.path("bin"), farm.path("links"));
    std::fs::create_dir(&bin).unwrap();
    std::fs::create_dir(&links).unwrap();
    for program in [
        env!("CARGO_BIN_EXE_distcc"),
        env!("CARGO_BIN_EXE_distcc-agent"),
        env!("CARGO_BIN_EXE_distcc-setup"),
    ] {
        std::fs::copy(program, bin.join(Path::new(program).file_name().unwrap())).unwrap();
    }
    for name in ["cc", "gcc", "c++", "g++"] {
        symlink("../bin/distcc", links.join(name)).unwrap();
    }
}

fn install_library(farm: &Farm) {
    let library = farm.path("library");
    let ours = Path::new(env!("CARGO_MANIFEST_DIR")).join("libmakepkg/.");
    for from in [PathBuf::from("/usr/share/makepkg"), ours] {
        let status = Command::new("cp").arg("-r").arg(from).arg(&library).status().unwrap();
        assert!(status.success());
    }
    let compiler = library.join("buildenv/compiler.sh");
    let text = std::fs::read_to_string(&compiler).unwrap();
    let links = farm.path("links");
    let text = text.replace("/usr/lib/distcc/bin", links.to_str().unwrap());
    std::fs::write(&compiler, text.replace("/usr/lib/ccache/bin", "/usr/lib/ccache")).unwrap();
}

#[test]
fn a_run_without_findings_says_how_much_was_distributed() {
    let workshop = Workshop::new();
    let output = workshop.makepkg("");
    assert_snapshot!(output);
    assert_eq!(workshop.compiled(), 3);
}

#[test]
fn a_run_with_findings_says_them_first_and_builds() {
    let lines = "MAKEFLAGS='-j2'\nDISTCC_HOSTS+=' 10.0.0.7/4 10.0.0.7/4'\n";
    let workshop = Workshop::new().config(lines);
    let output = workshop.makepkg("");
    assert_snapshot!(output);
}

#[test]
fn a_run_without_distcc_setup_builds() {
    let workshop = Workshop::new();
    std::fs::remove_file(workshop.farm.path("bin/distcc-setup")).unwrap();
    let output = workshop.makepkg("");
    assert_snapshot!(output);
    assert_eq!(workshop.compiled(), 3);
}

#[test]
fn a_script_that_calls_makepkg_sees_the_same_and_is_asked_nothing() {
    let workshop = Workshop::new();
    workshop.makepkg("").success();
    let by_hand = workshop.makepkg("--force");
    let script = workshop.run(
        "exec </dev/null; makepkg --noconfirm --force --config makepkg.conf \
        --nodeps >out 2>err || exit; cat out; cat err >&2",
    );
    assert_eq!(script, by_hand);
}

/// makepkg would wait for an agent that held its output, as its caller would.
#[test]
fn a_package_is_built_in_pump_mode() {
    let workshop = Workshop::new();
    let hosts = format!("DISTCC_HOSTS='{}'\n", workshop.farm.hosts("/4,cpp,lzo"));
    let workshop = workshop.config(&hosts);
    let output = workshop.makepkg("").success();
    assert!(
        output.stdout.contains("  -> All 3 units were distributed to 1 volunteer\n"),
        "{output}"
    );
    let entries = read_since(&workshop.farm.path("home/.distcc/journal"), SystemTime::UNIX_EPOCH);
    let pumped = entries.iter().filter(|entry| entry.pump == Pump::Used).count();
    assert_eq!(pumped, 3, "{entries:#?}");
}

#[test]
fn with_ccache_units_go_out_once_and_then_come_from_the_cache() {
    let workshop = Workshop::new().config("BUILDENV+=(ccache)\n");
    let output = workshop.makepkg("");
    assert_snapshot!(output);
    assert_eq!(workshop.compiled(), 3);
    let again = workshop.makepkg("--force");
    assert_snapshot!(again);
    assert_eq!(workshop.compiled(), 3);
}

#[test]
fn a_native_flag_is_rejected_before_anything_is_compiled() {
    let workshop = Workshop::new().config("CFLAGS+=' -march=native'\n");
    let output = workshop.makepkg("");
    assert_snapshot!(output);
    assert_eq!((output.status, workshop.compiled()), (2, 0));
    assert!(!workshop.farm.work().join("main.o").exists());
}

#[test]
fn a_native_flag_is_a_warning_if_the_user_wants_that() {
    let workshop = Workshop::new().config("CFLAGS+=' -march=native'\n");
    let workshop = workshop.settings("native = 'warn'\n");
    let output = workshop.makepkg("");
    assert_snapshot!(output);
    assert_eq!((output.status, workshop.compiled()), (0, 0));
}

#[test]
fn settings_that_cannot_be_read_reject_nothing() {
    let workshop = Workshop::new().config("CFLAGS+=' -march=native'\n");
    let workshop = workshop.settings("native = 'perhaps'\n");
    let output = workshop.makepkg("").success();
    let lines = "==> WARNING: -march=native in CFLAGS: what has it is compiled here.\n    \
        distcc-setup cannot say whether to reject that. To see why, run: distcc-setup check\n";
    output.says(lines);
    let path = format!("{}:{SYSTEM_PATH}", workshop.farm.path("bin").display());
    let check = "distcc-setup check --offline --config makepkg.conf";
    let output = workshop.farm.unprivileged(check).env("PATH", &path).output();
    assert!(output.stdout.contains("setup.toml:2:10: error: settings-malformed"), "{output}");
}

#[test]
fn a_package_without_distcc_may_have_a_native_flag() {
    let workshop = Workshop::new().config("CFLAGS+=' -march=native'\n");
    let output = workshop.pkgbuild("options=('!distcc')\n").makepkg("");
    assert_snapshot!(output);
}

#[test]
fn a_package_without_flags_has_no_native_flag() {
    let workshop = Workshop::new().config("CFLAGS+=' -march=native'\n");
    let workshop = workshop.pkgbuild("options=('!buildflags')\n");
    let output = workshop.makepkg("");
    assert_snapshot!(output);
    assert_eq!(workshop.compiled(), 3);
}

#[test]
fn a_native_flag_among_those_for_debugging_is_found_there() {
    let workshop = Workshop::new();
    let workshop = workshop.config("OPTIONS+=(debug)\nDEBUG_CFLAGS+=' -mtune=native'\n");
    let output = workshop.makepkg("").says("ERROR: -mtune=native in DEBUG_CFLAGS does not suit");
    assert_eq!(output.status, 2);
}

#[test]
fn a_package_description_is_printed_without_a_word_of_ours() {
    let workshop = Workshop::new().config("CFLAGS+=' -march=native'\nMAKEFLAGS=-j2\n");
    for arguments in ["--printsrcinfo", "--packagelist", "--geninteg"] {
        let output = workshop.makepkg(arguments).success();
        assert!(!output.stderr.contains("WARNING"), "{arguments}: {output}");
    }
}

#[test]
fn devtools_fetching_sources_hears_of_the_chroots_configuration() {
    let workshop = Workshop::new().config("MAKEFLAGS=-j2\n");
    let root = workshop.farm.path("root");
    let hook = root.join("usr/share/makepkg/lint_config/zz-distcc.sh");
    for dir in [root.join("etc"), hook.parent().unwrap().to_owned()] {
        std::fs::create_dir_all(dir).unwrap();
    }
    std::fs::write(root.join(".arch-chroot"), "v6\n").unwrap();
    std::fs::write(root.join("etc/makepkg.conf"), workshop.makepkg_conf()).unwrap();
    workshop.makepkg("--printsrcinfo").success();
    let fetch = || {
        let config = root.join("etc/makepkg.conf");
        workshop.run(&format!("makepkg --config {} --verifysource -o -d", config.display()))
    };
    fetch().success().says("==> WARNING: FARM/root/etc/makepkg.conf:20: makeflags-low: -j2 starts");
    // One in the chroot will say it in there.
    std::fs::write(&hook, "").unwrap();
    assert!(!fetch().success().stderr.contains("distcc"));
}

#[test]
fn a_split_package_is_summed_up_once() {
    let more = "pkgname=(hello hello-again)\npackage_hello() { :; }\npackage_hello-again() { :; }\n\
                unset -f package\n";
    let workshop = Workshop::new().pkgbuild(more);
    let output = workshop.makepkg("").success();
    assert_snapshot!(output.stdout);
}

#[test]
fn a_build_that_fails_is_not_summed_up() {
    let workshop =
        Workshop::new().pkgbuild("eval \"$(declare -f build | sed 's/two[.]o/no.o/')\"\n");
    let output = workshop.makepkg("");
    assert_snapshot!(output);
    assert_eq!(workshop.compiled(), 3);
}

#[test]
fn packing_again_without_building_says_nothing() {
    let workshop = Workshop::new();
    workshop.makepkg("").success();
    let output = workshop.makepkg("--repackage --force");
    assert_snapshot!(output);
}

#[test]
fn compilers_that_do_not_lead_to_the_client_are_told() {
    let workshop = Workshop::new();
    std::fs::remove_dir_all(workshop.farm.path("links")).unwrap();
    let output = workshop.makepkg("").success();
    let text = "WARNING: gcc is /usr/bin/gcc and not distcc: nothing is distributed.\n";
    assert_eq!((output.says(text).status, workshop.compiled()), (0, 0));
}

#[test]
fn settings_of_the_client_in_makepkg_conf_reach_it() {
    let config =
        "DISTCC_DIR=\"$HOME/state of/distcc\"\nDISTCC_LOG=\"$HOME/log\"\nDISTCC_VERBOSE=1\n";
    let workshop = Workshop::new().config(config);
    workshop.makepkg("").success();
    assert!(workshop.farm.path("home/state of/distcc/journal").is_dir());
    assert!(workshop.farm.path("home/log").is_file());
}
