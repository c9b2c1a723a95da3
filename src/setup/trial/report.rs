//! What `try` tells at its end.

use std::fmt::Write;
use std::time::Duration;

use crate::setup::trial::compare::Comparison;
use crate::setup::words::{digits, plural, seconds};

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

fn line(text: &mut String, line: &str) {
    // Writing to a string cannot fail.
    let _ = writeln!(text, "{line}");
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::*;

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
}
