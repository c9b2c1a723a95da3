//! The one command that mends each fault.

use crate::hosts::spec::{DEFAULT_PORT, HostSpec, ProtocolWish, Transport};
use crate::setup::probe::fault::{CROSS_DAEMONS, Fault, Machine, Remedy, Scene};

impl Scene<'_> {
    /// The spec with another port.
    fn spec_at(&self, port: u16) -> String {
        let mut spec = self.spec.clone();
        if let Transport::Tcp { port: old, .. } = &mut spec.transport {
            *old = port;
        }
        spec.to_string()
    }

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
            Self::WrongTarget { machine, .. } => wrong_target(scene, *machine),
            Self::DiskFull { .. } => scene
                .there("sudo find /tmp -xdev -name 'distcc*' -mmin +60 -delete".to_owned())
                .with_note("`du -xh /tmp | sort -h | tail` shows what else fills it".to_owned()),
            Self::Slow { .. } => here("distcc-setup hosts --write".to_owned())
                .with_note("puts the most powerful volunteers first".to_owned()),
            Self::ProtocolMissing { .. } | Self::NotBuiltIn(_) => {
                let mut spec = scene.spec.clone();
                spec.protocol = ProtocolWish::Lzo;
                spec.auth = None;
                here(format!("distcc-setup hosts --write {spec}"))
                    .with_note("name the other volunteers of the list as well".to_owned())
            }
        }
    }
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

/// The daemon of the right toolchain is on another port.
fn wrong_target(scene: &Scene<'_>, wanted: u16) -> Remedy {
    let right = CROSS_DAEMONS.iter().rev().find(|(.., machine)| *machine == wanted);
    let (port, suffix) = right.map_or((DEFAULT_PORT, ""), |(port, suffix, _)| (*port, *suffix));
    if port == scene.port() {
        return Remedy {
            machine: Machine::Here,
            command: "distcc-setup hosts --write".to_owned(),
            note: Some("leaves this volunteer out".to_owned()),
        };
    }
    Remedy {
        machine: Machine::Here,
        command: format!("distcc-setup hosts --write {}", scene.spec_at(port)),
        note: Some(format!(
            "distccd{suffix} listens on port {port}; name the other volunteers too"
        )),
    }
}
