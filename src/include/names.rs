//! Identifiers as small numbers.

use std::collections::HashMap;
use std::hash::{BuildHasher, RandomState};
use std::sync::{PoisonError, RwLock};

/// An identifier.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Name(u32);

/// Parts of the table: threads that read files at once meet in one of them seldom.
const SHARDS: u32 = 16;

/// All identifiers that have been met; shared by all threads.
#[derive(Debug, Default)]
pub struct Names {
    choice: RandomState,
    shards: [RwLock<HashMap<Box<[u8]>, Name>>; SHARDS as usize],
}

impl Names {
    /// The number of `text`, a new one if it was not met before.
    pub fn of(&self, text: &[u8]) -> Name {
        let mut shards = self.shards.iter().zip(0_u32..);
        let at = usize::try_from(self.choice.hash_one(text) % u64::from(SHARDS));
        // There are as many as are counted.
        let Some((shard, number)) = shards.nth(at.unwrap_or_default()) else {
            return Name(u32::MAX);
        };
        let known = shard.read().unwrap_or_else(PoisonError::into_inner);
        if let Some(&name) = known.get(text) {
            return name;
        }
        drop(known);
        let mut known = shard.write().unwrap_or_else(PoisonError::into_inner);
        // Four thousand million identifiers do not fit into memory.
        let next = u32::try_from(known.len()).unwrap_or(u32::MAX);
        let next = Name(next.saturating_mul(SHARDS).saturating_add(number));
        *known.entry(text.into()).or_insert(next)
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        let len = |shard: &RwLock<HashMap<_, _>>| {
            shard.read().unwrap_or_else(PoisonError::into_inner).len()
        };
        self.shards.iter().map(len).sum()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_texts_are_one_name() {
        let names = Names::default();
        let texts: Vec<String> = (0..500).map(|number| format!("n{number}")).collect();
        let of = |text: &String| names.of(text.as_bytes());
        let first: Vec<Name> = texts.iter().map(of).collect();
        let mut distinct = first.clone();
        distinct.sort_unstable();
        distinct.dedup();
        assert_eq!((distinct.len(), names.len()), (500, 500));
        assert_eq!(texts.iter().map(of).collect::<Vec<_>>(), first);
    }
}
