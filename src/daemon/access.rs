//! Which addresses may connect.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, ToSocketAddrs};

/// What `--allow-private` stands for.
const PRIVATE: [(IpAddr, u8); 7] = [
    (IpAddr::V4(Ipv4Addr::new(192, 168, 0, 0)), 16),
    (IpAddr::V4(Ipv4Addr::new(10, 0, 0, 0)), 8),
    (IpAddr::V4(Ipv4Addr::new(172, 16, 0, 0)), 12),
    (IpAddr::V4(Ipv4Addr::new(127, 0, 0, 0)), 8),
    (IpAddr::V6(Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0, 0, 0)), 10),
    (IpAddr::V6(Ipv6Addr::new(0xfc00, 0, 0, 0, 0, 0, 0, 0)), 7),
    (IpAddr::V6(Ipv6Addr::LOCALHOST), 128),
];

/// The addresses that share their first bits with one another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Network {
    address: IpAddr,
    bits: u8,
}

/// Why a network cannot be read.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum AccessError {
    /// What follows the slash is no number of bits.
    #[error("invalid mask \"{0}\"")]
    Mask(String),
    /// Neither an address nor a host name that resolves.
    #[error("can't parse internet address \"{0}\": {1}")]
    Address(String, String),
}

impl Network {
    /// Reads `IP`, `IP/BITS`, or a host name, whose addresses are looked up now.
    ///
    /// # Errors
    ///
    /// [`AccessError`], worded as distcc words it.
    pub fn parse(text: &str) -> Result<Vec<Self>, AccessError> {
        Self::parse_with(text, look_up)
    }

    fn parse_with(
        text: &str,
        look_up: impl Fn(&str) -> io::Result<Vec<IpAddr>>,
    ) -> Result<Vec<Self>, AccessError> {
        let (name, mask) = match text.split_once('/') {
            Some((name, mask)) => (name, Some(mask)),
            None => (text, None),
        };
        let bits = match mask {
            Some(mask) if mask.bytes().all(|byte| byte.is_ascii_digit()) => {
                Some(mask.parse::<u8>().map_err(|_| AccessError::Mask(mask.to_owned()))?)
            }
            Some(mask) => return Err(AccessError::Mask(mask.to_owned())),
            None => None,
        };
        addresses(name, look_up)?.into_iter().map(|address| Self::new(address, bits)).collect()
    }

    fn new(address: IpAddr, bits: Option<u8>) -> Result<Self, AccessError> {
        let width = width(address);
        let bits = bits.unwrap_or(width);
        if bits > width {
            return Err(AccessError::Mask(bits.to_string()));
        }
        let plain = address.to_canonical();
        let bits = if plain == address { bits } else { bits.saturating_sub(96) };
        Ok(Self { address: plain, bits })
    }

    /// Whether `address`, or the IPv4 address that it maps to IPv6, is in here.
    pub fn contains(&self, address: IpAddr) -> bool {
        match (self.address, address.to_canonical()) {
            (IpAddr::V4(ours), IpAddr::V4(theirs)) => {
                let differing = ours.to_bits() ^ theirs.to_bits();
                differing.checked_shr(u32::from(32 - self.bits)).unwrap_or(0) == 0
            }
            (IpAddr::V6(ours), IpAddr::V6(theirs)) => {
                let differing = ours.to_bits() ^ theirs.to_bits();
                differing.checked_shr(u32::from(128 - self.bits)).unwrap_or(0) == 0
            }
            _ => false,
        }
    }
}

fn width(address: IpAddr) -> u8 {
    if address.is_ipv4() { 32 } else { 128 }
}

fn addresses(
    name: &str,
    look_up: impl Fn(&str) -> io::Result<Vec<IpAddr>>,
) -> Result<Vec<IpAddr>, AccessError> {
    if let Ok(address) = name.parse() {
        return Ok(vec![address]);
    }
    let bad = |reason: String| AccessError::Address(name.to_owned(), reason);
    if name.is_empty() {
        return Err(bad("it is empty".to_owned()));
    }
    let mut addresses = look_up(name).map_err(|error| bad(error.to_string()))?;
    addresses.dedup();
    Ok(addresses)
}

fn look_up(name: &str) -> io::Result<Vec<IpAddr>> {
    Ok((name, 0).to_socket_addrs()?.map(|address| address.ip()).collect())
}

/// Who may connect.
#[derive(Clone, Debug, Default)]
pub struct AccessList {
    /// `None`: everyone.
    networks: Option<Vec<Network>>,
}

