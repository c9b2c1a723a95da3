//! Gives each entry of a host list that names no port the one at which its volunteer compiles for
//! the target.

use std::path::Path;

use crate::base::disk::RealDisk;
use crate::compiler::target;
use crate::hosts::spec::{DEFAULT_PORT, HostSpec, Transport};
use crate::hosts::{list, word};
use crate::setup::probe::local;
use crate::setup::probe::port::{self, Ports};
use crate::setup::probe::show;
use crate::setup::probe::unit::Request;
use crate::setup::screen::Screen;
use crate::targets::{self, Target};
use crate::toolchains;

/// For whom ports are settled, and how.
#[derive(Clone, Copy, Debug)]
pub struct Wish {
    /// The target that packages are built for.
    pub target: Option<&'static Target>,
    /// Whether a person has named it, and so wants to know what volunteers have for it.
    pub is_named: bool,
    /// Whether volunteers are left alone.
    pub offline: bool,
}

/// A host list with its ports.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Settled {
    /// The words, one blank between them.
    pub text: String,
    /// What people should hear, in whole lines.
    pub notes: Vec<String>,
}

/// One word of the list.
#[derive(Clone, Debug)]
struct Entry {
    word: String,
    /// A TCP host that names no port.
    open: Option<HostSpec>,
}

impl Wish {
    /// Settles the ports of a list. What names one keeps it; a limit that stands before its port is
    /// put behind it. A status line says who is asked.
    pub fn settle(&self, text: &str) -> Settled {
        let entries: Vec<_> = list::words(text).map(|(word, _)| Entry::read(word)).collect();
        let open: Vec<_> = entries.iter().filter_map(|entry| entry.open.clone()).collect();
        let Some(target) = self.target.filter(|target| !open.is_empty() && self.matters(target))
        else {
            return Settled {
                text: joined(entries.into_iter().map(|entry| entry.word)),
                notes: vec![],
            };
        };
        let found = match self.offline {
            true => vec![None; open.len()],
            false => ask(&open, target).into_iter().map(Some).collect(),
        };
        let notes = notes(&open, &found, target);
        let mut found = found.into_iter();
        let words = entries.into_iter().map(|entry| match entry.open {
            Some(_) => written(&entry.word, found.next().flatten().as_ref(), target),
            None => entry.word,
        });
        Settled { text: joined(words), notes }
    }

    /// Whether the target has another port than a host without one, or is asked about.
    fn matters(&self, target: &Target) -> bool {
        target.port != DEFAULT_PORT || (self.is_named && !self.offline)
    }
}

impl Entry {
    fn read(text: &str) -> Self {
        let spec = list::parse(text).ok().and_then(|list| list.hosts.into_iter().next());
        let spec = spec.filter(|spec| matches!(spec.transport, Transport::Tcp { .. }));
        let turned = spec.as_ref().and_then(|_| word::limit_last(text));
        let word = turned.unwrap_or_else(|| text.to_owned());
        let open = spec.filter(|_| word::port(text).is_none());
        Self { word, open }
    }
}

fn joined(words: impl Iterator<Item = String>) -> String {
    words.collect::<Vec<_>>().join(" ")
}

/// The word with the port that was found, or the table's.
fn written(text: &str, found: Option<&Ports>, target: &Target) -> String {
    let port = found.and_then(Ports::right).map_or(target.port, |(port, _)| port);
    match target.port {
        DEFAULT_PORT => text.to_owned(),
        // The standard port is written too: nobody shall ask for it again.
        _ => word::with_port(text, port),
    }
}

fn ask(open: &[HostSpec], target: &'static Target) -> Vec<Ports> {
    let mut screen = Screen::new();
    let (ports, names) = (port::candidates(target), names(target));
    let question = port::Question { ports: &ports, names: &names, target };
    let found = port::ask_all(open, &question, |waiting| {
        let names: Vec<&str> = waiting.iter().map(|host| host.text.as_str()).collect();
        screen.status(&format!("Asking who compiles for {}: {}", target.name, names.join(", ")));
    });
    screen.clear();
    found
}

