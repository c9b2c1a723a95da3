//! The volunteer's check of a pump client's command line.
//!
//! The volunteer preprocesses, in a tree of the client's files. So what the preprocessor reads is
//! let through, and the command stays word for word the client's: but for output and dependency
//! file, which are put where the job may write, and, where the tree is not at the client's own
//! paths, for absolute paths. What would run a program, load code or write elsewhere is refused.

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::{OsStrExt, OsStringExt};

use crate::compiler::admit::cpp::{CppSort, before_value, is_prefix_map, sort_of};
use crate::compiler::admit::{AdmitOptions, Command, Refusal, command, harm, kind};
use crate::compiler::depfile::default_target;
use crate::compiler::options::shape::Kind;
use crate::compiler::options::stays::{Harm, Stays};
use crate::compiler::unit::{Family, family_of};
use crate::compiler::words::{Token, tokens};
use crate::compiler::{language, passed};

/// A compile that a pump client asks for, checked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PumpJob {
    /// The compiler as the client calls it; whether it may run is for the caller to check.
    pub compiler: OsString,
    /// Whose options these are.
    pub family: Family,
    /// The client's name of the source.
    pub source: OsString,
    /// The client's name of the output.
    pub output: OsString,
    /// A sysroot that the command names.
    pub sysroot: Option<OsString>,
    parts: Vec<Part>,
    /// What stands in the dependency file before the colon, where the compiler would name our
    /// output.
    target: Option<OsString>,
    has_output: bool,
    dependencies: Dependencies,
}

/// How the command asks for a dependency file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Dependencies {
    /// Not at all.
    None,
    /// By `-MD` or `-MMD`.
    Driver,
    /// By `-Wp,-MD,FILE`.
    Preprocessor,
}

/// A piece of the command.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Part {
    /// Passed on as it is.
    Word(OsString),
    /// A path, the first piece being what stands before it in the same word.
    Path(OsString, OsString),
    /// The output, and what stands before it in the same word.
    Output(OsString),
    /// The dependency file, likewise.
    DependencyFile(OsString),
}

/// Where the job's files are.
#[derive(Clone, Copy, Debug)]
pub struct Places<'a> {
    /// What to put before absolute paths of the client's; empty where its files are at their own.
    pub root: &'a OsStr,
    /// The object.
    pub output: &'a OsStr,
    /// The dependency file.
    pub dependencies: &'a OsStr,
}

impl PumpJob {
    /// The command to run; `extra` words come before the client's.
    pub fn argv(&self, compiler: &OsStr, extra: &[OsString], places: &Places<'_>) -> Vec<OsString> {
        let mut argv = vec![compiler.to_owned()];
        argv.extend_from_slice(extra);
        let joined = |before: &OsString, rest: &OsStr| {
            let mut word = before.clone();
            word.push(rest);
            word
        };
        for part in &self.parts {
            argv.push(match part {
                Part::Word(word) => word.clone(),
                Part::Path(before, path) if path.as_bytes().starts_with(b"/") => {
                    joined(&joined(before, places.root), path)
                }
                Part::Path(before, path) => joined(before, path),
                Part::Output(before) => joined(before, places.output),
                Part::DependencyFile(before) => joined(before, places.dependencies),
            });
        }
        if !self.has_output {
            argv.extend(["-o".into(), places.output.to_owned()]);
        }
        if self.dependencies == Dependencies::None {
            argv.push("-MMD".into());
        }
        if self.dependencies != Dependencies::Preprocessor {
            argv.extend(["-MF".into(), places.dependencies.to_owned()]);
        }
        if let Some(target) = &self.target {
            argv.extend(["-MQ".into(), target.clone()]);
        }
        argv
    }
}

/// Checks a pump client's command line.
///
/// # Errors
///
/// A [`Refusal`] for whatever would run a program, load code, or write outside the job's directory,
/// and for what no volunteer compiles.
pub fn admit(argv: &[OsString], options: &AdmitOptions) -> Result<PumpJob, Refusal> {
    let (compiler, words) = command(argv)?;
    let family = family_of(compiler);
    let mut check = Check::new(family, *options);
    for token in tokens(family, words) {
        check.take(&token)?;
    }
    check.finish(compiler)
}

