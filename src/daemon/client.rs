//! The other end of a connection: a socket, or the two pipes that ssh makes.

use std::fs::File;
use std::net::{IpAddr, TcpStream};
use std::os::fd::{AsFd, BorrowedFd};
use std::time::Instant;

use rustix::io::Errno;

/// A client that has connected.
#[derive(Debug)]
pub struct Client {
    line: Line,
    /// `ADDRESS:PORT`, or what stands for it in the log.
    pub name: String,
    /// When it came.
    pub arrived: Instant,
}

#[derive(Debug)]
enum Line {
    Socket(TcpStream),
    Pipes(File, File),
}

/// How far a reply got.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sent {
    /// All of it is on its way.
    All,
    /// So many bytes; the client reads slower than we write.
    Part(usize),
    /// The client is gone.
    Failed,
}

impl Client {
    /// A client on a socket.
    pub fn on_socket(stream: TcpStream, name: String) -> Self {
        Self { line: Line::Socket(stream), name, arrived: Instant::now() }
    }

    /// A client on two pipes.
    pub fn on_pipes(input: File, output: File) -> Self {
        Self { line: Line::Pipes(input, output), name: "NOTSOCKET".into(), arrived: Instant::now() }
    }

    /// Our own address, as the client knows it; `None` where there is no network between.
    pub fn reached_at(&self) -> Option<IpAddr> {
        match &self.line {
            Line::Socket(stream) => Some(stream.local_addr().ok()?.ip().to_canonical()),
            Line::Pipes(..) => None,
        }
    }

    /// The client's address; `None` where there is no network between.
    pub fn comes_from(&self) -> Option<IpAddr> {
        match &self.line {
            Line::Socket(stream) => Some(stream.peer_addr().ok()?.ip().to_canonical()),
            Line::Pipes(..) => None,
        }
    }

    /// What comes from the client.
    pub fn input(&self) -> BorrowedFd<'_> {
        match &self.line {
            Line::Socket(stream) => stream.as_fd(),
            Line::Pipes(input, _) => input.as_fd(),
        }
    }

    /// What goes to the client.
    pub fn output(&self) -> BorrowedFd<'_> {
        match &self.line {
            Line::Socket(stream) => stream.as_fd(),
            Line::Pipes(_, output) => output.as_fd(),
        }
    }

    /// Sends `bytes` as far as they go without waiting.
    pub fn send(&self, bytes: &[u8]) -> Sent {
        let mut sent = 0;
        while let Some(rest) = bytes.get(sent..).filter(|rest| !rest.is_empty()) {
            match rustix::io::write(self.output(), rest) {
                Ok(count) => sent += count,
                Err(Errno::INTR) => {}
                Err(Errno::AGAIN) => return Sent::Part(sent),
                Err(_) => return Sent::Failed,
            }
        }
        Sent::All
    }
}
