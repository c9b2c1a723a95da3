//! A native flag among others, and the words that mean the same in its place.
//!
//! A driver puts what a native flag stands for before all other flags for the machine, wherever the
//! flag stood: `-mno-avx2 -march=native` has no AVX2. Words in its place have effect in order, so
//! flags that stood before may have to be said once more. Nothing is believed: the compiler is
//! asked whether the new flags amount to the same as the old ones.

use std::path::Path;

use crate::setup::march::ask::{Kind, MarchError, State, passed, state, unknown};
use crate::setup::march::native::{is_native, machine_words};
use crate::setup::march::{clang, gcc};

/// The words to put in the place of the native flag `words[at]`, for `words` to mean the same on
/// every machine. There may be none, where other flags leave nothing of it.
///
/// # Errors
///
/// [`MarchError`].
pub(in crate::setup) fn in_place(
    compiler: &Path,
    words: &[String],
    at: usize,
) -> Result<Vec<String>, MarchError> {
    Place::new(compiler, words, at).expansion()
}

/// As [`in_place`], without the words that the others imply.
///
/// # Errors
///
/// [`MarchError`].
pub(in crate::setup) fn minimal_in_place(
    compiler: &Path,
    words: &[String],
    at: usize,
) -> Result<Vec<String>, MarchError> {
    let place = Place::new(compiler, words, at);
    place.shorten(place.expansion()?)
}

/// `words` with all native flags expanded.
///
/// # Errors
///
/// [`MarchError`].
pub(in crate::setup) fn expand(
    compiler: &Path,
    words: &[String],
) -> Result<Vec<String>, MarchError> {
    each(words, |words, at| in_place(compiler, words, at))
}

/// As [`expand`], without the words that the others imply.
///
/// # Errors
///
/// [`MarchError`].
pub(super) fn minimal(compiler: &Path, words: &[String]) -> Result<Vec<String>, MarchError> {
    each(words, |words, at| minimal_in_place(compiler, words, at))
}

/// Replaces the native flags in `words`, one after the other.
fn each(
    words: &[String],
    replace: impl Fn(&[String], usize) -> Result<Vec<String>, MarchError>,
) -> Result<Vec<String>, MarchError> {
    let mut words = words.to_owned();
    let mut at = 0;
    while let Some(word) = words.get(at) {
        if !is_native(word) {
            at += 1;
            continue;
        }
        let new = replace(&words, at)?;
        let next = at + new.len();
        words.splice(at..=at, new);
        at = next;
    }
    Ok(words)
}

/// A native flag, and the flags for the machine around it.
struct Place<'a> {
    compiler: &'a Path,
    before: Vec<String>,
    flag: String,
    after: Vec<String>,
}

impl<'a> Place<'a> {
    fn new(compiler: &'a Path, words: &[String], at: usize) -> Self {
        let before = machine_words(words.get(..at).unwrap_or_default());
        let after = machine_words(words.get(at + 1..).unwrap_or_default());
        Self { compiler, before, flag: words.get(at).cloned().unwrap_or_default(), after }
    }

    /// The flags for the machine with `new` in the place.
    fn with(&self, new: &[String]) -> Vec<String> {
        [self.before.as_slice(), new, self.after.as_slice()].concat()
    }

    fn original(&self) -> Vec<String> {
        self.with(std::slice::from_ref(&self.flag))
    }

    fn expansion(&self) -> Result<Vec<String>, MarchError> {
        let (kind, new) = self.proposal()?;
        let wanted = state(self.compiler, kind, &self.original())?;
        if self.amounts_to(&wanted, kind, &new)? {
            return Ok(new);
        }
        let again = [new, self.before.iter().filter(|word| !is_native(word)).cloned().collect()];
        let again = again.concat();
        if !self.before.is_empty() && self.amounts_to(&wanted, kind, &again)? {
            return Ok(again);
        }
        Err(MarchError::Unproven(self.compiler.to_owned(), self.original().join(" ")))
    }

