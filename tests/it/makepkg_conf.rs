//! Edits of makepkg's configuration, judged by bash: after each, bash sees what was wanted, every
//! other variable is as before, and so is every byte that was not meant.

use std::fmt::Write as _;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::time::Duration;

use makepkg_distcc::arch::configuration::{Configuration, Value, Variable};
use makepkg_distcc::arch::evaluate::{EvaluateError, Request, evaluate};
use makepkg_distcc::makepkg_conf::document::{Document, Prefix};
use makepkg_distcc::makepkg_conf::edit::{self, Absent, Place};
use makepkg_distcc::makepkg_conf::edited::Edited;
use makepkg_distcc::makepkg_conf::makeflags::{self, Jobs};

const HOSTS: &str = "localhost/9 192.168.10.2/5 192.168.10.3/5 192.168.10.4/3";

/// Variables whose assignments bash reports.
const WATCHED: [&str; 9] = [
    "BUILDENV",
    "CFLAGS",
    "CHOST",
    "CXXFLAGS",
    "DISTCC_DIR",
    "DISTCC_HOSTS",
    "LDFLAGS",
    "MAKEFLAGS",
    "OPTIONS",
];

pub fn fixtures() -> Vec<PathBuf> {
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/makepkg_conf");
    let mut files: Vec<PathBuf> =
        std::fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.retain(|file| file.extension().is_some_and(|extension| extension == "conf"));
    files.sort();
    assert!(files.len() >= 40, "few fixtures");
    files
}

pub fn name(file: &Path) -> &str {
    file.file_stem().unwrap().to_str().unwrap()
}

/// A directory in which bash reads texts.
pub struct Lab(tempfile::TempDir);

impl Lab {
    pub fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let common = fixtures()[0].with_file_name("common");
        std::fs::copy(common, dir.path().join("common")).unwrap();
        Self(dir)
    }

    fn file(&self) -> PathBuf {
        self.0.path().join("makepkg.conf")
    }

    pub fn read(&self, text: &[u8]) -> Result<Configuration, EvaluateError> {
        std::fs::write(self.file(), text).unwrap();
        evaluate(&Request { limit: Duration::from_secs(10), ..Request::new(self.file(), false) })
    }
}

/// An edit, and how to see that it was done.
pub struct Case {
    name: &'static str,
    variable: &'static str,
    edit: fn(&Document, Place) -> Edited,
    done: fn(&Configuration) -> bool,
}

/// The edits that `distcc-setup` makes.
pub const CASES: [Case; 7] = [
    Case {
        name: "distcc on",
        variable: "BUILDENV",
        edit: |document, place| {
            edit::turn_on(document, "BUILDENV", "distcc", Absent::Extend, place)
        },
        done: |read| read.option("BUILDENV", "distcc") == Some(true),
    },
    Case {
        name: "distcc off",
        variable: "BUILDENV",
        edit: |document, place| edit::turn_off(document, "BUILDENV", "distcc", place),
        done: |read| read.option("BUILDENV", "distcc") != Some(true),
    },
    Case {
        name: "lto off",
        variable: "OPTIONS",
        edit: |document, place| edit::turn_off(document, "OPTIONS", "lto", place),
        done: |read| read.option("OPTIONS", "lto") != Some(true),
    },
    Case {
        name: "hosts",
        variable: "DISTCC_HOSTS",
        edit: |document, place| edit::set_scalar(document, "DISTCC_HOSTS", HOSTS, place),
        done: |read| read.text("DISTCC_HOSTS").as_deref() == Some(HOSTS),
    },
    Case {
        name: "jobs",
        variable: "MAKEFLAGS",
        edit: |document, place| edit::set_jobs(document, "MAKEFLAGS", 44, place),
        done: |read| {
            makeflags::jobs(&read.text("MAKEFLAGS").unwrap_or_default()) == Jobs::Number(44)
        },
    },
    Case {
        name: "flags with quotes",
        variable: "CFLAGS",
        edit: |document, place| edit::set_scalar(document, "CFLAGS", "-DA='\"$x\\' `b`", place),
        done: |read| read.text("CFLAGS").as_deref() == Some("-DA='\"$x\\' `b`"),
    },
    Case {
        name: "no hosts",
        variable: "DISTCC_HOSTS",
        edit: |document, place| match place {
            Place::There => edit::comment_out(document, "DISTCC_HOSTS"),
            // Nobody asks for it: what sets it in other ways cannot be commented out.
            Place::AtEnd => edit::set_scalar(document, "DISTCC_HOSTS", "", place),
        },
        done: |read| read.text("DISTCC_HOSTS").unwrap_or_default().is_empty(),
    },
];

