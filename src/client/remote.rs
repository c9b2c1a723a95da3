//! One translation unit to one volunteer: connect while the preprocessor runs, send, take the
//! reply.

use std::io::{self, IoSlice, Read, Write};
use std::os::fd::AsFd;
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};

use crate::client::preprocess::{Preprocessor, Source};
use crate::hosts::spec::{HostSpec, Transport};
use crate::net::stream::{Stream, hung_up};
use crate::net::tcp::{Dialing, Progress};
use crate::net::{resolve, ssh, tcp};
use crate::progress::board::{Post, REFRESH_EVERY};
use crate::progress::phase::Phase;
use crate::protocol::limits::Limits;
use crate::protocol::packet;
use crate::protocol::reply::{Reply, ReplyDecoder};
use crate::protocol::request;
use crate::protocol::version::Version;

/// How much is read at once.
const BUFFER_BYTES: usize = 128 * 1024;

/// Why a volunteer did not do its part.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// No connection.
    #[error("no connection: {0}")]
    Unreachable(io::Error),
    /// It hung up without a word, as a volunteer does that refuses: the access list, the compiler's
    /// name, or the command line.
    #[error(
        "it hung up without an answer (is this machine allowed there, and the compiler in its \
         whitelist?)"
    )]
    Refused,
    /// It hung up in the middle of its reply.
    #[error("it hung up in the middle of its reply: {0}")]
    Cut(String),
    /// What it sent is no reply.
    #[error("its reply cannot be read: {0}")]
    Garbage(String),
    /// Nothing came or went for too long.
    #[error("{0} for {limit} s", limit = .1.as_secs())]
    Silent(&'static str, Duration),
    /// A read or write failed.
    #[error("the connection broke: {0}")]
    Broken(io::Error),
    /// DISTCC_IO_TIMEOUT cannot be used.
    #[error("DISTCC_IO_TIMEOUT must be a number of seconds above 0")]
    BadTimeout,
    /// The preprocessor could not be run or read: not the volunteer's fault.
    #[error("the preprocessor could not be run: {0}")]
    Preprocessor(io::Error),
}

impl Failure {
    /// Whether the volunteer is at fault, and should rest.
    pub fn blames_volunteer(&self) -> bool {
        !matches!(self, Self::Preprocessor(_) | Self::BadTimeout)
    }
}

/// When each part of an exchange was over.
#[derive(Clone, Copy, Debug, Default)]
pub struct Times {
    /// Until connected, with the source ready.
    pub ready: Duration,
    /// Until all was sent.
    pub sent: Duration,
    /// Until the volunteer began to answer.
    pub answered: Duration,
    /// Until the whole reply was here.
    pub received: Duration,
    /// Bytes of the request.
    pub bytes_out: u64,
    /// Bytes of the reply.
    pub bytes_in: u64,
}

/// What an exchange needs to know.
#[derive(Debug)]
pub struct Errand<'a> {
    /// The volunteer.
    pub host: &'a HostSpec,
    /// Protocol version.
    pub version: Version,
    /// The unit's name, for monitors.
    pub file: &'a [u8],
    /// The slot, for monitors.
    pub slot: u32,
    /// Longest wait for one read or write.
    pub io_timeout: Option<Duration>,
    /// Longest wait for the volunteer's compiler.
    pub compile_timeout: Option<Duration>,
    /// The ssh command.
    pub ssh: &'a [String],
    /// What ssh gets added to its environment.
    pub env: &'a [(std::ffi::OsString, std::ffi::OsString)],
}

/// The source, or the preprocessor that is still making it.
#[derive(Debug)]
pub enum Supply {
    /// At work.
    Coming(Box<Preprocessor>),
    /// Done: its exit status has been looked at by nobody yet.
    Made(std::process::ExitStatus, Source),
}

enum Link {
    Dialing(Dialing),
    Up(Stream),
}

