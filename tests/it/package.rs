//! Our package: made by makepkg, installed, upgraded and removed by pacman, and used.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::Path;
use std::process::Command;

use makepkg_distcc::base::dirs;
use makepkg_distcc::compiler::names;

use crate::support::archive::{
    Entry, entries, files, info, newer, other_package, run, told, unpacked,
};
use crate::support::output::Output;
use crate::support::package::{InstallRoot, copy_tree, fixture, makepkg, package, repository};
use crate::support::{ports, systemd};

/// Exposure that systemd-analyze may find at most, in tenths. It finds 2.8, the least that lets the
/// daemon lay a client's files for its compilers, shut these off, find toolchains anywhere and log
/// where it is told to; later versions look at more.
const EXPOSURE: &str = "--threshold=28";
/// The value of an expression after PKGBUILD has been read.
fn pkgbuild(expression: &str) -> String {
    let script =
        format!("CHOST=x86_64-pc-linux-gnu; source ./PKGBUILD; printf '%s\\n' {expression}");
    run("bash", &["-c", &script]).success().stdout.trim().to_owned()
}

/// The names in a directory of the repository.
fn names_in(dir: &str) -> Vec<String> {
    let entries = std::fs::read_dir(repository().join(dir)).unwrap();
    entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
}

#[test]
fn the_version_is_that_of_the_programs() {
    assert_eq!(pkgbuild("\"$pkgver\""), env!("CARGO_PKG_VERSION"));
    assert_eq!(pkgbuild("\"${license[*]}\""), env!("CARGO_PKG_LICENSE"));
}

#[test]
fn bash_and_shellcheck_find_no_fault() {
    for file in ["PKGBUILD", "makepkg-distcc.install", "makepkg-distcc-targets.install"] {
        run("bash", &["-n", file]).quiet_success();
        run("shellcheck", &[file]).quiet_success();
    }
}

/// makepkg takes `src` beside a PKGBUILD for its own, and `--cleanbuild` empties it.
#[test]
fn makepkg_without_a_build_directory_leaves_our_sources_alone() {
    let tree = tempfile::tempdir().unwrap();
    copy_tree(tree.path());
    let sources = || files(&tree.path().join("src")).len();
    let before = sources();
    let mut makepkg = makepkg(tree.path());
    makepkg.args(["--cleanbuild", "--nobuild"]);
    Output::from(makepkg.output().unwrap()).success();
    assert_eq!(sources(), before);
    assert!(tree.path().join("target/makepkg/makepkg-distcc/src").is_dir());
}

#[test]
fn the_package_has_what_the_snapshot_says() {
    // Families whose members the next test counts.
    const FAMILIES: [&str; 6] = [
        "usr/share/bash-completion/completions/",
        "usr/share/fish/vendor_completions.d/",
        "usr/share/makepkg/distcc/",
        "usr/share/man/man1/",
        "usr/share/man/man7/",
        "usr/share/zsh/site-functions/",
    ];
    let mut text = String::new();
    let mut seen = BTreeSet::new();
    for entry in entries(&package().file) {
        let mut path = entry.path;
        let family = FAMILIES.iter().find(|family| path.starts_with(**family) && path != **family);
        if let Some(family) = family {
            path = format!("{family}…");
        }
        let target = entry.target.map(|target| format!(" -> {target}")).unwrap_or_default();
        let line = format!("{} {path}{target}\n", entry.rights);
        if seen.insert(line.clone()) {
            text += &line;
        }
    }
    insta::assert_snapshot!(text);
}

