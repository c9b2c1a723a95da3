//! Whether a daemon compiles for whom it should: it is asked to, as by a client.

use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use crate::net::ask::{self, AskError};
use crate::net::stream::Stream;
use crate::protocol::limits::Limits;
use crate::protocol::request;
use crate::protocol::version::Version;
use crate::setup::probe::unit::TINY;
use crate::toolchains::object::{Made, printable};

/// How long it may take: the compiler may come from a cold disk.
const LIMIT: Duration = Duration::from_secs(30);
/// The most of an object that is taken; ours has a KiB.
const MOST_OBJECT: usize = 8 << 20;
/// The most of what a compiler prints.
const MOST_OUTPUT: usize = 1 << 20;

/// Has the daemon at `place` compile a unit by the compiler called `name`; gives what it made.
///
/// # Errors
///
/// The end of a sentence that begins with the daemon.
pub(super) fn compile(place: SocketAddr, name: &str) -> Result<Made, String> {
    let words = [name, "-O2", "-c", "distcc-setup-probe.c", "-o", "distcc-setup-probe.o"];
    let request = request::encode_unit(Version::Plain, &words, "distcc-setup-probe.c", TINY);
    let limits = Limits { object: MOST_OBJECT, output: MOST_OUTPUT, ..Limits::default() };
    let stream = TcpStream::connect_timeout(&place, LIMIT)
        .and_then(|stream| stream.set_nonblocking(true).map(|()| stream))
        .map_err(|error| format!("cannot be reached: {error}"))?;
    let deadline = Instant::now() + LIMIT;
    let reply = ask::ask(&mut Stream::Tcp(stream), Version::Plain, &request, &limits, deadline)
        .map_err(|error| match error {
            AskError::Refused => format!("hangs up when it is asked for {name}; its log says why"),
            other => format!("was asked for {name}: {other}"),
        })?;
    if reply.status != 0 {
        let said = reply.stderr.split(|&byte| byte == b'\n').map(printable);
        let said = said.into_iter().find(|line| !line.is_empty()).unwrap_or_default();
        return Err(format!("cannot compile with {name}: {said}"));
    }
    Made::read(&reply.object).ok_or_else(|| format!("answers {name} with what is no object"))
}
