//! The one command that mends each fault.

use crate::hosts::spec::{DEFAULT_PORT, HostSpec, ProtocolWish, Transport};
use crate::hosts::word;
use crate::setup::ports::settle::volunteer_command;
use crate::setup::probe::answer::Answer;
use crate::setup::probe::fault::{Fault, Machine, Remedy, Scene};
use crate::setup::probe::port::Ports;
use crate::setup::probe::scene;
use crate::targets::Target;

/// Orders the list anew, without those that cannot be used.
const REWRITE: &str = "sudo distcc-setup hosts --write && sudo distcc-setup configure";

impl Scene<'_> {
    fn there(&self, command: String) -> Remedy {
        Remedy { machine: Machine::Volunteer(self.host().to_owned()), command, note: None }
    }

    /// The target, where volunteers have a distccd of its own for it.
    fn foreign(&self) -> Option<&'static Target> {
        self.target.filter(|target| target.port != DEFAULT_PORT)
    }

    /// Another port of the volunteer that was asked, and compiles for the target.
    fn proved_port(&self) -> Option<u16> {
        self.elsewhere.and_then(Ports::right).map(|(port, _)| port)
    }

    /// Has the volunteer compile for `target`.
    fn made_to_serve(&self, target: &Target) -> Remedy {
        let remedy = self.there(volunteer_command(target));
        match self.port() == target.port {
            true => remedy,
            false => {
                let right = word::with_port(&self.spec.text, target.port);
                remedy.with_note(format!("and write `{right}` into the host list here"))
            }
        }
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
            _ if self.better_spec(scene).is_some() => rewritten(self, scene),
            Self::Down => {
                let start = format!("sudo systemctl enable --now {unit}");
                match scene.foreign().filter(|target| target.port == port) {
                    None => scene.there(start),
                    Some(target) => scene
                        .there(volunteer_command(target))
                        .with_note(format!("with the AUR's packages there: {start}")),
                }
            }
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
            Self::CompilerMissing { .. } if scene.foreign().is_some() => self.service(scene),
            Self::WrongTarget { .. } => self.service(scene),
            Self::CompilerMissing { name } => {
                let package = package(name);
                scene.there(format!(
                    "sudo pacman -S --needed {package} && sudo update-distcc-symlinks"
                ))
            }
            Self::CompilerDiffers { name, newer: true, .. } => {
                here(format!("sudo pacman -Syu {}", package(name)))
            }
            Self::CompilerDiffers { .. } | Self::LtoDiffers { .. } | Self::CompilerFails { .. }
                if scene.foreign().is_some() =>
            {
                self.service(scene).with_note(
                    "with a toolchain of this machine's gcc there, as the AUR's distccd-alarm \
                     packages have them"
                        .to_owned(),
                )
            }
            Self::CompilerDiffers { name, .. } | Self::LtoDiffers { name, .. } => {
                scene.there(format!("sudo pacman -Syu {}", package(name)))
            }
            Self::CompilerFails { name, .. } => {
                scene.there(format!("sudo pacman -S {}", package(name)))
            }
            Self::DiskFull { .. } => scene
                .there("sudo find /tmp -xdev -name 'distcc*' -mmin +60 -delete".to_owned())
                .with_note("`du -xh /tmp | sort -h | tail` shows what else fills it".to_owned()),
            Self::Slow { .. } => here(REWRITE.to_owned())
                .with_note("puts the most powerful volunteers first".to_owned()),
            Self::ProtocolMissing { .. } | Self::NotBuiltIn(_) => rewritten(self, scene),
        }
    }

    /// Has the volunteer compile for the target; where that is not known, it is left out.
    fn service(&self, scene: &Scene<'_>) -> Remedy {
        let by_port = matches!(scene.spec.transport, Transport::Tcp { .. });
        match scene.target.filter(|_| by_port) {
            Some(target) => scene.made_to_serve(target),
            None => rewritten(self, scene),
        }
    }

    /// [`Self::remedy`] where the whole host list is known: a command that changes an entry of it
    /// then has all of it.
    pub fn remedy_in(&self, scene: &Scene<'_>, list: &[HostSpec]) -> Remedy {
        let mut remedy = self.remedy(scene);
        if let Some(better) = self.better_spec(scene) {
            let spec = |one: &HostSpec| match one == scene.spec {
                true => better.text.clone(),
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
            Self::WrongTarget { .. }
            | Self::CompilerMissing { .. }
            | Self::Down
            | Self::NotDistcc(_) => {
                // Where nobody was asked, the table knows of a wrong target's right one.
                let is_wrong = matches!(self, Self::WrongTarget { .. });
                let guess = || Some(scene.target.filter(|_| is_wrong)?.port);
                let port = match scene.elsewhere {
                    Some(_) => scene.proved_port(),
                    None => guess(),
                };
                let port = port.filter(|port| *port != scene.port())?;
                let Transport::Tcp { port: old, .. } = &mut spec.transport else { return None };
                *old = port;
                // For a target with a port of its own, the standard one is written out.
                spec.text = match scene.foreign() {
                    None if port == DEFAULT_PORT => word::without_port(&spec.text),
                    _ => word::with_port(&spec.text, port),
                };
            }
            Self::ProtocolMissing { .. } | Self::NotBuiltIn(_) => {
                spec.protocol = ProtocolWish::Lzo;
                spec.auth = None;
                spec.text = spec.to_string();
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
            (configure(&better.text), note + "name the other hosts of the list as well")
        }
        None => (REWRITE.to_owned(), "leaves this volunteer out".to_owned()),
    };
    Remedy { machine: Machine::Here, command, note: Some(note) }
}

/// The list that these volunteers were asked by, with the ports that were found to be right: so a
/// command that changes one entry of it leaves no other one wrong.
pub fn mended(answers: &[Answer]) -> Vec<HostSpec> {
    let mended = |answer: &Answer| {
        let scene = scene(answer);
        let better = answer.elsewhere.iter().filter(|ports| ports.right().is_some());
        let mut better = better.flat_map(|_| &answer.faults);
        better.find_map(|fault| fault.better_spec(&scene)).unwrap_or_else(|| answer.spec.clone())
    };
    answers.iter().map(mended).collect()
}

/// Why the port is another one.
fn better_port(better: &HostSpec, scene: &Scene<'_>) -> Option<String> {
    let Transport::Tcp { port, .. } = better.transport else { return None };
    if port == scene.port() {
        return None;
    }
    let proved = scene.elsewhere.and_then(Ports::right);
    Some(match (proved, scene.target) {
        (Some((port, _)), Some(target)) => {
            format!("its port {port} compiles for {}", target.name)
        }
        (None, Some(target)) => {
            format!("distccd for {} has port {port}", target.name)
        }
        (_, None) => format!("distccd there has port {port}"),
    })
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
    use crate::setup::probe::port::Says;
    use crate::targets;

    fn remedy(
        list: &str,
        at: usize,
        fault: &Fault,
        of: Option<&str>,
        said: Option<&Ports>,
    ) -> Remedy {
        let hosts = list::parse(list).unwrap().hosts;
        let our_address = Some("192.168.10.7".parse().unwrap());
        let target = of.and_then(targets::by_name);
        let scene =
            Scene { spec: &hosts[at], our_address, prefix: Some(24), target, elsewhere: said };
        fault.remedy_in(&scene, &hosts)
    }

    fn command(list: &str, at: usize, fault: &Fault) -> Remedy {
        remedy(list, at, fault, Some("x86_64"), None)
    }

    fn wrong() -> Fault {
        let (name, ours, theirs) = ("gcc".to_owned(), String::new(), String::new());
        Fault::WrongTarget { name, ours, theirs }
    }

    /// Where a command is to be run, the command, and its note.
    fn text(remedy: &Remedy) -> String {
        let place = match &remedy.machine {
            Machine::Here => "here".to_owned(),
            Machine::Volunteer(name) => format!("on {name}"),
        };
        let note = remedy.note.as_ref().map_or(String::new(), |note| format!(" ({note})"));
        format!("{place}: {}{note}", remedy.command)
    }

    #[test]
    fn the_right_toolchain_is_behind_another_port() {
        let said = |says: &[(u16, Says)]| Some(Ports(says.to_vec()));
        let down = || Says::Closed("nobody listens".to_owned());
        let full = || Says::Serves("armv7l-unknown-linux-gnueabihf-gcc".to_owned());
        let list = "localhost/2 10.0.0.2:3636/5 b";
        let lines = [
            remedy(list, 1, &wrong(), Some("x86_64"), None),
            remedy("10.0.0.2", 0, &wrong(), Some("armv8"), None),
            remedy("10.0.0.2:3636", 0, &wrong(), Some("armv8"), None),
            remedy(list, 1, &wrong(), Some("armv7h"), said(&[(3635, full())]).as_ref()),
            remedy(
                list,
                1,
                &wrong(),
                Some("armv7h"),
                said(&[(3635, down()), (3632, full())]).as_ref(),
            ),
            remedy(list, 1, &wrong(), Some("armv7h"), said(&[(3635, down())]).as_ref()),
            remedy("me@10.0.0.2", 0, &wrong(), Some("armv7h"), None),
            remedy("10.0.0.2", 0, &wrong(), None, None),
        ];
        insta::assert_snapshot!(lines.each_ref().map(text).join("\n"), @r#"
        here: sudo distcc-setup configure --hosts "localhost/2 10.0.0.2/5 b" (distccd for x86_64 has port 3632)
        here: sudo distcc-setup configure --hosts "10.0.0.2:3636" (distccd for armv8 has port 3636)
        on 10.0.0.2: sudo distcc-setup volunteer --target armv8
        here: sudo distcc-setup configure --hosts "localhost/2 10.0.0.2:3635/5 b" (its port 3635 compiles for armv7h)
        here: sudo distcc-setup configure --hosts "localhost/2 10.0.0.2:3632/5 b" (its port 3632 compiles for armv7h)
        on 10.0.0.2: sudo distcc-setup volunteer --target armv7h (and write `10.0.0.2:3635/5` into the host list here)
        here: sudo distcc-setup hosts --write && sudo distcc-setup configure (leaves this volunteer out)
        here: sudo distcc-setup hosts --write && sudo distcc-setup configure (leaves this volunteer out)
        "#);
    }

    #[test]
    fn what_is_missing_at_a_targets_port_is_no_package_of_the_machines_own() {
        let missing = Fault::CompilerMissing { name: "gcc".to_owned() };
        let other = Fault::CompilerDiffers {
            name: "gcc".to_owned(),
            ours: "GCC: (GNU) 15.2.1".to_owned(),
            theirs: "GCC: (GNU) 12.2.0".to_owned(),
            close: false,
            newer: false,
        };
        let lines = [
            remedy("10.0.0.2:3635", 0, &missing, Some("armv7h"), None),
            remedy("10.0.0.2:3632", 0, &missing, Some("armv7h"), None),
            remedy("10.0.0.2:3635", 0, &Fault::Down, Some("armv7h"), None),
            remedy("10.0.0.2", 0, &Fault::Down, Some("x86_64"), None),
            remedy("10.0.0.2:3635", 0, &other, Some("armv7h"), None),
            remedy("10.0.0.2", 0, &other, Some("x86_64"), None),
        ];
        insta::assert_snapshot!(lines.each_ref().map(text).join("\n"), @r"
        on 10.0.0.2: sudo distcc-setup volunteer --target armv7h
        on 10.0.0.2: sudo distcc-setup volunteer --target armv7h (and write `10.0.0.2:3635` into the host list here)
        on 10.0.0.2: sudo distcc-setup volunteer --target armv7h (with the AUR's packages there: sudo systemctl enable --now distccd-armv7h)
        on 10.0.0.2: sudo systemctl enable --now distccd
        on 10.0.0.2: sudo distcc-setup volunteer --target armv7h (with a toolchain of this machine's gcc there, as the AUR's distccd-alarm packages have them)
        on 10.0.0.2: sudo pacman -Syu gcc
        ");
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
