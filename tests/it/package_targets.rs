//! The package with the units of targets: beside ours, beside those of others, and at work.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use makepkg_distcc::targets::TARGETS;

use crate::support::archive::{entries, info, newer, run, told, unpacked};
use crate::support::output::Output;
use crate::support::package::{InstallRoot, fixture, made, makepkg, package, repository};
use crate::support::systemd;

/// Exposure that systemd-analyze may find at most, in tenths: as for `distccd.service`.
const EXPOSURE: &str = "--threshold=28";
const TEMPLATE: &str = "systemd/distccd@.service";
/// Settings of a service that name what is its own.
const OWN: [&str; 5] =
    ["CacheDirectory", "EnvironmentFile", "ExecStart", "LogsDirectory", "RuntimeDirectory"];

fn read(path: impl AsRef<Path>) -> String {
    let path = repository().join(path);
    let text = std::fs::read_to_string(&path);
    text.map_err(|error| format!("{}: {error}", path.display())).unwrap()
}

/// Section, name and value of each setting of a service but its own ones.
fn shared_settings(unit: &str) -> Vec<String> {
    let mut section = "";
    let mut settings = Vec::new();
    for line in unit.lines().filter(|line| !line.is_empty() && !line.starts_with('#')) {
        if line.starts_with('[') {
            section = line;
        } else if section != "[Unit]" && !OWN.contains(&line.split('=').next().unwrap()) {
            settings.push(format!("{section} {line}"));
        }
    }
    settings
}

#[test]
fn the_template_is_shut_off_as_the_daemon_of_this_machine_is() {
    let [own, template] = ["systemd/distccd.service", TEMPLATE].map(read);
    assert!(own.contains("\nProtectSystem=strict\n"), "{own}");
    assert_eq!(shared_settings(&template), shared_settings(&own));
}

/// A file of the package, unpacked.
fn packaged(dir: &tempfile::TempDir, name: &str) -> String {
    read(dir.path().join(name))
}

#[test]
fn every_target_has_its_units_and_options_file_with_its_own_names_and_port() {
    let dir = unpacked(&package().targets);
    let template = read(TEMPLATE);
    // Without what it says of itself, and of those that are made of it.
    let (_, template) = template.split_once("\n\n").unwrap();
    let other = |line: &&str| !line.contains("distccd-%i.socket") && !line.contains("The same");
    let kept: String = template.split_inclusive('\n').filter(other).collect();
    assert_eq!(kept.lines().count() + 3, template.lines().count());
    for target in &TARGETS {
        let (name, daemon) = (target.name, target.daemon());
        let unit = packaged(&dir, &format!("usr/lib/systemd/system/{daemon}.service"));
        let alias = format!("Alias=distccd-alarm-{name}.service\n");
        let expected = kept.replace("distccd@%i", &daemon).replace("%i", name);
        assert_eq!(unit.replace(&alias, ""), expected);
        assert_eq!(unit.contains("Alias="), name.starts_with("arm"), "{name}");
        let socket = packaged(&dir, &format!("usr/lib/systemd/system/{daemon}.socket"));
        assert!(socket.contains(&format!("\nListenStream={}\n", target.port)), "{socket}");
        assert!(socket.contains(&format!(" {daemon}.socket\n")), "{socket}");
        let options = packaged(&dir, &format!("etc/conf.d/{daemon}"));
        assert!(options.contains(&format!("# The port is {},", target.port)), "{options}");
        let tools = target.package_dirs[0];
        assert!(options.contains(&format!("\n# /{tools},\n")), "{options}");
        for text in [&unit, &socket, &options] {
            assert!(!text.contains('%'), "{text}");
            for other in TARGETS.iter().filter(|other| other.name != name) {
                assert!(!text.contains(&other.daemon()), "{text}");
            }
        }
    }
    insta::assert_snapshot!(packaged(&dir, "etc/conf.d/distccd-armv7h"));
}

