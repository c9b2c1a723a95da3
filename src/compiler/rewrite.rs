//! Command lines made from a translation unit: for the preprocessor here, for the compiler there.

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use crate::compiler::language::{Form, Language};
use crate::compiler::unit::{Family, Part, TranslationUnit, Word};

/// The command that preprocesses `unit` to standard output.
///
/// If the compile makes a dependency file, the command writes the same content to
/// `dependency_to`; without `dependency_to` it writes none.
pub fn preprocessor(unit: &TranslationUnit, dependency_to: Option<&OsStr>) -> Vec<OsString> {
    let mut argv = vec![unit.compiler.clone()];
    let dependency = unit.dependency.as_ref().zip(dependency_to);
    let mut staged = false;
    for word in &unit.words {
        match word.part {
            Part::Source | Part::Language | Part::Preprocessor | Part::Both => {
                argv.extend(word.written().cloned());
            }
            Part::DependencyTarget if dependency.is_some() => argv.extend(word.written().cloned()),
            Part::Stage if !staged => {
                argv.push("-E".into());
                staged = true;
            }
            Part::Stage
            | Part::Output
            | Part::DependencyFile
            | Part::DependencyTarget
            | Part::Backend
            | Part::Linker => {}
        }
    }
    if let Some((dependency, file)) = dependency {
        argv.push(if dependency.system_headers { "-MD" } else { "-MMD" }.into());
        argv.extend(["-MF".into(), file.to_owned()]);
        if let Some(target) = &dependency.target {
            argv.extend(["-MQ".into(), target.clone()]);
        }
    }
    if unit.family == Family::Gcc && unit.lto && !unit.words.iter().any(is_about_working_directory)
    {
        // Byte code names the directory. With debug information gcc does this by itself.
        argv.push("-fworking-directory".into());
    }
    if unit.family == Family::Clang {
        // What only later steps read is no news here: the volunteer's clang warns if it is unused.
        argv.push("-Qunused-arguments".into());
    }
    argv
}

/// The command that goes over the wire in protocols 1 and 2, `compiler` first.
///
/// What only the preprocessor or the linker reads is left out. Options are spelt as the scanner of
/// distcc 3.4, which runs at both its ends, knows them: `-xc++` as `-x c++`, `--output=F` as
/// `-o F`.
///
/// `cwd` is the current directory as the compiler would write it into debug information: clang is
/// told, gcc finds it in the preprocessed text.
pub fn volunteer(unit: &TranslationUnit, compiler: &OsStr, cwd: &Path) -> Vec<OsString> {
    let mut argv = vec![compiler.to_owned()];
    let mut named = false;
    for word in &unit.words {
        match word.part {
            Part::Language => named = word.value != "none",
            Part::Source if named => {
                // What is sent is preprocessed, and must not be preprocessed again.
                let form = Form { language: unit.language, preprocessed: true };
                argv.extend(["-x".into(), form.name().into(), word.text.clone()]);
            }
            Part::Output => argv.extend(["-o".into(), unit.output.clone()]),
            Part::Stage => argv.push(stage(word)),
            // Exactly the same to clang, while distcc 3.4 refuses the short form.
            Part::Both if word.text == "-flto" => argv.push("-flto=full".into()),
            Part::Source | Part::Both | Part::Backend => argv.extend(word.written().cloned()),
            Part::Preprocessor | Part::DependencyFile | Part::DependencyTarget | Part::Linker => {}
        }
    }
    if !unit.output_given {
        argv.extend(["-o".into(), unit.output.clone()]);
    }
    if unit.family == Family::Clang && unit.debug && !names_compilation_dir(unit) {
        let mut word = OsString::from("-fdebug-compilation-dir=");
        word.push(cwd);
        argv.push(word);
    }
    argv
}

