//! One thing that is wrong with one volunteer, as a finding.

use std::net::IpAddr;

use crate::hosts::spec::HostSpec;
use crate::setup::facts::Facts;
use crate::setup::facts::place::Place;
use crate::setup::probe::answer::Answer;
use crate::setup::probe::fault::{Fault, Machine, Scene};
use crate::setup::probe::{remedy, scene};
use crate::setup::rules::Rule;
use crate::setup::rules::finding::Finding;

/// What one volunteer answered, and where we are from there.
#[derive(Clone, Debug)]
pub struct Heard {
    /// The answer.
    pub answer: Answer,
    /// This machine's address, as the volunteer sees it.
    pub our_address: Option<IpAddr>,
    /// Bits of the network that this machine is in.
    pub prefix: Option<u8>,
}

impl From<Answer> for Heard {
    /// Looks which of our addresses is on the way to the volunteer.
    fn from(answer: Answer) -> Self {
        let Scene { our_address, prefix, .. } = scene(&answer);
        Self { answer, our_address, prefix }
    }
}

/// A fault, and whose it is.
#[derive(Clone, Copy, Debug)]
pub struct VolunteerFault<'a> {
    /// Everything else.
    pub facts: &'a Facts,
    /// What the volunteer answered.
    pub heard: &'a Heard,
    /// What is wrong with it.
    pub fault: &'a Fault,
}

impl VolunteerFault<'_> {
    /// The finding of `rule` about it: at its host spec, with the command that mends it.
    pub fn by(&self, rule: &Rule) -> Finding {
        let Heard { answer, our_address, prefix } = self.heard;
        let scene = Scene {
            spec: &answer.spec,
            our_address: *our_address,
            prefix: *prefix,
            target: answer.target,
            elsewhere: answer.elsewhere.as_ref(),
        };
        let remedy = match self.list() {
            Some(list) => self.fault.remedy_in(&scene, &list),
            None => self.fault.remedy(&scene),
        };
        let place = match remedy.machine {
            Machine::Here => "run".to_owned(),
            Machine::Volunteer(host) => format!("run on {host}"),
        };
        Finding {
            rule: rule.id,
            severity: rule.severity,
            place: self.place(),
            message: self.fault.sentence(&scene),
            help: place,
            command: Some(remedy.command),
            note: remedy.note,
            replacement: None,
        }
    }

    /// The whole host list, with the ports that were found to be right, if there is nothing but
    /// host specs in it.
    fn list(&self) -> Option<Vec<HostSpec>> {
        let hosts = self.facts.hosts.as_ref()?;
        let answers = hosts.words.iter().map(|word| {
            let spec = word.spec()?;
            Some(self.facts.answer(spec).cloned().unwrap_or_else(|| Answer::new(spec.clone())))
        });
        Some(remedy::mended(&answers.collect::<Option<Vec<_>>>()?))
    }

    /// Where the host list has it.
    fn place(&self) -> Place {
        let text = &self.heard.answer.spec.text;
        let found = self.facts.hosts.as_ref().and_then(|hosts| {
            let word = hosts.words.iter().find(|word| word.text == *text)?;
            Some(self.facts.place_of_host(hosts, word))
        });
        found.unwrap_or_else(|| Place::named(text.clone()))
    }
}