struct Check {
    command: Command,
    parts: Vec<Part>,
    sysroot: Option<OsString>,
    dependencies: Dependencies,
    /// `-MT` or `-MQ` that the driver sees, and any.
    targets: (bool, bool),
}

impl Check {
    fn new(family: Family, options: AdmitOptions) -> Self {
        Self {
            command: Command::new(family, options),
            parts: Vec::new(),
            sysroot: None,
            dependencies: Dependencies::None,
            targets: (false, false),
        }
    }

    fn take(&mut self, token: &Token<'_>) -> Result<(), Refusal> {
        // Drivers hand some values on as words of their own, and inner programs expand them too.
        if token.value.as_bytes().starts_with(b"@") {
            return Err(Refusal::ResponseFile(token.text.to_owned()));
        }
        match kind(token)? {
            None => self.operand(token),
            Some(kind) => self.option(token, kind),
        }
    }

    fn operand(&mut self, token: &Token<'_>) -> Result<(), Refusal> {
        if language::base_name(token.text).starts_with(b"@") {
            return Err(Refusal::ResponseFile(token.text.to_owned()));
        }
        self.command.operand(token)?;
        self.parts.push(Part::Path(OsString::new(), token.text.to_owned()));
        Ok(())
    }

    /// Puts the word and its separate value, if there is one, as they are.
    fn keep(&mut self, token: &Token<'_>) {
        self.parts.push(Part::Word(token.text.to_owned()));
        self.parts.extend(token.separate.map(|value| Part::Word(value.to_owned())));
    }

    /// The same, with a value that is replaced or prefixed; `part` makes it of what stands before.
    fn replace(&mut self, token: &Token<'_>, part: impl Fn(OsString) -> Part) {
        if token.separate.is_some() {
            self.parts.push(Part::Word(token.text.to_owned()));
            self.parts.push(part(OsString::new()));
        } else {
            self.parts.push(part(before_value(token)));
        }
    }

    fn option(&mut self, token: &Token<'_>, kind: Kind) -> Result<(), Refusal> {
        match kind {
            Kind::Cpp => return self.preprocessor(token),
            Kind::Both if is_prefix_map(token) => {
                self.replace(token, |before| Part::Path(before, token.value.to_owned()));
                return Ok(());
            }
            Kind::Output => {
                self.replace(token, Part::Output);
                return self.command.option(token, kind);
            }
            Kind::DependencyName => return Ok(()),
            Kind::DependencyFile => self.asked(Dependencies::Driver, token)?,
            Kind::DependencyTarget => self.targets = (true, true),
            Kind::DependencyShape => {}
            Kind::PassToCpp => return self.passed_to_cpp(token),
            Kind::PassOneToCpp => return self.passed_one_to_cpp(token),
            Kind::Stays(stays) => stays_here(stays, token)?,
            _ => self.command.option(token, kind)?,
        }
        self.keep(token);
        Ok(())
    }

    /// An option of the preprocessor's: it may read what is in the tree.
    fn preprocessor(&mut self, token: &Token<'_>) -> Result<(), Refusal> {
        match sort_of(token) {
            CppSort::Plain => self.keep(token),
            CppSort::Refused => return Err(Refusal::ReadsFile(token.text.to_owned())),
            CppSort::LeftOut => {}
            CppSort::Path | CppSort::Sysroot => {
                if sort_of(token) == CppSort::Sysroot {
                    self.sysroot = Some(token.value.to_owned());
                }
                self.replace(token, |before| Part::Path(before, token.value.to_owned()));
            }
        }
        Ok(())
    }

