//! Which host list is asked about: arguments, makepkg's configuration, `setup.toml`, or distcc's
//! own variable and files.

use std::path::{Path, PathBuf};

use crate::arch::configuration::{Configuration, Origin};
use crate::arch::evaluate;
use crate::base::disk::RealDisk;
use crate::base::{dirs, env};
use crate::hosts::find;
use crate::hosts::list::{self, HostList};
use crate::setup::ports;
use crate::setup::ports::settle::Wish;
use crate::setup::settings::{Settings, VolunteerEntry};
use crate::setup::subject::Subject;
use crate::targets::Target;

/// A host list, and whose it is.
#[derive(Clone, Debug)]
pub struct Found {
    /// The list.
    pub list: HostList,
    /// Where it stands, for people: `/etc/makepkg.conf:43`, `the command line`.
    pub source: String,
    /// makepkg's configuration, where it can be read.
    pub configuration: Option<Configuration>,
    /// What people should hear about the way here.
    pub notes: Vec<String>,
    /// What builds are for.
    pub target: Option<&'static Target>,
}

/// Why there is no list.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ListError {
    /// Nobody has written one.
    #[error(
        "no volunteers are known: name some, as in `distcc-setup {command} 192.168.10.2`, or look \
         for them with `distcc-setup hosts --discover`", command = .0
    )]
    None(&'static str),
    /// One is there and cannot be read: where, and what is wrong.
    #[error("{0}: {1}")]
    Bad(String, String),
}

/// Host specs that somebody has named, and who that was.
#[derive(Clone, Copy, Debug)]
pub struct Named<'a> {
    /// The host specs.
    pub words: &'a [String],
    /// Who: `the command line`.
    pub source: &'a str,
}

/// Finds the list: those that are `named` if there are any, else the first place that has one.
///
/// `command` is the subcommand, for the error's sentence.
///
/// # Errors
///
/// [`ListError`].
pub fn find(
    subject: &Subject,
    named: Named<'_>,
    command: &'static str,
) -> Result<Found, ListError> {
    let mut notes = Vec::new();
    let configuration = evaluate::evaluate(&subject.request())
        .inspect_err(|error| notes.push(error.to_string()))
        .ok();
    let target = ports::target::of(None, configuration.as_ref(), subject.is_chroot());
    let (text, source, is_for_builds) = if named.words.is_empty() {
        let set = configuration.as_ref().and_then(of_configuration);
        match set {
            Some((text, source)) => (text, source, true),
            None => elsewhere(subject)?.ok_or(ListError::None(command))?,
        }
    } else {
        (named.words.join(" "), named.source.to_owned(), false)
    };
    let bad = |why: String| ListError::Bad(source.clone(), why);
    // What no build reads as it stands is a wish: there, a host without a port is a machine.
    let wish = Wish { target, is_named: false, offline: false };
    let text = if is_for_builds { text } else { wish.settle(&text).text };
    let list = list::parse(&text).map_err(|error| bad(error.to_string()))?;
    if list.hosts.is_empty() {
        return Err(match list.zeroconf {
            true => bad("only `+zeroconf` stands there; name the volunteers that `distcc-setup \
                         hosts --discover` finds"
                .to_owned()),
            false => ListError::None(command),
        });
    }
    notes.extend(list.notes.iter().map(|note| format!("{source}: {note}")));
    Ok(Found { list, source, configuration, notes, target })
}

/// What `subject` builds for.
pub fn target(subject: &Subject) -> Option<&'static Target> {
    let configuration = evaluate::evaluate(&subject.request()).ok();
    ports::target::of(None, configuration.as_ref(), subject.is_chroot())
}

/// What makepkg would export.
fn of_configuration(configuration: &Configuration) -> Option<(String, String)> {
    let text = configuration.text("DISTCC_HOSTS").filter(|text| !text.trim().is_empty())?;
    let source = match &configuration.variables.get("DISTCC_HOSTS")?.origin {
        Origin::File(position) => format!("{}:{}", position.file.display(), position.line),
        Origin::Environment => "$DISTCC_HOSTS".to_owned(),
    };
    Some((text, source))
}

/// `setup.toml`'s volunteers, or what a client of distcc would take by itself; and whether builds
/// read it as it stands.
fn elsewhere(subject: &Subject) -> Result<Option<(String, String, bool)>, ListError> {
    let settings = Settings::read(Path::new("/"), subject.home.as_deref())
        .map_err(|error| ListError::Bad("setup.toml".to_owned(), error.to_string()))?;
    if !settings.volunteers.is_empty() {
        let specs: Vec<_> = settings.volunteers.iter().map(VolunteerEntry::host_spec).collect();
        return Ok(Some((specs.join(" "), "setup.toml".to_owned(), false)));
    }
    let files: Vec<PathBuf> = dirs::hosts_files();
    let found = find::find(env::DISTCC_HOSTS.text().as_deref(), &files, &RealDisk)
        .map_err(|error| ListError::Bad("the host list".to_owned(), error.to_string()))?;
    let found = found.filter(|source| !source.text.trim().is_empty());
    Ok(found.map(|one| (one.text, one.name, true)))
}
