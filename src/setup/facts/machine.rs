//! The machine, or the chroot: what is installed, and where the client keeps its state.

use std::ffi::OsStr;
use std::io::Read;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use crate::arch::makepkg::HOOK;
use crate::base::dirs::MASQUERADE;
use crate::base::disk::{Disk, RealDisk};
use crate::masquerade;
use crate::setup::volunteer::survey::{self, Surveyed};
use crate::targets::{self, TARGETS, Target};
use crate::toolchains;

/// Where ccache keeps its links, for makepkg.
pub const CCACHE_DIR: &str = "/usr/lib/ccache/bin";
/// Where the daemons' settings are, below the root.
const SERVICE_FILES: &str = "etc/conf.d";
/// Where systemd keeps what starts at boot, below the root.
const WANTS: &str = "etc/systemd/system/multi-user.target.wants";
/// Everything that is mounted, as we see it.
const MOUNTS: &str = "/proc/self/mountinfo";
/// A longer list of mounts is not read.
const MOST_MOUNT_BYTES: u64 = 1 << 20;
/// What systemd-nspawn, and others like it, tell those inside.
const CONTAINER: &str = "/run/host/container-manager";
/// Where makechrootpkg puts the package that is built.
const STARTDIR: &str = "/startdir";
/// A longer file is none of a daemon's settings.
const MOST_BYTES: u64 = 1 << 16;
/// Directories of a system's own programs, below the root.
const BIN_DIRS: [&str; 4] = ["usr/local/sbin", "usr/local/bin", "usr/bin", "opt/bin"];

/// What was seen.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(test, derive(serde::Deserialize), serde(default, deny_unknown_fields))]
pub struct Machine {
    /// Processors of this machine.
    pub processors: u32,
    /// What its own programs are for, by a target's name; empty for a chroot.
    pub kind: String,
    /// Whether the build runs in a devtools chroot.
    pub is_chroot: bool,
    /// Whether the client is on PATH.
    pub client: bool,
    /// The same for the machine itself, where the subject is a chroot.
    pub client_on_host: bool,
    /// Whether ccache is on PATH.
    pub ccache: bool,
    /// Whether the directory of its links is where makepkg looks.
    pub ccache_dir: bool,
    /// The masquerade directory.
    pub farm: Farm,
    /// A directory with compilers before the masquerade directory in the caller's PATH.
    pub before_farm: Option<PathBuf>,
    /// A directory of ccache's links in the caller's PATH.
    pub ccache_in_path: Option<PathBuf>,
    /// Whether our hook for makepkg is installed: it exports every DISTCC_… and makes DISTCC_DIR.
    pub has_hook: bool,
    /// HOME of the user who builds.
    pub home: Option<PathBuf>,
    /// The client's state directory.
    pub state: Option<StateDir>,
    /// The daemons that this machine could run.
    pub services: Vec<Service>,
}

/// A masquerade directory against the compilers installed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[cfg_attr(test, derive(serde::Deserialize), serde(default, deny_unknown_fields))]
pub struct Farm {
    /// Whether it is there.
    pub exists: bool,
    /// Compilers without a link in it.
    pub missing: Vec<String>,
    /// Links to distcc whose compiler is not installed.
    pub stale: Vec<String>,
    /// Compilers whose entry leads to another program than distcc.
    pub foreign: Vec<String>,
}

/// The client's state directory.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[cfg_attr(test, derive(serde::Deserialize), serde(default, deny_unknown_fields))]
pub struct StateDir {
    /// The directory.
    pub path: PathBuf,
    /// Whether DISTCC_DIR names it, rather than HOME.
    pub is_given: bool,
    /// Whether it is there.
    pub exists: bool,
    /// Whether it is mounted there from elsewhere: in a build root, from the host.
    pub is_bound: bool,
    /// The network file system that it is on: `NFS`.
    pub network: Option<String>,
    /// Whether it is on a disk that spins.
    pub spins: bool,
    /// MiB free.
    pub free_mib: Option<u64>,
    /// Files that can still be made.
    pub free_files: Option<u64>,
}

/// A daemon's settings, `/etc/conf.d/distccd*`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[cfg_attr(test, derive(serde::Deserialize), serde(default, deny_unknown_fields))]
pub struct Service {
    /// The file.
    pub file: PathBuf,
    /// What it holds.
    pub content: String,
    /// The unit: `distccd`.
    pub unit: String,
    /// Whether it starts at boot.
    pub enabled: bool,
    /// Whether it runs; unknown where systemd does not.
    pub active: Option<bool>,
    /// The foreign target that it is for.
    pub target: Option<String>,
    /// All units for that target that start at boot.
    pub units: Vec<String>,
    /// The port that it takes.
    pub port: Option<u16>,
    /// Where the compilers for the target are, if there are any.
    pub toolchain: Option<PathBuf>,
}

