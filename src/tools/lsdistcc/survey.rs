//! Many hosts at once: look names up a few at a time, ask all that exist, print as they answer.

use std::io::{self, Write};
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::sync::mpsc::{self, Receiver, Sender};
use std::thread;
use std::time::{Duration, Instant};

use crate::base::clock;
use crate::base::disk::{Disk, RealDisk};
use crate::base::version::DEFAULT_PORT;
use crate::net::resolve;
use crate::protocol::version::Version;
use crate::tools::lsdistcc::options::Options;
use crate::tools::lsdistcc::probe;

/// How often one name is asked for before the first question is only waited for.
const LOOK_UPS: u32 = 6;
/// A look-up that takes longer than this has failed, where nothing else ends it.
const LONGEST_LOOK_UP: Duration = Duration::from_secs(60);
/// The largest file of the resolver's that we read for the domain.
const LARGEST_FILE: u64 = 1 << 20;

/// What a helper thread has found out.
enum News {
    /// What a name stands for.
    LookedUp(String, io::Result<Vec<SocketAddr>>),
    /// What a host answered.
    Asked(Answer),
}

struct Answer {
    name: String,
    address: IpAddr,
    up: io::Result<()>,
    took: Duration,
}

/// A survey under way.
struct Survey {
    options: Arc<Options>,
    /// Index of the next name.
    next: usize,
    looking_up: usize,
    asking: usize,
    missing: usize,
    /// The series has come to its end.
    ended: bool,
    /// The first address found, which `-m` compares with.
    first: Option<IpAddr>,
    sender: Sender<News>,
}

/// Asks the hosts and prints those that answer; gives whether any name exists.
///
/// # Errors
///
/// What writing or starting a thread met.
pub(super) fn run(mut options: Options, out: &mut impl Write) -> io::Result<bool> {
    if options.domain {
        let Some(domain) = domain(&RealDisk) else {
            crate::error!(
                "this machine's domain is not known (no dot in its name, none in /etc/resolv.conf)"
            );
            return Ok(false);
        };
        options.names = options.names.in_domain(&domain);
    }
    let deadline = options.total.map(|total| Instant::now() + total);
    let (sender, receiver) = mpsc::channel();
    let mut survey = Survey {
        options: Arc::new(options),
        next: 0,
        looking_up: 0,
        asking: 0,
        missing: 0,
        ended: false,
        first: None,
        sender,
    };
    survey.look_up_more()?;
    while survey.looking_up + survey.asking > 0 {
        match next_news(&receiver, deadline) {
            Some(News::LookedUp(name, found)) => survey.looked_up(name, found)?,
            Some(News::Asked(answer)) => survey.asked(&answer, out)?,
            // The time is over. 3.4 calls that success.
            None => return Ok(true),
        }
        survey.look_up_more()?;
    }
    Ok(survey.first.is_some())
}

fn next_news(receiver: &Receiver<News>, deadline: Option<Instant>) -> Option<News> {
    let Some(deadline) = deadline else { return receiver.recv().ok() };
    receiver.recv_timeout(deadline.saturating_duration_since(Instant::now())).ok()
}

impl Survey {
    fn look_up_more(&mut self) -> io::Result<()> {
        while !self.ended && self.looking_up <= self.overlap() {
            let Some(name) = self.options.names.at(self.next) else { break };
            self.next += 1;
            self.looking_up += 1;
            self.say(format_args!("Looking up {name}"));
            let (options, sender) = (Arc::clone(&self.options), self.sender.clone());
            thread::Builder::new().spawn(move || {
                let found = look_up(&name, &options);
                // Nobody listens any more when the time is over.
                drop(sender.send(News::LookedUp(name, found)));
            })?;
        }
        Ok(())
    }

    /// How many look-ups may run beside the first: none while it decides which addresses count.
    fn overlap(&self) -> usize {
        let undecided = self.options.prefix_bits > 0 && self.first.is_none();
        if undecided { 0 } else { self.options.overlap }
    }

