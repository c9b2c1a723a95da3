//! Entries of the journal, added up: what volunteers did, what ran here and why.

use std::collections::BTreeMap;

use crate::hosts::list;
use crate::progress::journal::{Entry, Outcome, Pump, Spent};
use crate::setup::reasons::{Class, class};

/// No compile takes longer: a number past it is no duration.
const LONGEST_MS: u64 = 24 * 3600 * 1000;
/// How many names go with a reason.
const EXAMPLES: usize = 3;
/// How many of the sentences of a reason are kept.
const SENTENCES: usize = 3;

/// The most volunteers, and the most reasons, that are told apart.
const MOST_NAMES: usize = 200;
/// What the others are called together.
const OTHERS: &str = "others";
/// The most letters of a name or sentence that are shown.
const LONGEST: usize = 400;

/// From when to when something ran, in milliseconds since 1970.
pub(super) type Interval = (u64, u64);

/// What one volunteer did.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Share {
    /// How many units it compiled.
    pub units: usize,
    /// Bytes sent to it.
    pub bytes_out: u64,
    /// Bytes received from it.
    pub bytes_in: u64,
    /// How many slots the host spec lends, if it can be read.
    pub slots: Option<u32>,
    /// When a slot was taken.
    pub taken: Vec<Interval>,
}

/// What stayed here for one reason.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Stayed {
    /// How many commands.
    pub commands: usize,
    /// The reason as sentences; the first of them, as far as they differ.
    pub sentences: Vec<String>,
    /// Some of their names.
    pub examples: Vec<String>,
    /// Milliseconds that compiling them here took.
    pub compile_ms: u64,
}

impl Stayed {
    /// The reason as a sentence.
    pub(super) fn sentence(&self) -> &str {
        self.sentences.first().map_or("", String::as_str)
    }
}

/// Where everything ran.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Tally {
    /// By address.
    pub volunteers: BTreeMap<String, Share>,
    /// By the reason's counter id.
    pub stayed: BTreeMap<String, Stayed>,
    /// When something was compiled here.
    pub here: Vec<Interval>,
    /// What all of it took, by part; compiling is counted apart for here and there.
    pub spent: Spent,
    /// Milliseconds of `spent` that compiled here.
    pub compiled_here_ms: u64,
    /// How many commands failed, wherever they ran.
    pub failed: usize,
    /// How many units went in pump mode.
    pub pumped: usize,
    /// Units that a host list with pump mode preprocessed here all the same, by the reason's
    /// counter id.
    pub plain: BTreeMap<String, Stayed>,
}

impl Tally {
    /// Adds up `entries`; each of `volunteers` appears, even one that had nothing to do.
    pub(super) fn of(entries: &[Entry], volunteers: &[String]) -> Self {
        let mut tally = Self::default();
        for volunteer in volunteers {
            tally.volunteers.insert(volunteer.clone(), Share::default());
        }
        for entry in entries {
            tally.add_spent(&entry.spent);
            tally.failed += usize::from(entry.exit != 0);
            tally.add_pump(entry);
            match &entry.outcome {
                Outcome::Remote { volunteer } => tally.add_remote(volunteer, entry),
                Outcome::Local { counter, sentence } => tally.add_local(counter, sentence, entry),
            }
        }
        tally
    }

    fn add_remote(&mut self, volunteer: &str, entry: &Entry) {
        let name = key(&self.volunteers, address(volunteer));
        let share = self.volunteers.entry(name).or_default();
        share.units += 1;
        share.bytes_out = share.bytes_out.saturating_add(entry.bytes_out);
        share.bytes_in = share.bytes_in.saturating_add(entry.bytes_in);
        share.taken.push(interval(entry));
        if share.units == 1 {
            share.slots = slots(volunteer);
        }
    }

    fn add_local(&mut self, counter: &str, sentence: &str, entry: &Entry) {
        let stayed = self.stayed.entry(key(&self.stayed, counter)).or_default();
        stayed.commands += 1;
        stayed.compile_ms = stayed.compile_ms.saturating_add(entry.spent.compile_ms);
        push_new(&mut stayed.sentences, shown(sentence), SENTENCES);
        push_new(&mut stayed.examples, name(entry), EXAMPLES);
        self.here.push(interval(entry));
        let compiled = entry.spent.compile_ms.min(LONGEST_MS);
        self.compiled_here_ms = self.compiled_here_ms.saturating_add(compiled);
    }

