//! What people read before and after.

use std::net::{IpAddr, Ipv4Addr};

use nix::unistd::Uid;

use crate::base::exit::Exit;
use crate::setup::volunteer::arguments::Arguments;
use crate::setup::volunteer::command::Line;
use crate::setup::volunteer::networks::{Attached, attached};
use crate::setup::volunteer::plan::Plan;
use crate::setup::volunteer::service::{Welcome, knock, knock_until_open};
use crate::setup::volunteer::steps::Steps;

/// How it ends where the daemon does not let us in.
const NOT_REACHED: Exit = Exit(1);

/// What is about to be done.
pub(super) fn before(plan: &Plan, steps: &Steps) -> String {
    let mut text = String::new();
    let closed = steps.firewall.as_ref().is_some_and(|firewall| !firewall.commands.is_empty());
    if plan.changes.is_empty() && steps.is_empty() && !closed {
        text += "Everything is as it should be.\n";
    }
    if !steps.is_empty() {
        text += "Commands that are run:\n";
        text += &lines(steps.commands());
    }
    let firewall = steps.firewall.iter().filter(|firewall| !firewall.commands.is_empty());
    for firewall in firewall {
        if !steps.open_firewall {
            text += &format!("{} may stop clients. These let them in:\n", firewall.name);
            text += &lines(firewall.commands.iter());
            text += "  or --apply-firewall, which runs them\n";
        }
        text += &firewall.to_keep.map(|how| format!("  {how}\n")).unwrap_or_default();
    }
    if steps.here && !Uid::effective().is_root() {
        text += "Whether a firewall stops clients can only be seen by root.\n";
    }
    let attached = if steps.here { attached() } else { Vec::new() };
    for network in shut_out(&plan.arguments, &attached) {
        text += &format!("Clients of {network} are not let in; --allow {network} does that.\n");
    }
    text
}

fn lines<'a>(commands: impl Iterator<Item = &'a Line>) -> String {
    commands.map(|line| format!("  {}\n", line.text())).collect()
}

/// Networks that this machine is attached to, that are not private, and not let in by name.
fn shut_out(arguments: &Arguments, attached: &[Attached]) -> Vec<String> {
    let public = attached.iter().filter(|attached| !attached.is_private());
    let public = public.map(Attached::network);
    let named = arguments.allowed();
    // A list of names is what somebody wrote on purpose.
    public.filter(|network| named.is_empty() && !named.contains(network)).collect()
}

/// Whether the daemon lets us in, and what clients have to write.
pub(super) fn after(plan: &Plan, steps: &Steps) -> (String, Exit) {
    let arguments = &plan.arguments;
    let (address, port) = (door(arguments, &attached()), arguments.port());
    let welcome = match (&steps.by_hand, steps.start.is_empty()) {
        (None, false) => knock_until_open(address, port),
        _ => knock(address, port),
    };
    let place = std::net::SocketAddr::new(address, port);
    match (welcome, &steps.by_hand) {
        (Welcome::LetIn, _) => {
            let text = format!("distccd listens and lets clients in at {place}.\n");
            (text + &for_clients(arguments, &attached()), Exit::OK)
        }
        (Welcome::Nobody(_), Some(command)) => {
            let text = "No systemd runs here; start distccd as root by\n  ";
            let clients = for_clients(arguments, &attached());
            (format!("{text}{command}\n{clients}"), Exit::OK)
        }
        (Welcome::Nobody(why), None) => {
            let look = "see why: systemctl status distccd.service, journalctl -u distccd";
            (format!("Nobody listens at {place} ({why}); {look}\n"), NOT_REACHED)
        }
        (Welcome::Refused, _) if !lets_in(arguments, address) => {
            let text = format!(
                "distccd listens at {place}, and does not let this machine itself in, as the list \
                 of networks has it.\n"
            );
            (text + &for_clients(arguments, &attached()), Exit::OK)
        }
        (Welcome::Refused, _) => {
            let text = format!(
                "distccd listens at {place} and refuses this machine, though its list of networks \
                 lets {address} in. If it was started with other options, restart it.\n"
            );
            (text, NOT_REACHED)
        }
    }
}

/// An address of this machine at which the daemon listens, and from which it lets us in.
fn door(arguments: &Arguments, attached: &[Attached]) -> IpAddr {
    let listen = arguments.listen().filter(|address| !address.is_unspecified());
    let named = attached.iter().find(|one| arguments.allowed().contains(&one.network()));
    let named = named.filter(|_| !arguments.allows_private()).map(|one| one.address);
    listen.or(named).unwrap_or(IpAddr::V4(Ipv4Addr::LOCALHOST))
}

/// Whether the list of networks has `address`, as far as a name tells.
fn lets_in(arguments: &Arguments, address: IpAddr) -> bool {
    let known = attached().into_iter().find(|one| one.address == address);
    let network = known.as_ref().map(Attached::network);
    let named = |allowed: &String| {
        Some(allowed) == network.as_ref() || allowed.split('/').next() == Some(&address.to_string())
    };
    let private = address.is_loopback() || known.is_some_and(|one| one.is_private());
    arguments.allowed().iter().any(named) || (arguments.allows_private() && private)
}

/// The host specs of this machine.
fn for_clients(arguments: &Arguments, attached: &[Attached]) -> String {
    let processors = std::thread::available_parallelism().map_or(1, usize::from);
    let slots = arguments.jobs().unwrap_or(processors + 2);
    let listen = arguments.listen().filter(|address| !address.is_unspecified());
    let addresses: Vec<_> = match listen {
        Some(address) => vec![address],
        None => attached.iter().map(|one| one.address).collect(),
    };
    if addresses.is_empty() {
        return String::new();
    }
    let spec = |address: &IpAddr| {
        let port = match arguments.port() {
            3632 => String::new(),
            port => format!(":{port}"),
        };
        match address {
            IpAddr::V4(address) => format!("  {address}{port}/{slots}\n"),
            IpAddr::V6(address) => format!("  [{address}]{port}/{slots}\n"),
        }
    };
    let specs: String = addresses.iter().map(spec).collect();
    format!("Clients have one of these among their DISTCC_HOSTS:\n{specs}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn attached() -> Vec<Attached> {
        vec![
            Attached { address: "192.168.10.2".parse().unwrap(), bits: 24 },
            Attached { address: "2001:db8::2".parse().unwrap(), bits: 64 },
        ]
    }

    #[test]
    fn a_public_network_is_pointed_out_unless_networks_are_named() {
        let shut = |text: &str| shut_out(&Arguments::read(text), &attached());
        assert_eq!(shut("--allow-private"), ["2001:db8::/64"]);
        assert_eq!(shut("--allow-private --allow 2001:db8::/64"), [""; 0]);
        assert_eq!(shut("--allow 192.168.10.0/24"), [""; 0]);
    }

    #[test]
    fn the_door_is_one_that_opens() {
        let door = |text: &str| door(&Arguments::read(text), &attached()).to_string();
        assert_eq!(door("--allow-private"), "127.0.0.1");
        assert_eq!(door("--allow 192.168.10.0/24"), "192.168.10.2");
        assert_eq!(door("--allow-private --listen 10.0.0.9"), "10.0.0.9");
        assert_eq!(door("--allow-private --listen ::"), "127.0.0.1");
    }

    #[test]
    fn clients_are_told_the_host_specs() {
        let text = for_clients(&Arguments::read("--port 3633 -j5"), &attached());
        insta::assert_snapshot!(text, @r"
        Clients have one of these among their DISTCC_HOSTS:
          192.168.10.2:3633/5
          [2001:db8::2]:3633/5
        ");
    }
}