/// The names by which gcc is asked for: those of the client here, where its gcc is for the target,
/// else those of a client whose gcc is.
fn names(target: &'static Target) -> Vec<String> {
    own_names(target).unwrap_or_else(|| port::names(target).to_vec())
}

fn own_names(target: &'static Target) -> Option<Vec<String>> {
    let path = local::search_path(Path::new("/"));
    let program = target::on_path("gcc".as_ref(), &path, &RealDisk)?;
    let machine = toolchains::ask::machine(&program).ok()?;
    if !targets::of_triple(&machine).contains(&target) {
        return None;
    }
    let is_own = toolchains::of_this_machine() == Some(target);
    let foreign = Some(machine.as_str()).filter(|_| !is_own);
    let names = Request::new("gcc", &[], &path, foreign)?.names;
    let mut names: Vec<_> =
        [names.full, names.plain].map(|name| name.to_string_lossy().into_owned()).into();
    names.dedup();
    Some(names)
}

/// What people should hear about what was found; `None` of a host that was not asked.
fn notes(open: &[HostSpec], found: &[Option<Ports>], target: &Target) -> Vec<String> {
    let (name, port) = (target.name, target.port);
    let mut notes = Vec::new();
    let lines = open.iter().zip(found).filter_map(|(host, found)| {
        let (port, compiler) = found.as_ref()?.right()?;
        Some(show::wrapped(&format!("{}: port {port} has {compiler}", host.display_host()), 2))
    });
    let lines: Vec<_> = lines.collect();
    if !lines.is_empty() {
        notes.push(format!(
            "Note: packages here are for {name}; these hosts compile for it\n{}",
            lines.concat()
        ));
    }
    if found.iter().any(Option::is_none) && port != DEFAULT_PORT {
        let hosts: Vec<_> = open.iter().map(HostSpec::display_host).collect();
        notes.push(show::wrapped(
            &format!(
                "Note: packages here are for {name}, whose {daemon} has port {port}; nobody was \
                 asked whether {hosts} {have} it.",
                daemon = target.daemon(),
                hosts = hosts.join(", "),
                have = if hosts.len() == 1 { "has" } else { "have" },
            ),
            0,
        ));
    }
    for (host, found) in open.iter().zip(found) {
        let Some(found) = found.as_ref().filter(|found| found.right().is_none()) else { continue };
        let told = found.text();
        let host = host.display_host();
        let guess = match port {
            DEFAULT_PORT => String::new(),
            port => format!("; port {port} is written all the same"),
        };
        let text = format!(
            "Warning: {host} compiles nothing for {name} yet ({told}){guess}. To have it do so, \
             run there:"
        );
        notes.push(format!(
            "{}{}",
            show::wrapped(&text, 0),
            show::command(&volunteer_command(target), 4)
        ));
    }
    notes
}

