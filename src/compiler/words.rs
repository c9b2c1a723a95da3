//! A command line cut into options with their values and operands, each with its row.

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt;

use crate::compiler::options::shape::{Kind, Row};
use crate::compiler::options::{find, rest};
use crate::compiler::unit::{Family, Part, Word};

/// One option with its value, or one operand.
#[derive(Clone, Copy, Debug)]
pub struct Token<'a> {
    /// The word itself.
    pub text: &'a OsStr,
    /// The next word, where it is this one's value.
    pub separate: Option<&'a OsStr>,
    /// The value without the option's name; empty where there is none.
    pub value: &'a OsStr,
    /// What the word is.
    pub sort: Sort,
}

/// What a word is.
#[derive(Clone, Copy, Debug)]
pub enum Sort {
    /// A file's name, or `-`.
    Operand,
    /// An option that a table knows.
    Known(&'static Row),
    /// An option that no table knows.
    Unknown,
    /// An option whose value should be the next word, and there is none.
    Unfinished,
}

/// Cuts `words` (without the compiler) into tokens.
pub fn tokens(family: Family, words: &[OsString]) -> Vec<Token<'_>> {
    let mut tokens = Vec::with_capacity(words.len());
    let mut words = words.iter().map(OsString::as_os_str);
    while let Some(text) = words.next() {
        let bytes = text.as_bytes();
        let plain = |sort| Token { text, separate: None, value: OsStr::new(""), sort };
        if !bytes.starts_with(b"-") || bytes == b"-" {
            tokens.push(plain(Sort::Operand));
            continue;
        }
        let Some(row) = find(family, bytes) else {
            tokens.push(plain(Sort::Unknown));
            continue;
        };
        let joined = rest(row, bytes);
        let sort = Sort::Known(row);
        if !row.shape.takes_next(joined) {
            tokens.push(Token { text, separate: None, value: OsStr::from_bytes(joined), sort });
            continue;
        }
        tokens.push(match words.next() {
            Some(value) => Token { text, separate: Some(value), value, sort },
            None => plain(Sort::Unfinished),
        });
    }
    tokens
}

impl Token<'_> {
    /// What the option is there for; `None` for what is no known option.
    pub fn kind(&self) -> Option<Kind> {
        match self.sort {
            Sort::Known(row) => Some(row.kind),
            Sort::Operand | Sort::Unknown | Sort::Unfinished => None,
        }
    }

    /// The token as a word of its own.
    pub fn word(&self, part: Part) -> Word {
        Word {
            text: self.text.to_owned(),
            separate: self.separate.map(OsStr::to_owned),
            part,
            value: self.value.to_owned(),
        }
    }

    /// Whether the part after the first `=` (or all of an option without one) looks like the name
    /// of a file: it holds a slash, or a dot before a letter.
    pub fn looks_like_file(&self) -> bool {
        let bytes = self.text.as_bytes();
        let value = match bytes.iter().position(|&byte| byte == b'=') {
            Some(equals) => bytes.get(equals + 1..).unwrap_or_default(),
            None => bytes,
        };
        names_file(value) || self.separate.is_some_and(|value| names_file(value.as_bytes()))
    }

    /// Whether any part of the option's value holds a slash, or is `..`.
    pub fn names_path(&self) -> bool {
        let leads_out = |bytes: &[u8]| bytes.contains(&b'/') || bytes.ends_with(b"..");
        leads_out(self.text.as_bytes())
            || self.separate.is_some_and(|value| leads_out(value.as_bytes()))
    }
}

/// Whether a value looks like the name of a file.
pub fn names_file(value: &[u8]) -> bool {
    value.contains(&b'/')
        || value.windows(2).any(|pair| matches!(pair, [b'.', b'a'..=b'z' | b'A'..=b'Z']))
}
