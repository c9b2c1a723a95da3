//! What may be wrong with a volunteer, each with its sentence and the one command that mends it.

use std::net::IpAddr;
use std::time::Duration;

use crate::hosts::spec::{DEFAULT_PORT, HostSpec, Transport};
use crate::setup::probe::port::Ports;
use crate::setup::probe::show;
use crate::targets::{self, Target};

/// One thing that is wrong.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Fault {
    /// The name has no address: what the resolver said.
    NameUnknown(String),
    /// The machine refuses the connection: nobody listens.
    Down,
    /// A firewall drops or rejects the connection; or the machine is off and a router does not say
    /// so. After this time.
    Firewalled(Duration),
    /// This machine itself forbids the connection: a rule of its firewall or of a sandbox.
    FirewalledHere,
    /// There is no way to it: what the kernel said.
    Unreachable(String),
    /// ssh ends, or says nothing we understand: its last words.
    SshFails(String),
    /// The daemon's access list shuts this machine out.
    AccessRefused,
    /// It takes connections and answers nothing within this time.
    Silent(Duration),
    /// What answers is no distccd: what it said.
    NotDistcc(String),
    /// A compiler is not there, or not in the daemon's whitelist.
    CompilerMissing {
        /// The compiler here: `g++`.
        name: String,
    },
    /// A compiler is another release.
    CompilerDiffers {
        /// The compiler here: `gcc`.
        name: String,
        /// Its version here, in its own words.
        ours: String,
        /// The version there.
        theirs: String,
        /// Only the patch level or distributor differs: objects are used, but for LTO.
        close: bool,
        /// Whether the one there is known to be newer, so that it is ours that is behind.
        newer: bool,
    },
    /// Compilers are the same release and write LTO byte code of different versions.
    LtoDiffers {
        /// The compiler here.
        name: String,
        /// Version of the byte code here.
        ours: String,
        /// Version there.
        theirs: String,
    },
    /// A compiler makes objects for another machine.
    WrongTarget {
        /// The compiler here.
        name: String,
        /// The machine that objects here are for: `64-bit x86-64`.
        ours: String,
        /// The machine that objects there are for.
        theirs: String,
    },
    /// A compiler ends with an error on a unit that the local one compiles.
    CompilerFails {
        /// The compiler here.
        name: String,
        /// What it said first.
        said: String,
    },
    /// The volunteer has no room left where jobs compile.
    DiskFull {
        /// MiB free, where its statistics tell.
        free_mib: Option<u64>,
    },
    /// It takes far longer for a unit than this machine.
    Slow {
        /// For one unit there, there and back.
        there: Duration,
        /// For the same unit here.
        here: Duration,
    },
    /// The host spec asks for a protocol version that it does not serve.
    ProtocolMissing {
        /// The version.
        version: u8,
    },
    /// The host spec asks for something that this client cannot do.
    NotBuiltIn(&'static str),
}

/// Which machine a command is for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Machine {
    /// This one.
    Here,
    /// The volunteer of this name or address.
    Volunteer(String),
}

/// The one command that mends a fault.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Remedy {
    /// Where it is to be run.
    pub machine: Machine,
    /// The command, for a shell.
    pub command: String,
    /// What to mind, where the command alone does not tell.
    pub note: Option<String>,
}

/// Whose fault it is: what sentences and commands need beside the fault itself.
#[derive(Clone, Debug)]
pub struct Scene<'a> {
    /// The volunteer's entry.
    pub spec: &'a HostSpec,
    /// This machine's address, as the volunteer sees it.
    pub our_address: Option<IpAddr>,
    /// Bits of the network that this machine and, if it is a neighbour, the volunteer are in.
    pub prefix: Option<u8>,
    /// What builds here are for.
    pub target: Option<&'static Target>,
    /// What its other ports do for that, where they were asked.
    pub elsewhere: Option<&'a Ports>,
}

impl Scene<'_> {
    /// The volunteer's name or address.
    pub fn host(&self) -> &str {
        self.spec.display_host()
    }

    /// Its port; 3632 behind ssh.
    pub fn port(&self) -> u16 {
        match self.spec.transport {
            Transport::Tcp { port, .. } => port,
            Transport::Ssh { .. } | Transport::Local => DEFAULT_PORT,
        }
    }

    /// Our network as an access list or a firewall has it, or a word for it where it is unknown.
    pub fn our_network(&self) -> String {
        let Some(address) = self.our_address else { return "OUR-ADDRESS".to_owned() };
        let whole = if address.is_ipv4() { 32 } else { 128 };
        network(address, self.prefix.unwrap_or(whole))
    }

    /// The name of the daemon's unit there: `distccd`, or that of a target's port.
    pub fn unit(&self) -> String {
        let target = targets::by_port(self.port()).filter(|target| target.port != DEFAULT_PORT);
        target.map_or_else(|| "distccd".to_owned(), Target::daemon)
    }
}

