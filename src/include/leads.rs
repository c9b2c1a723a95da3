//! What is found, and what is looked for in vain.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::base::disk::Stamp;
use crate::include::CannotTell;
use crate::include::tree::Way;

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

/// Where includes lead.
#[derive(Clone, Debug, Default)]
pub struct Leads {
    /// The files, by index.
    pub to: Vec<usize>,
    /// Where they are looked for in vain ([`Scanned::absent`]).
    pub absent: Vec<Arc<Path>>,
    /// A name that is an absolute path.
    pub absolute: Option<Arc<Path>>,
    /// Why one of them cannot be followed.
    pub trouble: Option<CannotTell>,
}

impl Leads {
    /// Adds what other includes lead to.
    pub fn add(&mut self, other: Self) {
        for to in other.to {
            if !self.to.contains(&to) {
                self.to.push(to);
            }
        }
        self.absent.extend(other.absent);
        self.absolute = self.absolute.take().or(other.absolute);
        self.trouble = self.trouble.take().or(other.trouble);
    }
}

/// Where a name is looked for in vain among the compiler's own directories, until it is found.
#[derive(Default)]
pub struct Absent {
    /// Each with its directory's place in the compiler's order.
    paths: Vec<(usize, Arc<Path>)>,
    /// A directory that the command names has it.
    is_over: bool,
    /// The first of the compiler's own that has it.
    first: Option<usize>,
}

impl Absent {
    /// `dir` has no such name; or it is not there itself, where `full` is `None`.
    pub fn missed(&mut self, place: usize, full: Option<&PathBuf>, dir: &Path) {
        if !self.is_over {
            // Such a directory's place is not known.
            let place = if full.is_some() { place } else { 0 };
            self.paths.push((place, full.map_or(dir, |full| full.as_path()).into()));
        }
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
    pub fn paths(self) -> Vec<Arc<Path>> {
        let Self { paths, first, .. } = self;
        let counts = |place: usize| first.is_none_or(|first| place <= first);
        paths.into_iter().filter(|(place, _)| counts(*place)).map(|(_, path)| path).collect()
    }
}