#[test]
fn the_package_of_targets_has_what_the_snapshot_says() {
    let package = &package().targets;
    let lines = entries(package).into_iter().map(|entry| {
        let target = entry.target.map(|target| format!(" -> {target}")).unwrap_or_default();
        format!("{} {}{target}\n", entry.rights, entry.path)
    });
    let keys = ["arch", "pkgname", "depend", "provides", "conflict", "backup"];
    let facts = keys.iter().flat_map(|key| {
        info(package, key).into_iter().map(move |value| format!("{key} = {value}\n"))
    });
    insta::assert_snapshot!(facts.chain(lines).collect::<String>());
}

#[test]
fn every_file_in_etc_of_the_targets_is_kept_when_it_was_edited() {
    let package = &package().targets;
    let in_etc = entries(package).into_iter().map(|entry| entry.path);
    let in_etc = in_etc.filter(|path| path.starts_with("etc/") && !path.ends_with('/'));
    let kept: BTreeSet<_> = info(package, "backup").into_iter().collect();
    assert_eq!(kept, in_etc.collect());
    assert_eq!(kept.len(), TARGETS.len());
}

#[test]
fn no_path_is_in_both_packages() {
    let paths = |package: &Path| {
        let paths = entries(package).into_iter().map(|entry| entry.path);
        paths.filter(|path| !path.ends_with('/')).collect::<BTreeSet<_>>()
    };
    let both: Vec<_> =
        paths(&package().file).intersection(&paths(&package().targets)).cloned().collect();
    assert!(both.is_empty(), "{both:?}");
}

#[test]
fn systemd_finds_no_fault_in_the_units_of_targets_and_little_exposure() {
    let dir = unpacked(&package().targets);
    let units = dir.path().join("usr/lib/systemd/system");
    std::fs::copy(repository().join(TEMPLATE), units.join("distccd@.service")).unwrap();
    // It looks at instances.
    std::os::unix::fs::symlink("distccd@.service", units.join("distccd@armv7h.service")).unwrap();
    let mut names: Vec<_> =
        std::fs::read_dir(&units).unwrap().map(|entry| entry.unwrap().path()).collect();
    names.retain(|path| !path.ends_with("distccd@.service"));
    names.sort();
    assert_eq!(names.len(), 2 * TARGETS.len() + 1);
    for unit in &names {
        let unit = unit.to_str().unwrap();
        run("systemd-analyze", &["verify", unit]).quiet_success();
        if unit.ends_with(".service") {
            let words = ["security", "--offline=true", "--no-pager", EXPOSURE, unit];
            let output = run("systemd-analyze", &words).success();
            println!("{unit} {}", output.stdout.lines().last().unwrap_or_default());
        }
    }
}

/// Ours, installed.
fn installed() -> InstallRoot {
    let root = InstallRoot::new(&[]);
    root.install(&package().file);
    root
}

#[test]
fn pacman_installs_the_targets_keeps_what_was_edited_and_removes_the_rest() {
    let root = installed();
    let output = root.install(&package().targets);
    insta::assert_snapshot!(told(&root, &output));
    assert_eq!(root.names("etc/conf.d").len(), 1 + TARGETS.len());

    let mine = "DISTCC_ARGS=\"--allow 192.168.10.0/24 --toolchain /opt/mine\"\n";
    std::fs::write(root.path("etc/conf.d/distccd-armv8"), mine).unwrap();
    let changed = ["etc/conf.d/distccd-armv7h", "etc/conf.d/distccd-armv8"];
    let (_dir, newer) = newer(&package().targets, &changed);
    let output = root.install(&newer);
    assert!(!output.stdout.contains("==>"), "{output}");
    assert_eq!(root.read("etc/conf.d/distccd-armv8"), mine);
    assert!(root.read("etc/conf.d/distccd-armv8.pacnew").ends_with("# A new default.\n"));
    assert!(root.read("etc/conf.d/distccd-armv7h").ends_with("# A new default.\n"));
    assert!(!root.path("etc/conf.d/distccd-armv7h.pacnew").exists());

    // Ours is needed by them.
    let output = root.pacman(&["-R", "makepkg-distcc"]);
    assert!(output.stderr.contains("could not satisfy dependencies"), "{output}");
    root.pacman(&["-R", "makepkg-distcc-targets"]).success();
    assert_eq!(root.read("etc/conf.d/distccd-armv8.pacsave"), mine);
    assert!(root.path("etc/conf.d/distccd").exists());
    assert_eq!(
        root.names("usr/lib/systemd/system"),
        ["distccd.service", "distccd.socket", "distccd@.service"]
    );
}

