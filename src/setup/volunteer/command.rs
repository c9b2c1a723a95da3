//! Commands that are shown before they are run.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use crate::base::capture::{Captured, capture};
use crate::base::disk::{Disk, RealDisk};
use crate::base::env;

/// systemd gives a unit 90 seconds to start.
const LIMIT: Duration = Duration::from_secs(120);
/// The most bytes that are read of what a command prints.
const MOST_BYTES: u64 = 4 << 20;
/// Where root's programs are, which a user's PATH may lack.
const SYSTEM_DIRS: [&str; 3] = ["/usr/local/sbin", "/usr/sbin", "/sbin"];

/// A program with its arguments.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Line(pub Vec<String>);

impl Line {
    /// Splits at blanks.
    pub(super) fn new(text: &str) -> Self {
        Self(text.split_whitespace().map(str::to_owned).collect())
    }

    /// As one would type it.
    pub(super) fn text(&self) -> String {
        shell_words::join(&self.0)
    }

    /// Runs it to its end.
    ///
    /// # Errors
    ///
    /// A sentence: it cannot be run, or fails and says why.
    pub(super) fn run(&self) -> Result<Captured, String> {
        let captured = self.ask()?;
        if captured.status.success() {
            return Ok(captured);
        }
        let said = String::from_utf8_lossy(&captured.stderr).into_owned();
        let said = said.lines().rfind(|line| !line.trim().is_empty()).unwrap_or_default();
        Err(format!("`{}` fails ({}): {}", self.text(), captured.status, said.trim()))
    }

    /// Runs it; failing is an answer.
    ///
    /// # Errors
    ///
    /// A sentence: it cannot be run.
    pub(super) fn ask(&self) -> Result<Captured, String> {
        let (name, arguments) = self.0.split_first().ok_or("there is no command")?;
        let program = find(name).unwrap_or_else(|| name.into());
        let mut command = Command::new(program);
        command.args(arguments).env("LC_ALL", "C");
        capture(&mut command, LIMIT, MOST_BYTES)
            .map_err(|error| format!("`{}` cannot be run: {error}", self.text()))
    }

    /// Whether it ends well.
    pub(super) fn succeeds(&self) -> bool {
        self.ask().is_ok_and(|captured| captured.status.success())
    }

    /// What it prints, if it ends well.
    pub(super) fn output(&self) -> Option<String> {
        let captured = self.run().ok()?;
        Some(String::from_utf8_lossy(&captured.stdout).into_owned())
    }
}

/// The program `name`: beside this one, on PATH, or where root's are.
pub(super) fn find(name: &str) -> Option<PathBuf> {
    if name.contains('/') {
        return Some(name.into()).filter(|path: &PathBuf| RealDisk.is_executable(path));
    }
    let beside = std::env::current_exe().ok().and_then(|exe| Some(exe.parent()?.to_owned()));
    let path = env::PATH.get().unwrap_or_default();
    let on_path = std::env::split_paths(&path).filter(|dir| dir.is_absolute());
    let system = SYSTEM_DIRS.iter().map(|dir| Path::new(dir).to_owned());
    let mut files = beside.into_iter().chain(on_path).chain(system).map(|dir| dir.join(name));
    files.find(|file| RealDisk.is_executable(file))
}
