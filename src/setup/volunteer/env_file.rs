//! systemd's environment files: reading assignments, and setting one so that all else stays.
//!
//! No shell reads them. A value may stand in quotes, or in several after another; a backslash
//! escapes, and at a line's end joins the next. Source: systemd.exec(5), EnvironmentFile=.

use std::ops::Range;

/// One assignment.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Assignment {
    name: String,
    value: String,
    /// What stands between `=` and the end of the line, in bytes of the text.
    place: Range<usize>,
}

/// The state between two bytes.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Within {
    /// Before a value, or between parts of it.
    Blank,
    Bare,
    Single,
    Double,
}

/// The value that `name` has in the end.
pub(super) fn get(text: &str, name: &str) -> Option<String> {
    let mut all = assignments(text).into_iter().rev();
    all.find(|assignment| assignment.name == name).map(|assignment| assignment.value)
}

/// `text` with `name` set to `value`: where it is set last, else below a comment that shows how,
/// else at the end.
pub(super) fn set(text: &str, name: &str, value: &str) -> String {
    let mut all = assignments(text).into_iter().rev();
    if let Some(Assignment { place, .. }) = all.find(|assignment| assignment.name == name) {
        let (before, after) = (text.get(..place.start), text.get(place.end..));
        return [before.unwrap_or_default(), &quoted(value), after.unwrap_or_default()].concat();
    }
    let at = below_example(text, name).unwrap_or(text.len());
    let (before, after) = (text.get(..at).unwrap_or_default(), text.get(at..).unwrap_or_default());
    let end = if before.is_empty() || before.ends_with('\n') { "" } else { "\n" };
    format!("{before}{end}{name}={}\n{after}", quoted(value))
}

/// The end of the last line that is a comment with an assignment to `name`.
fn below_example(text: &str, name: &str) -> Option<usize> {
    let all = assignments(text);
    let mut end = 0;
    let mut found = None;
    for line in text.split_inclusive('\n') {
        let start = end;
        end += line.len();
        // A value over several lines is no comment, whatever its lines look like.
        if all.iter().any(|assignment| assignment.place.contains(&start)) {
            continue;
        }
        let shown = line.trim_start().strip_prefix(['#', ';']).map(str::trim_start);
        let shown =
            shown.and_then(|shown| shown.strip_prefix(name)?.trim_start().strip_prefix('='));
        // A comment that ends in a backslash goes on, for some versions of systemd.
        if shown.is_some_and(|value| !value.trim_end_matches('\n').ends_with('\\')) {
            found = Some(end);
        }
    }
    found
}

/// `value` in double quotes.
fn quoted(value: &str) -> String {
    let mut quoted = String::from("\"");
    for letter in value.chars() {
        if matches!(letter, '"' | '\\' | '`' | '$') {
            quoted.push('\\');
        }
        quoted.push(letter);
    }
    quoted + "\""
}

/// All assignments in order.
fn assignments(text: &str) -> Vec<Assignment> {
    let mut all = Vec::new();
    let mut at = 0;
    while let Some(rest) = text.get(at..).filter(|rest| !rest.is_empty()) {
        let line = rest.split('\n').next().unwrap_or(rest);
        let start = line.trim_start();
        let comment = start.is_empty() || start.starts_with(['#', ';']);
        match line.split_once('=').filter(|_| !comment) {
            Some((name, _)) => {
                let from = at + name.len() + 1;
                let (value, length) = read_value(text.get(from..).unwrap_or_default());
                let place = from..from + length;
                at = place.end + 1;
                all.push(Assignment { name: name.trim().to_owned(), value, place });
            }
            None => at += line.len() + 1,
        }
    }
    all
}

