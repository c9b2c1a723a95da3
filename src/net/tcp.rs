//! TCP to a volunteer: every address in turn, without blocking the caller.

use std::collections::VecDeque;
use std::io;
use std::net::{SocketAddr, TcpStream};
use std::os::fd::{AsFd, BorrowedFd};
use std::time::{Duration, Instant};

use socket2::{Domain, Protocol, SockRef, Socket, TcpKeepalive, Type};

/// Time for one address to answer, as in distcc 3.4.
pub const CONNECT_TIME: Duration = Duration::from_secs(4);

/// A volunteer that has died without a word is noticed after about two minutes.
const KEEPALIVE_IDLE: Duration = Duration::from_secs(60);
const KEEPALIVE_INTERVAL: Duration = Duration::from_secs(15);
const KEEPALIVE_RETRIES: u32 = 4;

/// A connection being made. Wait until [`Dialing::as_fd`] is writable or [`Dialing::deadline`] is
/// past, then call [`Dialing::proceed`].
#[derive(Debug)]
pub struct Dialing {
    socket: Socket,
    address: SocketAddr,
    deadline: Instant,
    later: VecDeque<SocketAddr>,
}

/// How far a connection has come.
#[derive(Debug)]
pub enum Progress {
    /// Made: non-blocking, without Nagle's delay, with keepalive.
    Connected(TcpStream),
    /// Not yet.
    Dialing(Dialing),
}

impl Dialing {
    /// Starts with the first address that takes a connection attempt.
    ///
    /// # Errors
    ///
    /// What the last of `addresses` met.
    pub fn start(addresses: Vec<SocketAddr>, now: Instant) -> io::Result<Self> {
        let none = io::Error::new(io::ErrorKind::NotFound, "no address to connect to");
        Self::next(addresses.into(), none, now)
    }

    fn next(
        mut later: VecDeque<SocketAddr>,
        mut last: io::Error,
        now: Instant,
    ) -> io::Result<Self> {
        while let Some(address) = later.pop_front() {
            match open(address) {
                Ok(socket) => {
                    return Ok(Self { socket, address, deadline: now + CONNECT_TIME, later });
                }
                Err(error) => last = named(&error, address),
            }
        }
        Err(last)
    }

    /// When the address now tried is given up.
    pub fn deadline(&self) -> Instant {
        self.deadline
    }

    /// Looks whether the connection stands, has failed, or is late; goes on to the next address.
    ///
    /// # Errors
    ///
    /// What the last address met, when none is left.
    pub fn proceed(self, writable: bool, now: Instant) -> io::Result<Progress> {
        let failure = if writable {
            match self.socket.take_error() {
                Ok(None) => return Ok(Progress::Connected(self.socket.into())),
                Ok(Some(error)) | Err(error) => error,
            }
        } else if now >= self.deadline {
            let text = format!("no answer within {} s", CONNECT_TIME.as_secs());
            io::Error::new(io::ErrorKind::TimedOut, text)
        } else {
            return Ok(Progress::Dialing(self));
        };
        Self::next(self.later, named(&failure, self.address), now).map(Progress::Dialing)
    }
}

impl AsFd for Dialing {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }
}

fn named(error: &io::Error, address: SocketAddr) -> io::Error {
    io::Error::new(error.kind(), format!("{address}: {error}"))
}

fn open(address: SocketAddr) -> io::Result<Socket> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
    socket.set_nonblocking(true)?;
    socket.set_tcp_nodelay(true)?;
    match socket.connect(&address.into()) {
        Ok(()) => {}
        Err(error) if error.raw_os_error() == Some(nix::libc::EINPROGRESS) => {}
        Err(error) => return Err(error),
    }
    Ok(socket)
}

/// Lets the kernel notice a peer that has vanished while it was thinking.
///
/// # Errors
///
/// What setting the options met.
pub fn keep_alive(stream: &TcpStream) -> io::Result<()> {
    let keepalive = TcpKeepalive::new()
        .with_time(KEEPALIVE_IDLE)
        .with_interval(KEEPALIVE_INTERVAL)
        .with_retries(KEEPALIVE_RETRIES);
    SockRef::from(stream).set_tcp_keepalive(&keepalive)
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;

    use nix::poll::{PollFd, PollFlags, PollTimeout, poll};

    use super::*;

    fn finish(mut dialing: Dialing) -> io::Result<TcpStream> {
        loop {
            let mut fds = [PollFd::new(dialing.as_fd(), PollFlags::POLLOUT)];
            poll(&mut fds, PollTimeout::MAX).unwrap();
            match dialing.proceed(true, Instant::now())? {
                Progress::Connected(stream) => return Ok(stream),
                Progress::Dialing(next) => dialing = next,
            }
        }
    }

    #[test]
    fn a_refusing_address_hands_on_to_the_next() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let closed = TcpListener::bind("127.0.0.1:0").unwrap();
        let refused = closed.local_addr().unwrap();
        drop(closed);
        let addresses = vec![refused, listener.local_addr().unwrap()];
        let stream = finish(Dialing::start(addresses, Instant::now()).unwrap()).unwrap();
        assert_eq!(stream.peer_addr().unwrap(), listener.local_addr().unwrap());
        keep_alive(&stream).unwrap();
    }

    #[test]
    fn the_error_names_the_address() {
        let closed = TcpListener::bind("127.0.0.1:0").unwrap();
        let refused = closed.local_addr().unwrap();
        drop(closed);
        let error = Dialing::start(vec![refused], Instant::now()).and_then(finish).unwrap_err();
        assert!(error.to_string().starts_with(&refused.to_string()), "{error}");
    }

    #[test]
    fn a_late_address_is_given_up_at_its_deadline() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let start = Instant::now();
        let dialing = Dialing::start(vec![listener.local_addr().unwrap()], start).unwrap();
        let Progress::Dialing(dialing) = dialing.proceed(false, start).unwrap() else {
            panic!("connected without being writable");
        };
        assert!(dialing.proceed(false, start + CONNECT_TIME).is_err());
    }
}
