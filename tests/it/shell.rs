//! The shell side: makepkg's hooks and the drop-in, by themselves and as files.

use std::collections::BTreeSet;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::support::output::Output;

/// Every name that pacman 6.0 to 7.1 has in the directories that we add files to.
const PACMANS: &str = "buildenv/buildflags buildenv/compiler buildenv/debugflags \
    buildenv/fortran buildenv/go buildenv/lto buildenv/makeflags buildenv/rust \
    lint_config/buildenv lint_config/ext lint_config/nproc lint_config/packager \
    lint_config/paths lint_config/source_date_epoch lint_config/variable";

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// The hooks, as they stand below `/usr/share/makepkg`.
fn hooks() -> Vec<PathBuf> {
    let mut hooks = Vec::new();
    for dir in std::fs::read_dir(root().join("libmakepkg")).unwrap() {
        let dir = dir.unwrap().path();
        if dir.is_dir() {
            hooks.extend(std::fs::read_dir(dir).unwrap().map(|file| file.unwrap().path()));
        }
    }
    hooks.sort();
    assert!(hooks.len() >= 7, "{hooks:?}");
    hooks
}

fn drop_in() -> PathBuf {
    root().join("makepkg.d/distcc.conf")
}

fn run(command: &mut Command) -> Output {
    command.output().unwrap().into()
}

#[test]
fn bats_finds_no_fault_with_the_hooks() {
    let mut bats = Command::new("timeout");
    bats.args(["--kill-after=5", "600", "bats", "--print-output-on-failure"]);
    let output = run(bats.arg(root().join("tests/shell")));
    assert_eq!(output.status, 0, "{output}");
    let done = output.stdout.lines().filter(|line| line.starts_with("ok ")).count();
    assert!(done >= 60, "{done} tests: {output}");
}

#[test]
fn shellcheck_finds_no_fault_with_the_hooks_and_the_drop_in() {
    let mut shellcheck = Command::new("shellcheck");
    run(shellcheck.args(["-s", "bash"]).args(hooks()).arg(drop_in())).quiet_success();
}

#[test]
fn hooks_are_read_and_not_run() {
    for file in hooks().iter().chain([&drop_in()]) {
        let mode = file.metadata().unwrap().permissions().mode();
        assert_eq!(mode & 0o111, 0, "{}", file.display());
    }
}

#[test]
fn hooks_have_names_that_pacman_does_not_use() {
    let mut taken: BTreeSet<_> = PACMANS.split(' ').map(|name| format!("{name}.sh")).collect();
    for dir in ["buildenv", "lint_config"] {
        for file in std::fs::read_dir(Path::new("/usr/share/makepkg").join(dir)).unwrap() {
            taken.insert(format!("{dir}/{}", file.unwrap().file_name().to_str().unwrap()));
        }
    }
    assert!(taken.contains("buildenv/compiler.sh"), "{taken:?}");
    for file in hooks() {
        let name = file.strip_prefix(root().join("libmakepkg")).unwrap().to_str().unwrap();
        assert!(!taken.contains(name), "{name} is pacman's");
    }
    assert!(!Path::new("/usr/share/makepkg/distcc.sh").exists());
}

#[test]
fn hooks_sort_behind_all_of_pacmans_in_every_locale() {
    let mut names: Vec<_> = PACMANS.split(' ').map(|name| format!("{name}.sh")).collect();
    names.extend(["buildenv/zz-distcc.sh".to_owned(), "lint_config/zz-distcc.sh".to_owned()]);
    for locale in ["C", "C.UTF-8", "en_US.UTF-8"] {
        for dir in ["buildenv/", "lint_config/"] {
            let mut sort = Command::new("sort");
            let here: Vec<_> = names.iter().filter(|name| name.starts_with(dir)).cloned().collect();
            let list = tempfile::NamedTempFile::new().unwrap();
            std::fs::write(list.path(), here.join("\n") + "\n").unwrap();
            let sorted = run(sort.arg(list.path()).env("LC_ALL", locale));
            let last = sorted.stdout.lines().last().unwrap();
            assert_eq!(last, format!("{dir}zz-distcc.sh"), "{locale}");
        }
    }
}

/// Reads the drop-in after `before` as makepkg does, prints what `after` prints.
fn source(drop_in: &Path, path: &str, after: &str) -> Output {
    let script = format!("BUILDENV=(!distcc color); source \"$0\" || exit 6; {after}");
    run(Command::new("/bin/bash").args(["-c", &script]).arg(drop_in).env_clear().env("PATH", path))
}

#[test]
fn the_drop_in_does_nothing_until_somebody_writes_into_it() {
    let values = "echo \"${BUILDENV[*]} ${DISTCC_HOSTS-unset} ${MAKEFLAGS-unset}\"";
    let output = source(&drop_in(), "/usr/bin:/bin", values).success();
    assert_eq!((&*output.stdout, &*output.stderr), ("!distcc color unset unset\n", ""));
}

#[test]
fn the_drop_in_with_its_lines_uncommented_works_with_a_client_and_is_harmless_without() {
    let text = std::fs::read_to_string(drop_in()).unwrap();
    let code = |line: &&str| ["#if ", "#\t", "#fi"].iter().any(|start| line.starts_with(start));
    let written: Vec<_> = text.lines().filter(code).map(|line| &line[1..]).collect();
    assert_eq!(written.len(), 5, "{written:?}");
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("distcc.conf");
    std::fs::write(&file, written.join("\n") + "\n").unwrap();
    let values = "echo \"${BUILDENV[*]}|${DISTCC_HOSTS-unset}|${MAKEFLAGS-unset}\"";
    let without = source(&file, "/nonexistent", values).success();
    assert_eq!((&*without.stdout, &*without.stderr), ("!distcc color|unset|unset\n", ""));
    std::fs::write(dir.path().join("distcc"), "#!/bin/sh\n").unwrap();
    std::fs::set_permissions(dir.path().join("distcc"), PermissionsExt::from_mode(0o755)).unwrap();
    let with = source(&file, dir.path().to_str().unwrap(), values).success();
    let hosts = "localhost/9 192.168.10.2/5 192.168.10.3/5 192.168.10.4/3";
    assert_eq!(with.stdout, format!("!distcc color distcc|{hosts}|-j44\n"));
}