#[test]
fn every_program_page_completion_hook_and_unit_of_the_tree_is_in_the_package() {
    let packaged: BTreeSet<_> =
        entries(&package().file).into_iter().map(|entry| entry.path).collect();
    let mut wanted = Vec::new();
    let mut want = |dir: &str, place: &str, rename: &dyn Fn(&str) -> Option<String>| {
        let names: Vec<_> = names_in(dir).iter().filter_map(|name| rename(name)).collect();
        assert!(!names.is_empty(), "{dir}");
        wanted.extend(names.iter().map(|name| format!("{place}/{name}")));
    };
    let same = |name: &str| Some(name.to_owned());
    let program = |name: &str| Some(name.strip_suffix(".rs")?.to_owned());
    want("src/bin", "usr/bin", &|name| program(name).filter(|name| name != dirs::AGENT));
    want("src/bin", "usr/lib/distcc", &|name| program(name).filter(|name| name == dirs::AGENT));
    for number in ["1", "7"] {
        want("man", &format!("usr/share/man/man{number}"), &|name| {
            (name.rsplit('.').next() == Some(number)).then(|| format!("{name}.gz"))
        });
    }
    want("completions", "usr/share/bash-completion/completions", &|name| {
        Some(name.strip_suffix(".bash")?.to_owned())
    });
    want("completions", "usr/share/fish/vendor_completions.d", &|name| {
        name.ends_with(".fish").then(|| name.to_owned())
    });
    want("completions", "usr/share/zsh/site-functions", &|name| {
        name.starts_with('_').then(|| name.to_owned())
    });
    let stages = names_in("libmakepkg");
    let is_dir = |name: &&String| repository().join("libmakepkg").join(name).is_dir();
    for stage in stages.iter().filter(is_dir) {
        want(&format!("libmakepkg/{stage}"), &format!("usr/share/makepkg/{stage}"), &same);
    }
    want("libalpm", "usr/share/libalpm/hooks", &same);
    want("makepkg.d", "etc/makepkg.conf.d", &same);
    want("etc/distcc", "etc/distcc", &same);
    want("systemd/conf.d", "etc/conf.d", &|name| (!name.contains('@')).then(|| name.to_owned()));
    want("systemd/sysusers.d", "usr/lib/sysusers.d", &same);
    want("systemd/tmpfiles.d", "usr/lib/tmpfiles.d", &same);
    want("systemd", "usr/lib/systemd/system", &|name| {
        (name.ends_with(".service") || name.ends_with(".socket")).then(|| name.to_owned())
    });
    let missing: Vec<_> = wanted.iter().filter(|path| !packaged.contains(*path)).collect();
    assert!(missing.is_empty(), "{missing:?}");
}

#[test]
fn every_file_in_etc_is_kept_when_it_was_edited() {
    let in_etc = entries(&package().file).into_iter().map(|entry| entry.path);
    let in_etc = in_etc.filter(|path| path.starts_with("etc/") && !path.ends_with('/'));
    let kept = info(&package().file, "backup");
    assert_eq!(kept.into_iter().collect::<BTreeSet<_>>(), in_etc.collect());
}

#[test]
fn makepkg_finds_nothing_to_warn_of() {
    let output = &package().output;
    let warned = |line: &&str| line.starts_with("==> WARNING") || line.starts_with("==> ERROR");
    let lines: Vec<_> = output.stderr.lines().filter(warned).collect();
    // What it was told to do.
    assert_eq!(lines, ["==> WARNING: Skipping dependency checks."]);
}

/// makepkg runs it as the user, without a network; the same programs have been built before.
#[test]
fn the_check_of_the_package_passes_for_a_user_who_is_not_root() {
    let package = package();
    let script = "startdir=$PWD srcdir=$BUILDDIR/makepkg-distcc/src CHOST=none
        source ./PKGBUILD && check";
    let mut makepkg = makepkg(&package.tree);
    // The same environment, but for the program.
    let words: Vec<_> = makepkg.get_args().map(ToOwned::to_owned).collect();
    let front = words.iter().position(|word| word == "makepkg").unwrap();
    let mut check = Command::new(makepkg.get_program());
    check.args(&words[..front]).args(["bash", "-c", script]).current_dir(&package.tree);
    check.env_clear().envs(
        makepkg
            .env("BUILDDIR", &package.build_dir)
            .get_envs()
            .filter_map(|(name, value)| Some((name, value?))),
    );
    let output = Output::from(check.output().unwrap()).success();
    assert!(output.stdout.contains("test result: ok. "), "{output}");
}

