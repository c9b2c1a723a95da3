//! MAKEFLAGS: how many jobs it asks of make, in each of make's spellings.
//!
//! Source: GNU make's manual, "Options Summary" and "Communicating Options to a Sub-make"; corner
//! cases tried with make 4.3.

use std::ops::Range;

/// How many jobs make is to run at once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Jobs {
    /// It does not say, and make runs one.
    Missing,
    /// So many.
    Number(u32),
    /// What only the shell knows, as `$(nproc)`, or what make refuses: the text in the number's
    /// place.
    Other(String),
    /// As many as there is work for: `-j` alone.
    Unlimited,
}

/// Short options that take the rest of the word, or the next word, as their value.
const VALUED: &str = "CEIWfo";
/// Long options that take the next word as their value.
const VALUED_LONG: [&str; 10] = [
    "--assume-new",
    "--assume-old",
    "--directory",
    "--eval",
    "--file",
    "--include-dir",
    "--makefile",
    "--new-file",
    "--old-file",
    "--what-if",
];

/// Where the number of jobs stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Place {
    /// Which word.
    pub(super) word: usize,
    /// The number in that word; empty where it is to be put.
    pub(super) range: Range<usize>,
    /// What comes before a number that is put there: `=` for `--jobs`.
    pub(super) before: &'static str,
    /// What it says.
    pub(super) jobs: Jobs,
}

/// How many jobs `text` asks for. It may be MAKEFLAGS's value, or be written with expansions.
pub fn jobs(text: &str) -> Jobs {
    place(&words(text)).map_or(Jobs::Missing, |place| place.jobs)
}

/// The word of `text` that decides how many jobs there are: `-j44`, or the `44` of `-j 44`.
pub fn deciding_word(text: &str) -> Option<&str> {
    let words = words(text);
    place(&words).and_then(|place| words.get(place.word).copied())
}

/// The limit of the load average, as it is written, if `text` sets one.
pub fn load_limit(text: &str) -> Option<String> {
    let words = words(text);
    let mut limit = None;
    Reader::new(&words).read(&mut |option, word, range| {
        if option == 'l' {
            let value = words.get(word).and_then(|text| text.get(range));
            limit = value.filter(|value| !value.is_empty()).map(ToOwned::to_owned);
        }
    });
    limit
}

/// `text` with `count` jobs: only the number changes, or `-jN` is put first.
pub fn with_jobs(text: &str, count: u32) -> String {
    let spans = spans(text);
    let words = words(text);
    if let Some(place) = place(&words)
        && let Some(span) = spans.get(place.word)
    {
        let (start, end) = (span.start + place.range.start, span.start + place.range.end);
        let (head, tail) = (text.get(..start), text.get(end..));
        let before = if place.range.is_empty() { place.before } else { "" };
        return format!("{}{before}{count}{}", head.unwrap_or_default(), tail.unwrap_or_default());
    }
    let Some(first) = spans.first() else { return format!("-j{count}") };
    let (head, tail) = text.split_at(first.start);
    format!("{head}{}{tail}", put_before(words.first().copied().unwrap_or_default(), count))
}

/// What puts `-jN` before a value's first word. That may be a bundle of letters without its dash,
/// as in `kj4`, which only a first word can be.
pub(super) fn put_before(first: &str, count: u32) -> String {
    format!("-j{count} {}", if is_bundle(first) { "-" } else { "" })
}

/// Where the words decide how many jobs there are: the last place does.
pub(super) fn place(words: &[&str]) -> Option<Place> {
    let mut last = None;
    Reader::new(words).read(&mut |option, word, range| {
        if option == 'j' {
            last = Some((word, range));
        }
    });
    let (word, range) = last?;
    let text = *words.get(word)?;
    let jobs = match text.get(range.clone())? {
        "" => Jobs::Unlimited,
        number => match number.parse() {
            Ok(number) if number > 0 => Jobs::Number(number),
            _ => Jobs::Other(number.to_owned()),
        },
    };
    let before = if text == "--jobs" { "=" } else { "" };
    Some(Place { word, range, before, jobs })
}

/// Whether a first word is a bundle of letters without its dash.
fn is_bundle(word: &str) -> bool {
    !word.starts_with(['-', '$']) && !word.contains('=')
}

