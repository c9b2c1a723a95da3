//! The report as text: for people, and as the few lines at the end of a build.

use crate::progress::journal::Spent;
use crate::setup::places::{self, Detail};
use crate::setup::reasons::{Class, class, remedy};
use crate::setup::report::subject::Subject;
use crate::setup::tally::Tally;
use crate::setup::words::{bytes, duration, plural};

/// How many reasons go with the one-line summary.
const WORST: usize = 3;

/// The report in parts, of which each begins with a heading.
pub(super) fn parts(subject: &Subject) -> Vec<String> {
    let tally = &subject.tally;
    let mut parts = vec![subject.heading(), places::places(tally, Detail::Advice)];
    parts.extend(places::pump(tally));
    parts.push(times(tally));
    parts
}

/// What the time went into: names, and milliseconds of all compiles together.
pub(super) fn phases(tally: &Tally) -> [(&'static str, u64); 7] {
    let Spent { wait_ms, preprocess_ms, send_ms, compile_ms, receive_ms, place_ms } = tally.spent;
    [
        ("waiting for a slot", wait_ms),
        ("preprocessing", preprocess_ms),
        ("sending", send_ms),
        ("compiling there", compile_ms.saturating_sub(tally.compiled_here_ms)),
        ("receiving", receive_ms),
        ("compiling here", tally.compiled_here_ms),
        ("writing outputs", place_ms),
    ]
}

fn times(tally: &Tally) -> String {
    let mut text = format!("{} in which anything was compiled\n", duration(tally.active_ms()));
    let phases = phases(tally).map(|(name, spent)| (name, duration(spent)));
    let width = phases.iter().map(|(_, spent)| spent.len()).max().unwrap_or(0);
    for (name, spent) in phases {
        text += &format!("  {spent:>width$}  {name}\n");
    }
    let (out, back) = tally.bytes();
    text + &format!("  all compiles together; {} sent, {} received\n", bytes(out), bytes(back))
}

/// The summary for a hook: a line, and one for each of the worst reasons. Nothing if no unit was
/// compiled.
pub(super) fn lines(tally: &Tally) -> String {
    let (there, here) = (tally.distributed(), tally.units_here());
    let units = there + here;
    if units == 0 {
        return String::new();
    }
    let active = tally.volunteers.values().filter(|share| share.units > 0).count();
    let by = match there {
        0 => String::new(),
        _ => format!(" to {}", plural(active, "volunteer")),
    };
    let mut text = match (there, here) {
        (0, _) => format!("None of {} were distributed\n", plural(units, "unit")),
        (_, 0) => format!("{} distributed{by}\n", were(units)),
        _ => format!("{there} of {} were distributed{by}\n", plural(units, "unit")),
    };
    let worst = tally.reasons().into_iter().filter(|(counter, _)| class(counter) <= Class::Flags);
    for (counter, stayed) in worst.take(WORST) {
        let remedy = remedy(counter).map(|remedy| format!(" (to mend it: {remedy})"));
        let (commands, sentence) = (stayed.commands, stayed.sentence());
        text += &format!("{commands} not: {sentence}{}\n", remedy.unwrap_or_default());
    }
    text
}

/// `The only unit was`, `All 7 units were`
fn were(units: usize) -> String {
    match units {
        1 => "The only unit was".to_owned(),
        _ => format!("All {units} units were"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::progress::journal::Entry;
    use crate::setup::tally::{local, ran, remote};

    fn summary(entries: &[Entry]) -> String {
        lines(&Tally::of(entries, &[]))
    }

    #[test]
    fn the_summary_counts_units_and_no_links_or_tests() {
        assert_eq!(summary(&[]), "");
        assert_eq!(summary(&[local("", "link", "links"), local("", "conftest", "a test")]), "");
        let one = remote("a.c", "one/2");
        assert_eq!(
            summary(std::slice::from_ref(&one)),
            "The only unit was distributed to 1 volunteer\n"
        );
        let entries = [one.clone(), remote("b.c", "two"), local("", "link", "links")];
        assert_eq!(summary(&entries), "All 2 units were distributed to 2 volunteers\n");
        let entries = [one, local("b.c", "diagnostics", "warns")];
        assert_eq!(summary(&entries), "1 of 2 units were distributed to 1 volunteer\n");
    }

    #[test]
    fn the_summary_names_the_worst_reasons_alone() {
        let entries = [
            local("a.c", "coverage", "--coverage: writes notes"),
            local("b.c", "native", "-march=native: each its own"),
            local("c.c", "volunteer-failed", "10.0.0.2: connection refused"),
            local("d.c", "volunteer-failed", "10.0.0.3: connection refused"),
            local("e.c", "profile", "-fprofile-use: profiles are here"),
            local("", "link", "links"),
        ];
        insta::assert_snapshot!(summary(&entries), @r"
        None of 5 units were distributed
        2 not: 10.0.0.2: connection refused (to mend it: distcc-setup doctor)
        1 not: -march=native: each its own (to mend it: sudo distcc-setup configure --march=replace)
        1 not: --coverage: writes notes
        ");
    }

    #[test]
    fn times_are_told_apart_by_what_they_went_into() {
        let mut entries = vec![ran(remote("a.c", "one"), 1000, 200_000)];
        entries.push(ran(local("b.c", "native", ""), 1000, 3000));
        entries[0].spent.preprocess_ms = 500;
        insta::assert_snapshot!(times(&Tally::of(&entries, &[])), @r"
        3 min 19 s in which anything was compiled
               0.0 s  waiting for a slot
               0.5 s  preprocessing
               0.0 s  sending
          3 min 19 s  compiling there
               0.0 s  receiving
               2.0 s  compiling here
               0.0 s  writing outputs
          all compiles together; 3 kB sent, 200 B received
        ");
    }
}
