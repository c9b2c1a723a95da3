//! What there is of daemons for targets, for those who look and change nothing.

use std::path::{Path, PathBuf};

use crate::setup::volunteer::arguments::Arguments;
use crate::setup::volunteer::daemons::{self, Daemon};
use crate::setup::volunteer::service::systemd_runs;
use crate::setup::volunteer::{chosen, env_file};
use crate::targets::{self, Target};

/// A daemon as its unit and its options make it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::setup) struct Surveyed {
    /// Its unit, without `.service`: `distccd@armv7h`.
    pub(in crate::setup) unit: String,
    /// The units for the same target that start at boot, the same.
    pub(in crate::setup) enabled: Vec<String>,
    /// The port that it takes.
    pub(in crate::setup) port: u16,
    /// Where its compilers are, if there are any; looked for only if it starts at boot.
    pub(in crate::setup) toolchain: Option<PathBuf>,
}

/// Looks at the daemon of `target`, whose options are `content`, below `root`.
pub(in crate::setup) fn of(target: &'static Target, content: &str, root: &Path) -> Surveyed {
    let daemon = Daemon::of(target, root);
    let arguments = Arguments::read(&env_file::get(content, "DISTCC_ARGS").unwrap_or_default());
    // distccd without a target takes the ordinary port.
    let knows = daemon.knows_target || arguments.has_target();
    let usual = if knows { daemon.port } else { Daemon::standard().port };
    let enabled = daemons::enabled_units(target, root);
    let toolchain = chosen::directory(target, content, root).filter(|_| !enabled.is_empty());
    let short = |unit: &str| unit.trim_end_matches(".service").to_owned();
    // A package may have one for this machine's own target too, beside the ordinary daemon.
    let unit = if daemon.target.is_some() { short(&daemon.unit) } else { target.daemon() };
    Surveyed {
        unit,
        enabled: enabled.iter().map(|unit| short(unit)).collect(),
        port: arguments.port().unwrap_or(usual),
        toolchain,
    }
}

/// The port that the ordinary daemon with these options takes.
pub(in crate::setup) fn port(content: &str) -> u16 {
    let arguments = Arguments::read(&env_file::get(content, "DISTCC_ARGS").unwrap_or_default());
    arguments.port().unwrap_or(Daemon::standard().port)
}

/// The command that has systemd follow, where the options `file` of a daemon that starts at boot
/// were put back, or removed.
pub(in crate::setup) fn follow_up(file: &Path, is_removed: bool) -> Option<String> {
    let name = file.file_name()?.to_str()?;
    if file.parent() != Some(Path::new("/etc/conf.d")) || !systemd_runs() {
        return None;
    }
    let root = Path::new("/");
    let daemon = match name.strip_prefix("distccd-") {
        Some(target) => Daemon::of(targets::by_name(target)?, root),
        None => Some(Daemon::standard()).filter(|_| name == "distccd")?,
    };
    if !daemon.is_enabled(root) {
        return None;
    }
    let what = if is_removed { "disable --now" } else { "restart" };
    Some(format!("sudo systemctl {what} {}", daemon.unit))
}
