//! The volunteer's check of a command line in plain mode.
//!
//! What a client sends is preprocessed text and a command line. Only words that a table knows to
//! stay within the job's directory reach the compiler; what preprocessor and linker would read is
//! left out; and the body is always compiled as preprocessed text, whatever the command line calls
//! it, so that gcc reads no directive in it. (Clang does even then, and either assembler has
//! `.incbin`: against those only a sandbox helps.)

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt;

use crate::compiler::admit::{AdmitOptions, Command, Refusal, command, harm, kind};
use crate::compiler::language::Language;
use crate::compiler::options::shape::Kind;
use crate::compiler::options::stays::Harm;
use crate::compiler::unit::{Family, Part, Word, family_of, is_cxx_driver};
use crate::compiler::words::{Token, tokens};

/// A compile that a client asks for, checked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RemoteJob {
    /// The compiler as the client calls it; whether it may run is for the caller to check.
    pub compiler: OsString,
    /// Whose options these are.
    pub family: Family,
    /// The client's name of the source; its base name is the name to compile under.
    pub source: OsString,
    /// The source's language.
    pub language: Language,
    /// The client's name of the output.
    pub output: OsString,
    /// `-S`: the output is assembly.
    pub assembly: bool,
    /// The body's macros are not expanded yet (`-fpreprocessed -fdirectives-only`). The compiler
    /// then obeys directives in the body, `#include` among them; see
    /// [`directive::opens_file`].
    ///
    /// [`directive::opens_file`]: crate::compiler::directive::opens_file
    pub unexpanded: bool,
    /// The words that reach the compiler (all but source, output and what nobody reads there).
    pub words: Vec<Word>,
    /// Values of `-specs=`, for the caller to check; empty unless [`AdmitOptions::specs_allowed`].
    pub specs: Vec<OsString>,
}

impl RemoteJob {
    /// The command to run: `input` is the body's file (under the source's base name), `output` the
    /// object's.
    ///
    /// Source lines are not shown below gcc's messages: it would take them from whatever file of
    /// this machine the preprocessed text names (clang takes them from that text). Objects for
    /// link-time optimisation hold the options they were compiled with, so they get no such option.
    pub fn argv(&self, compiler: &OsStr, input: &OsStr, output: &OsStr) -> Vec<OsString> {
        let mut argv = vec![compiler.to_owned()];
        argv.extend(self.words.iter().flat_map(Word::written).cloned());
        let lto = self.words.iter().any(|word| word.starts_with("-flto"));
        if self.family == Family::Gcc && !lto {
            argv.push("-fno-diagnostics-show-caret".into());
        }
        if self.unexpanded {
            argv.extend(["-fpreprocessed", "-fdirectives-only"].map(OsString::from));
        }
        argv.extend(["-x".into(), self.language.preprocessed_name().into(), as_operand(input)]);
        argv.extend(["-o".into(), as_operand(output)]);
        argv
    }

    /// The suffix of the preprocessed body, with the dot.
    pub fn input_suffix(&self) -> &'static str {
        self.language.preprocessed_suffix()
    }
}

/// A file's name in a spelling that no compiler takes for an option or a response file: the client
/// chooses the source's name.
fn as_operand(file: &OsStr) -> OsString {
    let dangerous = matches!(file.as_bytes().first(), Some(b'-' | b'@'));
    let mut operand = OsString::from(if dangerous { "./" } else { "" });
    operand.push(file);
    operand
}

/// Checks a client's command line.
///
/// # Errors
///
/// A [`Refusal`] for whatever would run a program, load code, or read or write outside the job's
/// directory, and for what no volunteer compiles.
pub fn admit(argv: &[OsString], options: &AdmitOptions) -> Result<RemoteJob, Refusal> {
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
    words: Vec<Word>,
    specs: Vec<OsString>,
    unexpanded: bool,
    /// `-fmacro-prefix-map=`, for text whose macros are yet to be expanded.
    macro_maps: Vec<Word>,
}

impl Check {
    fn new(family: Family, options: AdmitOptions) -> Self {
        Self {
            command: Command::new(family, options),
            words: Vec::new(),
            specs: Vec::new(),
            unexpanded: false,
            macro_maps: Vec::new(),
        }
    }

