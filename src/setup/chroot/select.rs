//! Which roots are meant.

use std::path::{Path, PathBuf};

use crate::arch::chroots::{ARCHBUILD, BuildRoot, Named, RootError};
use crate::base::env;
use crate::setup::apply::ask;
use crate::setup::chroot::record;

/// Why no root is meant.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub(super) enum SelectError {
    /// What was named is none.
    #[error(transparent)]
    Root(#[from] RootError),
    /// There is none.
    #[error(
        "no chroot is known: none is named, CHROOT is not set, and {ARCHBUILD} has none (name one, \
         as in `distcc-setup chroot {0} ~/chroot`; sudo keeps CHROOT from us)"
    )]
    None(&'static str),
    /// There are several, and nobody says which.
    #[error(
        "there are {count} chroots: name those that are meant\n{commands}",
        count = .0.len(),
        commands = .0.join("\n")
    )]
    Several(Vec<String>),
    /// Whoever was asked gave no answer.
    #[error("no chroot was chosen; nothing was changed")]
    Declined,
}

/// The roots that are named; else `$CHROOT`; else all of archbuild's, and those that were enabled.
///
/// # Errors
///
/// [`SelectError`].
pub(super) fn all(named: &[PathBuf], command: &'static str) -> Result<Vec<BuildRoot>, SelectError> {
    let given: Vec<PathBuf> = match named {
        [] => env::CHROOT.get_nonempty().map(PathBuf::from).into_iter().collect(),
        named => named.to_vec(),
    };
    let mut roots: Vec<BuildRoot> = Vec::new();
    let mut add = |root: BuildRoot| {
        if !roots.iter().any(|one| one.dir == root.dir) {
            roots.push(root);
        }
    };
    for dir in &given {
        add(BuildRoot::find(dir)?);
    }
    if given.is_empty() {
        BuildRoot::all_below(Path::new(ARCHBUILD)).into_iter().for_each(&mut add);
        let recorded = record::roots().into_iter();
        recorded.filter_map(|dir| BuildRoot::find(&dir).ok()).for_each(&mut add);
    }
    match roots.is_empty() {
        true => Err(SelectError::None(command)),
        false => Ok(roots),
    }
}

/// The same, where something is to be done to them: several that nobody named are asked about.
///
/// # Errors
///
/// [`SelectError`].
pub(super) fn to_change(
    named: &[PathBuf],
    command: &'static str,
    may_ask: bool,
) -> Result<Vec<BuildRoot>, SelectError> {
    let roots = all(named, command)?;
    if !named.is_empty() || roots.len() == 1 {
        return Ok(roots);
    }
    let name = |root: &BuildRoot| shell_words::quote(&root.dir.to_string_lossy()).into_owned();
    if !may_ask || !ask::can_ask() {
        let line = |root| format!("    distcc-setup chroot {command} {}", name(root));
        return Err(SelectError::Several(roots.iter().map(line).collect()));
    }
    let mut question = "Which chroot?\n".to_owned();
    for (at, root) in roots.iter().enumerate() {
        question += &format!("  {}  {}\n", at + 1, root.dir.display());
    }
    question += &format!("1 to {}, or Enter for all: ", roots.len());
    loop {
        let answer = ask::line(&question).ok_or(SelectError::Declined)?;
        if answer.is_empty() {
            return Ok(roots);
        }
        let chosen = answer.parse::<usize>().ok().and_then(|number| number.checked_sub(1));
        if let Some(root) = chosen.and_then(|at| roots.get(at)) {
            return Ok(vec![root.clone()]);
        }
    }
}

/// What a person should hear about how a root was found.
pub(super) fn told(root: &BuildRoot) -> Option<String> {
    let dir = root.dir.display();
    root.instead_of.map(|named| match named {
        Named::Matrix => format!("The chroot is {dir}."),
        Named::Copy => format!(
            "That is a copy, which makechrootpkg makes anew: its chroot is {dir}, which is meant."
        ),
    })
}
