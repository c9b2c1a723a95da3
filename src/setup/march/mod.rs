//! `distcc-setup march`: what `native` stands for on this machine, as flags that mean the same on
//! every volunteer.
//!
//! The compiler is asked, never a table of ours: `ask` runs it, `gcc` and `clang` read what
//! it says, `expand` puts the answer where the flag stood and has the compiler confirm that both
//! mean the same. `native` is the list of the flags.

pub(in crate::setup) mod ask;
mod clang;
pub(in crate::setup) mod expand;
mod gcc;
pub(in crate::setup) mod native;

use std::borrow::Cow;
use std::path::{Path, PathBuf};

use clap::{Args, ValueEnum};
use serde::Serialize;

use crate::base::disk::{Disk, RealDisk};
use crate::base::env;
use crate::base::exit::Exit;
use crate::setup::compilers::{self, Compilers};
use crate::setup::march::expand::{expand, minimal};
use crate::setup::march::native::MARCH;
use crate::setup::screen;

/// Options of `distcc-setup march`.
#[derive(Args, Debug)]
pub struct MarchOptions {
    /// Ask the gcc or the clang on PATH [default: both, as far as they are installed]
    #[arg(long = "for", value_name = "NAME")]
    pub only: Option<Family>,
    /// Ask this compiler: a path, or a name to look for on PATH
    #[arg(long, value_name = "COMPILER", conflicts_with = "only")]
    pub compiler: Option<PathBuf>,
    /// Leave out what the processor's name implies already
    #[arg(long)]
    pub minimal: bool,
    /// How to print it
    #[arg(long, value_name = "FORMAT", default_value = "flags")]
    pub format: Format,
    /// Flags to print with all native ones replaced [default: -march=native]
    #[arg(last = true, value_name = "FLAGS")]
    pub flags: Vec<String>,
}

/// Whose flags.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Family {
    /// GCC's
    Gcc,
    /// Clang's
    Clang,
}

/// How the answer is printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// A line of flags, to be copied
    Flags,
    /// An array of objects: compiler, flags, expansion
    Json,
}

/// One compiler's answer.
#[derive(Debug, Serialize)]
struct Answer {
    compiler: PathBuf,
    flags: Vec<String>,
    expansion: Vec<String>,
}

/// Does it.
pub(super) fn run(options: &MarchOptions) -> Exit {
    let answers = wanted(options).and_then(|compilers| {
        let flags = flags(&options.flags)?;
        let answer = |compiler: &PathBuf| answer(compiler, &flags, options.minimal);
        compilers.iter().map(answer).collect::<Result<Vec<_>, _>>()
    });
    match answers {
        Ok(answers) => {
            screen::write(&show(&answers, options.format));
            Exit::OK
        }
        Err(problem) => {
            super::complain(&problem);
            Exit::FAILED
        }
    }
}

/// The flags to expand. A word may hold several: `-- "$CFLAGS"` is as good as `-- $CFLAGS`.
fn flags(words: &[String]) -> Result<Vec<String>, String> {
    if words.is_empty() {
        return Ok(vec![MARCH.to_owned()]);
    }
    let split = |word: &String| {
        shell_words::split(word).map_err(|error| format!("`{word}`: {error}; close the quote"))
    };
    Ok(words.iter().map(split).collect::<Result<Vec<_>, _>>()?.concat())
}

/// The compilers that `options` ask for.
fn wanted(options: &MarchOptions) -> Result<Vec<PathBuf>, String> {
    if let Some(path) = options.compiler.as_ref().filter(|path| path.components().count() > 1) {
        return match RealDisk.is_executable(path) {
            true => Ok(vec![path.clone()]),
            false => Err(format!("{} is no program", path.display())),
        };
    }
    let found = compilers::find(&compilers::path());
    let names = match (&options.compiler, options.only) {
        (Some(name), _) => vec![name.to_string_lossy().into_owned()],
        (None, Some(Family::Gcc)) => vec!["gcc".to_owned()],
        (None, Some(Family::Clang)) => vec!["clang".to_owned()],
        (None, None) => {
            let both = ["gcc", "clang"].into_iter().filter_map(|name| found.by_name.get(name));
            let both: Vec<_> = both.cloned().collect();
            return match both.is_empty() {
                true => Err("neither gcc nor clang is on PATH; install one of them".to_owned()),
                false => Ok(both),
            };
        }
    };
    names.iter().map(|name| on_path(name, &found)).collect()
}

/// The program `name`, past the directories in which distcc stands for compilers.
fn on_path(name: &str, found: &Compilers) -> Result<PathBuf, String> {
    let named = found.by_name.get(name).cloned();
    let named = named.or_else(|| {
        let mut files = found.path.iter().map(|dir| dir.join(name));
        files.find(|file| RealDisk.is_executable(file))
    });
    named.ok_or_else(|| format!("{name} is not on {}; install it, or name its path", env::PATH.0))
}

fn answer(compiler: &Path, flags: &[String], short: bool) -> Result<Answer, String> {
    let expand = if short { minimal } else { expand };
    let expansion = expand(compiler, flags).map_err(|error| error.to_string())?;
    Ok(Answer { compiler: compiler.to_owned(), flags: flags.to_owned(), expansion })
}

/// The answers as text; with more than one, a comment before each names the compiler.
fn show(answers: &[Answer], format: Format) -> String {
    if format == Format::Json {
        return serde_json::to_string_pretty(answers).unwrap_or_default() + "\n";
    }
    let several = answers.len() > 1;
    let lines = answers.iter().map(|Answer { compiler, expansion, .. }| {
        let heading = if several { format!("# {}\n", compiler.display()) } else { String::new() };
        let words: Vec<_> = expansion.iter().map(|word| quoted(word)).collect();
        heading + &words.join(" ") + "\n"
    });
    lines.collect()
}

/// `word` for a shell, in quotes only where it needs them.
fn quoted(word: &str) -> Cow<'_, str> {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_=+./:,@%".contains(&byte);
    match !word.is_empty() && word.bytes().all(plain) {
        true => word.into(),
        false => shell_words::quote(word),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn owned(words: &[&str]) -> Vec<String> {
        words.iter().map(|&word| word.to_owned()).collect()
    }

    #[test]
    fn flags_in_one_word_are_as_good_as_flags_in_many() {
        assert_eq!(flags(&[]), Ok(owned(&["-march=native"])));
        let many = flags(&owned(&["-O2", "-march=native"]));
        assert_eq!(flags(&owned(&["-O2 -march=native"])), many);
        assert!(flags(&owned(&["-DX='"])).unwrap_err().contains("close the quote"));
    }

    #[test]
    fn one_compiler_prints_flags_alone_and_two_say_whose_they_are() {
        let answer = |compiler: &str, words: &[&str]| Answer {
            compiler: compiler.into(),
            flags: owned(&["-march=native"]),
            expansion: owned(words),
        };
        let both =
            [answer("/bin/gcc", &["-march=x", "-mno-y"]), answer("/bin/clang", &["-march=x"])];
        assert_eq!(show(&both[..1], Format::Flags), "-march=x -mno-y\n");
        assert_eq!(quoted("-DX=a b"), "'-DX=a b'");
        insta::assert_snapshot!(show(&both, Format::Flags), @r"
        # /bin/gcc
        -march=x -mno-y
        # /bin/clang
        -march=x
        ");
        insta::assert_snapshot!(show(&both[1..], Format::Json), @r#"
        [
          {
            "compiler": "/bin/clang",
            "flags": [
              "-march=native"
            ],
            "expansion": [
              "-march=x"
            ]
          }
        ]
        "#);
    }
}
