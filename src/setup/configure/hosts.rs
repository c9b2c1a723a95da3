//! The host list to write: where it comes from, and how many slots it has.

use std::path::Path;

use crate::arch::configuration::Configuration;
use crate::base::dirs::SYSTEM_HOSTS;
use crate::base::disk::RealDisk;
use crate::hosts::find;
use crate::hosts::list::{self, HostList};
use crate::hosts::spec::{HostSpec, Transport};
use crate::hosts::spec_error::SpecError;
use crate::setup::addresses::{self, AddressError, Family, Word};
use crate::setup::apply::ask;
use crate::setup::network::Network;
use crate::setup::settings::{Settings, VolunteerEntry};
use crate::setup::subject::Subject;

/// A host list that can be written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::setup) struct Hosts {
    /// The words, one blank between them.
    pub(in crate::setup) text: String,
    /// The list, read.
    pub(in crate::setup) list: HostList,
}

/// Why there is no host list to write.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub(in crate::setup) enum HostsError {
    /// Nobody said which hosts.
    #[error(
        "no hosts are known: name them from the most to the least powerful, each with its slots, \
         as in --hosts \"localhost/9 192.168.10.2/5\", or write [[volunteer]] entries into \
         /etc/distcc/setup.toml"
    )]
    None,
    /// Nobody can say whether those that there are now are meant.
    #[error(
        "no hosts are named, and stdin is no terminal, so nobody can be asked for them (--hosts \
         names them, --yes takes those of DISTCC_HOSTS); nothing was written"
    )]
    NobodyToAsk,
    /// A list without hosts.
    #[error("`{0}` has no host in it (write names or addresses, as in `localhost/9 10.0.0.7/5`)")]
    Empty(String),
    /// A list in which no host lends a slot.
    #[error("`{0}`: no host lends a slot: {1}")]
    NoSlots(String, String),
    /// A word that is hardly the name of a host.
    #[error(
        "host spec `{0}`: {1:?} belongs in no host's name (write names or addresses, as in \
         `10.0.0.7/5`)"
    )]
    NoName(String, char),
    /// Nobody knows how many jobs the hosts are good for.
    #[error(
        "with `+zeroconf` alone, the slots are known only when a build starts (name the jobs, as \
         in --jobs 20)"
    )]
    UnknownSlots,
    /// A host spec that cannot be read.
    #[error(transparent)]
    Spec(#[from] SpecError),
    /// A name that cannot be replaced by an address.
    #[error(transparent)]
    Address(#[from] AddressError),
}

impl Hosts {
    /// Reads a list as a person writes it: comments and line breaks are left out.
    ///
    /// # Errors
    ///
    /// [`HostsError`] for a list that no build could use.
    pub(in crate::setup) fn read(text: &str) -> Result<Self, HostsError> {
        let text = list::words(text).map(|(word, _)| word).collect::<Vec<_>>().join(" ");
        let list = list::parse(&text)?;
        if list.hosts.is_empty() && !list.zeroconf {
            return Err(HostsError::Empty(text));
        }
        for host in &list.hosts {
            if let Some(letter) = odd_letter(host) {
                return Err(HostsError::NoName(host.text.escape_debug().to_string(), letter));
            }
        }
        let hosts = Self { text, list };
        if hosts.slots() > 0 || hosts.list.zeroconf {
            return Ok(hosts);
        }
        let why = hosts.list.notes.first().map_or("take `,down` away", String::as_str).to_owned();
        Err(HostsError::NoSlots(hosts.text, why))
    }

    /// The `-j` that keeps all slots busy, at `factor` jobs for each.
    ///
    /// # Errors
    ///
    /// [`HostsError::UnknownSlots`].
    pub(in crate::setup) fn jobs(&self, factor: u32) -> Result<u32, HostsError> {
        match self.slots().saturating_mul(factor) {
            0 => Err(HostsError::UnknownSlots),
            jobs => Ok(jobs),
        }
    }

    /// Slots of all entries together.
    pub(in crate::setup) fn slots(&self) -> u32 {
        self.list.hosts.iter().map(HostSpec::usable_slots).fold(0, u32::saturating_add)
    }

    /// The same with an address for each name.
    ///
    /// # Errors
    ///
    /// [`HostsError`] for a name that has none, and for what has no address at all.
    pub(in crate::setup) fn by_address(&self) -> Result<Self, HostsError> {
        let word = |text: &str| Word { text: text.to_owned(), place: "DISTCC_HOSTS".to_owned() };
        let words: Vec<_> = self.text.split(' ').map(word).collect();
        let list = addresses::resolve(&words, Family::Any, &Network)?;
        Self::read(&list.words.join(" "))
    }
}

/// A letter that no name and no address has, such as a quote.
fn odd_letter(host: &HostSpec) -> Option<char> {
    let fits = |letter: char| letter.is_alphanumeric() || ".-_:%".contains(letter);
    match &host.transport {
        Transport::Local => None,
        Transport::Tcp { host, .. } | Transport::Ssh { host, .. } => {
            host.chars().find(|&letter| !fits(letter))
        }
    }
}

/// Where a host list may come from.
pub(in crate::setup) struct Sources<'a> {
    /// `--hosts`.
    pub(in crate::setup) option: Option<&'a str>,
    /// `setup.toml`.
    pub(in crate::setup) settings: &'a Settings,
    /// What makepkg has now.
    pub(in crate::setup) now: &'a Configuration,
    /// Whose configuration it is.
    pub(in crate::setup) subject: &'a Subject,
    /// Whether what is there now is taken without asking.
    pub(in crate::setup) take: bool,
}

