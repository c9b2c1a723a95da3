//! A host list with an address for each name, for builds that run where names mean nothing.
//!
//! Which addresses a name has, and which of them answer, a [`Resolver`] says; the rest is pure. The
//! words `localhost`, `localhost/N`, `--randomize`, `--localslots…` are no names and stay.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use crate::hosts::list;
use crate::hosts::spec::{HostSpec, Transport};
use crate::hosts::spec_error::SpecError;

/// The name that is this machine, wherever it is looked up.
const LOCALHOST: &str = "localhost";
/// The word for volunteers that announce themselves.
const ZEROCONF: &str = "+zeroconf";
/// The most addresses of one name that are tried; a name with more is no volunteer's.
const MOST_ADDRESSES: usize = 16;

/// A word of a host list, and where it stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Word {
    /// The word.
    pub text: String,
    /// `/etc/makepkg.conf:43`, `--hosts`: for messages.
    pub place: String,
}

/// Which addresses of a name are taken.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Family {
    /// The first that answers, in the resolver's order.
    #[default]
    Any,
    /// IPv4 alone.
    V4,
    /// IPv6 alone.
    V6,
}

/// What says where a volunteer is.
pub trait Resolver {
    /// The addresses of `name`, the preferred first.
    ///
    /// # Errors
    ///
    /// What the resolver says.
    fn addresses(&self, name: &str) -> io::Result<Vec<IpAddr>>;

    /// Whether somebody accepts connections at `address`.
    fn answers(&self, address: SocketAddr) -> bool;

    /// Host specs of the volunteers that announce themselves, the most powerful first.
    ///
    /// # Errors
    ///
    /// A sentence: nobody could be heard.
    fn announced(&self) -> Result<Vec<String>, String>;
}

/// A host list by address.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Addressed {
    /// The words.
    pub words: Vec<String>,
    /// What names became: the word as it was, and as it is.
    pub resolved: Vec<(String, String)>,
    /// What a person should know, in sentences without a full stop.
    pub notes: Vec<String>,
}

/// Why there is no such list.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AddressError {
    /// A word that cannot be read: where, and what is wrong.
    #[error("{0}: {1}")]
    Spec(String, #[source] SpecError),
    /// A name without an address: where, the word, what the resolver says.
    #[error(
        "{0}: host spec `{1}`: its address was not found: {2} (write the address: in a chroot only \
         addresses work, so names are looked up now)"
    )]
    NoAddress(String, String, String),
    /// A name, or an address, of the other family: where, the word, the family wanted.
    #[error(
        "{0}: host spec `{1}`: it has no {2} address (leave -4 and -6 away: any is taken then)"
    )]
    OtherFamily(String, String, &'static str),
    /// A name whose only addresses need the name of an interface.
    #[error(
        "{0}: host spec `{1}`: it has only the link-local address {2}, which leads nowhere without \
         an interface (write `[{2}%eth0]` with the interface's name, or another address)"
    )]
    LinkLocal(String, String, IpAddr),
    /// A volunteer behind ssh.
    #[error(
        "{0}: host spec `{1}`: in a chroot there are no ssh keys and no agent, so it cannot be \
         used there (let distccd on {2} listen, and write its address)"
    )]
    Ssh(String, String, String),
    /// Nobody announced itself.
    #[error(
        "{0}: `+zeroconf` finds nobody from within a chroot, and nobody announces itself to be \
         written in its place{1} (name the volunteers by --hosts)"
    )]
    Zeroconf(String, String),
}

impl Family {
    fn takes(self, address: IpAddr) -> bool {
        match self {
            Self::Any => true,
            Self::V4 => address.is_ipv4(),
            Self::V6 => address.is_ipv6(),
        }
    }

    fn name(self) -> &'static str {
        match self {
            Self::V6 => "IPv6",
            Self::Any | Self::V4 => "IPv4",
        }
    }

    fn loopback(self) -> IpAddr {
        match self {
            Self::V6 => Ipv6Addr::LOCALHOST.into(),
            Self::Any | Self::V4 => Ipv4Addr::LOCALHOST.into(),
        }
    }
}

