//! makepkg's configuration: each value, and the file and line that set it last.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// What makepkg would work with, as bash itself has read it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Configuration {
    /// The files, in the order read.
    pub files: Vec<PathBuf>,
    /// The variables that have a value.
    pub variables: BTreeMap<String, Variable>,
    /// Every assignment that ran, in order: the variable and where it stands.
    pub assignments: Vec<(String, Position)>,
    /// What the files printed while they were read; makepkg prints it in every run.
    pub printed: String,
    /// Statements that bash could not understand and left out, to read on behind them: where, and
    /// what bash says.
    pub left_out: Vec<(Position, String)>,
    /// Where `return` ended a file.
    pub returns: Vec<Position>,
    /// Variables that a file made its own (`declare`), and that file: what they were set to there
    /// ended with it.
    pub lost: Vec<(String, PathBuf)>,
}

/// One variable.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Variable {
    /// What it holds.
    pub value: Value,
    /// Whether it is exported by the files or was by the caller, and so reaches `build()`.
    pub exported: bool,
    /// Who set it last.
    pub origin: Origin,
}

/// What a variable holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Value {
    /// A plain variable.
    Scalar(String),
    /// An array's values, in order.
    Array(Vec<String>),
}

/// Who set a variable last.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Origin {
    /// The caller's environment.
    Environment,
    /// A command in a file.
    File(Position),
}

/// Where a command stands.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Position {
    /// The file, as makepkg names it.
    pub file: PathBuf,
    /// The line, from 1, that bash tells: the one in which the command's first word ends (behind
    /// `export` and the like, its second), so for an assignment over several lines its last.
    pub line: usize,
}

impl Configuration {
    /// A variable's value as text: a scalar, or an array's words with blanks between them.
    pub fn text(&self, name: &str) -> Option<String> {
        self.variables.get(name).map(|variable| match &variable.value {
            Value::Scalar(text) => text.clone(),
            Value::Array(words) => words.join(" "),
        })
    }

    /// An array's words; a scalar is an array of one, and an unset variable has none.
    pub fn words(&self, name: &str) -> Vec<&str> {
        match self.variables.get(name).map(|variable| &variable.value) {
            None => Vec::new(),
            Some(Value::Scalar(text)) => vec![text],
            Some(Value::Array(words)) => words.iter().map(String::as_str).collect(),
        }
    }

    /// Whether `word` is on in the array `name` (BUILDENV, OPTIONS): its last mention decides.
    /// `None` where it is not mentioned.
    pub fn option(&self, name: &str, word: &str) -> Option<bool> {
        self.words(name).iter().rev().find_map(|&one| match one.strip_prefix('!') {
            Some(banned) => (banned == word).then_some(false),
            None => (one == word).then_some(true),
        })
    }

    /// DISTCC_DIR, if it reaches a build; `has_hook` says whether ours exports what is not
    /// exported.
    pub fn state_dir(&self, has_hook: bool) -> Option<PathBuf> {
        let variable = self.variables.get("DISTCC_DIR")?;
        match &variable.value {
            Value::Scalar(dir) if (has_hook || variable.exported) && !dir.is_empty() => {
                Some(PathBuf::from(dir))
            }
            _ => None,
        }
    }

    /// Where `name` was set last, if a file did it.
    pub fn position(&self, name: &str) -> Option<&Position> {
        match self.variables.get(name).map(|variable| &variable.origin) {
            Some(Origin::File(position)) => Some(position),
            _ => None,
        }
    }

    /// The file that makepkg reads first.
    pub fn main_file(&self) -> Option<&Path> {
        self.files.first().map(PathBuf::as_path)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_mention_of_an_option_decides() {
        let mut configuration = Configuration::default();
        let mut with = |words: &[&str]| {
            let value = Value::Array(words.iter().map(ToString::to_string).collect());
            let variable = Variable { value, exported: false, origin: Origin::Environment };
            configuration.variables.insert("BUILDENV".to_owned(), variable);
            configuration.option("BUILDENV", "distcc")
        };
        assert_eq!(with(&["!distcc", "color", "distcc"]), Some(true));
        assert_eq!(with(&["distcc", "!distcc"]), Some(false));
        assert_eq!(with(&["color"]), None);
    }
}
