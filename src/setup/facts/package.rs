//! A PKGBUILD, looked at and never run.

use std::ops::Range;

use crate::setup::facts::place::Place;
use crate::setup::facts::text::Text;

/// A PKGBUILD.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Package {
    /// Its text.
    pub text: Text,
    /// Its functions: name, and from the first to the last line, from 1.
    pub functions: Vec<(String, Range<usize>)>,
    /// The words of `options=()`, global ones, with their places.
    pub options: Vec<(String, Range<usize>)>,
}

/// A line of code: its number, and what stands before a comment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Line<'a> {
    /// The number, from 1.
    pub number: usize,
    /// The first byte, in the file.
    pub start: usize,
    /// The code.
    pub code: &'a str,
}

impl Package {
    /// Reads a PKGBUILD's text.
    pub fn new(text: Text) -> Self {
        let functions = functions(&text.content);
        let options = options(&text, &functions);
        Self { text, functions, options }
    }

    /// What options=() says of `word`: the last mention decides, as in makepkg; with its place.
    pub fn option(&self, word: &str) -> Option<(bool, Place)> {
        let found = self.options.iter().rev().find_map(|(one, range)| {
            let on = !one.starts_with('!');
            (one.trim_start_matches('!') == word).then_some((on, range))
        });
        found.map(|(on, range)| (on, self.place(range.clone())))
    }

    /// Whether a build may call a compiler through distcc, as far as the text tells: the package
    /// has build() or check(), is for a processor, and does not switch distcc off.
    pub fn may_distribute(&self) -> bool {
        let compiles = |name: &str| matches!(name, "build" | "check");
        let words = self.text.document.of("arch").flat_map(|assignment| assignment.flags());
        let arch: Vec<_> = words.map(|flag| flag.text).collect();
        self.functions.iter().any(|(name, _)| compiles(name))
            && arch != ["any"]
            && self.option("distcc").is_none_or(|(on, _)| on)
    }

    /// The lines of code, comments left out.
    pub fn lines(&self) -> impl Iterator<Item = Line<'_>> {
        let mut start = 0;
        self.text.content.split('\n').enumerate().map(move |(at, line)| {
            let begin = start;
            start += line.len() + 1;
            Line { number: at + 1, start: begin, code: without_comment(line) }
        })
    }

    /// The lines of the functions in which a build compiles.
    pub fn build_lines(&self) -> impl Iterator<Item = Line<'_>> {
        self.lines().filter(|line| {
            let within = |(name, lines): &&(String, Range<usize>)| {
                matches!(name.as_str(), "build" | "check") && lines.contains(&line.number)
            };
            self.functions.iter().any(|function| within(&function))
        })
    }

    /// The place of a part of the file.
    pub fn place(&self, range: Range<usize>) -> Place {
        self.text.spot(range.clone(), &range).into()
    }
}

fn without_comment(line: &str) -> &str {
    let begins = |(at, _): &(usize, &str)| {
        line.get(..*at).is_some_and(|before| before.is_empty() || before.ends_with([' ', '\t']))
    };
    let at = line.match_indices('#').find(begins).map_or(line.len(), |(at, _)| at);
    line.get(..at).unwrap_or(line)
}

/// The functions: from `NAME() {` to the `}` that stands first in its line, as everybody writes
/// them.
fn functions(content: &str) -> Vec<(String, Range<usize>)> {
    let mut found: Vec<(String, Range<usize>)> = Vec::new();
    let mut open: Option<(String, usize)> = None;
    for (at, line) in content.split('\n').enumerate() {
        match &open {
            None => {
                let head = line.split_once('(').filter(|(_, rest)| rest.trim().starts_with(')'));
                let name = head.map(|(name, _)| name.trim().trim_start_matches("function ").trim());
                let is_name = |name: &&str| {
                    let letter = |c: char| c.is_alphanumeric() || "_-+.@".contains(c);
                    !name.is_empty() && name.chars().all(letter)
                };
                let Some(name) = name.filter(is_name) else { continue };
                match line.trim_end().ends_with('}') {
                    true => found.push((name.to_owned(), at + 1..at + 2)),
                    false => open = Some((name.to_owned(), at + 1)),
                }
            }
            Some((name, start)) if line.starts_with('}') => {
                found.push((name.clone(), *start..at + 2));
                open = None;
            }
            Some(_) => {}
        }
    }
    found
}

/// The words of the global `options=()`; those in functions are for single packages, and none of
/// makepkg's business when it builds.
fn options(text: &Text, functions: &[(String, Range<usize>)]) -> Vec<(String, Range<usize>)> {
    let mut words = Vec::new();
    for assignment in text.document.of("options") {
        let line = text.document.line_of(assignment.span.start);
        if functions.iter().any(|(_, lines)| lines.contains(&line)) {
            continue;
        }
        if !assignment.append {
            words.clear();
        }
        words.extend(assignment.flags().into_iter().map(|flag| (flag.text, flag.span)));
    }
    words
}

