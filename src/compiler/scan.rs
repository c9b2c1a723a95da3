//! From a command line to a plan: distribute it, or compile here and say why.

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Path, PathBuf};

use crate::base::disk::Disk;
use crate::compiler::depfile::{self, Asked};
use crate::compiler::language::{self, Form};
use crate::compiler::options::shape::Kind;
use crate::compiler::options::stays::Stays;
use crate::compiler::reason::Reason;
use crate::compiler::unit::{Family, Part, TranslationUnit, Word, is_cxx_driver};
use crate::compiler::words::{Sort, Token, tokens};
use crate::compiler::{passed, response, rewrite, stock, target};

/// What the command line is read against.
#[derive(Clone, Copy)]
pub struct Surroundings<'a> {
    /// The current directory: response files are relative to it.
    pub cwd: &'a Path,
    /// The directories of PATH, our own masquerade directory left out: tell what `cc` is.
    pub path: &'a [PathBuf],
    /// Where files are read from.
    pub disk: &'a dyn Disk,
}

/// What to do about a command.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Plan {
    /// It may be compiled elsewhere.
    Distribute(Box<TranslationUnit>),
    /// It runs here.
    Local(Reason),
}

/// Reads a command line, compiler first.
pub fn scan(argv: &[OsString], around: &Surroundings<'_>) -> Plan {
    let Some((compiler, words)) = argv.split_first() else {
        return Plan::Local(Reason::Link);
    };
    if matches!(compiler.as_bytes().first(), None | Some(b'-' | b'@')) {
        return Plan::Local(Reason::CompilerName(compiler.clone()));
    }
    let words = match response::expand(words, around.cwd, around.disk) {
        Ok(words) => words,
        Err(reason) => return Plan::Local(reason),
    };
    let family = target::family(compiler, around.path, around.disk);
    let mut scanner = Scanner::new(family);
    for token in tokens(family, &words) {
        scanner.take(&token);
    }
    match scanner.finish(compiler) {
        Ok(unit) => match stock::refused(&rewrite::volunteer(&unit, compiler, around.cwd)) {
            Some(word) => Plan::Local(Reason::RefusedByStock(word.to_owned())),
            None => Plan::Distribute(Box::new(unit)),
        },
        Err(reason) => Plan::Local(reason),
    }
}

/// What has been read so far.
struct Scanner {
    family: Family,
    words: Vec<Word>,
    /// Reasons to stay, in the order of the words.
    reasons: Vec<Reason>,
    sources: Vec<(OsString, Option<OsString>)>,
    /// The value of the last `-x`, unless that is `none`.
    language: Option<OsString>,
    outputs: Vec<OsString>,
    compiles: bool,
    assembly: bool,
    debug: bool,
    lto: bool,
    dependency: Asked,
    /// Words for clang's inner compiler, which only make sense together.
    for_clang: Vec<OsString>,
    /// Words for the assembler, likewise.
    for_assembler: Vec<OsString>,
    linker_word: Option<OsString>,
    quiet: bool,
}

impl Scanner {
    fn new(family: Family) -> Self {
        Self {
            family,
            words: Vec::new(),
            reasons: Vec::new(),
            sources: Vec::new(),
            language: None,
            outputs: Vec::new(),
            compiles: false,
            assembly: false,
            debug: false,
            lto: false,
            dependency: Asked::default(),
            for_clang: Vec::new(),
            for_assembler: Vec::new(),
            linker_word: None,
            quiet: false,
        }
    }

    fn take(&mut self, token: &Token<'_>) {
        let text = || token.text.to_owned();
        match token.sort {
            Sort::Operand => self.operand(token),
            Sort::Unknown => self.reasons.push(Reason::UnknownOption(text())),
            Sort::Unfinished => self.reasons.push(Reason::MissingValue(text())),
            Sort::Known(row) => self.option(token, row.kind),
        }
    }

    fn operand(&mut self, token: &Token<'_>) {
        if token.text == "-" {
            self.reasons.push(Reason::SourceFromStdin);
        }
        self.sources.push((token.text.to_owned(), self.language.clone()));
        let mut word = token.word(Part::Source);
        word.value.clone_from(&word.text);
        self.words.push(word);
    }