impl Service {
    /// The words of the last DISTCC_ARGS; systemd splits it at blanks.
    pub fn arguments(&self) -> Vec<String> {
        let mut lines = self.content.lines().rev();
        let line = lines.find_map(|line| line.trim_start().strip_prefix("DISTCC_ARGS="));
        let text = line.unwrap_or_default().replace(['"', '\''], " ");
        text.split_whitespace().map(str::to_owned).collect()
    }
}

/// A machine at which nothing is wrong, for tests to spoil.
impl Default for Machine {
    fn default() -> Self {
        Self {
            processors: 8,
            kind: "x86_64".to_owned(),
            is_chroot: false,
            client: true,
            client_on_host: true,
            ccache: true,
            ccache_dir: true,
            farm: Farm { exists: true, ..Farm::default() },
            before_farm: None,
            ccache_in_path: None,
            has_hook: false,
            home: Some("/home/me".into()),
            state: None,
            services: Vec::new(),
        }
    }
}

/// What to look for.
#[derive(Clone, Debug)]
pub struct Question<'a> {
    /// The system's root.
    pub root: &'a Path,
    /// HOME of the user who builds.
    pub home: Option<&'a Path>,
    /// DISTCC_DIR as a build would have it.
    pub state_dir: Option<PathBuf>,
    /// The caller's PATH.
    pub path: Vec<PathBuf>,
    /// Whether daemons are looked at too.
    pub services: bool,
}

impl Machine {
    /// The target of its own programs, where that is known.
    pub fn target(&self) -> Option<&'static Target> {
        targets::by_name(&self.kind)
    }

    /// Looks at the machine.
    pub fn look(question: &Question<'_>) -> Self {
        let root = question.root;
        let is_host = root == Path::new("/");
        let bins: Vec<PathBuf> = BIN_DIRS.iter().map(|dir| root.join(dir)).collect();
        let dirs = if is_host { &question.path } else { &bins };
        let has =
            |dirs: &[PathBuf], name| dirs.iter().any(|dir| RealDisk.is_executable(&dir.join(name)));
        let below = |path: &str| root.join(path.trim_start_matches('/'));
        let farm_dir = below(MASQUERADE);
        let compilers = masquerade::compilers(&[root.join("usr/bin")], root);
        Self {
            processors: processors(),
            kind: kind(is_host),
            is_chroot: !is_host || is_build_root(root),
            client: has(dirs, "distcc"),
            client_on_host: has(&question.path, "distcc"),
            ccache: has(dirs, "ccache"),
            ccache_dir: below(CCACHE_DIR).is_dir(),
            before_farm: before(&question.path, &farm_dir, root),
            ccache_in_path: question.path.iter().find(|dir| is_ccache(dir)).cloned(),
            farm: Farm::look(&farm_dir, &compilers),
            has_hook: root.join(HOOK).exists(),
            home: question.home.map(Path::to_owned),
            state: state(question).filter(|_| is_host),
            services: if question.services { services(root) } else { Vec::new() },
        }
    }
}

/// Whether we are in a devtools build root. A container with a whole system in it is none: it may
/// have its own names.
fn is_build_root(root: &Path) -> bool {
    root.join(".arch-chroot").exists()
        || (Path::new(CONTAINER).exists() && Path::new(STARTDIR).exists())
}

/// The name of the target of the machine's own programs; a chroot may be for another one.
fn kind(is_host: bool) -> String {
    let target = toolchains::of_this_machine().filter(|_| is_host);
    target.map_or_else(String::new, |target| target.name.to_owned())
}

fn processors() -> u32 {
    let count = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    u32::try_from(count).unwrap_or(1)
}

/// The first directory of `path` that has a compiler, if the masquerade directory comes later.
fn before(path: &[PathBuf], farm: &Path, root: &Path) -> Option<PathBuf> {
    let at = path.iter().position(|dir| dir == farm)?;
    let earlier = path.iter().take(at);
    let has_compiler =
        |dir: &&PathBuf| !masquerade::compilers(std::slice::from_ref(*dir), root).is_empty();
    earlier.filter(|dir| !is_ccache(dir)).find(has_compiler).cloned()
}

