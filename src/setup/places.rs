//! Where everything was compiled, and why what stayed here did, as text for people.

use std::fmt::Write;

use crate::setup::reasons::{Class, class, remedy};
use crate::setup::tally::{Share, Stayed, Tally};
use crate::setup::words::{bytes, digits, plural};

/// How much is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Detail {
    /// What happened.
    Facts,
    /// Also how slots were used, and what to do about what stayed here.
    Advice,
}

/// Volunteers with what they did, then the reasons, worst first.
pub(super) fn places(tally: &Tally, detail: Detail) -> String {
    let mut text = format!("{} compiled by volunteers\n", plural(tally.distributed(), "unit"));
    let active_ms = tally.active_ms();
    let width = tally.volunteers.keys().map(|name| name.chars().count()).max().unwrap_or(0);
    for (volunteer, share) in &tally.volunteers {
        line(&mut text, &format!("  {volunteer:width$}  {}", describe(share)));
        if detail == Detail::Advice && share.units > 0 {
            line(&mut text, &format!("  {:width$}  {}", "", use_of_slots(share, active_ms)));
        }
    }
    if tally.local() == 0 {
        return text;
    }
    line(&mut text, &format!("{} ran here", plural(tally.local(), "compiler command")));
    let width = tally.stayed.values().map(|stayed| digits(stayed.commands)).max().unwrap_or(0);
    for (counter, stayed) in tally.reasons() {
        push_reason(&mut text, counter, stayed, width, detail);
    }
    text
}

/// How many units went in pump mode and why others did not, where any might have.
pub(super) fn pump(tally: &Tally) -> Option<String> {
    let plain: usize = tally.plain.values().map(|plain| plain.commands).sum();
    if tally.pumped + plain == 0 {
        return None;
    }
    let mut text = format!("{} went in pump mode\n", plural(tally.pumped, "unit"));
    if plain > 0 {
        let were = if plain == 1 { "was" } else { "were" };
        text += &format!("{} did not, and {were} preprocessed here\n", plural(plain, "unit"));
    }
    let reasons = tally.plain_reasons();
    let width = reasons.iter().map(|(_, plain)| digits(plain.commands)).max().unwrap_or(0);
    for (_, plain) in reasons {
        let more = if plain.commands > plain.examples.len() { ", …" } else { "" };
        text += &format!("  {:width$}  {}\n", plain.commands, plain.sentence());
        text += &format!("  {:width$}  ({}{more})\n", "", plain.examples.join(", "));
    }
    Some(text)
}

fn push_reason(text: &mut String, counter: &str, stayed: &Stayed, width: usize, detail: Detail) {
    let more = if stayed.commands > stayed.examples.len() { ", …" } else { "" };
    line(text, &format!("  {:width$}  {}", stayed.commands, stayed.sentence()));
    let advise = detail == Detail::Advice && class(counter) == Class::Act;
    for sentence in stayed.sentences.iter().skip(1).filter(|_| advise) {
        line(text, &format!("  {:width$}  {sentence}", ""));
    }
    line(text, &format!("  {:width$}  ({}{more})", "", stayed.examples.join(", ")));
    if let Some(remedy) = remedy(counter).filter(|_| advise) {
        line(text, &format!("  {:width$}  to mend it: {remedy}", ""));
    }
}

fn describe(share: &Share) -> String {
    if share.units == 0 {
        return "none".to_owned();
    }
    format!(
        "{:>9}  {} sent, {} received",
        plural(share.units, "unit"),
        bytes(share.bytes_out),
        bytes(share.bytes_in),
    )
}

/// `           up to 5 of 5 slots at once, 80 % of their time`
fn use_of_slots(share: &Share, active_ms: u64) -> String {
    let most = share.most_at_once();
    let Some(slots) = share.slots else {
        return format!("{:9}  up to {} at once", "", plural(most, "slot"));
    };
    let used = share.used_percent(active_ms);
    let used = used.map(|percent| format!(", {percent} % of their time")).unwrap_or_default();
    format!("{:9}  up to {most} of {} at once{used}", "", plural(slots as usize, "slot"))
}

fn line(text: &mut String, line: &str) {
    // Writing to a string cannot fail.
    let _ = writeln!(text, "{line}");
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::progress::journal::{Entry, Pump};
    use crate::setup::tally::{local, ran, remote};

    fn tally() -> Tally {
        let volunteers = ["127.0.0.1:40001".to_owned(), "127.0.0.2:40002".to_owned()];
        let entries = [
            ran(remote("a.c", "127.0.0.1:40001/3"), 1000, 2000),
            ran(remote("b.c", "127.0.0.1:40001/3"), 1500, 2500),
            local("", "link", "neither -c nor -S: nothing that a volunteer can compile"),
            local("d.c", "native", "-march=native: each volunteer would read this as its own"),
        ];
        Tally::of(&entries, &volunteers)
    }

    #[test]
    fn places_name_volunteers_and_reasons() {
        insta::assert_snapshot!(places(&tally(), Detail::Facts), @r"
        2 units compiled by volunteers
          127.0.0.1:40001    2 units  6 kB sent, 400 B received
          127.0.0.2:40002  none
        2 compiler commands ran here
          1  -march=native: each volunteer would read this as its own
             (d.c)
          1  neither -c nor -S: nothing that a volunteer can compile
             (gcc)
        ");
    }

    #[test]
    fn advice_says_what_to_do_and_how_slots_were_used() {
        insta::assert_snapshot!(places(&tally(), Detail::Advice), @r"
        2 units compiled by volunteers
          127.0.0.1:40001    2 units  6 kB sent, 400 B received
                                      up to 2 of 3 slots at once, 44 % of their time
          127.0.0.2:40002  none
        2 compiler commands ran here
          1  -march=native: each volunteer would read this as its own
             (d.c)
             to mend it: sudo distcc-setup configure --march=replace
          1  neither -c nor -S: nothing that a volunteer can compile
             (gcc)
        ");
    }

    #[test]
    fn units_in_pump_mode_are_counted_and_the_others_explained() {
        assert_eq!(pump(&Tally::of(&[remote("a.c", "one")], &[])), None);
        let plain = |unit: &str, counter: &str| Entry {
            pump: Pump::Plain { counter: counter.to_owned(), sentence: format!("{unit}: odd") },
            ..remote(unit, "one")
        };
        let used = Entry { pump: Pump::Used, ..remote("a.c", "one") };
        let entries = [
            used,
            plain("b.c", "pump-agent"),
            plain("c.c", "pump-option"),
            plain("d.c", "pump-option"),
        ];
        insta::assert_snapshot!(pump(&Tally::of(&entries, &[])).unwrap(), @r"
        1 unit went in pump mode
        3 units did not, and were preprocessed here
          2  c.c: odd
             (c.c, d.c)
          1  b.c: odd
             (b.c)
        ");
    }

    #[test]
    fn nothing_is_said_of_here_if_nothing_ran_here() {
        let tally = Tally::of(&[remote("a.c", "one")], &[]);
        assert_eq!(places(&tally, Detail::Facts).lines().count(), 2);
    }
}
