//! A laboratory for clean chroots: a machine with devtools, and a Debian for its roots.
//!
//! A [`Lab`] is this machine seen through an overlay, in namespaces of its own: what is done in
//! there, as root too, stays there, and is gone with the `Lab`, however the test ends. Its devtools
//! are the stand-ins of `tests/fixtures/devtools`; what they differ in is said in `common.sh` there.
//! Roots and copies are layers over a Debian that debootstrap makes once. Networks are shared, so
//! volunteers of a [`Farm`](crate::support::farm::Farm) are reached at their loopback addresses.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use nix::fcntl::{Flock, FlockArg};
use nix::unistd::Uid;
use tempfile::TempDir;

use crate::support::output::Output;
use crate::support::package::{package, repository};

/// What the Debian has besides the least that Debian can be: what `base-devel` is on Arch.
const PACKAGES: &str = "makepkg,pacman-package-manager,gcc,g++,make,sudo,fakeroot,\
    libarchive-tools,file,binutils,libnss-myhostname,zstd";
/// `enter.sh` says so where the machine does not allow a laboratory.
const NOT_HERE: i32 = 77;
/// Where commands of the laboratory find programs.
const PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// How makepkg reads its configuration, in the roots and on the laboratory's own system.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Makepkg {
    /// `makepkg.conf.d` too, as from pacman 6.1 on.
    DropIns,
    /// `makepkg.conf` alone, as pacman 6.0.
    OneFile,
}

/// A machine with devtools.
#[derive(Debug)]
pub struct Lab {
    holder: Child,
    /// The first process of its namespaces, as its number is here.
    pid: u32,
    /// Where its file system is mounted, in its own namespace only.
    _dir: TempDir,
}

impl Lab {
    /// Starts one, or says why this machine cannot have any.
    pub fn start(makepkg: Makepkg) -> Option<Self> {
        Self::start_with(makepkg, "nspawn")
    }

    /// Starts one whose containers are made without systemd-nspawn.
    pub fn without_nspawn(makepkg: Makepkg) -> Option<Self> {
        Self::start_with(makepkg, "namespaces")
    }

    fn start_with(makepkg: Makepkg, container: &str) -> Option<Self> {
        if !Uid::effective().is_root() {
            skip("a laboratory for chroots needs root");
            return None;
        }
        for program in ["debootstrap", "systemd-nspawn", "rsync", "sudo"] {
            if !["/usr/bin", "/usr/sbin"].iter().any(|dir| Path::new(dir).join(program).exists()) {
                skip(&format!("{program} is missing; tests/run installs it"));
                return None;
            }
        }
        let debian = debian();
        let dir = tempfile::Builder::new().prefix("lab-").tempdir().unwrap();
        let mut enter = Command::new("unshare");
        enter.args(["--mount", "--pid", "--fork", "--kill-child", "--uts", "--ipc", "--"]);
        enter.arg(fixture("chroot/enter.sh")).arg(dir.path()).arg(debian);
        enter.arg(fixture("devtools")).arg(match makepkg {
            Makepkg::DropIns => "drop-ins",
            Makepkg::OneFile => "one-file",
        });
        enter.arg(container);
        enter.env_clear().env("PATH", PATH).env("LC_ALL", "C");
        let mut holder = enter.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(holder.stdout.take().unwrap()).read_line(&mut line).unwrap();
        if line != "ready\n" {
            let status = holder.wait().unwrap();
            assert_eq!(status.code(), Some(NOT_HERE), "enter.sh failed: {status}");
            skip("this machine allows no namespaces or overlays");
            return None;
        }
        let children = format!("/proc/{0}/task/{0}/children", holder.id());
        let pid = std::fs::read_to_string(children).unwrap().trim().parse().unwrap();
        Some(Self { holder, pid, _dir: dir })
    }

    /// A path of the laboratory's, as it is seen from here. Links in it that begin with `/` lead
    /// astray.
    pub fn path(&self, inside: &str) -> PathBuf {
        let inside = inside.trim_start_matches('/');
        PathBuf::from(format!("/proc/{}/root", self.pid)).join(inside)
    }

    /// What a file of the laboratory's holds.
    #[track_caller]
    pub fn read(&self, inside: &str) -> String {
        let text = std::fs::read_to_string(self.path(inside));
        text.map_err(|error| format!("{inside}: {error}")).unwrap()
    }

