//! Which port of a volunteer compiles for a target: a tiny unit is compiled at each that may, and
//! its object tells.

use std::ffi::OsString;
use std::time::Duration;

use crate::hosts::spec::{DEFAULT_PORT, HostSpec, Transport};
use crate::net::ask::{self, AskError};
use crate::protocol::reply::Reply;
use crate::setup::probe::compare;
use crate::setup::probe::fault::Fault;
use crate::setup::probe::link::Link;
use crate::setup::probe::{at_once, unit};
use crate::targets::Target;
use crate::toolchains::object::Made;

/// How long each port may take for its answer; all are asked at the same time.
pub const LIMIT: Duration = Duration::from_secs(5);

/// What the compilers behind one port do for a target.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Says {
    /// They make its objects: the name that the compiler was asked for by.
    Serves(String),
    /// They make objects for another machine, in words: `64-bit AArch64`.
    Other(String),
    /// There is no compiler under a name that a client asks for, or it is not let run.
    NoCompiler,
    /// Nobody answers, or not as a distccd: how so.
    Closed(String),
}

/// All that was found out about the ports of one volunteer.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Ports(pub Vec<(u16, Says)>);

impl Ports {
    /// The first port that serves, and the name that the compiler has there.
    pub fn right(&self) -> Option<(u16, &str)> {
        self.0.iter().find_map(|(port, says)| match says {
            Says::Serves(name) => Some((*port, name.as_str())),
            _ => None,
        })
    }

    /// What each port said, in one line.
    pub fn text(&self) -> String {
        let one = |(port, says): &(u16, Says)| match says {
            Says::Serves(name) => format!("port {port} has {name}"),
            Says::Other(machine) => format!("port {port} makes {machine} objects"),
            Says::NoCompiler => format!("port {port} has no gcc for it"),
            Says::Closed(why) => format!("port {port}: {why}"),
        };
        self.0.iter().map(one).collect::<Vec<_>>().join("; ")
    }
}

/// The ports at which a volunteer may compile for `target`: its own, then the standard one, where a
/// daemon may have several toolchains, or be one of a machine of this kind.
pub fn candidates(target: &Target) -> Vec<u16> {
    let mut ports = vec![target.port, DEFAULT_PORT];
    ports.dedup();
    ports
}

/// The names by which a client whose machine is such a one may ask for its gcc, the full one first.
pub fn names(target: &Target) -> [String; 2] {
    [format!("{}-gcc", target.triple), "gcc".to_owned()]
}

/// What is asked.
#[derive(Clone, Copy, Debug)]
pub struct Question<'a> {
    /// The ports to ask, the best first.
    pub ports: &'a [u16],
    /// What gcc may be called there, the best first.
    pub names: &'a [String],
    /// What it is to compile for.
    pub target: &'static Target,
}

/// Asks all of `hosts`, which are TCP hosts. Calls `progress` as [`super::probe_all`] does.
pub fn ask_all(
    hosts: &[HostSpec],
    question: &Question<'_>,
    progress: impl FnMut(&[&HostSpec]),
) -> Vec<Ports> {
    let answers = at_once(hosts, |host| ask_host(host, question, LIMIT), progress);
    answers.into_iter().map(Option::unwrap_or_default).collect()
}

/// Asks one host at each port, at the same time, and within `limit`.
pub fn ask_host(host: &HostSpec, question: &Question<'_>, limit: Duration) -> Ports {
    std::thread::scope(|scope| {
        let ask = |port| scope.spawn(move || ask_port(host, port, question, limit));
        let threads: Vec<_> = question.ports.iter().map(|&port| (port, ask(port))).collect();
        let dead = || Says::Closed("asking it failed".to_owned());
        let said = threads.into_iter();
        Ports(said.map(|(port, one)| (port, one.join().unwrap_or_else(|_| dead()))).collect())
    })
}

