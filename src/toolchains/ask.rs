//! What a compiler says of itself: for which machine it compiles, its version, where its parts are.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use crate::base::capture::capture;
use crate::base::env;
use crate::targets::{FloatAbi, Target};

/// How long a compiler may take for one answer.
const LIMIT: Duration = Duration::from_secs(10);
/// The most that it may print: all predefined macros are some 20 KiB.
const MOST_BYTES: u64 = 1 << 20;
/// The most of a machine's name or a version.
const MOST_WORD: usize = 64;

/// The answers of one compiler.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Said {
    /// Its target triple (`-dumpmachine`).
    pub machine: String,
    /// `12.2.0`.
    pub version: String,
    /// The assembler that it runs, where it has one of its own.
    pub assembler: Option<PathBuf>,
    /// The directory that holds all its parts, where that is visibly one: above `lib/gcc`.
    pub prefix: Option<PathBuf>,
}

/// Why a compiler cannot serve for a target.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unfit {
    /// It does not run, or says nothing that can be read.
    #[error("{0} cannot be asked what it is: {1}")]
    Mute(PathBuf, String),
    /// It compiles for something else: what, and what was wanted.
    #[error("{0} compiles for {1}, not for {2}")]
    Other(PathBuf, String, &'static str),
    /// gcc would run the assembler that is first on PATH.
    #[error("{0} has no assembler of its own (install the binutils for {1})")]
    NoAssembler(PathBuf, String),
}

/// Runs `program` with `words`, with nothing but its own directory and the system's on PATH.
fn run(program: &Path, words: &[&str]) -> Result<String, String> {
    let mut command = Command::new(program);
    command.args(words).env_clear().env(env::PATH.0, search_path(program)).env("LC_ALL", "C");
    let captured = capture(&mut command, LIMIT, MOST_BYTES).map_err(|error| error.to_string())?;
    if !captured.status.success() {
        let text = String::from_utf8_lossy(&captured.stderr).into_owned();
        return Err(text.lines().next().unwrap_or("it fails without a word").to_owned());
    }
    String::from_utf8(captured.stdout).map_err(|_| "it does not print text".to_owned())
}

fn search_path(program: &Path) -> OsString {
    let own = program.parent().unwrap_or(Path::new("/usr/bin"));
    std::env::join_paths([own, Path::new("/usr/bin"), Path::new("/bin")]).unwrap_or_default()
}

/// The one word that `program` prints.
fn word(program: &Path, words: &[&str]) -> Result<String, Unfit> {
    let mute = |why: String| Unfit::Mute(program.to_owned(), why);
    let text = run(program, words).map_err(mute)?;
    let word = text.trim();
    let plain = word.bytes().all(|byte| byte.is_ascii_graphic());
    if plain && (1..=MOST_WORD).contains(&word.len()) {
        Ok(word.to_owned())
    } else {
        Err(mute(format!("to {} it answers with something else", words.join(" "))))
    }
}

/// For which machine `program` compiles: its triple.
///
/// # Errors
///
/// [`Unfit::Mute`].
pub fn machine(program: &Path) -> Result<String, Unfit> {
    word(program, &["-dumpmachine"])
}

/// Its version; gcc's with all parts.
///
/// # Errors
///
/// [`Unfit::Mute`].
pub fn version(program: &Path) -> Result<String, Unfit> {
    // Since gcc 7 some builds print the first part only; clang knows the second option alone.
    word(program, &["-dumpfullversion", "-dumpversion"])
        .or_else(|_| word(program, &["-dumpversion"]))
}

/// Asks `program`, which is gcc or clang, whatever a volunteer needs to know of it, and whether it
/// compiles for `target`.
///
/// # Errors
///
/// [`Unfit`].
pub fn all(program: &Path, target: &'static Target) -> Result<Said, Unfit> {
    let machine = machine(program)?;
    let version = version(program)?;
    let other = |what: String| Unfit::Other(program.to_owned(), what, target.name);
    let macros = run(program, &["-dM", "-E", "-x", "c", "/dev/null"])
        .map_err(|why| Unfit::Mute(program.to_owned(), why))?;
    if let Some(what) = misfit(&macros, target) {
        return Err(other(format!("{machine} ({what})")));
    }
    let assembler = run(program, &["-print-prog-name=as"]).ok();
    let assembler = assembler.map(|text| PathBuf::from(text.trim()));
    let own = program.parent().map(|dir| dir.join("as"));
    let assembler = assembler.filter(|path| path.is_absolute()).or(own);
    // On a machine of the target, the system's is the right one.
    let is_native = super::of_this_machine() == Some(target);
    let assembler = assembler.filter(|path| path.is_file() && (is_native || !is_the_systems(path)));
    let is_clang = macros.contains("#define __clang__ ");
    if assembler.is_none() && !is_clang {
        return Err(Unfit::NoAssembler(program.to_owned(), machine));
    }
    let dirs = run(program, &["-print-search-dirs"]).unwrap_or_default();
    Ok(Said { machine, version, assembler, prefix: prefix(&dirs) })
}

