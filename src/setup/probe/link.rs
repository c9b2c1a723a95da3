//! Connections to one volunteer: its addresses, the one that answers, and one job over each.

use std::ffi::OsString;
use std::io;
use std::net::{IpAddr, SocketAddr, TcpStream, UdpSocket};
use std::os::unix::ffi::OsStrExt;
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::ifaddrs;

use crate::base::env;
use crate::hosts::spec::{HostSpec, Transport};
use crate::net::ask::{self, AskError};
use crate::net::stream::Stream;
use crate::net::{resolve, ssh, tcp};
use crate::protocol::limits::Limits;
use crate::protocol::packet::{self, token};
use crate::protocol::reply::Reply;
use crate::protocol::request;
use crate::protocol::version::Version;
use crate::setup::probe::fault::Fault;

/// A network that rejects answers at once; one that waits for a neighbour takes some seconds.
const AT_ONCE: Duration = Duration::from_millis(500);
/// How long we listen whether we are hung up on before we have asked for anything.
const LISTEN: Duration = Duration::from_millis(1500);
/// The most of an object that we take: ours have some KiB.
const MOST_OBJECT: usize = 8 << 20;
/// The most of what a compiler prints.
const MOST_OUTPUT: usize = 1 << 20;

/// The way to one volunteer, as far as it is known.
#[derive(Debug)]
pub(super) struct Link<'a> {
    spec: &'a HostSpec,
    /// The address that took a connection.
    pub(super) address: Option<SocketAddr>,
    /// When all must be over.
    pub(super) deadline: Instant,
    limit: Duration,
    ssh: &'a [String],
}

impl<'a> Link<'a> {
    /// Nothing is known yet; everything ends after `limit`.
    pub(super) fn new(spec: &'a HostSpec, ssh: &'a [String], limit: Duration) -> Self {
        Self { spec, address: None, deadline: Instant::now() + limit, limit, ssh }
    }

    /// The addresses of the volunteer's name.
    ///
    /// # Errors
    ///
    /// What the resolver said.
    pub(super) fn look_up(&self) -> io::Result<Vec<SocketAddr>> {
        match &self.spec.transport {
            Transport::Tcp { host, port } => resolve::addresses(host, *port, self.left()),
            Transport::Ssh { .. } | Transport::Local => Ok(Vec::new()),
        }
    }

    /// The time left.
    pub(super) fn left(&self) -> Duration {
        self.deadline.saturating_duration_since(Instant::now())
    }

    /// Connects to the first of `addresses` that takes it, and says how long that took.
    ///
    /// # Errors
    ///
    /// The fault that tells most, of those that the addresses have.
    pub(super) fn reach(&mut self, addresses: &[SocketAddr]) -> Result<Duration, Fault> {
        let mut worst: Option<Fault> = None;
        for (at, address) in addresses.iter().enumerate() {
            let still = u32::try_from(addresses.len() - at).unwrap_or(u32::MAX);
            // Some time must be left for the answer to the first question.
            let limit = (self.left() / 2).min(tcp::CONNECT_TIME) / still;
            let start = Instant::now();
            match TcpStream::connect_timeout(address, limit.max(Duration::from_millis(1))) {
                Ok(_) => {
                    self.address = Some(*address);
                    return Ok(start.elapsed());
                }
                Err(error) => {
                    let fault = fault_of(&error, *address, start.elapsed());
                    if worst.as_ref().is_none_or(|worst| telling(&fault) > telling(worst)) {
                        worst = Some(fault);
                    }
                }
            }
        }
        Err(worst.unwrap_or_else(|| Fault::NameUnknown("it has none".to_owned())))
    }

    /// Has the volunteer compile `source` with `words`; gives its reply, and how long it took from
    /// the connection on.
    ///
    /// # Errors
    ///
    /// [`AskError`]; no connection counts as broken.
    pub(super) fn job(
        &self,
        version: Version,
        words: &[OsString],
        name: &str,
        source: &[u8],
    ) -> Result<(Reply, Duration), AskError> {
        let words: Vec<&[u8]> = words.iter().map(|word| word.as_bytes()).collect();
        let request = request::encode_unit(version, &words, name, source);
        let limits = Limits { object: MOST_OBJECT, output: MOST_OUTPUT, ..Limits::default() };
        let start = Instant::now();
        let mut stream = self.connect()?;
        let reply = ask::ask(&mut stream, version, &request, &limits, self.deadline)?;
        Ok((reply, start.elapsed()))
    }

    /// Whether the volunteer's access list lets us in; see [`ask::is_let_speak`].
    ///
    /// # Errors
    ///
    /// [`AskError::Refused`] where it does not.
    pub(super) fn is_let_speak(&self, version: Version) -> Result<(), AskError> {
        let opening = packet::header(token::DIST, version.number());
        // ssh takes a while until it knows that it is not let in.
        let ssh = matches!(self.spec.transport, Transport::Ssh { .. });
        let time = if ssh { self.left() / 2 } else { LISTEN.min(self.left()) };
        ask::is_let_speak(&mut self.connect()?, &opening, time)
    }

