//! Volunteers that announce themselves, as a host list.

use std::net::{IpAddr, SocketAddr};

use crate::setup::discover::discovered::Discovered;
use crate::setup::discover::{USUAL_LIMIT, discover};
use crate::setup::probe::{is_ours, show};
use crate::targets::Target;

/// Those that were heard, and this machine's own slots.
#[derive(Clone, Debug, Default)]
pub(super) struct Announced {
    /// The volunteers, without this machine.
    pub(super) volunteers: Vec<Discovered>,
}

impl Announced {
    /// Listens for them.
    ///
    /// # Errors
    ///
    /// A sentence: nobody could be heard, or nobody was.
    pub(super) fn listen() -> Result<Self, String> {
        let mut volunteers = discover(USUAL_LIMIT).map_err(|error| error.to_string())?;
        volunteers.retain(|one| one.host_spec(None).is_some() && !is_this_machine(one));
        match volunteers.is_empty() {
            true => Err("no volunteer announces itself on this network, as distccd --zeroconf \
                         does; name them, as in `distcc-setup hosts 192.168.10.2`"
                .to_owned()),
            false => Ok(Self { volunteers }),
        }
    }

    /// The host list of a client that builds for `target`: this machine with a slot for each
    /// processor, and the volunteers, each once.
    pub(super) fn host_specs(&self, target: Option<&'static Target>) -> Vec<String> {
        let processors = std::thread::available_parallelism().map_or(1, usize::from);
        let (others, right): (Vec<_>, Vec<_>) =
            self.volunteers.iter().partition(|one| one.is_for_others(target));
        let mut seen: Vec<Option<&IpAddr>> = Vec::new();
        let mut specs = vec![format!("localhost/{processors}")];
        for one in right.into_iter().chain(others) {
            let address = one.addresses.first();
            let is_new = !seen.contains(&address) || !one.is_for_others(target);
            seen.push(address);
            specs.extend(one.host_spec(target).filter(|spec| is_new && !specs.contains(spec)));
        }
        specs
    }

    /// What they say of themselves.
    pub(super) fn text(&self) -> String {
        let row = |one: &Discovered| {
            let compiler = one.compiler_version.as_ref().map_or(String::new(), |version| {
                let machine = one.compiler_machine.as_ref();
                machine.map_or(version.clone(), |machine| format!("{version} {machine}"))
            });
            let processors = one.cpus.map_or(String::new(), |count| count.to_string());
            vec![one.name.clone(), one.host_spec(None).unwrap_or_default(), processors, compiler]
        };
        let rows: Vec<_> = self.volunteers.iter().map(row).collect();
        show::table(&["ANNOUNCED AS", "HOST", "PROCESSORS", "ITS CC"], &rows)
    }
}

/// The daemon of this machine announces itself as well.
fn is_this_machine(one: &Discovered) -> bool {
    one.addresses.iter().any(|&address| is_ours(SocketAddr::new(address, one.port)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::targets;

    #[test]
    fn a_machine_with_several_distccds_is_listed_at_the_port_of_the_target() {
        let one = |address: &str, port, machine: &'static str| {
            let text = move |key: &str| (key == "cc_machine").then_some(machine.as_bytes());
            Discovered::new("distcc@desk", [address.parse().unwrap()].into_iter(), port, text)
        };
        let arm = "arm-unknown-linux-gnueabihf";
        let announced = Announced {
            volunteers: vec![
                one("10.0.0.2", 3632, "x86_64-pc-linux-gnu"),
                one("10.0.0.2", 4000, arm),
                one("10.0.0.3", 3632, "x86_64-pc-linux-gnu"),
            ],
        };
        let of = |name: &str| announced.host_specs(targets::by_name(name))[1..].join(" ");
        assert_eq!(of("armv7h"), "10.0.0.2:4000 10.0.0.3");
        assert_eq!(of("x86_64"), "10.0.0.2 10.0.0.3");
        assert_eq!(of("armv8"), "10.0.0.2 10.0.0.3");
    }
}
