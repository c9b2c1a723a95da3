//! The host list that should be: those that can be used, from the most to the least powerful.

use crate::hosts::list::{DEFAULT_LOCAL_CPP_SLOTS, DEFAULT_LOCAL_SLOTS, HostList};
use crate::hosts::spec::{DEFAULT_PORT, HostSpec, Transport};
use crate::hosts::word;
use crate::setup::probe::answer::Answer;
use crate::setup::probe::options::Asked;

/// A host list to be written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Proposal {
    /// Options that concern all hosts, as in the list that was asked: `--randomize`.
    pub(super) options: Vec<String>,
    /// The hosts, each with its limit.
    pub(super) hosts: Vec<HostSpec>,
    /// The entries that are left out, each with the reason.
    pub(super) left_out: Vec<(String, &'static str)>,
    /// The port of a host that names none.
    pub(super) usual_port: u16,
}

impl Proposal {
    /// The text of DISTCC_HOSTS.
    pub(super) fn text(&self) -> String {
        let hosts = self.hosts.iter().map(|host| match &host.transport {
            // Else it would be asked for again.
            Transport::Tcp { port, .. } if self.usual_port != DEFAULT_PORT => {
                word::with_port(&format!("{host:#}"), *port)
            }
            _ => format!("{host:#}"),
        });
        self.options.iter().cloned().chain(hosts).collect::<Vec<_>>().join(" ")
    }
}

/// What follows from the answers.
pub(super) fn of(asked: &Asked) -> Proposal {
    let (mut usable, unusable): (Vec<_>, Vec<_>) =
        asked.answers.iter().partition(|answer| answer.is_usable());
    // Equals stay in the order that a person has given them.
    usable.sort_by(|one, other| power(other).total_cmp(&power(one)));
    Proposal {
        options: options(&asked.found.list),
        hosts: usable.into_iter().map(with_limit).collect(),
        left_out: unusable.into_iter().map(reason).collect(),
        usual_port: asked.found.target.map_or(DEFAULT_PORT, |target| target.port),
    }
}

/// Reference units a second in all slots together. One that was not measured comes last.
fn power(answer: &Answer) -> f64 {
    answer.speed.map_or(0.0, |speed| speed.units_per_second() * f64::from(answer.slots()))
}

fn with_limit(answer: &Answer) -> HostSpec {
    let slots = i32::try_from(answer.slots()).unwrap_or(i32::MAX);
    HostSpec { slots, ..answer.spec.clone() }
}

fn reason(answer: &Answer) -> (String, &'static str) {
    let off = answer.spec.usable_slots() == 0;
    let other = if off { "switched off" } else { "unknown" };
    (answer.spec.text.clone(), answer.faults.first().map_or(other, |fault| fault.id()))
}

fn options(list: &HostList) -> Vec<String> {
    let mut options = Vec::new();
    if list.randomize {
        options.push("--randomize".to_owned());
    }
    if list.local_slots != DEFAULT_LOCAL_SLOTS {
        options.push(format!("--localslots={}", list.local_slots));
    }
    if list.local_cpp_slots != DEFAULT_LOCAL_CPP_SLOTS {
        options.push(format!("--localslots_cpp={}", list.local_cpp_slots));
    }
    if list.zeroconf {
        options.push("+zeroconf".to_owned());
    }
    options
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::hosts::list;
    use crate::setup::probe::answer::{CompilerAnswer, CompilerVerdict, Speed, Stats};
    use crate::setup::probe::fault::Fault;
    use crate::setup::probe::list::Found;
    use crate::targets;

    /// An answer to each word: milliseconds for a unit, and slots told by the statistics page; a
    /// volunteer without milliseconds is down.
    fn asked(text: &str, answers: &[(Option<u64>, Option<u32>)]) -> Asked {
        let list = list::parse(text).unwrap();
        let answers = list.hosts.iter().zip(answers).map(|(spec, (millis, slots))| {
            let mut answer = Answer::new(spec.clone());
            answer.stats = slots.map(|slots| Stats { slots: Some(slots), ..Stats::default() });
            match millis {
                None => answer.faults.push(Fault::Down),
                Some(millis) => {
                    let took = Duration::from_millis(*millis);
                    answer.speed = Some(Speed { there: took, here: took });
                    answer.compilers.push(CompilerAnswer {
                        name: "gcc".to_owned(),
                        asked: "gcc".to_owned(),
                        needed: true,
                        version: None,
                        verdict: CompilerVerdict::Same,
                    });
                }
            }
            answer
        });
        let answers = answers.collect();
        let (source, configuration, notes) = (String::new(), None, Vec::new());
        let found = Found { list, source, configuration, notes, target: None };
        Asked { found, local: Default::default(), answers }
    }

    #[test]
    fn the_most_powerful_comes_first_each_with_its_limit() {
        let answers = [(Some(100), Some(4)), (Some(50), None), (Some(100), Some(12))];
        let proposal = of(&asked("10.0.0.2/9 localhost/9 desk:3635,lzo", &answers));
        assert_eq!(proposal.text(), "localhost/9 desk:3635/12,lzo 10.0.0.2/4");
    }

    #[test]
    fn where_the_usual_port_is_another_the_standard_one_is_written_out() {
        let answers = [(Some(50), Some(4)), (Some(100), Some(2)), (Some(100), Some(2))];
        let mut asked = asked("10.0.0.2 10.0.0.3:3635 localhost", &answers);
        asked.found.target = targets::by_name("armv7h");
        assert_eq!(of(&asked).text(), "10.0.0.2:3632/4 10.0.0.3:3635/2 localhost/2");
    }

    #[test]
    fn equals_keep_their_order_and_default_limits_are_written_out() {
        let answers = [(Some(100), None), (Some(100), None), (Some(100), None)];
        let proposal = of(&asked("b a me@c:/opt/distccd", &answers));
        assert_eq!(proposal.text(), "b/4 a/4 me@c/4:/opt/distccd");
    }

    #[test]
    fn who_cannot_be_used_is_left_out_and_options_stay() {
        let answers = [(None, None), (Some(100), None)];
        let proposal = of(&asked("--localslots=3 --randomize a b", &answers));
        assert_eq!(proposal.text(), "--randomize --localslots=3 b/4");
        assert_eq!(proposal.left_out, [("a".to_owned(), "down")]);
    }
}
