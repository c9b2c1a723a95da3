//! Identifiers as small numbers.

use std::collections::HashMap;
use std::sync::{PoisonError, RwLock};

/// An identifier.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Name(u32);

/// All identifiers that have been met; shared by all threads.
#[derive(Debug, Default)]
pub struct Names {
    known: RwLock<HashMap<Box<[u8]>, Name>>,
}

impl Names {
    /// The number of `text`, a new one if it was not met before.
    pub fn of(&self, text: &[u8]) -> Name {
        let known = self.known.read().unwrap_or_else(PoisonError::into_inner);
        if let Some(&name) = known.get(text) {
            return name;
        }
        drop(known);
        let mut known = self.known.write().unwrap_or_else(PoisonError::into_inner);
        // Four thousand million identifiers do not fit into memory.
        let next = Name(u32::try_from(known.len()).unwrap_or(u32::MAX));
        *known.entry(text.into()).or_insert(next)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_texts_are_one_name() {
        let names = Names::default();
        let [a, b] = [b"a", b"b"].map(|text| names.of(text));
        assert!(a != b && names.of(b"a") == a);
    }
}
