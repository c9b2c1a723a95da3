//! Our own package, built by makepkg once in a run of the tests, and roots to install it into.

use std::collections::BTreeSet;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::OnceLock;

use nix::fcntl::{Flock, FlockArg};
use nix::unistd::Uid;
use tempfile::TempDir;

use crate::support::farm::SYSTEM_PATH;
use crate::support::output::Output;

/// What a scriptlet and the hook need of a system.
const TOOLS: [&str; 6] = ["sh", "bash", "cat", "grep", "readlink", "rm"];

/// The package as makepkg made it.
#[derive(Debug)]
pub struct Package {
    /// The archive.
    pub file: PathBuf,
    /// The one with the units of targets.
    pub targets: PathBuf,
    /// The copy of the tree that it was built from.
    pub tree: PathBuf,
    /// Where makepkg worked.
    pub build_dir: PathBuf,
    /// What makepkg printed.
    pub output: Output,
}

/// The repository.
pub fn repository() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// A file of the package's fixtures.
pub fn fixture(name: &str) -> PathBuf {
    repository().join("tests/fixtures/package").join(name)
}

/// Builds the packages, or gives those that another test has built.
pub fn package() -> &'static Package {
    static PACKAGE: OnceLock<Package> = OnceLock::new();
    PACKAGE.get_or_init(|| build(&Path::new(env!("CARGO_TARGET_TMPDIR")).join("package")))
}

/// makepkg, about to run in `tree`, in which it finds its PKGBUILD. It refuses to be root: if we
/// are, it sees itself as another user, who is still the owner of our files.
pub fn makepkg(tree: &Path) -> Command {
    let mut command = Command::new("timeout");
    command.args(["--kill-after=5", "900"]);
    if Uid::effective().is_root() {
        command.args(["unshare", "--user", "--map-user=1000", "--map-group=1000", "--"]);
    }
    // The toolchain that builds the tests, found without rustup.
    let cargo = PathBuf::from(std::env::var_os("CARGO").unwrap());
    let path = format!("{}:{SYSTEM_PATH}", cargo.parent().unwrap().display());
    command
        .args(["makepkg", "--nodeps", "--force", "--config"])
        .arg(fixture("makepkg.conf"))
        .current_dir(tree)
        .env_clear()
        .env("PATH", path)
        .env("LC_ALL", "C")
        // What the tests were built from is there already.
        .env("CARGO_NET_OFFLINE", "true")
        // How fast the programs are is no matter here, but how fast they are built.
        .env("CARGO_PROFILE_RELEASE_OPT_LEVEL", "0")
        .env("CARGO_PROFILE_RELEASE_CODEGEN_UNITS", "64")
        .stdin(Stdio::null());
    for name in ["HOME", "CARGO_HOME", "RUSTUP_HOME"] {
        command.envs(std::env::var_os(name).map(|value| (name, value)));
    }
    command
}

/// The packages that makepkg has put into a directory, by name.
pub fn made(dir: &Path) -> Vec<PathBuf> {
    let mut files: Vec<_> =
        std::fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    files
}

/// Builds below `dir`, which is kept from run to run, so that only what changed is compiled.
fn build(dir: &Path) -> Package {
    let [tree, build_dir, out] = ["tree", "build", "out"].map(|name| dir.join(name));
    for dir in [&tree, &build_dir] {
        std::fs::create_dir_all(dir).unwrap();
    }
    let lock = File::create(dir.join("lock")).unwrap();
    let _lock = Flock::lock(lock, FlockArg::LockExclusive).map_err(|(_, error)| error).unwrap();
    if out.exists() {
        std::fs::remove_dir_all(&out).unwrap();
    }
    std::fs::create_dir(&out).unwrap();
    copy_tree(&tree);
    let mut makepkg = makepkg(&tree);
    makepkg.arg("--nocheck").env("BUILDDIR", &build_dir).env("PKGDEST", &out);
    let output = Output::from(makepkg.output().unwrap()).success();
    let [file, targets] = made(&out).try_into().unwrap();
    Package { file, targets, tree, build_dir, output }
}

