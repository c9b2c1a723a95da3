//! Which compilers a client may name, and which program each name stands for.

use std::ffi::{OsStr, OsString};
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::path::{Component, Path, PathBuf};
use std::sync::RwLock;
use std::time::SystemTime;

use nix::unistd::{AccessFlags, access};

use crate::base::dirs;
use crate::base::disk::{Disk, RealDisk};
use crate::compiler::names::{self, CompilerName};
use crate::daemon::summary::printable;
use crate::daemon::toolchains::{Program, Toolchains, targets_of};
use crate::targets::Target;
use crate::toolchains::{is_compiler, of_this_machine};
use crate::warning;

/// Where compilers are looked for where PATH is not set.
const DEFAULT_PATH: &str = "/usr/local/bin:/usr/bin:/bin";
/// The most of a command list that is read.
const CMDLIST_LIMIT: u64 = 1 << 20;

/// Why no compiler runs; the text goes to the log and names the way out.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// A path where only names are listed.
    #[error(
        "compiler name <{0}> cannot be an absolute path (or must set DISTCC_CMDLIST or pass \
         --enable-tcp-insecure)"
    )]
    Path(String),
    /// Not in the whitelist.
    #[error(
        "{name} not in {0} or {1} whitelist: run update-distcc-symlinks, or link it there to \
         distcc by hand",
        dirs::WHITELIST,
        dirs::MASQUERADE
    )]
    NotListed {
        /// The compiler.
        name: String,
    },
    /// Not in the command list.
    #[error("lookup of {0} in DISTCC_CMDLIST failed: add its full path as a line of {1}")]
    NotInCmdlist(String, String),
    /// A spec file that is none.
    #[error("-specs={0} is no regular file below --sysroot {1}")]
    Specs(String, String),
    /// No compiler of the one target that is served.
    #[error("{0} is no compiler for {1}, which is all that this distccd serves (--target)")]
    NotOfTarget(String, &'static str),
    /// For a target that other services have; the client is told which.
    #[error("failed to exec {0}: No such file or directory")]
    WrongService(String, &'static Target),
    /// Listed, but not there; the client is told.
    #[error(
        "failed to exec {0}: No such file or directory (install it, or add its directory to \
         DISTCCD_PATH)"
    )]
    Missing(String),
}

/// The compilers of this machine, as far as clients may use them.
#[derive(Debug)]
pub struct Compilers {
    path: Vec<PathBuf>,
    lists: Vec<PathBuf>,
    insecure: bool,
    sysroot: Option<PathBuf>,
    cmdlist: Option<Cmdlist>,
    toolchains: Toolchains,
}

#[derive(Debug)]
struct Cmdlist {
    file: PathBuf,
    words: usize,
    read: RwLock<Option<(SystemTime, Vec<PathBuf>)>>,
}

impl Compilers {
    /// Compilers are looked for in `path` (as `$PATH` is written), without the directories whose
    /// programs are distcc itself.
    pub fn new(path: Option<&OsStr>, insecure: bool, sysroot: Option<PathBuf>) -> Self {
        let path = path.unwrap_or(OsStr::new(DEFAULT_PATH));
        let lists = vec![PathBuf::from(dirs::WHITELIST), PathBuf::from(dirs::MASQUERADE)];
        let path = std::env::split_paths(path)
            .filter(|dir| dir.is_absolute() && !lists.contains(dir))
            .collect();
        let toolchains = Toolchains::default();
        Self { path, lists, insecure, sysroot, cmdlist: None, toolchains }
    }

    /// The same, with toolchains of other targets.
    #[must_use]
    pub fn with_toolchains(mut self, toolchains: Toolchains) -> Self {
        self.toolchains = toolchains;
        self
    }

    /// The same, with a list of commands in place of the whitelist; a command's name is the last
    /// `words` parts of its path.
    #[must_use]
    pub fn with_cmdlist(mut self, file: PathBuf, words: usize) -> Self {
        self.cmdlist = Some(Cmdlist { file, words: words.max(1), read: RwLock::default() });
        self
    }

