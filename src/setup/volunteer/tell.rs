//! What people read before and after.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use nix::unistd::Uid;

use crate::base::exit::Exit;
use crate::setup::volunteer::arguments::Arguments;
use crate::setup::volunteer::asked;
use crate::setup::volunteer::command::Line;
use crate::setup::volunteer::networks::{Attached, attached};
use crate::setup::volunteer::plan::Plan;
use crate::setup::volunteer::service::{Welcome, knock, knock_until_open};
use crate::setup::volunteer::steps::Steps;
use crate::targets::Target;
use crate::toolchains::{self, object};

/// How it ends where the daemon does not let us in.
const NOT_REACHED: Exit = Exit(1);

/// What is about to be done.
pub(super) fn before(plans: &[Plan], steps: &Steps) -> String {
    let mut text = String::new();
    let is_written = plans.iter().any(|plan| plan.change.is_some());
    if !is_written && steps.is_empty() && steps.firewalls.is_empty() {
        text += "Everything is as it should be.\n";
    }
    if !steps.is_empty() {
        text += "Commands that are run:\n";
        text += &lines(steps.commands());
    }
    if let Some(first) = steps.firewalls.first() {
        if !steps.open_firewall {
            text += &format!("{} may stop clients. These let them in:\n", first.name);
            text += &lines(steps.firewalls.iter().flat_map(|firewall| &firewall.commands));
            text += "  or --apply-firewall, which runs them\n";
        }
        text += &first.to_keep.map(|how| format!("  {how}\n")).unwrap_or_default();
    }
    if steps.here && !Uid::effective().is_root() {
        text += "Whether a firewall stops clients can only be seen by root.\n";
    }
    let attached = if steps.here { attached() } else { Vec::new() };
    let mut shut: Vec<_> =
        plans.iter().flat_map(|plan| shut_out(&plan.arguments, &attached)).collect();
    shut.dedup();
    for network in shut {
        text += &format!("Clients of {network} are not let in; --allow {network} does that.\n");
    }
    let is_ordinary = plans.iter().all(|plan| plan.daemon.target.is_none());
    text + &toolchains::of_this_machine()
        .filter(|_| is_ordinary)
        .map(other_port)
        .unwrap_or_default()
}