    fn asked(&mut self, by: Dependencies, token: &Token<'_>) -> Result<(), Refusal> {
        let before = std::mem::replace(&mut self.dependencies, by);
        if before == Dependencies::None || (before, by) == (by, Dependencies::Driver) {
            return Ok(());
        }
        // Which of the files would be written is the compiler's secret.
        Err(Refusal::WritesFile(token.text.to_owned()))
    }

    /// `-Wp,a,b`.
    fn passed_to_cpp(&mut self, token: &Token<'_>) -> Result<(), Refusal> {
        let parts: Vec<OsString> = passed::parts(token.value.as_bytes())
            .map(|part| OsString::from_vec(part.to_vec()))
            .collect();
        if parts.iter().any(|part| part.as_bytes().starts_with(b"@")) {
            return Err(Refusal::ResponseFile(token.text.to_owned()));
        }
        let mut rest = parts.as_slice();
        while let [first, _, tail @ ..] = rest
            && (first == "-MD" || first == "-MMD")
        {
            self.asked(Dependencies::Preprocessor, token)?;
            let mut before = OsString::from("-Wp,");
            before.push(first);
            before.push(",");
            self.parts.push(Part::DependencyFile(before));
            rest = tail;
        }
        for inner in tokens(self.command.family, rest) {
            let mut before = OsString::from("-Wp,");
            match inner.kind() {
                Some(Kind::Cpp) => {}
                Some(Kind::DependencyTarget) => self.targets.1 = true,
                Some(Kind::DependencyShape) => {}
                _ => return Err(Refusal::UnknownOption(token.text.to_owned())),
            }
            match inner.separate {
                Some(_) => {
                    before.push(inner.text);
                    before.push(",");
                }
                None => before.push(before_value(&inner)),
            }
            self.inner(&inner, before)?;
        }
        Ok(())
    }

    /// `-Xpreprocessor` with an option that holds its value.
    fn passed_one_to_cpp(&mut self, token: &Token<'_>) -> Result<(), Refusal> {
        let inner = [token.value.to_owned()];
        let refused = || Err(Refusal::UnknownOption(token.value.to_owned()));
        let Some(inner) = tokens(self.command.family, &inner).into_iter().next() else {
            return refused();
        };
        let is_response = inner.value.as_bytes().starts_with(b"@");
        if inner.kind() != Some(Kind::Cpp) || inner.separate.is_some() || is_response {
            return refused();
        }
        self.parts.push(Part::Word(token.text.to_owned()));
        let before = before_value(&inner);
        match sort_of(&inner) {
            CppSort::LeftOut => refused(),
            _ => self.inner(&inner, before),
        }
    }

    /// An option within another; `before` is all that stands before its value in the word.
    fn inner(&mut self, inner: &Token<'_>, before: OsString) -> Result<(), Refusal> {
        let value = inner.value.to_owned();
        if value.as_bytes().starts_with(b"@") {
            return Err(Refusal::ResponseFile(inner.text.to_owned()));
        }
        let sort = if inner.kind() == Some(Kind::Cpp) { sort_of(inner) } else { CppSort::Plain };
        match sort {
            CppSort::Path | CppSort::Sysroot => self.parts.push(Part::Path(before, value)),
            CppSort::Refused => return Err(Refusal::ReadsFile(inner.text.to_owned())),
            CppSort::LeftOut => {}
            CppSort::Plain => {
                let mut word = before;
                word.push(value);
                self.parts.push(Part::Word(word));
            }
        }
        Ok(())
    }