#[test]
fn nothing_in_the_package_tells_where_it_was_built() {
    let package = package();
    let home = std::env::var("HOME").unwrap();
    let cargo = std::env::var("CARGO_HOME").unwrap_or_else(|_| format!("{home}/.cargo"));
    let places = [repository(), &package.tree, &package.build_dir, Path::new(&cargo)];
    let dir = unpacked(&package.file);
    for file in files(&dir.path().join("usr")) {
        let content = std::fs::read(&file).unwrap();
        for place in places {
            let place = place.to_str().unwrap().as_bytes();
            let found = memchr::memmem::find(&content, place);
            let around = found
                .map(|at| String::from_utf8_lossy(&content[at..(at + 160).min(content.len())]));
            assert!(found.is_none(), "{}: {around:?}", file.display());
        }
    }
}

#[test]
fn the_programs_need_glibc_and_nothing_else() {
    let dir = unpacked(&package().file);
    for name in names_in("src/bin") {
        let name = name.trim_end_matches(".rs");
        let place = if name == dirs::AGENT { dirs::WHITELIST } else { "/usr/bin" };
        let program = dir.path().join(&place[1..]).join(name);
        let dynamic = run("readelf", &["--dynamic", program.to_str().unwrap()]).success().stdout;
        let needed = dynamic.lines().filter(|line| line.contains("(NEEDED)"));
        let libraries: Vec<_> =
            needed.map(|line| line.split(['[', ']']).nth(1).unwrap().to_owned()).collect();
        let of_glibc = |name: &String| name.starts_with("libc.so") || name.starts_with("ld-linux");
        assert!(!libraries.is_empty() && libraries.iter().all(of_glibc), "{name}: {libraries:?}");
    }
}

#[test]
fn no_directory_of_the_package_is_empty() {
    let entries = entries(&package().file);
    for directory in entries.iter().filter(|entry| entry.path.ends_with('/')) {
        let within = |entry: &&Entry| entry.path.starts_with(&directory.path);
        assert!(entries.iter().filter(within).count() > 1, "{}", directory.path);
    }
}

/// The targets of the hook, as patterns for names in /usr/bin.
fn hook_targets() -> Vec<String> {
    let hook = std::fs::read_to_string(repository().join("libalpm/distcc-symlinks.hook")).unwrap();
    let targets = hook.lines().filter_map(|line| line.strip_prefix("Target = usr/bin/"));
    targets.map(str::to_owned).collect()
}

#[test]
fn the_hook_runs_for_every_name_that_can_be_linked() {
    let candidates = "c++ c89 c89-g++ c89-gcc c99 c99-g++ c99-gcc cc clang clang++ cpp g++ gcc \
        gcc-15 g++-15 clang-21 clang++-21 gcc-14.2.1 x86_64-pc-linux-gnu-c++ \
        x86_64-pc-linux-gnu-cc x86_64-pc-linux-gnu-clang x86_64-pc-linux-gnu-clang++ \
        x86_64-pc-linux-gnu-cpp x86_64-pc-linux-gnu-g++ x86_64-pc-linux-gnu-gcc \
        x86_64-pc-linux-gnu-gcc-15.2.1 aarch64-linux-gnu-g++-12 avr-gcc arm-none-eabi-g++";
    let mut script = "shopt -s extglob\nwhile read -r name; do case $name in\n".to_owned();
    for target in hook_targets() {
        writeln!(script, "{target}) ;;").unwrap();
    }
    script += "*) printf '%s\\n' \"$name\" ;;\nesac; done";
    let installed = run(env!("CARGO_BIN_EXE_update-distcc-symlinks"), &["--list"]).stdout;
    let all: BTreeSet<&str> = candidates.split_whitespace().chain(installed.lines()).collect();
    let hosts = ["avr".to_owned()];
    assert!(all.iter().all(|name| names::is_compiler(name, &hosts) || installed.contains(name)));
    let list = all.into_iter().collect::<Vec<_>>().join("\n");
    let missed = run("bash", &["-c", &format!("{script} <<<'{list}'")]).success().stdout;
    assert_eq!(missed, "");
}