    fn take(&mut self, token: &Token<'_>) -> Result<(), Refusal> {
        // distcc 3.4 leaves `-D` at the end, which nobody reads here.
        let Some(kind) = kind(token)? else { return self.command.operand(token) };
        self.unexpanded |= self.command.family == Family::Gcc && token.text == "-fdirectives-only";
        self.option(token, kind)
    }

    fn option(&mut self, token: &Token<'_>, kind: Kind) -> Result<(), Refusal> {
        if token.text.as_bytes().starts_with(b"-fmacro-prefix-map=") {
            self.macro_maps.push(token.word(Part::Both));
        }
        match kind {
            Kind::Cpp
            | Kind::Link
            | Kind::DependencyFile
            | Kind::DependencyName
            | Kind::DependencyTarget
            | Kind::DependencyShape
            | Kind::PassToCpp
            | Kind::PassOneToCpp => return Ok(()),
            Kind::Output | Kind::Language => return self.command.option(token, kind),
            Kind::Specs => {
                self.command.option(token, kind)?;
                self.specs.push(token.value.to_owned());
            }
            Kind::Stays(stays) => {
                if harm(stays, token)? == Harm::Dropped {
                    return Ok(());
                }
            }
            _ => self.command.option(token, kind)?,
        }
        let word = token.word(if kind == Kind::Compile || kind == Kind::Assemble {
            Part::Stage
        } else {
            Part::Both
        });
        if let Some(word) = word.written().find(|word| word.as_bytes().starts_with(b"@")) {
            return Err(Refusal::ResponseFile(word.clone()));
        }
        self.words.push(word);
        Ok(())
    }

