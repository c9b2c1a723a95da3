//! The host list of this call: found, read, and with what announced itself.

use crate::base::disk::{Disk, RealDisk};
use crate::base::{dirs, env};
use crate::hosts::list::{self, HostList};
use crate::hosts::{find, spec_error::SpecError};
use crate::schedule::choose;

/// The most that `DISTCC_DIR/zeroconf/hosts` may hold, in bytes (as in 3.4).
const ZEROCONF_BYTES: u64 = 100 * 1024;

/// Reads the host list from DISTCC_HOSTS, the user's file, or the system's.
///
/// # Errors
///
/// A sentence: there is none, it is empty, or a host spec cannot be read.
pub fn read() -> Result<HostList, String> {
    let source = find_source()
        .map_err(|error| error.to_string())?
        .ok_or("no hostlist is set; can't distribute work")?;
    let in_source = |error: SpecError| format!("{}: {error}", source.name);
    let mut list = list::parse(&source.text).map_err(in_source)?;
    for note in &list.notes {
        crate::info!("{}: {note}", source.name);
    }
    if list.zeroconf {
        add_announced(&mut list);
    }
    list.hosts.retain(|host| {
        let reason = host.unusable();
        if let Some(reason) = reason {
            crate::warning!("{}: host spec `{}`: {reason}", source.name, host.text);
        }
        reason.is_none()
    });
    if list.hosts.is_empty() {
        return Err(format!("{} contained no hosts; can't distribute work", source.name));
    }
    if list.randomize {
        choose::shuffle(&mut list.hosts, u64::from(std::process::id()));
    }
    Ok(list)
}

/// The list for a command that is local anyway: only its limits matter, and nobody is told what is
/// wrong with it.
pub fn read_quietly() -> Option<HostList> {
    list::parse(&find_source().ok()??.text).ok()
}

/// The list's text: the variable's, else the user's file's, else the system's.
fn find_source() -> Result<Option<find::Source>, find::FindError> {
    find::find(env::DISTCC_HOSTS.text().as_deref(), &dirs::hosts_files(), &RealDisk)
}

/// Hosts that a zeroconf browser wrote down; there may be none yet.
fn add_announced(list: &mut HostList) {
    let Some(file) = dirs::state_dir().map(|dir| dir.join("zeroconf/hosts")) else { return };
    match RealDisk.read(&file, ZEROCONF_BYTES) {
        Ok(bytes) => {
            if let Err(error) = list.extend(&String::from_utf8_lossy(&bytes)) {
                crate::warning!("{}: {error}", file.display());
            }
        }
        Err(error) => crate::info!("+zeroconf: {}: {error}", file.display()),
    }
}
