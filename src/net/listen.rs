//! Where clients knock: sockets of our own on every address family, systemd's, or inetd's.

use std::fs::File;
use std::io;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener, TcpStream, ToSocketAddrs};
use std::os::fd::AsFd;
use std::time::Duration;

use nix::{libc, setsockopt_impl, sockopt_impl};
use socket2::{Domain, Protocol, Socket, TcpKeepalive, Type};

use crate::base::{descriptors, env};

/// Connections that the kernel keeps for us until we accept them (it may cut this down).
const BACKLOG: i32 = 4096;

/// The first descriptor that systemd hands over.
const FIRST_ACTIVATED: i32 = 3;

/// Binds `port` on `address`, or, without one, on every address of IPv6 and IPv4.
///
/// With `defer`, a connection is only handed to us once its first bytes are there.
///
/// # Errors
///
/// What resolving or binding met; of several addresses, the first failure where none could be
/// bound.
pub fn bind(address: Option<&str>, port: u16, defer: bool) -> io::Result<Vec<TcpListener>> {
    let Some(name) = address else {
        // One socket for both families; where IPv6 is switched off, one for IPv4.
        let both = bind_one((Ipv6Addr::UNSPECIFIED, port).into(), false, defer);
        return match both {
            Ok(listener) => Ok(vec![listener]),
            Err(error) if error.kind() == io::ErrorKind::AddrInUse => Err(error),
            Err(_) => {
                bind_one((Ipv4Addr::UNSPECIFIED, port).into(), false, defer).map(|one| vec![one])
            }
        };
    };
    let name = name.trim_start_matches('[').trim_end_matches(']');
    let mut listeners = Vec::new();
    let mut failure = io::Error::new(io::ErrorKind::NotFound, format!("{name} has no address"));
    for address in (name, port).to_socket_addrs()? {
        match bind_one(address, true, defer) {
            Ok(listener) => listeners.push(listener),
            Err(error) => failure = error,
        }
    }
    if listeners.is_empty() { Err(failure) } else { Ok(listeners) }
}

sockopt_impl!(
    /// Hand a connection over once its first bytes are there (or after so many seconds).
    DeferAccept,
    SetOnly,
    libc::IPPROTO_TCP,
    libc::TCP_DEFER_ACCEPT,
    i32
);

fn bind_one(address: SocketAddr, v6_only: bool, defer: bool) -> io::Result<TcpListener> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
    if address.is_ipv6() {
        socket.set_only_v6(v6_only)?;
    }
    socket.set_reuse_address(true)?;
    socket.bind(&address.into())?;
    socket.listen(BACKLOG)?;
    if defer {
        // Only saves wake-ups; a kernel without it serves as well.
        let _ = nix::sys::socket::setsockopt(&socket, DeferAccept, &1);
    }
    tune(&socket)?;
    Ok(socket.into())
}

/// What every connection of a listening socket inherits: nothing is held back to fill a segment,
/// and a client whose machine has vanished is noticed within minutes, however long its compile.
fn tune(socket: &Socket) -> io::Result<()> {
    const SILENCE: Duration = Duration::from_secs(60);
    const INTERVAL: Duration = Duration::from_secs(20);
    socket.set_nonblocking(true)?;
    socket.set_tcp_nodelay(true)?;
    let probes = TcpKeepalive::new().with_time(SILENCE).with_interval(INTERVAL).with_retries(3);
    socket.set_tcp_keepalive(&probes)
}

/// The listening sockets that systemd opened for this process: each with its `FileDescriptorName`.
///
/// To be called once, before anything opens a descriptor; other inherited descriptors are closed.
pub fn activated() -> Vec<(String, TcpListener)> {
    let ours = env::LISTEN_PID.number() == Some(i64::from(std::process::id()));
    let count = env::LISTEN_FDS.number().filter(|_| ours).unwrap_or(0);
    let count = u8::try_from(count).unwrap_or(0);
    descriptors::close_inherited(FIRST_ACTIVATED.unsigned_abs() + u32::from(count));
    let names = env::LISTEN_FDNAMES.text().unwrap_or_default();
    let mut names = names.split(':');
    let mut listeners = Vec::new();
    for number in (FIRST_ACTIVATED..).take(count.into()) {
        let name = names.next().unwrap_or_default().to_owned();
        let Some(descriptor) = descriptors::adopt(number) else { break };
        let socket = Socket::from(descriptor);
        let usable = socket.set_cloexec(true).and_then(|()| tune(&socket));
        if usable.is_ok() && rustix::net::sockopt::socket_acceptconn(&socket).unwrap_or(false) {
            listeners.push((name, socket.into()));
        }
    }
    listeners
}

/// Whether standard input is a socket, as inetd and a systemd socket with `Accept=yes` make it.
pub fn stdin_is_socket() -> bool {
    rustix::fs::fstat(io::stdin()).is_ok_and(|stat| {
        rustix::fs::FileType::from_raw_mode(stat.st_mode) == rustix::fs::FileType::Socket
    })
}

/// The client on standard input and output: one socket, or two pipes.
#[derive(Debug)]
pub enum Standard {
    /// A connected stream socket; its address if it is a TCP one.
    Socket(TcpStream, Option<SocketAddr>),
    /// Two pipes, as ssh makes them.
    Pipes(File, File),
}

/// Duplicates of standard input and output.
///
/// # Errors
///
/// One of them is closed.
pub fn standard() -> io::Result<Standard> {
    let input = io::stdin().as_fd().try_clone_to_owned()?;
    if stdin_is_socket() {
        let stream = TcpStream::from(input);
        let peer = stream.peer_addr().ok();
        return Ok(Standard::Socket(stream, peer));
    }
    let output = io::stdout().as_fd().try_clone_to_owned()?;
    Ok(Standard::Pipes(File::from(input), File::from(output)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn free_port() -> u16 {
        TcpListener::bind("[::1]:0")
            .or_else(|_| TcpListener::bind("127.0.0.1:0"))
            .and_then(|listener| listener.local_addr())
            .unwrap()
            .port()
    }

    #[test]
    fn without_an_address_both_families_are_served() {
        let port = free_port();
        let listeners = bind(None, port, true).unwrap();
        assert_eq!(listeners.len(), 1);
        TcpStream::connect(("127.0.0.1", port)).unwrap();
        if TcpListener::bind("[::1]:0").is_ok() {
            TcpStream::connect(("::1", port)).unwrap();
        }
    }

    #[test]
    fn with_an_address_only_that_one_is_served() {
        let port = free_port();
        let listeners = bind(Some("127.0.0.1"), port, false).unwrap();
        assert_eq!(listeners.len(), 1);
        assert_eq!(listeners[0].local_addr().unwrap().to_string(), format!("127.0.0.1:{port}"));
    }

    #[test]
    fn a_port_in_use_is_an_error() {
        let taken = bind(Some("127.0.0.1"), free_port(), false).unwrap();
        let port = taken[0].local_addr().unwrap().port();
        assert!(bind(Some("127.0.0.1"), port, false).is_err());
    }

    #[test]
    fn brackets_around_an_address_are_taken_off() {
        if TcpListener::bind("[::1]:0").is_ok() {
            assert_eq!(bind(Some("[::1]"), free_port(), false).unwrap().len(), 1);
        }
    }
}