/// Whether the directory is one of ccache's links: `/usr/lib/ccache`, `/usr/lib/ccache/bin`.
fn is_ccache(dir: &Path) -> bool {
    dir.components().any(|part| part.as_os_str() == "ccache")
}

impl Farm {
    /// Compares the directory with the compilers that are installed.
    fn look(dir: &Path, compilers: &[String]) -> Self {
        let Ok(entries) = std::fs::read_dir(dir) else { return Self::default() };
        let mut farm = Self { exists: true, ..Self::default() };
        let leads_to_distcc = |name: &str| {
            let target = RealDisk.link_target(&dir.join(name));
            target.is_some_and(|target| target.file_name() == Some(OsStr::new("distcc")))
        };
        let names = entries.filter_map(|entry| entry.ok()?.file_name().into_string().ok());
        let mut present: Vec<String> = names.collect();
        present.sort();
        for name in compilers {
            match present.contains(name) {
                false => farm.missing.push(name.clone()),
                true if !leads_to_distcc(name) => farm.foreign.push(name.clone()),
                true => {}
            }
        }
        let stale = present.into_iter().filter(|name| !compilers.contains(name));
        farm.stale = stale.filter(|name| leads_to_distcc(name) && name != "distcc").collect();
        farm
    }
}

fn state(question: &Question<'_>) -> Option<StateDir> {
    let given = question.state_dir.clone();
    let is_given = given.is_some();
    let path = given.or_else(|| question.home.map(|home| home.join(".distcc")))?;
    let exists = path.is_dir();
    let there = path.ancestors().find(|dir| dir.exists()).unwrap_or(&path).to_owned();
    let system = rustix::fs::statfs(&there).ok();
    let free_mib = system.as_ref().map(|system| {
        let block = u64::try_from(system.f_bsize).unwrap_or(0);
        (system.f_bavail.saturating_mul(block)) >> 20
    });
    // File systems without a fixed number of files say that they have none at all.
    let free_files = system.as_ref().filter(|system| system.f_files > 0).map(|s| s.f_ffree);
    let kind = system.as_ref().and_then(|system| network_name(i128::from(system.f_type)));
    let network = kind.map(str::to_owned);
    let spins = spins(&there);
    let is_bound = RealDisk.read(Path::new(MOUNTS), MOST_MOUNT_BYTES).is_ok_and(|mounts| {
        let real = std::fs::canonicalize(&there).unwrap_or(there);
        is_bound(&String::from_utf8_lossy(&mounts), &real)
    });
    Some(StateDir { path, is_given, exists, is_bound, network, spins, free_mib, free_files })
}

/// Whether `path` is on a mount of its own that is no fresh tmpfs, by the text of [`MOUNTS`].
///
/// Source: proc_pid_mountinfo(5): the fourth word is the part of the file system that is mounted,
/// the fifth is where, and the kind of file system follows ` - `.
fn is_bound(mounts: &str, path: &Path) -> bool {
    let mount = |line: &str| {
        let (head, kind) = line.split_once(" - ")?;
        let mut words = head.split(' ').skip(3);
        let (part, at) = (words.next()?, unescaped(words.next()?));
        let is_fresh = part == "/" && kind.starts_with("tmpfs ");
        let is_bound = at != Path::new("/") && !is_fresh;
        path.starts_with(&at).then(|| (at.components().count(), is_bound))
    };
    // The deepest, and of several at one place the last, is what is seen.
    let seen = mounts.lines().filter_map(mount).max_by_key(|(depth, _)| *depth);
    seen.is_some_and(|(_, is_bound)| is_bound)
}

/// A path of [`MOUNTS`], where a blank is `\040`.
fn unescaped(path: &str) -> PathBuf {
    let letters = [("\\040", " "), ("\\011", "\t"), ("\\012", "\n"), ("\\134", "\\")];
    letters.iter().fold(path.to_owned(), |path, (code, is)| path.replace(code, is)).into()
}

/// The network file systems by their numbers.
///
/// Source: statfs(2) and the kernel's `linux/magic.h`.
fn network_name(kind: i128) -> Option<&'static str> {
    match kind & 0xffff_ffff {
        0x6969 => Some("NFS"),
        0x517b | 0xfe53_4d42 | 0xff53_4d42 => Some("SMB"),
        0x6573_5546 => Some("FUSE"),
        0x0102_1997 => Some("9P"),
        0x00c3_6400 => Some("Ceph"),
        0x5346_414f | 0x6b41_4653 => Some("AFS"),
        _ => None,
    }
}