    /// The same, with other whitelists.
    #[cfg(test)]
    fn with_lists(mut self, lists: Vec<PathBuf>) -> Self {
        self.lists = lists;
        self
    }

    /// Where compilers are looked for.
    pub fn path(&self) -> &[PathBuf] {
        &self.path
    }

    /// Toolchains of other targets.
    pub fn toolchains(&self) -> &Toolchains {
        &self.toolchains
    }

    /// Where spec files may be.
    pub fn sysroot(&self) -> Option<&Path> {
        self.sysroot.as_deref()
    }

    /// Whether a client could name anything at all; if not, which directories are empty.
    ///
    /// # Errors
    ///
    /// A sentence for the log.
    pub fn check_whitelist(&self) -> Result<(), String> {
        let is_name = |entry: fs::DirEntry| {
            entry.file_name() != dirs::AGENT && !entry.file_type().is_ok_and(|kind| kind.is_dir())
        };
        let filled = |dir: &PathBuf| {
            fs::read_dir(dir).is_ok_and(|dir| dir.filter_map(Result::ok).any(is_name))
        };
        if self.insecure || self.cmdlist.is_some() || self.lists.iter().any(filled) {
            return Ok(());
        }
        let lists: Vec<_> = self.lists.iter().map(|dir| dir.display().to_string()).collect();
        Err(format!(
            "no compiler may be run: {} have no entries; run update-distcc-symlinks, set \
             DISTCC_CMDLIST, or pass --enable-tcp-insecure",
            lists.join(" and ")
        ))
    }

    /// The program that `name` stands for, if clients may run it.
    ///
    /// # Errors
    ///
    /// [`Refused`].
    pub fn find(&self, name: &OsStr) -> Result<Program, Refused> {
        let shown = || printable(name.as_bytes());
        if let Some(cmdlist) = &self.cmdlist {
            let found = cmdlist.find(name).map(Program::own);
            return found
                .ok_or_else(|| Refused::NotInCmdlist(shown(), cmdlist.file.display().to_string()));
        }
        let bare = without_bin(name);
        let has_path = bare.as_bytes().contains(&b'/');
        let text = bare.to_str().filter(|_| !has_path).unwrap_or_default();
        if let Some(program) = self.toolchains.program(text, &self.path) {
            return Ok(program);
        }
        self.find_own(name, bare, text).map(Program::own).map_err(|refused| {
            let is_unknown = matches!(
                refused,
                Refused::Missing(_) | Refused::NotListed { .. } | Refused::NotOfTarget(..)
            );
            let (served, targets) = (self.served(), targets_of(text));
            let is_foreign = !targets.iter().any(|target| served.contains(target));
            let others = self.toolchains.targets();
            match targets.first().filter(|_| is_unknown) {
                Some(target) if is_foreign => Refused::WrongService(shown(), target),
                // The toolchain does not have it.
                Some(_) if targets.iter().any(|target| others.contains(target)) => {
                    Refused::Missing(shown())
                }
                _ => refused,
            }
        })
    }