/// Reads a value, and how many bytes it takes up to the end of its last line.
fn read_value(text: &str) -> (String, usize) {
    let mut value = String::new();
    // Up to here blanks at the end of an unquoted part belong to the value.
    let mut kept = 0;
    let mut within = Within::Blank;
    let mut letters = text.char_indices();
    while let Some((at, letter)) = letters.next() {
        match (within, letter) {
            (Within::Blank | Within::Bare, '\n') => {
                value.truncate(kept);
                return (value, at);
            }
            (Within::Blank, '\'') => within = Within::Single,
            (Within::Blank, '"') => within = Within::Double,
            (Within::Single, '\'') | (Within::Double, '"') => within = Within::Blank,
            (Within::Blank | Within::Bare, '\\') => {
                within = Within::Bare;
                value.extend(letters.next().map(|(_, next)| next).filter(|next| *next != '\n'));
                kept = value.len();
            }
            (Within::Double, '\\') => match letters.next() {
                Some((_, next @ ('"' | '\\' | '`' | '$'))) => value.push(next),
                Some((_, '\n')) | None => {}
                Some((_, next)) => value.extend(['\\', next]),
            },
            (Within::Blank, blank) if is_blank(blank) => {}
            (Within::Blank, other) => {
                within = Within::Bare;
                value.push(other);
            }
            (_, other) => value.push(other),
        }
        if within != Within::Bare || !is_blank(letter) {
            kept = value.len();
        }
    }
    value.truncate(kept);
    (value, text.len())
}

fn is_blank(letter: char) -> bool {
    matches!(letter, ' ' | '\t' | '\n' | '\r')
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn value(text: &str) -> Option<String> {
        get(text, "A")
    }

    #[test]
    fn values_are_read_as_systemd_reads_them() {
        for (text, expected) in [
            ("A=b c", "b c"),
            ("A = b ", "b"),
            ("  A=b \t\n", "b"),
            ("A=\"b \"\n", "b "),
            ("A='b \"c\"'\n", "b \"c\""),
            ("A=\"b\"'c'd e \n", "bcd e"),
            ("A=b\\\nc\n", "bc"),
            ("A=b\\ \n", "b "),
            ("A=\"b\\\n c\"\n", "b c"),
            ("A=\"\\$b\\n\"\n", "$b\\n"),
            ("A=it's\n", "it's"),
            ("A=\n", ""),
            ("A=1\nA=2\n#A=3\n;A=4\nB=5\n", "2"),
        ] {
            assert_eq!(value(text).as_deref(), Some(expected), "{text:?}");
        }
        assert_eq!(value("export A=b\n# A=c\nAA=d\n"), None);
    }

    #[test]
    fn a_value_over_several_lines_hides_what_looks_like_an_assignment() {
        assert_eq!(value("B='\nA=1\n'\n"), None);
        assert_eq!(set("B='\nA=1\n'\n", "A", "2"), "B='\nA=1\n'\nA=\"2\"\n");
    }

    #[test]
    fn the_last_assignment_is_the_one_that_changes() {
        assert_eq!(set("A=1\n # x\nA=2 # y\nB=3", "A", "n"), "A=1\n # x\nA=\"n\"\nB=3");
    }

    #[test]
    fn a_new_assignment_goes_below_its_example_or_to_the_end() {
        assert_eq!(set("# A file\n#A=1\n# more\n", "A", "n"), "# A file\n#A=1\nA=\"n\"\n# more\n");
        assert_eq!(set("B=1", "A", "n"), "B=1\nA=\"n\"\n");
        assert_eq!(set("", "A", "n"), "A=\"n\"\n");
        let hidden = "B=\"\n#A=\nB=\"''\n";
        assert_eq!(set(hidden, "A", "n"), format!("{hidden}A=\"n\"\n"));
    }

    proptest! {
        #[test]
        fn what_was_set_is_read_and_all_other_values_stay(
            text in "([AB#;= '\"\\\\\n\txé$]|A=|B=\"|\n#A=){0,40}",
            new in "[a-z '\"\\\\$`=#;é-]{0,12}",
        ) {
            // A quote that is never closed takes in all that follows.
            let probe = format!("{text}\nC=closed\n");
            prop_assume!(get(&probe, "C").as_deref() == Some("closed"));
            let edited = set(&text, "A", &new);
            prop_assert_eq!(get(&edited, "A"), Some(new.clone()));
            prop_assert_eq!(get(&edited, "B"), get(&text, "B"));
            prop_assert_eq!(set(&edited, "A", &new), edited);
        }

        #[test]
        fn no_text_makes_the_reader_fall_over(text in "\\PC*") {
            get(&text, "A");
        }
    }
}