/// `192.168.10.0/24` for an address in it.
fn network(address: IpAddr, bits: u8) -> String {
    match address {
        IpAddr::V4(address) => {
            let mask = u32::MAX.checked_shl(32 - u32::from(bits.min(32))).unwrap_or(0);
            format!("{}/{bits}", std::net::Ipv4Addr::from_bits(address.to_bits() & mask))
        }
        IpAddr::V6(address) => {
            let mask = u128::MAX.checked_shl(128 - u32::from(bits.min(128))).unwrap_or(0);
            format!("{}/{bits}", std::net::Ipv6Addr::from_bits(address.to_bits() & mask))
        }
    }
}

impl Fault {
    /// A name that never changes, for programs.
    pub fn id(&self) -> &'static str {
        match self {
            Self::NameUnknown(_) => "name-unknown",
            Self::Down => "down",
            Self::Firewalled(_) => "firewalled",
            Self::FirewalledHere => "firewalled-here",
            Self::Unreachable(_) => "unreachable",
            Self::SshFails(_) => "ssh-fails",
            Self::AccessRefused => "access-refused",
            Self::Silent(_) => "silent",
            Self::NotDistcc(_) => "not-distcc",
            Self::CompilerMissing { .. } => "compiler-missing",
            Self::CompilerDiffers { .. } => "compiler-differs",
            Self::LtoDiffers { .. } => "lto-differs",
            Self::WrongTarget { .. } => "wrong-target",
            Self::CompilerFails { .. } => "compiler-fails",
            Self::DiskFull { .. } => "disk-full",
            Self::Slow { .. } => "slow",
            Self::ProtocolMissing { .. } => "protocol-missing",
            Self::NotBuiltIn(_) => "not-built-in",
        }
    }

    /// The compiler that it is about, where it is about one.
    pub fn compiler(&self) -> Option<&str> {
        match self {
            Self::CompilerMissing { name }
            | Self::CompilerDiffers { name, .. }
            | Self::LtoDiffers { name, .. }
            | Self::WrongTarget { name, .. }
            | Self::CompilerFails { name, .. } => Some(name),
            _ => None,
        }
    }

    /// What is wrong, in one sentence without a full stop.
    pub fn sentence(&self, scene: &Scene<'_>) -> String {
        let (host, port) = (scene.host(), scene.port());
        match self {
            Self::NameUnknown(why) => {
                format!("the name `{host}` has no address on this machine ({why})")
            }
            Self::Down => {
                format!(
                    "{host} is up, but nothing listens on its port {port}: {} is not running",
                    scene.unit()
                )
            }
            Self::Firewalled(after) => format!(
                "{host} lets no connection through to port {port} ({} s): a firewall drops it, or \
                 the machine is off",
                after.as_secs().max(1)
            ),
            Self::FirewalledHere => {
                format!(
                    "this machine itself forbids connections to port {port} of {host}: a firewall \
                     or a sandbox"
                )
            }
            Self::Unreachable(why) => format!("there is no way to {host} ({why})"),
            Self::SshFails(why) => format!("ssh to {host} brings no distccd ({why})"),
            Self::AccessRefused => format!(
                "{host} hangs up on this machine before it asks for anything: {} is not in \
                 distccd's access list (--allow)",
                scene.our_address.map_or("its address".to_owned(), |address| address.to_string())
            ),
            Self::Silent(after) => format!(
                "{host} takes connections to port {port} and gives no whole answer within {} s",
                after.as_secs().max(1)
            ),
            Self::NotDistcc(said) => {
                format!("what answers on port {port} of {host} is no distccd ({said})")
            }
            Self::CompilerMissing { name } => {
                let target = scene.target.filter(|target| target.port != DEFAULT_PORT);
                let place = target.map_or_else(String::new, |target| {
                    format!(" for {} on port {port}", target.name)
                });
                format!("{host} does not have {name}{place}, or does not let it run")
            }
            Self::CompilerDiffers { name, ours, theirs, close, .. } => {
                let follows = if *close {
                    "its objects are used, but for LTO"
                } else {
                    "its objects are not used"
                };
                format!(
                    "{name} on {host} is {}, here it is {}: {follows}",
                    show::version(theirs),
                    show::version(ours)
                )
            }
            Self::LtoDiffers { name, ours, theirs } => format!(
                "{name} on {host} writes LTO byte code {theirs}, here it is {ours}: linking fails"
            ),
            Self::WrongTarget { name, ours, theirs, .. } => format!(
                "{name} on port {port} of {host} makes {theirs} objects, and {ours} is needed"
            ),
            Self::CompilerFails { name, said } => {
                format!("{name} on {host} cannot compile what {name} here can: {said}")
            }
            Self::DiskFull { free_mib } => {
                let free = free_mib.map_or(String::new(), |mib| format!(" ({mib} MiB are free)"));
                format!("{host} has no room left where distccd compiles{free}")
            }
            Self::Slow { there, here } => format!(
                "{host} takes {:.1} s for a unit that takes {:.1} s here",
                there.as_secs_f64(),
                here.as_secs_f64()
            ),
            Self::ProtocolMissing { version } => format!(
                "{host} does not serve protocol {version}, which the host spec `{}` asks for",
                scene.spec.text
            ),
            Self::NotBuiltIn(why) => format!("host spec `{}`: {why}", scene.spec.text),
        }
    }
}
