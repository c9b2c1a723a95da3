//! What is found, and what is looked for in vain.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::base::disk::Stamp;
use crate::include::CannotTell;
use crate::include::tree::{Place, Way};

/// A file that a compile may open.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Input {
    /// The path by which the compile opens it: absolute, with its links and `..`.
    pub path: PathBuf,
    /// Where that leads, and what is on the way.
    pub way: Way,
    /// Its state when it was read.
    pub stamp: Stamp,
}

/// What a unit's compile may open, and what it may look for in vain.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Scanned {
    /// Every file that it may open, the source first; each path once. As long as a file is the
    /// same, answers share it.
    pub inputs: Vec<Arc<Input>>,
    /// Where it may look in the compiler's own directories and finds nothing: paths of files and,
    /// for directories that are not there at all, of directories. A machine that has one of these
    /// may compile something else.
    pub absent: Vec<Arc<Path>>,
    /// A header that is named by its absolute path in a directive, if there is one: a compiler
    /// opens it wherever it looks for others.
    pub absolute: Option<Arc<Path>>,
}

/// A path among those where something is looked for in vain, by number.
pub type Missing = usize;

/// Where includes lead.
#[derive(Clone, Debug, Default)]
pub struct Leads {
    /// The files, by number.
    pub to: Vec<usize>,
    /// Where they are looked for in vain ([`Scanned::absent`]).
    pub absent: Vec<Missing>,
    /// Directories that this depends on.
    pub places: Vec<Place>,
    /// A name that is an absolute path.
    pub absolute: Option<Arc<Path>>,
    /// Why one of them cannot be followed.
    pub trouble: Option<CannotTell>,
}

impl Leads {
    /// Adds what other includes lead to.
    pub fn add(&mut self, other: &Self) {
        self.to.extend_from_slice(&other.to);
        self.absent.extend_from_slice(&other.absent);
        self.places.extend_from_slice(&other.places);
        self.absolute = self.absolute.take().or_else(|| other.absolute.clone());
        self.trouble = self.trouble.take().or_else(|| other.trouble.clone());
    }

    /// Leaves each number once; files in the order in which they came.
    pub fn tidy(&mut self) {
        let mut seen = Marks::default();
        self.to.retain(|&to| seen.mark(to));
        for numbers in [&mut self.absent, &mut self.places] {
            numbers.sort_unstable();
            numbers.dedup();
        }
    }
}

/// Where a name is looked for in vain among the compiler's own directories, until it is found.
#[derive(Default)]
pub struct Absent {
    /// Each with its directory's place in the compiler's order.
    paths: Vec<(usize, Missing)>,
    /// A directory that the command names has it.
    is_over: bool,
    /// The first of the compiler's own that has it.
    first: Option<usize>,
}

impl Absent {
    /// Whether what is missed still counts.
    pub fn counts(&self) -> bool {
        !self.is_over
    }

    /// The name is missing at `path` in the directory that has this place in the compiler's order.
    pub fn missed(&mut self, place: usize, path: Missing) {
        self.paths.push((place, path));
    }

    /// The name was found in a directory, which has this place if it is one of the compiler's own.
    pub fn found(&mut self, system: Option<usize>) {
        match system {
            // An -I of one of the compiler's own directories does not move it to the front.
            Some(place) => self.first = Some(self.first.map_or(place, |first| first.min(place))),
            None => self.is_over = true,
        }
    }

    /// All places where the compiler may have looked before it found the name.
    pub fn paths(self) -> Vec<Missing> {
        let Self { paths, first, .. } = self;
        let counts = |place: usize| first.is_none_or(|first| place <= first);
        paths.into_iter().filter(|(place, _)| counts(*place)).map(|(_, path)| path).collect()
    }
}

/// A set of small numbers.
#[derive(Clone, Debug, Default)]
pub struct Marks(Vec<u64>);

impl Marks {
    /// Adds a number; whether it is new.
    pub fn mark(&mut self, number: usize) -> bool {
        let (at, bit) = (number / 64, 1_u64 << (number % 64));
        if self.0.len() <= at {
            self.0.resize(at + 1, 0);
        }
        let Some(word) = self.0.get_mut(at) else { return false };
        let is_new = *word & bit == 0;
        *word |= bit;
        is_new
    }

    /// Adds numbers.
    pub fn extend(&mut self, numbers: &[usize]) {
        for &number in numbers {
            self.mark(number);
        }
    }

    /// Whether the number is in it.
    pub fn has(&self, number: usize) -> bool {
        self.0.get(number / 64).is_some_and(|word| word & (1 << (number % 64)) != 0)
    }

    /// All numbers, in order.
    pub fn iter(&self) -> impl Iterator<Item = usize> {
        self.0.iter().enumerate().flat_map(|(at, word)| {
            let mut left = *word;
            std::iter::from_fn(move || {
                let bit = left.trailing_zeros();
                left &= left.checked_sub(1)?;
                Some(at * 64 + bit as usize)
            })
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn marks_are_a_set() {
        let mut marks = Marks::default();
        let numbers = [0, 63, 64, 200, 64, 0];
        let new: Vec<bool> = numbers.iter().map(|&number| marks.mark(number)).collect();
        assert_eq!(new, [true, true, true, true, false, false]);
        assert_eq!(marks.iter().collect::<Vec<_>>(), [0, 63, 64, 200]);
        assert!(marks.has(63) && !marks.has(1) && !marks.has(1000));
    }
}