    fn option(&mut self, token: &Token<'_>, kind: Kind) {
        let text = || token.text.to_owned();
        let part = match kind {
            Kind::Cpp => Part::Preprocessor,
            Kind::Family if token.looks_like_file() => {
                self.reasons.push(Reason::UnknownOption(text()));
                Part::Both
            }
            Kind::Both | Kind::Family => {
                self.note(token.text.as_bytes());
                Part::Both
            }
            Kind::Backend => Part::Backend,
            Kind::Link => {
                self.linker_word.get_or_insert_with(text);
                Part::Linker
            }
            Kind::Compile => {
                self.compiles = true;
                Part::Stage
            }
            Kind::Assemble => {
                (self.compiles, self.assembly) = (true, true);
                Part::Stage
            }
            Kind::Preprocess => {
                self.reasons.push(Reason::CppOnly);
                Part::Stage
            }
            Kind::Output => {
                self.outputs.push(token.value.to_owned());
                Part::Output
            }
            Kind::Language => {
                self.language = (token.value != "none").then(|| token.value.to_owned());
                Part::Language
            }
            Kind::DependencyFile
            | Kind::DependencyName
            | Kind::DependencyTarget
            | Kind::DependencyShape => self.dependency.take(token, kind),
            Kind::PassToCpp => return self.passed_to_cpp(token),
            Kind::PassOneToCpp => self.passed_one_to_cpp(token),
            Kind::PassToAssembler => {
                let parts = passed::parts(token.value.as_bytes());
                self.for_assembler.extend(parts.map(|part| OsString::from_vec(part.to_vec())));
                Part::Backend
            }
            Kind::PassOneToAssembler => {
                self.for_assembler.push(token.value.to_owned());
                Part::Backend
            }
            Kind::PassToClang => {
                self.for_clang.push(token.value.to_owned());
                Part::Both
            }
            Kind::PassToLlvm => {
                if !passed::llvm_is_safe(token.value.as_bytes()) {
                    self.reasons.push(Reason::Option(Stays::PassedOn, both_words(token)));
                }
                Part::Both
            }
            Kind::Specs => {
                self.reasons.push(Reason::Option(Stays::Specs, text()));
                Part::Both
            }
            Kind::Stays(stays) => {
                if !is_harmless(stays, token) {
                    self.reasons.push(Reason::Option(stays, text()));
                }
                Part::Both
            }
        };
        self.words.push(token.word(part));
    }

    /// Notes what options that travel say about the object.
    fn note(&mut self, text: &[u8]) {
        if let Some(level) = text.strip_prefix(b"-g") {
            self.debug = debug_after(level, self.debug);
        }
        match text {
            b"-fno-lto" => self.lto = false,
            b"-flto" => self.lto = true,
            b"-Qunused-arguments" | b"-w" | b"-Wno-unused-command-line-argument" => {
                self.quiet = true;
            }
            _ if text.starts_with(b"-flto=") => self.lto = true,
            _ => {}
        }
    }

    /// `-Wp,a,b`: each option in it becomes a `-Wp,` word of its own.
    fn passed_to_cpp(&mut self, token: &Token<'_>) {
        let parts: Vec<OsString> = passed::parts(token.value.as_bytes())
            .map(|part| OsString::from_vec(part.to_vec()))
            .collect();
        let mut rest = parts.as_slice();
        while let [first, tail @ ..] = rest {
            let system = match first.as_bytes() {
                b"-MD" => true,
                b"-MMD" => false,
                _ => break,
            };
            let [file, tail @ ..] = tail else { break };
            self.dependency.by_cpp(system, file, token.text);
            rest = tail;
            if self.family == Family::Clang && !rest.is_empty() {
                // Clang's driver understands the pair alone.
                self.dependency.unclear(token.text);
            }
        }
        for inner in tokens(self.family, rest) {
            let part = match inner.kind() {
                Some(Kind::Cpp) => Part::Preprocessor,
                Some(kind @ (Kind::DependencyTarget | Kind::DependencyShape)) => {
                    self.dependency.take(&inner, kind)
                }
                _ => {
                    let word = token.text.to_owned();
                    self.reasons.push(Reason::Option(Stays::PassedOn, word));
                    Part::Preprocessor
                }
            };
            let mut text = OsString::from("-Wp,");
            text.push(inner.text);
            if let Some(value) = inner.separate {
                text.push(",");
                text.push(value);
            }
            self.words.push(Word { text, separate: None, part, value: inner.value.to_owned() });
        }
    }