    fn add_pump(&mut self, entry: &Entry) {
        let (counter, sentence) = match &entry.pump {
            Pump::NotAsked => return,
            Pump::Used => {
                self.pumped += 1;
                return;
            }
            Pump::Plain { counter, sentence } => (counter, sentence),
        };
        let plain = self.plain.entry(key(&self.plain, counter)).or_default();
        plain.commands += 1;
        push_new(&mut plain.sentences, shown(sentence), SENTENCES);
        push_new(&mut plain.examples, name(entry), EXAMPLES);
    }

    /// Why units did not go in pump mode, the most frequent first.
    pub(super) fn plain_reasons(&self) -> Vec<(&str, &Stayed)> {
        let mut reasons: Vec<_> =
            self.plain.iter().map(|(counter, plain)| (counter.as_str(), plain)).collect();
        reasons.sort_by_key(|(_, plain)| usize::MAX - plain.commands);
        reasons
    }

    fn add_spent(&mut self, spent: &Spent) {
        let sum = &mut self.spent;
        let add = |sum: &mut u64, more: u64| *sum = sum.saturating_add(more.min(LONGEST_MS));
        add(&mut sum.wait_ms, spent.wait_ms);
        add(&mut sum.preprocess_ms, spent.preprocess_ms);
        add(&mut sum.send_ms, spent.send_ms);
        add(&mut sum.compile_ms, spent.compile_ms);
        add(&mut sum.receive_ms, spent.receive_ms);
        add(&mut sum.place_ms, spent.place_ms);
    }

    /// How many units volunteers compiled.
    pub(super) fn distributed(&self) -> usize {
        self.volunteers.values().map(|share| share.units).sum()
    }

    /// How many commands ran here.
    pub(super) fn local(&self) -> usize {
        self.stayed.values().map(|stayed| stayed.commands).sum()
    }

    /// How many of those were units, which a volunteer might have compiled.
    pub(super) fn units_here(&self) -> usize {
        let units = self.stayed.iter().filter(|(counter, _)| class(counter) != Class::NoUnit);
        units.map(|(_, stayed)| stayed.commands).sum()
    }

    /// The reasons with their counters: those worth acting on first, of these the most frequent.
    pub(super) fn reasons(&self) -> Vec<(&str, &Stayed)> {
        let mut reasons: Vec<_> =
            self.stayed.iter().map(|(counter, stayed)| (counter.as_str(), stayed)).collect();
        reasons.sort_by_key(|(counter, stayed)| (class(counter), usize::MAX - stayed.commands));
        reasons
    }

    /// Bytes sent and received.
    pub(super) fn bytes(&self) -> (u64, u64) {
        let add = |(out, back): (u64, u64), share: &Share| {
            (out.saturating_add(share.bytes_out), back.saturating_add(share.bytes_in))
        };
        self.volunteers.values().fold((0, 0), add)
    }

    /// All intervals.
    pub(super) fn intervals(&self) -> impl Iterator<Item = Interval> {
        self.volunteers.values().flat_map(|share| &share.taken).chain(&self.here).copied()
    }

    /// From the first start to the last end; `None` if nothing ran.
    pub(super) fn span(&self) -> Option<Interval> {
        self.intervals().reduce(|one, other| (one.0.min(other.0), one.1.max(other.1)))
    }

    /// Milliseconds in which anything ran at all.
    pub(super) fn active_ms(&self) -> u64 {
        union_ms(self.intervals().collect())
    }
}

impl Share {
    /// The most slots that were taken at once.
    pub(super) fn most_at_once(&self) -> usize {
        let starts = self.taken.iter().map(|(start, _)| (*start, true));
        let ends = self.taken.iter().map(|(_, end)| (*end, false));
        let mut events: Vec<_> = starts.chain(ends).collect();
        // What ends when another starts has made room for it.
        events.sort_unstable();
        let (mut now, mut most) = (0_usize, 0);
        for (_, starts) in events {
            now = if starts { now + 1 } else { now.saturating_sub(1) };
            most = most.max(now);
        }
        most
    }