    fn finish(self, compiler: &OsString) -> Result<PumpJob, Refusal> {
        self.command.check()?;
        let written = self.parts.iter().map(|part| match part {
            Part::Word(word) => word,
            Part::Path(before, path) if before.is_empty() => path,
            Part::Path(before, _) | Part::Output(before) | Part::DependencyFile(before) => before,
        });
        if let Some(word) = written.into_iter().find(|word| word.as_bytes().starts_with(b"@")) {
            return Err(Refusal::ResponseFile(word.clone()));
        }
        let source = self.command.source()?;
        if source.form.preprocessed {
            // Such text may name a precompiled header, which is as good as code.
            return Err(Refusal::Language(source.form.name().into()));
        }
        let source = source.file;
        let given = self.command.output.as_deref();
        let (by_driver, any) = self.targets;
        let target = match self.dependencies {
            Dependencies::None | Dependencies::Driver => {
                (!by_driver).then(|| default_target(&source, given))
            }
            // gcc's driver does not see it, and so does not name the target.
            Dependencies::Preprocessor if self.command.family == Family::Gcc => None,
            Dependencies::Preprocessor => (!any).then(|| default_target(&source, given)),
        };
        Ok(PumpJob {
            compiler: compiler.clone(),
            family: self.command.family,
            output: self.command.output(&source),
            has_output: given.is_some(),
            sysroot: self.sysroot,
            parts: self.parts,
            target,
            dependencies: self.dependencies,
            source,
        })
    }
}

