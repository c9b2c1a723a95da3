//! Why an option keeps a compile here, and what it would do to a volunteer.

/// What an option would do on a volunteer's machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Harm {
    /// Nothing outside the job's directory.
    None,
    /// Nothing, unless its value leads out of the job's directory.
    Path,
    /// Nothing, for nobody reads it there: it is left out.
    Dropped,
    /// Runs a program of the client's choice.
    Runs,
    /// Loads code of the client's choice.
    Loads,
    /// Reads a file of the client's choice.
    Reads,
    /// Writes a file of the client's choice.
    Writes,
    /// Asks for something that is no compile, or that only the client's machine can do.
    NoJob,
}

macro_rules! stays {
    ($($(#[doc = $doc:literal])+ $name:ident $counter:literal $harm:ident $sentence:literal,)+) => {
        /// What an option does that a volunteer cannot do for us.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Stays {
            $($(#[doc = $doc])+ $name,)+
        }

        impl Stays {
            /// All of them.
            pub const ALL: &'static [Self] = &[$(Self::$name,)+];

            /// The rest of a sentence that starts with the option.
            pub fn sentence(self) -> &'static str {
                match self { $(Self::$name => $sentence,)+ }
            }

            /// The name that counters use; it never changes.
            pub fn counter(self) -> &'static str {
                match self { $(Self::$name => $counter,)+ }
            }

            /// What it would do to a volunteer.
            pub fn harm(self) -> Harm {
                match self { $(Self::$name => Harm::$harm,)+ }
            }
        }
    };
}

stays! {
    /// Options of the assembler that we do not know.
    Assembler "assembler-option" Writes
        "this option of the assembler may read or write files",
    /// `-Wa,-a…` and kin.
    AssemblerListing "assembler-listing" Writes
        "the assembler's listing is printed or written where it runs",
    /// `-aux-info`.
    AuxInfo "aux-info" Writes "writes a file of declarations",
    /// Clang's static analyser.
    Analyze "analyze" NoJob "analyses instead of compiling",
    /// `-fcallgraph-info`.
    CallGraph "callgraph-info" Path "writes a call graph beside the object",
    /// Clang's `-frecord-command-line`.
    CommandLine "command-line-recorded" None
        "the object holds the command line, which a volunteer's differs from",
    /// `-fcompare-debug`.
    CompareDebug "compare-debug" Runs "compiles twice and compares",
    /// Configuration of the driver.
    Config "driver-config" Reads "changes how the driver reads its command line",
    /// `--coverage` and kin.
    Coverage "coverage" Writes "coverage writes notes beside the object, and paths into it",
    /// `-MJ`.
    CompilationDatabase "compilation-database" Writes "writes an entry of a compilation database",
    /// Options that shape the dependency file in ways we do not follow.
    Dependencies "dependency-option" Dropped
        "shapes the dependency file in a way that is followed only here",
    /// Diagnostics in another form than text.
    DiagnosticsFormat "diagnostics-format" Reads
        "diagnostics in this form are exact only where the sources are",
    /// `-###` and kin.
    DryRun "dry-run" None "shows commands instead of running them",
    /// `-d…` and `-fdump-…`.
    Dump "dump" Path "dumps the compiler's inner state to files or output",
    /// `-dumpbase`, `-dumpdir`.
    DumpNames "dump-names" Writes "names side outputs",
    /// Clang's macros in debug information.
    DebugMacro "debug-macro" None "the macros it describes are gone after preprocessing",
    /// `-save-temps`.
    SaveTemps "save-temps" None "keeps intermediate files beside the object",
    /// `-fverbose-asm`, `-gembed-source`.
    EmbedsSource "embeds-source" Reads
        "puts lines of the sources, which a volunteer does not have, into the output",
    /// `-ffile-list` options of sanitizers and instrumentation.
    FileList "file-list" Reads "reads a list that is on this machine",
    /// `-finput-charset`.
    InputCharset "input-charset" None "the preprocessor changes the source's encoding",
    /// `--help`, `--version`, `-print-…`.
    Information "information" None "asks the compiler about itself",
    /// Index stores.
    Index "index-store" Writes "writes an index",
    /// Options that switch the language.
    LanguageSwitch "language-switch" NoJob "changes the language of sources",
    /// Link options, which clang warns of.
    LinkerWord "linker-word" Dropped "clang warns of options for the linker, exactly only here",
    /// `-emit-ast` and other kinds of output.
    OtherOutput "other-output" NoJob "asks for another kind of output than an object",
    /// Modules.
    Modules "modules" Loads "modules are read from and written to this machine",
    /// `-march=native` and kin.
    Native "native" NoJob "each volunteer would read this as its own processor",
    /// Offloading to other processors.
    Offload "offload" Runs "compiles for more than one processor",
    /// `-fopt-info`.
    OptimizationInfo "optimization-info" Path "writes what the optimisers did",
    /// Options that stay within the driver.
    PassedOn "passed-on" Runs "this option for an inner program is not known to be safe",
    /// Precompiled headers.
    PrecompiledHeader "precompiled-header" Loads "reads or writes a precompiled header",
    /// `-M`, `-MM`.
    PrintDependencies "print-dependencies" NoJob "prints dependencies instead of compiling",
    /// `-flto` without a value.
    PlainLto "plain-lto" None
        "volunteers of distcc 3.4 refuse -flto without a value; write -flto=auto",
    /// `-fplugin`.
    Plugin "plugin" Loads "loads a plugin from this machine",
    /// Options that change the preprocessor's output.
    PreprocessorOutput "preprocessor-output" Dropped
        "changes what the preprocessor writes, which is what a volunteer compiles",
    /// Options that change how macros or comments are read.
    Preprocessed "preprocessed" Dropped "says that the source is preprocessed already",
    /// Profiles.
    Profile "profile" Reads "profiles are read and written on this machine",
    /// `-B` and kin.
    ProgramPath "program-path" Runs "names where the compiler finds its inner programs",
    /// `-Q`, `-ftime-report`.
    Report "report" Path "reports on the compiler's own work, which is of interest only here",
    /// `-frepo`.
    Repo "template-repository" Writes "writes a repository of templates",
    /// `--serialize-diagnostics`.
    SerializedDiagnostics "serialized-diagnostics" Writes "writes diagnostics to a file",
    /// `-fself-test`.
    SelfTest "self-test" Reads "tests the compiler itself",
    /// `-specs`.
    Specs "specs" Runs "reads a specs file that is on this machine",
    /// `-gsplit-dwarf`.
    SplitDwarf "split-dwarf" Path "writes debug information to a file beside the object",
    /// `-fstack-usage`.
    StackUsage "stack-usage" None "writes the stack's usage to a file beside the object",
    /// `-fsyntax-only`.
    SyntaxOnly "syntax-only" None "checks the source without making an object",
    /// `-ftime-trace`.
    TimeTrace "time-trace" Path "writes a trace of the compiler's time beside the object",
    /// `-traditional-cpp`.
    Traditional "traditional-cpp" Dropped "the traditional preprocessor's output is not C again",
    /// `-v`.
    Verbose "verbose" None "shows the commands that this machine runs",
    /// `-working-directory`.
    WorkingDirectory "working-directory" NoJob "sends the compiler to another directory",
    /// `-wrapper`.
    Wrapper "wrapper" Runs "runs the compiler's inner programs under another one",
}
