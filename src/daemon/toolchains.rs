//! The toolchains that this daemon serves: those of its one target, or some besides the machine's
//! own compilers.

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::fmt::Write as _;
use std::fs::{self, File};
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::time::SystemTime;

use crate::base::exit::Exit;
use crate::compiler::names::CompilerName;
use crate::targets::{self, TARGETS, Target};
use crate::toolchains::ask::{self, Said, Unfit};
use crate::toolchains::{self, Toolchain};
use crate::{notice, warning};

/// Where clang is looked for where the toolchain has none, and what scripts need.
const SYSTEM: [&str; 2] = ["/usr/bin", "/bin"];

/// One `--toolchain`: for what, and where it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wish {
    /// The target; where it is left out, the names of the programs tell.
    pub target: Option<&'static Target>,
    /// The directory; where it is left out, the known places are searched.
    pub dir: Option<PathBuf>,
}

impl Wish {
    /// Reads `TARGET=DIR`, `DIR` (with a slash in it) or `TARGET`; `None` for anything else.
    pub fn parse(text: &OsStr) -> Option<Self> {
        let path = |text: &OsStr| {
            let path = PathBuf::from(text);
            std::path::absolute(&path).unwrap_or(path)
        };
        let words = text.to_str();
        if let Some((target, dir)) = words.and_then(|words| words.split_once('='))
            && let Some(target) = targets::by_name(target)
        {
            return Some(Self { target: Some(target), dir: Some(path(OsStr::new(dir))) })
                .filter(|_| !dir.is_empty());
        }
        if text.as_encoded_bytes().contains(&b'/') {
            return Some(Self { target: None, dir: Some(path(text)) });
        }
        Some(Self { target: Some(targets::by_name(words?)?), dir: None })
    }
}

/// Why there is nothing to serve; ends with [`Exit::COMPILER_MISSING`].
#[derive(Debug, thiserror::Error)]
pub enum NoToolchain {
    /// The named directory has no compiler that can be used: what was found there.
    #[error(
        "no compiler for {0} in {1}{2}: give --toolchain the directory that holds the programs, as \
         in --toolchain /opt/x-tools7h/arm-unknown-linux-gnueabihf/bin"
    )]
    InDir(String, PathBuf, String),
    /// Nowhere is one: the target, where was looked, what was found there.
    #[error(
        "no toolchain for {0} on this machine: looked into {1}{2}; install one ({3}), or name its \
         directory with --toolchain"
    )]
    Nowhere(&'static str, String, String, &'static str),
}

impl NoToolchain {
    /// What the daemon ends with.
    pub fn exit(&self) -> Exit {
        Exit::COMPILER_MISSING
    }
}

/// A toolchain that has been asked what it is.
#[derive(Clone, Debug)]
pub struct Served {
    toolchain: Toolchain,
    /// Its main compiler, gcc where it has one.
    main: PathBuf,
    said: Said,
}

/// The program that answers for a compiler's name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Program {
    /// Its file.
    pub file: PathBuf,
    /// Its PATH, where that is not the daemon's.
    pub path: Option<OsString>,
    /// What clang is to be told to compile for, unless the command tells.
    pub clang_target: Option<&'static str>,
}

impl Program {
    /// One of the machine's own.
    pub fn own(file: PathBuf) -> Self {
        Self { file, path: None, clang_target: None }
    }
}

/// What a program said and when the file was last changed.
type Answers = BTreeMap<PathBuf, (SystemTime, Option<(String, String)>)>;

/// All toolchains of this daemon.
#[derive(Debug, Default)]
pub struct Toolchains {
    only: Option<&'static Target>,
    served: Vec<Served>,
    answers: Mutex<Answers>,
}

impl Toolchains {
    /// Finds what the options ask for; `path` is where the administrator keeps compilers.
    ///
    /// # Errors
    ///
    /// [`NoToolchain`].
    pub fn find(
        only: Option<&'static Target>,
        wishes: &[Wish],
        path: &[PathBuf],
    ) -> Result<Self, NoToolchain> {
        let mut served = Vec::new();
        for wish in wishes {
            served.extend(match (wish.target.or(only), &wish.dir) {
                (Some(target), Some(dir)) => in_named_dir(&[target], dir)?,
                (None, Some(dir)) => in_named_dir(&TARGETS.each_ref(), dir)?,
                (Some(target), None) => anywhere(target, path)?,
                (None, None) => Vec::new(),
            });
        }
        if let (Some(target), true) = (only, served.is_empty()) {
            served = anywhere(target, path)?;
        }
        for Served { toolchain, main, said } in &served {
            notice!("serving {} with {} {}", toolchain.target.name, main.display(), said.version);
        }
        Ok(Self { only, served, answers: Mutex::default() })
    }

