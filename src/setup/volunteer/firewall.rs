//! Which firewall is at work, and the commands that let clients through it.

use serde_json::Value;

use crate::setup::volunteer::command::{Line, find};

/// A firewall, and what is to be said to it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Firewall {
    /// What people call it.
    pub name: &'static str,
    /// Commands that open the port for the networks; none if it is open.
    pub commands: Vec<Line>,
    /// What makes that last where the commands do not.
    pub to_keep: Option<&'static str>,
}

/// The firewall that is at work, if there is one, and how to open `port` in it for `networks`.
///
/// Those that people talk to come before those that they are made of.
pub(super) fn find_active(port: u16, networks: &[String]) -> Option<Firewall> {
    ufw(port, networks)
        .or_else(|| firewalld(port, networks))
        .or_else(|| nftables(port, networks))
        .or_else(|| iptables(port, networks))
}

fn ufw(port: u16, networks: &[String]) -> Option<Firewall> {
    find("ufw")?;
    let status = Line::new("ufw status").output()?;
    if !status.contains("Status: active") {
        return None;
    }
    // `3632/tcp  ALLOW  192.168.0.0/16`, in columns.
    let is_open = |network: &String| {
        let words = |line: &str| line.split_whitespace().map(str::to_owned).collect::<Vec<_>>();
        let rule = [format!("{port}/tcp"), "ALLOW".to_owned(), network.clone()];
        status.lines().any(|line| words(line).starts_with(&rule))
    };
    let closed = networks.iter().filter(|network| !is_open(network));
    let command = |network| {
        Line::new(&format!("ufw allow proto tcp from {network} to any port {port} comment distcc"))
    };
    Some(Firewall { name: "ufw", commands: closed.map(command).collect(), to_keep: None })
}

fn firewalld(port: u16, networks: &[String]) -> Option<Firewall> {
    find("firewall-cmd")?;
    if !Line::new("firewall-cmd --state").succeeds() {
        return None;
    }
    let rule = |network: &String| {
        format!(
            "rule family=\"{}\" source address=\"{network}\" port port=\"{port}\" protocol=\"tcp\" \
             accept",
            if network.contains(':') { "ipv6" } else { "ipv4" }
        )
    };
    let line = |option: &str, rule: String| {
        Line(vec!["firewall-cmd".into(), "--permanent".into(), format!("{option}{rule}")])
    };
    let closed =
        networks.iter().filter(|network| !line("--query-rich-rule=", rule(network)).succeeds());
    let mut commands: Vec<_> =
        closed.map(|network| line("--add-rich-rule=", rule(network))).collect();
    if !commands.is_empty() {
        commands.push(Line::new("firewall-cmd --reload"));
    }
    Some(Firewall { name: "firewalld", commands, to_keep: None })
}

/// A chain through which what comes in goes.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Chain {
    family: String,
    table: String,
    name: String,
}

fn nftables(port: u16, networks: &[String]) -> Option<Firewall> {
    find("nft")?;
    let list = Line::new("nft -j list ruleset").output()?;
    let ruleset: Value = serde_json::from_str(&list).ok()?;
    let chains: Vec<_> = input_chains(&ruleset)
        .into_iter()
        // Those are iptables' own, who has words for them.
        .filter(|chain| !(chain.table == "filter" && chain.name == "INPUT"))
        .collect();
    let mut commands = Vec::new();
    for Chain { family, table, name } in &chains {
        for network in networks {
            let (protocol, other) =
                if network.contains(':') { ("ip6", "ip") } else { ("ip", "ip6") };
            let rule = format!("{protocol} saddr {network} tcp dport {port} accept");
            let list = Line::new(&format!("nft list chain {family} {table} {name}"));
            let is_open = list.output().is_some_and(|text| text.contains(&rule));
            if family != other && !is_open {
                let insert = format!("nft insert rule {family} {table} {name} {rule}");
                commands.push(Line::new(&insert));
            }
        }
    }
    let to_keep = Some("put the rules into /etc/nftables.conf to keep them");
    (!chains.is_empty()).then_some(Firewall { name: "nftables", commands, to_keep })
}

