//! Asking one host: does it take a connection, does it compile?

use std::io;
use std::net::{IpAddr, SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use crate::net::ask::{self, AskError};
use crate::net::stream::Stream;
use crate::protocol::limits::Limits;
use crate::protocol::request;
use crate::protocol::version::Version;
use crate::tools::lsdistcc::options::Options;

/// What is compiled, and how.
const SOURCE: &[u8] = b"int foo(){return 0;}";
const ARGUMENTS: [&str; 4] = ["-c", "hello.c", "-o", "hello.o"];
/// More than any volunteer has to say about [`SOURCE`].
const LONGEST_OBJECT: usize = 16 << 20;

/// Connects to one of `addresses`, and lets it compile if that is asked for; gives the address that
/// answered.
///
/// # Errors
///
/// Why the last address is of no use.
pub(super) fn ask(options: &Options, addresses: &[SocketAddr]) -> io::Result<IpAddr> {
    let first = addresses.first().ok_or(io::ErrorKind::NotFound)?;
    let Some(limit) = options.connect else { return Ok(first.ip()) };
    let deadline = Instant::now() + limit;
    let stream = connect(addresses, deadline)?;
    let address = stream.peer_addr()?.ip();
    if let (Some(compiler), Some(limit)) = (&options.compiler, options.compile) {
        compile(stream, options.protocol, compiler, Instant::now() + limit)?;
    }
    Ok(address)
}

fn connect(addresses: &[SocketAddr], deadline: Instant) -> io::Result<TcpStream> {
    let mut last = io::Error::from(io::ErrorKind::TimedOut);
    for address in addresses {
        match TcpStream::connect_timeout(address, remaining(deadline)?) {
            Ok(stream) => return Ok(stream),
            Err(error) => last = error,
        }
    }
    Err(last)
}

/// Sends the test unit and waits for its object.
fn compile(
    stream: TcpStream,
    version: Version,
    compiler: &str,
    deadline: Instant,
) -> io::Result<()> {
    stream.set_nonblocking(true)?;
    let limits = Limits { object: LONGEST_OBJECT, ..Limits::default() };
    let mut stream = Stream::Tcp(stream);
    let request = test_request(version, compiler);
    let reply = match ask::ask(&mut stream, version, &request, &limits, deadline) {
        Err(AskError::Late) => Err(io::ErrorKind::TimedOut.into()),
        other => other.map_err(io::Error::other),
    }?;
    match (reply.status, reply.exit_code()) {
        (0, _) => Ok(()),
        (_, Some(code)) => Err(io::Error::other(format!("the compiler's exit code is {code}"))),
        (status, None) => Err(io::Error::other(format!("the compiler's status is {status}"))),
    }
}

/// The whole request, in the order that the version has.
fn test_request(version: Version, compiler: &str) -> Vec<u8> {
    let argv: Vec<&str> = std::iter::once(compiler).chain(ARGUMENTS).collect();
    request::encode_unit(version, &argv, "hello.c", SOURCE)
}

/// The time left.
fn remaining(deadline: Instant) -> io::Result<Duration> {
    let left = deadline.saturating_duration_since(Instant::now());
    if left.is_zero() { Err(io::ErrorKind::TimedOut.into()) } else { Ok(left) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(version: Version) -> String {
        String::from_utf8_lossy(&test_request(version, "gcc")).into_owned()
    }

    #[test]
    fn the_request_is_the_c_programs_byte_for_byte() {
        let argv = "ARGC00000005ARGV00000003gccARGV00000002-cARGV00000007hello.cARGV00000002-o\
                    ARGV00000007hello.o";
        let plain = format!("DIST00000001{argv}DOTI00000014int foo(){{return 0;}}");
        assert_eq!(text(Version::Plain), plain);
        let stream = "%int foo(){return 0;}\x11\0\0";
        assert_eq!(text(Version::Lzo), format!("DIST00000002{argv}DOTI00000018{stream}"));
        let pump = format!(
            "DIST00000003CDIR00000001/{argv}NFIL00000001NAME00000008/hello.cFILE00000018{stream}"
        );
        assert_eq!(text(Version::Pump), pump);
    }
}
