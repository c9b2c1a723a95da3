//! What `try` tells at its end.

use std::fmt::Write;
use std::time::Duration;

use crate::setup::trial::compare::Comparison;
use crate::setup::trial::tally::{Share, Tally};

/// How long the builds took.
#[derive(Clone, Copy, Debug)]
pub(super) struct Times {
    /// With volunteers.
    pub distributed: Duration,
    /// Without, if that was tried.
    pub local: Option<Duration>,
    /// How many jobs both ran at once.
    pub jobs: u16,
    /// How many processors this machine has.
    pub processors: usize,
}

/// The most files that are listed by name where objects differ.
const LISTED: usize = 10;

/// Where everything was compiled, and why what stayed here did.
pub(super) fn places(tally: &Tally) -> String {
    let mut text = format!("{} compiled by volunteers\n", units(tally.distributed()));
    let width = tally.volunteers.keys().map(String::len).max().unwrap_or(0);
    for (volunteer, share) in &tally.volunteers {
        line(&mut text, &format!("  {volunteer:width$}  {}", describe(share)));
    }
    if tally.local() == 0 {
        return text;
    }
    line(&mut text, &format!("{} ran here", plural(tally.local(), "compiler command")));
    let width = tally.stayed.values().map(|stayed| digits(stayed.commands)).max().unwrap_or(0);
    for stayed in tally.stayed.values() {
        let more = if stayed.commands > stayed.examples.len() { ", …" } else { "" };
        let names = stayed.examples.join(", ");
        let commands = stayed.commands;
        line(&mut text, &format!("  {commands:width$}  {}", stayed.sentence));
        line(&mut text, &format!("  {:width$}  ({names}{more})", ""));
    }
    text
}

fn describe(share: &Share) -> String {
    if share.units == 0 {
        return "none".to_owned();
    }
    format!(
        "{:>9}  {} sent, {} received",
        units(share.units),
        bytes(share.bytes_out),
        bytes(share.bytes_in),
    )
}

/// Whether the objects are those of a local build.
pub(super) fn objects(comparison: &Comparison) -> String {
    let Comparison { identical, debug_only, dependency_files, differing } = comparison;
    let total = comparison.objects();
    let mut text = format!("{} compared with a local build's\n", plural(total, "object"));
    let width = digits(total.max(differing.len()));
    line(&mut text, &format!("  {identical:width$}  identical to the byte"));
    if *debug_only > 0 {
        let same = "identical in code, data and symbols; compiled with -g";
        let why = "(debug information tells that the source came preprocessed; columns may move)";
        line(&mut text, &format!("  {debug_only:width$}  {same}"));
        line(&mut text, &format!("  {:width$}  {why}", ""));
    }
    if !differing.is_empty() {
        line(&mut text, &format!("  {:width$}  DIFFERENT", differing.len()));
        for (path, what) in differing.iter().take(LISTED) {
            line(&mut text, &format!("  {:width$}  {}: {what}", "", path.display()));
        }
    }
    if *dependency_files > 0 {
        let files = plural(*dependency_files, "dependency file");
        line(&mut text, &format!("  and {files}, identical to the byte"));
    }
    text
}

/// What the sample's programs found out about themselves, in what make printed.
pub(super) fn checks(output: &str) -> String {
    let mut text = "Both programs linked from the volunteers' objects run well\n".to_owned();
    for found in output.lines().filter(|line| line.contains(" checks of the ")) {
        line(&mut text, &format!("  {found}"));
    }
    text
}

/// How long it took, and what that says.
pub(super) fn times(times: &Times) -> String {
    let Times { distributed, local, jobs, processors } = *times;
    let Some(local) = local else {
        return format!("{} in all\n", seconds(distributed));
    };
    format!(
        "{} with volunteers, {} without, both with make -j{jobs}\n  \
         Client and volunteers share the {} of this machine, so there is nothing to\n  \
         gain here: the difference is what distributing costs. Other machines add theirs.\n",
        seconds(distributed),
        seconds(local),
        plural(processors, "processor"),
    )
}

fn units(count: usize) -> String {
    plural(count, "unit")
}