/// Packages of the shape that the AUR's have, made by makepkg.
fn of_the_aur(name: &str) -> &'static Path {
    static PACKAGES: OnceLock<(tempfile::TempDir, Vec<PathBuf>)> = OnceLock::new();
    let (_, files) = PACKAGES.get_or_init(|| {
        let dir = tempfile::tempdir().unwrap();
        let copy = Command::new("cp").arg("-rT").arg(fixture("aur")).arg(dir.path()).output();
        drop(Output::from(copy.unwrap()).success());
        let out = dir.path().join("out");
        std::fs::create_dir(&out).unwrap();
        let mut makepkg = makepkg(dir.path());
        makepkg.env("PKGDEST", &out).env("BUILDDIR", dir.path().join("build"));
        drop(Output::from(makepkg.output().unwrap()).success());
        let files = made(&out);
        (dir, files)
    });
    let start = format!("{name}-15");
    let found = |file: &&PathBuf| file.file_name().unwrap().to_str().unwrap().starts_with(&start);
    files.iter().find(found).unwrap()
}

#[test]
fn the_packages_of_the_aur_stand_beside_ours_and_in_place_of_the_targets() {
    let root = installed();
    let armv8 = of_the_aur("distccd-alarm-armv8");
    root.install(armv8);
    root.install(of_the_aur("distccd-alarm-armv7h"));
    root.install(of_the_aur("distccd-x86_64"));
    assert!(root.read("etc/conf.d/distccd-armv8").starts_with("PATH=/opt/x-tools8/"));
    let link = root.path("usr/lib/distcc/aarch64-unknown-linux-gnu-gcc");
    assert!(link.is_symlink());

    // Without an order to replace them, the targets stay out, and pacman says why.
    let targets = package().targets.to_str().unwrap();
    let refused = root.pacman(&["-U", targets]);
    assert_ne!(refused.status, 0);
    assert!(refused.stdout.contains("makepkg-distcc-targets and distccd-"), "{refused}");
    assert!(root.read("etc/conf.d/distccd-armv8").starts_with("PATH=/opt/x-tools8/"));
    // Ours goes, and leaves alone what is theirs.
    root.pacman(&["-Rdd", "makepkg-distcc"]).success();
    assert!(link.is_symlink());
}

#[test]
fn every_package_that_has_the_same_files_is_named_as_a_conflict() {
    let conflicts: BTreeSet<_> = info(&package().targets, "conflict").into_iter().collect();
    let ours: BTreeSet<_> = entries(&package().targets).into_iter().map(|e| e.path).collect();
    let mut theirs = BTreeSet::new();
    for name in run(
        "bash",
        &[
            "-c",
            "source tests/fixtures/package/aur/PKGBUILD
        printf '%s\\n' \"${pkgname[@]}\"",
        ],
    )
    .success()
    .stdout
    .lines()
    {
        let same = entries(of_the_aur(name)).into_iter().map(|entry| entry.path);
        if same.filter(|path| !path.ends_with('/')).any(|path| ours.contains(&path)) {
            theirs.insert(name.to_owned());
        }
    }
    assert_eq!(conflicts, theirs);
}

#[test]
fn targets_run_side_by_side_and_answer_for_themselves() {
    let packages = package();
    if let Some(report) = systemd::report("targets.sh", &[&packages.file, &packages.targets]) {
        insta::assert_snapshot!(report);
    }
}

#[test]
fn units_of_the_aur_are_served_by_our_daemon() {
    let alarm = ["armv5", "armv6h", "armv7h", "armv8"]
        .map(|target| of_the_aur(&format!("distccd-alarm-{target}")));
    let mut packages = vec![package().file.as_path()];
    packages.extend(alarm);
    if let Some(report) = systemd::report("aur.sh", &packages) {
        insta::assert_snapshot!(report);
    }
}