/// Where clients of this machine's own target may look for it besides.
fn other_port(target: &Target) -> String {
    match target.port {
        3632 => String::new(),
        port => format!(
            "Clients that go by the table of ports look for {0} on {port}: distcc-setup volunteer \
             --target {0}\n",
            target.name
        ),
    }
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

/// Whether the daemons let us in and compile, and what clients have to write.
pub(super) fn after(plans: &[Plan], steps: &Steps) -> (String, Exit) {
    let mut text = String::new();
    let mut exit = Exit::OK;
    for (at, plan) in plans.iter().enumerate() {
        let by_hand = steps.by_hand.get(at).map(String::as_str);
        let (said, one) = after_one(plan, steps, by_hand);
        text += &said;
        if one != Exit::OK {
            exit = one;
        }
    }
    (text, exit)
}

fn after_one(plan: &Plan, steps: &Steps, by_hand: Option<&str>) -> (String, Exit) {
    let arguments = &plan.arguments;
    let (address, port) = (door(arguments, &attached()), plan.port());
    let welcome = match (by_hand, steps.start.is_empty()) {
        (None, false) => knock_until_open(address, port),
        _ => knock(address, port),
    };
    let place = SocketAddr::new(address, port);
    let clients = || for_clients(plan, &attached());
    match (welcome, by_hand) {
        (Welcome::LetIn, _) => {
            let text = format!("{} listens and lets clients in at {place}.\n", daemon_name(plan));
            let (compiled, exit) = compiles(plan, place);
            let clients = if exit == Exit::OK { clients() } else { String::new() };
            (text + &compiled + &clients, exit)
        }
        (Welcome::Nobody(_), Some(command)) => {
            let text = "No systemd runs here; start distccd as root by\n  ";
            (format!("{text}{command}\n{}", clients()), Exit::OK)
        }
        (Welcome::Nobody(why), None) => {
            let unit = &plan.daemon.unit;
            let look = format!("see why: systemctl status {unit}, journalctl -u {unit}");
            (format!("Nobody listens at {place} ({why}); {look}\n"), NOT_REACHED)
        }
        (Welcome::Refused, _) if !lets_in(arguments, address) => {
            let text = format!(
                "{} listens at {place}, and does not let this machine itself in, as the list \
                 of networks has it.\n",
                daemon_name(plan)
            );
            (text + &clients(), Exit::OK)
        }
        (Welcome::Refused, _) => {
            let text = format!(
                "{} listens at {place} and refuses this machine, though its list of networks \
                 lets {address} in. If it was started with other options, restart it.\n",
                daemon_name(plan)
            );
            (text, NOT_REACHED)
        }
    }
}

/// `distccd`, or `distccd for armv7h`.
fn daemon_name(plan: &Plan) -> String {
    match plan.daemon.target {
        Some(target) => format!("distccd for {}", target.name),
        None => "distccd".to_owned(),
    }
}

/// Has the daemon compile for each of its targets, and says what came of it.
fn compiles(plan: &Plan, place: SocketAddr) -> (String, Exit) {
    let mut text = String::new();
    let mut exit = Exit::OK;
    for target in &plan.targets {
        let name = match plan.daemon.target {
            Some(_) => "gcc".to_owned(),
            None => format!("{}-gcc", target.triple),
        };
        match asked::compile(place, &name) {
            Ok(made) if made.is_for(target) => {
                let by = made.compiler.as_ref().map(|by| format!(" ({by})")).unwrap_or_default();
                text += &format!("It has compiled for {}: {made}{by}.\n", target.name);
            }
            Ok(made) => {
                text += &format!(
                    "It answers {name} with an object for {made}, and {} needs {}. Is another \
                     distccd on its port? See: ss -tlnp 'sport = :{}'\n",
                    target.name,
                    object::wanted(target),
                    place.port()
                );
                exit = NOT_REACHED;
            }
            Err(why) => {
                text += &format!(
                    "It does not compile for {}: it {why}. See: journalctl -u {}\n",
                    target.name, plan.daemon.unit
                );
                exit = NOT_REACHED;
            }
        }
    }
    (text, exit)
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
fn for_clients(plan: &Plan, attached: &[Attached]) -> String {
    let of = plan.daemon.target.map(|target| format!(" of {}", target.name)).unwrap_or_default();
    specs(&plan.arguments, plan.port(), &of, attached)
}

fn specs(arguments: &Arguments, port: u16, of: &str, attached: &[Attached]) -> String {
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
        let port = match port {
            3632 => String::new(),
            port => format!(":{port}"),
        };
        match address {
            IpAddr::V4(address) => format!("  {address}{port}/{slots}\n"),
            IpAddr::V6(address) => format!("  [{address}]{port}/{slots}\n"),
        }
    };
    let specs: String = addresses.iter().map(spec).collect();
    format!("Clients{of} have one of these among their DISTCC_HOSTS:\n{specs}")
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
    fn an_arm_machine_is_told_of_the_port_that_its_clients_know() {
        let said = |name| other_port(crate::targets::by_name(name).unwrap());
        assert!(said("armv7h").contains("armv7h on 3635: distcc-setup volunteer --target armv7h"));
        assert_eq!(said("x86_64"), "");
    }

    #[test]
    fn clients_are_told_the_host_specs() {
        let text = specs(&Arguments::read("-j5"), 3633, " of armv5", &attached());
        insta::assert_snapshot!(text, @r"
        Clients of armv5 have one of these among their DISTCC_HOSTS:
          192.168.10.2:3633/5
          [2001:db8::2]:3633/5
        ");
    }
}
