//! The one command that mends each fault.

use crate::hosts::spec::{DEFAULT_PORT, HostSpec, ProtocolWish, Transport};
use crate::setup::probe::fault::{CROSS_DAEMONS, Fault, Machine, Remedy, Scene};

/// Orders the list anew, without those that cannot be used.
const REWRITE: &str = "sudo distcc-setup hosts --write && sudo distcc-setup configure";

impl Scene<'_> {
    fn there(&self, command: String) -> Remedy {
        Remedy { machine: Machine::Volunteer(self.host().to_owned()), command, note: None }
    }
}

impl Fault {
    /// The command that mends it, and where to run it.
    pub fn remedy(&self, scene: &Scene<'_>) -> Remedy {
        let (host, port, unit) = (scene.host(), scene.port(), scene.unit());
        let here = |command: String| Remedy { machine: Machine::Here, command, note: None };
        match self {
            Self::NameUnknown(_) => here(format!("echo 'ADDRESS {host}' | sudo tee -a /etc/hosts"))
                .with_note("`distcc-setup hosts --discover` shows addresses".to_owned()),
            Self::Down => scene.there(format!("sudo systemctl enable --now {unit}")),
            Self::Firewalled(_) => scene
                .there(format!(
                    "sudo ufw allow from {} to any port {port} proto tcp",
                    scene.our_network()
                ))
                .with_note(format!(
                    "with firewalld: sudo firewall-cmd --permanent --add-port={port}/tcp && sudo \
                     firewall-cmd --reload"
                )),
            Self::FirewalledHere => {
                here(format!("sudo ufw allow out to any port {port} proto tcp"))
            }
            Self::Unreachable(_) => here(format!("ping -c 3 {host}"))
                .with_note("switch the machine on, or mend its network".to_owned()),
            Self::SshFails(_) => here(ssh_command(scene.spec)),
            Self::AccessRefused => scene.there(format!(
                "sudo sed -i 's|^DISTCC_ARGS=\"|&--allow {} |' /etc/conf.d/{unit} && \
                 sudo systemctl restart {unit}",
                scene.our_network()
            )),
            Self::Silent(_) => scene.there(format!("sudo systemctl restart {unit}")),
            Self::NotDistcc(_) => scene
                .there("sudo ss -tlnp | grep distccd".to_owned())
                .with_note("shows distccd's port, which the host spec must name".to_owned()),
            Self::CompilerMissing { name } => {
                let package = package(name);
                scene.there(format!(
                    "sudo pacman -S --needed {package} && sudo update-distcc-symlinks"
                ))
            }
            Self::CompilerDiffers { name, newer: true, .. } => {
                here(format!("sudo pacman -Syu {}", package(name)))
            }
            Self::CompilerDiffers { name, .. } | Self::LtoDiffers { name, .. } => {
                scene.there(format!("sudo pacman -Syu {}", package(name)))
            }
            Self::CompilerFails { name, .. } => {
                scene.there(format!("sudo pacman -S {}", package(name)))
            }
            Self::WrongTarget { .. } => rewritten(self, scene),
            Self::DiskFull { .. } => scene
                .there("sudo find /tmp -xdev -name 'distcc*' -mmin +60 -delete".to_owned())
                .with_note("`du -xh /tmp | sort -h | tail` shows what else fills it".to_owned()),
            Self::Slow { .. } => here(REWRITE.to_owned())
                .with_note("puts the most powerful volunteers first".to_owned()),
            Self::ProtocolMissing { .. } | Self::NotBuiltIn(_) => rewritten(self, scene),
        }
    }

    /// [`Self::remedy`] where the whole host list is known: a command that changes an entry of it
    /// then has all of it.
    pub fn remedy_in(&self, scene: &Scene<'_>, list: &[HostSpec]) -> Remedy {
        let mut remedy = self.remedy(scene);
        if let Some(better) = self.better_spec(scene) {
            let spec = |one: &HostSpec| match one == scene.spec {
                true => better.to_string(),
                false => one.text.clone(),
            };
            let specs: Vec<_> = list.iter().map(spec).collect();
            remedy.command = configure(&specs.join(" "));
            remedy.note = better_port(&better, scene);
        }
        remedy
    }

    /// The host spec that has not this fault, where another spec is all it takes.
    fn better_spec(&self, scene: &Scene<'_>) -> Option<HostSpec> {
        let mut spec = scene.spec.clone();
        match self {
            Self::WrongTarget { machine, .. } => {
                let port = right_port(*machine);
                match &mut spec.transport {
                    Transport::Tcp { port: old, .. } if *old != port => *old = port,
                    _ => return None,
                }
            }
            Self::ProtocolMissing { .. } | Self::NotBuiltIn(_) => {
                spec.protocol = ProtocolWish::Lzo;
                spec.auth = None;
            }
            _ => return None,
        }
        Some(spec)
    }
}

