//! `update-distcc-symlinks`: keeps the masquerade directories in step with the compilers installed.

use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Parser;

use crate::base::{log, version};
use crate::masquerade::{self, Change};

/// The directories below the prefix, and what their links say.
const FARMS: [(&str, &str); 2] =
    [("lib/distcc", "../../bin/distcc"), ("lib/distcc/bin", "../../../bin/distcc")];

/// Makes a link to distcc for each compiler in PREFIX/bin, in both masquerade directories:
/// PREFIX/lib/distcc (compilers that distccd may run) and PREFIX/lib/distcc/bin (first in PATH, it
/// makes a build use distcc). Links whose compiler is gone are removed; whatever else is there
/// stays. Prints the names linked.
#[derive(Debug, Parser)]
#[command(name = "update-distcc-symlinks", version = version_text(), max_term_width = 80)]
pub struct Cli {
    /// Where compilers, distcc and the directories are
    #[arg(long, value_name = "DIR", default_value = "/usr")]
    prefix: PathBuf,

    /// Take DIR for the root directory (packaging, chroots)
    #[arg(long, value_name = "DIR", default_value = "/")]
    root: PathBuf,

    /// Print what would be linked and removed, and change nothing
    #[arg(long)]
    dry_run: bool,

    /// Print the names of the compilers found, and change nothing
    #[arg(long)]
    list: bool,
}

/// Runs the program.
pub fn main() -> ExitCode {
    log::init("update-distcc-symlinks", log::Level::Warning, log::Sink::Stderr);
    let cli = Cli::parse();
    match run(&cli, &mut io::stdout().lock()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => ExitCode::SUCCESS,
        Err(error) => {
            crate::error!("{error}");
            ExitCode::FAILURE
        }
    }
}

fn run(cli: &Cli, out: &mut impl Write) -> io::Result<()> {
    let prefix = below(&cli.root, &cli.prefix);
    let names = masquerade::compilers(&[prefix.join("bin")], &cli.root);
    if !cli.list {
        if !prefix.join("bin/distcc").exists() {
            crate::warning!(
                "{} is missing: the links lead nowhere",
                cli.prefix.join("bin/distcc").display()
            );
        }
        for (farm, target) in FARMS {
            mend(cli, &prefix.join(farm), Path::new(target), &names, out)?;
        }
    }
    if !cli.dry_run {
        for name in &names {
            writeln!(out, "{name}")?;
        }
    }
    out.flush()
}

/// Brings one directory into step, or says what that would take.
fn mend(
    cli: &Cli,
    farm: &Path,
    target: &Path,
    names: &[String],
    out: &mut impl Write,
) -> io::Result<()> {
    let changes = masquerade::plan(farm, target, names).map_err(|error| placed(farm, &error))?;
    if !cli.dry_run {
        return masquerade::carry_out(farm, target, &changes).map_err(|error| placed(farm, &error));
    }
    for change in &changes {
        match change {
            Change::Link(name) => {
                writeln!(out, "link {} -> {}", farm.join(name).display(), target.display())?;
            }
            Change::Remove(name) => writeln!(out, "remove {}", farm.join(name).display())?,
        }
    }
    Ok(())
}

/// `path` as it is below `root`.
fn below(root: &Path, path: &Path) -> PathBuf {
    root.join(path.strip_prefix("/").unwrap_or(path))
}

/// The same error with the directory, and with what to do about it.
fn placed(farm: &Path, error: &io::Error) -> io::Error {
    let advice = match error.kind() {
        io::ErrorKind::PermissionDenied => "; run it as root: sudo update-distcc-symlinks",
        _ => "",
    };
    io::Error::new(error.kind(), format!("cannot update {}: {error}{advice}", farm.display()))
}

/// The banner without the program's name, which clap puts before it.
fn version_text() -> &'static str {
    let banner = version::banner("");
    Box::leak(banner.trim().to_owned().into_boxed_str())
}