/// `/usr/bin/as` and the like, by whatever way it is named.
fn is_the_systems(path: &Path) -> bool {
    let dir = path.parent().and_then(|dir| dir.canonicalize().ok());
    dir.is_some_and(|dir| super::is_shared(&dir))
}

/// What in gcc's predefined macros speaks against `target`.
///
/// Source: gcc's and clang's `-dM -E` for these machines; `__ARM_PCS_VFP` by the ARM C language
/// extensions.
fn misfit(macros: &str, target: &Target) -> Option<String> {
    let value = |name: &str| {
        let mut words = macros.lines().map(|line| line.split_ascii_whitespace());
        words.find_map(|mut words| {
            (words.next() == Some("#define") && words.next() == Some(name))
                .then(|| words.next().unwrap_or_default())
        })
    };
    let has = |name: &str| value(name).is_some();
    let cpu = match target.elf_machine {
        40 => "__arm__",
        62 => "__x86_64__",
        183 => "__aarch64__",
        _ => return Some("no known processor".to_owned()),
    };
    if !has(cpu) {
        return Some(format!("{cpu} is not defined"));
    }
    match target.float_abi {
        Some(FloatAbi::Hard) if !has("__ARM_PCS_VFP") => return Some("soft float".to_owned()),
        Some(FloatAbi::Soft) if has("__ARM_PCS_VFP") => return Some("hard float".to_owned()),
        _ => {}
    }
    let arch = value("__ARM_ARCH").and_then(|arch| arch.parse::<u32>().ok());
    let newest = target.arm_arch?;
    arch.filter(|arch| *arch > newest)
        .map(|arch| format!("ARMv{arch}, which {} machines cannot run", target.name))
}

/// The directory above `lib/gcc` in the line `install: …` of `-print-search-dirs`.
fn prefix(dirs: &str) -> Option<PathBuf> {
    let install = dirs.lines().find_map(|line| line.strip_prefix("install: "))?;
    let install = Path::new(install.trim()).canonicalize().ok()?;
    let marks = ["lib/gcc", "lib64/gcc", "libexec/gcc", "lib/gcc-cross"];
    let mark = install.ancestors().find(|dir| marks.iter().any(|mark| dir.ends_with(mark)))?;
    mark.parent()?.parent().filter(|dir| dir.parent().is_some()).map(Path::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::targets::by_name;

    fn of(name: &str, macros: &str) -> Option<String> {
        misfit(macros, by_name(name).unwrap())
    }

    #[test]
    fn macros_tell_processor_float_abi_and_architecture() {
        let v7 = "#define __arm__ 1\n#define __ARM_PCS_VFP 1\n#define __ARM_ARCH 7\n";
        let v5 = "#define __arm__ 1\n#define __ARM_PCS 1\n#define __ARM_ARCH 5\n";
        assert_eq!(of("armv7h", v7), None);
        assert_eq!(of("armv5", v5), None);
        assert_eq!(of("armv8", "#define __aarch64__ 1\n#define __ARM_ARCH 8\n"), None);
        assert_eq!(of("x86_64", "#define __x86_64__ 1\n"), None);
        assert_eq!(of("armv7h", v5).unwrap(), "soft float");
        assert_eq!(of("armv5", v7).unwrap(), "hard float");
        assert_eq!(of("armv6h", v7).unwrap(), "ARMv7, which armv6h machines cannot run");
        assert_eq!(of("x86_64", v7).unwrap(), "__x86_64__ is not defined");
    }

    #[test]
    fn the_prefix_is_above_the_libraries_of_gcc() {
        let root = tempfile::tempdir().unwrap();
        let root = root.path().canonicalize().unwrap();
        let install = root.join("x/lib/gcc/arm-linux/12");
        std::fs::create_dir_all(&install).unwrap();
        let text = format!("install: {}/../12/\nprograms: =/x\n", install.display());
        assert_eq!(prefix(&text), Some(root.join("x")));
        assert_eq!(prefix("programs: =/x\n"), None);
        assert_eq!(prefix("install: /usr/lib\n"), None);
    }
}
