//! Volunteers that announce themselves, as a host list.

use std::net::SocketAddr;

use crate::setup::discover::discovered::Discovered;
use crate::setup::discover::{USUAL_LIMIT, discover};
use crate::setup::probe::{is_ours, show};

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
        volunteers.retain(|one| one.host_spec().is_some() && !is_this_machine(one));
        match volunteers.is_empty() {
            true => Err("no volunteer announces itself on this network, as distccd --zeroconf \
                         does; name them, as in `distcc-setup hosts 192.168.10.2`"
                .to_owned()),
            false => Ok(Self { volunteers }),
        }
    }

    /// The host list: this machine with a slot for each processor, and the volunteers.
    pub(super) fn host_specs(&self) -> Vec<String> {
        let processors = std::thread::available_parallelism().map_or(1, usize::from);
        let volunteers = self.volunteers.iter().filter_map(Discovered::host_spec);
        std::iter::once(format!("localhost/{processors}")).chain(volunteers).collect()
    }

    /// What they say of themselves.
    pub(super) fn text(&self) -> String {
        let row = |one: &Discovered| {
            let compiler = one.compiler_version.as_ref().map_or(String::new(), |version| {
                let machine = one.compiler_machine.as_ref();
                machine.map_or(version.clone(), |machine| format!("{version} {machine}"))
            });
            let processors = one.cpus.map_or(String::new(), |count| count.to_string());
            vec![one.name.clone(), one.host_spec().unwrap_or_default(), processors, compiler]
        };
        let rows: Vec<_> = self.volunteers.iter().map(row).collect();
        show::table(&["ANNOUNCED AS", "HOST", "PROCESSORS", "ITS CC"], &rows)
    }
}

/// The daemon of this machine announces itself as well.
fn is_this_machine(one: &Discovered) -> bool {
    one.addresses.iter().any(|&address| is_ours(SocketAddr::new(address, one.port)))
}
