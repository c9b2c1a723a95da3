//! Bytes to and from a unix socket, each wait with its end.

use std::io::{self, IoSliceMut};
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, OwnedFd};
use std::path::Path;
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;
use rustix::net::sockopt::socket_peercred;
use rustix::net::{
    AddressFamily, RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, SendFlags, SocketAddrUnix,
    SocketFlags, SocketType, recvmsg, send, socket_with,
};
use rustix::process::Pid;

use crate::net::agent::place::short_name;
use crate::net::agent::{AgentError, TAKEN};

/// So much longer an agent may take which waits for a processor.
const BUSY: Duration = Duration::from_secs(2);
/// How much is read at once.
const AT_ONCE: usize = 64 * 1024;

/// A connection to an agent of the same user.
#[derive(Debug)]
pub(super) struct Connection {
    stream: OwnedFd,
    peer: Pid,
    descriptor: Option<OwnedFd>,
    buffer: Vec<u8>,
}

/// Connects to whoever listens at `socket`.
///
/// # Errors
///
/// [`AgentError::Unreachable`], with the kinds `NotFound` and `ConnectionRefused` where nobody
/// listens; [`AgentError::NotTaken`]; [`AgentError::Stranger`].
pub(super) fn connect(path: &Path) -> Result<Connection, AgentError> {
    let unreachable = |error: io::Error| AgentError::Unreachable(path.to_owned(), error);
    let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
    let socket = || socket_with(AddressFamily::UNIX, SocketType::STREAM, flags, None);
    // Holds the directory open that a short name leads through.
    let (name, _dir) = short_name(path).map_err(unreachable)?;
    let address = SocketAddrUnix::new(&name).map_err(|errno| unreachable(errno.into()))?;
    let deadline = Instant::now() + TAKEN;
    let stream = loop {
        let stream = socket().map_err(|errno| unreachable(errno.into()))?;
        match rustix::net::connect(&stream, &address) {
            Ok(()) => break stream,
            Err(Errno::INTR) => {}
            // So many wait there that one more has no room.
            Err(Errno::AGAIN) if Instant::now() < deadline => {
                std::thread::sleep(Duration::from_millis(2));
            }
            Err(Errno::AGAIN) => return Err(AgentError::NotTaken),
            Err(errno) => return Err(unreachable(errno.into())),
        }
    };
    let peer = socket_peercred(&stream).map_err(|errno| unreachable(errno.into()))?;
    if peer.uid != rustix::process::geteuid() {
        return Err(AgentError::Stranger(path.to_owned(), peer.uid.as_raw()));
    }
    Ok(Connection { stream, peer: peer.pid, descriptor: None, buffer: vec![0; AT_ONCE] })
}

impl Connection {
    /// Sends all of `bytes`.
    ///
    /// # Errors
    ///
    /// [`AgentError::NotTaken`] once `deadline` has passed, [`AgentError::HungUp`],
    /// [`AgentError::Broken`].
    pub(super) fn send(&self, mut bytes: &[u8], deadline: Instant) -> Result<(), AgentError> {
        while !bytes.is_empty() {
            match send(&self.stream, bytes, SendFlags::NOSIGNAL) {
                Ok(count) => bytes = bytes.get(count..).unwrap_or_default(),
                Err(Errno::INTR) => {}
                Err(Errno::AGAIN) => {
                    if !self.wait(PollFlags::OUT, deadline)? {
                        return Err(AgentError::NotTaken);
                    }
                }
                // It may have said why before it hung up.
                Err(Errno::PIPE | Errno::CONNRESET) => return Ok(()),
                Err(errno) => return Err(AgentError::Broken(errno.into())),
            }
        }
        Ok(())
    }

    /// The next bytes.
    ///
    /// # Errors
    ///
    /// [`AgentError::NotTaken`] if the agent has not taken the question by `taken`,
    /// [`AgentError::Late`] if nothing comes until `answered`, [`AgentError::HungUp`],
    /// [`AgentError::Broken`].
    pub(super) fn receive(
        &mut self,
        taken: Instant,
        answered: Instant,
    ) -> Result<&[u8], AgentError> {
        loop {
            let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
            let mut control = RecvAncillaryBuffer::new(&mut space);
            let mut parts = [IoSliceMut::new(&mut self.buffer)];
            let flags = RecvFlags::CMSG_CLOEXEC;
            match recvmsg(&self.stream, &mut parts, &mut control, flags) {
                Ok(got) if got.bytes == 0 => return Err(AgentError::HungUp),
                Ok(got) => {
                    for message in control.drain() {
                        if let RecvAncillaryMessage::ScmRights(mut descriptors) = message {
                            self.descriptor = descriptors.next().or(self.descriptor.take());
                        }
                    }
                    return Ok(self.buffer.get(..got.bytes).unwrap_or_default());
                }
                Err(Errno::INTR) => {}
                Err(Errno::CONNRESET) => return Err(AgentError::HungUp),
                Err(Errno::AGAIN) => {
                    self.wait_until_taken(taken)?;
                    if !self.wait(PollFlags::IN, answered)? {
                        return Err(AgentError::Late);
                    }
                }
                Err(errno) => return Err(AgentError::Broken(errno.into())),
            }
        }
    }

    /// Waits until the agent has taken the question, or until `taken`; longer only for one that
    /// would do so if this machine were less busy.
    fn wait_until_taken(&self, taken: Instant) -> Result<(), AgentError> {
        let mut until = taken;
        while !self.wait(PollFlags::IN, until)? && !self.is_taken() {
            if until >= taken + BUSY || !self.is_about_to_run() {
                return Err(AgentError::NotTaken);
            }
            until += TAKEN / 4;
        }
        Ok(())
    }

    /// Whether the agent waits for a processor, or has one.
    fn is_about_to_run(&self) -> bool {
        let path = format!("/proc/{}/stat", self.peer.as_raw_nonzero());
        let stat = std::fs::read_to_string(path).unwrap_or_default();
        // The program's name may hold anything.
        stat.rsplit_once(") ").is_some_and(|(_, state)| state.starts_with('R'))
    }

    /// Whether the agent has taken the question: it closes its reading side then.
    fn is_taken(&self) -> bool {
        send(&self.stream, &[], SendFlags::NOSIGNAL) == Err(Errno::PIPE)
    }

    /// Waits; `false` if the deadline passed.
    fn wait(&self, events: PollFlags, deadline: Instant) -> Result<bool, AgentError> {
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            let left = Timespec::try_from(left).unwrap_or_default();
            match poll(&mut [PollFd::from_borrowed_fd(self.stream.as_fd(), events)], Some(&left)) {
                Ok(ready) => return Ok(ready > 0),
                Err(Errno::INTR) => {}
                Err(errno) => return Err(AgentError::Broken(errno.into())),
            }
        }
    }

    /// The descriptor that came along.
    pub(super) fn take_descriptor(&mut self) -> Option<OwnedFd> {
        self.descriptor.take()
    }
}
