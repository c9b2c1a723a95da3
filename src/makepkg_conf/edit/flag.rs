//! A flag in a value like CFLAGS, replaced by others.

use crate::makepkg_conf::document::{Document, Value};
use crate::makepkg_conf::edited::{Edited, Splice};
use crate::makepkg_conf::quote::quote;
use crate::makepkg_conf::word::Word;

/// As [`super::replace_flag`].
pub(super) fn replace(document: &Document, name: &str, from: &str, to: &[&str]) -> Edited {
    let mut splices = Vec::new();
    for assignment in document.of(name) {
        let array = matches!(assignment.value, Value::Array { .. });
        for word in assignment.value.words() {
            splices.extend(in_word(word, array, from, to));
        }
    }
    Edited::new(document, splices)
}

fn in_word(word: &Word, element: bool, from: &str, to: &[&str]) -> Vec<Splice> {
    let flags = word.flags();
    if element && word.literal().as_deref() == Some(from) {
        let elements: Vec<_> = to.iter().map(|flag| quote(flag)).collect();
        return vec![Splice::new(word.span.clone(), elements.join(" "))];
    }
    let matching = flags.iter().filter(|flag| flag.text == from && !flag.expands);
    matching.flat_map(|flag| flag.replace(0..flag.text.len(), &to.join(" "))).collect()
}
