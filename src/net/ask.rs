//! One small job for one volunteer, all of it by one deadline: for those who want to know what a
//! volunteer can do, and not the object. (A real compile overlaps its steps; the client does that.)

use std::io::{self, Read, Write};
use std::os::fd::AsFd;
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};

use crate::hosts::spec::{HostSpec, ProtocolWish, Transport};
use crate::net::stream::{Stream, hung_up};
use crate::protocol::limits::Limits;
use crate::protocol::reply::{Reply, ReplyDecoder};
use crate::protocol::version::Version;

/// How many bytes of an answer that is none are kept, to show what was said.
const SAID: usize = 80;

/// Why there is no reply.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AskError {
    /// It hung up without a word, as a volunteer does that refuses.
    #[error("it hung up without an answer")]
    Refused,
    /// It hung up in the middle of its reply.
    #[error("it hung up in the middle of its reply: {0}")]
    Cut(String),
    /// What it sent is no reply; how so, and the first bytes of it.
    #[error("its reply cannot be read: {0}")]
    Garbage(String, Vec<u8>),
    /// The deadline came first.
    #[error("it did not answer in time")]
    Late,
    /// A read or write failed.
    #[error("the connection broke: {0}")]
    Broken(#[source] io::Error),
}

/// The protocol that `host` is spoken to in: without an include server, a pump host is used in
/// protocol 2, as 3.4 does.
pub fn version(host: &HostSpec) -> Version {
    match host.settled_protocol() {
        // ssh carries bytes at the price of encryption: fewer of them are cheaper.
        _ if host.protocol == ProtocolWish::Best
            && matches!(host.transport, Transport::Ssh { .. }) =>
        {
            Version::Lzo
        }
        ProtocolWish::Plain => Version::Plain,
        _ => Version::Lzo,
    }
}

/// Sends the whole `request` and takes the whole reply.
///
/// # Errors
///
/// [`AskError`]; never later than a moment after `deadline`.
pub fn ask(
    stream: &mut Stream,
    version: Version,
    request: &[u8],
    limits: &Limits,
    deadline: Instant,
) -> Result<Reply, AskError> {
    // One that answers before it has heard everything is no volunteer, but what it says is telling.
    send(stream, request, deadline)?;
    let mut decoder = ReplyDecoder::new(version, limits);
    let mut said = Vec::new();
    let mut bytes = [0; 16 * 1024];
    loop {
        match stream.read(&mut bytes) {
            Ok(0) if said.is_empty() => return Err(AskError::Refused),
            Ok(0) => return Err(AskError::Cut(decoder.finish().to_string())),
            Ok(count) => {
                let read = bytes.get(..count).unwrap_or_default();
                said.extend(read.iter().take(SAID.saturating_sub(said.len())));
                match decoder.push(read) {
                    Ok(Some(reply)) => return Ok(reply),
                    // One that never stops talking is as late as one that never starts.
                    Ok(None) if Instant::now() >= deadline => return Err(AskError::Late),
                    Ok(None) => {}
                    Err(error) => return Err(AskError::Garbage(error.to_string(), said)),
                }
            }
            Err(error) if hung_up(&error) && said.is_empty() => return Err(AskError::Refused),
            Err(error) if hung_up(&error) => {
                return Err(AskError::Cut(decoder.finish().to_string()));
            }
            Err(error) => stay(stream, PollFlags::POLLIN, error, deadline)?,
        }
    }
}

fn send(stream: &mut Stream, mut bytes: &[u8], deadline: Instant) -> Result<(), AskError> {
    while !bytes.is_empty() {
        match stream.write(bytes) {
            // The reading end tells whether something was said before.
            Ok(0) => return Ok(()),
            Ok(count) => bytes = bytes.get(count..).unwrap_or_default(),
            Err(error) if hung_up(&error) => return Ok(()),
            Err(error) => stay(stream, PollFlags::POLLOUT, error, deadline)?,
        }
    }
    Ok(())
}

/// Whether the volunteer lets a client that has begun to speak go on: says `opening`, and looks
/// whether it is hung up on within `time`.
///
/// distccd, 3.4's and ours, judges the address before it reads anything, and everything else after
/// it has read the request; so who is refused here is refused by the access list.
///
/// # Errors
///
/// [`AskError::Refused`] if it hangs up, [`AskError::Garbage`] if it speaks out of turn, and
/// [`AskError::Broken`].
pub fn is_let_speak(stream: &mut Stream, opening: &[u8], time: Duration) -> Result<(), AskError> {
    let deadline = Instant::now() + time;
    let mut bytes = [0; SAID];
    match send(stream, opening, deadline) {
        Ok(()) => {}
        Err(AskError::Late) => return Ok(()),
        Err(error) => return Err(error),
    }
    loop {
        match stream.read(&mut bytes) {
            Ok(0) => return Err(AskError::Refused),
            Ok(count) => {
                let said = bytes.get(..count).unwrap_or_default().to_vec();
                return Err(AskError::Garbage("it speaks out of turn".to_owned(), said));
            }
            Err(error) if hung_up(&error) => return Err(AskError::Refused),
            Err(error) => match stay(stream, PollFlags::POLLIN, error, deadline) {
                Ok(()) => {}
                Err(AskError::Late) => return Ok(()),
                Err(error) => return Err(error),
            },
        }
    }
}

