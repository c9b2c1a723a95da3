//! `distcc --explain COMMAND`: what would be done, and why, without doing it.

use std::fmt::Write as _;

use crate::client::attempt;
use crate::client::call::Call;
use crate::client::compile;
use crate::client::host_list;
use crate::client::identity::Identity;
use crate::client::pump;
use crate::client::settings::Settings;
use crate::compiler::rewrite;
use crate::compiler::scan::Plan;
use crate::compiler::unit::TranslationUnit;
use crate::net::ask;

/// The plan for `call` as text.
pub fn explain(call: &Call) -> String {
    match compile::plan(call) {
        Plan::Local(reason) => format!(
            "compiled here: {} [{}]\n  runs          {}\n",
            reason.sentence(),
            reason.counter(),
            Call::line(&call.argv)
        ),
        Plan::Distribute(unit) => distributed(call, &unit),
    }
}

fn distributed(call: &Call, unit: &TranslationUnit) -> String {
    let settings = Settings::read();
    let identity = Identity::of(call, unit);
    let names = attempt::sent_names(call, &settings, unit, identity.as_ref());
    let mut text = "may be compiled on a volunteer\n".to_owned();
    let mut row = |name: &str, value: &str| {
        // Writing to a string does not fail.
        let _ = writeln!(text, "  {name:<13} {value}");
    };
    row("source", &unit.source.to_string_lossy());
    row("object", &unit.output.to_string_lossy());
    if let Some(file) = &unit.dependency_file {
        row("dependencies", &file.to_string_lossy());
    }
    if unit.preprocessed {
        row("here", "nothing: the source is preprocessed already");
    } else {
        row("here", &Call::line(&rewrite::preprocessor(unit, None)));
    }
    row("there", &Call::line(&rewrite::volunteer(unit, &names.full, &call.named_cwd())));
    if names.full != names.plain {
        row("or there", &format!("as `{}`", names.plain.to_string_lossy()));
    }
    match host_list::read() {
        Err(problem) => row("but", &format!("{problem}: it would be compiled here")),
        Ok(list) => {
            for host in &list.hosts {
                let how = if host.down {
                    "switched off (,down)".to_owned()
                } else if host.is_local() {
                    format!("{} slots, compiled here", host.usable_slots())
                } else {
                    let version = ask::version(host).number();
                    let plain = format!("protocol {version}");
                    let how = match pump::is_wanted(host) {
                        true => pump::explain(call, unit, host, &names, &plain),
                        false => plain,
                    };
                    format!("{} slots, {how}", host.usable_slots())
                };
                row("volunteer", &format!("{}: {how}", host.text));
            }
        }
    }
    text
}
