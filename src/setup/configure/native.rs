//! `--march=replace`: what native flags stand for, in the place where they are written.

use std::path::{Path, PathBuf};

use crate::arch::configuration::Position;
use crate::makepkg_conf::document::Document;
use crate::setup::compilers;
use crate::setup::configure::consent::Consent;
use crate::setup::configure::draft::{Draft, DraftError};
use crate::setup::configure::edits;
use crate::setup::march::ask::MarchError;
use crate::setup::march::expand::minimal_in_place;
use crate::setup::march::native::is_native;

/// The variables, and the compiler that reads each.
const FLAGS: [(&str, &str); 2] = [("CFLAGS", "gcc"), ("CXXFLAGS", "g++")];

/// Why native flags stay.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub(in crate::setup) enum NativeError {
    /// The configuration cannot be worked out.
    #[error(transparent)]
    Draft(#[from] DraftError),
    /// There is nobody to ask.
    #[error("{0} is not on PATH, and nobody else knows what native stands for (install {0})")]
    NoCompiler(&'static str),
    /// The compiler does not say.
    #[error(transparent)]
    March(#[from] MarchError),
    /// It stands in a file that was not to be touched.
    #[error(
        "{file}:{line}: `{1}` stands here\nso nothing was written: write `{2}` for it,\n\
         or use --overrides to have it changed as well",
        file = .0.file.display(),
        line = .0.line
    )]
    Elsewhere(Position, String, String),
    /// It is put together in a way that no text shows.
    #[error(
        "{0} has `{1}`, which stands in no file as such; replace it by hand by `{2}`; nothing was \
         written"
    )]
    Hidden(&'static str, String, String),
}

/// A native flag, and the words that mean the same.
struct Replacement {
    variable: &'static str,
    flag: String,
    words: Vec<String>,
}

/// Replaces all that makepkg would compile with.
pub(in crate::setup) fn replace(
    draft: &mut Draft<'_>,
    consent: Consent,
) -> Result<(), NativeError> {
    // One flag less each time; the order among them is that of the compiler's command line.
    while let Some(replacement) = next(draft)? {
        let before = draft.changes();
        replace_one(draft, &replacement, consent)?;
        let gone = next(draft)?.is_none_or(|next| next.flag != replacement.flag);
        if draft.changes() == before || !gone {
            let Replacement { variable, flag, words } = replacement;
            return Err(NativeError::Hidden(variable, flag, words.join(" ")));
        }
    }
    Ok(())
}

/// The first native flag that there is.
fn next(draft: &Draft<'_>) -> Result<Option<Replacement>, NativeError> {
    let configuration = draft.evaluate()?;
    for (variable, compiler) in FLAGS {
        let text = configuration.text(variable).unwrap_or_default();
        let words: Vec<String> = text.split_whitespace().map(str::to_owned).collect();
        let Some(at) = words.iter().position(|word| is_native(word)) else { continue };
        let found = compilers::find(&compilers::path());
        let path = found.by_name.get(compiler).ok_or(NativeError::NoCompiler(compiler))?;
        let replacement = minimal_in_place(path, &words, at)?;
        let flag = words.get(at).cloned().unwrap_or_default();
        return Ok(Some(Replacement { variable, flag, words: replacement }));
    }
    Ok(None)
}

/// Replaces a flag in every file.
fn replace_one(
    draft: &mut Draft<'_>,
    replacement: &Replacement,
    consent: Consent,
) -> Result<(), NativeError> {
    let Replacement { variable, flag, words } = replacement;
    let paths: Vec<PathBuf> = draft.paths().map(ToOwned::to_owned).collect();
    for path in paths {
        let Some(text) = draft.text(&path) else { continue };
        let Some(edited) = edits::replace_flag(text, flag, words) else { continue };
        if draft.is_users(&path) {
            let document = Document::parse(text);
            let position = position(&document, &path, flag);
            let line = String::from_utf8_lossy(document.line(position.line)).trim().to_owned();
            if !consent.allows(&position, variable, &line) {
                let words = words.join(" ");
                return Err(NativeError::Elsewhere(position, flag.clone(), words));
            }
        }
        draft.write(&path, edited);
    }
    Ok(())
}

/// Where `flag` stands first.
fn position(document: &Document, path: &Path, flag: &str) -> Position {
    let mut flags = document.assignments().iter().flat_map(|assignment| assignment.flags());
    let offset = flags.find(|one| one.text == *flag).map_or(0, |one| one.span.start);
    Position { file: path.to_owned(), line: document.line_of(offset) }
}
