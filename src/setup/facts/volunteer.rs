//! One thing that is wrong with one volunteer, as a finding.

use crate::setup::facts::Facts;
use crate::setup::facts::place::Place;
use crate::setup::probe::answer::Answer;
use crate::setup::probe::fault::{Fault, Machine, Scene};
use crate::setup::rules::Rule;
use crate::setup::rules::finding::Finding;

/// A fault, and whose it is.
#[derive(Clone, Copy, Debug)]
pub struct VolunteerFault<'a> {
    /// Everything else.
    pub facts: &'a Facts,
    /// What the volunteer answered.
    pub answer: &'a Answer,
    /// What is wrong with it.
    pub fault: &'a Fault,
}

impl VolunteerFault<'_> {
    /// The finding of `rule` about it: at its host spec, with the command that mends it.
    pub fn by(&self, rule: &Rule) -> Finding {
        let scene = Scene { spec: &self.answer.spec, our_address: None, prefix: None };
        let remedy = self.fault.remedy(&scene);
        let place = match remedy.machine {
            Machine::Here => "run".to_owned(),
            Machine::Volunteer(host) => format!("run on {host}"),
        };
        let note = remedy.note.map_or(String::new(), |note| format!(" ({note})"));
        Finding {
            rule: rule.id,
            severity: rule.severity,
            place: self.place(),
            message: self.fault.sentence(&scene),
            help: format!("{place}: {}{note}", remedy.command),
            replacement: None,
        }
    }

    /// Where the host list has it.
    fn place(&self) -> Place {
        let text = &self.answer.spec.text;
        let found = self.facts.hosts.as_ref().and_then(|hosts| {
            let word = hosts.words.iter().find(|word| word.text == *text)?;
            Some(self.facts.place_of_host(hosts, word))
        });
        found.unwrap_or_else(|| Place::named(text.clone()))
    }
}
