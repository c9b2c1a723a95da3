//! What people see of the volunteers.

use crate::hosts::spec::HostSpec;
use crate::setup::hosts::propose::Proposal;
use crate::setup::probe::answer::{Answer, CompilerAnswer};
use crate::setup::probe::options::Asked;
use crate::setup::probe::show;
use crate::toolchains;

/// A row for each entry of the list.
pub(super) fn table(asked: &Asked) -> String {
    let addresses = asked.answers.iter().any(has_name);
    let mut headings = vec!["HOST", "STATE", "LATENCY", "SLOTS", "LOAD", "SPEED", "COMPILERS"];
    if addresses {
        headings.insert(1, "ADDRESS");
    }
    let rows = asked.answers.iter().map(|answer| {
        let mut row = row(answer);
        if addresses {
            let address = answer.address.filter(|_| has_name(answer));
            row.insert(1, address.map_or(String::new(), |address| address.ip().to_string()));
        }
        row
    });
    show::table(&headings, &rows.collect::<Vec<_>>())
}

/// Whether the entry names its host, so that the address tells something.
fn has_name(answer: &Answer) -> bool {
    answer.address.is_some_and(|address| address.ip().to_string() != answer.spec.display_host())
}

fn row(answer: &Answer) -> Vec<String> {
    let blank = String::new;
    let speed = answer.speed.map_or(blank(), |speed| format!("{:.1}/s", speed.units_per_second()));
    let (host, slots) = (answer.spec.text.clone(), answer.slots().to_string());
    if answer.spec.is_local() {
        return vec![host, "here".to_owned(), blank(), slots, blank(), speed, blank()];
    }
    let told = answer.compilers.iter().any(|one| one.verdict.is_told());
    let state = match answer.faults.first() {
        _ if answer.spec.usable_slots() == 0 => "off",
        _ if told || answer.address.is_some() => "up",
        Some(_) => "down",
        None => "unknown",
    };
    let latency =
        answer.latency.map_or(blank(), |took| format!("{:.1} ms", took.as_secs_f64() * 1000.0));
    let load = answer.stats.as_ref().and_then(|stats| stats.load);
    let load = load.map_or(blank(), |load| format!("{load:.2}"));
    let words = match answer.faults.first() {
        Some(fault) if !told => fault.id().to_owned(),
        _ => verdicts(&answer.compilers),
    };
    let slots = if told { slots } else { blank() };
    vec![host, state.to_owned(), latency, slots, load, speed, words]
}

/// `same`, or the compilers with the same verdict together: `gcc, g++ same; clang missing`.
fn verdicts(compilers: &[CompilerAnswer]) -> String {
    let mut groups: Vec<(&str, Vec<&str>)> = Vec::new();
    for one in compilers {
        let word = one.verdict.word();
        match groups.iter_mut().find(|(known, _)| *known == word) {
            Some((_, names)) => names.push(&one.name),
            None => groups.push((word, vec![&one.name])),
        }
    }
    match groups.as_slice() {
        [(word, _)] => (*word).to_owned(),
        groups => {
            let group = |(word, names): &(&str, Vec<&str>)| format!("{} {word}", names.join(", "));
            groups.iter().map(group).collect::<Vec<_>>().join("; ")
        }
    }
}

/// The list to write, and who is not on it. `command` proposes it again.
pub(super) fn proposal(asked: &Asked, proposal: &Proposal, command: &str) -> String {
    if proposal.hosts.iter().all(HostSpec::is_local) {
        return "No volunteer can be used: `distcc-setup doctor` says what mends that\n".to_owned();
    }
    let own = toolchains::of_this_machine();
    let target = asked.found.target.filter(|target| Some(*target) != own);
    let target = target.map_or_else(String::new, |target| format!(", for {}", target.name));
    let mut text = format!(
        "From the most to the least powerful{target}\n  DISTCC_HOSTS=\"{}\"\n\
         \x20 To use it: sudo {command} --configure\n",
        proposal.text()
    );
    let names: Vec<_> =
        proposal.left_out.iter().map(|(host, why)| format!("{host} ({why})")).collect();
    if !names.is_empty() {
        text += "Left out; `distcc-setup doctor` says what mends that\n";
        text += &show::wrapped(&names.join(", "), 2);
    } else if asked.answers.iter().any(|answer| !answer.faults.is_empty()) {
        text += "Some have faults; `distcc-setup doctor` says what mends them\n";
    }
    text
}
