//! Volunteers that announce themselves on the local network: `_distcc._tcp` by multicast DNS, as
//! `distccd --zeroconf` does by way of Avahi.
//!
//! Anybody on the network can answer, so what is heard is bounded in time, number and length, and
//! [`discovered`] takes from it only what could be true.

pub mod discovered;

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use mdns_sd::{Receiver, ResolvedService, ServiceDaemon, ServiceEvent};

use crate::setup::discover::discovered::Discovered;

/// What distccd announces itself as.
const SERVICE: &str = "_distcc._tcp.local.";
/// How long to listen unless somebody wants it otherwise: volunteers answer within a second.
pub const USUAL_LIMIT: Duration = Duration::from_secs(2);
/// The most volunteers that are told of; the rest are most likely none.
pub const MOST: usize = 256;
/// How long the listening thread may take to end.
const FAREWELL: Duration = Duration::from_millis(200);

/// Why nobody could be heard.
#[derive(Debug, thiserror::Error)]
#[error(
    "volunteers cannot be looked for by multicast DNS: {0}; name them, as in `distcc-setup \
     configure --hosts \"192.168.10.2/5\"`"
)]
pub struct DiscoverError(#[from] mdns_sd::Error);

/// Asks who is there, and listens for `limit`. The most powerful are first, by what they say.
///
/// # Errors
///
/// [`DiscoverError`] where the machine lets nobody listen. That nobody answers is none.
pub fn discover(limit: Duration) -> Result<Vec<Discovered>, DiscoverError> {
    let deadline = Instant::now() + limit;
    let daemon = ServiceDaemon::new()?;
    let events = daemon.browse(SERVICE)?;
    let found = listen(&events, deadline);
    if let Ok(ended) = daemon.shutdown() {
        // It ends by itself, only perhaps later.
        drop(ended.recv_timeout(FAREWELL));
    }
    Ok(found)
}

fn listen(events: &Receiver<ServiceEvent>, deadline: Instant) -> Vec<Discovered> {
    let mut found = BTreeMap::new();
    loop {
        let left = deadline.saturating_duration_since(Instant::now());
        // The time is over, or the listening thread has ended.
        let Ok(event) = events.recv_timeout(left) else { break };
        match event {
            ServiceEvent::ServiceResolved(service)
                if found.len() < MOST || found.contains_key(&service.fullname) =>
            {
                found.insert(service.fullname.clone(), read(&service));
            }
            ServiceEvent::ServiceRemoved(_, name) => drop(found.remove(&name)),
            _ => {}
        }
        if left.is_zero() {
            break;
        }
    }
    let mut found: Vec<_> = found.into_values().collect();
    found.sort_by(|one, other| one.rank().cmp(&other.rank()));
    found
}

fn read(service: &ResolvedService) -> Discovered {
    let name = service.fullname.strip_suffix(SERVICE).unwrap_or(&service.fullname);
    let addresses = service.addresses.iter().map(mdns_sd::ScopedIp::to_ip_addr);
    let text = |key: &str| service.txt_properties.get_property_val(key).flatten();
    Discovered::new(name.trim_end_matches('.'), addresses, service.port, text)
}