/// The list with an address for each name: one entry for each, with its port, slots and options.
///
/// # Errors
///
/// [`AddressError`] for the first word that no build in a chroot could use.
pub fn resolve(
    words: &[Word],
    family: Family,
    resolver: &dyn Resolver,
) -> Result<Addressed, AddressError> {
    let mut list = Addressed::default();
    let mut taken: Vec<(IpAddr, u16, String)> = Vec::new();
    for word in announced(words, resolver)? {
        let bad = |error| AddressError::Spec(word.place.clone(), error);
        let read = list::parse(&word.text).map_err(bad)?;
        // A word that is an option of the whole list has no host in it.
        let Some(host) = read.hosts.first() else {
            list.words.push(word.text);
            continue;
        };
        let found = address_of(&word, host, family, resolver)?;
        let Some((address, port)) = found else {
            list.words.push(word.text);
            continue;
        };
        let text = with_address(host, address);
        let same = taken.iter().find(|(one, at, _)| (*one, *at) == (address, port));
        match same {
            Some((_, _, first)) => {
                let first = first.clone();
                list.notes.push(format!(
                    "`{}` is the same machine as `{first}` ({address}), so it is left out",
                    word.text
                ));
            }
            None => {
                list.resolved.push((word.text.clone(), text.clone()));
                list.words.push(text);
            }
        }
        taken.push((address, port, word.text));
    }
    Ok(list)
}

/// The words, with those that announce themselves in the place of `+zeroconf`.
fn announced(words: &[Word], resolver: &dyn Resolver) -> Result<Vec<Word>, AddressError> {
    let mut all = Vec::new();
    for word in words {
        if word.text != ZEROCONF {
            all.push(word.clone());
            continue;
        }
        let nobody = |why: String| AddressError::Zeroconf(word.place.clone(), why);
        let found = resolver.announced().map_err(|error| nobody(format!(": {error}")))?;
        if found.is_empty() {
            return Err(nobody(String::new()));
        }
        all.extend(found.into_iter().map(|text| Word { text, place: word.place.clone() }));
    }
    Ok(all)
}

/// The address for a host that is named; `None` where there is nothing to look up.
fn address_of(
    word: &Word,
    host: &HostSpec,
    family: Family,
    resolver: &dyn Resolver,
) -> Result<Option<(IpAddr, u16)>, AddressError> {
    let (place, text) = (word.place.clone(), word.text.clone());
    let (name, port) = match &host.transport {
        Transport::Local => return Ok(None),
        Transport::Ssh { host, .. } => return Err(AddressError::Ssh(place, text, host.clone())),
        Transport::Tcp { host, port } => (host.as_str(), *port),
    };
    if let Some(address) = literal(name) {
        return match family.takes(address) {
            true => Ok(None),
            false => Err(AddressError::OtherFamily(place, text, family.name())),
        };
    }
    if name.eq_ignore_ascii_case(LOCALHOST) {
        return Ok(Some((family.loopback(), port)));
    }
    let unknown = |why: String| AddressError::NoAddress(place.clone(), text.clone(), why);
    let mut all = resolver.addresses(name).map_err(|error| unknown(error.to_string()))?;
    all.truncate(MOST_ADDRESSES);
    if all.is_empty() {
        return Err(unknown("the name has none".to_owned()));
    }
    all.retain(|&address| family.takes(address));
    let [first, ..] = all.as_slice() else {
        return Err(AddressError::OtherFamily(place, text, family.name()));
    };
    let usable: Vec<IpAddr> = all.iter().copied().filter(leads_somewhere).collect();
    let address = match usable.as_slice() {
        [] => return Err(AddressError::LinkLocal(place, text, *first)),
        [only] => *only,
        [preferred, ..] => {
            let answers = |address: &&IpAddr| resolver.answers(SocketAddr::new(**address, port));
            *usable.iter().find(answers).unwrap_or(preferred)
        }
    };
    Ok(Some((address, port)))
}

/// The address that `name` is, with or without an interface.
fn literal(name: &str) -> Option<IpAddr> {
    name.split('%').next().and_then(|address| address.parse().ok())
}

/// Whether one can connect to it by its numbers alone.
fn leads_somewhere(address: &IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => !address.is_unspecified(),
        IpAddr::V6(address) => !address.is_unspecified() && !address.is_unicast_link_local(),
    }
}

