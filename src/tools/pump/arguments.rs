//! INCLUDE_SERVER_ARGS: options of distcc's include server, and what they mean to our agent.
//!
//! Source: the usage text of distcc 3.4's include server.

/// Options that need no heeding, by name, each with whether a value follows: the agent does what
/// they ask for anyway, or never what they forbid. It sends no mail, sees each change of a file,
/// reads files with absolute names, and expands functions that it has not seen.
const HEEDED: [(&str, bool); 8] = [
    ("-e", false),
    ("--email", false),
    ("--no-email", false),
    ("--email_bound", true),
    ("--stat_reset_triggers", true),
    ("--unsafe_absolute_includes", false),
    ("--unsafe_no_unexpanded_functions", false),
    ("--no_force_dirs", false),
];
/// Options without effect here, in the same form.
const IDLE: [(&str, bool); 11] = [
    ("-s", false),
    ("--statistics", false),
    ("-t", false),
    ("--time", false),
    ("-v", false),
    ("--verify", false),
    ("-w", false),
    ("--write_include_closure", false),
    ("-x", false),
    ("--exact_analysis", false),
    ("--path_observation_re", true),
];
/// The bit of `-dN` that is not set by those who only want warnings.
const WARNINGS: u32 = 1;
/// What is said to others.
const TRACE: &str = "set DISTCC_VERBOSE=1 in place of -dN to see what the agent does";

/// Reads the variable's value; gives a sentence for each option without effect.
pub(super) fn judge(text: &str) -> Vec<String> {
    let mut notes = Vec::new();
    let words = match shell_words::split(text) {
        Ok(words) => words,
        Err(error) => {
            notes.push(format!("INCLUDE_SERVER_ARGS is ignored: {error}"));
            return notes;
        }
    };
    let mut words = words.iter();
    while let Some(word) = words.next() {
        let (name, joined) = split(word);
        let known = takes_value(&HEEDED, name).or_else(|| takes_value(&IDLE, name));
        if matches!(name, "-d" | "--debug_pattern") {
            let value = joined.or_else(|| words.next().map(String::as_str));
            if value.and_then(|value| value.parse::<u32>().ok()).is_some_and(|bits| bits > WARNINGS)
            {
                notes.push(format!("INCLUDE_SERVER_ARGS: {TRACE}"));
            }
        } else if known == Some(true) && joined.is_none() {
            words.next();
        }
        if takes_value(&IDLE, name).is_some() {
            notes.push(format!("INCLUDE_SERVER_ARGS: {name} has no effect here"));
        } else if known.is_none() && !matches!(name, "-d" | "--debug_pattern") {
            let note = format!("INCLUDE_SERVER_ARGS: {word} is no option of an include server");
            notes.push(note);
        }
    }
    notes
}

/// Whether the option takes a value, if the table knows it.
fn takes_value(table: &[(&str, bool)], name: &str) -> Option<bool> {
    table.iter().find(|(known, _)| *known == name).map(|(_, takes_value)| *takes_value)
}

/// An option's name, and the value that is joined to it.
fn split(word: &str) -> (&str, Option<&str>) {
    if word.starts_with("--") {
        return word.split_once('=').map_or((word, None), |(name, value)| (name, Some(value)));
    }
    match word.split_at_checked(2) {
        Some(("-d", value)) if !value.is_empty() => ("-d", Some(value)),
        _ => (word, None),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options_are_heeded_or_named() {
        let read = judge;
        assert_eq!(read(""), [""; 0]);
        let heeded = "-d1 --stat_reset_triggers='*.h:a b' --email_bound 3 --no-email -e \
                      --email_bound=3 --unsafe_absolute_includes --no_force_dirs -d 1";
        assert_eq!(read(heeded), [""; 0]);
        for verbose in ["-d19", "-d 2", "--debug_pattern=4"] {
            assert_eq!(read(verbose), [format!("INCLUDE_SERVER_ARGS: {TRACE}")], "{verbose}");
        }
        let notes = read("--path_observation_re RE -t --nosuch=3 word");
        let expected = [
            "INCLUDE_SERVER_ARGS: --path_observation_re has no effect here",
            "INCLUDE_SERVER_ARGS: -t has no effect here",
            "INCLUDE_SERVER_ARGS: --nosuch=3 is no option of an include server",
            "INCLUDE_SERVER_ARGS: word is no option of an include server",
        ];
        assert_eq!(notes, expected);
        assert_eq!(read("'open").len(), 1);
    }
}