    /// The one target, if there is but one.
    pub fn only(&self) -> Option<&'static Target> {
        self.only
    }

    /// What these toolchains are for, each target once.
    pub fn targets(&self) -> Vec<&'static Target> {
        let mut targets = Vec::new();
        for served in &self.served {
            if !targets.contains(&served.toolchain.target) {
                targets.push(served.toolchain.target);
            }
        }
        targets
    }

    /// A line for each toolchain: target, compiler, version.
    pub fn lines(&self) -> String {
        self.served.iter().fold(String::new(), |mut text, served| {
            let Served { toolchain, main, said } = served;
            // Writing to a string cannot fail.
            let _ = writeln!(
                text,
                "toolchain {} {} {}",
                toolchain.target.name,
                main.display(),
                said.version
            );
            text
        })
    }

    /// Directories that their compilers run programs and read files from.
    pub fn dirs(&self) -> Vec<PathBuf> {
        let dirs = self.served.iter().flat_map(|Served { toolchain, said, .. }| {
            let assembler = said.assembler.as_deref().and_then(Path::parent).map(Path::to_owned);
            [Some(toolchain.dir.clone()), said.prefix.clone(), assembler]
        });
        dirs.flatten().collect()
    }

    /// The program that `name`, which has no slash, stands for. Without a target of the daemon's
    /// own, bare names are the machine's.
    ///
    /// An exact name of a program wins; then the first of the options.
    pub fn program(&self, name: &str, path: &[PathBuf]) -> Option<Program> {
        let CompilerName { triple, plain, .. } = CompilerName::split(name);
        if triple.is_none() && self.only.is_none() {
            return None;
        }
        let exact = self
            .served
            .iter()
            .filter(|served| triple.is_some() && served.toolchain.triple.as_deref() == triple);
        let found = exact
            .chain(&self.served)
            .find_map(|served| Some((served, self.program_of(served, name)?)));
        if let Some((served, file)) = found {
            return Some(Program { path: served.path_for(&file), file, clang_target: None });
        }
        // Clang compiles for every machine that it is told.
        let target = triple.map_or(self.only, |triple| {
            let targets = targets::of_triple(triple);
            targets.into_iter().find(|target| self.targets().contains(target))
        })?;
        let bare = name.get(triple.map_or(0, |triple| triple.len() + 1)..)?;
        let system = SYSTEM.map(PathBuf::from);
        let dirs = path.iter().chain(&system);
        let mut files = dirs.map(|dir| dir.join(bare)).filter(|_| plain.starts_with("clang"));
        let file = files.find(|file| is_named(plain) && toolchains::is_compiler(file))?;
        Some(Program { file, path: None, clang_target: Some(target.triple) })
    }

    fn program_of(&self, served: &Served, name: &str) -> Option<PathBuf> {
        let toolchain = &served.toolchain;
        if let Some(file) = toolchain.program(name) {
            return (served.names(&file) || self.is_for(&file, toolchain.target)).then_some(file);
        }
        // `gcc-12` where there is but a gcc of version 12.2.
        let CompilerName { version: Some(version), .. } = CompilerName::split(name) else {
            return None;
        };
        let file = toolchain.program(name.strip_suffix(version)?.strip_suffix('-')?)?;
        let (_, whole) = self.answer(&file)?;
        let rest = whole.strip_prefix(version)?;
        let is_it = rest.is_empty() || rest.starts_with('.');
        (is_it && (served.names(&file) || self.is_for(&file, toolchain.target))).then_some(file)
    }

    /// Whether a program with a bare name compiles for `target`: a directory may hold others.
    fn is_for(&self, file: &Path, target: &'static Target) -> bool {
        self.answer(file).is_some_and(|(machine, _)| targets::of_triple(&machine).contains(&target))
    }

    /// Machine and version of a compiler, asked again when its file changes.
    fn answer(&self, file: &Path) -> Option<(String, String)> {
        let stamp = fs::metadata(file).and_then(|meta| meta.modified()).ok()?;
        let mut answers = self.answers.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, answer)) = answers.get(file).filter(|(when, _)| *when == stamp) {
            return answer.clone();
        }
        let answer = ask::machine(file)
            .and_then(|machine| Ok((machine, ask::version(file)?)))
            .inspect_err(|unfit| warning!("{unfit}"))
            .ok();
        answers.insert(file.to_owned(), (stamp, answer.clone()));
        answer
    }
}

impl Served {
    /// Whether the name of `file` says for which machine it compiles.
    fn names(&self, file: &Path) -> bool {
        let name = file.file_name().and_then(OsStr::to_str).unwrap_or_default();
        let own = !self.toolchain.is_alone && self.toolchain.triple.is_none();
        own || CompilerName::split(name).triple.is_some()
    }

    /// The PATH on which a toolchain's program finds its own assembler and nobody else's. Only a
    /// script gets the system's programs too.
    fn path_for(&self, file: &Path) -> Option<OsString> {
        let Toolchain { target, dir, is_alone, .. } = &self.toolchain;
        if !is_alone && toolchains::of_this_machine() == Some(target) {
            return None;
        }
        let assembler = self.said.assembler.as_deref().and_then(Path::parent);
        let own = Some(dir.as_path()).filter(|_| *is_alone);
        let system = SYSTEM.map(PathBuf::from);
        let system = system.iter().filter(|_| is_script(file)).map(PathBuf::as_path);
        std::env::join_paths(own.into_iter().chain(assembler).chain(system)).ok()
    }
}