/// Puts a host list into makepkg's configuration.
fn configure(hosts: &str) -> String {
    format!("sudo distcc-setup configure --hosts \"{hosts}\"")
}

/// Another entry in the host list.
fn rewritten(fault: &Fault, scene: &Scene<'_>) -> Remedy {
    let (command, note) = match fault.better_spec(scene) {
        Some(better) => {
            let note = better_port(&better, scene).map_or(String::new(), |note| note + "; ");
            (configure(&better.to_string()), note + "name the other hosts of the list as well")
        }
        None => (REWRITE.to_owned(), "leaves this volunteer out".to_owned()),
    };
    Remedy { machine: Machine::Here, command, note: Some(note) }
}

/// Why the port is another one.
fn better_port(better: &HostSpec, scene: &Scene<'_>) -> Option<String> {
    let Transport::Tcp { port, .. } = better.transport else { return None };
    let cross = CROSS_DAEMONS.iter().find(|(cross, ..)| *cross == port);
    let unit = cross.map_or("", |(_, suffix, _)| suffix);
    (port != scene.port()).then(|| format!("the right toolchain's distccd{unit} has port {port}"))
}

/// The port of the daemon whose compilers make objects for this machine.
fn right_port(machine: u16) -> u16 {
    // Of the ports for 32-bit ARM, the last is the one for today's machines.
    let right = CROSS_DAEMONS.iter().rev().find(|(.., of)| *of == machine);
    right.map_or(DEFAULT_PORT, |(port, ..)| *port)
}

impl Remedy {
    fn with_note(mut self, note: String) -> Self {
        self.note = Some(note);
        self
    }
}

/// The package that has the compiler on Arch.
pub fn package(compiler: &str) -> &'static str {
    if compiler.contains("clang") { "clang" } else { "gcc" }
}

fn ssh_command(spec: &HostSpec) -> String {
    match &spec.transport {
        Transport::Ssh { user: Some(user), host, .. } => format!("ssh-copy-id {user}@{host}"),
        _ => format!("ssh-copy-id {}", spec.display_host()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hosts::list;

    const X86_64: u16 = 62;
    const AARCH64: u16 = 183;

    fn command(list: &str, at: usize, fault: &Fault) -> Remedy {
        let hosts = list::parse(list).unwrap().hosts;
        let our_address = Some("192.168.10.7".parse().unwrap());
        let scene = Scene { spec: &hosts[at], our_address, prefix: Some(24) };
        fault.remedy_in(&scene, &hosts)
    }

    fn wrong(machine: u16) -> Fault {
        let (name, ours) = ("gcc".to_owned(), String::new());
        Fault::WrongTarget { name, ours, machine, theirs: String::new() }
    }

    #[test]
    fn the_right_toolchain_is_behind_another_port() {
        let remedy = command("localhost/2 10.0.0.2:3636/5 b", 1, &wrong(X86_64));
        let expected = "sudo distcc-setup configure --hosts \"localhost/2 10.0.0.2/5 b\"";
        assert_eq!((remedy.machine, remedy.command.as_str()), (Machine::Here, expected));
        assert_eq!(remedy.note.unwrap(), "the right toolchain's distccd has port 3632");
        let remedy = command("10.0.0.2", 0, &wrong(AARCH64));
        assert_eq!(remedy.command, "sudo distcc-setup configure --hosts \"10.0.0.2:3636\"");
        let remedy = command("10.0.0.2:3636", 0, &wrong(AARCH64));
        assert_eq!(remedy.command, REWRITE);
    }

    #[test]
    fn access_and_firewall_are_opened_for_our_network_alone() {
        let remedy = command("10.0.0.2:3635", 0, &Fault::AccessRefused);
        let expected = "sudo sed -i 's|^DISTCC_ARGS=\"|&--allow 192.168.10.0/24 |' \
                        /etc/conf.d/distccd-armv7h && sudo systemctl restart distccd-armv7h";
        assert_eq!(remedy.command, expected);
        let remedy = command("10.0.0.2", 0, &Fault::Firewalled(Default::default()));
        let expected = "sudo ufw allow from 192.168.10.0/24 to any port 3632 proto tcp";
        assert_eq!(remedy.command, expected);
        assert_eq!(remedy.machine, Machine::Volunteer("10.0.0.2".to_owned()));
    }

    #[test]
    fn pump_that_is_not_served_goes_out_of_the_spec() {
        let fault = Fault::ProtocolMissing { version: 3 };
        let remedy = command("a/3,cpp,lzo b", 0, &fault);
        assert_eq!(remedy.command, "sudo distcc-setup configure --hosts \"a/3,lzo b\"");
        assert_eq!(remedy.note, None);
    }
}