#[test]
fn commands_that_the_messages_name_exist() {
    let files = ["makepkg-distcc.install", "makepkg-distcc-targets.install"];
    let text = files.map(|file| std::fs::read_to_string(repository().join(file)).unwrap()).concat();
    let lines: Vec<_> = text.lines().filter(|line| line.contains("distcc-setup ")).collect();
    assert!(lines.len() >= 5, "{lines:?}");
    for line in lines {
        let command = &line[line.find("distcc-setup ").unwrap()..];
        let words = shell_words::split(command).unwrap();
        let parsed = makepkg_distcc::setup::cli::command().try_get_matches_from(words);
        assert!(parsed.is_ok(), "{command}");
    }
}

/// The names in both masquerade directories, which must be the same.
#[track_caller]
fn links(root: &InstallRoot) -> String {
    let names = root.names("usr/lib/distcc/bin");
    let no_link = |name: &String| *name == "bin" || *name == dirs::AGENT;
    let other: Vec<_> =
        root.names("usr/lib/distcc").into_iter().filter(|name| !no_link(name)).collect();
    assert_eq!(names, other);
    names.join(" ")
}

/// Puts a program that stands for a compiler into the root, as its package would.
fn add_compiler(root: &InstallRoot, name: &str) {
    let path = root.path("usr/bin").join(name);
    std::fs::write(&path, "#!/bin/sh\n").unwrap();
    std::fs::set_permissions(path, PermissionsExt::from_mode(0o755)).unwrap();
}

#[test]
fn pacman_installs_it_into_an_empty_root_and_links_the_compilers_that_are_there() {
    let root = InstallRoot::new(&[]);
    for name in ["gcc", "cc", "x86_64-pc-linux-gnu-gcc-15.2.1"] {
        add_compiler(&root, name);
    }
    let output = root.install(&package().file);
    insta::assert_snapshot!(told(&root, &output));
    // The package's links to compilers that are not there are gone, that of another is there.
    assert_eq!(links(&root), "cc gcc x86_64-pc-linux-gnu-gcc-15.2.1");
    let missing = root.pacman(&["-Qk"]).stderr;
    assert!(missing.lines().all(|line| line.contains("/usr/lib/distcc/")), "{missing}");
    assert!(root.path("usr/bin/distcc").metadata().unwrap().mode() & 0o7777 == 0o755);
}

#[test]
fn the_links_work_where_pacman_runs_no_hooks() {
    let root = InstallRoot::new(&[]);
    // pacman's way to switch a hook off.
    let hooks = root.path("etc/pacman.d/hooks");
    std::fs::create_dir_all(&hooks).unwrap();
    std::os::unix::fs::symlink("/dev/null", hooks.join("distcc-symlinks.hook")).unwrap();
    let (hooks, file) = (hooks.to_str().unwrap(), package().file.to_str().unwrap());
    root.pacman(&["-U", "--hookdir", hooks, "--noscriptlet", file]).success();
    let distcc = root.path("usr/bin/distcc").canonicalize().unwrap();
    for dir in ["usr/lib/distcc/gcc", "usr/lib/distcc/bin/gcc", "usr/lib/distcc/bin/c++"] {
        assert_eq!(root.path(dir).canonicalize().unwrap(), distcc);
    }
}