/// Brings `tree` in step with what git keeps; a file that has not changed keeps its date.
pub fn copy_tree(tree: &Path) {
    let mut git = Command::new("git");
    git.args(["ls-files", "-z"]).current_dir(repository());
    let listed = git.output().unwrap();
    assert!(listed.status.success(), "git ls-files: {}", String::from_utf8_lossy(&listed.stderr));
    let listed = String::from_utf8(listed.stdout).unwrap();
    let mut kept = BTreeSet::new();
    for name in listed.split_terminator('\0') {
        let (from, to) = (repository().join(name), tree.join(name));
        // Removed here, and not yet from git's index.
        let Ok(content) = std::fs::read(&from) else { continue };
        kept.insert(to.clone());
        if std::fs::read(&to).is_ok_and(|old| old == content) {
            continue;
        }
        std::fs::create_dir_all(to.parent().unwrap()).unwrap();
        std::fs::copy(&from, &to).unwrap();
    }
    assert!(kept.contains(&tree.join("PKGBUILD")), "git does not keep PKGBUILD");
    remove_all_but(tree, &kept);
}

fn remove_all_but(dir: &Path, kept: &BTreeSet<PathBuf>) {
    for entry in std::fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() && !path.is_symlink() {
            remove_all_but(&path, kept);
        } else if !kept.contains(&path) {
            std::fs::remove_file(&path).unwrap();
        }
    }
}

/// A root directory with a pacman database of its own, and little else.
#[derive(Debug)]
pub struct InstallRoot {
    dir: TempDir,
}

impl InstallRoot {
    /// A root with a shell and with `programs`, by name or path.
    pub fn new(programs: &[&str]) -> Self {
        let dir = tempfile::Builder::new().prefix("root-").tempdir().unwrap();
        let mut script = Command::new(fixture("make-root.sh"));
        script.arg(dir.path()).args(TOOLS).args(programs).env("PATH", SYSTEM_PATH);
        drop(Output::from(script.output().unwrap()).success());
        Self { dir }
    }

    /// A path below the root.
    pub fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    /// What a file holds.
    #[track_caller]
    pub fn read(&self, name: &str) -> String {
        let text = std::fs::read_to_string(self.path(name));
        text.map_err(|error| format!("{name}: {error}")).unwrap()
    }

    /// The names in a directory, in order; none where it is missing.
    pub fn names(&self, dir: &str) -> Vec<String> {
        let Ok(entries) = std::fs::read_dir(self.path(dir)) else { return Vec::new() };
        let mut names: Vec<_> =
            entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    /// Runs a command where this root has /proc and a few devices.
    pub fn run(&self, words: &[&str]) -> Output {
        let mut command = Command::new("timeout");
        command.args(["--kill-after=5", "200", "unshare", "--mount"]);
        if !Uid::effective().is_root() {
            command.arg("--map-root-user");
        }
        command.arg("--").arg(fixture("in-root.sh")).arg(self.dir.path()).args(words);
        command.env_clear().env("PATH", format!("{SYSTEM_PATH}:/usr/sbin:/sbin"));
        command.env("LC_ALL", "C").stdin(Stdio::null()).output().unwrap().into()
    }

    /// pacman on this root, which has bash and glibc as far as it is told.
    pub fn pacman(&self, words: &[&str]) -> Output {
        let root = self.dir.path().to_str().unwrap();
        let (database, cache) = (self.path("var/lib/pacman"), self.path("var/cache/pacman/pkg"));
        let (log, config) = (self.path("var/log/pacman.log"), fixture("pacman.conf"));
        let mut all = vec!["pacman", "--root", root, "--noconfirm"];
        for (option, path) in [
            ("--dbpath", &database),
            ("--cachedir", &cache),
            ("--logfile", &log),
            ("--config", &config),
        ] {
            all.extend([option, path.to_str().unwrap()]);
        }
        all.extend(words);
        if words[0] == "-U" {
            all.extend([
                "--noprogressbar",
                "--assume-installed",
                "bash=5",
                "--assume-installed",
                "glibc=2",
            ]);
        }
        self.run(&all)
    }

    /// Installs a package, and gives what pacman said.
    #[track_caller]
    pub fn install(&self, package: &Path) -> Output {
        self.pacman(&["-U", package.to_str().unwrap()]).success()
    }
}
