//! The number of jobs in MAKEFLAGS, replaced where it stands.

use crate::makepkg_conf::document::{Assignment, Document, Value};
use crate::makepkg_conf::edit::scalar::{self, assign, in_stock_style};
use crate::makepkg_conf::edit::{Place, place};
use crate::makepkg_conf::edited::{Edited, Splice};
use crate::makepkg_conf::makeflags::{self, Jobs};
use crate::makepkg_conf::word::{Flag, Quoting, Word};

/// As [`super::set_jobs`].
pub(super) fn set(document: &Document, name: &str, count: u32, place: Place) -> Edited {
    if document.of(name).next().is_none() {
        return scalar::set(document, name, &format!("-j{count}"), place);
    }
    let chain = place::chain(document, name);
    let plain = chain.iter().all(|one| one.subscript.is_none() && word(one).is_some());
    // Nothing can be put behind a command that the text ends in.
    let behind = |one: &&Assignment| one.command.start < document.last_place();
    let there = place == Place::There || !chain.last().is_some_and(behind);
    let splices = match (chain.first(), chain.last()) {
        (Some(first), _) if there && plain && !document.is_nested_behind(first) => {
            let flags: Vec<Flag> = chain.iter().flat_map(|one| one.flags()).collect();
            number(&flags, count).unwrap_or_else(|| put_first(first, &flags, count))
        }
        (_, Some(last)) if ends_in(document, last, count) => Vec::new(),
        // The last `-j` decides, so this one does.
        _ => vec![place::append(document, name, &format!("+=\" -j{count}\""))],
    };
    Edited::new(document, splices)
}

/// Whether nothing comes behind `last`, and `-jN` is the last word there.
fn ends_in(document: &Document, last: &Assignment, count: u32) -> bool {
    let flag = last.flags().pop().map(|flag| flag.text);
    document.is_final(last)
        && place::reaches_makepkg(document, last)
        && flag == Some(format!("-j{count}"))
}

/// Replaces the number that decides; `None` where there is none.
fn number(flags: &[Flag], count: u32) -> Option<Vec<Splice>> {
    let texts: Vec<&str> = flags.iter().map(|flag| flag.text.as_str()).collect();
    let found = makeflags::place(&texts)?;
    if found.jobs == Jobs::Number(count) {
        return Some(Vec::new());
    }
    let before = if found.range.is_empty() { found.before } else { "" };
    Some(flags.get(found.word)?.replace(found.range, &format!("{before}{count}")))
}

/// Puts `-jN` before all `flags` of the value that `assignment` begins.
fn put_first(assignment: &Assignment, flags: &[Flag], count: u32) -> Vec<Splice> {
    let jobs = format!("-j{count}");
    let literal = word(assignment).and_then(Word::literal);
    let Some(flag) = flags.first().filter(|flag| assignment.span.contains(&flag.span.start)) else {
        let blank = if assignment.append { " " } else { "" };
        return vec![Splice::new(
            assignment.value.span(),
            in_stock_style(&(blank.to_owned() + &jobs)),
        )];
    };
    let splice = match literal {
        Some(value) if flag.quoting() == Quoting::Bare && !assignment.append => {
            assign(assignment, &makeflags::with_jobs(&value, count))
        }
        _ if assignment.append => flag.prepend(&format!("{jobs} ")),
        _ => flag.prepend(&makeflags::put_before(&flag.text, count)),
    };
    splice.into_iter().collect()
}

fn word(assignment: &Assignment) -> Option<&Word> {
    match &assignment.value {
        Value::Array { .. } => None,
        Value::Scalar(word) => Some(word),
    }
}