/// What stays between the changes is as before.
fn assert_kept(before: &[u8], edited: &Edited) {
    let (mut old, mut new) = (0, 0);
    for change in &edited.changes {
        assert_eq!(before[old..change.before.start], edited.text[new..change.after.start]);
        (old, new) = (change.before.end, change.after.end);
    }
    assert_eq!(before[old..], edited.text[new..]);
}

/// The values that `case` must leave alone: those of other variables that do not build upon its own.
fn others<'r>(
    read: &'r Configuration,
    document: &Document,
    case: &Case,
) -> Vec<(&'r String, &'r Value, bool)> {
    let mentions = |span: &Range<usize>| {
        String::from_utf8_lossy(document.source(span)).contains(case.variable)
    };
    let builds = |name: &str| document.of(name).any(|one| mentions(&one.span));
    let other = read.variables.iter().filter(|(name, _)| *name != case.variable && !builds(name));
    other.map(|(name, Variable { value, exported, .. })| (name, value, *exported)).collect()
}

/// Makes the edit where the text says, or at the end if bash says that it has no effect there.
pub fn settle(lab: &Lab, text: &[u8], before: &Configuration, case: &Case) -> (Vec<u8>, Place) {
    let document = Document::parse(text);
    for place in [Place::There, Place::AtEnd] {
        let edited = (case.edit)(&document, place);
        assert_kept(text, &edited);
        let shown = || format!("{}, {place:?}:\n{}", case.name, edited.text.escape_ascii());
        let after = lab.read(&edited.text).unwrap_or_else(|error| panic!("{error}: {}", shown()));
        if !(case.done)(&after) && place == Place::There {
            continue;
        }
        assert!((case.done)(&after), "{}", shown());
        let (old, new) = (others(before, &document, case), others(&after, &document, case));
        assert_eq!(old, new, "{}", shown());
        let again = Document::parse(&edited.text);
        assert!((case.edit)(&again, place).is_unchanged(), "{}", shown());
        let settled = (case.edit)(&again, Place::There).is_unchanged();
        assert!(settled || case.name == "no hosts", "{}", shown());
        return (edited.text, place);
    }
    unreachable!();
}

/// The document and bash agree on which assignments ran at the top level, and where.
pub fn assert_agrees(lab: &Lab, text: &[u8], read: &Configuration) {
    let document = Document::parse(text);
    let place = |name: &str, line: usize| format!("{name} in line {line}\n{}", text.escape_ascii());
    let told: Vec<(&str, usize)> = read
        .assignments
        .iter()
        .filter(|(name, at)| at.file == lab.file() && WATCHED.contains(&name.as_str()))
        .map(|(name, at)| (name.as_str(), at.line))
        .collect();
    for &(name, line) in &told {
        if is_no_assignment(document.line(line), name) {
            continue;
        }
        let found = document.ending_at(name, line);
        let line_of_end = found.map(|one| document.line_of(one.told_by));
        assert_eq!(
            line_of_end,
            Some(line.min(document.line_count())),
            "bash tells {}",
            place(name, line)
        );
    }
    // Of a command with several, bash tells the first at least.
    let mut commands = Vec::new();
    for one in document.assignments().iter().filter(|one| !one.nested) {
        let first = !commands.contains(&one.command);
        commands.push(one.command.clone());
        if first && one.prefix == Prefix::None && WATCHED.contains(&one.name.as_str()) {
            let line = document.line_of(one.told_by);
            let at_end = text.ends_with(b"\\") && line == document.line_count();
            assert!(
                told.contains(&(&one.name, line)) || at_end,
                "not told: {}",
                place(&one.name, line)
            );
        }
    }
}

