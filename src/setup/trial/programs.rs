//! Where `distcc` and `distccd` are: beside us; under `cargo run` they are built first.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::base::env;
use crate::setup::screen::Screen;
use crate::setup::trial::TrialError;

/// The two programs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Programs {
    /// The client.
    pub distcc: PathBuf,
    /// The daemon.
    pub distccd: PathBuf,
}

/// Finds both, and builds them before if cargo runs us.
///
/// # Errors
///
/// [`TrialError::Programs`] where one is missing, [`TrialError::Cargo`] where cargo cannot make
/// them.
pub(super) fn find(screen: &mut Screen) -> Result<Programs, TrialError> {
    let here = std::env::current_exe().map_err(TrialError::io("where this program is"))?;
    let dir = here.parent().unwrap_or(Path::new("/"));
    if let Some(cargo) = ours_runs_under_cargo() {
        build(screen, Path::new(&cargo), dir)?;
    }
    let programs = Programs { distcc: dir.join("distcc"), distccd: dir.join("distccd") };
    match programs.distcc.is_file() && programs.distccd.is_file() {
        true => Ok(programs),
        false => Err(TrialError::Programs(dir.to_owned())),
    }
}

/// The cargo that runs us, if it was asked to run a program of this very package.
fn ours_runs_under_cargo() -> Option<std::ffi::OsString> {
    let package = env::CARGO_PKG_NAME.get()?;
    let cargo = env::CARGO.get_nonempty()?;
    (package == env!("CARGO_PKG_NAME")).then_some(cargo)
}

/// Has cargo build both programs and the agent into `dir`, with the profile that made what is
/// there.
fn build(screen: &mut Screen, cargo: &Path, dir: &Path) -> Result<(), TrialError> {
    let profile = profile(dir);
    let mut command = Command::new(cargo);
    command.args(["build", "--quiet", "--profile", profile]);
    command.args(["--bin", "distcc", "--bin", "distccd", "--bin", "distcc-agent"]);
    if let Some(manifest_dir) = env::CARGO_MANIFEST_DIR.get_nonempty() {
        command.arg("--manifest-path").arg(Path::new(&manifest_dir).join("Cargo.toml"));
    }
    screen.step(&format!(
        "Building distcc and distccd (cargo build --profile {profile}); the first time takes a \
         while"
    ));
    command.stdin(Stdio::null()).stdout(Stdio::null());
    match command.status() {
        Ok(status) if status.success() => Ok(()),
        Ok(status) => Err(TrialError::Cargo(status.to_string())),
        Err(error) => Err(TrialError::Cargo(error.to_string())),
    }
}

/// The profile whose outputs are in `dir`: cargo names the directory after it, except `dev`'s.
fn profile(dir: &Path) -> &str {
    match dir.file_name().and_then(OsStr::to_str) {
        Some("debug") | None => "dev",
        Some(name) => name,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_directory_tells_the_profile() {
        assert_eq!(profile(Path::new("/a/target/release")), "release");
        assert_eq!(profile(Path::new("/a/target/debug")), "dev");
        assert_eq!(profile(Path::new("/a/target/quick")), "quick");
    }
}