/// A command of a line, as far as it can be told without running anything.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Command<'a> {
    /// Its words, the program first.
    pub words: Vec<Word<'a>>,
}

/// One word of a command.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Word<'a> {
    /// Where it begins in its line.
    pub at: usize,
    /// The word as written.
    pub text: &'a str,
}

impl Command<'_> {
    /// Whether the program is `name`.
    pub fn is(&self, name: &str) -> bool {
        self.words.first().is_some_and(|word| word.text == name)
    }
}

/// The commands of a line of code: what `;`, `&&`, `||`, `|` and brackets separate, less the
/// variables set before a command.
pub fn commands(code: &str) -> Vec<Command<'_>> {
    let mut found = Vec::new();
    let mut words = Vec::new();
    let mut at = 0;
    // `$(…)` stays in its word.
    let mut depth = 0_usize;
    let mut start = None;
    for (here, letter) in code.char_indices().chain([(code.len(), ';')]) {
        let opens = letter == '(' && start.is_some();
        let inside = depth > 0 || opens;
        match letter {
            '(' if opens => depth += 1,
            ')' => depth = depth.saturating_sub(1),
            _ => {}
        }
        let ends = !inside && (letter.is_whitespace() || ";&|()".contains(letter));
        if !ends {
            start.get_or_insert(here);
            at = here + letter.len_utf8();
            continue;
        }
        if let Some(begin) = start.take() {
            words.push(Word { at: begin, text: code.get(begin..at).unwrap_or_default() });
        }
        if !letter.is_whitespace() {
            found.push(Command { words: std::mem::take(&mut words) });
        }
    }
    for command in &mut found {
        let sets =
            |word: &Word<'_>| word.text.split_once('=').is_some_and(|(name, _)| is_variable(name));
        let skip = command.words.iter().take_while(|word| sets(word) || is_prefix(word.text));
        let skip = skip.count();
        command.words.drain(..skip);
    }
    found.retain(|command| !command.words.is_empty());
    found
}

fn is_variable(name: &str) -> bool {
    let letter = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
    !name.is_empty() && name.bytes().all(letter) && !name.starts_with(|c: char| c.is_ascii_digit())
}

/// Words before a command that leave it the command.
fn is_prefix(word: &str) -> bool {
    matches!(
        word,
        "env"
            | "time"
            | "nice"
            | "if"
            | "then"
            | "else"
            | "do"
            | "!"
            | "exec"
            | "command"
            | "{"
            | "}"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn package(content: &str) -> Package {
        Package::new(Text::new("PKGBUILD", content))
    }

    #[test]
    fn only_global_options_count_and_the_last_one_decides() {
        let package = package(
            "options=(!lto 'distcc')\noptions+=(\"!distcc\")\n\
             package_a() {\n  options=(distcc)\n}\n",
        );
        let (on, place) = package.option("distcc").unwrap();
        assert!(!on);
        assert_eq!(place.to_string(), "PKGBUILD:2:12");
        assert!(!package.option("lto").unwrap().0);
        assert_eq!(package.option("ccache"), None);
    }

    #[test]
    fn a_package_that_compiles_nothing_with_distcc_is_known() {
        let may = |text: &str| package(text).may_distribute();
        assert!(may("arch=(x86_64 any)\nbuild() {\n  make\n}\n"));
        assert!(may("arch=('x86_64')\noptions=(!lto)\ncheck() { make check; }\n"));
        assert!(!may("arch=('any')\nbuild() {\n  make\n}\n"));
        assert!(!may("arch=(x86_64)\npackage() {\n  make\n}\n"));
        assert!(!may("arch=(x86_64)\noptions=('!distcc')\nbuild() {\n  make\n}\n"));
    }

    #[test]
    fn functions_and_comments_are_known() {
        let package = package("# make\nbuild() {\n  make # -j1\n}\nprepare () { x; }\nmake\n");
        let names: Vec<_> = package.functions.iter().map(|(name, _)| name.as_str()).collect();
        assert_eq!(names, ["build", "prepare"]);
        let lines: Vec<_> = package.build_lines().map(|line| line.code).collect();
        assert_eq!(lines, ["build() {", "  make ", "}"]);
        assert_eq!(package.lines().next().unwrap().code, "");
    }

    #[test]
    fn commands_are_told_apart() {
        let told = |code| {
            let all = commands(code).into_iter();
            let words = |command: Command<'_>| {
                command.words.iter().map(|word| word.text.to_owned()).collect::<Vec<_>>().join(" ")
            };
            all.map(words).collect::<Vec<_>>()
        };
        let code = "  cd build && CC=gcc make -j$(nproc --all) V=1; (ninja -C x) | tee log || true";
        assert_eq!(
            told(code),
            ["cd build", "make -j$(nproc --all) V=1", "ninja -C x", "tee log", "true"]
        );
        assert_eq!(told("build() {"), ["build() {"]);
        assert_eq!(told("cmake --build ${x} \\"), ["cmake --build ${x} \\"]);
        let command = &commands("env A=1 make -j4")[0];
        assert!(command.is("make") && command.words[1].at == 13);
    }
}
