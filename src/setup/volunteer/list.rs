//! The targets, and what there is for them on this machine.

use std::path::Path;

use crate::setup::apply::apply_error::ApplyError;
use crate::setup::volunteer::chosen::Chosen;
use crate::setup::volunteer::daemons::Daemon;
use crate::setup::volunteer::plan;
use crate::targets::TARGETS;
use crate::toolchains;

/// All of them with port, unit, and compilers or what to install.
///
/// # Errors
///
/// [`ApplyError`] for a daemon's options that cannot be read.
pub(super) fn text(root: &Path) -> Result<String, ApplyError> {
    let mut text = String::new();
    for target in &TARGETS {
        let daemon = Daemon::of(target, root);
        let old = plan::read(root, &daemon)?;
        let state = match (daemon.is_enabled(root), daemon.is_installed(root)) {
            (true, _) => ", enabled",
            (false, true) => "",
            (false, false) => ", not installed",
        };
        let own = root == Path::new("/") && toolchains::of_this_machine() == Some(target);
        let own = if own { ", this machine's own" } else { "" };
        text += &format!("{} on port {}: {}{state}{own}\n", target.name, target.port, daemon.unit);
        let found = match Chosen::find(target, &[], &old, root) {
            Ok(chosen) => chosen.text(target),
            Err(why) => format!("{why}\n"),
        };
        let found = found.strip_prefix(&format!("{}: ", target.name)).unwrap_or(&found);
        text += &found.lines().map(|line| format!("  {line}\n")).collect::<String>();
    }
    Ok(text)
}