    /// What the flag adds to what the driver passes on.
    fn proposal(&self) -> Result<(Kind, Vec<String>), MarchError> {
        let passed =
            [passed(self.compiler, &self.original())?, passed(self.compiler, &self.with(&[]))?];
        let [with, without] = &passed;
        let words = |words: &[String]| match with.kind {
            Kind::Gcc => gcc::machine_words(words),
            Kind::Clang => clang::machine_words(words, &self.flag),
        };
        let mut new =
            added(&words(&with.words), &words(&without.words), &self.with(&[]), &self.flag);
        if new.contains(&self.flag) {
            return Err(MarchError::Foreign(self.compiler.to_owned(), self.flag.clone()));
        }
        if with.kind == Kind::Clang {
            let unknown = unknown(self.compiler, &self.with(&new))?;
            new.retain(|word| !unknown.contains(word));
        }
        Ok((with.kind, new))
    }

    fn amounts_to(&self, wanted: &State, kind: Kind, new: &[String]) -> Result<bool, MarchError> {
        match state(self.compiler, kind, &self.with(new)) {
            Ok(found) => Ok(found == *wanted),
            Err(MarchError::Refused(..)) => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// `full` without the words that make no difference; `full` itself where leaving them out all
    /// at once does make one.
    fn shorten(&self, full: Vec<String>) -> Result<Vec<String>, MarchError> {
        let kind = passed(self.compiler, &self.with(&full))?.kind;
        let wanted = state(self.compiler, kind, &self.with(&full))?;
        let (features, mut core): (Vec<_>, Vec<_>) =
            full.iter().cloned().partition(|word| gcc::name_in_state(word).is_some());
        // One by one: tuning for the processor that is named, sizes of caches that are the default.
        for at in (0..core.len()).rev() {
            let mut fewer = core.clone();
            fewer.remove(at);
            let words = [fewer.as_slice(), &features].concat();
            if !core.get(at).is_some_and(|word| is_processor(word))
                && self.amounts_to(&wanted, kind, &words)?
            {
                core = fewer;
            }
        }
        let bare = state(self.compiler, kind, &self.with(&core))?;
        let differs = |word: &String| {
            gcc::name_in_state(word).is_none_or(|name| bare.get(&name) != wanted.get(&name))
        };
        let short: Vec<_> = full
            .iter()
            .filter(|word| core.contains(word) || features.contains(word) && differs(word))
            .cloned()
            .collect();
        match self.amounts_to(&wanted, kind, &short)? {
            true => Ok(short),
            false => Ok(full),
        }
    }
}

/// Whether `word` names the processor; that is what the other words are implied by.
fn is_processor(word: &str) -> bool {
    word.starts_with("-march=") || word.starts_with("-mcpu=")
}

/// The words of `with` that neither stand in `without` nor among the flags `given`: what the flag
/// makes. If that is anything, the name that it sets is said even if it is the default.
fn added(with: &[String], without: &[String], given: &[String], flag: &str) -> Vec<String> {
    if with == without {
        return Vec::new();
    }
    let name = flag.trim_end_matches("native");
    let mut known = without.to_vec();
    let mut new = Vec::new();
    for word in with {
        let stood = known.iter().position(|one| one == word);
        let keep = match stood {
            Some(at) => {
                known.remove(at);
                word.starts_with(name) && !given.contains(word)
            }
            None => true,
        };
        if keep {
            new.push(word.clone());
        }
    }
    new
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(text: &str) -> Vec<String> {
        text.split_whitespace().map(str::to_owned).collect()
    }

    #[test]
    fn only_what_the_flag_makes_is_new() {
        let new = added(
            &words("-march=k8 -mavx -mtune=k8 -m64"),
            &words("-march=x86-64 -mtune=generic -m64"),
            &words("-m64"),
            "-march=native",
        );
        assert_eq!(new, ["-march=k8", "-mavx", "-mtune=k8"]);
    }

    #[test]
    fn a_processor_that_is_the_default_is_named_all_the_same() {
        let new =
            added(&words("-march=x86-64 -mavx"), &words("-march=x86-64"), &[], "-march=native");
        assert_eq!(new, ["-march=x86-64", "-mavx"]);
        let tune =
            added(&words("-march=x86-64 -mtune=k8"), &words("-march=x86-64"), &[], "-mtune=native");
        assert_eq!(tune, ["-mtune=k8"]);
    }

    #[test]
    fn a_flag_that_a_later_one_overrides_leaves_nothing() {
        let both = words("-march=k8");
        assert_eq!(added(&both, &both, &words("-march=k8"), "-march=native"), words(""));
    }
}