/// Steps through words as make's getopt does.
struct Reader<'w> {
    words: &'w [&'w str],
    /// The next word.
    at: usize,
}

/// Told of `-j` and `-l`: the letter, the word with its value, and the value in there.
type Tell<'f> = &'f mut dyn FnMut(char, usize, Range<usize>);

impl<'w> Reader<'w> {
    fn new(words: &'w [&'w str]) -> Self {
        Self { words, at: 0 }
    }

    fn read(mut self, tell: Tell<'_>) {
        while let Some(&word) = self.words.get(self.at) {
            self.at += 1;
            if word == "--" {
                return;
            }
            if word.starts_with("--") {
                self.long(word, tell);
            } else if let Some(letters) = word.strip_prefix('-') {
                self.short(word, word.len() - letters.len(), tell);
            } else if self.at == 1 && is_bundle(word) {
                self.short(word, 0, tell);
            }
        }
    }

    fn long(&mut self, word: &str, tell: Tell<'_>) {
        let (name, value) = match word.split_once('=') {
            Some((name, _)) => (name, name.len() + 1..word.len()),
            None => (word, word.len()..word.len()),
        };
        let separate = name.len() == word.len();
        match name {
            "--jobs" if separate => self.optional('j', value, tell),
            "--jobs" => tell('j', self.at - 1, value),
            "--load-average" | "--max-load" if separate => self.optional('l', value, tell),
            "--load-average" | "--max-load" => tell('l', self.at - 1, value),
            _ if separate && VALUED_LONG.contains(&name) => self.at += 1,
            _ => {}
        }
    }

    /// The letters of `word` from `start` on.
    fn short(&mut self, word: &str, start: usize, tell: Tell<'_>) {
        for (at, letter) in word.char_indices().skip_while(|(at, _)| *at < start) {
            let rest = at + letter.len_utf8()..word.len();
            match letter {
                'j' | 'l' if rest.is_empty() => return self.optional(letter, rest, tell),
                'j' | 'l' => return tell(letter, self.at - 1, rest),
                // What an expansion gives is not to be seen.
                'O' | '$' | '`' => return,
                _ if VALUED.contains(letter) => {
                    self.at += usize::from(rest.is_empty());
                    return;
                }
                _ => {}
            }
        }
    }

    /// A value that may be missing, and is the next word where that looks like a number.
    fn optional(&mut self, letter: char, nothing: Range<usize>, tell: Tell<'_>) {
        let value = self.words.get(self.at).filter(|word| {
            let digits = word.starts_with(|first: char| first.is_ascii_digit());
            digits && (letter == 'l' || word.bytes().all(|byte| byte.is_ascii_digit()))
        });
        // What the shell has yet to work out is most likely a number.
        let value = value.or_else(|| self.words.get(self.at).filter(|word| word.starts_with("$(")));
        match value {
            Some(value) => {
                tell(letter, self.at, 0..value.len());
                self.at += 1;
            }
            None => tell(letter, self.at - 1, nothing),
        }
    }
}

fn words(text: &str) -> Vec<&str> {
    spans(text).into_iter().filter_map(|span| text.get(span)).collect()
}

/// Where blanks part `text`; those within `$(…)`, `${…}` and backquotes do not, if these end.
fn spans(text: &str) -> Vec<Range<usize>> {
    parted(text, true).or_else(|| parted(text, false)).unwrap_or_default()
}