    /// What is compiled for here.
    pub fn served(&self) -> Vec<&'static Target> {
        let own = if self.toolchains.only().is_some() { None } else { of_this_machine() };
        let others = self.toolchains.targets().into_iter();
        own.into_iter().chain(others.filter(|target| Some(*target) != own)).collect()
    }

    /// One of the machine's own compilers: `bare` is `name` without `/usr/bin/`, `text` the same
    /// where it has no further slash.
    fn find_own(&self, name: &OsStr, bare: &OsStr, text: &str) -> Result<PathBuf, Refused> {
        let shown = || printable(name.as_bytes());
        if self.insecure {
            let path = Path::new(name);
            if path.is_absolute() && is_compiler(path) {
                return Ok(path.to_owned());
            }
            return self.search(last_part(name)).ok_or_else(|| Refused::Missing(shown()));
        }
        if bare.as_bytes().contains(&b'/') {
            return Err(Refused::Path(shown()));
        }
        if let Some(target) = self.toolchains.only() {
            // A name that is the target's, and that the toolchain does not have.
            let is_bare =
                CompilerName::split(text).triple.is_none() && names::is_compiler(text, &[]);
            return Err(match is_bare || targets_of(text).contains(&target) {
                true => Refused::Missing(shown()),
                false => Refused::NotOfTarget(shown(), target.name),
            });
        }
        if self.is_listed(bare) {
            return self.search(bare).ok_or_else(|| Refused::Missing(shown()));
        }
        // The full name of a compiler that is listed without its triple.
        let is_own = of_this_machine().is_some_and(|own| targets_of(text).contains(&own));
        let plain =
            CompilerName::split(text).triple.and_then(|triple| text.get(triple.len() + 1..));
        let plain = plain.map(OsStr::new).filter(|plain| is_own && self.is_listed(plain));
        let Some(plain) = plain else { return Err(Refused::NotListed { name: shown() }) };
        self.search(plain).ok_or_else(|| Refused::Missing(shown()))
    }

    /// Whether a whitelist has this name.
    fn is_listed(&self, name: &OsStr) -> bool {
        let listed = |dir: &PathBuf| access(&dir.join(name), AccessFlags::X_OK).is_ok();
        !(name.is_empty() || name == "." || name == ".." || name == dirs::AGENT)
            && self.lists.iter().any(listed)
    }

    fn search(&self, name: &OsStr) -> Option<PathBuf> {
        if name.is_empty() {
            return None;
        }
        self.path.iter().map(|dir| dir.join(name)).find(|path| is_compiler(path))
    }

    /// Puts the full path of each spec file in the place of what the client wrote, so that no file
    /// of the client's can be meant.
    ///
    /// # Errors
    ///
    /// [`Refused::Specs`] for one that is not below the sysroot.
    pub fn settle_specs(&self, argv: &mut [OsString]) -> Result<(), Refused> {
        for word in argv {
            let bytes = word.as_bytes();
            let Some(file) = bytes.strip_prefix(b"-specs=").or(bytes.strip_prefix(b"--specs="))
            else {
                continue;
            };
            let file = Path::new(OsStr::from_bytes(file));
            let plain = file.components().all(|part| matches!(part, Component::Normal(_)));
            let full = self.sysroot.as_ref().map(|root| root.join(file));
            match full.filter(|full| plain && full.is_file()) {
                Some(full) => {
                    *word = OsString::from("-specs=");
                    word.push(full);
                }
                None => {
                    let root = self.sysroot.clone().unwrap_or_default();
                    let shown = printable(file.as_os_str().as_bytes());
                    return Err(Refused::Specs(shown, root.display().to_string()));
                }
            }
        }
        Ok(())
    }
}

impl Cmdlist {
    fn find(&self, name: &OsStr) -> Option<PathBuf> {
        let stamp = fs::metadata(&self.file).and_then(|meta| meta.modified()).ok();
        let key = key(name, self.words);
        let look = |list: &[PathBuf]| {
            list.iter().find(|line| self::key(line.as_os_str(), self.words) == key).cloned()
        };
        if let Ok(read) = self.read.read()
            && let Some((_, list)) = read.as_ref().filter(|(when, _)| Some(*when) == stamp)
        {
            return look(list);
        }
        let text = match RealDisk.read(&self.file, CMDLIST_LIMIT) {
            Ok(text) => text,
            Err(error) => {
                warning!("cannot read DISTCC_CMDLIST {}: {error}", self.file.display());
                return None;
            }
        };
        let list: Vec<PathBuf> = text
            .split(|byte| *byte == b'\n')
            .map(|line| PathBuf::from(OsStr::from_bytes(line.trim_ascii())))
            .filter(|line| line.is_absolute())
            .collect();
        let found = look(&list);
        if let (Ok(mut read), Some(stamp)) = (self.read.write(), stamp) {
            *read = Some((stamp, list));
        }
        found
    }
}

