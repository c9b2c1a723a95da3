//! Names to addresses, within a time.

use std::io;
use std::net::{IpAddr, SocketAddr, ToSocketAddrs};
use std::sync::mpsc;
use std::time::Duration;

use crate::base::process;

/// Time for the resolver to answer: it asks its servers more than once, so it takes longer than a
/// connection. Without an answer the build goes on here.
pub const RESOLVE_TIME: Duration = Duration::from_secs(12);

/// The addresses of `host`, in the resolver's order; a literal address costs no look-up.
///
/// # Errors
///
/// `TimedOut` when the resolver did not answer within `limit`, else what it said.
pub fn addresses(host: &str, port: u16, limit: Duration) -> io::Result<Vec<SocketAddr>> {
    if let Ok(address) = host.parse::<IpAddr>() {
        return Ok(vec![SocketAddr::new(address, port)]);
    }
    let (sender, receiver) = mpsc::channel();
    let name = host.to_owned();
    // The resolver cannot be interrupted: a thread waits for it, and is left behind if it is late.
    std::thread::Builder::new().name("resolve".to_owned()).spawn(move || {
        process::leave_signals_to_others();
        let found = (name.as_str(), port).to_socket_addrs().map(Iterator::collect::<Vec<_>>);
        // Nobody listens any more when the time was over.
        drop(sender.send(found));
    })?;
    match receiver.recv_timeout(limit) {
        Ok(Ok(found)) if found.is_empty() => {
            Err(io::Error::new(io::ErrorKind::NotFound, "the name has no address"))
        }
        Ok(found) => found,
        Err(_) => Err(io::Error::new(
            io::ErrorKind::TimedOut,
            format!("no answer from the resolver within {} s", limit.as_secs()),
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn literal_addresses_need_no_resolver() {
        let found = addresses("127.0.0.1", 3632, Duration::ZERO).unwrap();
        assert_eq!(found, ["127.0.0.1:3632".parse().unwrap()]);
        let found = addresses("::1", 3632, Duration::ZERO).unwrap();
        assert_eq!(found, ["[::1]:3632".parse().unwrap()]);
    }

    #[test]
    fn a_name_that_does_not_exist_is_an_error() {
        assert!(addresses("no-such-host.invalid", 1, Duration::from_secs(20)).is_err());
    }
}