/// The same; `None` where something is `grouped` that does not end.
fn parted(text: &str, grouped: bool) -> Option<Vec<Range<usize>>> {
    let mut spans = Vec::new();
    let mut start = None;
    let mut depth = 0_usize;
    let mut backquoted = false;
    let mut before = ' ';
    for (at, letter) in text.char_indices() {
        match letter {
            '(' | '{' if grouped && (before == '$' || depth > 0) => depth += 1,
            ')' | '}' => depth = depth.saturating_sub(1),
            '`' if grouped => backquoted = !backquoted,
            _ => {}
        }
        before = letter;
        let parts = matches!(letter, ' ' | '\t' | '\n') && depth == 0 && !backquoted;
        if parts {
            spans.extend(start.take().map(|start| start..at));
        } else {
            start.get_or_insert(at);
        }
    }
    spans.extend(start.map(|start| start..text.len()));
    (depth == 0 && !backquoted).then_some(spans)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_word_that_decides_is_the_one_with_the_number() {
        let cases = [("-j2 -l8 -kj4 V=1", "-kj4"), ("-j 4", "4"), ("-l8 --jobs", "--jobs")];
        for (text, word) in cases {
            assert_eq!(deciding_word(text), Some(word), "{text}");
        }
        assert_eq!(deciding_word("-l8"), None);
    }

    #[test]
    fn jobs_are_understood_in_each_of_makes_spellings() {
        let cases = [
            ("-j4", Jobs::Number(4)),
            ("-j 4", Jobs::Number(4)),
            ("-l8 --jobs=4", Jobs::Number(4)),
            ("--jobs 4", Jobs::Number(4)),
            ("-kj4", Jobs::Number(4)),
            ("kj4", Jobs::Number(4)),
            ("k j4", Jobs::Missing),
            ("V=1 -j04", Jobs::Number(4)),
            ("-j4 -k -j 2", Jobs::Number(2)),
            ("-j4 -- -j2", Jobs::Number(4)),
            ("-I -j4", Jobs::Missing),
            ("-I/x -j4", Jobs::Number(4)),
            ("--file -j4", Jobs::Missing),
            ("-Oj4", Jobs::Missing),
            ("-l 8 -j", Jobs::Unlimited),
            ("-j -k", Jobs::Unlimited),
            ("--jobs", Jobs::Unlimited),
            ("-j4 -j", Jobs::Unlimited),
            ("-j$(nproc)", Jobs::Other("$(nproc)".to_owned())),
            ("-k -j$(( $(nproc) + 1 )) -l8", Jobs::Other("$(( $(nproc) + 1 ))".to_owned())),
            ("-j $(nproc --all)", Jobs::Other("$(nproc --all)".to_owned())),
            ("-j0", Jobs::Other("0".to_owned())),
            ("-j4k", Jobs::Other("4k".to_owned())),
            ("-j99999999999", Jobs::Other("99999999999".to_owned())),
            ("--jobserver-auth=3,4", Jobs::Missing),
            ("-k$jobs", Jobs::Missing),
            ("V=` -j4", Jobs::Number(4)),
            ("V=$( -j4", Jobs::Number(4)),
            ("$jobs", Jobs::Missing),
            ("", Jobs::Missing),
        ];
        for (text, expected) in cases {
            assert_eq!(jobs(text), expected, "{text}");
        }
    }

    #[test]
    fn only_the_number_of_jobs_changes() {
        let cases = [
            ("-j4", "-j44"),
            ("  -j 4\t-l8 ", "  -j 44\t-l8 "),
            ("--jobs=4 -k", "--jobs=44 -k"),
            ("--jobs 4", "--jobs 44"),
            ("--jobs -k", "--jobs=44 -k"),
            ("-kj", "-kj44"),
            ("kj4", "kj44"),
            ("-j2 -O -j", "-j2 -O -j44"),
            ("-j$(($(nproc) + 1)) -l8", "-j44 -l8"),
            ("-l$(nproc)", "-j44 -l$(nproc)"),
            (" -k V=1", " -j44 -k V=1"),
            ("V=1", "-j44 V=1"),
            ("-- V=1", "-j44 -- V=1"),
            ("k V=1", "-j44 -k V=1"),
            ("é -j4", "é -j44"),
            ("", "-j44"),
            (" ", "-j44"),
        ];
        for (text, expected) in cases {
            assert_eq!(with_jobs(text, 44), expected, "{text}");
            assert_eq!(with_jobs(expected, 44), expected);
            assert_eq!(jobs(expected), Jobs::Number(44));
        }
    }

    #[test]
    fn the_load_limit_is_found() {
        let cases =
            [("-j4 -l8", "8"), ("-l 2.5", "2.5"), ("--load-average=4", "4"), ("--max-load 3", "3")];
        for (text, expected) in cases {
            assert_eq!(load_limit(text).as_deref(), Some(expected), "{text}");
        }
        assert_eq!(load_limit("-l8 -l"), None);
        assert_eq!(load_limit("-j4"), None);
    }
}
