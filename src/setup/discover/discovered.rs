//! What a volunteer says of itself, as far as it can be true.

use std::cmp::Reverse;
use std::net::IpAddr;

use crate::hosts::spec::DEFAULT_PORT;
use crate::setup::tally::shown;
use crate::targets::{self, Target};

/// The most addresses of one volunteer.
const MOST_ADDRESSES: usize = 16;
/// The most letters of one value.
const LONGEST_VALUE: usize = 64;
/// The most processors and jobs that are believed.
const MOST_PROCESSORS: u32 = 4096;

/// A volunteer that announced itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Discovered {
    /// What it calls itself, as `distcc@desk`; fit for a terminal.
    pub name: String,
    /// Where it is, the likeliest first; none that leads nowhere from here.
    pub addresses: Vec<IpAddr>,
    /// Its port.
    pub port: u16,
    /// How many processors it has.
    pub cpus: Option<u32>,
    /// How many jobs it takes at once.
    pub jobs: Option<u32>,
    /// The version of its `cc`, as in `14.2.1`.
    pub compiler_version: Option<String>,
    /// The machine that its `cc` compiles for, as in `x86_64-pc-linux-gnu`.
    pub compiler_machine: Option<String>,
    /// What its `cc` may compile for.
    pub targets: Vec<&'static Target>,
    /// The version of its distcc.
    pub distcc_version: Option<String>,
}

impl Discovered {
    /// Takes what can be true of an answer; `text` gives the value of a key of its TXT record.
    ///
    /// Source of the keys: distccd 3.4, zeroconf-reg.c.
    pub fn new<'a>(
        name: &str,
        addresses: impl Iterator<Item = IpAddr>,
        port: u16,
        text: impl Fn(&str) -> Option<&'a [u8]>,
    ) -> Self {
        let mut addresses: Vec<_> = addresses.filter(leads_somewhere).collect();
        addresses.sort_by_key(|address| (address.is_ipv6(), *address));
        addresses.dedup();
        addresses.truncate(MOST_ADDRESSES);
        let number = |key: &str| number(text(key)?);
        let word = |key: &str| word(text(key)?);
        let compiler_machine = word("cc_machine").or_else(|| word("gnuhost"));
        Self {
            name: shown(name),
            addresses,
            port,
            cpus: number("cpus"),
            jobs: number("jobs"),
            compiler_version: word("cc_version"),
            targets: compiler_machine.as_deref().map(targets::of_triple).unwrap_or_default(),
            compiler_machine,
            distcc_version: word("distcc"),
        }
    }

    /// The host spec for it, as seen from a client that builds for `target`: the first address, the
    /// port, and as many slots as it takes jobs, if it says so. `None` without an address or port.
    ///
    /// The port is left out if it is the one that `target` has anyway, or if what is there compiles
    /// for others only: then the machine may have another for it.
    pub fn host_spec(&self, target: Option<&'static Target>) -> Option<String> {
        let usual = target.map_or(DEFAULT_PORT, |target| target.port);
        let port = match self.port {
            0 => return None,
            port if port == usual || self.is_for_others(target) => String::new(),
            port => format!(":{port}"),
        };
        let slots = self.jobs.map(|jobs| format!("/{jobs}")).unwrap_or_default();
        Some(match self.addresses.first()? {
            IpAddr::V4(address) => format!("{address}{port}{slots}"),
            IpAddr::V6(address) => format!("[{address}]{port}{slots}"),
        })
    }

    /// Whether it is known to compile for other targets than `target` only.
    pub fn is_for_others(&self, target: Option<&'static Target>) -> bool {
        target.is_some_and(|target| !self.targets.is_empty() && !self.targets.contains(&target))
    }

    /// How it stands among others: the most powerful first, and those alike in the order of names.
    pub(super) fn rank(&self) -> (Reverse<u32>, Reverse<u32>, &str) {
        (Reverse(self.cpus.unwrap_or(0)), Reverse(self.jobs.unwrap_or(0)), &self.name)
    }
}