impl AccessList {
    /// The list that `--allow` and `--allow-private` describe; with neither, everyone may connect.
    ///
    /// # Errors
    ///
    /// The first `--allow` that cannot be read.
    pub fn new(allow: &[String], allow_private: bool) -> Result<Self, AccessError> {
        if allow.is_empty() && !allow_private {
            return Ok(Self::default());
        }
        let mut networks = Vec::new();
        if allow_private {
            networks.extend(PRIVATE.map(|(address, bits)| Network { address, bits }));
        }
        for text in allow {
            networks.extend(Network::parse(text)?);
        }
        Ok(Self { networks: Some(networks) })
    }

    /// Whether a client with this address is served.
    pub fn allows(&self, address: IpAddr) -> bool {
        match &self.networks {
            None => true,
            Some(networks) => networks.iter().any(|network| network.contains(address)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn matches(mask: &str, address: &str) -> bool {
        let address = address.parse().unwrap();
        Network::parse(mask).unwrap().iter().any(|network| network.contains(address))
    }

    fn unknown(_: &str) -> io::Result<Vec<IpAddr>> {
        Err(io::Error::other("Name or service not known"))
    }

    #[test]
    fn masks_are_read_as_the_upstream_suite_wants_them() {
        assert!(matches("127.0.0.1", "127.0.0.1"));
        assert!(!matches("127.0.0.1", "127.0.0.2"));
        assert!(matches("127.0.0.1/8", "127.0.0.2"));
        assert!(matches("1.2.3.4/0", "4.3.2.1"));
        assert!(matches("192.168.1.64/28", "192.168.1.70"));
        assert!(!matches("192.168.1.64/28", "192.168.1.80"));
        assert!(!matches("192.168.1.64/32", "192.168.1.65"));
        assert_eq!(Network::parse("1.2.3.4/40"), Err(AccessError::Mask("40".to_owned())));
        assert_eq!(Network::parse("1.2.3.4/x"), Err(AccessError::Mask("x".to_owned())));
        assert_eq!(Network::parse("1.2.3.4/"), Err(AccessError::Mask(String::new())));
        assert_eq!(Network::parse("1.2.3.4/-1"), Err(AccessError::Mask("-1".to_owned())));
        assert_eq!(Network::parse("1.2.3.4/999"), Err(AccessError::Mask("999".to_owned())));
        assert!(matches!(Network::parse("/8"), Err(AccessError::Address(..))));
    }

    #[test]
    fn ipv6_networks_hold_ipv6_addresses() {
        assert!(matches("fe80::/10", "fe80::1:2"));
        assert!(matches("fe80::/10", "febf::1"));
        assert!(!matches("fe80::/10", "fec0::1"));
        assert!(matches("::1", "::1"));
        assert!(!matches("::1", "::2"));
        assert!(matches("2001:db8::/0", "::1"));
        assert!(!matches("::/0", "127.0.0.1"));
        assert_eq!(Network::parse("::1/129"), Err(AccessError::Mask("129".to_owned())));
    }

    #[test]
    fn mapped_addresses_are_the_ipv4_addresses_they_carry() {
        assert!(matches("10.0.0.0/8", "::ffff:10.1.2.3"));
        assert!(matches("::ffff:10.0.0.0/104", "10.1.2.3"));
        assert!(!matches("::ffff:10.0.0.0/104", "11.1.2.3"));
    }

    #[test]
    fn no_option_means_everyone_and_private_means_private() {
        let address = |text: &str| -> IpAddr { text.parse().unwrap() };
        let everyone = AccessList::new(&[], false).unwrap();
        assert!(everyone.allows(address("8.8.8.8")));
        let private = AccessList::new(&[], true).unwrap();
        for inside in ["127.0.0.1", "10.9.8.7", "172.31.0.1", "192.168.3.4", "::1", "fd00::1"] {
            assert!(private.allows(address(inside)), "{inside}");
        }
        for outside in ["8.8.8.8", "172.32.0.1", "2001:db8::1", "::ffff:8.8.8.8"] {
            assert!(!private.allows(address(outside)), "{outside}");
        }
        let both = AccessList::new(&["8.8.8.8".to_owned()], true).unwrap();
        assert!(both.allows(address("8.8.8.8")) && both.allows(address("::1")));
    }

    #[test]
    fn host_names_stand_for_their_addresses() {
        assert!(matches("localhost", "127.0.0.1") || matches("localhost", "::1"));
        let error = Network::parse_with("nobody", unknown).unwrap_err();
        let text = "can't parse internet address \"nobody\": Name or service not known";
        assert_eq!(error.to_string(), text);
    }

    proptest::proptest! {
        #[test]
        fn any_text_is_read_or_refused(text in "[0-9a-f.:/]{0,24}") {
            drop(Network::parse_with(&text, unknown));
        }

        #[test]
        fn a_network_holds_its_own_address(bits in 0_u8..=32, address: u32) {
            let address = Ipv4Addr::from_bits(address);
            let mask = format!("{address}/{bits}");
            proptest::prop_assert!(matches(&mask, &address.to_string()));
        }
    }
}
