//! The host list that a build would use, word by word.

use std::ops::Range;
use std::path::PathBuf;

use crate::hosts::list::{self, HostList};
use crate::hosts::spec::{HostSpec, Transport};
use crate::hosts::spec_error::SpecError;

/// Where the list comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Source {
    /// DISTCC_HOSTS.
    Variable,
    /// A hosts file.
    File(PathBuf),
}

/// The list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hosts {
    /// Where it comes from.
    pub source: Source,
    /// All of it.
    pub text: String,
    /// Its words: host specs and options.
    pub words: Vec<HostWord>,
}

/// One word of the list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HostWord {
    /// The word.
    pub text: String,
    /// Where it stands in the list's text.
    pub range: Range<usize>,
    /// What the word alone says.
    pub read: Result<HostList, SpecError>,
}

impl HostWord {
    /// The host spec, if the word is one that can be read.
    pub fn spec(&self) -> Option<&HostSpec> {
        self.read.as_ref().ok()?.hosts.first()
    }
}

impl Hosts {
    /// Takes a list apart.
    pub fn new(source: Source, text: &str) -> Self {
        let words = list::words(text)
            .map(|(word, behind)| {
                let end = text.len() - behind.len();
                let range = end - word.len()..end;
                HostWord { text: word.to_owned(), range, read: list::parse(word) }
            })
            .collect();
        Self { source, text: text.to_owned(), words }
    }

    /// The hosts that can be read, with their words.
    pub fn specs(&self) -> impl Iterator<Item = (&HostWord, &HostSpec)> {
        self.words.iter().filter_map(|word| Some((word, word.spec()?)))
    }

    /// The sum of all slots; `None` if a word cannot be read, for the list is no good then.
    pub fn slots(&self) -> Option<u32> {
        let readable = self.words.iter().all(|word| word.read.is_ok());
        readable.then(|| self.specs().map(|(_, spec)| spec.usable_slots()).sum())
    }

    /// Whether every client takes the hosts in an order of its own.
    pub fn is_random(&self) -> bool {
        self.words.iter().any(|word| word.read.as_ref().is_ok_and(|list| list.randomize))
    }

    /// Whether volunteers are found by themselves.
    pub fn has_zeroconf(&self) -> bool {
        self.words.iter().any(|word| word.read.as_ref().is_ok_and(|list| list.zeroconf))
    }
}

/// Whether distcc runs the spec's jobs on this machine, whatever way they take there.
pub fn is_this_machine(spec: &HostSpec) -> bool {
    spec.is_local() || spec.is_loopback()
}

/// The spec's host, if that is a name and no address.
pub fn host_name(spec: &HostSpec) -> Option<&str> {
    let host = match &spec.transport {
        Transport::Local => return None,
        Transport::Tcp { host, .. } | Transport::Ssh { host, .. } => host,
    };
    let address = host.split('%').next().unwrap_or(host);
    let is_address = address.parse::<core::net::IpAddr>().is_ok();
    (!is_address && !host.eq_ignore_ascii_case("localhost")).then_some(host)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_keep_their_places_and_are_read_alone() {
        let text = "localhost/9 # us\n10.0.0.2/x 10.0.0.3/5";
        let hosts = Hosts::new(Source::Variable, text);
        let words: Vec<_> = hosts.words.iter().map(|word| &text[word.range.clone()]).collect();
        assert_eq!(words, ["localhost/9", "10.0.0.2/x", "10.0.0.3/5"]);
        assert_eq!(hosts.specs().count(), 2);
        assert_eq!(hosts.slots(), None);
        assert_eq!(Hosts::new(Source::Variable, "a/5 localhost --randomize").slots(), Some(7));
    }

    #[test]
    fn names_are_told_from_addresses() {
        let name = |word: &str| {
            let hosts = Hosts::new(Source::Variable, word);
            host_name(hosts.words[0].spec().unwrap()).map(str::to_owned)
        };
        assert_eq!(name("desk/4"), Some("desk".to_owned()));
        assert_eq!(name("me@desk"), Some("desk".to_owned()));
        for address in ["localhost/4", "10.0.0.2/5:3635,lzo", "[fe80::1%eth0]:3632", "@10.0.0.2"] {
            assert_eq!(name(address), None, "{address}");
        }
    }
}