    fn finish(mut self, compiler: &OsString) -> Result<RemoteJob, Refusal> {
        self.command.check()?;
        if self.unexpanded {
            self.words.append(&mut self.macro_maps);
        }
        let source = self.command.source()?;
        let as_cxx = !source.named && is_cxx_driver(compiler);
        let language = source.form.language;
        Ok(RemoteJob {
            compiler: compiler.clone(),
            family: self.command.family,
            language: if as_cxx { language.in_cxx_driver() } else { language },
            output: self.command.output(&source.file),
            source: source.file,
            assembly: self.command.assembly,
            words: self.words,
            specs: self.specs,
            unexpanded: self.unexpanded,
        })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn words(line: &str) -> Vec<OsString> {
        line.split_whitespace().map(OsString::from).collect()
    }

    fn argv(line: &str) -> String {
        let job = admit(&words(line), &AdmitOptions::default()).unwrap();
        let argv = job.argv(&job.compiler, OsStr::new("in"), OsStr::new("out"));
        argv.join(OsStr::new(" ")).into_string().unwrap()
    }

    /// What `admit` says of an option between `gcc` and `-c t.c -o t.o`.
    fn refusal(option: &str) -> Option<Refusal> {
        let compiler = if option.starts_with("clang: ") { "clang" } else { "gcc" };
        let option = option.trim_start_matches("clang: ");
        let line = format!("{compiler} {option} -c t.c -o t.o");
        admit(&words(&line), &AdmitOptions::default()).err()
    }

    #[test]
    fn what_a_stock_client_sends_is_admitted() {
        let tail = "-fno-diagnostics-show-caret -x cpp-output in -o out";
        assert_eq!(argv("gcc -c t.c -o t.o"), format!("gcc -c {tail}"));
        // Not stripped by distcc 3.4, and read by no compiler of preprocessed text.
        assert_eq!(
            argv("gcc -iquote /home/x -isysroot /s --sysroot=/s -includex.h -x c -c /a/t.c -o t.o"),
            format!("gcc -c {tail}")
        );
        assert_eq!(
            argv("gcc -gsplit-dwarf -save-temps -fstack-usage -fdump-tree-all -v -c t.c -o t.o"),
            format!("gcc -gsplit-dwarf -save-temps -fstack-usage -fdump-tree-all -v -c {tail}")
        );
        assert_eq!(
            argv("clang -target x86_64-pc-linux-gnu -S d/t.cc"),
            "clang -target x86_64-pc-linux-gnu -S -x c++-cpp-output in -o out"
        );
    }

    #[test]
    fn body_is_compiled_as_preprocessed_text_whatever_it_is_called() {
        for (line, language) in [
            ("gcc -x c -c t.c -o t.o", "cpp-output"),
            ("gcc -xc++ -c t.c -o t.o", "c++-cpp-output"),
            ("gcc -c t.ii -o t.o", "c++-cpp-output"),
            ("g++ -c t.c -o t.o", "c++-cpp-output"),
            ("g++ -x c -c t.c -o t.o", "cpp-output"),
            ("aarch64-linux-gnu-g++-12 -c t.i -o t.o", "c++-cpp-output"),
            ("gcc -c t.c -x c++ -o t.o", "cpp-output"),
            ("gcc -c t.mm -o t.o", "objective-c++-cpp-output"),
        ] {
            assert!(argv(line).contains(&format!("-x {language} in -o out")), "{line}");
        }
    }

    #[test]
    fn source_cannot_be_named_like_an_option() {
        let job = admit(&words("gcc -c d/-fplugin=x.c"), &AdmitOptions::default()).unwrap();
        for name in ["-fplugin=x.c", "@x.c"] {
            let argv = job.argv(OsStr::new("gcc"), OsStr::new(name), OsStr::new("-o"));
            assert!(argv.contains(&OsString::from(format!("./{name}"))), "{argv:?}");
            assert_eq!(argv.last().unwrap(), "./-o");
        }
        assert!(admit(&words("gcc -c x\0y.c"), &AdmitOptions::default()).is_err());
    }

    #[test]
    fn programs_of_the_clients_choice_are_not_run() {
        for option in [
            "-wrapper /usr/bin/touch,x",
            "-wrapperx",
            "-B/tmp/x",
            "-B /tmp/x",
            "--prefix=/tmp",
            "-specs=x",
            "-specs x",
            "--specs=x",
            "clang: -fno-integrated-cc1",
            "clang: -ld-path=/tmp/x",
            "-foffload=nvptx-none",
            "clang: --offload-arch=sm_70",
        ] {
            assert!(matches!(refusal(option), Some(Refusal::RunsProgram(_))), "{option}");
        }
    }

    #[test]
    fn code_of_the_clients_choice_is_not_loaded() {
        for option in [
            "-fplugin=x.so",
            "-fplugin=annobin",
            "-fplugin-arg-x-y=z",
            "-iplugindir=/tmp",
            "clang: -fpass-plugin=x.so",
            "-fmodule-mapper=|prog",
            "-fmodules-ts",
            "clang: -fmodule-file=x.pcm",
            "clang: -include-pch x.pch",
        ] {
            assert!(matches!(refusal(option), Some(Refusal::LoadsCode(_))), "{option}");
        }
        for option in [
            "--plugin=x.so",
            "clang: -Xclang -load -Xclang x.so",
            "clang: -mllvm -load=x.so",
            "clang: -Xclang -add-plugin -Xclang x",
            "clang: -Xclang -fplugin=x",
        ] {
            assert!(
                matches!(refusal(option), Some(Refusal::UnknownOption(_) | Refusal::LoadsCode(_))),
                "{option}"
            );
        }
    }

    #[test]
    fn files_outside_the_job_are_neither_read_nor_written() {
        for option in [
            "-aux-info x",
            "-aux-info=x",
            "-dumpdir /tmp/",
            "-dumpbase ../x",
            "-fdump-tree-all=/tmp/x",
            "-fdump-rtl-all=../x",
            "-fprofile-use=/x",
            "-fauto-profile=/x",
            "-fopt-info-all=/tmp/x",
            "-fprofile-arcs",
            "--coverage",
            "-fprofile-note=x",
            "clang: --serialize-diagnostics x",
            "clang: -ftime-trace=/tmp/x",
            "clang: -fsanitize-ignorelist=/etc/shadow",
            "clang: -index-store-path x",
            "clang: -MJ x",
            "clang: --config /tmp/x",
            "-Wa,-a=/tmp/x",
            "-Wa,--MD,/tmp/x",
            "-Wa,@/tmp/x",
            "-Wa,/etc/shadow",
            "-Xassembler -o -Xassembler /tmp/x",
            "-Wa,-I/etc",
            "-fnew-output=/tmp/x",
            "-mnew-list=../x",
            "-fself-test=/tmp",
            "--new=x",
            "-new",
            "clang: -mllvm -info-output-file=/tmp/x",
            "clang: -fthinlto-index=/x",
            "-fdiagnostics-add-output=sarif:file=/tmp/x",
            "clang: -working-directory /tmp",
            "-fcallgraph-info=/x",
            "@/tmp/x",
            "--param @/tmp/x",
            "-frandom-seed @x",
        ] {
            assert!(refusal(option).is_some(), "{option}");
        }
    }

    #[test]
    fn what_only_preprocessor_and_linker_read_does_not_reach_the_compiler() {
        let line = "gcc -I /x -D X -MD -MF /etc/x -MT y -MP -Wp,-MD,/etc/y -include /etc/shadow \
            -imacros/etc/z -Xpreprocessor -P -L/x -lfoo -Wl,-Map,/etc/map -Xlinker x -T /x -H -C \
            -traditional-cpp -fpreprocessed -fdirectives-only -P -isystem x -c t.c -o /etc/t.o";
        assert_eq!(
            argv(&line.replace('\\', " ")),
            "gcc -c -fno-diagnostics-show-caret -fpreprocessed -fdirectives-only -x cpp-output in \
             -o out"
        );
    }

    #[test]
    fn what_is_no_compile_of_one_source_is_refused() {
        for line in [
            "",
            "gcc",
            "-gcc -c t.c",
            "@gcc -c t.c",
            "gcc t.c -o t",
            "gcc -c",
            "gcc -c a.c b.c",
            "gcc -c t.c t.o",
            "gcc -E t.c",
            "gcc -c -E t.c",
            "gcc -M -c t.c",
            "gcc -c t.s",
            "gcc -c -",
            "gcc -x assembler -c t.c",
            "gcc -x c-header -c t.c",
            "gcc -x go -c t.c",
            "gcc -c t.c -D",
            "gcc -c t.c -o a -o b",
            "clang --analyze -c t.c",
            "clang -emit-ast -c t.c",
            "gcc -march=native -c t.c",
            "gcc -mcpu=native -c t.c",
        ] {
            assert!(admit(&words(line), &AdmitOptions::default()).is_err(), "{line}");
        }
    }

    #[test]
    fn specs_are_admitted_where_the_volunteer_keeps_them_and_named_to_the_caller() {
        let options = AdmitOptions { specs_allowed: true };
        let job = admit(&words("gcc -specs=nano.specs -c t.c"), &options).unwrap();
        assert_eq!(job.specs, ["nano.specs"]);
        assert!(admit(&words("gcc -specs nano.specs -c t.c"), &options).is_err());
    }

    #[test]
    fn refusal_names_the_word() {
        let refusal = refusal("-fplugin=x.so").unwrap();
        insta::assert_snapshot!(refusal.sentence(), @r#""-fplugin=x.so" would load code of the client's choice"#);
    }

    /// Words that mean something, and some that do not.
    fn word() -> impl Strategy<Value = String> {
        prop_oneof![
            proptest::sample::select(vec![
                "-c",
                "-S",
                "-o",
                "t.c",
                "t.o",
                "-x",
                "c",
                "-xc++",
                "-D",
                "-Wp,-MD,x",
                "-Wp,",
                "-MF",
                "-MT",
                "-MD",
                "@x",
                "-Wa,",
                "-Wa,--defsym",
                "-Xassembler",
                "-Xclang",
                "-mllvm",
                "-g",
                "-flto",
                "-I",
                "-target",
                "-B",
                "-specs",
                "-",
                "--",
                "",
                "none",
                "-O2",
                "-E",
                "-M",
            ])
            .prop_map(str::to_owned),
            "-[a-zA-Z-]{0,8}[=,/@.]{0,2}[a-z.]{0,4}",
            "\\PC{0,6}",
        ]
    }

    proptest! {
        #[test]
        fn any_words_are_judged_without_a_panic(line in proptest::collection::vec(word(), 0..12),
                                                clang in any::<bool>()) {
            let compiler = if clang { "clang" } else { "gcc" };
            let words: Vec<OsString> =
                std::iter::once(compiler.to_owned()).chain(line).map(OsString::from).collect();
            if let Ok(job) = admit(&words, &AdmitOptions::default()) {
                let argv = job.argv(OsStr::new("cc"), OsStr::new("in"), OsStr::new("out"));
                prop_assert!(!argv.iter().any(|word| word.as_bytes().starts_with(b"@")));
            }
        }
    }
}