    fn looked_up(&mut self, name: String, found: io::Result<Vec<SocketAddr>>) -> io::Result<()> {
        self.looking_up -= 1;
        let addresses = found.map(|found| self.in_prefix(found)).unwrap_or_default();
        if addresses.is_empty() {
            self.say(format_args!("{name} not found"));
            self.missing += 1;
            if self.options.names.is_series() && self.missing > self.options.gaps {
                self.ended = true;
            }
            return Ok(());
        }
        self.asking += 1;
        self.say(format_args!("Connecting to {name}"));
        let (options, sender) = (Arc::clone(&self.options), self.sender.clone());
        thread::Builder::new().spawn(move || {
            let answer = ask(&options, name, &addresses);
            drop(sender.send(News::Asked(answer)));
        })?;
        Ok(())
    }

    /// Of `found`, the addresses that share enough bits with the first host's.
    fn in_prefix(&mut self, mut found: Vec<SocketAddr>) -> Vec<SocketAddr> {
        if let Some(first) = self.first.or_else(|| found.first().map(SocketAddr::ip)) {
            self.first = Some(first);
            found.retain(|address| shares_bits(first, address.ip(), self.options.prefix_bits));
        }
        found
    }

    fn asked(&mut self, answer: &Answer, out: &mut impl Write) -> io::Result<()> {
        self.asking -= 1;
        if let Err(error) = &answer.up {
            self.say(format_args!("{} does not answer: {error}", answer.name));
        }
        if answer.up.is_ok() || self.options.down_too {
            out.write_all(line(&self.options, answer).as_bytes())?;
            out.flush()?;
        }
        Ok(())
    }

    fn say(&self, text: std::fmt::Arguments<'_>) {
        if self.options.verbose {
            let now = clock::now();
            let said = format!("now {} {}: {text}\n", now.as_secs(), now.subsec_millis());
            // There is nowhere to report that reporting failed.
            drop(io::stderr().write_all(said.as_bytes()));
        }
    }
}

/// Looks a name up, and once more whenever no answer has come for a while: questions and answers
/// get lost, and the resolver itself waits for seconds before it asks again.
fn look_up(name: &str, options: &Options) -> io::Result<Vec<SocketAddr>> {
    let name = name.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(name);
    let limit = options.total.unwrap_or(LONGEST_LOOK_UP);
    let (sender, receiver) = mpsc::channel();
    for _ in 0..LOOK_UPS {
        let (sender, name, port) = (sender.clone(), name.to_owned(), options.port);
        thread::Builder::new().spawn(move || {
            drop(sender.send(resolve::addresses(&name, port, limit)));
        })?;
        if let Ok(found) = receiver.recv_timeout(options.look_up_again) {
            return found;
        }
    }
    receiver.recv_timeout(limit).unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into()))
}

fn ask(options: &Options, name: String, addresses: &[SocketAddr]) -> Answer {
    let start = Instant::now();
    let first = addresses.first().map_or(IpAddr::from([0, 0, 0, 0]), SocketAddr::ip);
    let (address, up) = match probe::ask(options, addresses) {
        Ok(address) => (address, Ok(())),
        Err(error) => (first, Err(error)),
    };
    Answer { name, address, up, took: start.elapsed() }
}

/// One host as a host list has it: `NAME[:PORT][,lzo[,cpp]][,down][ MILLISECONDS]`.
fn line(options: &Options, answer: &Answer) -> String {
    let mut line = if options.addresses { answer.address.to_string() } else { answer.name.clone() };
    if line.contains(':') && !line.starts_with('[') {
        line = format!("[{line}]");
    }
    if options.port != DEFAULT_PORT {
        line.push_str(&format!(":{}", options.port));
    }
    line.push_str(match options.protocol {
        Version::Plain => "",
        Version::Lzo => ",lzo",
        Version::Pump => ",lzo,cpp",
    });
    if answer.up.is_err() {
        line.push_str(",down");
    }
    if options.latency {
        line.push_str(&format!(" {}", answer.took.as_millis()));
    }
    line.push('\n');
    line
}