fn ask_port(host: &HostSpec, port: u16, question: &Question<'_>, limit: Duration) -> Says {
    let Transport::Tcp { host: name, .. } = &host.transport else {
        return Says::Closed("it is not reached by a port".to_owned());
    };
    let transport = Transport::Tcp { host: name.clone(), port };
    let spec = HostSpec { transport, ..host.clone() };
    let mut link = Link::new(&spec, &[], limit);
    let Ok(addresses) = link.look_up() else {
        return Says::Closed("the name has no address".to_owned());
    };
    if let Err(fault) = link.reach(&addresses) {
        return Says::Closed(match fault {
            Fault::Down => "nobody listens".to_owned(),
            Fault::Firewalled(_) => "no answer".to_owned(),
            Fault::FirewalledHere => "a firewall here is in the way".to_owned(),
            _ => "there is no way to it".to_owned(),
        });
    }
    let mut says = Says::NoCompiler;
    for name in question.names {
        let answer = by_name(&link, &spec, name);
        let is_last = !compare::knows_no_such_name(&answer);
        let told = told(answer, name, question.target);
        // What is hung up on tells less than what was said before.
        if told != Says::NoCompiler {
            says = told;
        }
        if is_last {
            break;
        }
    }
    says
}

/// Has gcc called `name` compile the tiny unit.
fn by_name(link: &Link<'_>, spec: &HostSpec, name: &str) -> Result<(Reply, Duration), AskError> {
    let source = unit::source_name(name);
    let words = [name, "-O2", "-c", source, "-o", "distcc-setup-probe.o"].map(OsString::from);
    link.job(ask::version(spec), &words, source, unit::TINY)
}

fn told(answer: Result<(Reply, Duration), AskError>, name: &str, target: &Target) -> Says {
    match answer {
        Ok((reply, _)) if reply.status == 0 => judge(&reply.object, name, target),
        Ok(_) | Err(AskError::Refused) => Says::NoCompiler,
        Err(AskError::Late) => Says::Closed("no answer in time".to_owned()),
        Err(AskError::Garbage(..) | AskError::Cut(_)) => {
            Says::Closed("what answers is no distccd".to_owned())
        }
        Err(AskError::Broken(error)) => Says::Closed(compare::printable(&error.to_string())),
    }
}

/// Whether an object is one for `target`.
fn judge(bytes: &[u8], name: &str, target: &Target) -> Says {
    let Some(made) = Made::read(bytes) else { return Says::Other("no".to_owned()) };
    let newest = target.arm_arch.unwrap_or(u32::MAX);
    let runs = made.arm_version().is_none_or(|version| u32::from(version) <= newest);
    match made.is_for(target) && runs {
        true => Says::Serves(name.to_owned()),
        false => Says::Other(made.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::targets::by_name;

    fn ports(said: &[(u16, Says)]) -> Ports {
        Ports(said.to_vec())
    }

    #[test]
    fn a_target_has_its_own_port_and_may_have_the_standard_one() {
        assert_eq!(candidates(by_name("armv7h").unwrap()), [3635, 3632]);
        assert_eq!(candidates(by_name("x86_64").unwrap()), [3632]);
    }

    #[test]
    fn the_first_port_that_serves_is_the_right_one() {
        let gcc = || Says::Serves("gcc".to_owned());
        let full = || Says::Serves("armv7l-unknown-linux-gnueabihf-gcc".to_owned());
        let other = || Says::Other("64-bit x86-64".to_owned());
        let down = || Says::Closed("nobody listens".to_owned());
        assert_eq!(ports(&[(3635, gcc()), (3632, full())]).right(), Some((3635, "gcc")));
        let (port, _) = ports(&[(3635, down()), (3632, full())]).right().unwrap();
        assert_eq!(port, 3632);
        let neither = ports(&[(3635, down()), (3632, other())]);
        assert_eq!(neither.right(), None);
        assert_eq!(
            neither.text(),
            "port 3635: nobody listens; port 3632 makes 64-bit x86-64 objects"
        );
    }
}
