//! `distcc-setup chroot status`: each root on one screen.

use serde_json::{Value, json};

use crate::base::exit::Exit;
use crate::setup::check::wrap::wrap;
use crate::setup::chroot::enable::Stop;
use crate::setup::chroot::look::{Copy, Look, Standing};
use crate::setup::chroot::record::ClientRecord;
use crate::setup::chroot::{StatusOptions, select, tell};
use crate::setup::screen;

/// The width of the first column.
const WIDTH: usize = 9;

/// The width of the second.
const ROOM: usize = 66;

/// What the wrapper is for.
const WRAPPER: &str = "\
makechrootpkg-distcc shares slots and state with this machine and
other builds: the directory is ~/.distcc of its caller, whose
distccmon-text shows them all";

/// Does it.
pub(super) fn run(options: &StatusOptions) -> Exit {
    let roots = match select::all(&options.which.roots, "status") {
        Ok(roots) => roots,
        Err(error) => return Stop::from(error).tell(),
    };
    let looks: Vec<Look> = roots.into_iter().map(Look::at).collect();
    if options.json {
        let all: Vec<Value> = looks.iter().map(as_json).collect();
        screen::write(&format!("{:#}\n", json!({ "chroots": all })));
        return Exit::OK;
    }
    let texts: Vec<String> = looks.iter().map(as_text).collect();
    screen::write(&texts.join("\n"));
    Exit::OK
}

fn as_text(look: &Look) -> String {
    let mut text = format!("{}\n", look.root.dir.display());
    let mut row = |name: &str, value: &str| {
        let mut lines = value.lines();
        text += &format!("  {name:WIDTH$} {}\n", lines.next().unwrap_or_default());
        text.extend(lines.map(|line| format!("  {:WIDTH$} {line}\n", "")));
    };
    row("state", &state(look));
    if let Some(fault) = &look.fault {
        row("", &wrap(&fault.to_string(), ROOM, ""));
        return text;
    }
    row("client", &client(look));
    match &look.values {
        Err(error) => row("makepkg", &wrap(error, ROOM, "")),
        Ok(values) => {
            row("hosts", &wrap(values.hosts.as_deref().unwrap_or("none"), ROOM, ""));
            row("jobs", &jobs(look));
        }
    }
    row("copies", &copies(look));
    row("plain", &plain(look));
    row("wrapper", WRAPPER);
    text
}

fn state(look: &Look) -> String {
    let again = format!("sudo distcc-setup chroot enable {}", tell::quoted(&look.root.dir));
    let lost = || wrap(look.lacks().unwrap_or_default(), ROOM, "");
    match look.standing() {
        Standing::Enabled => "enabled: builds in it are distributed".to_owned(),
        Standing::ByHand => "distributes, though not set up by distcc-setup chroot".to_owned(),
        Standing::Lost => format!("was enabled, and is no more:\n{}\nagain:  {again}", lost()),
        Standing::Off if look.fault.is_some() => "cannot be enabled:".to_owned(),
        Standing::Off => format!("not enabled\nto do:  {again}"),
    }
}

fn client(look: &Look) -> String {
    let host = look.host.as_ref().map(|host| host.version.as_str());
    let here = match host {
        Some(version) => format!("this machine has {version}"),
        None => "this machine has no package of it".to_owned(),
    };
    let mut text = wrap(&format!("{}; {here}", look.client.text()), ROOM, "");
    if look.older_client().is_some() {
        text += "\nit is older: distcc-setup chroot enable updates it";
    }
    text
}

fn jobs(look: &Look) -> String {
    let own = look.values.as_ref().ok().filter(|values| !values.jobs_are_replaced);
    match own.and_then(|values| values.jobs) {
        Some(jobs) => format!("-j{jobs}"),
        None => match tell::host_jobs() {
            Some(jobs) => format!("-j{jobs}, from this machine's MAKEFLAGS by makechrootpkg"),
            None => "one: neither its drop-ins nor this machine set MAKEFLAGS".to_owned(),
        },
    }
}

fn copies(look: &Look) -> String {
    let line = |copy: &Copy| {
        let name = copy.dir.file_name().unwrap_or_default().to_string_lossy();
        let state = match copy.stale {
            None => "as the root".to_owned(),
            Some(why) => format!("stale: {why} (makechrootpkg -c makes it anew)"),
        };
        let in_use = if copy.in_use { ", in use" } else { "" };
        format!("{name}: {state}{in_use}")
    };
    let all: Vec<String> = look.copies.iter().map(line).collect();
    if all.is_empty() { "none".to_owned() } else { all.join("\n") }
}

fn plain(look: &Look) -> String {
    match look.lacks() {
        None => "makechrootpkg distributes; each build counts slots of its own, in\n\
                 COPY/build/.distcc, which is new each time"
            .to_owned(),
        Some(lacks) => wrap(&format!("makechrootpkg would not distribute: {lacks}"), ROOM, ""),
    }
}

fn as_json(look: &Look) -> Value {
    let values = look.values.as_ref().ok();
    let copy = |copy: &Copy| json!({ "dir": copy.dir, "stale": copy.stale, "in_use": copy.in_use });
    let installed = look.record.as_ref().map(|record| match record.client {
        ClientRecord::Before => "before",
        ClientRecord::Package(_) => "package",
        ClientRecord::Copied(_) => "copied",
    });
    json!({
        "root": look.root.dir,
        "state": look.standing().word(),
        "fault": look.fault.as_ref().map(ToString::to_string),
        "lacks": look.lacks(),
        "makepkg": look.makepkg.version,
        "reads_drop_ins": look.makepkg.reads_drop_ins,
        "client": look.client.text(),
        "client_from": installed,
        "host_client": look.host.as_ref().map(|host| &host.version),
        "distcc_on": values.map(|values| values.is_on),
        "hosts": values.and_then(|values| values.hosts.as_ref()),
        "jobs": values.filter(|values| !values.jobs_are_replaced).and_then(|values| values.jobs),
        "distributes": look.distributes(),
        "copies": look.copies.iter().map(copy).collect::<Vec<_>>(),
        "error": look.values.as_ref().err(),
    })
}
