//! Identifiers as small numbers.

use std::collections::HashMap;
use std::hash::{BuildHasher, RandomState};
use std::sync::{Arc, PoisonError, RwLock};

/// An identifier.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Name(u32);

/// Parts of the table: threads that read files at once meet in one of them seldom.
const SHARDS: u32 = 16;

/// All identifiers that have been met; shared by all threads.
#[derive(Debug, Default)]
pub struct Names {
    choice: RandomState,
    shards: [RwLock<Shard>; SHARDS as usize],
}

#[derive(Debug, Default)]
struct Shard {
    by_text: HashMap<Arc<[u8]>, Name>,
    texts: Vec<Arc<[u8]>>,
}

impl Names {
    /// The number of `text`, a new one if it was not met before.
    pub fn of(&self, text: &[u8]) -> Name {
        // There are as many as are counted.
        let Some((shard, number)) = self.shard(text) else { return Name(u32::MAX) };
        let known = shard.read().unwrap_or_else(PoisonError::into_inner);
        if let Some(&name) = known.by_text.get(text) {
            return name;
        }
        drop(known);
        let mut known = shard.write().unwrap_or_else(PoisonError::into_inner);
        if let Some(&name) = known.by_text.get(text) {
            return name;
        }
        // Four thousand million identifiers do not fit into memory.
        let next = u32::try_from(known.texts.len()).unwrap_or(u32::MAX);
        let name = Name(next.saturating_mul(SHARDS).saturating_add(number));
        let text: Arc<[u8]> = text.into();
        known.texts.push(Arc::clone(&text));
        known.by_text.insert(text, name);
        name
    }

    /// The number of `text`, if it was met before.
    pub fn known(&self, text: &[u8]) -> Option<Name> {
        let shard = self.shard(text)?.0.read().unwrap_or_else(PoisonError::into_inner);
        shard.by_text.get(text).copied()
    }

    /// The text of a name of this table.
    pub fn text(&self, name: Name) -> Arc<[u8]> {
        let [shard, at] = [name.0 % SHARDS, name.0 / SHARDS].map(usize::try_from);
        let shard = shard.ok().and_then(|shard| self.shards.get(shard));
        let shard = shard.map(|shard| shard.read().unwrap_or_else(PoisonError::into_inner));
        let text = shard.and_then(|shard| shard.texts.get(at.ok()?).cloned());
        text.unwrap_or_default()
    }

    fn shard(&self, text: &[u8]) -> Option<(&RwLock<Shard>, u32)> {
        let at = usize::try_from(self.choice.hash_one(text) % u64::from(SHARDS));
        self.shards.iter().zip(0_u32..).nth(at.unwrap_or_default())
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        let len = |shard: &RwLock<Shard>| {
            shard.read().unwrap_or_else(PoisonError::into_inner).texts.len()
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
        for (name, text) in first.iter().zip(&texts) {
            assert_eq!(*names.text(*name), *text.as_bytes());
            assert_eq!(names.known(text.as_bytes()), Some(*name));
        }
        assert_eq!(names.known(b"another"), None);
    }
}
