//! Which way pump jobs go on this machine, found out once.

use std::io;
use std::path::PathBuf;

use crate::daemon::cli::Config;
use crate::daemon::options;
use crate::daemon::pump::job::Pump;
use crate::daemon::pump::moved::Mappers;
use crate::daemon::pump::pool::Pool;
use crate::daemon::pump::view::View;
use crate::daemon::sandbox::Sandbox;
use crate::daemon::workdir::WorkTree;
use crate::{info, notice};

/// The most that trees take where no option says so.
const MOST_ROOM: u64 = 8 << 30;
/// What they may take in any case.
const LEAST_ROOM: u64 = 256 << 20;

/// Tries out whether compiles can see the client's own paths. `mounts`: this process has a user
/// namespace of its own, or is root.
pub fn prepare(
    config: &Config,
    readable: Vec<PathBuf>,
    sandbox: &Sandbox,
    tree: &WorkTree,
    mounts: bool,
) -> Pump {
    // Compilers name the real path.
    let dir = tree.path().canonicalize().unwrap_or_else(|_| tree.path().to_owned()).join("roots");
    // A job that starts finds a tree while others hold theirs.
    let most = config.jobs_at_once().saturating_mul(2).saturating_add(4);
    let room = config.pump_cache.unwrap_or_else(|| room_in(tree));
    let view = View::new(&readable);
    let in_place = Pool::new(dir.clone(), most, room, false);
    let tried = match (config.sandbox, mounts) {
        (options::Sandbox::Off, _) => Err("--sandbox=off".to_owned()),
        (_, false) => Err("this kernel lets distccd have no namespaces of its own; see \
                           kernel.unprivileged_userns_clone, \
                           kernel.apparmor_restrict_unprivileged_userns, \
                           user.max_user_namespaces, and RestrictNamespaces= of the unit"
            .to_owned()),
        (_, true) => view.try_out(sandbox, tree, &in_place).map_err(|error| advice(&error)),
    };
    let (pool, view) = match tried {
        Ok(()) => {
            notice!("pump: compiles see the client's own paths");
            (in_place, Some(view))
        }
        Err(why) => {
            notice!("pump: compiles see other paths than the client's, which are changed: {why}");
            (Pool::new(dir, most, room, true), None)
        }
    };
    info!("pump: trees of clients may take {} MiB", room >> 20);
    Pump { pool, view, readable, mappers: Mappers::default() }
}

/// What stands in the way, and what to do about it.
fn advice(error: &io::Error) -> String {
    let way_out = match error.kind() {
        io::ErrorKind::PermissionDenied => {
            " (for a unit: RestrictNamespaces= with mnt, SystemCallFilter= with mount, umount2 and \
             pivot_root; for a container: the right to mount)"
        }
        io::ErrorKind::InvalidInput => {
            " (something is mounted below it: for a unit, ProtectKernelModules=no)"
        }
        _ => "",
    };
    format!("{error}{way_out}")
}

/// A quarter of what is free where jobs compile.
fn room_in(tree: &WorkTree) -> u64 {
    let free = rustix::fs::statvfs(tree.path())
        .map_or(0, |found| found.f_bavail.saturating_mul(found.f_frsize));
    (free / 4).clamp(LEAST_ROOM, MOST_ROOM)
}
