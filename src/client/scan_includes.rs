//! `distcc --scan-includes COMMAND`: which files the command's compile may open, as pump mode would
//! send them. Lines are those of distcc 3.4.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::Arc;

use crate::base::clock;
use crate::base::disk::RealDisk;
use crate::client::call::Call;
use crate::client::{compile, host_list};
use crate::compiler::scan::Plan;
use crate::compiler::unit::TranslationUnit;
use crate::hosts::spec::ProtocolWish;
use crate::include::scanner::{Input, Request, Scanner};
use crate::include::search::{Defaults, question};

/// The most that a compiler may say of itself.
const MOST_BYTES: usize = 16 << 20;

/// One line for each file, link and directory: `FILE`, `SYMLINK` or `DIRECTORY`, and the path.
///
/// # Errors
///
/// A sentence: no host of the list has pump mode, the command would not travel, or nobody can tell.
pub fn scan_includes(call: &Call) -> Result<String, String> {
    let hosts = host_list::read_quietly().map(|list| list.hosts).unwrap_or_default();
    if !hosts.iter().any(|host| host.protocol == ProtocolWish::Pump) {
        return Err("'--scan_includes' specified, but distcc wouldn't have used include server \
                    (make sure hosts list includes ',cpp' option?)"
            .to_owned());
    }
    let unit = match compile::plan(call) {
        Plan::Distribute(unit) => unit,
        Plan::Local(reason) => {
            return Err(format!("it would be compiled here: {}", reason.sentence()));
        }
    };
    let defaults = Arc::new(ask(call, &unit)?);
    let now = clock::nanoseconds();
    let request = Request { unit: &unit, cwd: &call.cwd, defaults: &defaults, now };
    let found = Scanner::default().scan(&request, &RealDisk).map_err(|error| {
        format!("cannot tell what {} opens: {error}", unit.source.to_string_lossy())
    })?;
    Ok(lines(&found.inputs))
}

/// What the unit's compiler says of where it looks and what it defines.
fn ask(call: &Call, unit: &TranslationUnit) -> Result<Defaults, String> {
    let words = question(unit);
    let line = Call::line(&words);
    let mut command = call
        .command(&words)
        .ok_or_else(|| format!("{}: no such compiler in PATH", unit.compiler.to_string_lossy()))?;
    // The lists have headings in English.
    command.env("LC_ALL", "C").stdin(Stdio::null());
    let said = command.output().map_err(|error| format!("{line}: {error}"))?;
    if !said.status.success() {
        let first = said.stderr.split(|&byte| byte == b'\n').next_back().unwrap_or_default();
        return Err(format!("{line}: {} {}", said.status, String::from_utf8_lossy(first)));
    }
    if said.stdout.len() + said.stderr.len() > MOST_BYTES {
        return Err(format!("{line}: it says more than {MOST_BYTES} bytes"));
    }
    Defaults::read(&said.stdout, &said.stderr)
        .ok_or_else(|| format!("{line}: it does not say where it looks for headers"))
}

fn lines(found: &[Arc<Input>]) -> String {
    let mut seen = BTreeSet::<&Path>::new();
    let mut text = String::new();
    let mut line = |what: &str, path: &Path| {
        // Writing to a string does not fail.
        let _ = writeln!(text, "{what:<9} {}", path.display());
    };
    for input in found.iter().filter(|input| seen.insert(&input.way.real)) {
        line("FILE", &input.way.real);
    }
    let links: BTreeSet<&PathBuf> =
        found.iter().flat_map(|input| &input.way.links).map(|(link, _)| link).collect();
    let dirs: BTreeSet<&PathBuf> = found.iter().flat_map(|input| &input.way.dirs).collect();
    links.into_iter().for_each(|link| line("SYMLINK", link));
    dirs.into_iter().for_each(|dir| line("DIRECTORY", dir));
    text
}
