//! Every reason to compile here: the sentence that the user reads and the counter that it feeds.

use std::ffi::OsString;

use crate::compiler::options::stays::Stays;

/// Why a command runs on this machine.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Reason {
    /// `-E`: preprocessing is local work, and takes a preprocessor slot.
    CppOnly,
    /// Neither `-c` nor `-S`: the command links, or asks the compiler something.
    Link,
    /// An option that makes the compile a local one, and the word.
    Option(Stays, OsString),
    /// An option that no table knows and that may name a file or make an output.
    UnknownOption(OsString),
    /// An option without the value that must follow it.
    MissingValue(OsString),
    /// No source file.
    NoSource,
    /// More than one source file: the second.
    SeveralSources(OsString),
    /// A file that is no source beside the source: an object for the linker.
    LinkerInput(OsString),
    /// The source is standard input.
    SourceFromStdin,
    /// A source in a language, or with a suffix, that does not travel.
    Language(OsString),
    /// `-x` with a language that does not travel.
    LanguageName(OsString),
    /// A test program of `configure`.
    Conftest(OsString),
    /// More than one output: the second.
    SeveralOutputs(OsString),
    /// The output is standard output, or has no name.
    OutputToStdout,
    /// The ways in which the command asks for a dependency file contradict each other.
    DependencyUnclear(OsString),
    /// DEPENDENCIES_OUTPUT or SUNPRO_DEPENDENCIES asks for one more output.
    DependencyEnvironment(&'static str),
    /// A response file that cannot be expanded.
    ResponseFile(OsString),
    /// A word that distcc 3.4 reads in another way, and then refuses the job.
    RefusedByStock(OsString),
    /// The compiler's name starts with a dash.
    CompilerName(OsString),
    /// An `asm` in the source reads a file of this machine: the directive.
    AssemblerReadsFile(&'static str),
    /// We run inside another distcc.
    Nested,
    /// No host list, or one that cannot be read: what is wrong with it.
    NoHosts(String),
    /// Every volunteer rests after a failure.
    AllResting,
    /// No volunteer was left to try.
    NoVolunteer,
    /// The slot that was free is one of this machine.
    HostIsLocalhost,
    /// The preprocessor failed; the compile here says why.
    PreprocessorFailed,
    /// The volunteer could not be reached or broke off: what happened.
    VolunteerFailed(String),
    /// The volunteer's compiler failed with this exit code; the compile here is final.
    CompileFailed(i32),
    /// The volunteer's compiler is not the one of this machine: how they differ.
    CompilerMismatch(String),
    /// The volunteer's compiler printed something, which a compile here prints exactly.
    Diagnostics,
    /// Outputs could not be written: what happened.
    OutputFailed(String),
}

impl Reason {
    /// The reason as a sentence for the user, without a full stop.
    pub fn sentence(&self) -> String {
        match self {
            Self::CppOnly => "-E only preprocesses".to_owned(),
            Self::Link => "neither -c nor -S: nothing that a volunteer can compile".to_owned(),
            Self::Option(stays, word) => format!("{}: {}", show(word), stays.sentence()),
            Self::UnknownOption(word) => {
                format!("{}: no known option; it may name a file or make an output", show(word))
            }
            Self::MissingValue(word) => format!("{} lacks its value", show(word)),
            Self::NoSource => "no source file".to_owned(),
            Self::SeveralSources(word) => {
                format!("{} is one more source file; a volunteer takes one", show(word))
            }
            Self::LinkerInput(word) => format!("{} is for the linker", show(word)),
            Self::SourceFromStdin => "the source comes from standard input".to_owned(),
            Self::Language(word) => format!("{}: this kind of source does not travel", show(word)),
            Self::LanguageName(word) => format!("-x {}: this language does not travel", show(word)),
            Self::Conftest(word) => format!("{} is a test of configure", show(word)),
            Self::SeveralOutputs(word) => format!("{} is one more output", show(word)),
            Self::OutputToStdout => "the output has no file name".to_owned(),
            Self::DependencyUnclear(word) => {
                format!("{}: which dependency file is meant is unclear", show(word))
            }
            Self::DependencyEnvironment(name) => {
                format!("${name} asks the preprocessor for one more output")
            }
            Self::ResponseFile(word) => {
                format!("{}: the response file cannot be expanded", show(word))
            }
            Self::RefusedByStock(word) => {
                format!("{}: volunteers of distcc 3.4 misread this and refuse it", show(word))
            }
            Self::CompilerName(word) => format!("{} is no compiler's name", show(word)),
            Self::AssemblerReadsFile(directive) => {
                format!("{directive} in the source reads a file that is on this machine")
            }
            Self::Nested => "distcc runs inside distcc".to_owned(),
            Self::NoHosts(problem) => problem.clone(),
            Self::AllResting => "every volunteer rests after a failure".to_owned(),
            Self::NoVolunteer => "no volunteer was left to try".to_owned(),
            Self::HostIsLocalhost => "the free slot was one of localhost".to_owned(),
            Self::PreprocessorFailed => "the preprocessor failed".to_owned(),
            Self::VolunteerFailed(problem)
            | Self::CompilerMismatch(problem)
            | Self::OutputFailed(problem) => problem.clone(),
            Self::CompileFailed(code) => {
                format!("the volunteer's compiler failed with exit code {code}")
            }
            Self::Diagnostics => {
                "the compiler had something to say, which is exact only here".to_owned()
            }
        }
    }

    /// The name that counters, the journal and reports use; it never changes.
    pub fn counter(&self) -> &'static str {
        match self {
            Self::CppOnly => "cpp-only",
            Self::Link => "link",
            Self::Option(stays, _) => stays.counter(),
            Self::UnknownOption(_) => "unknown-option",
            Self::MissingValue(_) => "missing-value",
            Self::NoSource => "no-source",
            Self::SeveralSources(_) => "several-sources",
            Self::LinkerInput(_) => "linker-input",
            Self::SourceFromStdin => "source-from-stdin",
            Self::Language(_) => "language",
            Self::LanguageName(_) => "language-name",
            Self::Conftest(_) => "conftest",
            Self::SeveralOutputs(_) => "several-outputs",
            Self::OutputToStdout => "output-to-stdout",
            Self::DependencyUnclear(_) => "dependency-unclear",
            Self::DependencyEnvironment(_) => "dependency-environment",
            Self::ResponseFile(_) => "response-file",
            Self::RefusedByStock(_) => "refused-by-stock",
            Self::CompilerName(_) => "compiler-name",
            Self::AssemblerReadsFile(_) => "assembler-reads-file",
            Self::Nested => "nested",
            Self::NoHosts(_) => "no-hosts",
            Self::AllResting => "all-resting",
            Self::NoVolunteer => "no-volunteer",
            Self::HostIsLocalhost => "host-is-localhost",
            Self::PreprocessorFailed => "preprocessor-failed",
            Self::VolunteerFailed(_) => "volunteer-failed",
            Self::CompileFailed(_) => "compile-failed",
            Self::CompilerMismatch(_) => "compiler-mismatch",
            Self::Diagnostics => "diagnostics",
            Self::OutputFailed(_) => "output-failed",
        }
    }

    /// Whether the command only preprocesses, and so takes a preprocessor slot.
    pub fn cpp_only(&self) -> bool {
        matches!(self, Self::CppOnly)
    }
}

fn show(word: &OsString) -> String {
    word.to_string_lossy().into_owned()
}
