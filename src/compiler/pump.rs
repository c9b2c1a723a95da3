//! Command lines for pump mode, in which the volunteer's compiler preprocesses.

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::{OsStrExt, OsStringExt};

use crate::compiler::language::Language;
use crate::compiler::rewrite::stage;
use crate::compiler::stock;
use crate::compiler::unit::{Family, Part, TranslationUnit, Word};

/// What keeps a unit from a volunteer in pump mode: its name for counting, and a sentence without a
/// full stop.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Obstacle {
    /// In kebab case; does not change.
    pub counter: &'static str,
    /// For people.
    pub sentence: String,
}

impl Obstacle {
    /// Puts one together.
    pub fn new(counter: &'static str, sentence: impl Into<String>) -> Self {
        Self { counter, sentence: sentence.into() }
    }

    fn option(word: &OsStr, why: &str) -> Self {
        Self::new("pump-option", format!("{}: {why}", word.to_string_lossy()))
    }
}

/// Variables that add directories to those where compilers look for headers: the name, and the
/// languages that heed it (all, if none is given).
///
/// Source: gcc's manual, "Environment Variables Affecting GCC"; clang reads the same.
const HEADER_DIRS: [(&str, Option<Language>); 5] = [
    ("CPATH", None),
    ("C_INCLUDE_PATH", Some(Language::C)),
    ("CPLUS_INCLUDE_PATH", Some(Language::Cxx)),
    ("OBJC_INCLUDE_PATH", Some(Language::ObjectiveC)),
    ("OBJCPLUS_INCLUDE_PATH", Some(Language::ObjectiveCxx)),
];

/// The variable among `environment` (names and values) that adds directories of headers for a unit
/// in `language`, if any.
pub fn header_variable<'a>(
    language: Language,
    environment: &'a [(&'static str, OsString)],
) -> Option<&'a (&'static str, OsString)> {
    environment.iter().find(|(name, _)| {
        HEADER_DIRS
            .iter()
            .any(|(other, only)| other == name && only.is_none_or(|only| only == language))
    })
}