    /// How much of what its slots could have done in `active_ms` was used, in percent.
    pub(super) fn used_percent(&self, active_ms: u64) -> Option<u64> {
        let room = u64::from(self.slots?).checked_mul(active_ms).filter(|&room| room > 0)?;
        let taken: u64 = self.taken.iter().map(|(start, end)| end - start).sum();
        Some((taken.saturating_mul(100) / room).min(100))
    }
}

/// The name under which something is added up; what would make too many names is one.
fn key<T>(known: &BTreeMap<String, T>, name: &str) -> String {
    let name = shown(name);
    match known.len() < MOST_NAMES || known.contains_key(&name) {
        true => name,
        false => OTHERS.to_owned(),
    }
}

/// Adds `text` unless it is there or there are `most` already.
fn push_new(texts: &mut Vec<String>, text: String, most: usize) {
    if texts.len() < most && !text.is_empty() && !texts.contains(&text) {
        texts.push(text);
    }
}

/// When the entry's compile ran: all of it but the waiting.
fn interval(entry: &Entry) -> Interval {
    let Spent { preprocess_ms, send_ms, compile_ms, receive_ms, place_ms, .. } = entry.spent;
    let parts = [preprocess_ms, send_ms, compile_ms, receive_ms, place_ms];
    let took = parts.into_iter().fold(0_u64, u64::saturating_add).min(LONGEST_MS);
    (entry.time_ms.saturating_sub(took), entry.time_ms)
}

/// The length of what `intervals` cover together.
fn union_ms(mut intervals: Vec<Interval>) -> u64 {
    intervals.sort_unstable();
    let (mut sum, mut covered) = (0_u64, 0);
    for (start, end) in intervals {
        sum = sum.saturating_add(end.saturating_sub(start.max(covered)));
        covered = covered.max(end);
    }
    sum
}

/// How many slots the host spec lends.
fn slots(spec: &str) -> Option<u32> {
    let list = list::parse(spec).ok()?;
    Some(list.hosts.first()?.usable_slots()).filter(|&slots| slots > 0)
}

/// The address in a host spec, without slots and options.
pub(super) fn address(spec: &str) -> &str {
    spec.split(['/', ',']).next().unwrap_or(spec)
}

/// What a person calls the entry: its unit, or the compiler where there is none.
pub(super) fn name(entry: &Entry) -> String {
    let bytes = if entry.unit.is_empty() { &entry.compiler } else { &entry.unit };
    shown(&String::from_utf8_lossy(bytes))
}