/// Connects while the preprocessor runs. Returns early, without a connection, when it fails.
///
/// # Errors
///
/// [`Failure::Unreachable`] or [`Failure::Preprocessor`]; `supply` stays usable after the former.
pub fn connect(
    errand: &Errand<'_>,
    supply: &mut Option<Supply>,
    post: &mut Post,
) -> Result<Option<Stream>, Failure> {
    post.publish(Phase::Connect, errand.file, errand.host.display_host(), errand.slot);
    let mut link = dial(errand).map_err(Failure::Unreachable)?;
    if matches!(supply, Some(Supply::Coming(_))) {
        post.publish(Phase::Preprocess, errand.file, "localhost", errand.slot);
    }
    let mut buffer = Vec::new();
    loop {
        *supply = match supply.take() {
            Some(Supply::Coming(cpp)) => {
                buffer.resize(BUFFER_BYTES, 0);
                Some(advance(cpp, &mut buffer).map_err(Failure::Preprocessor)?)
            }
            other => other,
        };
        let coming = match supply {
            Some(Supply::Coming(cpp)) => Some(cpp.awaited()),
            Some(Supply::Made(status, _)) if !status.success() => return Ok(None),
            _ => None,
        };
        link = match (link, coming) {
            (Link::Up(stream), None) => return Ok(Some(stream)),
            (Link::Up(stream), Some((fd, longest))) => {
                let mut fds = [PollFd::new(fd, PollFlags::POLLIN)];
                wait(&mut fds, Some(longest)).map_err(Failure::Preprocessor)?;
                Link::Up(stream)
            }
            (Link::Dialing(dialing), coming) => proceed(dialing, coming)?,
        };
    }
}

fn advance(mut cpp: Box<Preprocessor>, buffer: &mut [u8]) -> io::Result<Supply> {
    if cpp.collect(buffer)? {
        let (status, source) = cpp.finish()?;
        return Ok(Supply::Made(status, source));
    }
    Ok(Supply::Coming(cpp))
}