/// The command for a volunteer that shows the compiler this machine's files at their own paths:
/// the unit's words in their order.
///
/// Only what the volunteer decides is said otherwise: which file the dependencies go to, and so, in
/// so many words, which target a local compile would name. Words for the linker, which does not
/// run, are left out. Directories of headers that `environment` names become options.
pub fn in_place(
    unit: &TranslationUnit,
    compiler: &OsStr,
    environment: &[(&'static str, OsString)],
) -> Vec<OsString> {
    let mut argv = vec![compiler.to_owned()];
    for word in &unit.words {
        push(&mut argv, unit, word);
    }
    finish(&mut argv, unit);
    if let (Some(dependency), true) = (&unit.dependency, unit.dependency_file.is_some())
        && let Some(target) = &dependency.target
    {
        argv.extend(["-MQ".into(), target.clone()]);
    }
    argv.extend(header_options(unit.language, environment));
    argv
}

/// `CPATH` and its like as the options that mean the same.
pub fn header_options(
    language: Language,
    environment: &[(&'static str, OsString)],
) -> Vec<OsString> {
    HEADER_DIRS
        .iter()
        .filter(move |(_, only)| only.is_none_or(|only| only == language))
        .filter_map(|(name, only)| {
            let (_, value) = environment.iter().find(|(other, _)| other == name)?;
            Some((only.is_some(), value))
        })
        .flat_map(|(system, value)| {
            let option = if system { "-isystem" } else { "-I" };
            let dirs = value.as_bytes().split(|&byte| byte == b':');
            let dirs = dirs.map(|dir| if dir.is_empty() { b"." } else { dir }.to_vec());
            dirs.flat_map(move |dir| [OsString::from(option), OsString::from_vec(dir)])
        })
        .collect()
}

/// One word of the unit, in the form that both kinds of volunteers know.
fn push(argv: &mut Vec<OsString>, unit: &TranslationUnit, word: &Word) {
    match word.part {
        Part::Output => argv.extend(["-o".into(), unit.output.clone()]),
        Part::Stage => argv.push(stage(word)),
        Part::Both if word.text == "-flto" => argv.push("-flto=full".into()),
        Part::DependencyFile | Part::Linker => {}
        _ => argv.extend(word.written().cloned()),
    }
}

/// What the command line leaves to the compiler: the output's name; and the dependency file, whose
/// name is not for the volunteer.
fn finish(argv: &mut Vec<OsString>, unit: &TranslationUnit) {
    if !unit.output_given {
        argv.extend(["-o".into(), unit.output.clone()]);
    }
    if let Some(dependency) = &unit.dependency {
        argv.push(if dependency.system_headers { "-MD" } else { "-MMD" }.into());
    }
}

/// Options whose value distccd 3.4 moves into its own directory where it is an absolute path.
const MOVED: [&str; 6] = ["-I", "-include", "-imacros", "-idirafter", "-isystem", "-iquote"];

/// The command for distccd 3.4, or what acts like it: the unit's files lie below a directory there.
///
/// # Errors
///
/// The word for which the result might not be that of a local compile.
pub fn stock(unit: &TranslationUnit, compiler: &OsStr) -> Result<Vec<OsString>, Obstacle> {
    if unit.lto {
        let why = "byte code names the directory in which it was made";
        return Err(Obstacle::option(OsStr::new("-flto"), why));
    }
    let mut argv = vec![compiler.to_owned()];
    for word in &unit.words {
        judge(word)?;
        match word.part {
            // As distccd 3.4 reads it.
            Part::Language => argv.extend(["-x".into(), word.value.clone()]),
            _ => push(&mut argv, unit, word),
        }
    }
    finish(&mut argv, unit);
    if let Some(target) = stock_target(unit)? {
        argv.extend(["-MT".into(), target]);
    }
    match stock::refused(&argv) {
        Some(word) => Err(Obstacle::option(word, "distccd 3.4 misreads it")),
        None => Ok(argv),
    }
}

/// The target that distccd 3.4 is to write into the dependency file, where the command names none.
///
/// It takes away one `-MT TARGET`, and writes the target as it stands instead of its own file's
/// name.
fn stock_target(unit: &TranslationUnit) -> Result<Option<OsString>, Obstacle> {
    let Some(dependency) = &unit.dependency else { return Ok(None) };
    let names_target = |word: &&Word| {
        word.part == Part::DependencyTarget
            && ["-MT", "-MQ", "-Wp,-MT", "-Wp,-MQ"].iter().any(|name| word.starts_with(name))
    };
    let mut named = unit.words.iter().filter(names_target);
    if let (Some(_), Some(second)) = (named.next(), named.next()) {
        return Err(Obstacle::option(&second.text, "distccd 3.4 knows one target only"));
    }
    let Some(target) = &dependency.target else { return Ok(None) };
    let plain = |byte: &u8| byte.is_ascii_alphanumeric() || b"/._-+,=@%^~".contains(byte);
    if !target.as_bytes().iter().all(plain) {
        return Err(Obstacle::option(target, "distccd 3.4 writes this target in another way"));
    }
    Ok(Some(target.clone()))
}

fn judge(word: &Word) -> Result<(), Obstacle> {
    let text = word.text.as_bytes();
    let odd = |why| Err(Obstacle::option(&word.text, why));
    if memchr::memmem::find(text, b"-prefix-map").is_some() {
        return odd("it would map another directory on distccd 3.4");
    }
    if text.starts_with(b"-iprefix") || text.starts_with(b"-iwithprefix") {
        return odd("distccd 3.4 follows it in its own way");
    }
    if text.starts_with(b"-gz") {
        return odd("distccd 3.4 cannot clean debug information that is packed");
    }
    match word.part {
        Part::Source | Part::Output | Part::Stage | Part::Linker => return Ok(()),
        Part::DependencyFile | Part::DependencyTarget => return Ok(()),
        _ if is_macro(text) => return Ok(()),
        _ => {}
    }
    let moved = MOVED.iter().any(|name| word.starts_with(name));
    let path = "distccd 3.4 does not move this path into its directory";
    if moved && word.value.as_bytes().starts_with(b"=") {
        return odd(path);
    }
    let joined = !moved && text.contains(&b'/');
    let separate = word.separate.as_ref().map(|value| value.as_bytes()).unwrap_or_default();
    let separate = !moved
        && (separate.starts_with(b"/") || separate.starts_with(b"-") && separate.contains(&b'/'));
    if joined || separate { odd(path) } else { Ok(()) }
}

/// `-D` and `-U`: what their value holds is no path before it is used.
fn is_macro(text: &[u8]) -> bool {
    text.starts_with(b"-D") || text.starts_with(b"-U")
}

/// The unit that tells how a volunteer shows files to its compiler: it compiles only where it
/// stands at `path` itself, and where no header is to be seen, for none is sent along.
pub fn in_place_probe(path: &[u8]) -> String {
    let headers = ["stdio.h", "stddef.h", "sys/types.h", "float.h", "cstddef", "linux/types.h"];
    let seen = headers.map(|header| format!("__has_include(<{header}>)")).join(" || ");
    format!(
        "#if {seen}\n#error \"there are other headers here\"\n#endif\n\
         typedef char in_place[sizeof __FILE__ == {} ? 1 : -1];\n",
        path.len() + 1
    )
}

/// Bytes that stand in the object of [`headers_probe`] before the header of this number.
pub fn header_mark(number: usize) -> String {
    format!("<makepkg-distcc header {number}>")
}

/// The unit that tells whether a volunteer has the headers `present` as we have them, and none of
/// `absent`: it compiles only in the latter case, and then its object holds the former, each after
/// its [`header_mark`]. `None` where a path cannot be written in it.
pub fn headers_probe(present: &[&[u8]], absent: &[&[u8]]) -> Option<String> {
    let plain = |byte: &u8| byte.is_ascii_graphic() && !b"\"\\`$%?".contains(byte);
    let name = |path: &[u8]| {
        let good = path.starts_with(b"/") && path.iter().all(plain);
        good.then(|| String::from_utf8_lossy(path).into_owned())
    };
    let mut text = String::new();
    for path in absent {
        text += &format!("#if __has_include(\"{}\")\n#error\n#endif\n", name(path)?);
    }
    text += "__asm__(\".section .headers\\n\");\n";
    for (number, path) in present.iter().enumerate() {
        let (mark, path) = (header_mark(number), name(path)?);
        text += &format!("__asm__(\".ascii \\\"{mark}\\\"\\n.incbin \\\"{path}\\\"\\n\");\n");
    }
    let mark = header_mark(present.len());
    text += &format!("__asm__(\".ascii \\\"{mark}\\\"\\n.text\\n\");\n");
    Some(text)
}

/// The command that makes `output` of a probe, `source`, with `compiler`.
pub fn probe(
    unit: &TranslationUnit,
    compiler: &OsStr,
    source: &OsStr,
    output: &str,
) -> Vec<OsString> {
    let mut argv = vec![compiler.to_owned()];
    argv.extend(["-x", unit.language.name(), "-c"].map(OsString::from));
    argv.extend([source.to_owned(), "-o".into(), output.into()]);
    if unit.family == Family::Clang {
        argv.push("-Qunused-arguments".into());
    }
    argv
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::base::disk::MemoryDisk;
    use crate::compiler::scan::{Plan, Surroundings, scan};

    fn unit(line: &str) -> TranslationUnit {
        let argv: Vec<OsString> =
            shell_words::split(line).unwrap().into_iter().map(OsString::from).collect();
        let disk = MemoryDisk::default();
        match scan(&argv, &Surroundings { cwd: Path::new("/w"), path: &[], disk: &disk }) {
            Plan::Distribute(unit) => *unit,
            Plan::Local(reason) => panic!("{line}: {reason:?}"),
        }
    }

    fn show(words: &[OsString]) -> String {
        words.join(OsStr::new(" ")).to_string_lossy().into_owned()
    }

    fn placed(line: &str) -> String {
        show(&in_place(&unit(line), OsStr::new("x-gcc"), &[]))
    }

    fn stocked(line: &str) -> String {
        match stock(&unit(line), OsStr::new("x-gcc")) {
            Ok(words) => show(&words),
            Err(obstacle) => obstacle.sentence,
        }
    }

    #[test]
    fn words_stay_as_they_are_in_place() {
        assert_eq!(
            placed("gcc -DX='a b' -I/i -Ii -isystem /s -include p.h -O2 -xc++ -c /w/a.c"),
            "x-gcc -DX=a b -I/i -Ii -isystem /s -include p.h -O2 -xc++ -c /w/a.c -o a.o"
        );
        assert_eq!(
            placed("gcc --sysroot=/r -c a.c -oo/a.o -lm"),
            "x-gcc --sysroot=/r -c a.c -o o/a.o"
        );
    }

    #[test]
    fn target_of_the_dependency_file_is_said() {
        assert_eq!(placed("gcc -MD -c a.c"), "x-gcc -c a.c -o a.o -MD -MQ a.o");
        assert_eq!(
            placed("gcc -MMD -MP -MF 'd/$a.d' -c s/a.c -o 'o/$a.o'"),
            "x-gcc -MP -c s/a.c -o o/$a.o -MMD -MQ o/$a.o"
        );
        assert_eq!(
            placed("gcc -MD -MT one -MQ two -c a.c"),
            "x-gcc -MT one -MQ two -c a.c -o a.o -MD"
        );
        assert_eq!(
            placed("gcc -Wp,-MMD,k/.a.d -c a.c -o k/a.o"),
            "x-gcc -c a.c -o k/a.o -MMD -MQ a.o"
        );
    }

    #[test]
    fn directories_of_the_environment_become_options() {
        let environment = [
            ("CPATH", OsString::from("/one::two")),
            ("C_INCLUDE_PATH", "/c".into()),
            ("CPLUS_INCLUDE_PATH", "/cxx".into()),
        ];
        let words = |line| show(&in_place(&unit(line), OsStr::new("x"), &environment));
        let common = "-o a.o -I /one -I . -I two";
        assert_eq!(words("gcc -c a.c"), format!("x -c a.c {common} -isystem /c"));
        assert_eq!(words("g++ -c a.cc"), format!("x -c a.cc {common} -isystem /cxx"));
        let found = |language| header_variable(language, &environment[1..]).map(|one| one.0);
        assert_eq!(found(Language::C), Some("C_INCLUDE_PATH"));
        assert_eq!(found(Language::ObjectiveC), None);
    }

    #[test]
    fn stock_volunteers_get_what_they_understand() {
        assert_eq!(
            stocked("gcc -xc++ -I/i -Ii -iquote /q -DP=/p -O2 -MD -MF x -c /w/a.c -oa.o"),
            "x-gcc -x c++ -I/i -Ii -iquote /q -DP=/p -O2 -c /w/a.c -o a.o -MD -MT a.o"
        );
        assert_eq!(stocked("gcc -MMD -MT t -c a.c"), "x-gcc -MT t -c a.c -o a.o -MMD");
        assert_eq!(stocked("gcc -MMD -MQ 't t' -c a.c"), "x-gcc -MQ t t -c a.c -o a.o -MMD");
        assert_eq!(stocked("clang -flto=thin -c a.c"), stocked("gcc -flto=auto -c a.c"));
    }

    #[test]
    fn stock_volunteers_are_spared_what_they_do_not_understand() {
        for (line, word) in [
            ("gcc --sysroot=/r -c a.c", "--sysroot=/r"),
            ("gcc -isysroot /r -c a.c", "-isysroot"),
            ("gcc -I=/i -c a.c", "-I=/i"),
            ("gcc -Wp,-I/i -c a.c", "-Wp,-I/i"),
            ("gcc --include-directory=/i -c a.c", "--include-directory=/i"),
            ("gcc -ffile-prefix-map=/w=. -c a.c", "-ffile-prefix-map=/w=."),
            ("gcc -iprefix x -iwithprefix y -c a.c", "-iprefix"),
            ("gcc -gz -c a.c", "-gz"),
            ("gcc -flto=auto -c a.c", "-flto"),
            ("gcc -MD -MT a -MT b -c a.c", "-MT"),
            ("gcc -MD -MT a -MQ b -c a.c", "-MQ"),
            ("gcc -MD -c 'a$.c'", "a$.o"),
        ] {
            let said = stocked(line);
            assert!(said.starts_with(&format!("{word}: ")), "{line}: {said}");
        }
    }

    #[test]
    fn probes_hold_no_path_that_could_end_its_quotes() {
        let probe = |path: &[u8]| headers_probe(&[path], &[path]);
        assert!(probe(b"/usr/include/c++/12/bits/stl.h").is_some());
        for path in
            [&b"/a\".h"[..], b"/a\\.h", b"/a\n.h", b"/a b.h", b"a.h", b"/\xff.h", b"/a??/.h"]
        {
            assert_eq!(probe(path), None, "{}", path.escape_ascii());
        }
        assert!(in_place_probe(b"/w/a.c").contains("sizeof __FILE__ == 7 "));
    }
}