/// Whether a line may hold `NAME=value command` or `${NAME=value}`, which bash tells like an
/// assignment.
fn is_no_assignment(line: &[u8], name: &str) -> bool {
    let line = String::from_utf8_lossy(line);
    if line.contains(&format!("{{{name}")) {
        return true;
    }
    let rest = line.split_once(&format!("{name}=")).or(line.split_once(&format!("{name}+=")));
    let word = rest.and_then(|(_, rest)| rest.split_once([' ', '\t']));
    word.is_some_and(|(_, rest)| !rest.trim().is_empty() && !rest.trim().starts_with('#'))
}

#[test]
fn every_fixture_is_edited_as_bash_wants_it() {
    let lab = Lab::new();
    for file in fixtures() {
        let text = std::fs::read(&file).unwrap();
        let read = lab.read(&text).unwrap_or_else(|error| panic!("{}: {error}", name(&file)));
        for case in CASES {
            settle(&lab, &text, &read, &case);
        }
    }
}

#[test]
fn what_configure_changes_in_each_fixture() {
    let lab = Lab::new();
    let mut shown = String::new();
    for file in fixtures() {
        let mut text = std::fs::read(&file).unwrap();
        let old = text.clone();
        let mut marks = String::new();
        for case in CASES.iter().filter(|case| ["distcc on", "hosts", "jobs"].contains(&case.name))
        {
            let read = lab.read(&text).unwrap();
            let (new, place) = settle(&lab, &text, &read, case);
            text = new;
            if place == Place::AtEnd {
                write!(marks, " ({} at the end)", case.name).unwrap();
            }
        }
        writeln!(shown, "{}:{marks}", name(&file)).unwrap();
        shown.push_str(&changed_lines(&old, &text));
    }
    insta::assert_snapshot!(shown);
}

/// The lines that differ: those taken out, and those put in.
fn changed_lines(old: &[u8], new: &[u8]) -> String {
    let lines = |text: &[u8]| -> Vec<String> {
        let lines = text.split_inclusive(|&byte| byte == b'\n');
        lines.map(|line| line.trim_ascii_end().escape_ascii().to_string()).collect()
    };
    let (old, new) = (lines(old), lines(new));
    // The longest common subsequence, from each pair of places to both ends.
    let mut common = vec![vec![0; new.len() + 1]; old.len() + 1];
    for (at, line) in old.iter().enumerate().rev() {
        for (other, one) in new.iter().enumerate().rev() {
            common[at][other] = match line == one {
                true => common[at + 1][other + 1] + 1,
                false => common[at + 1][other].max(common[at][other + 1]),
            };
        }
    }
    let (mut at, mut other) = (0, 0);
    let mut shown = String::new();
    while at < old.len() || other < new.len() {
        let removed = other == new.len()
            || (at < old.len() && common[at + 1][other] >= common[at][other + 1]);
        if at < old.len() && new.get(other) == Some(&old[at]) {
            (at, other) = (at + 1, other + 1);
        } else if removed {
            writeln!(shown, "  - {}", old[at]).unwrap();
            at += 1;
        } else {
            writeln!(shown, "  + {}", new[other]).unwrap();
            other += 1;
        }
    }
    shown.replace("\\'", "'").replace("\\\"", "\"").replace("\\\\", "\\")
}

#[test]
fn every_fixture_is_understood_as_bash_does() {
    // What these do is no assignment to be seen.
    let by_effect = ["by-effect", "unsets", "functions"];
    let lab = Lab::new();
    for file in fixtures() {
        let text = std::fs::read(&file).unwrap();
        assert_eq!(Document::parse(&text).problem(), None, "{}", name(&file));
        let read = lab.read(&text).unwrap();
        if !by_effect.contains(&name(&file)) {
            assert_agrees(&lab, &text, &read);
        }
    }
}
