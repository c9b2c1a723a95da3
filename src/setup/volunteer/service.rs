//! The unit: whether it runs, what makes it run, and whether it lets clients in.

use std::io::{Read, Write};
use std::net::{IpAddr, SocketAddr, TcpStream};
use std::path::Path;
use std::time::{Duration, Instant};

use crate::setup::volunteer::command::Line;

/// How long a daemon that was just started may take until it listens.
const PATIENCE: Duration = Duration::from_secs(10);
/// How long a daemon may take to refuse somebody.
const REFUSAL: Duration = Duration::from_millis(500);
/// How every request begins: the protocol's first version.
const HELLO: &[u8] = b"DIST00000001";

/// What became of an attempt to connect.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Welcome {
    /// The daemon waits for a request.
    LetIn,
    /// It hung up: the access list has not this address.
    Refused,
    /// Nobody listens: what the system says.
    Nobody(String),
}

/// Whether systemd is the first process of the running system.
pub(super) fn systemd_runs() -> bool {
    Path::new("/run/systemd/system").is_dir()
}

/// What brings `unit` up, with the new configuration if that `changed`; nothing if it is up.
pub(super) fn start_commands(unit: &str, changed: bool) -> Vec<Line> {
    let line = |what: &str| Line::new(&format!("systemctl {what} {unit}"));
    let is = |what: &str| line(&format!("--quiet {what}")).succeeds();
    match (is("is-enabled"), is("is-active")) {
        (true, true) if !changed => Vec::new(),
        (true, true) => vec![line("restart")],
        (_, true) if changed => vec![line("enable"), line("restart")],
        _ => vec![line("enable --now")],
    }
}

/// Connects until somebody listens or the daemon had time enough.
pub(super) fn knock_until_open(address: IpAddr, port: u16) -> Welcome {
    let deadline = Instant::now() + PATIENCE;
    loop {
        match knock(address, port) {
            Welcome::Nobody(_) if Instant::now() < deadline => {
                std::thread::sleep(Duration::from_millis(100));
            }
            other => return other,
        }
    }
}

/// Connects as a client does, and sends the first words of a request.
pub(super) fn knock(address: IpAddr, port: u16) -> Welcome {
    let connected = TcpStream::connect_timeout(&SocketAddr::new(address, port), PATIENCE);
    let mut stream = match connected {
        Ok(stream) => stream,
        Err(error) => return Welcome::Nobody(error.to_string()),
    };
    // The daemon may look at us only when we have said something.
    let said = stream.set_read_timeout(Some(REFUSAL)).and_then(|()| stream.write_all(HELLO));
    let heard = said.and_then(|()| stream.read(&mut [0; 1]));
    match heard {
        Err(error) if is_silence(&error) => Welcome::LetIn,
        _ => Welcome::Refused,
    }
}

fn is_silence(error: &std::io::Error) -> bool {
    matches!(error.kind(), std::io::ErrorKind::WouldBlock | std::io::ErrorKind::TimedOut)
}
