//! A host list: words, comments, and the options that concern all hosts.

use crate::hosts::reader::Reader;
use crate::hosts::spec::HostSpec;
use crate::hosts::spec_error::SpecError;

/// Local jobs at once where the list says nothing.
pub const DEFAULT_LOCAL_SLOTS: u32 = 4;
/// Preprocessors at once where the list says nothing.
pub const DEFAULT_LOCAL_CPP_SLOTS: u32 = 8;

/// A host list, read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HostList {
    /// The hosts in the order written.
    pub hosts: Vec<HostSpec>,
    /// `--randomize`: every client takes them in an order of its own.
    pub randomize: bool,
    /// `+zeroconf`: more hosts are those that announce themselves.
    pub zeroconf: bool,
    /// `--localslots`: links and other compiles that stay here, at once.
    pub local_slots: u32,
    /// `--localslots_cpp`: preprocessors at once.
    pub local_cpp_slots: u32,
    /// What the user should hear: things accepted that nobody can have meant.
    pub notes: Vec<String>,
}

impl Default for HostList {
    fn default() -> Self {
        Self {
            hosts: Vec::new(),
            randomize: false,
            zeroconf: false,
            local_slots: DEFAULT_LOCAL_SLOTS,
            local_cpp_slots: DEFAULT_LOCAL_CPP_SLOTS,
            notes: Vec::new(),
        }
    }
}

impl HostList {
    /// Adds the hosts of another text, such as those that zeroconf has found.
    ///
    /// # Errors
    ///
    /// As [`parse`].
    pub fn extend(&mut self, text: &str) -> Result<(), SpecError> {
        for (word, behind) in words(text) {
            self.take(word, behind)?;
        }
        Ok(())
    }

    fn take(&mut self, word: &str, behind: &str) -> Result<(), SpecError> {
        let mut reader = Reader::new(word, behind);
        if word == "+zeroconf" {
            self.zeroconf = true;
        } else if word.starts_with("--randomize") {
            self.randomize = true;
        } else if word.starts_with("--localslots_cpp") {
            read_slots(&mut reader, "--localslots_cpp", &mut self.local_cpp_slots);
        } else if word.starts_with("--localslots") {
            read_slots(&mut reader, "--localslots", &mut self.local_slots);
        } else {
            if word.starts_with('-') {
                self.notes.push(format!("host spec `{word}`: no known option, so it is a host"));
            }
            self.hosts.push(reader.spec()?);
        }
        self.notes.append(&mut reader.notes);
        Ok(())
    }
}

/// Reads the number behind `--localslots` or `--localslots_cpp` into `slots`.
///
/// A number that makes no sense leaves `slots` as it is and earns a note.
fn read_slots(reader: &mut Reader<'_>, option: &str, slots: &mut u32) {
    match reader.option_limit(option.len()).map(|limit| limit.map(u32::try_from)) {
        Ok(Some(Ok(limit))) => *slots = limit,
        Ok(None) => {}
        Ok(Some(Err(_))) => {
            reader.notes = vec![format!("{option}: the number is negative, and is ignored")];
        }
        Err(error) => reader.notes.push(format!("{error}; {option} is ignored")),
    }
}

/// Reads a host list.
///
/// # Errors
///
/// [`SpecError`] for the first host spec that cannot be read.
pub fn parse(text: &str) -> Result<HostList, SpecError> {
    let mut list = HostList::default();
    list.extend(text)?;
    Ok(list)
}

/// What separates words: blank, tab, line feed, form feed, carriage return.
pub(super) fn is_blank(letter: char) -> bool {
    matches!(letter, ' ' | '\t' | '\n' | '\x0c' | '\r')
}

/// The words of a list, each with the text behind it; `#` begins a comment, even within a word.
pub fn words(text: &str) -> impl Iterator<Item = (&str, &str)> {
    let mut rest = text;
    std::iter::from_fn(move || {
        loop {
            rest = rest.trim_start_matches(is_blank);
            if !rest.starts_with('#') {
                break;
            }
            rest = rest.find(['\n', '\r']).and_then(|end| rest.get(end..)).unwrap_or_default();
        }
        let end = rest.find(|letter| is_blank(letter) || letter == '#').unwrap_or(rest.len());
        let (word, behind) = rest.split_at(end);
        rest = behind;
        (!word.is_empty()).then_some((word, behind))
    })
}