/// Whether a compiler could be called so.
fn is_named(plain: &str) -> bool {
    ["gcc", "g++", "cc", "c++", "cpp", "clang", "clang++"].contains(&plain)
}

/// The targets that a compiler called `name` is for, by its triple; none for what is no compiler.
pub fn targets_of(name: &str) -> Vec<&'static Target> {
    match CompilerName::split(name) {
        CompilerName { triple: Some(triple), plain, .. } if is_named(plain) => {
            targets::of_triple(triple)
        }
        _ => Vec::new(),
    }
}

fn is_script(file: &Path) -> bool {
    let mut head = [0; 2];
    File::open(file).and_then(|mut file| file.read_exact(&mut head)).is_ok() && head == *b"#!"
}

/// The toolchains of one directory for `target`, asked; those that cannot be used with why not.
fn in_dir(target: &'static Target, dir: &Path, unfit: &mut Vec<Unfit>) -> Vec<Served> {
    let mut found = toolchains::in_dir(target, dir);
    if found.is_empty() {
        found.extend(toolchains::bare_in_dir(target, dir));
    }
    found.into_iter().filter_map(|toolchain| ask(toolchain, unfit)).collect()
}

fn ask(toolchain: Toolchain, unfit: &mut Vec<Unfit>) -> Option<Served> {
    let main = toolchain.program("gcc").or_else(|| toolchain.program("clang"))?;
    match ask::all(&main, toolchain.target) {
        Ok(said) => Some(Served { toolchain, main, said }),
        Err(why) => {
            unfit.push(why);
            None
        }
    }
}

/// What the directory that an option names has for `targets`, each program for one of them.
fn in_named_dir(targets: &[&'static Target], dir: &Path) -> Result<Vec<Served>, NoToolchain> {
    // People name the toolchain as often as its programs.
    let dirs = [dir.to_owned(), dir.join("bin")];
    let mut unfit = Vec::new();
    for dir in &dirs {
        let mut served: Vec<Served> = Vec::new();
        for target in targets {
            for one in in_dir(target, dir, &mut unfit) {
                if !served.iter().any(|other| other.main == one.main) {
                    served.push(one);
                }
            }
        }
        if !served.is_empty() {
            return Ok(served);
        }
    }
    let names: Vec<_> = targets.iter().map(|target| target.name).collect();
    Err(NoToolchain::InDir(names.join(", "), dir.to_owned(), because(&unfit)))
}

/// The first toolchain for `target` on `path` or in a known place; on a machine of that target,
/// its own compilers.
fn anywhere(target: &'static Target, path: &[PathBuf]) -> Result<Vec<Served>, NoToolchain> {
    let mut unfit = Vec::new();
    let native: Vec<_> =
        toolchains::native(target).and_then(|own| ask(own, &mut unfit)).into_iter().collect();
    // Those that every PATH has come after the places of packages.
    for dir in path.iter().filter(|dir| !toolchains::is_shared(dir)) {
        let mut served = in_dir(target, dir, &mut unfit);
        if !served.is_empty() {
            served.extend(native);
            return Ok(served);
        }
    }
    let mut known = toolchains::find(target, Path::new("/"));
    // A toolchain for ARMv6 would do for ARMv7, but where there is one of its own, that is meant.
    known.sort_by_key(|toolchain| is_of_another(target, &toolchain.dir));
    let first = known.into_iter().find_map(|toolchain| ask(toolchain, &mut unfit));
    let served: Vec<_> = first.into_iter().chain(native).collect();
    if !served.is_empty() {
        return Ok(served);
    }
    let dirs = path.iter().map(|dir| dir.display().to_string());
    let places = target.package_dirs.iter().map(|dir| format!("/{dir}"));
    let places = places.chain(["/opt/*/bin", "/opt/*/*/bin", "/usr/local"].map(str::to_owned));
    let looked: Vec<_> = dirs.chain(places).collect();
    let what = match target.name {
        "x86_64" => "the AUR has distccd-x86_64, Debian gcc-x86-64-linux-gnu",
        "armv5" => "the AUR has distccd-alarm-armv5, Debian gcc-arm-linux-gnueabi",
        "armv6h" => "the AUR has distccd-alarm-armv6h",
        "armv7h" => "the AUR has distccd-alarm-armv7h, Debian gcc-arm-linux-gnueabihf",
        _ => "the AUR has distccd-alarm-armv8, Debian gcc-aarch64-linux-gnu",
    };
    Err(NoToolchain::Nowhere(target.name, looked.join(", "), because(&unfit), what))
}

/// Whether a package has the toolchain of another target there.
fn is_of_another(target: &Target, dir: &Path) -> bool {
    let others = TARGETS.iter().filter(|other| *other != target);
    let mut places = others.flat_map(|other| other.package_dirs);
    places.any(|place| Path::new("/").join(place) == dir)
}

fn because(unfit: &[Unfit]) -> String {
    let mut reasons: Vec<_> = unfit.iter().map(ToString::to_string).collect();
    reasons.dedup();
    if reasons.is_empty() { String::new() } else { format!(" ({})", reasons.join("; ")) }
}
