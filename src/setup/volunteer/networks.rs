//! The networks that this machine is attached to.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use nix::ifaddrs::getifaddrs;
use nix::net::if_::InterfaceFlags;
use nix::sys::socket::SockaddrStorage;

/// Interfaces of virtual machines and containers begin so: no client comes from there.
const INNER: [&str; 6] = ["docker", "br-", "veth", "virbr", "podman", "ve-"];
/// Networks that distccd's `--allow-private` stands for, and what one `--allow` each would be.
pub(super) const PRIVATE: [&str; 5] =
    ["192.168.0.0/16", "10.0.0.0/8", "172.16.0.0/12", "fc00::/7", "fe80::/10"];

/// An address of this machine with its network.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Attached {
    /// This machine's address in it.
    pub address: IpAddr,
    /// How many bits of that are the network's.
    pub bits: u32,
}

impl Attached {
    /// The network, as in `192.168.10.0/24`.
    pub(super) fn network(&self) -> String {
        let network = match self.address {
            IpAddr::V4(address) => {
                let mask = u32::MAX.checked_shl(32 - self.bits.min(32)).unwrap_or(0);
                IpAddr::V4(Ipv4Addr::from_bits(address.to_bits() & mask))
            }
            IpAddr::V6(address) => {
                let mask = u128::MAX.checked_shl(128 - self.bits.min(128)).unwrap_or(0);
                IpAddr::V6(Ipv6Addr::from_bits(address.to_bits() & mask))
            }
        };
        format!("{network}/{}", self.bits)
    }

    /// Whether `--allow-private` lets clients of the network in.
    pub(super) fn is_private(&self) -> bool {
        match self.address {
            IpAddr::V4(address) => address.is_private(),
            IpAddr::V6(address) => address.is_unique_local(),
        }
    }
}

/// All of them, each network once; without loopback and link-local addresses.
pub(super) fn attached() -> Vec<Attached> {
    // A kernel that lists none has none.
    let Ok(interfaces) = getifaddrs() else { return Vec::new() };
    let mut all = Vec::<Attached>::new();
    for interface in interfaces {
        let up = InterfaceFlags::IFF_UP | InterfaceFlags::IFF_RUNNING;
        let inner = INNER.iter().any(|name| interface.interface_name.starts_with(name));
        let loopback = interface.flags.contains(InterfaceFlags::IFF_LOOPBACK);
        if inner || loopback || !interface.flags.contains(up) {
            continue;
        }
        let address = interface.address.as_ref().and_then(address);
        let bits = interface.netmask.as_ref().and_then(address_bits);
        let (Some(address), Some(bits)) = (address, bits) else { continue };
        let found = Attached { address, bits };
        let known = all.iter().any(|known| known.network() == found.network());
        if is_reachable(address) && bits > 0 && !known {
            all.push(found);
        }
    }
    // An address that is its whole network tells nothing of clients, unless there is nothing else.
    let wide = |one: &Attached| one.bits < if one.address.is_ipv4() { 32 } else { 128 };
    if all.iter().any(wide) {
        all.retain(wide);
    }
    all
}

fn is_reachable(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => !address.is_loopback() && !address.is_link_local(),
        IpAddr::V6(address) => !address.is_loopback() && !address.is_unicast_link_local(),
    }
}

fn address(storage: &SockaddrStorage) -> Option<IpAddr> {
    let v4 = storage.as_sockaddr_in().map(|address| IpAddr::V4(address.ip()));
    v4.or_else(|| storage.as_sockaddr_in6().map(|address| IpAddr::V6(address.ip())))
}

/// How many bits a mask has.
fn address_bits(mask: &SockaddrStorage) -> Option<u32> {
    Some(match address(mask)? {
        IpAddr::V4(mask) => mask.to_bits().leading_ones(),
        IpAddr::V6(mask) => mask.to_bits().leading_ones(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(address: &str, bits: u32) -> Attached {
        Attached { address: address.parse().unwrap(), bits }
    }

    #[test]
    fn a_network_is_what_all_its_addresses_begin_with() {
        assert_eq!(at("192.168.10.7", 24).network(), "192.168.10.0/24");
        assert_eq!(at("192.168.10.7", 32).network(), "192.168.10.7/32");
        assert_eq!(at("10.1.2.3", 0).network(), "0.0.0.0/0");
        assert_eq!(at("2001:db8:1:2:3::4", 64).network(), "2001:db8:1:2::/64");
    }

    #[test]
    fn private_is_what_distccd_takes_for_private() {
        assert!(at("172.16.0.1", 16).is_private() && at("fd00::1", 64).is_private());
        assert!(!at("8.8.8.8", 24).is_private() && !at("2001:db8::1", 64).is_private());
    }
}