    /// Writes a file of root's, and the directories that it needs.
    #[track_caller]
    pub fn write(&self, inside: &str, content: impl AsRef<[u8]>) {
        let path = self.path(inside);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, content).map_err(|error| format!("{inside}: {error}")).unwrap();
    }

    /// Copies a file of this machine's into the laboratory, where everybody may read it.
    pub fn bring(&self, from: &Path, inside: &str) {
        self.write(inside, std::fs::read(from).unwrap());
    }

    /// A shell script about to be run by root, in `/root`.
    pub fn root_command(&self, script: &str) -> Command {
        self.command("root", "/root", script)
    }

    /// A shell script about to be run by `packager`, who is not root and may use sudo, in
    /// `/home/packager`.
    pub fn user_command(&self, script: &str) -> Command {
        self.command("packager", "/home/packager", script)
    }

    fn command(&self, user: &str, home: &str, script: &str) -> Command {
        let mut command = Command::new("timeout");
        command.args(["--kill-after=5", "300", "nsenter", "--target", &self.pid.to_string()]);
        command.args(["--mount", "--pid", "--uts", "--ipc", "--"]);
        command.args(["runuser", "-u", user, "--", "bash", "-c"]);
        command.arg(format!("cd || exit; {script}"));
        command.env_clear().env("PATH", PATH).env("HOME", home).env("LC_ALL", "C");
        command.env("USER", user).env("LOGNAME", user).stdin(Stdio::null());
        command
    }

    /// Runs a shell script as root.
    #[must_use]
    pub fn root(&self, script: &str) -> Output {
        self.root_command(script).output().unwrap().into()
    }

    /// Runs a shell script as `packager`.
    #[must_use]
    pub fn user(&self, script: &str) -> Output {
        self.user_command(script).output().unwrap().into()
    }

    /// Makes a matrix of chroots with a root in it, as `mkarchroot` does; gives the matrix, which
    /// is what `makechrootpkg -r` takes. Nothing of ours is in the root.
    #[track_caller]
    pub fn chroot(&self, name: &str) -> Chroot<'_> {
        let dir = format!("/home/packager/{name}");
        self.user(&format!("mkdir -p {dir} && mkarchroot {dir}/root base-devel")).success();
        Chroot { lab: self, dir }
    }

    /// A directory as text, a line for each name in it with mode, owner and what it holds; but for
    /// what pacman and ldconfig leave: a log, and a cache with the times of files.
    #[track_caller]
    pub fn listing(&self, dir: &str) -> String {
        let script = format!(
            "cd {dir} && bsdtar -cf - --format=mtree \
             --options='!all,type,mode,uid,gid,link,size,sha256' . | \
             grep -ve '^./var/log/pacman.log ' -e '^./var/cache/ldconfig/aux-cache '"
        );
        self.root(&script).success().stdout
    }

    /// Our package, as a file in the laboratory.
    pub fn package(&self) -> String {
        let file = &package().file;
        let inside = format!("/srv/lab/{}", file.file_name().unwrap().to_str().unwrap());
        if !self.path(&inside).exists() {
            self.bring(file, &inside);
        }
        inside
    }

    /// Has pacman install our package on the laboratory's own system, over Debian's distcc.
    #[track_caller]
    pub fn install_on_host(&self) {
        let package = self.package();
        self.root(&format!("pacman -U --noconfirm --overwrite '*' {package}")).success();
    }

    /// A package `distcc` with the C client of this machine, as a file in the laboratory; what it
    /// needs besides the Debian of the roots is in it.
    pub fn stock_package(&self) -> String {
        let inside = "/srv/lab/distcc-3.4-1-x86_64.pkg.tar";
        let dir = tempfile::tempdir().unwrap();
        let script = fixture("chroot/stock-package.sh");
        let mut command = Command::new(script);
        command.arg(dir.path()).arg(self.path("/srv/lab/debian")).env("PATH", PATH);
        drop(Output::from(command.output().unwrap()).success());
        self.bring(&dir.path().join("distcc.pkg.tar"), inside);
        inside.to_owned()
    }
}

impl Drop for Lab {
    fn drop(&mut self) {
        // The first process of a namespace takes all others with it.
        drop(self.holder.kill());
        drop(self.holder.wait());
    }
}

/// A directory with a root, and with copies of it as soon as something was built.
#[derive(Debug)]
pub struct Chroot<'a> {
    lab: &'a Lab,
    /// The matrix: `-r` of makechrootpkg.
    pub dir: String,
}

impl Chroot<'_> {
    /// The root's directory in the laboratory.
    pub fn root(&self) -> String {
        format!("{}/root", self.dir)
    }

    /// The directory of a copy in the laboratory.
    pub fn copy(&self, name: &str) -> String {
        format!("{}/{name}", self.dir)
    }

    /// Runs a command as root in the root, in a container.
    #[track_caller]
    pub fn run(&self, words: &str) -> Output {
        self.lab.root(&format!("arch-nspawn {} {words}", self.root()))
    }

    /// Has pacman install a package, a file in the laboratory, into the root.
    #[track_caller]
    pub fn install(&self, package: &str) -> Output {
        let bind = format!("--bind-ro={package}:/root/package");
        self.run(&format!("{bind} pacman -U --noconfirm --ask=4 /root/package")).success()
    }
}

/// Says so where nobody can miss it: also when all tests pass.
fn skip(why: &str) {
    let line = format!("skipped: {why}\n");
    std::io::stderr().write_all(line.as_bytes()).unwrap();
}

fn fixture(name: &str) -> PathBuf {
    repository().join("tests/fixtures").join(name)
}

/// The Debian below all roots, made now if it is not there yet. It is kept from run to run.
fn debian() -> PathBuf {
    let script = fixture("chroot/make-debian.sh");
    let suite = suite();
    let mut hasher = DefaultHasher::new();
    (std::fs::read(&script).unwrap(), PACKAGES).hash(&mut hasher);
    let all = Path::new(env!("CARGO_TARGET_TMPDIR")).join("debian");
    std::fs::create_dir_all(&all).unwrap();
    let lock = std::fs::File::create(all.join("lock")).unwrap();
    // Other tests may be making it at the same time.
    let _lock = Flock::lock(lock, FlockArg::LockExclusive).map_err(|(_, errno)| errno).unwrap();
    let dir = all.join(format!("{suite}-{:016x}", hasher.finish()));
    if !dir.exists() {
        let mut make = Command::new("unshare");
        make.arg("--mount").arg(script).arg(&dir).args([&*suite, PACKAGES]).env("LC_ALL", "C");
        drop(Output::from(make.output().unwrap()).success());
    }
    dir
}

/// This machine's release of Debian, whose compilers the volunteers have.
fn suite() -> String {
    let text = std::fs::read_to_string("/etc/os-release").unwrap_or_default();
    let name = text.lines().find_map(|line| line.strip_prefix("VERSION_CODENAME="));
    name.unwrap_or("bookworm").trim_matches('"').to_owned()
}
