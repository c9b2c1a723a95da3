//! The resolver and the network of this machine, for [`crate::setup::addresses`].

use std::io;
use std::net::{IpAddr, SocketAddr, TcpStream};
use std::time::Duration;

use crate::net::resolve::{self, RESOLVE_TIME};
use crate::setup::addresses::Resolver;
use crate::setup::discover::{USUAL_LIMIT, discover};
use crate::setup::probe::is_ours;

/// How long an address of several may take to answer.
const ANSWER_TIME: Duration = Duration::from_secs(1);

/// This machine's.
#[derive(Clone, Copy, Debug)]
pub(super) struct Network;

impl Resolver for Network {
    fn addresses(&self, name: &str) -> io::Result<Vec<IpAddr>> {
        let found = resolve::addresses(name, 0, RESOLVE_TIME)?;
        Ok(found.into_iter().map(|address| address.ip()).collect())
    }

    fn answers(&self, address: SocketAddr) -> bool {
        TcpStream::connect_timeout(&address, ANSWER_TIME).is_ok()
    }

    fn announced(&self) -> Result<Vec<String>, String> {
        let mut found = discover(USUAL_LIMIT).map_err(|error| error.to_string())?;
        // The daemon of this machine announces itself as well.
        found.retain(|one| {
            !one.addresses.iter().any(|&address| is_ours(SocketAddr::new(address, one.port)))
        });
        Ok(found.iter().filter_map(|one| one.host_spec(None)).collect())
    }
}
