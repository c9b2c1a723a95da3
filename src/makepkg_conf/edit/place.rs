//! Where an edit goes: the assignment that decides, or a line of its own.

use crate::makepkg_conf::document::{Assignment, Document};
use crate::makepkg_conf::edit::Place;
use crate::makepkg_conf::edited::Splice;

/// Introduces an assignment that goes past a local variable.
const GLOBAL: &str = "declare -g ";

/// The assignment of `name` that decides its value, if the text shows one.
pub(super) fn deciding<'d>(
    document: &'d Document,
    name: &str,
    place: Place,
) -> Option<&'d Assignment> {
    let last = document.last(name)?;
    let decides = match place {
        Place::AtEnd => document.is_final(last) && reaches_makepkg(document, last),
        Place::There => !document.is_nested_behind(last),
    };
    decides.then_some(last)
}

/// The assignments of `name` that make up its value: the last that starts anew, and those that
/// append to it. Nested ones are none of them.
pub(super) fn chain<'d>(document: &'d Document, name: &str) -> Vec<&'d Assignment> {
    let all: Vec<_> = document.of(name).filter(|one| !one.nested).collect();
    let anew = |one: &&Assignment| !one.append && one.subscript.is_none();
    let start = all.iter().rposition(anew).unwrap_or(0);
    all.into_iter().skip(start).collect()
}

/// Whether what an assignment of the top level sets is there when the file has been read.
pub(super) fn reaches_makepkg(document: &Document, assignment: &Assignment) -> bool {
    let global = document.source(&assignment.command).starts_with(GLOBAL.as_bytes());
    global || !document.is_local(&assignment.name)
}

/// Puts a line where it runs after everything else: `NAME` and `rest`, which begins with `=`.
pub(super) fn append(document: &Document, name: &str, rest: &str) -> Splice {
    append_behind(document, "", name, rest)
}

/// The same with `before` at the line's beginning, which may be another command.
pub(super) fn append_behind(document: &Document, before: &str, name: &str, rest: &str) -> Splice {
    let global = if document.is_local(name) { GLOBAL } else { "" };
    line(document, &format!("{before}{global}{name}{rest}"))
}

fn line(document: &Document, line: &str) -> Splice {
    let text = document.text();
    let place = document.last_place();
    let start = document.line_span(document.line_of(place)).start;
    let before = document.source(&(start..place));
    if place == text.len() {
        let feed = if before.is_empty() && !document.ends_continued() { "" } else { "\n" };
        return Splice::insert(place, format!("{feed}{line}\n"));
    }
    let blank = before.iter().all(|byte| b" \t".contains(byte));
    Splice::insert(if blank { start } else { place }, format!("{line}\n"))
}
