//! Assignments, taken out of the effect.

use std::ops::Range;

use crate::makepkg_conf::document::{Assignment, Document, Prefix};
use crate::makepkg_conf::edited::{Edited, Splice};

/// As [`super::comment_out`].
pub(super) fn comment_out(document: &Document, name: &str) -> Edited {
    let mut splices = Vec::new();
    let mut done = None;
    for assignment in document.of(name) {
        if done.as_ref() == Some(&assignment.command) {
            continue;
        }
        done = Some(assignment.command.clone());
        splices.extend(from_command(document, assignment));
    }
    Edited::new(document, splices)
}

/// Takes all assignments of the variable that `first` sets out of its command.
fn from_command(document: &Document, first: &Assignment) -> Vec<Splice> {
    let command = &first.command;
    let (ours, others): (Vec<_>, Vec<_>) = document
        .assignments()
        .iter()
        .filter(|one| one.command == *command)
        .partition(|one| one.name == first.name);
    let bare = others.is_empty() && has_no_more_words(document, &ours, first);
    if bare && ours.len() == 1 && !first.nested && has_its_lines(document, command) {
        let lines = document.line_of(command.start) + 1..=document.line_of(command.end);
        let starts = lines.map(|line| document.line_span(line).start);
        return std::iter::once(command.start)
            .chain(starts)
            .map(|at| Splice::insert(at, "#"))
            .collect();
    }
    if bare {
        // Something has to stand here: nothing is no command.
        return vec![Splice::new(command.clone(), ":")];
    }
    let mut splices: Vec<_> = ours.iter().map(|one| cut(document, command, &one.span)).collect();
    if others.is_empty()
        && first.prefix == Prefix::None
        && let Some(splice) = splices.first_mut()
    {
        *splice = Splice::new(first.span.clone(), ":");
    }
    splices
}

/// Takes a word out of a command, and the blanks before it.
fn cut(document: &Document, command: &Range<usize>, span: &Range<usize>) -> Splice {
    let blanks = |bytes: &mut dyn Iterator<Item = &u8>| {
        bytes.take_while(|byte| b" \t".contains(byte)).count()
    };
    let before = document.source(&(command.start..span.start));
    let after = document.source(&(span.end..command.end));
    if before.is_empty() {
        return Splice::new(span.start..span.end + blanks(&mut after.iter()), "");
    }
    Splice::new(span.start - blanks(&mut before.iter().rev())..span.end, "")
}

/// Whether a command is only `ours`, and `export` and its options.
fn has_no_more_words(document: &Document, ours: &[&Assignment], first: &Assignment) -> bool {
    let mut rest = Vec::new();
    let mut at = first.command.start;
    for one in ours {
        rest.extend_from_slice(document.source(&(at..one.span.start)));
        at = one.span.end;
    }
    rest.extend_from_slice(document.source(&(at..first.command.end)));
    let mut words = rest.split(|byte| b" \t\n\\".contains(byte)).filter(|word| !word.is_empty());
    let introduced = first.prefix == Prefix::None || words.next().is_some();
    introduced && words.all(|word| word.starts_with(b"-") && first.prefix != Prefix::None)
}

/// Whether there is nothing else on the lines of a command but blanks and a comment.
fn has_its_lines(document: &Document, command: &Range<usize>) -> bool {
    let start = document.line_span(document.line_of(command.start)).start;
    let end = document.line_span(document.line_of(command.end)).end;
    let blank = |byte: &&u8| b" \t".contains(byte);
    let before = document.source(&(start..command.start));
    let after = document.source(&(command.end..end)).iter().find(|byte| !blank(byte));
    before.iter().all(|byte| blank(&byte)) && after.is_none_or(|byte| *byte == b'#')
}