/// Whether the unit's text may travel with its macros unexpanded (gcc's `-fdirectives-only`): half
/// the work here, and the compiler there sees the columns that the author wrote.
pub fn may_stay_unexpanded(unit: &TranslationUnit) -> bool {
    let odd = |word: &Word| {
        word.starts_with("-trigraphs")
            || word.starts_with("--trigraphs")
            || word.starts_with("-finput-charset")
            // The object would name an option of ours.
            || word.text == "-frecord-gcc-switches"
    };
    unit.family == Family::Gcc
        && !unit.preprocessed
        && matches!(unit.language, Language::C | Language::Cxx)
        && !unit.words.iter().any(odd)
}

/// [`preprocessor`], leaving macros as they are.
pub fn unexpanded_preprocessor(
    unit: &TranslationUnit,
    dependency_to: Option<&OsStr>,
) -> Vec<OsString> {
    let mut argv = preprocessor(unit, dependency_to);
    argv.push("-fdirectives-only".into());
    argv
}

/// [`volunteer`], for text whose macros the volunteer's compiler has yet to expand.
pub fn unexpanded_volunteer(unit: &TranslationUnit, compiler: &OsStr, cwd: &Path) -> Vec<OsString> {
    let mut argv = volunteer(unit, compiler, cwd);
    let maps = unit.words.iter().filter(|word| word.starts_with("-fmacro-prefix-map="));
    argv.extend(maps.flat_map(Word::written).cloned());
    argv.extend(["-fpreprocessed", "-fdirectives-only"].map(OsString::from));
    argv
}

fn is_about_working_directory(word: &Word) -> bool {
    word.text == "-fworking-directory" || word.text == "-fno-working-directory"
}

/// `-c` or `-S`, as distcc 3.4 spells them.
pub(super) fn stage(word: &Word) -> OsString {
    match word.text.as_bytes() {
        b"-S" | b"--assemble" => "-S".into(),
        _ => "-c".into(),
    }
}

fn names_compilation_dir(unit: &TranslationUnit) -> bool {
    unit.words.iter().any(|word| {
        word.starts_with("-fdebug-compilation-dir")
            || word.starts_with("-ffile-compilation-dir")
            || word.value.as_bytes().starts_with(b"-fdebug-compilation-dir")
            || word.value.as_bytes().starts_with(b"-ffile-compilation-dir")
    })
}

/// The command that compiles an empty unit of the same kind here, into `output`: what that object
/// says of its compiler and machine, an object from a volunteer must say too.
pub fn probe(unit: &TranslationUnit, output: &OsStr) -> Vec<OsString> {
    let mut argv = vec![unit.compiler.clone()];
    argv.extend(probe_words(unit));
    argv.push(if unit.assembly { "-S" } else { "-c" }.into());
    argv.extend(["-x", unit.language.preprocessed_name(), "/dev/null", "-o"].map(OsString::from));
    argv.push(output.to_owned());
    argv
}

/// The words that decide what [`probe`] gives: equal keys, equal probes.
pub fn probe_key(unit: &TranslationUnit) -> Vec<u8> {
    let mut key = unit.compiler.as_bytes().to_vec();
    for word in probe_words(unit) {
        key.push(0);
        key.extend_from_slice(word.as_bytes());
    }
    key.push(0);
    key.extend_from_slice(unit.language.preprocessed_name().as_bytes());
    key.push(u8::from(unit.assembly));
    key
}

/// The options that say for which machine and in which format an object is, and whether the
/// compiler writes its name into it.
fn probe_words(unit: &TranslationUnit) -> impl Iterator<Item = OsString> {
    const NAMES: &[&str] = &[
        "-target",
        "--target",
        "-flto",
        "-fno-lto",
        "-ffat-lto-objects",
        "-fno-fat-lto-objects",
        "-fident",
        "-fno-ident",
        "-Qn",
        "-Qy",
        "-emit-llvm",
        "-EB",
        "-EL",
        "-fembed-bitcode",
    ];
    let decides = |word: &&Word| {
        let machine = word.starts_with("-m") && !word.starts_with("-mllvm");
        word.part == Part::Both && (machine || NAMES.iter().any(|name| word.starts_with(name)))
    };
    unit.words.iter().filter(decides).flat_map(Word::written).cloned()
}