#[test]
fn an_upgrade_keeps_what_was_edited_and_a_removal_too() {
    let root = InstallRoot::new(&[]);
    add_compiler(&root, "gcc");
    root.install(&package().file);
    let mine = "DISTCC_ARGS=\"--allow 192.168.10.0/24\"\n";
    std::fs::write(root.path("etc/conf.d/distccd"), mine).unwrap();
    std::fs::write(root.path("etc/makepkg.conf.d/distcc.conf"), "DISTCC_HOSTS=10.0.0.1\n").unwrap();
    add_compiler(&root, "aarch64-linux-gnu-gcc");

    let (_dir, newer) = newer(&package().file, &["etc/conf.d/distccd", "etc/distcc/hosts"]);
    let output = root.install(&newer);
    assert!(!output.stdout.contains("==> To build"), "{output}");
    assert_eq!(root.read("etc/conf.d/distccd"), mine);
    assert!(root.read("etc/conf.d/distccd.pacnew").ends_with("# A new default.\n"));
    // Nobody had touched this one.
    assert!(root.read("etc/distcc/hosts").ends_with("# A new default.\n"));
    assert!(!root.path("etc/distcc/hosts.pacnew").exists());
    assert_eq!(root.read("etc/makepkg.conf.d/distcc.conf"), "DISTCC_HOSTS=10.0.0.1\n");
    assert_eq!(links(&root), "aarch64-linux-gnu-gcc gcc");

    std::fs::write(root.path("etc/makepkg.conf"), "BUILDENV=(distcc color)\n").unwrap();
    let output = root.pacman(&["-R", "makepkg-distcc"]).success();
    insta::assert_snapshot!(told(&root, &output));
    assert_eq!(root.read("etc/conf.d/distccd.pacsave"), mine);
    assert_eq!(root.names("etc/makepkg.conf.d"), ["distcc.conf.pacsave"]);
    assert_eq!(root.names("usr/lib/distcc"), [""; 0]);
    assert!(!root.path("usr/share/makepkg").exists() && !root.path("etc/distcc").exists());
}

#[test]
fn a_compiler_of_another_package_stays_linked_by_it() {
    let root = InstallRoot::new(&[]);
    root.install(&package().file);
    let other = root.path("usr/lib/distcc/armv7l-unknown-linux-gnueabihf-gcc");
    std::os::unix::fs::symlink("/usr/bin/distcc", &other).unwrap();
    root.pacman(&["-R", "makepkg-distcc"]).success();
    assert!(other.is_symlink());
}

#[test]
fn a_removal_warns_only_of_a_makepkg_that_would_stop() {
    let text = std::fs::read_to_string(repository().join("makepkg-distcc.install")).unwrap();
    for (line, warns) in [
        ("BUILDENV=(distcc color)", true),
        ("BUILDENV=(color distcc)", true),
        ("BUILDENV+=('distcc')", true),
        ("BUILDENV=(color \"distcc\" check)", true),
        ("BUILDENV=(!distcc color)", false),
        ("#BUILDENV=(distcc color)", false),
        ("BUILDENV=(color) # distcc", false),
    ] {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("makepkg.conf"), format!("{line}\n")).unwrap();
        let config = dir.path().join("makepkg.conf");
        let script =
            text.replace("/etc/makepkg.conf; then", &format!("{}; then", config.display()));
        let mut bash = Command::new("bash");
        bash.args(["-c", &format!("{script}\npre_remove")]).current_dir(dir.path());
        let output = Output::from(bash.output().unwrap()).success();
        assert_eq!(output.stdout.contains("asks for distcc"), warns, "{line}\n{output}");
    }
}

#[test]
fn it_takes_the_place_of_the_package_distcc_and_gives_it_back() {
    let names = "c++ c89 c99 cc clang clang++ cpp g++ gcc x86_64-pc-linux-gnu-g++ \
        x86_64-pc-linux-gnu-gcc";
    let dirs = ["usr/lib/distcc", "usr/lib/distcc/bin"];
    let farms =
        dirs.iter().flat_map(|dir| names.split(' ').map(move |name| format!("{dir}/{name}")));
    let files = ["usr/bin/distcc", "usr/bin/distccd", "etc/conf.d/distccd", "etc/distcc/hosts"];
    let (_stock_dir, stock) = other_package("pkgname = distcc", &files, &farms.collect::<Vec<_>>());
    let info = "pkgname = distccd-alarm\ndepend = distcc";
    let (_alarm_dir, alarm) = other_package(info, &["usr/bin/distccd-armv8"], &[]);

    let root = InstallRoot::new(&[]);
    for name in names.split(' ').chain(["aarch64-linux-gnu-gcc"]) {
        add_compiler(&root, name);
    }
    root.install(&stock);
    root.install(&alarm);
    // Bit 4: yes, replace what conflicts.
    let replace = |file: &Path| root.pacman(&["-U", "--ask=4", file.to_str().unwrap()]).success();
    replace(&package().file);
    assert!(root.read("usr/share/makepkg/buildenv/zz-distcc.sh").contains("distcc"));
    assert!(links(&root).starts_with("aarch64-linux-gnu-gcc c++"));
    replace(&stock);
    assert_eq!(root.read("usr/bin/distcc"), "theirs\n");
    assert_eq!(links(&root), names.split_whitespace().collect::<Vec<_>>().join(" "));
}