/// The command that has a volunteer compile for `target`.
pub fn volunteer_command(target: &Target) -> String {
    format!("sudo distcc-setup volunteer --target {}", target.name)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::setup::probe::port::Says;
    use crate::targets::by_name;

    fn wish(target: Option<&str>) -> Wish {
        Wish { target: target.and_then(by_name), is_named: true, offline: true }
    }

    fn settled(target: &str, text: &str) -> String {
        wish(Some(target)).settle(text).text
    }

    #[test]
    fn a_host_without_a_port_gets_that_of_its_targets_service() {
        for (target, host) in [
            ("armv5", "10.0.0.2:3633/5"),
            ("armv6h", "10.0.0.2:3634/5"),
            ("armv7h", "10.0.0.2:3635/5"),
            ("armv8", "10.0.0.2:3636/5"),
            ("x86_64", "10.0.0.2/5"),
        ] {
            assert_eq!(settled(target, "10.0.0.2/5"), host, "{target}");
        }
        assert_eq!(
            wish(None).settle("10.0.0.2/5 b"),
            Settled { text: "10.0.0.2/5 b".to_owned(), notes: vec![] }
        );
    }

    #[test]
    fn what_names_a_port_or_has_none_stays_and_limits_go_behind_ports() {
        let list = "--randomize localhost/9 10.0.0.2/5:3635 desk:4000,lzo [fd00::7]/2,cpp,lzo \
                    me@far/3 +zeroconf a:3632";
        let expected = "--randomize localhost/9 10.0.0.2:3635/5 desk:4000,lzo \
                        [fd00::7]:3635/2,cpp,lzo me@far/3 +zeroconf a:3632";
        assert_eq!(settled("armv7h", list), expected);
        assert_eq!(settled("armv7h", expected), expected);
        assert_eq!(settled("x86_64", "a/5:3635 b"), "a:3635/5 b");
    }

    fn ports(own: Says, standard: Says) -> Option<Ports> {
        Some(Ports(vec![(3635, own), (3632, standard)]))
    }

    fn serves(name: &str) -> Says {
        Says::Serves(name.to_owned())
    }

    fn down() -> Says {
        Says::Closed("nobody listens".to_owned())
    }

    #[test]
    fn the_port_that_works_is_written_and_else_the_tables() {
        let target = by_name("armv7h").unwrap();
        let other = || Says::Other("64-bit x86-64".to_owned());
        let full = "armv7l-unknown-linux-gnueabihf-gcc";
        for (found, port) in [
            (ports(serves("gcc"), other()), 3635),
            (ports(serves("gcc"), serves(full)), 3635),
            (ports(down(), serves(full)), 3632),
            (ports(other(), serves("gcc")), 3632),
            (ports(down(), other()), 3635),
            (ports(down(), Says::NoCompiler), 3635),
            (None, 3635),
        ] {
            assert_eq!(written("a/5", found.as_ref(), target), format!("a:{port}/5"), "{found:?}");
        }
        let native = by_name("x86_64").unwrap();
        assert_eq!(written("a/5", Some(&Ports(vec![(3632, other())])), native), "a/5");
    }

    #[test]
    fn what_was_found_is_said_in_lines_of_80_columns() {
        let target = by_name("armv7h").unwrap();
        let open = list::parse("192.168.10.2/5 192.168.10.3/5 192.168.10.4").unwrap().hosts;
        let full = "armv7l-unknown-linux-gnueabihf-gcc";
        let found = [
            ports(serves(full), Says::Other("64-bit x86-64".to_owned())),
            ports(down(), serves(full)),
            ports(down(), Says::Other("64-bit x86-64".to_owned())),
        ];
        let text = notes(&open, &found, target).concat();
        assert!(text.lines().all(|line| line.chars().count() <= show::WIDTH), "{text}");
        insta::assert_snapshot!(text, @r"
        Note: packages here are for armv7h; these hosts compile for it
          192.168.10.2: port 3635 has armv7l-unknown-linux-gnueabihf-gcc
          192.168.10.3: port 3632 has armv7l-unknown-linux-gnueabihf-gcc
        Warning: 192.168.10.4 compiles nothing for armv7h yet (port 3635: nobody
        listens; port 3632 makes 64-bit x86-64 objects); port 3635 is written all the
        same. To have it do so, run there:
            sudo distcc-setup volunteer --target armv7h
        ");
        let asked = notes(&open, &[None, None, None], target).concat();
        insta::assert_snapshot!(asked, @r"
        Note: packages here are for armv7h, whose distccd-armv7h has port 3635; nobody
        was asked whether 192.168.10.2, 192.168.10.3, 192.168.10.4 have it.
        ");
        let native = by_name("x86_64").unwrap();
        let foreign = Some(Ports(vec![(3632, Says::Other("64-bit AArch64".to_owned()))]));
        let asked = notes(&open[..1], &[foreign], native).concat();
        insta::assert_snapshot!(asked, @r"
        Warning: 192.168.10.2 compiles nothing for x86_64 yet (port 3632 makes 64-bit
        AArch64 objects). To have it do so, run there:
            sudo distcc-setup volunteer --target x86_64
        ");
    }
}
