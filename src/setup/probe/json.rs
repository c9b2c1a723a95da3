//! Answers for programs.

use serde_json::{Value, json};

use crate::hosts::spec::HostSpec;
use crate::setup::probe::answer::{Answer, CompilerAnswer};
use crate::setup::probe::fault::{Fault, Machine};
use crate::setup::probe::local::{Local, LocalCompiler, LocalFault};
use crate::setup::probe::port::Ports;
use crate::setup::probe::{options::Asked, remedy, scene};

/// All that was found out: this machine, then each volunteer in the list's order.
pub fn of(asked: &Asked) -> Value {
    let list = remedy::mended(&asked.answers);
    let answers = asked.answers.iter().map(|answer| volunteer(answer, &list));
    json!({
        "source": asked.found.source,
        "target": asked.found.target.map(|target| target.name),
        "notes": asked.found.notes,
        "here": here(&asked.local),
        "volunteers": answers.collect::<Vec<_>>(),
    })
}

fn here(local: &Local) -> Value {
    let compiler = |one: &LocalCompiler| {
        let (name, version) = (&one.name, one.version());
        json!({ "name": name, "version": version, "needed": one.needed })
    };
    let fault = |one: &LocalFault| {
        let (sentence, command) = (one.sentence(), one.command());
        json!({ "id": one.id(), "sentence": sentence, "command": command })
    };
    json!({
        "compilers": local.compilers.iter().map(compiler).collect::<Vec<_>>(),
        "lto": local.lto,
        "reference_ms": local.reference.map(|took| took.as_secs_f64() * 1000.0),
        "faults": local.faults.iter().map(fault).collect::<Vec<_>>(),
    })
}

fn volunteer(answer: &Answer, list: &[HostSpec]) -> Value {
    json!({
        "host": answer.spec.text,
        "address": answer.address.map(|address| address.ip().to_string()),
        "usable": answer.is_usable(),
        "latency_ms": answer.latency.map(|latency| latency.as_secs_f64() * 1000.0),
        "protocols": answer.protocols,
        "slots": answer.slots(),
        "statistics": answer.stats,
        "units_per_second": answer.speed.map(|speed| speed.units_per_second()),
        "compilers": answer.compilers.iter().map(compiler).collect::<Vec<_>>(),
        "right_port": answer.elsewhere.as_ref().and_then(Ports::right).map(|(port, _)| port),
        "faults": answer.faults.iter().map(|one| fault(answer, one, list)).collect::<Vec<_>>(),
    })
}

fn compiler(one: &CompilerAnswer) -> Value {
    json!({
        "name": one.name,
        "asked": one.asked,
        "needed": one.needed,
        "version": one.version,
        "verdict": one.verdict.word(),
    })
}

fn fault(answer: &Answer, fault: &Fault, list: &[HostSpec]) -> Value {
    let scene = scene(answer);
    let remedy = fault.remedy_in(&scene, list);
    json!({
        "id": fault.id(),
        "sentence": fault.sentence(&scene),
        "machine": match remedy.machine {
            Machine::Here => None,
            Machine::Volunteer(name) => Some(name),
        },
        "command": remedy.command,
        "note": remedy.note,
    })
}
