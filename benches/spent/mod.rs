//! What a daemon has spent.

use std::fs;
use std::path::{Path, PathBuf};

/// The process and its children, as directories of `/proc`.
pub(crate) fn processes(id: u32) -> Vec<PathBuf> {
    let id = id.to_string();
    let is_child = |path: &Path| fields(path).get(1).is_some_and(|parent| *parent == id);
    let entries = fs::read_dir("/proc").expect("/proc").flatten().map(|entry| entry.path());
    entries.filter(|path| path.ends_with(&id) || is_child(path)).collect()
}

/// Milliseconds of their processor time so far, compilers that have ended included.
pub(crate) fn cpu_ms(id: u32) -> f64 {
    let ticks = |path: &PathBuf| {
        // utime, stime, cutime, cstime
        let times = fields(path).into_iter().skip(11).take(4);
        times.map(|time| time.parse::<f64>().unwrap_or(0.0)).sum::<f64>()
    };
    processes(id).iter().map(ticks).sum::<f64>() * 10.0
}

/// The fields of its `stat` after the program's name.
fn fields(process: &Path) -> Vec<String> {
    let stat = fs::read_to_string(process.join("stat")).unwrap_or_default();
    let rest = stat.rsplit_once(')').map_or("", |(_, rest)| rest);
    rest.split_whitespace().map(str::to_owned).collect()
}