/// The chains of `ruleset` that may drop what comes in: by their policy, or by a rule of theirs.
fn input_chains(ruleset: &Value) -> Vec<Chain> {
    let objects = ruleset["nftables"].as_array().map(Vec::as_slice).unwrap_or_default();
    let text = |value: &Value, key: &str| value[key].as_str().unwrap_or_default().to_owned();
    let of = |value: &Value, name: &str| Chain {
        family: text(value, "family"),
        table: text(value, "table"),
        name: text(value, name),
    };
    let drops = |chain: &Chain| {
        let rules = objects.iter().map(|object| &object["rule"]);
        let mut rules = rules.filter(|rule| of(rule, "chain") == *chain);
        rules.any(|rule| {
            let parts = rule["expr"].as_array().map(Vec::as_slice).unwrap_or_default();
            parts
                .iter()
                .any(|part| part.get("drop").or(part.get("reject")).or(part.get("jump")).is_some())
        })
    };
    let bases = objects
        .iter()
        .map(|object| &object["chain"])
        .filter(|chain| chain["hook"] == "input" && chain["type"] == "filter");
    let closed = bases.filter(|chain| chain["policy"] == "drop" || drops(&of(chain, "name")));
    let chains = closed.map(|chain| of(chain, "name"));
    chains.filter(|Chain { family, .. }| ["ip", "ip6", "inet"].contains(&&**family)).collect()
}

fn iptables(port: u16, networks: &[String]) -> Option<Firewall> {
    let mut commands = Vec::new();
    let mut active = false;
    for (program, is_v6) in [("iptables", false), ("ip6tables", true)] {
        if find(program).is_none() {
            continue;
        }
        let list = Line::new(&format!("{program} -S INPUT")).output().unwrap_or_default();
        let drops = |line: &str| {
            line == "-P INPUT DROP" || (line.starts_with("-A INPUT") && line.contains(" -j "))
        };
        if !list.lines().any(drops) {
            continue;
        }
        active = true;
        for network in networks.iter().filter(|network| network.contains(':') == is_v6) {
            let rule = format!("INPUT -p tcp -s {network} --dport {port} -j ACCEPT");
            if !Line::new(&format!("{program} -C {rule}")).succeeds() {
                commands.push(Line::new(&format!("{program} -I {rule}")));
            }
        }
    }
    let to_keep = Some("save them with iptables-save -f /etc/iptables/iptables.rules to keep them");
    active.then_some(Firewall { name: "iptables", commands, to_keep })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn chain(family: &str, name: &str, policy: &str) -> Value {
        json!({"chain": {"family": family, "table": "t", "name": name, "type": "filter",
                         "hook": "input", "prio": 0, "policy": policy}})
    }

    #[test]
    fn chains_that_may_drop_are_found() {
        let rule = json!({"rule": {"family": "inet", "table": "t", "chain": "b",
                                   "expr": [{"counter": null}, {"drop": null}]}});
        let ruleset = json!({"nftables": [
            {"metainfo": {"version": "1"}},
            chain("inet", "a", "drop"), chain("inet", "b", "accept"), chain("inet", "c", "accept"),
            chain("bridge", "d", "drop"), rule,
            {"chain": {"family": "ip", "table": "t", "name": "e"}},
        ]});
        let names: Vec<_> = input_chains(&ruleset).into_iter().map(|chain| chain.name).collect();
        assert_eq!(names, ["a", "b"]);
    }

    #[test]
    fn other_json_has_no_chains() {
        for other in [json!(null), json!([]), json!({"nftables": [1, {"chain": [], "rule": 7}]})] {
            assert_eq!(input_chains(&other), []);
        }
    }
}