/// Judges an option that a client of ours keeps at home.
fn stays_here(stays: Stays, token: &Token<'_>) -> Result<(), Refusal> {
    match stays {
        // The sources are there, and the preprocessor runs.
        Stays::EmbedsSource | Stays::PreprocessorOutput | Stays::Traditional => Ok(()),
        Stays::Preprocessed => Err(Refusal::LoadsCode(token.text.to_owned())),
        Stays::Dependencies => Err(Refusal::WritesFile(token.text.to_owned())),
        _ => match harm(stays, token)? {
            Harm::Dropped => Err(Refusal::NoJob(token.text.to_owned())),
            _ => Ok(()),
        },
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn words(line: &str) -> Vec<OsString> {
        line.split_whitespace().map(OsString::from).collect()
    }

    fn command(line: &str, root: &str) -> String {
        let job = admit(&words(line), &AdmitOptions::default()).unwrap();
        let places = Places {
            root: OsStr::new(root),
            output: OsStr::new("OUT"),
            dependencies: OsStr::new("DEPS"),
        };
        job.argv(&job.compiler, &[], &places).join(OsStr::new(" ")).into_string().unwrap()
    }

    fn refusal(option: &str) -> Option<Refusal> {
        let compiler = if option.starts_with("clang: ") { "clang" } else { "gcc" };
        let line = format!("{compiler} {} -c t.c -o t.o", option.trim_start_matches("clang: "));
        admit(&words(&line), &AdmitOptions::default()).err()
    }

    #[test]
    fn command_in_place_is_the_clients_but_for_what_it_writes() {
        let line = "gcc -O2 -I/x -Iy -isystem /z -DA=/q -include c.h -MD -MP -MF d/t.d -MT foo \
                    -Wl,-O1 -c /s/t.c -o t.o";
        assert_eq!(
            command(line, ""),
            "gcc -O2 -I/x -Iy -isystem /z -DA=/q -include c.h -MD -MP -MT foo -Wl,-O1 -c /s/t.c \
             -o OUT -MF DEPS"
        );
        assert_eq!(command("gcc -c d/t.c", ""), "gcc -c d/t.c -o OUT -MMD -MF DEPS -MQ t.o");
        assert_eq!(
            command("gcc -MD -c d/t.c -ot.o", ""),
            "gcc -MD -c d/t.c -oOUT -MF DEPS -MQ t.o"
        );
    }

    #[test]
    fn absolute_paths_get_the_root_and_nothing_else_does() {
        let line = "clang -I/a -I b -iquote/c -isystem /d -idirafter /e -include /f.h -imacros /g.h \
            -iprefix /h/ -iwithprefix /i -iwithprefixbefore /j -isysroot /k --sysroot=/l -F/m \
            -D/n=1 -Wp,-I,/o -Wp,-I/p,-DX -Xpreprocessor -I/q -ffile-prefix-map=/r=/s \
            --include-directory=/t --gcc-toolchain=/u -fmacro-prefix-map=/v=. -c /w/t.c -o /y/t.o";
        assert_eq!(
            command(line, "/R"),
            "clang -I/R/a -I b -iquote/R/c -isystem /R/d -idirafter /R/e -include /R/f.h -imacros \
             /R/g.h -iprefix /R/h/ -iwithprefix /i -iwithprefixbefore /j -isysroot /R/k \
             --sysroot=/R/l -F/R/m -D/n=1 -Wp,-I,/R/o -Wp,-I/R/p -Wp,-DX -Xpreprocessor -I/R/q \
             -ffile-prefix-map=/R/r=/s --include-directory=/R/t --gcc-toolchain=/u \
             -fmacro-prefix-map=/R/v=. -c /R/w/t.c -o OUT -MMD -MF DEPS -MQ /y/t.o"
        );
    }

    #[test]
    fn dependency_files_of_the_preprocessor_have_the_targets_of_a_local_compile() {
        assert_eq!(
            command("gcc -Wp,-MMD,.t.d -c d/t.c -o x/t.o", ""),
            "gcc -Wp,-MMD,DEPS -c d/t.c -o OUT"
        );
        assert_eq!(
            command("clang -Wp,-MD,.t.d -c d/t.c -o x/t.o", ""),
            "clang -Wp,-MD,DEPS -c d/t.c -o OUT -MQ x/t.o"
        );
        assert!(refusal("-MD -Wp,-MD,x").is_some() && refusal("-Wp,-MD,x -Wp,-MD,y").is_some());
        assert!(refusal("-MD -MMD").is_none());
    }

    #[test]
    fn what_runs_loads_or_writes_elsewhere_is_refused() {
        for option in [
            "-wrapper /bin/sh",
            "-B/x",
            "-specs=x",
            "-fplugin=x.so",
            "@x",
            "-I @x",
            "-I@x",
            "-Wp,-I,@x",
            "-Wp,-I@x",
            "-Xpreprocessor -I@x",
            "-MT @x",
            "-include @x",
            "-o @x",
            "-Wp,@x",
            "-fpreprocessed",
            "-x cpp-output",
            "-E",
            "-M",
            "-fdeps-file=/x",
            "--write-dependencies x",
            "-Wa,-a=/x",
            "-Wp,-o,/x",
            "-Xpreprocessor -o",
            "-Xpreprocessor -MD",
            "-aux-info x",
            "-fdump-tree-all=/x",
            "-fprofile-use=/x",
            "-fmodules-ts",
            "clang: -ivfsoverlay x",
            "clang: -Xclang -load",
            "clang: -include-pch x",
            "clang: -working-directory /x",
            "clang: -MJ x",
            "clang: -dependency-file x",
        ] {
            // A word after `-o` is one more output here.
            assert!(refusal(option).is_some(), "{option}");
        }
        for line in ["gcc -c t.i -o t.o", "gcc -c d/@t.c -o t.o", "gcc -c t.c -o@t.o"] {
            assert!(admit(&words(line), &AdmitOptions::default()).is_err(), "{line}");
        }
    }

    proptest! {
        #[test]
        fn no_word_is_a_response_file_whatever_is_sent(
            line in proptest::collection::vec(
                "(-(I|include|o|Wp,|x|MF|MT|D|isystem|B|c|Xpreprocessor))?[@/a.c,=-]{0,6}", 0..10,
            ),
        ) {
            let words: Vec<OsString> =
                ["gcc", "-c"].into_iter().map(OsString::from)
                    .chain(line.into_iter().map(OsString::from)).collect();
            if let Ok(job) = admit(&words, &AdmitOptions::default()) {
                let places = Places {
                    root: OsStr::new("/R"),
                    output: OsStr::new("/O"),
                    dependencies: OsStr::new("/D"),
                };
                let argv = job.argv(OsStr::new("cc"), &[], &places);
                prop_assert!(!argv.iter().any(|word| word.as_bytes().starts_with(b"@")));
                prop_assert!(argv.iter().any(|word| word.as_bytes().ends_with(b"/O")));
            }
        }
    }
}