fn shares_bits(one: IpAddr, other: IpAddr, bits: u8) -> bool {
    let differ = |one: u128, other: u128, width: u32| {
        let shift = width.saturating_sub(bits.into());
        (one ^ other).checked_shr(shift).unwrap_or_default() != 0
    };
    match (one, other) {
        _ if bits == 0 => true,
        (IpAddr::V4(one), IpAddr::V4(other)) => {
            !differ(one.to_bits().into(), other.to_bits().into(), 32)
        }
        (IpAddr::V6(one), IpAddr::V6(other)) => !differ(one.to_bits(), other.to_bits(), 128),
        _ => false,
    }
}

/// The domain of this machine: what follows the first dot of its name, else what the resolver
/// appends.
fn domain(disk: &dyn Disk) -> Option<String> {
    let read = |path: &str| {
        let bytes = disk.read(path.as_ref(), LARGEST_FILE).unwrap_or_default();
        String::from_utf8_lossy(&bytes).into_owned()
    };
    let host = read("/proc/sys/kernel/hostname");
    if let Some((_, domain)) = host.trim().split_once('.') {
        return Some(domain.to_owned());
    }
    let resolver = read("/etc/resolv.conf");
    resolver.lines().find_map(|line| {
        let mut words = line.split_whitespace();
        let keyword = words.next()?;
        words.next().filter(|_| keyword == "domain" || keyword == "search").map(str::to_owned)
    })
}

#[cfg(test)]
mod tests {
    use crate::base::disk::MemoryDisk;

    use super::*;

    fn options(line: &str) -> Options {
        Options::read(&line.split_whitespace().map(str::to_owned).collect::<Vec<_>>()).unwrap()
    }

    fn shown(arguments: &str, name: &str, address: &str, up: bool) -> String {
        let up = if up { Ok(()) } else { Err(io::ErrorKind::ConnectionRefused.into()) };
        let took = Duration::from_micros(12_900);
        let answer = Answer { name: name.to_owned(), address: address.parse().unwrap(), up, took };
        line(&options(arguments), &answer)
    }

    #[test]
    fn a_line_is_an_entry_of_a_host_list() {
        assert_eq!(shown("", "vol", "10.0.0.7", true), "vol\n");
        assert_eq!(shown("-n", "vol", "10.0.0.7", true), "10.0.0.7\n");
        assert_eq!(shown("-r4000 -P2", "vol", "10.0.0.7", true), "vol:4000,lzo\n");
        assert_eq!(shown("-P3 -x -l", "vol", "10.0.0.7", false), "vol,lzo,cpp,down 12\n");
        assert_eq!(shown("-n -r4000", "vol", "fd00::7", true), "[fd00::7]:4000\n");
        assert_eq!(shown("", "fd00::7", "fd00::7", true), "[fd00::7]\n");
        assert_eq!(shown("", "[fd00::7]", "fd00::7", true), "[fd00::7]\n");
    }

    #[test]
    fn bits_are_compared_from_the_front_and_families_never_match() {
        let share = |one: &str, other: &str, bits| {
            shares_bits(one.parse().unwrap(), other.parse().unwrap(), bits)
        };
        assert!(share("10.0.0.1", "10.0.0.200", 24));
        assert!(!share("10.0.0.1", "10.0.1.1", 24));
        assert!(share("10.0.0.1", "10.0.1.1", 23));
        assert!(!share("10.0.0.1", "138.0.0.1", 1));
        assert!(share("10.0.0.1", "::1", 0));
        assert!(!share("10.0.0.1", "::1", 1));
        assert!(share("fd00::1", "fd00:ffff::1", 16));
        assert!(!share("fd00::1", "fd00:ffff::1", 31));
    }

    #[test]
    fn the_domain_is_the_host_names_or_else_the_resolvers() {
        let with = |host: &str, resolver: &str| {
            let mut disk = MemoryDisk::default();
            disk.files.insert("/proc/sys/kernel/hostname".into(), host.into());
            disk.files.insert("/etc/resolv.conf".into(), resolver.into());
            domain(&disk)
        };
        assert_eq!(with("vm.lan.example\n", "search other\n").unwrap(), "lan.example");
        assert_eq!(with("vm\n", "nameserver ::1\nsearch lan other\n").unwrap(), "lan");
        assert_eq!(with("vm\n", "# none\n"), None);
    }
}