/// `text` without what would change a terminal, and not without end: whoever wrote the journal
/// chose it.
pub(super) fn shown(text: &str) -> String {
    let unseen = |letter: char| {
        // Marks that turn the direction of text around.
        letter.is_control() || matches!(letter, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
    };
    let letters = text.chars().map(|letter| if unseen(letter) { '\u{fffd}' } else { letter });
    let mut shown: String = letters.take(LONGEST).collect();
    if text.chars().nth(LONGEST).is_some() {
        shown.push('…');
    }
    shown
}

#[cfg(test)]
pub(super) use self::tests::{local, ran, remote};

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

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
            pump: Pump::NotAsked,
            message: String::new(),
            build: Vec::new(),
        }
    }

    pub(crate) fn remote(unit: &str, volunteer: &str) -> Entry {
        entry(unit, Outcome::Remote { volunteer: volunteer.to_owned() })
    }

    pub(crate) fn local(unit: &str, counter: &str, sentence: &str) -> Entry {
        let (counter, sentence) = (counter.to_owned(), sentence.to_owned());
        entry(unit, Outcome::Local { counter, sentence })
    }

    /// The entry, as one that ran from `start` to `end`.
    pub(crate) fn ran(entry: Entry, start: u64, end: u64) -> Entry {
        let spent = Spent { compile_ms: end - start, ..entry.spent };
        Entry { time_ms: end, spent, ..entry }
    }

    #[test]
    fn shares_add_up_and_idle_volunteers_are_listed() {
        let entries =
            [remote("a.c", "one/2"), remote("b.c", "one/2,lzo"), local("", "link", "it links")];
        let tally = Tally::of(&entries, &["one".to_owned(), "two".to_owned()]);
        assert_eq!((tally.distributed(), tally.local(), tally.units_here()), (2, 1, 0));
        assert_eq!(tally.volunteers["one"].bytes_out, 6000);
        assert_eq!(tally.volunteers["one"].slots, Some(2));
        assert_eq!(tally.volunteers["two"], Share::default());
        assert_eq!(tally.bytes(), (6000, 400));
    }

    #[test]
    fn a_reason_keeps_a_few_sentences_and_names() {
        let entries: Vec<_> = ["a.c", "b.c", "a.c", "c.c", "d.c"]
            .iter()
            .map(|unit| local(unit, "native", &format!("{unit}: -march=native")))
            .collect();
        let tally = Tally::of(&entries, &[]);
        let stayed = &tally.stayed["native"];
        assert_eq!((stayed.commands, stayed.sentence()), (5, "a.c: -march=native"));
        assert_eq!(stayed.examples, ["a.c", "b.c", "c.c"]);
        assert_eq!(stayed.sentences.len(), 3);
    }

    #[test]
    fn a_command_without_a_unit_goes_by_its_compiler() {
        assert_eq!(name(&local("", "link", "")), "gcc");
    }

    #[test]
    fn reasons_worth_acting_on_come_first() {
        let entries = [
            local("", "link", "it links"),
            local("", "link", "it links"),
            local("a.c", "coverage", "notes"),
            local("b.c", "native", "native"),
            local("c.c", "volunteer-failed", "no"),
            local("d.c", "volunteer-failed", "no"),
        ];
        let tally = Tally::of(&entries, &[]);
        let order: Vec<_> = tally.reasons().iter().map(|(counter, _)| *counter).collect();
        assert_eq!(order, ["volunteer-failed", "native", "coverage", "link"]);
    }

    #[test]
    fn slots_are_counted_while_they_are_taken() {
        let entries = [
            ran(remote("a.c", "one/4"), 100, 200),
            ran(remote("b.c", "one/4"), 150, 250),
            ran(remote("c.c", "one/4"), 200, 300),
            ran(local("d.c", "native", ""), 400, 500),
        ];
        let tally = Tally::of(&entries, &[]);
        let one = &tally.volunteers["one"];
        assert_eq!(one.most_at_once(), 2);
        assert_eq!((tally.span(), tally.active_ms()), (Some((100, 500)), 300));
        // 300 ms of 4 slots for 300 ms.
        assert_eq!(one.used_percent(tally.active_ms()), Some(25));
    }

    #[test]
    fn a_journal_of_names_without_end_is_bounded() {
        let long = "n".repeat(10_000);
        let entries: Vec<_> = (0..1000).map(|n| remote(&long, &format!("{n}{long}"))).collect();
        let tally = Tally::of(&entries, &[]);
        assert_eq!(tally.volunteers.len(), MOST_NAMES + 1);
        assert_eq!(tally.volunteers[OTHERS].units, 800);
        assert_eq!(shown(&long).chars().count(), LONGEST + 1);
    }

    #[test]
    fn text_of_the_journal_does_nothing_to_a_terminal() {
        let entry = local("a\x1b[2J\r\n\u{202e}.c", "na\x07tive", "\u{9b}31m");
        let tally = Tally::of(&[entry], &[]);
        let stayed = &tally.stayed["na\u{fffd}tive"];
        assert_eq!(stayed.sentence(), "\u{fffd}31m");
        assert_eq!(stayed.examples, ["a\u{fffd}[2J\u{fffd}\u{fffd}\u{fffd}.c"]);
    }

    proptest! {
        #[test]
        fn no_numbers_make_it_fall_over(
            numbers in prop::collection::vec((any::<u64>(), any::<u64>(), any::<u64>(), any::<bool>()), 0..20)
        ) {
            let entries: Vec<_> = numbers.into_iter().map(|(time_ms, compile_ms, bytes, here)| {
                let entry = if here { local("a.c", "link", "") } else { remote("a.c", "one/3") };
                let spent = Spent { compile_ms, wait_ms: bytes, ..Spent::default() };
                Entry { time_ms, spent, bytes_out: bytes, bytes_in: bytes, ..entry }
            }).collect();
            let tally = Tally::of(&entries, &[]);
            let active = tally.active_ms();
            for share in tally.volunteers.values() {
                prop_assert!(share.most_at_once() <= share.units);
                prop_assert!(share.used_percent(active).is_none_or(|percent| percent <= 100));
            }
        }
    }
}
