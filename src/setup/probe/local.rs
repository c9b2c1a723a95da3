//! This machine's own compilers: what volunteers are compared with.

use std::ffi::OsString;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use crate::arch::configuration::Configuration;
use crate::base::disk::{Disk, RealDisk};
use crate::base::{dirs, env, replace, version};
use crate::compiler::object::{self, ObjectIdentity};
use crate::compiler::{mismatch, target};
use crate::setup::probe::unit::{self, Request};
use crate::{targets, toolchains};

/// The compilers that are asked for where nobody says which.
const USUAL: [&str; 4] = ["gcc", "g++", "clang", "clang++"];
/// Those of them that builds use unless makepkg's configuration names others.
const NEEDED: [&str; 2] = ["gcc", "g++"];
/// Longest that a local compile of a probe may take.
const LIMIT: Duration = Duration::from_secs(20);
/// The most bytes of an object of ours.
const MOST_BYTES: u64 = 4 << 20;
/// How often the reference unit is compiled here; the quickest counts.
const ROUNDS: u32 = 3;

/// Something on this machine that no volunteer can make up for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LocalFault {
    /// There is no compiler to compare with, or to link with.
    NoCompiler,
    /// The client is not installed.
    NoClient,
    /// A compiler that was asked for, or that makepkg's configuration names, is not installed.
    CompilerMissing(String),
    /// A compiler here cannot compile a unit of one function: what it said.
    CompilerFails(String, String),
}

impl LocalFault {
    /// A name that never changes, for programs.
    pub fn id(&self) -> &'static str {
        match self {
            Self::NoCompiler => "no-compiler",
            Self::NoClient => "no-client",
            Self::CompilerMissing(_) => "compiler-missing-here",
            Self::CompilerFails(..) => "compiler-fails-here",
        }
    }

    /// What is wrong, in one sentence without a full stop.
    pub fn sentence(&self) -> String {
        match self {
            Self::NoCompiler => "this machine has no gcc: nothing can be built here".to_owned(),
            Self::NoClient => {
                "this machine has no distcc: builds here are not distributed".to_owned()
            }
            Self::CompilerMissing(name) => format!("this machine has no {name}"),
            Self::CompilerFails(name, said) => {
                format!("{name} on this machine cannot compile one function: {said}")
            }
        }
    }

    /// The command that mends it, here.
    pub fn command(&self) -> String {
        match self {
            Self::NoCompiler => "sudo pacman -S --needed base-devel".to_owned(),
            Self::NoClient => "sudo pacman -S --needed makepkg-distcc".to_owned(),
            Self::CompilerMissing(name) | Self::CompilerFails(name, _) => {
                format!("sudo pacman -S {}", super::remedy::package(name))
            }
        }
    }
}

/// One compiler of this machine.
#[derive(Clone, Debug)]
pub struct LocalCompiler {
    /// Its name: `gcc`.
    pub name: String,
    /// Whether builds need it; others are only shown.
    pub needed: bool,
    /// How volunteers are asked for it.
    pub request: Request,
    /// How they are asked for LTO byte code, and the version that it has here; where builds use LTO
    /// and this is a gcc.
    pub lto: Option<(Request, (u16, u16))>,
    /// What its object says.
    pub identity: ObjectIdentity,
    /// How long the tiny unit takes.
    pub tiny: Duration,
}

impl LocalCompiler {
    /// Its version, in its own words.
    pub fn version(&self) -> String {
        mismatch::listed(&self.identity)
    }
}

/// All that volunteers are compared with.
#[derive(Clone, Debug, Default)]
pub struct Local {
    /// The compilers that are asked for.
    pub compilers: Vec<LocalCompiler>,
    /// Whether builds use LTO.
    pub lto: bool,
    /// How long the reference unit takes with the first compiler.
    pub reference: Option<Duration>,
    /// What is wrong here.
    pub faults: Vec<LocalFault>,
}

impl Local {
    /// Looks at this machine, or at the chroot `root`: `wanted` compilers, or the usual ones and
    /// those that `configuration` names.
    pub fn look(root: &Path, configuration: Option<&Configuration>, wanted: &[String]) -> Self {
        let path = search_path(root);
        let lto = configuration.and_then(|of| of.option("OPTIONS", "lto")).unwrap_or(false);
        let mut local = Self { lto, ..Self::default() };
        let has = |name: &str| target::on_path(name.as_ref(), &path, &RealDisk);
        if has("distcc").is_none() {
            local.faults.push(LocalFault::NoClient);
        }
        let Ok(dir) = tempfile::Builder::new().prefix("distcc-setup-").tempdir_in(dirs::temp_dir())
        else {
            return local;
        };
        for (name, needed) in names(configuration, wanted) {
            match has(&name) {
                Some(program) => local.add(&name, needed, &program, &path, dir.path()),
                None if needed => local.faults.push(LocalFault::CompilerMissing(name)),
                None => {}
            }
        }
        if local.compilers.is_empty() && wanted.is_empty() {
            local.faults.retain(|fault| !matches!(fault, LocalFault::CompilerMissing(_)));
            local.faults.push(LocalFault::NoCompiler);
        }
        local.reference = local.measure(&path, dir.path());
        local
    }

