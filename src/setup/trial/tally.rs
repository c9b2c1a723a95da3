//! The journal of one build, added up.

use std::collections::BTreeMap;

use crate::progress::journal::{Entry, Outcome};

/// What one volunteer did.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Share {
    /// How many units it compiled.
    pub units: usize,
    /// Bytes sent to it.
    pub bytes_out: u64,
    /// Bytes received from it.
    pub bytes_in: u64,
}

/// What stayed here for one reason.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Stayed {
    /// How many commands.
    pub commands: usize,
    /// The reason of the first of them.
    pub sentence: String,
    /// Some of their names.
    pub examples: Vec<String>,
}

/// Where everything ran.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Tally {
    /// By address.
    pub volunteers: BTreeMap<String, Share>,
    /// By the reason's counter id.
    pub stayed: BTreeMap<String, Stayed>,
}

/// How many names go with a reason.
const EXAMPLES: usize = 3;

impl Tally {
    /// Adds up `entries`; each of `volunteers` appears, even one that had nothing to do.
    pub(super) fn of(entries: &[Entry], volunteers: &[String]) -> Self {
        let mut tally = Self::default();
        for volunteer in volunteers {
            tally.volunteers.insert(volunteer.clone(), Share::default());
        }
        for entry in entries {
            match &entry.outcome {
                Outcome::Remote { volunteer } => tally.add_remote(volunteer, entry),
                Outcome::Local { counter, sentence } => tally.add_local(counter, sentence, entry),
            }
        }
        tally
    }

    fn add_remote(&mut self, volunteer: &str, entry: &Entry) {
        let share = self.volunteers.entry(address(volunteer).to_owned()).or_default();
        share.units += 1;
        share.bytes_out += entry.bytes_out;
        share.bytes_in += entry.bytes_in;
    }

    fn add_local(&mut self, counter: &str, sentence: &str, entry: &Entry) {
        let stayed = self.stayed.entry(counter.to_owned()).or_default();
        stayed.commands += 1;
        if stayed.sentence.is_empty() {
            sentence.clone_into(&mut stayed.sentence);
        }
        let name = name(entry);
        if stayed.examples.len() < EXAMPLES && !stayed.examples.contains(&name) {
            stayed.examples.push(name);
        }
    }

    /// How many units volunteers compiled.
    pub(super) fn distributed(&self) -> usize {
        self.volunteers.values().map(|share| share.units).sum()
    }

    /// How many commands ran here.
    pub(super) fn local(&self) -> usize {
        self.stayed.values().map(|stayed| stayed.commands).sum()
    }
}

/// The address in a host spec, without slots and options.
pub(super) fn address(spec: &str) -> &str {
    spec.split(['/', ',']).next().unwrap_or(spec)
}

/// What a person calls the entry: its unit, or the compiler where there is none.
pub(super) fn name(entry: &Entry) -> String {
    let bytes = if entry.unit.is_empty() { &entry.compiler } else { &entry.unit };
    String::from_utf8_lossy(bytes).into_owned()
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::progress::journal::Spent;

    fn entry(unit: &str, outcome: Outcome) -> Entry {
        Entry {
            time_ms: 1,
            pid: 1,
            unit: unit.into(),
            compiler: b"gcc".to_vec(),
            outcome,
            exit: 0,
            spent: Spent::default(),
            bytes_out: 3000,
            bytes_in: 200,
            message: String::new(),
        }
    }

    pub(crate) fn remote(unit: &str, volunteer: &str) -> Entry {
        entry(unit, Outcome::Remote { volunteer: volunteer.to_owned() })
    }

    pub(crate) fn local(unit: &str, counter: &str, sentence: &str) -> Entry {
        let (counter, sentence) = (counter.to_owned(), sentence.to_owned());
        entry(unit, Outcome::Local { counter, sentence })
    }

    #[test]
    fn shares_add_up_and_idle_volunteers_are_listed() {
        let entries =
            [remote("a.c", "one/2"), remote("b.c", "one/2,lzo"), local("", "link", "it links")];
        let tally = Tally::of(&entries, &["one".to_owned(), "two".to_owned()]);
        assert_eq!((tally.distributed(), tally.local()), (2, 1));
        assert_eq!(tally.volunteers["one"].bytes_out, 6000);
        assert_eq!(tally.volunteers["two"], Share::default());
    }

    #[test]
    fn a_reason_keeps_its_first_sentence_and_a_few_names() {
        let entries: Vec<_> = ["a.c", "b.c", "a.c", "c.c", "d.c"]
            .iter()
            .map(|unit| local(unit, "native", &format!("{unit}: -march=native")))
            .collect();
        let tally = Tally::of(&entries, &[]);
        let stayed = &tally.stayed["native"];
        assert_eq!((stayed.commands, stayed.sentence.as_str()), (5, "a.c: -march=native"));
        assert_eq!(stayed.examples, ["a.c", "b.c", "c.c"]);
    }

    #[test]
    fn a_command_without_a_unit_goes_by_its_compiler() {
        assert_eq!(name(&local("", "link", "")), "gcc");
    }
}
