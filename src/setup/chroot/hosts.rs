//! The host list for a root: where it comes from, and with an address for each name.

use std::path::{Path, PathBuf};

use crate::arch::configuration::{Configuration, Origin};
use crate::arch::evaluate::{EvaluateError, evaluate};
use crate::base::dirs::SYSTEM_HOSTS;
use crate::base::disk::{Disk, RealDisk};
use crate::hosts::{find, list};
use crate::setup::addresses::{self, AddressError, Addressed, Family, Word};
use crate::setup::configure::hosts::{Hosts, HostsError};
use crate::setup::network::Network;
use crate::setup::settings::{self, SYSTEM_FILE, Settings, SettingsError};
use crate::setup::subject::{Subject, SubjectOptions};

/// A host list, and where it is from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Source {
    /// The words, each with its place.
    words: Vec<Word>,
    /// All of it, for people: `setup.toml`.
    pub(super) name: String,
}

/// A host list that can be written.
#[derive(Clone, Debug)]
pub(super) struct Found {
    /// The list.
    pub(super) hosts: Hosts,
    /// What names became, and what to know.
    pub(super) addressed: Addressed,
    /// Where it is from.
    pub(super) from: String,
}

/// Why there is none.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub(super) enum SourceError {
    /// Nobody said which hosts.
    #[error(
        "no hosts are known: name them from the most to the least powerful, each with its slots, \
         as in --hosts \"localhost/9 192.168.10.2/5\", or set this machine up first: distcc-setup \
         configure"
    )]
    None,
    #[error(transparent)]
    Settings(#[from] SettingsError),
    /// This machine's own configuration cannot be read.
    #[error("{0} (or name the hosts by --hosts)")]
    Evaluate(#[from] EvaluateError),
    #[error(transparent)]
    Address(#[from] AddressError),
    /// A list that no build could use: where it is from.
    #[error("{0}: {1}")]
    Hosts(String, #[source] HostsError),
}

/// Where it may come from.
pub(super) struct Places<'a> {
    /// `--hosts`.
    pub(super) option: Option<&'a str>,
    /// `--hosts` of last time.
    pub(super) last: Option<&'a str>,
    /// What `setup.toml` says.
    pub(super) settings: &'a Settings,
    /// The user whose makepkg it is.
    pub(super) home: Option<&'a Path>,
    /// The root.
    pub(super) root: &'a Path,
}

impl Places<'_> {
    /// Takes the first there is, and puts addresses for names.
    ///
    /// # Errors
    ///
    /// [`SourceError`].
    pub(super) fn find(&self, family: Family) -> Result<Found, SourceError> {
        let source = self.source()?;
        let bad = |error| SourceError::Hosts(source.name.clone(), error);
        let text = |words: &[Word]| {
            words.iter().map(|word| word.text.as_str()).collect::<Vec<_>>().join(" ")
        };
        // What cannot be a host list is told of before anybody is asked for an address.
        Hosts::read(&text(&source.words)).map_err(bad)?;
        let addressed = addresses::resolve(&source.words, family, &Network)?;
        let hosts = Hosts::read(&addressed.words.join(" ")).map_err(bad)?;
        Ok(Found { hosts, addressed, from: source.name })
    }

    fn source(&self) -> Result<Source, SourceError> {
        if let Some(text) = self.option {
            return Ok(Source::of(text, "--hosts"));
        }
        if let Some(text) = self.last {
            return Ok(Source::of(text, "--hosts of last time"));
        }
        if !self.settings.volunteers.is_empty() {
            return Ok(self.of_settings());
        }
        let host = Subject::find(&SubjectOptions::default());
        if host.file.exists()
            && let Some(source) = of_configuration(&evaluate(&host.request())?)
        {
            return Ok(source);
        }
        if let Some(source) = self.of_files() {
            return Ok(source);
        }
        // What there is, as somebody wrote it.
        let there = super::look::subject(self.root);
        let found = evaluate(&there.request()).ok();
        found.as_ref().and_then(of_configuration).ok_or(SourceError::None)
    }

    /// setup.toml's volunteers, each with the line of its address.
    fn of_settings(&self) -> Source {
        let mut files = vec![Path::new("/").join(SYSTEM_FILE)];
        files.extend(self.home.map(settings::user_file));
        let texts: Vec<(PathBuf, String)> = files
            .into_iter()
            .rev()
            .filter_map(|file| {
                let text = RealDisk.read(&file, find::MOST_BYTES).ok()?;
                Some((file, String::from_utf8_lossy(&text).into_owned()))
            })
            .collect();
        let place = |address: &str| {
            let found = texts.iter().find_map(|(file, text)| {
                let is_it = |line: &str| {
                    let value = line.trim_start().strip_prefix("address").unwrap_or_default();
                    value.trim_start_matches([' ', '=', '"', '\'']).starts_with(address)
                };
                Some((file, text.lines().position(is_it)? + 1))
            });
            found.map_or_else(
                || "setup.toml".to_owned(),
                |(file, line)| format!("{}:{line}", file.display()),
            )
        };
        let word = |entry: &settings::VolunteerEntry| Word {
            text: entry.host_spec(),
            place: place(&entry.address),
        };
        let words = self.settings.volunteers.iter().map(word).collect();
        Source { words, name: "setup.toml".to_owned() }
    }

    /// The hosts files that the client reads where DISTCC_HOSTS is not set.
    fn of_files(&self) -> Option<Source> {
        let user = self.home.map(|home| home.join(".distcc/hosts"));
        let files: Vec<_> = user.into_iter().chain([PathBuf::from(SYSTEM_HOSTS)]).collect();
        let source = find::find(None, &files, &RealDisk).ok().flatten()?;
        let lines = source.text.lines().enumerate();
        let words: Vec<Word> = lines
            .flat_map(|(at, line)| {
                let place = format!("{}:{}", source.name, at + 1);
                list::words(line)
                    .map(|(word, _)| Word { text: word.to_owned(), place: place.clone() })
                    .collect::<Vec<_>>()
            })
            .collect();
        (!words.is_empty()).then_some(Source { words, name: source.name })
    }
}

impl Source {
    fn of(text: &str, name: &str) -> Self {
        let word = |(word, _): (&str, &str)| Word { text: word.to_owned(), place: name.to_owned() };
        Self { words: list::words(text).map(word).collect(), name: name.to_owned() }
    }
}

/// What makepkg would export, with the line that sets it.
fn of_configuration(found: &Configuration) -> Option<Source> {
    let text = found.text("DISTCC_HOSTS")?;
    let name = match &found.variables.get("DISTCC_HOSTS")?.origin {
        Origin::File(position) => format!("{}:{}", position.file.display(), position.line),
        Origin::Environment => "$DISTCC_HOSTS".to_owned(),
    };
    Some(Source::of(&text, &name)).filter(|source| !source.words.is_empty())
}