    fn add(&mut self, name: &str, needed: bool, program: &Path, path: &[PathBuf], dir: &Path) {
        let compile = |flags: &[&str]| compile(program, name, unit::TINY, flags, dir);
        let (object, tiny) = match compile(&[]) {
            Ok(made) => made,
            Err(said) => {
                self.faults.push(LocalFault::CompilerFails(name.to_owned(), said));
                return;
            }
        };
        let Some(identity) = object::identify(&object) else { return };
        let foreign = foreign_triple(program, &identity);
        let request = |flags: &[&str]| Request::new(name, flags, path, foreign.as_deref());
        let lto = self.lto.then(|| {
            let flags = ["-flto=auto"];
            let version = object::lto_version(&compile(&flags).ok()?.0)?;
            Some((request(&flags)?, version))
        });
        let lto = lto.flatten();
        let Some(request) = request(&[]) else { return };
        self.compilers.push(LocalCompiler {
            name: name.to_owned(),
            needed,
            request,
            lto,
            identity,
            tiny,
        });
    }

    fn measure(&self, path: &[PathBuf], dir: &Path) -> Option<Duration> {
        let name = &self.compilers.first()?.name;
        let program = target::on_path(name.as_ref(), path, &RealDisk)?;
        let source = unit::reference();
        (0..ROUNDS)
            .filter_map(|_| compile(&program, name, &source, &[], dir).ok())
            .map(|(_, took)| took)
            .min()
    }
}

/// The triple of a compiler whose objects are for a target that is not this machine's: the client
/// asks volunteers for it by that.
fn foreign_triple(program: &Path, identity: &ObjectIdentity) -> Option<String> {
    let ObjectIdentity { machine, hard_float, arm_arch, .. } = identity;
    targets::of_object(*machine, *hard_float, *arm_arch)?;
    let own = targets::of_triple(version::MACHINE);
    let is_own = own.iter().any(|own| {
        own.elf_machine == *machine
            && own.float_abi.is_none_or(|abi| {
                hard_float.is_none_or(|hard| hard == (abi == targets::FloatAbi::Hard))
            })
    });
    if is_own {
        return None;
    }
    toolchains::ask::machine(program).ok().filter(|triple| !targets::of_triple(triple).is_empty())
}

/// Where compilers are looked for: PATH without masquerade directories, or the chroot's `/usr/bin`.
pub(in crate::setup) fn search_path(root: &Path) -> Vec<PathBuf> {
    if root != Path::new("/") {
        return vec![root.join("usr/local/bin"), root.join("usr/bin")];
    }
    let path = env::PATH.get().unwrap_or_else(|| OsString::from("/usr/local/bin:/usr/bin:/bin"));
    target::search_path(&path).into_iter().filter(|dir| dir.is_absolute()).collect()
}

/// The compilers to ask for, and whether builds need each.
fn names(configuration: Option<&Configuration>, wanted: &[String]) -> Vec<(String, bool)> {
    if !wanted.is_empty() {
        return wanted.iter().map(|name| (name.clone(), true)).collect();
    }
    let named: Vec<String> = ["CC", "CXX"]
        .iter()
        .filter_map(|variable| configuration?.text(variable))
        .filter_map(|command| {
            let words = command.split_whitespace().map(str::to_owned);
            words.into_iter().find(|word| !matches!(word.as_str(), "ccache" | "distcc"))
        })
        .filter(|name| !name.contains('/'))
        .collect();
    let mut names: Vec<_> = USUAL
        .iter()
        .map(|&name| {
            (name.to_owned(), NEEDED.contains(&name) || named.iter().any(|one| one == name))
        })
        .collect();
    for name in named {
        if !USUAL.contains(&name.as_str()) {
            names.push((name, true));
        }
    }
    names
}

/// Compiles `source` here; gives the object and how long it took, or what the compiler said.
fn compile(
    program: &Path,
    name: &str,
    source: &[u8],
    flags: &[&str],
    dir: &Path,
) -> Result<(Vec<u8>, Duration), String> {
    let input = unit::source_name(name);
    let failed = |error: std::io::Error| error.to_string();
    replace::write(&dir.join(input), source, 0o666).map_err(failed)?;
    let mut command = Command::new(program);
    command.arg("-O2").args(flags).args(["-c", input, "-o", "probe.o"]).current_dir(dir);
    // Where it is a link to ccache or to a distcc, that is not what is asked about.
    command.env("CCACHE_DISABLE", "1").env(env::SAFEGUARD.0, "1");
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
    let start = Instant::now();
    let mut child = command.spawn().map_err(failed)?;
    let status = loop {
        match child.try_wait().map_err(failed)? {
            Some(status) => break status,
            None if start.elapsed() > LIMIT => {
                drop(child.kill());
                drop(child.wait());
                return Err(format!("it is not done after {} s", LIMIT.as_secs()));
            }
            None => std::thread::sleep(Duration::from_millis(1)),
        }
    };
    let took = start.elapsed();
    if !status.success() {
        let mut said = Vec::new();
        if let Some(stderr) = child.stderr.take() {
            drop(stderr.take(4096).read_to_end(&mut said));
        }
        return Err(super::first_line(&said).unwrap_or_else(|| status.to_string()));
    }
    let object = RealDisk.read(&dir.join("probe.o"), MOST_BYTES).map_err(failed)?;
    Ok((object, took))
}
