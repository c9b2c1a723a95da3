//! `setup.toml`: the volunteers that a person knows of, and what that person wants.
//!
//! `/etc/distcc/setup.toml` is read first and the user's `~/.config/distcc/setup.toml` over it: a
//! key that stands in both has the user's value, but for `silence`, which adds up.

use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::base::disk::{Disk, RealDisk};
use crate::base::env;

/// The system's file, below the root.
pub const SYSTEM_FILE: &str = "etc/distcc/setup.toml";
/// A longer file is refused: something else has got into its place.
const MOST_BYTES: u64 = 1 << 20;

/// What is wrong with a `setup.toml`.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SettingsError {
    /// It is there and cannot be read.
    #[error("{file} cannot be read: {error}", file = .0.display(), error = .1)]
    Unreadable(PathBuf, #[source] std::io::Error),
    /// It is not what we understand: file, and what the parser says, with line and caret.
    #[error("{file}: {message}", file = .0.display(), message = .1)]
    Malformed(PathBuf, String),
}

/// Both files as one.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// What a flag such as `-march=native` does to a build.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub native: Option<Native>,
    /// Whether DISTCC_HOSTS may have addresses only, as builds in chroots need it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub addresses_only: Option<bool>,
    /// `-j` is so many times the sum of slots; 2 if not given.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub job_factor: Option<u8>,
    /// Ids of rules that say nothing.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub silence: Vec<String>,
    /// The volunteers, from the most to the least powerful.
    #[serde(rename = "volunteer", skip_serializing_if = "Vec::is_empty")]
    pub volunteers: Vec<VolunteerEntry>,
}

/// What a flag that means this machine's processor does to a build that distributes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Native {
    /// The build is rejected before anything is compiled.
    #[default]
    Reject,
    /// The build goes on with a warning: units with the flag are compiled here.
    Warn,
}

/// A `[[volunteer]]`.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct VolunteerEntry {
    /// What people call it; only for messages.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Name or address, or `localhost`.
    pub address: String,
    /// The port; if not given, the one at which it compiles for the target of this client.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub port: Option<u16>,
    /// How many of its slots this client may fill.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub slots: Option<u16>,
    /// Options of the host spec, without commas: `lzo`, `cpp`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub options: Vec<String>,
}

impl VolunteerEntry {
    /// The entry as a host spec, as in DISTCC_HOSTS.
    pub fn host_spec(&self) -> String {
        let bracketed = self.address.contains(':') && !self.address.starts_with('[');
        let mut spec = if bracketed { format!("[{}]", self.address) } else { self.address.clone() };
        if let Some(port) = self.port {
            spec += &format!(":{port}");
        }
        if let Some(slots) = self.slots {
            spec += &format!("/{slots}");
        }
        for option in &self.options {
            spec += &format!(",{option}");
        }
        spec
    }
}

impl Settings {
    /// Reads both files: the one below `root`, and the one of the user whose home is `home`.
    ///
    /// # Errors
    ///
    /// [`SettingsError`] for the first file that is there and is no good.
    pub fn read(root: &Path, home: Option<&Path>) -> Result<Self, SettingsError> {
        let system = read_file(&root.join(SYSTEM_FILE))?;
        let user = home.map(user_file).map(|file| read_file(&file)).transpose()?;
        Ok(user.unwrap_or_default().over(system))
    }

    /// Reads a file's text; `file` is for messages.
    fn parse(text: &str, file: &Path) -> Result<Self, SettingsError> {
        toml::from_str(text).map_err(|error| {
            SettingsError::Malformed(file.to_owned(), error.to_string().trim_end().to_owned())
        })
    }

    fn over(self, below: Self) -> Self {
        let mut silence = below.silence;
        silence.extend(self.silence);
        Self {
            native: self.native.or(below.native),
            addresses_only: self.addresses_only.or(below.addresses_only),
            job_factor: self.job_factor.or(below.job_factor),
            silence,
            volunteers: match self.volunteers.is_empty() {
                true => below.volunteers,
                false => self.volunteers,
            },
        }
    }

    /// What a native flag does.
    pub fn native(&self) -> Native {
        self.native.unwrap_or_default()
    }

    /// How many jobs of make there are for each slot.
    pub fn job_factor(&self) -> u32 {
        u32::from(self.job_factor.unwrap_or(2)).max(1)
    }

    /// Whether the rule with this id is to say nothing.
    pub fn silences(&self, rule: &str) -> bool {
        self.silence.iter().any(|silenced| silenced == rule)
    }
}

/// The user's file: in `$XDG_CONFIG_HOME`, if that is set and below `home`, or in `.config`.
pub fn user_file(home: &Path) -> PathBuf {
    let config = env::XDG_CONFIG_HOME.get_nonempty().map(PathBuf::from);
    let config = config.filter(|dir| dir.starts_with(home)).unwrap_or_else(|| home.join(".config"));
    config.join("distcc/setup.toml")
}

fn read_file(file: &Path) -> Result<Settings, SettingsError> {
    if std::fs::metadata(file).is_ok_and(|meta| !meta.is_file()) {
        // Reading a pipe could last, and root reads what a user has put there.
        let error = std::io::Error::other("it is no regular file");
        return Err(SettingsError::Unreadable(file.to_owned(), error));
    }
    match RealDisk.read(file, MOST_BYTES) {
        Ok(bytes) => Settings::parse(&String::from_utf8_lossy(&bytes), file),
        Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => {
            Ok(Settings::default())
        }
        Err(error) => Err(SettingsError::Unreadable(file.to_owned(), error)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pipe_is_not_waited_for() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("setup.toml");
        nix::unistd::mkfifo(&file, nix::sys::stat::Mode::S_IRWXU).unwrap();
        assert!(read_file(&file).unwrap_err().to_string().contains("no regular file"));
    }

    fn parse(text: &str) -> Result<Settings, String> {
        Settings::parse(text, "setup.toml".as_ref()).map_err(|error| error.to_string())
    }

    #[test]
    fn an_empty_file_leaves_the_defaults() {
        let settings = parse("").unwrap();
        assert_eq!((settings.native(), settings.job_factor()), (Native::Reject, 2));
    }

    #[test]
    fn a_volunteer_is_a_host_spec() {
        let text = "[[volunteer]]\nname = 'desk'\naddress = 'fd00::7'\nport = 3633\nslots = 9\n\
                    options = ['cpp', 'lzo']\n[[volunteer]]\naddress = '10.0.0.7'\nport = 3632\n";
        let specs: Vec<_> =
            parse(text).unwrap().volunteers.iter().map(VolunteerEntry::host_spec).collect();
        assert_eq!(specs, ["[fd00::7]:3633/9,cpp,lzo", "10.0.0.7:3632"]);
    }

    #[test]
    fn the_users_values_win_and_silenced_rules_add_up() {
        let system = parse("native = 'warn'\njob_factor = 3\nsilence = ['a']\n").unwrap();
        let user = parse("native = 'reject'\nsilence = ['b']\n").unwrap();
        let both = user.over(system);
        assert_eq!((both.native(), both.job_factor()), (Native::Reject, 3));
        assert!(both.silences("a") && both.silences("b"));
    }

    #[test]
    fn a_key_that_is_none_is_an_error_with_its_place() {
        insta::assert_snapshot!(parse("job_factor = 2\nnatve = 'warn'\n").unwrap_err(), @r"
        setup.toml: TOML parse error at line 2, column 1
          |
        2 | natve = 'warn'
          | ^^^^^
        unknown field `natve`, expected one of `native`, `addresses_only`, `job_factor`, `silence`, `volunteer`
        ");
    }
}
