//! A scalar's value, replaced in its own style.

use crate::makepkg_conf::document::{Assignment, Document, Value};
use crate::makepkg_conf::edit::{Place, place, stock};
use crate::makepkg_conf::edited::{Edited, Splice};
use crate::makepkg_conf::quote::{quote, quoted};
use crate::makepkg_conf::word::{Content, Quoting, Word};

/// As [`super::set_scalar`].
pub(super) fn set(document: &Document, name: &str, value: &str, place: Place) -> Edited {
    let is_array =
        |one: &Assignment| matches!(one.value, Value::Array { .. }) || one.subscript.is_some();
    let was_array = place == Place::AtEnd && document.of(name).any(is_array);
    // A scalar that is assigned to an array is its first element.
    let unset = if was_array { format!("unset {name}; ") } else { String::new() };
    let deciding = place::deciding(document, name, place).filter(|one| {
        let before = document.source(&(0..one.command.start));
        one.subscript.is_none() && before.ends_with(unset.as_bytes())
    });
    let splices = match deciding {
        Some(assignment) => assign(assignment, value).into_iter().collect(),
        None => {
            let fresh = place == Place::There && document.of(name).next().is_none();
            let stock = fresh.then(|| stock::place(document, name, value)).flatten();
            let rest = format!("={}", in_stock_style(value));
            stock.unwrap_or_else(|| vec![place::append_behind(document, &unset, name, &rest)])
        }
    };
    Edited::new(document, splices)
}

/// Makes `assignment` one of `value`, in the style in which it is written.
pub(super) fn assign(assignment: &Assignment, value: &str) -> Option<Splice> {
    let span = assignment.value.span();
    let text = match &assignment.value {
        Value::Array { .. } => in_stock_style(value),
        Value::Scalar(word) => {
            if !assignment.append && word.literal().as_deref() == Some(value) {
                return None;
            }
            style(word).and_then(|style| quoted(value, style)).unwrap_or_else(|| quote(value))
        }
    };
    let text = if assignment.append { format!("={text}") } else { text };
    let start = if assignment.append { span.start - "+=".len() } else { span.start };
    Some(Splice::new(start..span.end, text))
}

/// Writes `value` as makepkg.conf has its values: in double quotes, unless that needs escapes.
pub(super) fn in_stock_style(value: &str) -> String {
    let double = quoted(value, Quoting::Double).filter(|text| !text.contains('\\'));
    double.unwrap_or_else(|| quote(value))
}

/// The quotes around a word, if the same ones are around all of it.
fn style(word: &Word) -> Option<Quoting> {
    let quoting = word.pieces.first()?.quoting;
    let same = word.pieces.iter().all(|piece| piece.quoting == quoting);
    let marks = word.pieces.iter().filter(|piece| piece.content == Content::Mark).count();
    (same && marks <= 2).then_some(quoting)
}
