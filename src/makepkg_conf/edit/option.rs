//! A word of an array like BUILDENV, turned on or off.

use std::ops::Range;

use crate::makepkg_conf::document::{Assignment, Document, Value};
use crate::makepkg_conf::edit::{Absent, Place, place};
use crate::makepkg_conf::edited::{Edited, Splice};
use crate::makepkg_conf::quote::quote;
use crate::makepkg_conf::word::{Content, Word};

/// What is to be done.
pub(super) struct Turn<'t> {
    pub(super) name: &'t str,
    pub(super) word: &'t str,
    pub(super) on: bool,
    pub(super) absent: Absent,
    pub(super) place: Place,
}

/// As [`super::turn_on`] and [`super::turn_off`].
pub(super) fn turn(document: &Document, turn: &Turn<'_>) -> Edited {
    let chain = place::chain(document, turn.name);
    let splice = match turn.place {
        Place::There => there(document, turn, &chain),
        Place::AtEnd => at_end(document, turn, &chain),
    };
    Edited::new(document, splice.into_iter().collect())
}

fn there(document: &Document, turn: &Turn<'_>, chain: &[&Assignment]) -> Option<Splice> {
    let (Some(first), Some(last)) = (chain.first(), chain.last()) else {
        let nested = document.of(turn.name).next().is_some();
        return (turn.on || nested).then(|| turn.line(document));
    };
    let plain = chain.iter().all(|one| array(one).is_some());
    let behind = first.span.start..document.last_place();
    let nested = document.of(turn.name).filter(|one| one.nested);
    let mut behind = nested.filter(|one| behind.contains(&one.span.start));
    if !plain || behind.any(|one| !turn.is_harmless(one)) {
        return at_end(document, turn, chain);
    }
    let elements = chain.iter().rev().filter_map(|one| array(one));
    let mut elements = elements.flat_map(|(_, elements)| elements.iter().rev());
    match elements.find_map(|element| Some((element, turn.mention(element)?))) {
        Some((_, on)) if on == turn.on => None,
        Some((element, true)) => ban(element),
        Some((element, false)) => unban(element),
        None if turn.on => {
            add(document, last, &turn.written()).or_else(|| Some(turn.line(document)))
        }
        None => None,
    }
}

/// Makes the word the last one of the array, whatever is in it.
fn at_end(document: &Document, turn: &Turn<'_>, chain: &[&Assignment]) -> Option<Splice> {
    let last = chain
        .last()
        .filter(|last| document.is_final(last) && place::reaches_makepkg(document, last));
    let element = last.and_then(|last| array(last)?.1.last());
    if element.and_then(|element| turn.mention(element)) == Some(turn.on) {
        return None;
    }
    let there = last.and_then(|last| add(document, last, &turn.written()));
    Some(there.unwrap_or_else(|| turn.line(document)))
}

impl Turn<'_> {
    /// What `element` says of the word: on, off, or nothing that can be seen.
    fn mention(&self, element: &Word) -> Option<bool> {
        let literal = element.literal()?;
        match literal.strip_prefix('!') {
            Some(banned) => (banned == self.word).then_some(false),
            None => (literal == self.word).then_some(true),
        }
    }

    /// Whether a nested assignment does not matter: it only adds what is not about the word.
    fn is_harmless(&self, assignment: &Assignment) -> bool {
        let elements = array(assignment).map(|(_, elements)| elements).unwrap_or_default();
        let seen = |element: &Word| element.literal().is_some();
        let about = |element: &Word| self.mention(element).is_some_and(|on| on != self.on);
        assignment.append
            && !elements.is_empty()
            && elements.iter().all(|element| seen(element) && !about(element))
    }

    /// The element to write.
    fn written(&self) -> String {
        let sign = if self.on { "" } else { "!" };
        format!("{sign}{}", quote(self.word))
    }

    /// A line of its own for it.
    fn line(&self, document: &Document) -> Splice {
        let set = document.of(self.name).next().is_some();
        let define = self.absent == Absent::Define && !set;
        let operator = if define { "=" } else { "+=" };
        place::append(document, self.name, &format!("{operator}({})", self.written()))
    }
}

/// The span and the elements of an array that is assigned as a whole.
fn array(assignment: &Assignment) -> Option<(&Range<usize>, &[Word])> {
    match &assignment.value {
        Value::Array { span, elements } if assignment.subscript.is_none() => Some((span, elements)),
        _ => None,
    }
}

/// Takes the `!` of an element away.
fn unban(element: &Word) -> Option<Splice> {
    let piece = element.pieces.iter().find(|piece| has_value(&piece.content))?;
    let end = match piece.content {
        Content::Text(_) => piece.span.start + 1,
        _ => piece.span.end,
    };
    Some(Splice::new(piece.span.start..end, ""))
}

/// Puts a `!` before an element.
fn ban(element: &Word) -> Option<Splice> {
    let piece = element.pieces.iter().find(|piece| has_value(&piece.content))?;
    Some(Splice::insert(piece.span.start, "!"))
}

fn has_value(content: &Content) -> bool {
    match content {
        Content::Continuation | Content::Mark => false,
        Content::Escape(bytes) | Content::Text(bytes) => !bytes.is_empty(),
        Content::Expansion(_) => true,
    }
}

/// Adds `word` behind the last element, on a line of its own if the others have theirs; `None`
/// where elements have indexes, so that behind the last need not be after all others.
fn add(document: &Document, assignment: &Assignment, word: &str) -> Option<Splice> {
    let (span, elements) = array(assignment)?;
    if elements.iter().any(|element| document.source(&element.span).starts_with(b"[")) {
        return None;
    }
    let Some(last) = elements.last() else {
        let next = document.text().get(span.start + 1);
        let parted = next.is_none_or(|byte| b" \t\n)".contains(byte));
        return Some(Splice::insert(
            span.start + 1,
            format!("{word}{}", if parted { "" } else { " " }),
        ));
    };
    let indent = |element: &Word| {
        let line = document.line_span(document.line_of(element.span.start)).start;
        let before = document.source(&(line..element.span.start));
        before.iter().all(|byte| b" \t".contains(byte)).then_some(before)
    };
    let own_lines = elements.iter().skip(1).all(|element| indent(element).is_some());
    let Some(indent) = indent(last).filter(|_| own_lines) else {
        return Some(Splice::insert(last.span.end, format!(" {word}")));
    };
    let mut line = b"\n".to_vec();
    line.extend_from_slice(indent);
    line.extend_from_slice(word.as_bytes());
    let comment = document.comments().iter().find(|comment| {
        let between = document.source(&(last.span.end..comment.span.start));
        comment.span.start >= last.span.end && between.iter().all(|byte| b" \t".contains(byte))
    });
    Some(Splice::insert(comment.map_or(last.span.end, |comment| comment.span.end), line))
}