    /// `-Xpreprocessor`: known to be good for options that hold their value.
    fn passed_one_to_cpp(&mut self, token: &Token<'_>) -> Part {
        let inner = [token.value.to_owned()];
        let good = matches!(tokens(self.family, &inner).first(), Some(inner)
            if inner.kind() == Some(Kind::Cpp) && inner.separate.is_none());
        if !good {
            self.reasons.push(Reason::Option(Stays::PassedOn, both_words(token)));
        }
        Part::Preprocessor
    }

    fn finish(mut self, compiler: &OsString) -> Result<TranslationUnit, Reason> {
        self.check_passed_on();
        if let Some(reason) = self.first_reason() {
            return Err(reason);
        }
        let (source, form) = self.source(compiler)?;
        let (output, output_given) = self.output(&source)?;
        let given = output_given.then_some(output.as_os_str());
        let dependency = self.dependency.finish(self.family, &source, given)?;
        match &dependency {
            Some(dependency) if form.preprocessed => {
                return Err(Reason::DependencyUnclear(dependency.file.clone()));
            }
            _ => {}
        }
        Ok(TranslationUnit {
            compiler: compiler.clone(),
            family: self.family,
            words: self.words,
            source,
            language: form.language,
            preprocessed: form.preprocessed,
            output,
            output_given,
            assembly: self.assembly,
            dependency_file: dependency.as_ref().map(|dependency| dependency.file.clone()),
            dependency,
            debug: self.debug,
            lto: self.lto,
        })
    }

    /// Judges what only makes sense together.
    fn check_passed_on(&mut self) {
        if !passed::clang_is_safe(&self.for_clang) {
            let words = self.for_clang.join(OsStr::new(" "));
            self.reasons.push(Reason::Option(Stays::PassedOn, words));
        }
        let listing = self.for_assembler.iter().find(|word| passed::is_listing(word.as_bytes()));
        if let Some(word) = listing {
            self.reasons.push(Reason::Option(Stays::AssemblerListing, word.clone()));
        }
        if !passed::assembler_is_safe(self.for_assembler.iter().map(|word| word.as_bytes())) {
            let words = self.for_assembler.join(OsStr::new(" "));
            self.reasons.push(Reason::Option(Stays::Assembler, words));
        }
        if let Some(word) = &self.linker_word
            && self.family == Family::Clang
            && !self.quiet
        {
            self.reasons.push(Reason::Option(Stays::LinkerWord, word.clone()));
        }
        let literal = self
            .words
            .iter()
            .filter(|word| word.part != Part::Preprocessor)
            .flat_map(Word::written)
            .find(|word| word.as_bytes().starts_with(b"@"));
        if let Some(word) = literal {
            self.reasons.push(Reason::ResponseFile(word.clone()));
        }
    }

    /// The reason that tells most: that the command only preprocesses or asks something comes
    /// before that it is no compile, and that before any single option.
    fn first_reason(&self) -> Option<Reason> {
        let rank = |reason: &Reason| match reason {
            Reason::CppOnly => 0,
            Reason::Option(
                Stays::Analyze
                | Stays::DryRun
                | Stays::Information
                | Stays::OtherOutput
                | Stays::PrintDependencies
                | Stays::SyntaxOnly,
                _,
            ) => 1,
            Reason::Link => 2,
            _ => 3,
        };
        let link = (!self.compiles).then_some(&Reason::Link);
        self.reasons.iter().chain(link).min_by_key(|reason| rank(reason)).cloned()
    }

