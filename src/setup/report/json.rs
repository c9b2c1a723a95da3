//! The report as JSON, for programs. Names of members do not change.

use serde_json::{Value, json};

use crate::setup::reasons::{Class, class};
use crate::setup::report::subject::Subject;
use crate::setup::tally::{Share, Stayed};

/// One object. Times are in milliseconds, moments in milliseconds since 1970.
pub(super) fn report(subject: &Subject) -> String {
    let tally = &subject.tally;
    let active_ms = tally.active_ms();
    let spent = &tally.spent;
    let (start, end) = tally.span().unzip();
    let (bytes_out, bytes_in) = tally.bytes();
    let volunteers: Vec<_> =
        tally.volunteers.iter().map(|(name, share)| volunteer(name, share, active_ms)).collect();
    let local: Vec<_> =
        tally.reasons().iter().map(|(counter, stayed)| reason(counter, stayed)).collect();
    let plain: Vec<_> = tally.plain_reasons().into_iter().map(plain).collect();
    let report = json!({
        "build": subject.build.as_ref().map(|mark| &mark.build),
        "since": subject.since.map(|moment| moment.as_millisecond()),
        "start": start,
        "end": end,
        "active_ms": active_ms,
        "distributed": tally.distributed(),
        "local_units": tally.units_here(),
        "local_commands": tally.local(),
        "failed": tally.failed,
        "bytes_out": bytes_out,
        "bytes_in": bytes_in,
        "spent": {
            "wait_ms": spent.wait_ms,
            "preprocess_ms": spent.preprocess_ms,
            "send_ms": spent.send_ms,
            "compile_there_ms": spent.compile_ms.saturating_sub(tally.compiled_here_ms),
            "compile_here_ms": tally.compiled_here_ms,
            "receive_ms": spent.receive_ms,
            "place_ms": spent.place_ms,
        },
        "volunteers": volunteers,
        "local": local,
        "pump": { "units": tally.pumped, "plain": plain },
    });
    format!("{report:#}\n")
}

fn volunteer(name: &str, share: &Share, active_ms: u64) -> Value {
    json!({
        "volunteer": name,
        "units": share.units,
        "bytes_out": share.bytes_out,
        "bytes_in": share.bytes_in,
        "slots": share.slots,
        "most_slots_at_once": share.most_at_once(),
        "used_percent": share.used_percent(active_ms),
    })
}

fn plain((counter, plain): (&str, &Stayed)) -> Value {
    json!({
        "reason": counter,
        "units": plain.commands,
        "sentences": plain.sentences,
        "examples": plain.examples,
    })
}

fn reason(counter: &str, stayed: &Stayed) -> Value {
    json!({
        "reason": counter,
        "commands": stayed.commands,
        "unit": class(counter) != Class::NoUnit,
        "act": class(counter) == Class::Act,
        "compile_ms": stayed.compile_ms,
        "sentences": stayed.sentences,
        "examples": stayed.examples,
    })
}
