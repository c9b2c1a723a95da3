//! The hosts of one pump: those of the host list, or those of DISTCC_POTENTIAL_HOSTS that are up.

use crate::base::disk::RealDisk;
use crate::base::{dirs, env};
use crate::hosts::find;
use crate::hosts::list;
use crate::hosts::spec::ProtocolWish;
use crate::tools::lsdistcc;

/// Milliseconds that a host has to take a connection, unless LSDISTCC_ARGS says otherwise.
const CONNECT: &str = "-c150";

/// What the host list says about pump mode.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Counts {
    /// All hosts.
    hosts: usize,
    /// Those with `,cpp`.
    pumping: usize,
}

impl Counts {
    /// What is said of them before a build.
    pub(super) fn sentence(self) -> String {
        let plural = if self.hosts == 1 { "" } else { "s" };
        let hosts = format!("Using {} distcc server{plural}", self.hosts);
        if self.hosts == self.pumping {
            return format!("{hosts} in pump mode");
        }
        format!("{hosts}, of which only {} support(s) pump mode", self.pumping)
    }
}

/// Reads the host list that clients will read.
///
/// # Errors
///
/// A sentence: there is none, it cannot be read, or none of its hosts has pump mode.
pub(super) fn of_list() -> Result<Counts, String> {
    let variable = env::DISTCC_HOSTS.text();
    let source = find::find(variable.as_deref(), &dirs::hosts_files(), &RealDisk)
        .map_err(|error| error.to_string())?
        .ok_or(
            "pump mode requested, but there is no distcc hosts list: set DISTCC_HOSTS, as in \
             DISTCC_HOSTS='192.168.10.2/5,cpp,lzo'",
        )?;
    count(&source.text).map_err(|problem| match problem {
        Some(problem) => format!("{}: {problem}", source.name),
        None => "pump mode requested, but distcc hosts list does not contain any hosts with \
                 ',cpp' option"
            .to_owned(),
    })
}

/// Counts; `None` is an error if no host has pump mode.
fn count(text: &str) -> Result<Counts, Option<String>> {
    let list = list::parse(text).map_err(|error| Some(error.to_string()))?;
    let usable = || list.hosts.iter().filter(|host| host.unusable().is_none());
    let pumping = usable().filter(|host| host.protocol == ProtocolWish::Pump).count();
    if pumping == 0 {
        return Err(None);
    }
    Ok(Counts { hosts: usable().count(), pumping })
}

/// Asks which of `potential` are up; gives them as they stand in a host list, without options.
///
/// # Errors
///
/// A sentence: LSDISTCC_ARGS makes no sense, or asking failed.
pub(super) fn that_are_up(potential: &str) -> Result<Vec<String>, String> {
    let arguments = env::LSDISTCC_ARGS.text().unwrap_or_default();
    let words = [CONNECT, &arguments, potential];
    let words: Vec<_> =
        words.iter().flat_map(|text| text.split_whitespace()).map(str::to_owned).collect();
    Ok(lsdistcc::find(&words)?.lines().filter_map(bare).collect())
}

/// A host as `lsdistcc` prints it without its options; `None` if it is down.
fn bare(line: &str) -> Option<String> {
    let host = line.split_whitespace().next()?;
    let (name, options) = host.split_once(',').unwrap_or((host, ""));
    (!options.split(',').any(|option| option == "down")).then(|| name.to_owned())
}

/// A host list of `hosts`, with pump mode or, if the agent could not be started, without it.
pub(super) fn list_of(hosts: &[String], pumps: bool) -> String {
    let suffix = if pumps { ",cpp,lzo" } else { ",lzo" };
    let specs: Vec<_> = hosts.iter().map(|host| format!("{host}{suffix}")).collect();
    format!("--randomize {}", specs.join(" "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_are_counted_as_clients_would_use_them() {
        let said =
            |text: &str| count(text).map(Counts::sentence).map_err(|problem| problem.is_some());
        assert_eq!(said("a,cpp,lzo").unwrap(), "Using 1 distcc server in pump mode");
        assert_eq!(said("a,cpp,lzo b/3,lzo,cpp").unwrap(), "Using 2 distcc servers in pump mode");
        let mixed = "Using 4 distcc servers, of which only 2 support(s) pump mode";
        let list = "--randomize a,cpp,lzo localhost # no\nb,cpp,lzo c,lzo d,cpp,lzo,auth";
        assert_eq!(said(list).unwrap(), mixed);
        assert_eq!(said("a b,lzo"), Err(false));
        assert_eq!(said(""), Err(false));
        assert_eq!(said("a,cpp"), Err(true));
    }

    #[test]
    fn what_lsdistcc_prints_becomes_a_list() {
        let printed = "a:4000,lzo,cpp 12\n[fd00::7]\nb,down\nc,lzo,down\n10.0.0.2:3635\n";
        let hosts: Vec<_> = printed.lines().filter_map(bare).collect();
        assert_eq!(hosts, ["a:4000", "[fd00::7]", "10.0.0.2:3635"]);
        let list = "--randomize a:4000,cpp,lzo [fd00::7],cpp,lzo 10.0.0.2:3635,cpp,lzo";
        assert_eq!(list_of(&hosts, true), list);
        assert_eq!(count(list), Ok(Counts { hosts: 3, pumping: 3 }));
        assert_eq!(list_of(&hosts[..1], false), "--randomize a:4000,lzo");
    }
}