    fn connect(&self) -> Result<Stream, AskError> {
        let left = self.left();
        if left.is_zero() {
            return Err(AskError::Late);
        }
        if let Transport::Ssh { user, host, command } = &self.spec.transport {
            let guard = (OsString::from(env::SAFEGUARD.0), OsString::from("1"));
            let (stream, child) =
                ssh::connect(self.ssh, user.as_deref(), host, command.as_deref(), &[guard])
                    .map_err(AskError::Broken)?;
            return Ok(Stream::Ssh(stream, child));
        }
        let address =
            self.address.ok_or_else(|| AskError::Broken(io::ErrorKind::NotFound.into()))?;
        let stream = TcpStream::connect_timeout(&address, left).map_err(|error| {
            if error.kind() == io::ErrorKind::TimedOut {
                AskError::Late
            } else {
                AskError::Broken(error)
            }
        })?;
        let ready = stream.set_nonblocking(true).and_then(|()| stream.set_nodelay(true));
        ready.map_err(AskError::Broken)?;
        Ok(Stream::Tcp(stream))
    }

    /// How long all may take.
    pub(super) fn limit(&self) -> Duration {
        self.limit
    }
}

/// What a failed connection means.
fn fault_of(error: &io::Error, address: SocketAddr, took: Duration) -> Fault {
    match error.raw_os_error().map(Errno::from_raw) {
        Some(Errno::ECONNREFUSED) => Fault::Down,
        Some(Errno::EPERM | Errno::EACCES) => Fault::FirewalledHere,
        // A neighbour that is off is unreachable after some seconds; at once says a firewall.
        Some(Errno::EHOSTUNREACH)
            if took < AT_ONCE
                && our_address(address).is_some_and(|(_, prefix)| prefix.is_some()) =>
        {
            Fault::Firewalled(took)
        }
        _ if error.kind() == io::ErrorKind::TimedOut => Fault::Firewalled(took),
        _ => Fault::Unreachable(error.to_string()),
    }
}

/// How much a fault of one of several addresses tells about the machine.
fn telling(fault: &Fault) -> u8 {
    match fault {
        Fault::Down => 3,
        Fault::FirewalledHere => 2,
        Fault::Firewalled(_) => 1,
        _ => 0,
    }
}

/// This machine's address on the way to `peer`, and how many bits its network has, where the peer
/// is in that network.
pub(super) fn our_address(peer: SocketAddr) -> Option<(IpAddr, Option<u8>)> {
    let any: SocketAddr =
        if peer.is_ipv4() { ([0, 0, 0, 0], 0).into() } else { ([0; 16], 0).into() };
    // A datagram socket is connected without a packet being sent.
    let socket = UdpSocket::bind(any).ok()?;
    socket.connect(peer).ok()?;
    let ours = socket.local_addr().ok()?.ip();
    Some((ours, prefix_of(ours).filter(|&bits| same_network(ours, peer.ip(), bits))))
}

/// The length of the network prefix of one of our own addresses.
fn prefix_of(ours: IpAddr) -> Option<u8> {
    let interfaces = ifaddrs::getifaddrs().ok()?;
    let bits = interfaces.filter_map(|interface| {
        let (address, mask) = (interface.address?, interface.netmask?);
        match ours {
            IpAddr::V4(ours) if address.as_sockaddr_in()?.ip() == ours => {
                Some(mask.as_sockaddr_in()?.ip().to_bits().leading_ones())
            }
            IpAddr::V6(ours) if address.as_sockaddr_in6()?.ip() == ours => {
                Some(mask.as_sockaddr_in6()?.ip().to_bits().leading_ones())
            }
            _ => None,
        }
    });
    bits.filter_map(|bits| u8::try_from(bits).ok()).next()
}

fn same_network(one: IpAddr, other: IpAddr, bits: u8) -> bool {
    let same = |one: u128, other: u128, width: u32| {
        (one ^ other).checked_shr(width.saturating_sub(bits.into())).unwrap_or(0) == 0
    };
    match (one, other) {
        (IpAddr::V4(one), IpAddr::V4(other)) => {
            same(one.to_bits().into(), other.to_bits().into(), 32)
        }
        (IpAddr::V6(one), IpAddr::V6(other)) => same(one.to_bits(), other.to_bits(), 128),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn loopback_is_in_a_network_of_eight_bits() {
        let (ours, bits) = our_address(([127, 0, 0, 9], 3632).into()).unwrap();
        assert!(ours.is_loopback());
        assert_eq!(bits, Some(8));
    }

    #[test]
    fn networks_are_compared_by_their_first_bits() {
        let same = |one: &str, other: &str, bits| {
            same_network(one.parse().unwrap(), other.parse().unwrap(), bits)
        };
        assert!(same("192.168.10.2", "192.168.10.77", 24));
        assert!(!same("192.168.10.2", "192.168.11.2", 24));
        assert!(same("10.0.0.1", "11.0.0.1", 0));
        assert!(same("fd00::1", "fd00::2", 64) && !same("fd00::1", "fd01::1", 64));
        assert!(!same("10.0.0.1", "fd00::1", 0));
    }

    #[test]
    fn each_error_of_a_connection_has_its_fault() {
        let fault = |errno: Errno, after| {
            let error = io::Error::from_raw_os_error(errno as i32);
            fault_of(&error, ([203, 0, 113, 7], 3632).into(), after)
        };
        assert_eq!(fault(Errno::ECONNREFUSED, AT_ONCE), Fault::Down);
        assert_eq!(fault(Errno::EPERM, AT_ONCE), Fault::FirewalledHere);
        assert_eq!(fault(Errno::ETIMEDOUT, AT_ONCE), Fault::Firewalled(AT_ONCE));
        assert!(matches!(fault(Errno::ENETUNREACH, AT_ONCE), Fault::Unreachable(_)));
        assert!(matches!(fault(Errno::EHOSTUNREACH, Duration::ZERO), Fault::Unreachable(_)));
    }
}