/// The last `words` parts of a path.
fn key(path: &OsStr, words: usize) -> Vec<&[u8]> {
    let parts = path.as_bytes().split(|byte| *byte == b'/').filter(|part| !part.is_empty());
    let mut parts: Vec<&[u8]> = parts.collect();
    parts.drain(..parts.len().saturating_sub(words));
    parts
}

/// The name without one leading `/bin/` or `/usr/bin/`, in capitals or not.
fn without_bin(name: &OsStr) -> &OsStr {
    let bytes = name.as_bytes();
    for prefix in [b"/usr/bin/".as_slice(), b"/bin/"] {
        if let Some((head, rest)) = bytes.split_at_checked(prefix.len())
            && head.eq_ignore_ascii_case(prefix)
        {
            return OsStr::from_bytes(rest);
        }
    }
    name
}

fn last_part(name: &OsStr) -> &OsStr {
    let bytes = name.as_bytes();
    OsStr::from_bytes(bytes.rsplit(|byte| *byte == b'/').next().unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::{PermissionsExt, symlink};

    use super::*;

    struct Machine {
        root: tempfile::TempDir,
    }

    impl Machine {
        /// A whitelist of gcc and ghost; PATH has a masquerade directory before the real gcc.
        fn new() -> Self {
            let root = tempfile::tempdir().unwrap();
            for dir in ["list", "masquerade", "bin", "opt/cross/bin"] {
                fs::create_dir_all(root.path().join(dir)).unwrap();
            }
            let machine = Self { root };
            for program in
                ["bin/distcc", "bin/gcc", "bin/touch", "bin/distcc-agent", "opt/cross/bin/gcc"]
            {
                let path = machine.path(program);
                fs::File::create(&path).unwrap();
                fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
            }
            for link in ["list/gcc", "list/ghost", "masquerade/gcc"] {
                symlink("../bin/distcc", machine.path(link)).unwrap();
            }
            machine
        }

        fn path(&self, name: &str) -> PathBuf {
            self.root.path().join(name)
        }

        fn compilers(&self, insecure: bool) -> Compilers {
            let path = std::env::join_paths([self.path("masquerade"), self.path("bin")]).unwrap();
            Compilers::new(Some(&path), insecure, None).with_lists(vec![self.path("list")])
        }
    }

    fn find(compilers: &Compilers, name: &str) -> Result<PathBuf, Refused> {
        compilers.find(OsStr::new(name)).map(|program| program.file)
    }

    #[test]
    fn listed_names_run_the_real_compiler_and_never_distcc() {
        let machine = Machine::new();
        let compilers = machine.compilers(false);
        let gcc = machine.path("bin/gcc");
        assert_eq!(find(&compilers, "gcc"), Ok(gcc.clone()));
        assert_eq!(find(&compilers, "/usr/bin/gcc"), Ok(gcc.clone()));
        assert_eq!(find(&compilers, "/USR/BIN/gcc"), Ok(gcc.clone()));
        assert_eq!(find(&compilers, "/bin/gcc"), Ok(gcc));
    }

    #[test]
    fn what_is_not_listed_does_not_run() {
        let machine = Machine::new();
        let compilers = machine.compilers(false);
        // A program of ours that is installed there, and no compiler.
        fs::copy(machine.path("bin/touch"), machine.path("list/distcc-agent")).unwrap();
        for name in ["touch", "sh", "distcc-agent", "", ".", "..", "/bin/", "-c"] {
            assert!(matches!(find(&compilers, name), Err(Refused::NotListed { .. })), "{name}");
        }
        for name in ["/opt/gcc", "./gcc", "../bin/gcc", "/usr/bin/../bin/gcc", "/bin//gcc", "a/b"] {
            assert!(matches!(find(&compilers, name), Err(Refused::Path(_))), "{name}");
        }
    }

    #[test]
    fn listed_but_not_installed_is_a_failure_to_exec() {
        let machine = Machine::new();
        let refused = find(&machine.compilers(false), "ghost").unwrap_err();
        assert!(refused.to_string().starts_with("failed to exec ghost: No such file"));
    }

    #[test]
    fn insecure_runs_what_is_asked_for() {
        let machine = Machine::new();
        let compilers = machine.compilers(true);
        assert_eq!(find(&compilers, "touch"), Ok(machine.path("bin/touch")));
        let cross = machine.path("opt/cross/bin/gcc");
        assert_eq!(compilers.find(cross.as_os_str()), Ok(Program::own(cross)));
        assert_eq!(find(&compilers, "/nowhere/gcc"), Ok(machine.path("bin/gcc")));
        assert!(matches!(find(&compilers, "nothing"), Err(Refused::Missing(_))));
        assert!(matches!(find(&compilers, "distcc"), Err(Refused::Missing(_))));
    }

    #[test]
    fn command_lists_map_names_to_full_paths_and_are_read_again_when_they_change() {
        let machine = Machine::new();
        let list = machine.path("cmds");
        crate::base::replace::write(&list, b"/usr/bin/gcc\n\n/opt/cross/bin/gcc\n", 0o644).unwrap();
        let one = machine.compilers(false).with_cmdlist(list.clone(), 1);
        assert_eq!(find(&one, "/foo/bar/gcc"), Ok(PathBuf::from("/usr/bin/gcc")));
        assert!(matches!(find(&one, "g++"), Err(Refused::NotInCmdlist(..))));
        let two = machine.compilers(false).with_cmdlist(list.clone(), 2);
        assert_eq!(find(&two, "/x/cross/bin/gcc"), Ok(PathBuf::from("/usr/bin/gcc")));
        let three = machine.compilers(false).with_cmdlist(list.clone(), 3);
        assert_eq!(find(&three, "/x/cross/bin/gcc"), Ok(PathBuf::from("/opt/cross/bin/gcc")));
        crate::base::replace::write(&list, b"/usr/bin/g++\n", 0o644).unwrap();
        let later = SystemTime::now() + std::time::Duration::from_secs(5);
        fs::File::open(&list).unwrap().set_modified(later).unwrap();
        assert_eq!(find(&one, "g++"), Ok(PathBuf::from("/usr/bin/g++")));
    }

    #[test]
    fn spec_files_are_those_below_the_sysroot() {
        let machine = Machine::new();
        fs::File::create(machine.path("list/my.specs")).unwrap();
        let compilers = Compilers::new(None, false, Some(machine.path("list")));
        let settle = |word: &str| {
            let mut argv = [OsString::from(word)];
            compilers.settle_specs(&mut argv).map(|()| argv[0].clone().into_string().unwrap())
        };
        let full = format!("-specs={}", machine.path("list/my.specs").display());
        assert_eq!(settle("-specs=my.specs"), Ok(full.clone()));
        assert_eq!(settle("--specs=my.specs"), Ok(full));
        assert_eq!(settle("-O2"), Ok("-O2".to_owned()));
        for bad in ["-specs=none", "-specs=../list/my.specs", "-specs=/etc/passwd", "-specs="] {
            assert!(matches!(settle(bad), Err(Refused::Specs(..))), "{bad}");
        }
    }

    #[test]
    fn empty_whitelists_are_noticed() {
        let machine = Machine::new();
        let empty = machine.compilers(false).with_lists(vec![machine.path("none")]);
        assert!(empty.check_whitelist().unwrap_err().contains("update-distcc-symlinks"));
        fs::create_dir_all(machine.path("none/bin")).unwrap();
        fs::File::create(machine.path("none/distcc-agent")).unwrap();
        assert!(empty.check_whitelist().is_err());
        let insecure = machine.compilers(true).with_lists(vec![machine.path("none")]);
        assert_eq!(insecure.check_whitelist(), Ok(()));
        assert_eq!(machine.compilers(false).check_whitelist(), Ok(()));
    }
}
