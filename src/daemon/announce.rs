//! `--zeroconf`: tells the local network by multicast DNS that here is a volunteer.
//!
//! The daemon itself leaves the network behind for its compilers' sake, so a process of its own
//! does it: this program again, which ends, with a goodbye to the network, when the daemon closes
//! its standard input, however the daemon ends.

use std::ffi::OsString;
use std::io::{self, Read};
use std::net::IpAddr;
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use mdns_sd::{ServiceDaemon, ServiceInfo};

use crate::base::capture::capture;
use crate::base::disk::{Disk, RealDisk};
use crate::base::env;
use crate::base::exit::Exit;
use crate::base::log::{self, Level, Sink};
use crate::base::version;
use crate::daemon::cli::{Config, LogTo};
use crate::daemon::privileges::Persona;
use crate::targets::{self, Target};
use crate::{info, warning};

/// The first word with which the daemon calls this program again.
pub const ANNOUNCER: &str = "__announce";
/// Words for where it sends its messages.
const SYSLOG: &str = "syslog";
const STDERR: &str = "stderr";
/// A word in the place of a target's name.
const OWN: &str = "-";
/// Where the kernel tells this machine's name.
const HOST_NAME: &str = "/proc/sys/kernel/hostname";
/// The service, as distcc 3.4 announces it.
const SERVICE: &str = "_distcc._tcp.local.";
/// How long the compiler may take to say what it is.
const CC_LIMIT: Duration = Duration::from_secs(10);
/// How long each part of a goodbye may take.
const FAREWELL: Duration = Duration::from_secs(1);
/// How long the daemon waits for all of it.
const PATIENCE: Duration = Duration::from_secs(3);

/// The process that announces; it says goodbye when this value is dropped.
#[derive(Debug)]
pub struct Announcement(Child);

impl Drop for Announcement {
    fn drop(&mut self) {
        drop(self.0.stdin.take());
        let deadline = Instant::now() + PATIENCE;
        while matches!(self.0.try_wait(), Ok(None)) && Instant::now() < deadline {
            std::thread::sleep(Duration::from_millis(5));
        }
        // Where it has not ended by itself after its goodbye, the daemon's own end is not put off.
        drop(self.0.kill());
        drop(self.0.wait());
    }
}

/// Starts announcing; a volunteer whom nobody can find serves those who know it all the same.
pub fn start(
    config: &Config,
    path: Option<OsString>,
    who: Option<Persona>,
) -> Option<Announcement> {
    let mut command = Command::new("/proc/self/exe");
    command.args([ANNOUNCER, &config.port.to_string(), &config.jobs_at_once().to_string()]);
    command.arg(if config.log_to == LogTo::Syslog { SYSLOG } else { STDERR });
    command.arg(config.target.map_or(OWN, |target| target.name));
    if let LogTo::File(path) = &config.log_to
        && let Ok(log) = log::open_file(path)
    {
        command.stderr(log);
    }
    command.args(config.listen.as_deref());
    if let Some(path) = path {
        command.env(env::PATH.0, path);
    }
    if let Some(Persona { uid, gid }) = who {
        command.uid(uid.as_raw()).gid(gid.as_raw());
    }
    command.current_dir("/").stdin(Stdio::piped()).stdout(Stdio::null());
    match command.spawn() {
        Ok(child) => Some(Announcement(child)),
        Err(error) => {
            warning!("--zeroconf: nobody announces this host: {error}");
            None
        }
    }
}

/// Announces until standard input ends; `words` are port, jobs, where messages go, the only
/// target or `-` for none, and the address if it is one only.
pub fn run(words: &[OsString]) -> Exit {
    let word = |at: usize| words.get(at).and_then(|word| word.to_str());
    let sink = if word(2) == Some(SYSLOG) { Sink::Syslog } else { Sink::Stderr };
    log::init("distccd", Level::Info, sink);
    let number = |at| word(at).and_then(|word| word.parse().ok());
    let (Some(port), Some(jobs)) = (number(0), word(1)) else { return Exit::BAD_ARGUMENTS };
    let target = word(3).and_then(targets::by_name);
    let address = word(4).map(|word| word.trim_matches(['[', ']']).parse::<IpAddr>());
    let address = match address.transpose() {
        Ok(address) => address,
        Err(error) => {
            warning!("--zeroconf: --listen with a name is not announced: {error}");
            return Exit::BAD_ARGUMENTS;
        }
    };
    match announce(port, jobs, target, address) {
        Ok(()) => Exit::OK,
        Err(error) => {
            warning!("--zeroconf: this host cannot be announced: {error}");
            Exit::FAILED
        }
    }
}

