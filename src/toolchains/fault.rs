//! What may be wrong with a toolchain, each with the sentence that says what to do.

use std::path::PathBuf;

/// How bad it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Weight {
    /// Good to know.
    Note,
    /// It serves, though not everything or not everybody.
    Warning,
    /// It cannot serve.
    Fault,
}

/// Why a program does not start.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NoStart {
    /// The program that loads it, which it names itself.
    #[error(
        "it needs {0}, which is not there: it was made for another system (32-bit programs need \
         lib32-glibc on Arch, libc6-i386 on Debian)"
    )]
    NoLoader(String),
    /// Its mode.
    #[error("it is not executable; unpack it again as root, or run: chmod +x {0}")]
    NotExecutable(String),
    /// A directory above it that the user cannot pass, and that user.
    #[error(
        "{dir} is closed to the user {user}, as whom compilers run here; move the toolchain to \
         /opt, or run: chmod o+x {dir}"
    )]
    Closed {
        /// The directory.
        dir: String,
        /// Who tried.
        user: String,
    },
    /// The machine that it is for.
    #[error("it is a program for {0}; take the toolchain that runs on this machine")]
    OtherMachine(String),
    /// No kind of program that the system knows.
    #[error("it is no program (exec format error); install the toolchain again")]
    NoProgram,
    /// It is not there at all.
    #[error("it is not there; install the toolchain again, all of it")]
    Missing,
    /// Another error of the system.
    #[error("{0}")]
    Other(String),
}

/// What may be wrong.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// No C compiler by any name of the target.
    #[error("{0} has no C compiler")]
    NoC(PathBuf),
    /// No C++ compiler: C++ units are refused.
    #[error("{0} has no C++ compiler, so that C++ stays with the clients")]
    NoCxx(PathBuf),
    /// A program that does not start.
    #[error("{0} does not start: {1}")]
    NoStart(PathBuf, NoStart),
    /// It does not end.
    #[error("{0} did not end within {1} s, and was killed; run it by hand to see why")]
    Hangs(PathBuf, u64),
    /// It prints without end.
    #[error("{0} prints more than a compiler would, and was killed; look what is in its place")]
    Floods(PathBuf),
    /// It does not say what it is for.
    #[error("{0} -dumpmachine says `{1}`, which is no target: is it a compiler?")]
    NoTriple(PathBuf, String),
    /// It is for another target.
    #[error("{program} is for {says}, whatever its name; {wanted} is asked for")]
    OtherTarget {
        /// The compiler.
        program: PathBuf,
        /// What it is for.
        says: String,
        /// The triple of the target.
        wanted: String,
    },
    /// A program that the compiler runs.
    #[error("{compiler} has no {part} that works: {why}")]
    NoPart {
        /// The compiler.
        compiler: PathBuf,
        /// `cc1`, `cc1plus`, `as`.
        part: String,
        /// Where it is, if it is anywhere, and what is wrong with it.
        why: String,
    },
    /// It does not compile.
    #[error("`{0}` fails: {1}")]
    Fails(String, String),
    /// It ends well, and there is no ELF object.
    #[error("{0} says that it has compiled, and left no object")]
    NoObject(PathBuf),
    /// Its objects are for another machine, or for other calls.
    #[error("{program} makes objects for {made}; those of the target are {wanted}")]
    OtherObjects {
        /// The compiler.
        program: PathBuf,
        /// What they are.
        made: String,
        /// What they are to be.
        wanted: String,
    },
    /// Its objects need a newer processor than all of the target's machines have.
    #[error(
        "{program} makes ARMv{made} code unless it is told otherwise, which not all machines of \
         {target} run, so that distccd does not serve them with it"
    )]
    NewerProcessor {
        /// The compiler.
        program: PathBuf,
        /// What it makes.
        made: u32,
        /// The target.
        target: &'static str,
    },
    /// Its C library is another than the clients'.
    #[error("{0} has the C library {1}; clients with glibc get other code from it")]
    OtherLibrary(PathBuf, &'static str),
    /// Clients usually have a newer one.
    #[error(
        "it is gcc {0}, and Arch Linux ARM has gcc {1}: our clients take no objects of another gcc \
         unless DISTCC_COMPILER_MISMATCH lets them, and with -flto none can use them"
    )]
    Older(String, u32),
}

impl Fault {
    /// How bad it is.
    pub fn weight(&self) -> Weight {
        match self {
            Self::Older(..) => Weight::Note,
            Self::NoCxx(_) | Self::OtherLibrary(..) => Weight::Warning,
            Self::NoPart { part, .. } if part == "cc1plus" => Weight::Warning,
            _ => Weight::Fault,
        }
    }
}