fn plural(count: usize, thing: &str) -> String {
    format!("{count} {thing}{}", if count == 1 { "" } else { "s" })
}

fn digits(number: usize) -> usize {
    number.to_string().len()
}

/// `1.5 s`
fn seconds(time: Duration) -> String {
    format!("{:.1} s", time.as_secs_f64())
}

/// `999 B`, `12 kB`, `3.4 MB`
fn bytes(count: u64) -> String {
    match count {
        0..1000 => format!("{count} B"),
        1000..1_000_000 => format!("{} kB", count / 1000),
        _ => format!("{}.{} MB", count / 1_000_000, count % 1_000_000 / 100_000),
    }
}

fn line(text: &mut String, line: &str) {
    // Writing to a string cannot fail.
    let _ = writeln!(text, "{line}");
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::*;
    use crate::setup::trial::tally::tests::{local, remote};

    #[test]
    fn places_name_volunteers_and_reasons() {
        let volunteers = ["127.0.0.1:40001".to_owned(), "127.0.0.2:40002".to_owned()];
        let entries = [
            remote("a.c", &volunteers[0]),
            remote("b.c", &volunteers[0]),
            local("", "link", "neither -c nor -S: nothing that a volunteer can compile"),
            local("d.c", "native", "-march=native: each volunteer would read this as its own"),
        ];
        insta::assert_snapshot!(places(&Tally::of(&entries, &volunteers)), @r"
        2 units compiled by volunteers
          127.0.0.1:40001    2 units  6 kB sent, 400 B received
          127.0.0.2:40002  none
        2 compiler commands ran here
          1  neither -c nor -S: nothing that a volunteer can compile
             (gcc)
          1  -march=native: each volunteer would read this as its own
             (d.c)
        ");
    }

    #[test]
    fn nothing_is_said_of_here_if_nothing_ran_here() {
        let tally = Tally::of(&[remote("a.c", "one")], &[]);
        assert_eq!(places(&tally).lines().count(), 2);
    }

    #[test]
    fn equal_objects_are_said_to_be_equal_and_why_not_quite() {
        let comparison = Comparison {
            identical: 27,
            debug_only: 26,
            dependency_files: 53,
            differing: Vec::new(),
        };
        insta::assert_snapshot!(objects(&comparison), @r"
        53 objects compared with a local build's
          27  identical to the byte
          26  identical in code, data and symbols; compiled with -g
              (debug information tells that the source came preprocessed; columns may move)
          and 53 dependency files, identical to the byte
        ");
    }

    #[test]
    fn what_differs_is_named() {
        let comparison = Comparison {
            identical: 1,
            differing: vec![(PathBuf::from("kit/a.o"), "its .text differs".to_owned())],
            ..Comparison::default()
        };
        insta::assert_snapshot!(objects(&comparison), @r"
        2 objects compared with a local build's
          1  identical to the byte
          1  DIFFERENT
             kit/a.o: its .text differs
        ");
    }

    #[test]
    fn what_the_programs_checked_is_repeated() {
        let output = "cc -c a.c\nbuild/kitcheck\n2178 checks of the C library, 0 failed\n";
        insta::assert_snapshot!(checks(output), @r"
        Both programs linked from the volunteers' objects run well
          2178 checks of the C library, 0 failed
        ");
    }

    #[test]
    fn times_are_honest_about_one_machine() {
        let found = Times {
            distributed: Duration::from_millis(4310),
            local: Some(Duration::from_millis(3900)),
            jobs: 4,
            processors: 2,
        };
        insta::assert_snapshot!(times(&found), @r"
        4.3 s with volunteers, 3.9 s without, both with make -j4
          Client and volunteers share the 2 processors of this machine, so there is nothing to
          gain here: the difference is what distributing costs. Other machines add theirs.
        ");
        let alone = Times { local: None, ..found };
        assert_eq!(times(&alone), "4.3 s in all\n");
    }

    #[test]
    fn sizes_are_short() {
        assert_eq!([999, 1000, 12_345, 3_456_789].map(bytes), ["999 B", "1 kB", "12 kB", "3.4 MB"]);
    }
}