fn announce(
    port: u16,
    jobs: &str,
    target: Option<&Target>,
    address: Option<IpAddr>,
) -> Result<(), mdns_sd::Error> {
    let info = service(port, jobs, target, address)?;
    let daemon = ServiceDaemon::new()?;
    let name = info.get_fullname().to_owned();
    daemon.register(info)?;
    info!("announced as {name}");
    // The daemon writes nothing; this waits for its end.
    drop(io::stdin().read_to_end(&mut Vec::new()));
    drop(daemon.unregister(&name)?.recv_timeout(FAREWELL));
    drop(daemon.shutdown()?.recv_timeout(FAREWELL));
    Ok(())
}

/// Names and values as distcc 3.4 announces them: name, subtype for clients with the same compiler,
/// and TXT record. A service of another target has that target's triple for its machine, and is in
/// no group of clients.
fn service(
    port: u16,
    jobs: &str,
    target: Option<&Target>,
    address: Option<IpAddr>,
) -> Result<ServiceInfo, mdns_sd::Error> {
    let host = RealDisk.read(HOST_NAME.as_ref(), 256).unwrap_or_default();
    let host = String::from_utf8_lossy(&host).trim().to_owned();
    let label = host.split('.').next().unwrap_or(&host);
    let cpus = std::thread::available_parallelism().map_or(1, usize::from).to_string();
    let (cc_version, cc_machine) = match target {
        Some(target) => (None, Some(target.triple.to_owned())),
        None => (ask_cc("-dumpversion"), ask_cc("-dumpmachine")),
    };
    let text = [
        ("txtvers", "1"),
        ("cpus", &cpus),
        ("jobs", jobs),
        ("distcc", version::DISTCC),
        ("gnuhost", version::MACHINE),
        ("cc_version", cc_version.as_deref().unwrap_or_default()),
        ("cc_machine", cc_machine.as_deref().unwrap_or_default()),
    ];
    let text: Vec<_> = text.into_iter().filter(|(_, value)| !value.is_empty()).collect();
    let kind = match (&cc_machine, &cc_version) {
        (Some(machine), Some(version)) => format!("{}._sub.{SERVICE}", subtype(machine, version)),
        _ => SERVICE.to_owned(),
    };
    let addresses: Vec<IpAddr> = address.into_iter().collect();
    let auto = addresses.is_empty();
    // One machine may announce several services.
    let name = match target {
        Some(target) => format!("distcc-{}@{host}", target.name),
        None => format!("distcc@{host}"),
    };
    let host_name = format!("{label}.local.");
    let info = ServiceInfo::new(&kind, &name, &host_name, &*addresses, port, &*text)?;
    Ok(if auto { info.enable_addr_auto() } else { info })
}

/// What the compiler that clients most likely ask for says of itself.
fn ask_cc(option: &str) -> Option<String> {
    let output = capture(Command::new("cc").arg(option), CC_LIMIT, 1024).ok()?;
    let text = String::from_utf8(output.stdout).ok()?;
    let word = text.trim();
    let plain = word.bytes().all(|byte| byte.is_ascii_graphic());
    (output.status.success() && plain && (1..=64).contains(&word.len())).then(|| word.to_owned())
}

/// `_MACHINE--VERSION`, in small letters, with a dash for whatever is neither letter nor digit: the
/// group that clients with the same compiler look for.
///
/// Source: distcc 3.4. A label has at most 63 bytes.
fn subtype(machine: &str, version: &str) -> String {
    let plain = |letter: char| match letter.is_ascii_alphanumeric() {
        true => letter.to_ascii_lowercase(),
        false => '-',
    };
    let name: String = format!("{machine}--{version}").chars().map(plain).take(62).collect();
    format!("_{name}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_subtype_is_that_of_distcc_3_4() {
        assert_eq!(subtype("x86_64-pc-linux-gnu", "15.2.1"), "_x86-64-pc-linux-gnu--15-2-1");
        assert_eq!(subtype(&"m".repeat(80), "1").len(), 63);
    }

    #[test]
    fn one_address_is_announced_alone() {
        let info = service(3632, "7", None, Some("192.0.2.7".parse().unwrap())).unwrap();
        assert!(info.get_fullname().ends_with("._distcc._tcp.local."));
        assert_eq!(info.get_property_val_str("jobs"), Some("7"));
        assert_eq!(info.get_addresses_v4().len(), 1);
        assert!(!info.is_addr_auto());
    }

    #[test]
    fn a_service_of_another_target_is_not_taken_for_one_of_this_machine() {
        let info = service(3636, "7", targets::by_name("armv8"), None).unwrap();
        assert!(info.get_fullname().starts_with("distcc-armv8@"), "{}", info.get_fullname());
        let machine = info.get_property_val_str("cc_machine");
        assert_eq!(machine, Some("aarch64-unknown-linux-gnu"));
        assert_eq!(info.get_subtype(), &None);
    }
}