/// Whether the disk of `path` spins.
fn spins(path: &Path) -> bool {
    let Ok(meta) = std::fs::metadata(path) else { return false };
    let (major, minor) = (nix::sys::stat::major(meta.dev()), nix::sys::stat::minor(meta.dev()));
    let block = PathBuf::from(format!("/sys/dev/block/{major}:{minor}"));
    // A partition has its disk above it.
    let files = ["queue/rotational", "../queue/rotational"];
    let found = files.iter().find_map(|file| RealDisk.read(&block.join(file), 16).ok());
    found.is_some_and(|found| found.starts_with(b"1"))
}

fn services(root: &Path) -> Vec<Service> {
    let entries = std::fs::read_dir(root.join(SERVICE_FILES)).into_iter().flatten();
    let names = entries.filter_map(|entry| entry.ok()?.file_name().into_string().ok());
    let is_ours = |name: &String| name == "distccd" || name.starts_with("distccd-");
    let mut files: Vec<String> = names.filter(is_ours).filter(|name| !name.contains('.')).collect();
    // A daemon for a target needs no options.
    files.extend(TARGETS.iter().map(Target::daemon));
    files.sort();
    files.dedup();
    files.into_iter().filter_map(|name| service(root, name)).collect()
}

fn service(root: &Path, name: String) -> Option<Service> {
    let file = root.join(SERVICE_FILES).join(&name);
    let content = RealDisk.read(&file, MOST_BYTES);
    let is_there = content.is_ok();
    let content = String::from_utf8_lossy(&content.unwrap_or_default()).into_owned();
    let target = name.strip_prefix("distccd-").and_then(targets::by_name);
    let Some(target) = target.filter(|target| target.daemon() == name) else {
        let link = root.join(WANTS).join(format!("{name}.service"));
        let enabled = link.symlink_metadata().is_ok();
        let active = is_active(root, &name);
        let port = (name == "distccd").then(|| survey::port(&content));
        let service =
            Service { file, content, unit: name, enabled, active, port, ..Service::default() };
        return Some(service).filter(|_| is_there);
    };
    let Surveyed { unit, enabled: units, port, toolchain } = survey::of(target, &content, root);
    if !is_there && units.is_empty() {
        return None;
    }
    let active = is_active(root, &unit);
    Some(Service {
        file,
        content,
        unit,
        enabled: !units.is_empty(),
        active,
        target: Some(target.name.to_owned()),
        units,
        port: Some(port),
        toolchain,
    })
}