/// The spec as it was written, but for the name.
fn with_address(host: &HostSpec, address: IpAddr) -> String {
    let Transport::Tcp { host: name, port } = &host.transport else { return host.text.clone() };
    let written = match address {
        IpAddr::V4(address) => address.to_string(),
        IpAddr::V6(address) => format!("[{address}]"),
    };
    let rest = host.text.strip_prefix(name.as_str());
    let rest = rest.or_else(|| host.text.strip_prefix(&format!("[{name}]")));
    rest.map_or_else(
        || {
            let transport = Transport::Tcp { host: address.to_string(), port: *port };
            HostSpec { transport, ..host.clone() }.to_string()
        },
        |rest| written + rest,
    )
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// A network of its own.
    struct Book;

    impl Resolver for Book {
        fn addresses(&self, name: &str) -> io::Result<Vec<IpAddr>> {
            let found: &[&str] = match name {
                "desk" | "desk.lan" => &["10.0.0.2"],
                "both" => &["fd00::3", "10.0.0.3"],
                "six" => &["fd00::6"],
                "here" => &["127.0.1.1"],
                "linked" => &["fe80::1"],
                "half" => &["fe80::1", "10.0.0.5"],
                "void" => &[],
                _ => return Err(io::Error::other("Name or service not known")),
            };
            Ok(found.iter().map(|text| text.parse().unwrap()).collect())
        }

        fn answers(&self, address: SocketAddr) -> bool {
            address == "10.0.0.3:3632".parse().unwrap()
        }

        fn announced(&self) -> Result<Vec<String>, String> {
            Ok(vec!["10.0.0.8/8".to_owned(), "[fd00::9]:3700".to_owned()])
        }
    }

    /// Nobody announces itself in it.
    struct Deaf;

    impl Resolver for Deaf {
        fn addresses(&self, name: &str) -> io::Result<Vec<IpAddr>> {
            Book.addresses(name)
        }

        fn answers(&self, _: SocketAddr) -> bool {
            false
        }

        fn announced(&self) -> Result<Vec<String>, String> {
            Ok(Vec::new())
        }
    }

    fn words(text: &str) -> Vec<Word> {
        let word = |text: &str| Word { text: text.to_owned(), place: "makepkg.conf:3".to_owned() };
        text.split_whitespace().map(word).collect()
    }

    fn of(text: &str, family: Family) -> Result<String, String> {
        let list = resolve(&words(text), family, &Book).map_err(|error| error.to_string())?;
        Ok(list.words.iter().chain(&list.notes).map(String::as_str).collect::<Vec<_>>().join(" "))
    }

    #[test]
    fn words_that_are_no_names_stay() {
        let kept = "localhost localhost/9 --randomize --localslots=3 --localslots_cpp=16 \
                    10.0.0.7:3633/5,lzo [fd00::7]:3633/4,cpp,lzo 10.0.0.9/4:3633 [fe80::1%eth0] \
                    127.0.0.1:40000/2 10.0.0.2,down 10.0.0.7";
        assert_eq!(of(kept, Family::Any).unwrap(), kept);
    }

    #[test]
    fn names_become_addresses_and_all_else_is_kept() {
        let table = [
            ("desk", Family::Any, "10.0.0.2"),
            ("desk:3633/5,cpp,lzo", Family::Any, "10.0.0.2:3633/5,cpp,lzo"),
            ("desk/5:3635", Family::V4, "10.0.0.2/5:3635"),
            ("six:3633/5,lzo", Family::Any, "[fd00::6]:3633/5,lzo"),
            ("[six]/5", Family::V6, "[fd00::6]/5"),
            // The one that answers, or else the first.
            ("both", Family::Any, "10.0.0.3"),
            ("both:3633", Family::Any, "[fd00::3]:3633"),
            ("both", Family::V6, "[fd00::3]"),
            ("both", Family::V4, "10.0.0.3"),
            ("half", Family::Any, "10.0.0.5"),
            // nspawn shares the network: what is here is there.
            ("here/3", Family::Any, "127.0.1.1/3"),
            ("localhost:3633/5", Family::Any, "127.0.0.1:3633/5"),
            ("LocalHost", Family::V6, "[::1]"),
            ("+zeroconf desk", Family::Any, "10.0.0.8/8 [fd00::9]:3700 10.0.0.2"),
        ];
        for (text, family, expected) in table {
            assert_eq!(of(text, family).unwrap(), expected, "{text}");
        }
    }

    #[test]
    fn a_machine_with_two_names_is_one_entry() {
        insta::assert_snapshot!(of("desk/5 desk.lan/5 desk:3633", Family::Any).unwrap(), @"10.0.0.2/5 10.0.0.2:3633 `desk.lan/5` is the same machine as `desk/5` (10.0.0.2), so it is left out");
    }

    #[test]
    fn what_has_no_address_is_an_error_with_its_place() {
        let error = |text: &str| of(text, Family::Any).unwrap_err();
        let texts = ["desk nowhere/5", "void", "linked", "me@desk/4", "a/b"];
        let mut all = texts.map(error).to_vec();
        all.push(of("desk", Family::V6).unwrap_err());
        all.push(of("[fd00::7]", Family::V4).unwrap_err());
        let deaf = resolve(&words("+zeroconf"), Family::Any, &Deaf).unwrap_err();
        all.push(deaf.to_string());
        insta::assert_snapshot!(all.join("\n"), @r"
        makepkg.conf:3: host spec `nowhere/5`: its address was not found: Name or service not known (write the address: in a chroot only addresses work, so names are looked up now)
        makepkg.conf:3: host spec `void`: its address was not found: the name has none (write the address: in a chroot only addresses work, so names are looked up now)
        makepkg.conf:3: host spec `linked`: it has only the link-local address fe80::1, which leads nowhere without an interface (write `[fe80::1%eth0]` with the interface's name, or another address)
        makepkg.conf:3: host spec `me@desk/4`: in a chroot there are no ssh keys and no agent, so it cannot be used there (let distccd on desk listen, and write its address)
        makepkg.conf:3: host spec `a/b`: `b` is no number of slots (write 1 to 65535, as in `10.0.0.7/8`)
        makepkg.conf:3: host spec `desk`: it has no IPv6 address (leave -4 and -6 away: any is taken then)
        makepkg.conf:3: host spec `[fd00::7]`: it has no IPv4 address (leave -4 and -6 away: any is taken then)
        makepkg.conf:3: `+zeroconf` finds nobody from within a chroot, and nobody announces itself to be written in its place (name the volunteers by --hosts)
        ");
    }

    proptest! {
        /// Whatever list distcc can read: what comes out is read as the same hosts, none of which
        /// has a name, with the same slots and options.
        #[test]
        fn nothing_but_names_is_changed(
            picked in prop::collection::vec((0..7_usize, 0..3_usize, 0..4_usize), 1..6),
        ) {
            let names = ["desk", "both", "six", "localhost", "10.0.0.7", "[fd00::7]", "here"];
            let ports = ["", ":3633", ":1"];
            let options = ["", "/7", "/7,lzo", ",cpp,lzo"];
            let all = picked.iter().map(|&(name, port, option)| {
                // A limit of the word `localhost` is all that it can have.
                let option = if names[name] == "localhost" && ports[port].is_empty() { 1 } else { option };
                format!("{}{}{}", names[name], ports[port], options[option])
            });
            let text = all.collect::<Vec<_>>().join(" ");
            let before = list::parse(&text).unwrap();
            let out = resolve(&words(&text), Family::Any, &Book).unwrap();
            let after = list::parse(&out.words.join(" ")).unwrap();
            prop_assert_eq!(after.hosts.len() + out.notes.len(), before.hosts.len());
            for host in &after.hosts {
                let named = match &host.transport {
                    Transport::Tcp { host, .. } => literal(host).is_none(),
                    _ => false,
                };
                prop_assert!(!named, "{}", host.text);
                let same = |one: &&HostSpec| {
                    (one.slots, one.protocol, one.is_local()) == (host.slots, host.protocol, host.is_local())
                };
                prop_assert!(before.hosts.iter().any(|one| same(&one)), "{}", host.text);
            }
        }

        /// Words of any letters do not make it panic.
        #[test]
        fn any_word_is_kept_resolved_or_refused(text in "[-a-z@/:,.%\\[\\]+0-9]{1,24}") {
            drop(of(&text, Family::Any));
        }
    }
}