/// Waits for `events` where `error` says that it is only too early.
fn stay(
    stream: &Stream,
    events: PollFlags,
    error: io::Error,
    deadline: Instant,
) -> Result<(), AskError> {
    match error.kind() {
        io::ErrorKind::Interrupted => return Ok(()),
        io::ErrorKind::WouldBlock => {}
        _ => return Err(AskError::Broken(error)),
    }
    let left = deadline.saturating_duration_since(Instant::now());
    if left.is_zero() {
        return Err(AskError::Late);
    }
    // Rounded up: a wait of less than a millisecond would otherwise spin.
    let left = left.saturating_add(Duration::from_micros(999));
    let timeout = PollTimeout::try_from(left).unwrap_or(PollTimeout::MAX);
    match poll(&mut [PollFd::new(stream.as_fd(), events)], timeout) {
        Ok(_) | Err(Errno::EINTR) => Ok(()),
        Err(errno) => Err(AskError::Broken(errno.into())),
    }
}

#[cfg(test)]
mod tests {
    use std::net::{TcpListener, TcpStream};

    use super::*;
    use crate::protocol::reply::encode_reply;

    /// What asking gets from a peer that does this.
    fn asked(serve: impl FnOnce(TcpStream) + Send + 'static) -> Result<Reply, AskError> {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let stream = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        stream.set_nonblocking(true).unwrap();
        let peer = std::thread::spawn(move || serve(listener.accept().unwrap().0));
        let limits = Limits { object: 1000, ..Limits::default() };
        let deadline = Instant::now() + Duration::from_millis(300);
        let mut stream = Stream::Tcp(stream);
        let answer = ask(&mut stream, Version::Plain, b"a request", &limits, deadline);
        drop(stream);
        peer.join().unwrap();
        answer
    }

    fn hear(stream: &mut TcpStream) {
        stream.read_exact(&mut [0; 9]).unwrap();
    }

    #[test]
    fn a_reply_is_taken_whole() {
        let reply = Reply { object: b"an object".to_vec(), ..Reply::default() };
        let bytes = encode_reply(Version::Plain, 1, &reply);
        let answer = asked(move |mut stream| {
            hear(&mut stream);
            stream.write_all(&bytes).unwrap();
        });
        assert_eq!(answer.unwrap(), reply);
    }

    #[test]
    fn each_way_of_not_answering_is_told() {
        let silent = asked(|mut stream| hear(&mut stream));
        assert!(matches!(silent, Err(AskError::Refused)), "{silent:?}");
        let deaf = asked(drop);
        assert!(matches!(deaf, Err(AskError::Refused)), "{deaf:?}");
        let cut = asked(|mut stream| {
            hear(&mut stream);
            stream.write_all(b"DONE00000001STAT0000").unwrap();
        });
        assert!(matches!(cut, Err(AskError::Cut(_))), "{cut:?}");
        let hung = asked(|mut stream| {
            hear(&mut stream);
            drop(stream.read(&mut [0]));
        });
        assert!(matches!(hung, Err(AskError::Late)), "{hung:?}");
        let other = asked(|mut stream| {
            hear(&mut stream);
            stream.write_all(b"HTTP/1.0 400 Bad Request\r\n").unwrap();
        });
        let Err(AskError::Garbage(_, said)) = other else { panic!("{other:?}") };
        assert!(said.starts_with(b"HTTP/1.0 400"), "{said:?}");
    }

    #[test]
    fn a_promise_of_too_much_and_a_drip_cost_no_more_than_the_time() {
        let huge = asked(|mut stream| {
            hear(&mut stream);
            stream
                .write_all(b"DONE00000001STAT00000000SERR00000000SOUT00000000DOTOffffffff")
                .unwrap();
        });
        assert!(matches!(huge, Err(AskError::Garbage(..))), "{huge:?}");
        let drip = asked(|mut stream| {
            hear(&mut stream);
            stream.write_all(b"DONE00000001STAT00000000SERR00001000").unwrap();
            while stream.write_all(b".").is_ok() {
                std::thread::sleep(Duration::from_millis(2));
            }
        });
        assert!(matches!(drip, Err(AskError::Late)), "{drip:?}");
    }

    #[test]
    fn who_may_speak_is_told_from_who_is_shut_out() {
        let listen = |patient: bool| {
            let listener = TcpListener::bind("127.0.0.1:0").unwrap();
            let stream = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
            stream.set_nonblocking(true).unwrap();
            let peer = std::thread::spawn(move || {
                let mut stream = listener.accept().unwrap().0;
                if patient {
                    drop(stream.read_to_end(&mut Vec::new()));
                }
            });
            let time = Duration::from_millis(if patient { 100 } else { 10_000 });
            let answer = is_let_speak(&mut Stream::Tcp(stream), b"DIST00000001", time);
            peer.join().unwrap();
            answer
        };
        assert!(listen(true).is_ok());
        assert!(matches!(listen(false), Err(AskError::Refused)));
    }
}