    fn source(&self, compiler: &OsStr) -> Result<(OsString, Form), Reason> {
        let is_source = |(file, language): &&(OsString, Option<OsString>)| {
            language.is_some() || language::by_suffix(file).is_some()
        };
        let mut sources = self.sources.iter().filter(is_source);
        let Some((source, language)) = sources.next() else {
            return Err(match self.sources.first() {
                Some((file, _)) if is_object(file) => Reason::LinkerInput(file.clone()),
                Some((file, _)) => Reason::Language(file.clone()),
                None => Reason::NoSource,
            });
        };
        if let Some((second, _)) = sources.next() {
            return Err(Reason::SeveralSources(second.clone()));
        }
        if let Some((other, _)) = self.sources.iter().find(|(file, _)| file != source) {
            return Err(Reason::LinkerInput(other.clone()));
        }
        let name = language::base_name(source);
        if name.starts_with(b"conftest.") || name.starts_with(b"tmp.conftest.") {
            return Err(Reason::Conftest(source.clone()));
        }
        // A volunteer goes by the suffix.
        let Some(by_suffix) = language::by_suffix(source).filter(|_| name.len() > 2) else {
            return Err(Reason::Language(source.clone()));
        };
        let form = match language {
            Some(language) => language::by_name(language.as_bytes())
                .ok_or_else(|| Reason::LanguageName(language.clone()))?,
            None if is_cxx_driver(compiler) && by_suffix.language == language::Language::C => {
                // Clang warns of it, which nobody would do for the preprocessed text.
                if by_suffix.preprocessed && self.family == Family::Clang {
                    return Err(Reason::Language(source.clone()));
                }
                Form { language: by_suffix.language.in_cxx_driver(), ..by_suffix }
            }
            None => by_suffix,
        };
        Ok((source.clone(), form))
    }

    fn output(&self, source: &OsStr) -> Result<(OsString, bool), Reason> {
        match self.outputs.as_slice() {
            [] => Ok((self.default_output(source), false)),
            [output] if output.is_empty() || output == "-" => Err(Reason::OutputToStdout),
            [output] => Ok((output.clone(), true)),
            [_, second, ..] => Err(Reason::SeveralOutputs(second.clone())),
        }
    }

    fn default_output(&self, source: &OsStr) -> OsString {
        let bitcode = self.words.iter().any(|word| word.text == "-emit-llvm");
        let suffix: &[u8] = match (self.assembly, bitcode) {
            (false, false) => b".o",
            (true, false) => b".s",
            (false, true) => b".bc",
            (true, true) => b".ll",
        };
        depfile::with_suffix(language::stem(source), suffix)
    }
}

/// Whether the value of an option that else stays makes it one that travels.
fn is_harmless(stays: Stays, token: &Token<'_>) -> bool {
    match stays {
        Stays::InputCharset => token.value.eq_ignore_ascii_case("utf-8"),
        // Without a file it reports to standard error.
        Stays::OptimizationInfo => {
            token.text.as_bytes().starts_with(b"-fopt-info")
                && !token.value.as_bytes().contains(&b'=')
                && !token.names_path()
        }
        _ => false,
    }
}

/// Whether `-gLEVEL` asks for debug information, where it was asked for or not before.
fn debug_after(level: &[u8], before: bool) -> bool {
    match level {
        b"0" | b"gdb0" => false,
        _ if level.starts_with(b"no-") => before,
        b"" | b"1" | b"2" | b"3" | b"line-tables-only" | b"mlt" | b"full" => true,
        b"dwarf32" | b"dwarf64" => before,
        _ => {
            ["gdb", "dwarf", "stabs", "line-directives", "btf", "ctf", "codeview", "vms", "lldb"]
                .iter()
                .any(|name| level.starts_with(name.as_bytes()))
                || before
        }
    }
}

fn is_object(file: &OsStr) -> bool {
    matches!(language::suffix(file), Some(b"o" | b"a" | b"so" | b"lo" | b"obj"))
}

fn both_words(token: &Token<'_>) -> OsString {
    let mut words = token.text.to_owned();
    if let Some(value) = token.separate {
        words.push(" ");
        words.push(value);
    }
    words
}
