//! Findings for people.
//!
//! ```text
//! /etc/makepkg.conf:43:9: error: march-native: each volunteer would read -march=native as its own
//!   processor, so a build that distributes is rejected
//!     CFLAGS="-march=native -O2 -pipe"
//!             ^^^^^^^^^^^^^  what to write, or below where that does not fit
//! ```

use std::io::{self, IsTerminal};

use crate::base::env;
use crate::setup::check::Report;
use crate::setup::check::wrap::wrap;
use crate::setup::facts::place::Spot;
use crate::setup::rules::finding::{Finding, Severity};

/// Before a line of a file.
const INDENT: &str = "    ";
/// Lines narrower than this are not worth breaking text for.
const NARROWEST: usize = 40;
/// Text is not easier to read in longer lines.
const WIDEST: usize = 100;

/// How a report looks.
#[derive(Clone, Copy, Debug)]
pub(super) struct Look {
    /// How many columns there are.
    pub width: usize,
    /// Whether there are colours.
    pub colours: bool,
}

impl Look {
    /// What suits standard output.
    pub(super) fn of_terminal() -> Self {
        let terminal = io::stdout().is_terminal();
        let columns =
            rustix::termios::tcgetwinsize(io::stdout()).map_or(80, |size| match size.ws_col {
                0 => 80,
                columns => usize::from(columns),
            });
        let width = if terminal { columns.clamp(NARROWEST, WIDEST) } else { 80 };
        Self { width, colours: terminal && env::NO_COLOR.get_nonempty().is_none() }
    }

    fn paint(self, code: &str, text: &str) -> String {
        if self.colours { format!("\x1b[{code}m{text}\x1b[m") } else { text.to_owned() }
    }
}

/// All of the report.
pub(super) fn render(report: &Report, look: &Look) -> String {
    let mut out = String::new();
    for finding in &report.findings {
        out += &render_finding(finding, look);
        out.push('\n');
    }
    out + &summary(report) + "\n"
}

/// One finding.
pub(super) fn render_finding(finding: &Finding, look: &Look) -> String {
    let colour = match finding.severity {
        Severity::Error => "1;31",
        Severity::Warning => "1;33",
        Severity::Note => "1;36",
    };
    let (place, word) = (finding.place.to_string(), finding.severity.word());
    let head = format!("{place}: {word}: {}: {}", finding.rule, finding.message);
    let mut out = wrap(&head, look.width, "  ") + "\n";
    if look.colours {
        let painted = look.paint("1", &place);
        out = out.replacen(&place, &painted, 1);
        out = out.replacen(&format!("{word}:"), &look.paint(colour, &format!("{word}:")), 1);
    }
    let room = look.width.saturating_sub(INDENT.len());
    let (advice, below) = (finding.advice(), below(finding, room));
    let rest = match &finding.place.spot {
        None => format!("{below}\n"),
        Some(spot) => {
            let (line, before) = window(spot, room);
            let width = spot.width.min(line.chars().count().saturating_sub(before)).max(1);
            let carets = look.paint(colour, &"^".repeat(width));
            let used = before + width + 2 + advice.chars().count();
            let start = " ".repeat(before);
            match used <= room {
                true => format!("{INDENT}{line}\n{INDENT}{start}{carets}  {advice}\n"),
                false => format!("{INDENT}{line}\n{INDENT}{start}{carets}\n{below}\n"),
            }
        }
    };
    out + &rest
}

/// What to do, below the text. A command is never broken, so that it can be copied.
fn below(finding: &Finding, room: usize) -> String {
    let broken = |text: &str| format!("{INDENT}{}", wrap(text, room, INDENT));
    match &finding.command {
        Some(command) if finding.advice().chars().count() > room => {
            let note = finding.note.iter().map(|note| format!("\n{}", broken(note)));
            format!("{}:\n{INDENT}  {command}{}", broken(&finding.help), note.collect::<String>())
        }
        _ => broken(&finding.advice()),
    }
}

/// The part of the spot's line that fits into `room` letters, and how many of them are before the
/// spot.
fn window(spot: &Spot, room: usize) -> (String, usize) {
    let letters: Vec<char> =
        spot.text.chars().map(|letter| if letter.is_control() { ' ' } else { letter }).collect();
    let (start, end) = (spot.column - 1, (spot.column - 1 + spot.width).min(letters.len()));
    if letters.len() <= room {
        return (letters.into_iter().collect(), start);
    }
    // As much of what is before as of what is behind, but for the ends.
    let spare = room.saturating_sub(end.saturating_sub(start));
    let from = start.saturating_sub(spare / 2).min(letters.len() - room);
    let mut shown: Vec<char> = letters.iter().skip(from).take(room).copied().collect();
    if from > 0
        && let Some(first) = shown.first_mut()
    {
        *first = '…';
    }
    if from + room < letters.len()
        && let Some(last) = shown.last_mut()
    {
        *last = '…';
    }
    (shown.into_iter().collect(), start - from)
}