impl Sources<'_> {
    /// Takes the first there is, or asks, proposing what is there now. `None`: the person gave no
    /// answer.
    ///
    /// # Errors
    ///
    /// [`HostsError`].
    pub(in crate::setup) fn choose(&self) -> Result<Option<Hosts>, HostsError> {
        if let Some(text) = self.option {
            return Hosts::read(text).map(Some);
        }
        if !self.settings.volunteers.is_empty() {
            let specs = self.settings.volunteers.iter().map(VolunteerEntry::host_spec);
            return Hosts::read(&specs.collect::<Vec<_>>().join(" ")).map(Some);
        }
        let variable = self.now.text("DISTCC_HOSTS").filter(|text| has_words(text));
        match variable {
            Some(text) if self.take => Hosts::read(&text).map(Some),
            variable if !self.take && ask::can_ask() => {
                Ok(ask_for(variable.or_else(|| self.hosts_file()).as_deref()))
            }
            Some(_) => Err(HostsError::NobodyToAsk),
            None => Err(HostsError::None),
        }
    }

    /// The hosts file that the client reads where DISTCC_HOSTS is not set.
    fn hosts_file(&self) -> Option<String> {
        let system = self.subject.root.join(SYSTEM_HOSTS.trim_start_matches('/'));
        let user = self.subject.home.as_deref().map(|home: &Path| home.join(".distcc/hosts"));
        let files: Vec<_> = user.into_iter().chain([system]).collect();
        let source = find::find(None, &files, &RealDisk).ok().flatten()?;
        Some(source.text).filter(|text| has_words(text))
    }
}

fn has_words(text: &str) -> bool {
    list::words(text).next().is_some()
}

/// Asks until the answer is a host list.
fn ask_for(proposal: Option<&str>) -> Option<Hosts> {
    let proposal = proposal.and_then(|text| Hosts::read(text).ok()).map(|hosts| hosts.text);
    let question = match &proposal {
        Some(text) => format!("Hosts, Enter for the ones there are now\n[{text}]: "),
        None => "Hosts, from the most to the least powerful, each with its slots, as in\n\
                 localhost/9 192.168.10.2/5 192.168.10.3/5: "
            .to_owned(),
    };
    loop {
        let answer = ask::line(&question)?;
        let text = match (answer.as_str(), &proposal) {
            ("", Some(proposal)) => proposal.as_str(),
            (answer, _) => answer,
        };
        match Hosts::read(text) {
            Ok(hosts) => return Some(hosts),
            Err(error) => crate::setup::complain(&error.to_string()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn slots(text: &str) -> u32 {
        Hosts::read(text).unwrap().slots()
    }

    #[test]
    fn the_sum_of_slots_is_that_of_the_hosts_that_lend_some() {
        assert_eq!(slots("localhost/9 192.168.10.2/5 192.168.10.3/5 192.168.10.4/3"), 22);
        assert_eq!(slots("localhost desk @far"), 2 + 4 + 4);
        let odd =
            "--randomize --localslots=5 --localslots_cpp=9 +zeroconf desk:3633/6,lzo b/8,down";
        assert_eq!(slots(odd), 6);
        assert_eq!(slots("# mine\ndesk/5:3635 # the fast one\n[::1]/2"), 7);
    }

    #[test]
    fn a_list_is_one_line_of_words() {
        let hosts = Hosts::read("  a/1\t b/2 # c\n# d\nlocalhost").unwrap();
        assert_eq!(hosts.text, "a/1 b/2 localhost");
    }

    #[test]
    fn what_no_build_could_use_is_an_error_that_says_what_to_write() {
        let error = |text: &str| Hosts::read(text).unwrap_err().to_string();
        let texts = [
            "",
            "--randomize",
            "a,down",
            "a/b",
            "a:99999/4",
            "a/2'; rm -rf ~",
            "$(id)/4",
            "\x1b/1",
        ];
        insta::assert_snapshot!(texts.map(error).join("\n"), @r#"
        `` has no host in it (write names or addresses, as in `localhost/9 10.0.0.7/5`)
        `--randomize` has no host in it (write names or addresses, as in `localhost/9 10.0.0.7/5`)
        `a,down`: no host lends a slot: take `,down` away
        host spec `a/b`: `b` is no number of slots (write 1 to 65535, as in `10.0.0.7/8`)
        `a:99999/4`: no host lends a slot: host spec `a:99999/4`: 99999 is no port (1 to 65535 are), so it is never used
        host spec `~`: '~' belongs in no host's name (write names or addresses, as in `10.0.0.7/5`)
        host spec `$(id)/4`: '$' belongs in no host's name (write names or addresses, as in `10.0.0.7/5`)
        host spec `\u{1b}/1`: '\u{1b}' belongs in no host's name (write names or addresses, as in `10.0.0.7/5`)
        "#);
        let jobs = |text: &str| Hosts::read(text).unwrap().jobs(2).map_err(|e| e.to_string());
        assert_eq!(jobs("+zeroconf a/4"), Ok(8));
        assert!(jobs("+zeroconf").unwrap_err().contains("--jobs"));
    }

    #[test]
    fn where_only_addresses_work_names_are_looked_up() {
        let of = |text: &str| Hosts::read(text).unwrap().by_address().map(|hosts| hosts.text);
        let kept = "localhost/9 --localslots=3 10.0.0.7:3633/5,lzo [fd00::7]/4";
        assert_eq!(of(kept).unwrap(), kept);
        let looked_up = of("--randomize LOCALHOST:3633/5,lzo 10.0.0.1").unwrap();
        assert_eq!(looked_up, "--randomize 127.0.0.1:3633/5,lzo 10.0.0.1");
        let error = |text: &str| of(text).unwrap_err().to_string();
        assert!(error("@far/4").contains("no ssh keys"));
        assert!(error("no-such-host.invalid/4").contains("its address was not found"));
    }
}