/// A path that gcc knows: of its proper compiler, or of the assembler that it calls.
fn part_of_gcc(name: &str) -> String {
    let path = run("gcc", &[&format!("-print-prog-name={name}")]).success().stdout;
    path.trim().to_owned()
}

#[test]
fn distcc_and_distccd_of_an_installed_package_compile() {
    let compiler = part_of_gcc("cc1");
    let root = InstallRoot::new(&["gcc", &compiler, "as"]);
    root.install(&package().file);
    assert_eq!(links(&root), "gcc");
    let port = ports::free().to_string();
    let dir = root.path("");
    let script = fixture("compile.sh");
    let output = root.run(&[script.to_str().unwrap(), dir.to_str().unwrap(), &port]).success();
    let log = root.read("tmp/distccd.log");
    assert!(log.contains("COMPILE_OK") && log.contains("gcc /tmp/twice.c"), "{log}\n{output}");
    let object = std::fs::read(root.path("tmp/twice.o")).unwrap();
    assert_eq!(&object[..4], b"\x7fELF");
}

#[test]
fn systemd_finds_no_fault_in_the_units_and_little_exposure() {
    let units = ["systemd/distccd.service", "systemd/distccd.socket"];
    run("systemd-analyze", &["verify", units[0], units[1]]).quiet_success();
    let words = ["security", "--offline=true", "--no-pager", EXPOSURE, units[0]];
    let output = run("systemd-analyze", &words).success();
    println!("{}", output.stdout.lines().last().unwrap_or_default());
}

#[test]
fn systemd_makes_the_user_and_spares_open_files_from_old_age() {
    let root = tempfile::tempdir().unwrap();
    let at = |name: &str| root.path().join(name);
    for dir in ["etc", "tmp/distccd_ab12cd", "tmp/other"] {
        std::fs::create_dir_all(at(dir)).unwrap();
    }
    // Versions before 257 do not know the mark that locks an account.
    let users = std::fs::read_to_string(repository().join("systemd/sysusers.d/distccd.conf"));
    std::fs::write(at("users.conf"), users.unwrap().replace("u! ", "u ")).unwrap();
    let option = format!("--root={}", root.path().display());
    run("systemd-sysusers", &[&option, at("users.conf").to_str().unwrap()]).success();
    let passwd = std::fs::read_to_string(at("etc/passwd")).unwrap();
    assert!(passwd.starts_with("distcc:x:") && passwd.contains(":/:/usr/bin/nologin"), "{passwd}");

    for file in ["tmp/distccd.log", "tmp/distccd-armv8.log", "tmp/distccd_ab12cd/a.o", "tmp/old"] {
        std::fs::write(at(file), "").unwrap();
    }
    // Everything is older than nothing.
    std::fs::write(at("age.conf"), "d /tmp 1777 - - 0\n").unwrap();
    let ours = repository().join("systemd/tmpfiles.d/distccd.conf");
    let words = ["--clean", &option, at("age.conf").to_str().unwrap(), ours.to_str().unwrap()]
        .map(str::to_owned);
    run("systemd-tmpfiles", &words.each_ref().map(String::as_str)).success();
    let mut left: Vec<_> = files(&at("tmp"));
    left.sort();
    let expected = ["tmp/distccd-armv8.log", "tmp/distccd.log", "tmp/distccd_ab12cd/a.o"];
    assert_eq!(left, expected.map(at));
}

#[test]
fn the_daemon_does_its_work_within_what_its_unit_allows() {
    if let Some(report) = systemd::report("try.sh", &[&package().file]) {
        insta::assert_snapshot!(report);
    }
}