/// The closing line.
fn summary(report: &Report) -> String {
    let counted = |count: usize, word: &str| match count {
        0 => None,
        1 => Some(format!("1 {word}")),
        _ => Some(format!("{count} {word}s")),
    };
    let severities = [Severity::Error, Severity::Warning, Severity::Note];
    let counts = severities.map(|severity| counted(report.count(severity), severity.word()));
    let counts: Vec<String> = counts.into_iter().flatten().collect();
    let mut text = match counts.is_empty() {
        true => "nothing to mend".to_owned(),
        false => counts.join(", "),
    };
    if report.silenced > 0 {
        text += &format!(", {} silenced", report.silenced);
    }
    if report.offline {
        text += " (volunteers were not asked)";
    }
    if !counts.is_empty() {
        text += "\nmore about a rule: distcc-setup check --explain RULE";
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::setup::facts::place::Place;

    fn finding(text: &str, part: &str) -> Finding {
        let at = text.find(part).unwrap();
        let spot = Spot::new("/etc/makepkg.conf".into(), text, at..at + part.len(), 0..text.len());
        Finding {
            rule: "march-native",
            severity: Severity::Error,
            place: spot.into(),
            message: "each volunteer would read this as its own processor".to_owned(),
            help: "write `-march=x86-64`".to_owned(),
            command: None,
            note: None,
            replacement: None,
        }
    }

    fn shown(finding: Finding, width: usize, colours: bool) -> String {
        let report = Report { findings: vec![finding], silenced: 2, offline: true };
        render(&report, &Look { width, colours })
    }

    #[test]
    fn a_finding_has_its_line_and_its_edit() {
        let text = shown(finding("CFLAGS=\"-march=native -O2\"", "-march=native"), 80, false);
        insta::assert_snapshot!(text, @r#"
        /etc/makepkg.conf:1:9: error: march-native: each volunteer would read this as
          its own processor
            CFLAGS="-march=native -O2"
                    ^^^^^^^^^^^^^  write `-march=x86-64`

        1 error, 2 silenced (volunteers were not asked)
        more about a rule: distcc-setup check --explain RULE
        "#);
    }

    #[test]
    fn a_long_line_is_shown_around_the_spot() {
        let long = format!("CFLAGS=\"{} -march=native {}\"", "-Wall".repeat(30), "-Wx ".repeat(20));
        insta::assert_snapshot!(shown(finding(&long, "-march=native"), 60, false), @r#"
        /etc/makepkg.conf:1:160: error: march-native: each volunteer
          would read this as its own processor
            …Wall-Wall-Wall-Wall -march=native -Wx -Wx -Wx -Wx -Wx …
                                 ^^^^^^^^^^^^^
            write `-march=x86-64`

        1 error, 2 silenced (volunteers were not asked)
        more about a rule: distcc-setup check --explain RULE
        "#);
    }

    #[test]
    fn colours_do_not_change_the_text() {
        let finding = finding("CFLAGS=\"-march=native -O2\"", "-march=native");
        let (plain, painted) = (shown(finding.clone(), 80, false), shown(finding, 80, true));
        assert!(painted.contains("\x1b[1;31m^^^"));
        let mut stripped = String::new();
        for (at, part) in painted.split('\x1b').enumerate() {
            stripped += if at == 0 { part } else { part.split_once('m').unwrap().1 };
        }
        assert_eq!(stripped, plain);
    }

    #[test]
    fn nothing_to_mend_is_said() {
        let report = Report { findings: Vec::new(), silenced: 0, offline: false };
        let look = Look { width: 80, colours: true };
        assert_eq!(render(&report, &look), "nothing to mend\n");
    }

    #[test]
    fn what_has_no_lines_has_its_help_below() {
        let mut finding = finding("x", "x");
        finding.place = Place::named("/usr/lib/distcc/bin");
        insta::assert_snapshot!(shown(finding, 60, false), @r"
        /usr/lib/distcc/bin: error: march-native: each volunteer
          would read this as its own processor
            write `-march=x86-64`

        1 error, 2 silenced (volunteers were not asked)
        more about a rule: distcc-setup check --explain RULE
        ");
    }
}