fn proceed(
    dialing: Dialing,
    coming: Option<(std::os::fd::BorrowedFd<'_>, Duration)>,
) -> Result<Link, Failure> {
    let mut longest = dialing.deadline().saturating_duration_since(Instant::now());
    let mut fds = vec![PollFd::new(dialing.as_fd(), PollFlags::POLLOUT)];
    if let Some((fd, time)) = coming {
        fds.push(PollFd::new(fd, PollFlags::POLLIN));
        longest = longest.min(time);
    }
    wait(&mut fds, Some(longest)).map_err(Failure::Unreachable)?;
    let writable = fds.first().and_then(PollFd::any).unwrap_or(false);
    drop(fds);
    match dialing.proceed(writable, Instant::now()).map_err(Failure::Unreachable)? {
        Progress::Dialing(dialing) => Ok(Link::Dialing(dialing)),
        Progress::Connected(stream) => {
            // Without keepalive a dead volunteer is noticed later, by the compile's own limit.
            drop(tcp::keep_alive(&stream));
            Ok(Link::Up(Stream::Tcp(stream)))
        }
    }
}

fn dial(errand: &Errand<'_>) -> io::Result<Link> {
    match &errand.host.transport {
        Transport::Tcp { host, port } => {
            let addresses = resolve::addresses(host, *port, resolve::RESOLVE_TIME)?;
            Dialing::start(addresses, Instant::now()).map(Link::Dialing)
        }
        Transport::Ssh { user, host, command } => {
            let (stream, child) =
                ssh::connect(errand.ssh, user.as_deref(), host, command.as_deref(), errand.env)?;
            Ok(Link::Up(Stream::Ssh(stream, child)))
        }
        Transport::Local => Err(io::Error::other("localhost is no volunteer")),
    }
}

/// Sends the request over `stream` and takes the reply.
///
/// # Errors
///
/// Any [`Failure`] but [`Failure::Unreachable`].
pub fn exchange(
    errand: &Errand<'_>,
    mut stream: Stream,
    words: &[std::ffi::OsString],
    source: &mut Source,
    post: &mut Post,
) -> Result<(Reply, Times), Failure> {
    let body = source.body(errand.version == Version::Lzo).map_err(Failure::Preprocessor)?;
    let words: Vec<&[u8]> =
        words.iter().map(|word| std::os::unix::ffi::OsStrExt::as_bytes(word.as_os_str())).collect();
    let mut head = request::encode_head(errand.version, &words);
    let length = u32::try_from(body.len()).map_err(|_| {
        Failure::Preprocessor(io::Error::other("the source is too long for the protocol"))
    })?;
    head.extend_from_slice(&packet::header(*b"DOTI", length));
    converse(errand, &mut stream, &mut [IoSlice::new(&head), IoSlice::new(body)], post)
}

/// Sends the request that `parts` make and takes the reply.
///
/// # Errors
///
/// Any [`Failure`] but [`Failure::Unreachable`].
pub fn converse(
    errand: &Errand<'_>,
    stream: &mut Stream,
    parts: &mut [IoSlice<'_>],
    post: &mut Post,
) -> Result<(Reply, Times), Failure> {
    let io_timeout = errand.io_timeout.ok_or(Failure::BadTimeout)?;
    let start = Instant::now();
    let host = errand.host.display_host();
    let mut times = Times { ready: Duration::ZERO, ..Times::default() };
    post.publish(Phase::Send, errand.file, host, errand.slot);
    times.bytes_out = parts.iter().map(|part| part.len() as u64).sum();
    send(stream, parts, io_timeout)?;
    times.sent = start.elapsed();
    post.publish(Phase::Compile, errand.file, host, errand.slot);
    await_answer(stream, errand.compile_timeout, post)?;
    times.answered = start.elapsed();
    post.publish(Phase::Receive, errand.file, host, errand.slot);
    let (reply, bytes_in) = receive(stream, errand.version, io_timeout)?;
    times.bytes_in = bytes_in;
    times.received = start.elapsed();
    Ok((reply, times))
}

fn send(
    stream: &mut Stream,
    mut parts: &mut [IoSlice<'_>],
    limit: Duration,
) -> Result<(), Failure> {
    // What is empty takes no byte and would look like an end.
    IoSlice::advance_slices(&mut parts, 0);
    while !parts.is_empty() {
        match stream.write_vectored(parts) {
            Ok(0) => return Err(Failure::Refused),
            Ok(count) => IoSlice::advance_slices(&mut parts, count),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                let mut fds = [PollFd::new(stream.as_fd(), PollFlags::POLLOUT)];
                if !wait(&mut fds, Some(limit)).map_err(Failure::Broken)? {
                    return Err(Failure::Silent("it took nothing from us", limit));
                }
            }
            Err(error) if hung_up(&error) => return Err(Failure::Refused),
            Err(error) => return Err(Failure::Broken(error)),
        }
    }
    Ok(())
}

/// Waits while the volunteer compiles, telling monitors that we still do.
fn await_answer(stream: &Stream, limit: Option<Duration>, post: &mut Post) -> Result<(), Failure> {
    let start = Instant::now();
    loop {
        let left = limit.map(|limit| limit.saturating_sub(start.elapsed()));
        if let (Some(Duration::ZERO), Some(limit)) = (left, limit) {
            return Err(Failure::Silent("it has been compiling (DISTCC_COMPILE_TIMEOUT)", limit));
        }
        let step = left.map_or(REFRESH_EVERY, |left| left.min(REFRESH_EVERY));
        let mut fds = [PollFd::new(stream.as_fd(), PollFlags::POLLIN)];
        if wait(&mut fds, Some(step)).map_err(Failure::Broken)? {
            return Ok(());
        }
        post.refresh();
    }
}

fn receive(
    stream: &mut Stream,
    version: Version,
    limit: Duration,
) -> Result<(Reply, u64), Failure> {
    let mut decoder = ReplyDecoder::new(version, &Limits::default());
    let mut buffer = vec![0; BUFFER_BYTES];
    let mut total = 0;
    loop {
        match stream.read(&mut buffer) {
            Ok(0) if total == 0 => return Err(Failure::Refused),
            Ok(0) => return Err(Failure::Cut(decoder.finish().to_string())),
            Ok(count) => {
                total += count as u64;
                let bytes = buffer.get(..count).unwrap_or_default();
                match decoder.push(bytes) {
                    Ok(Some(reply)) => return Ok((reply, total)),
                    Ok(None) => {}
                    Err(error) => return Err(Failure::Garbage(error.to_string())),
                }
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                let mut fds = [PollFd::new(stream.as_fd(), PollFlags::POLLIN)];
                if !wait(&mut fds, Some(limit)).map_err(Failure::Broken)? {
                    return Err(Failure::Silent("it stopped in the middle of its reply", limit));
                }
            }
            Err(error) if hung_up(&error) && total == 0 => return Err(Failure::Refused),
            Err(error) if hung_up(&error) => {
                return Err(Failure::Cut(decoder.finish().to_string()));
            }
            Err(error) => return Err(Failure::Broken(error)),
        }
    }
}

/// Waits until one of `fds` is ready (`true`) or `limit` is over (`false`).
fn wait(fds: &mut [PollFd<'_>], limit: Option<Duration>) -> io::Result<bool> {
    // Rounded up: a wait of less than a millisecond would otherwise spin.
    let timeout = limit.map_or(PollTimeout::NONE, |limit| {
        let limit = limit.saturating_add(Duration::from_micros(999));
        PollTimeout::try_from(limit).unwrap_or(PollTimeout::MAX)
    });
    match poll(fds, timeout) {
        Ok(count) => Ok(count > 0),
        // The caller looks at its own state again, and at its own clock.
        Err(Errno::EINTR) => Ok(true),
        Err(errno) => Err(errno.into()),
    }
}