/// Asks systemd, where it runs and is about this root.
fn is_active(root: &Path, unit: &str) -> Option<bool> {
    if root != Path::new("/") || !Path::new("/run/systemd/system").is_dir() {
        return None;
    }
    let mut command = std::process::Command::new("systemctl");
    command.args(["is-active", unit]).stdin(std::process::Stdio::null());
    command.stdout(std::process::Stdio::piped()).stderr(std::process::Stdio::null());
    let mut child = command.spawn().ok()?;
    let mut said = String::new();
    let read = child.stdout.take().map(|out| out.take(64).read_to_string(&mut said));
    drop(child.wait());
    read?.ok()?;
    match said.trim() {
        "active" | "reloading" | "activating" => Some(true),
        "inactive" | "failed" | "deactivating" => Some(false),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::{PermissionsExt, symlink};

    use super::*;
    use crate::base::replace;

    fn program(path: &Path) {
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        replace::write(path, b"#!/bin/sh\n", 0o755).unwrap();
        std::fs::set_permissions(path, PermissionsExt::from_mode(0o755)).unwrap();
    }

    fn look(root: &Path, path: &[PathBuf]) -> Machine {
        let question = Question {
            root,
            home: Some(Path::new("/home/me")),
            state_dir: None,
            path: path.to_vec(),
            services: true,
        };
        Machine::look(&question)
    }

    #[test]
    fn a_root_is_judged_by_what_is_in_it() {
        let dir = tempfile::tempdir().unwrap();
        let root = dir.path();
        let bare = look(root, &[]);
        assert!(!bare.client && !bare.farm.exists && bare.is_chroot && !bare.client_on_host);
        for name in ["gcc", "g++", "clang", "distcc"] {
            program(&root.join("usr/bin").join(name));
        }
        let farm = root.join("usr/lib/distcc/bin");
        std::fs::create_dir_all(&farm).unwrap();
        for (name, target) in [
            ("gcc", "../../../bin/distcc"),
            ("clang", "/usr/bin/clang"),
            ("gcc-11", "../../../bin/distcc"),
        ] {
            symlink(target, farm.join(name)).unwrap();
        }
        let found = look(root, &[]);
        assert!(found.client);
        assert_eq!(found.farm.missing, ["g++"]);
        assert_eq!(found.farm.stale, ["gcc-11"]);
        assert_eq!(found.farm.foreign, ["clang"]);
    }

    #[test]
    fn a_directory_with_compilers_before_the_farm_is_named() {
        let dir = tempfile::tempdir().unwrap();
        let (farm, bin, empty) =
            (dir.path().join("farm"), dir.path().join("bin"), dir.path().join("empty"));
        program(&bin.join("gcc"));
        let root = Path::new("/");
        let path = [empty.clone(), bin.clone(), farm.clone()];
        assert_eq!(before(&path, &farm, root), Some(bin.clone()));
        assert_eq!(before(&[farm.clone(), bin.clone()], &farm, root), None);
        assert_eq!(before(&[bin], &farm, root), None);
    }

    #[test]
    fn a_state_directory_is_bound_where_something_of_the_host_is_mounted() {
        let mounts = "\
21 1 8:1 /var/lib/archbuild/extra-x86_64/me / rw - btrfs /dev/sda1 rw,subvol=/
22 21 0:30 / /tmp rw,nosuid - tmpfs tmpfs rw
23 21 8:1 /home/me/.dis\\040tcc /build/.distcc rw - btrfs /dev/sda1 rw
24 21 0:31 /distcc /build/a\\040b\\134c rw - tmpfs tmpfs rw
25 21 0:31 /x /build/over rw - tmpfs tmpfs rw
26 25 0:33 / /build/over rw - tmpfs tmpfs rw
";
        let bound = |path: &str| is_bound(mounts, Path::new(path));
        for path in ["/build/.distcc", "/build/.distcc/state", "/build/a b\\c"] {
            assert!(bound(path), "{path}");
        }
        for path in ["/build", "/build/.distcc2", "/tmp/distcc", "/build/over/x", "/"] {
            assert!(!bound(path), "{path}");
        }
        assert!(!is_bound("nonsense\n - \n1 2 3 4", Path::new("/")));
    }

    #[test]
    fn daemons_are_found_by_their_settings() {
        let dir = tempfile::tempdir().unwrap();
        let root = dir.path();
        std::fs::create_dir_all(root.join("etc/conf.d")).unwrap();
        std::fs::create_dir_all(root.join(WANTS)).unwrap();
        for name in ["distccd-armv8", "distccd", "distccd.pacnew", "sshd"] {
            replace::write(&root.join("etc/conf.d").join(name), b"X=1\n", 0o644).unwrap();
        }
        for unit in ["distccd", "distccd@armv7h", "distccd-armv7h"] {
            symlink("/none", root.join(WANTS).join(format!("{unit}.service"))).unwrap();
        }
        let unit = b"[Service]\nExecStart=/usr/bin/distccd --target armv7h $DISTCC_ARGS\n";
        let file = root.join("etc/systemd/system/distccd-armv7h.service");
        replace::write(&file, unit, 0o644).unwrap();
        let gcc = root.join("opt/x/bin/arm-linux-gnueabihf-gcc");
        program(&gcc);
        let found: Vec<_> = services(root)
            .into_iter()
            .map(|service| (service.unit, service.enabled, service.active))
            .collect();
        let unit = |name: &str, enabled| (name.to_owned(), enabled, None);
        let armv7h = unit("distccd-armv7h", true);
        assert_eq!(found, [unit("distccd", true), armv7h, unit("distccd@armv8", false)]);
        let armv7h = &services(root)[1];
        assert_eq!(armv7h.units, ["distccd-armv7h", "distccd@armv7h"]);
        assert_eq!((armv7h.port, armv7h.toolchain.as_deref()), (Some(3635), gcc.parent()));
        assert_eq!(armv7h.target.as_deref(), Some("armv7h"));
    }

    #[test]
    fn the_state_directory_has_its_file_systems_room() {
        let dir = tempfile::tempdir().unwrap();
        let question = Question {
            root: Path::new("/"),
            home: None,
            state_dir: Some(dir.path().join("gone/deep")),
            path: Vec::new(),
            services: false,
        };
        let state = state(&question).unwrap();
        assert!(state.is_given && !state.exists && state.free_mib.is_some());
        assert_eq!(network_name(0x6969), Some("NFS"));
        assert_eq!(network_name(0xef53), None);
    }
}
