//! One setting, or one flag, put into one file's text.

use std::collections::BTreeSet;

use crate::makepkg_conf::document::Document;
use crate::makepkg_conf::edit::{self, Absent, Place};
use crate::makepkg_conf::makeflags;
use crate::setup::configure::wanted::{Setting, Wanted};

/// Where in a file a setting is put.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Spot {
    /// Into the command that ends in this line and sets it now, wherever that stands: within an
    /// `if`, as in a drop-in.
    Line(usize),
    /// As the text alone tells.
    Text(Place),
}

/// A setting to be put into a file.
#[derive(Clone, Copy, Debug)]
pub(super) struct Put<'a> {
    /// Which.
    pub(super) setting: Setting,
    /// The values.
    pub(super) wanted: &'a Wanted,
    /// What the variable holds where the file does not set it: other files may.
    pub(super) found: &'a str,
    /// How to turn a word on where the file does not set the array.
    pub(super) absent: Absent,
}

/// The text with the setting as wanted.
pub(super) fn edit(text: &[u8], put: Put<'_>, spot: Spot) -> Vec<u8> {
    let document = Document::parse(text);
    match spot {
        Spot::Text(place) => put.into(&document, place),
        Spot::Line(line) => {
            let Some(assignment) = document.ending_at(put.setting.variable(), line) else {
                return text.to_vec();
            };
            let command = assignment.command.clone();
            let alone = Document::parse(document.source(&command));
            let edited = put.into(&alone, Place::There);
            let (head, tail) = (0..command.start, command.end..text.len());
            [document.source(&head), &edited, document.source(&tail)].concat()
        }
    }
}

impl Put<'_> {
    fn into(self, document: &Document, place: Place) -> Vec<u8> {
        let variable = self.setting.variable();
        let jobs = self.wanted.jobs;
        let is_set_here = document.of(variable).next().is_some();
        let edited = match self.setting {
            Setting::BuildEnv => edit::turn_on(document, variable, "distcc", self.absent, place),
            Setting::Hosts => edit::set_scalar(document, variable, &self.wanted.hosts, place),
            Setting::Jobs if is_set_here => edit::set_jobs(document, variable, jobs, place),
            Setting::Jobs => {
                // The other words, which another file has set, stay in effect.
                let value = makeflags::with_jobs(self.found, jobs);
                edit::set_scalar(document, variable, &value, place)
            }
        };
        edited.text
    }
}

/// The text with each `flag` replaced, whichever variable it stands in: CFLAGS may be put together
/// from others. `None` where there is none.
pub(super) fn replace_flag(text: &[u8], flag: &str, words: &[String]) -> Option<Vec<u8>> {
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let document = Document::parse(text);
    let names: BTreeSet<&str> =
        document.assignments().iter().map(|assignment| assignment.name.as_str()).collect();
    let replaced = names.into_iter().fold(text.to_vec(), |text, name| {
        edit::replace_flag(&Document::parse(&text), name, flag, &words).text
    });
    (replaced != text).then_some(replaced)
}