/// Whether one can connect to `address` by writing it into a host list; a link-local one needs an
/// interface beside it.
fn leads_somewhere(address: &IpAddr) -> bool {
    let local = match address {
        IpAddr::V4(address) => address.is_link_local() || address.is_broadcast(),
        IpAddr::V6(address) => address.is_unicast_link_local(),
    };
    !local && !address.is_loopback() && !address.is_unspecified() && !address.is_multicast()
}

fn number(value: &[u8]) -> Option<u32> {
    let number = str::from_utf8(value).ok()?.parse().ok()?;
    (1..=MOST_PROCESSORS).contains(&number).then_some(number)
}

/// A value that is a version or a machine's name.
fn word(value: &[u8]) -> Option<String> {
    let text = str::from_utf8(value).ok()?;
    let plain = text.bytes().all(|byte| byte.is_ascii_graphic());
    (plain && !text.is_empty() && text.len() <= LONGEST_VALUE).then(|| text.to_owned())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn at(addresses: &[&str], port: u16, text: &[(&str, &str)]) -> Discovered {
        let addresses = addresses.iter().map(|address| address.parse().unwrap());
        let value = |key: &str| {
            text.iter().find(|(name, _)| *name == key).map(|(_, value)| value.as_bytes())
        };
        Discovered::new("distcc@desk", addresses, port, value)
    }

    #[test]
    fn a_volunteer_is_a_host_spec() {
        let spec = |addresses: &[&str], port, text| at(addresses, port, text).host_spec(None);
        let jobs = &[("jobs", "10")][..];
        assert_eq!(spec(&["192.168.1.7"], 3632, jobs).as_deref(), Some("192.168.1.7/10"));
        assert_eq!(spec(&["fd00::7"], 3633, jobs).as_deref(), Some("[fd00::7]:3633/10"));
        assert_eq!(spec(&["fd00::7", "10.0.0.7"], 3632, &[]).as_deref(), Some("10.0.0.7"));
        assert_eq!(spec(&["fe80::1", "127.0.0.1", "::", "224.0.0.1"], 3632, jobs), None);
        assert_eq!(spec(&["10.0.0.7"], 0, jobs), None);
    }

    #[test]
    fn the_port_is_named_where_it_is_right_and_not_the_usual_one() {
        let spec = |port, text: &[(&str, &str)], target: &str| {
            at(&["10.0.0.7"], port, text).host_spec(targets::by_name(target)).unwrap()
        };
        let own = &[("cc_machine", "x86_64-pc-linux-gnu")][..];
        assert_eq!(spec(3632, own, "x86_64"), "10.0.0.7");
        assert_eq!(spec(3632, own, "armv8"), "10.0.0.7");
        let arm = &[("cc_machine", "armv7l-unknown-linux-gnueabihf")][..];
        assert_eq!(spec(3632, arm, "armv7h"), "10.0.0.7:3632");
        let service = &[("cc_machine", "arm-unknown-linux-gnueabihf")][..];
        assert_eq!(spec(3635, service, "armv7h"), "10.0.0.7");
        assert_eq!(spec(4000, service, "armv7h"), "10.0.0.7:4000");
        assert_eq!(spec(3635, service, "x86_64"), "10.0.0.7");
        assert_eq!(spec(4000, &[], "armv8"), "10.0.0.7:4000");
    }

    #[test]
    fn only_what_can_be_true_is_taken() {
        let told = at(
            &[],
            1,
            &[
                ("cpus", "0"),
                ("jobs", "99999999999"),
                ("cc_version", "\x1b[2J"),
                ("distcc", "3.4"),
                ("cc_machine", ""),
                ("gnuhost", "x86_64-pc-linux-gnu"),
            ],
        );
        assert_eq!((told.cpus, told.jobs, told.compiler_version), (None, None, None));
        assert_eq!(told.distcc_version.as_deref(), Some("3.4"));
        assert_eq!(told.compiler_machine.as_deref(), Some("x86_64-pc-linux-gnu"));
    }

    proptest! {
        #[test]
        fn no_value_makes_it_fall_over(value in prop::collection::vec(any::<u8>(), 0..100), name in "\\PC*") {
            let told = Discovered::new(&name, std::iter::empty(), 7, |_| Some(&value));
            prop_assert!(!told.name.contains(char::is_control));
            prop_assert!(told.jobs.is_none_or(|jobs| jobs > 0));
        }
    }
}
