//! The doctor's report for people: a table, then each fault with what mends it.

use crate::hosts::spec::HostSpec;
use crate::setup::probe::answer::Answer;
use crate::setup::probe::fault::{Fault, Machine};
use crate::setup::probe::options::Asked;
use crate::setup::probe::{remedy, scene, show};
use crate::setup::words::plural;
use crate::toolchains;

/// Volunteer by compiler by version by verdict.
pub(super) fn table(asked: &Asked) -> String {
    let rows: Vec<Vec<String>> = asked.answers.iter().flat_map(rows).collect();
    show::table(&["VOLUNTEER", "COMPILER", "VERSION THERE", "VERDICT"], &rows)
}

fn rows(answer: &Answer) -> Vec<Vec<String>> {
    let row = |first: bool, rest: [&str; 3]| {
        let host = if first { answer.spec.text.clone() } else { String::new() };
        std::iter::once(host).chain(rest.map(str::to_owned)).collect()
    };
    if answer.spec.is_local() {
        return vec![row(true, ["", "this machine", ""])];
    }
    let told = answer.compilers.iter().any(|one| one.verdict.is_told());
    if !told {
        let verdict = match answer.faults.first() {
            Some(fault) => fault.id(),
            None if answer.spec.usable_slots() == 0 => "switched off",
            None => "unknown",
        };
        return vec![row(true, ["", "", verdict])];
    }
    let mut rows: Vec<_> = (answer.compilers.iter().enumerate())
        .map(|(at, one)| {
            let version = one.version.as_deref().map(show::version).unwrap_or_default();
            row(at == 0, [&one.name, &version, one.verdict.word()])
        })
        .collect();
    // What is wrong with the volunteer as a whole stands below its compilers.
    for fault in answer.faults.iter().filter(|fault| fault.compiler().is_none()) {
        rows.push(row(false, ["", "", fault.id()]));
    }
    rows
}

/// What comes below the table, part by part.
pub(super) fn parts(asked: &Asked) -> Vec<String> {
    let mut parts = vec![here(asked)];
    for fault in &asked.local.faults {
        let sentence = show::wrapped(&show::sentence(&fault.sentence(), &[]), 2);
        let command = show::command(&fault.command(), 4);
        parts.push(format!("This machine: {}\n{sentence}  Run:\n{command}", fault.id()));
    }
    let list = remedy::mended(&asked.answers);
    for answer in &asked.answers {
        parts.extend(faults(answer, &list));
    }
    parts.push(summary(asked));
    parts
}

/// What everything is compared with.
fn here(asked: &Asked) -> String {
    let compilers: Vec<_> = (asked.local.compilers.iter())
        .map(|one| format!("  {}\n", show::named_version(&one.name, &one.identity)))
        .collect();
    let own = toolchains::of_this_machine();
    let target = asked.found.target.filter(|target| Some(*target) != own);
    let target = target.map_or_else(String::new, |target| format!(", for {}", target.name));
    match compilers.is_empty() {
        true => "Compared with nothing: no compiler works here\n".to_owned(),
        false => format!("Compared with this machine's{target}\n{}", compilers.concat()),
    }
}

fn faults(answer: &Answer, list: &[HostSpec]) -> Vec<String> {
    let scene = scene(answer);
    let part = |fault: &Fault| {
        let remedy = fault.remedy_in(&scene, list);
        let place = match &remedy.machine {
            Machine::Here => "On this machine".to_owned(),
            Machine::Volunteer(name) => format!("On {name}"),
        };
        let mut text = format!("{}: {}\n", answer.spec.text, fault.id());
        let names = [scene.host(), fault.compiler().unwrap_or_default()];
        text += &show::wrapped(&show::sentence(&fault.sentence(&scene), &names), 2);
        text += &format!("  {place}, run:\n{}", show::command(&remedy.command, 4));
        if let Some(note) = &remedy.note {
            text += &show::wrapped(&format!("({note})"), 2);
        }
        text
    };
    answer.faults.iter().map(part).collect()
}

fn summary(asked: &Asked) -> String {
    let volunteers: Vec<_> =
        asked.answers.iter().filter(|answer| !answer.spec.is_local()).collect();
    let usable = volunteers.iter().filter(|answer| answer.is_usable()).count();
    let faults = asked.answers.iter().map(|answer| answer.faults.len()).sum::<usize>()
        + asked.local.faults.len();
    let faults = match faults {
        0 => "nothing is wrong".to_owned(),
        1 => "1 fault".to_owned(),
        count => format!("{count} faults"),
    };
    format!("{usable} of {} can be used; {faults}\n", plural(volunteers.len(), "volunteer"))
}
