//! `makechrootpkg-distcc` before a stand-in for makechrootpkg that says how it was called.

use std::collections::BTreeSet;
use std::fs::Permissions;
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown, symlink};
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use nix::unistd::Uid;
use tempfile::TempDir;

const PROGRAM: &str = env!("CARGO_BIN_EXE_makechrootpkg-distcc");

/// A user who is not root.
const NOBODY: u32 = 65_534;

/// Says its words, each in brackets, and ends as the first word behind `--` says.
const STAND_IN: &str = r#"#!/bin/bash
(( $# )) && printf '[%s]' "$@"
echo
while [[ $# -gt 0 && $1 != -- ]]; do shift; done
eval "$2"
"#;

/// A user's world: a home, a directory with a PKGBUILD, a stand-in for makechrootpkg.
struct World {
    top: TempDir,
    uid: u32,
}

impl World {
    fn new() -> Self {
        let top = tempfile::Builder::new().prefix("mcp-").tempdir().unwrap();
        let uid = if Uid::effective().is_root() { NOBODY } else { Uid::effective().as_raw() };
        let world = Self { top, uid };
        std::fs::set_permissions(world.top.path(), Permissions::from_mode(0o755)).unwrap();
        for dir in ["home", "work", "bin", "chroot/root"] {
            std::fs::create_dir_all(world.path(dir)).unwrap();
        }
        world.give("home");
        world.write("work/PKGBUILD", "", 0o644);
        // Our own binaries may be in a directory that only root may enter.
        world.copy(Path::new(PROGRAM), "bin/makechrootpkg-distcc");
        world.write("stand-in", STAND_IN, 0o755);
        world.copy(&world.path("stand-in"), "bin/makechrootpkg");
        world
    }

    fn path(&self, name: &str) -> PathBuf {
        self.top.path().canonicalize().unwrap().join(name)
    }

    fn write(&self, name: &str, text: &str, mode: u32) {
        let path = self.path(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, text).unwrap();
        std::fs::set_permissions(&path, Permissions::from_mode(mode)).unwrap();
    }

    /// Copies a program. A process of its own does it: one that another test starts meanwhile would
    /// inherit the open file from us, and the program be busy.
    fn copy(&self, from: &Path, name: &str) {
        let mut cp = Command::new("cp");
        assert!(cp.arg("-p").arg(from).arg(self.path(name)).status().unwrap().success());
    }

    /// Makes something the user's own.
    fn give(&self, name: &str) {
        chown(self.path(name), Some(self.uid), None).unwrap();
    }

    fn path_variable(&self) -> String {
        format!("{}:/usr/bin:/bin", self.path("bin").display())
    }

    /// The program, as whoever runs the tests.
    fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(self.path("bin/makechrootpkg-distcc"));
        command.args(args).current_dir(self.path("work")).env_clear();
        command.env("PATH", self.path_variable()).env("HOME", self.path("home"));
        command
    }

    /// The program, as the user.
    fn as_user(&self, args: &[&str]) -> Command {
        let mut command = self.command(args);
        if Uid::effective().is_root() {
            command.uid(self.uid).gid(self.uid);
        }
        command
    }

    /// A root directory at which nothing is wrong.
    fn good_root(&self) {
        let conf = "CARCH=x86_64\nCHOST=x86_64-pc-linux-gnu\nCFLAGS='-march=x86-64 -O2'\n\
            CXXFLAGS=$CFLAGS\nBUILDENV=(distcc color !ccache check !sign)\nMAKEFLAGS=-j28\n\
            DISTCC_HOSTS='192.168.10.2/9 localhost/5'\nOPTIONS=(!lto)\n";
        self.write("chroot/root/etc/makepkg.conf", conf, 0o644);
        self.write("chroot/root/.arch-chroot", "v6\n", 0o644);
        for name in ["distcc", "gcc"] {
            self.write(&format!("chroot/root/usr/bin/{name}"), "#!/bin/sh\n", 0o755);
        }
        let farm = self.path("chroot/root/usr/lib/distcc/bin");
        std::fs::create_dir_all(&farm).unwrap();
        symlink("../../../bin/distcc", farm.join("gcc")).unwrap();
    }

    fn chroot(&self) -> String {
        self.path("chroot").to_str().unwrap().to_owned()
    }
}

fn stdout(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).unwrap()
}

fn stderr(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).unwrap()
}

/// What the stand-in says to these words.
fn words(words: &[&str]) -> String {
    words.iter().map(|word| format!("[{word}]")).collect::<String>() + "\n"
}

#[test]
fn all_words_are_handed_on_in_their_order_behind_the_state_directory() {
    let world = World::new();
    world.good_root();
    let chroot = world.chroot();
    let given = ["-cr", &chroot, "-D", "/etc/distcc", "--", "exit 41", "-d", "MAKEFLAGS=-j4 -l3"];
    let output = world.as_user(&given).output().unwrap();
    let state = world.path("home/.distcc");
    let bind = format!("{}:/build/.distcc", state.display());
    assert_eq!(stdout(&output), words(&[&["-d", bind.as_str()], &given[..]].concat()));
    assert_eq!(stderr(&output), "", "nothing is wrong");
    assert_eq!(output.status.code(), Some(41));
    assert_eq!(std::fs::metadata(state).unwrap().uid(), world.uid);
}

#[test]
fn it_is_makechrootpkg_itself_that_a_signal_ends() {
    let world = World::new();
    let output = world.as_user(&["--", "kill -KILL $$"]).output().unwrap();
    assert_eq!(output.status.signal(), Some(9));
}

#[test]
fn a_state_directory_that_was_given_stays_alone() {
    let world = World::new();
    for given in [["-d", "/x:/build/.distcc"], ["-D", "/x:/build/.distcc/"]] {
        let output = world.as_user(&given).output().unwrap();
        assert_eq!(stdout(&output), words(&given));
    }
    assert!(!world.path("home/.distcc").exists());
}

#[test]
fn names_that_nspawn_would_take_apart_are_protected_and_relative_ones_made_whole() {
    let world = World::new();
    std::fs::create_dir(world.path("a: b\\c")).unwrap();
    world.give("a: b\\c");
    let output = world.as_user(&[]).env("DISTCC_DIR", "../a: b\\c").output().unwrap();
    let top = world.path("").display().to_string();
    assert_eq!(stdout(&output), words(&["-d", &format!("{top}a\\: b\\\\c:/build/.distcc")]));
    let mut printed = world.as_user(&["--print-options"]);
    let printed = printed.env("DISTCC_DIR", "../a: b\\c").output().unwrap();
    let as_shell = format!("-d '{top}a\\: b\\\\c:/build/.distcc'\n");
    assert_eq!((stdout(&printed), stderr(&printed)), (as_shell, String::new()));
}

#[test]
fn a_directory_of_somebody_else_is_not_shared_and_the_build_goes_on() {
    let world = World::new();
    symlink("/proc", world.path("home/.distcc")).unwrap();
    if !Uid::effective().is_root() {
        eprintln!("skipped: only root can be somebody else");
        return;
    }
    let output = world.as_user(&["--", "exit 5"]).output().unwrap();
    assert_eq!((stdout(&output), output.status.code()), (words(&["--", "exit 5"]), Some(5)));
    let said = stderr(&output);
    let why = format!("{} (it leads to /proc) is not ", world.path("home/.distcc").display());
    assert!(said.contains(&why) && said.contains("keeps slots and records of its own"), "{said}");
    let printed = world.as_user(&["--print-options"]).output().unwrap();
    assert_eq!((printed.status.code(), stdout(&printed)), (Some(1), String::new()));
}

#[test]
fn root_acts_for_the_user_who_called_sudo_or_is_named() {
    if !Uid::effective().is_root() {
        eprintln!("skipped: needs root");
        return;
    }
    let world = World::new();
    let state = world.path("home/deep/state");
    let bind = format!("{}:/build/.distcc", state.display());
    let nobody = nix::unistd::User::from_uid(NOBODY.into()).unwrap().unwrap().name;
    let mut command = world.command(&[]);
    let output = command.env("DISTCC_DIR", &state).env("SUDO_USER", &nobody).output().unwrap();
    assert_eq!((stdout(&output), stderr(&output)), (words(&["-d", &bind]), String::new()));
    for dir in ["home/deep", "home/deep/state"] {
        assert_eq!(std::fs::metadata(world.path(dir)).unwrap().uid(), NOBODY);
    }
    let mut command = world.command(&["-U", &nobody]);
    let output = command.env("DISTCC_DIR", &state).env("SUDO_USER", "root").output().unwrap();
    assert_eq!(stdout(&output), words(&["-d", &bind, "-U", &nobody]));

    let closed = world.path("closed/state");
    std::fs::create_dir(world.path("closed")).unwrap();
    let mut command = world.command(&[]);
    let output = command.env("DISTCC_DIR", &closed).env("SUDO_USER", &nobody).output().unwrap();
    assert!(stderr(&output).contains("closed/state cannot be made: "), "{}", stderr(&output));
    assert!(!closed.exists(), "nothing is made where that user could not");

    let output = world.command(&[]).output().unwrap();
    assert_eq!(stdout(&output), words(&[]));
    assert!(stderr(&output).contains("makepkg does not build as root"), "{}", stderr(&output));
    let output = world.command(&["-U", "no-such-user"]).output().unwrap();
    assert!(stderr(&output).contains("there is no user no-such-user"), "{}", stderr(&output));
}

#[test]
fn a_link_called_makechrootpkg_finds_the_real_one_behind_itself() {
    let world = World::new();
    std::fs::create_dir(world.path("local")).unwrap();
    symlink(world.path("bin/makechrootpkg-distcc"), world.path("local/makechrootpkg")).unwrap();
    let mut command = world.as_user(&[]);
    let path = format!("{}:{}", world.path("local").display(), world.path_variable());
    let output = command.arg0("makechrootpkg").arg("-c").env("PATH", path).output().unwrap();
    assert!(stdout(&output).ends_with(":/build/.distcc][-c]\n"), "{}", stdout(&output));
}

#[test]
fn without_devtools_it_says_what_to_install() {
    let world = World::new();
    std::fs::remove_file(world.path("bin/makechrootpkg")).unwrap();
    let path = world.path("bin");
    let output = world.as_user(&["-r", "x"]).env("PATH", path).output().unwrap();
    assert_eq!(output.status.code(), Some(127));
    assert!(stderr(&output).ends_with("is not installed: sudo pacman -S devtools\n"));
}

#[test]
fn help_is_ours_then_theirs_and_the_man_page_has_the_same_options() {
    let world = World::new();
    for word in ["-h", "--help", "-ch"] {
        let help = stdout(&world.as_user(&[word]).output().unwrap());
        assert!(help.starts_with("Usage: makechrootpkg-distcc ") && help.ends_with("\n[-h]\n"));
    }
    let help = stdout(&world.as_user(&["--help"]).output().unwrap());
    let listed = help.lines().filter(|line| line.starts_with("  -"));
    let in_help: BTreeSet<String> = listed
        .flat_map(|line| line[2..].split("  ").next().unwrap().split(", "))
        .map(str::to_owned)
        .collect();
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("man/makechrootpkg-distcc.1");
    let page = std::fs::read_to_string(page).unwrap().replace("\\-", "-");
    let options = page.split(".SH OPTIONS\n").nth(1).unwrap().split(".SH ").next().unwrap();
    let tags = options.split(".TP\n").skip(1).map(|tag| tag.lines().next().unwrap());
    let words = tags.flat_map(|tag| tag.split([' ', '"', ',']));
    let in_man: BTreeSet<String> =
        words.filter(|word| word.starts_with('-')).map(str::to_owned).collect();
    assert_eq!(in_man, in_help);
    assert_eq!(in_man.len(), 4);
}

#[test]
fn what_would_keep_a_build_here_is_said_before_it() {
    let world = World::new();
    world.good_root();
    let chroot = world.chroot();
    let conf = world.path("chroot/root/etc/makepkg.conf");
    let text = std::fs::read_to_string(&conf).unwrap().replace("(distcc ", "(!distcc ");
    std::fs::write(&conf, text).unwrap();
    std::fs::remove_file(world.path("chroot/root/usr/bin/distcc")).unwrap();
    let rules = |args: &[&str]| -> Vec<String> {
        let output = world.as_user(args).output().unwrap();
        assert!(output.status.success() && stdout(&output).contains(":/build/.distcc]"));
        let said = stderr(&output);
        said.lines().map(|line| line.split(": ").nth(2).unwrap().to_owned()).collect()
    };
    let all = ["distcc-banned", "client-missing"];
    assert_eq!(rules(&["-r", &chroot]), all);
    assert_eq!(rules(&["-r", &chroot, "-I", "/x/distcc-3.4-1.pkg.tar.zst"]), ["distcc-banned"]);
    // The copy is what a build uses that does not make it anew.
    std::fs::create_dir_all(world.path("chroot/two/etc")).unwrap();
    std::fs::write(world.path("chroot/two/etc/makepkg.conf"), "exit 1\n").unwrap();
    assert_eq!(rules(&["-r", &chroot, "-l", "two"]), ["config-exits"]);
    assert_eq!(rules(&["-r", &chroot, "-l", "two", "-c"]), all);
    std::fs::remove_file(world.path("work/PKGBUILD")).unwrap();
    assert!(rules(&["-r", &chroot]).is_empty(), "nothing is built");
}
