//! `distcc-setup chroot`: devtools' build roots, so that builds in them are distributed.
//!
//! `select` finds the roots, `look` says how each stands. `enable` installs the client (`client`)
//! and writes makepkg's configuration with addresses only (`hosts`, and `configure`'s planner);
//! `disable` takes both back. What that needs is kept on this machine (`record`), and not in the
//! root: a copy of a root, or one made anew in its place, knows nothing of what was done.

mod check;
mod client;
mod copied;
mod disable;
mod enable;
mod hosts;
mod lock;
pub(in crate::setup) mod look;
mod pacman;
pub(in crate::setup) mod record;
mod restore;
mod select;
mod status;
mod tell;

use std::num::NonZeroU32;
use std::path::PathBuf;

use clap::{Args, Subcommand};

use crate::base::exit::Exit;
use crate::setup::addresses::Family;
use crate::setup::chroot::check::ChrootCheckOptions;

/// Exit code where a person said no.
const DECLINED: Exit = Exit(1);
/// Exit code of an error.
const ERROR: Exit = Exit(2);

/// Options of `distcc-setup chroot`.
#[derive(Args, Debug)]
pub struct ChrootOptions {
    /// What to do.
    #[command(subcommand)]
    pub action: ChrootAction,
}

/// What can be done with a root.
#[derive(Debug, Subcommand)]
pub enum ChrootAction {
    /// Install the client into a build root, and have builds there distributed
    Enable(EnableOptions),
    /// Leave a build root as it was before
    Disable(DisableOptions),
    /// Show how the build roots of this machine stand
    Status(StatusOptions),
    /// Say what is wrong with builds in a build root
    Check(ChrootCheckOptions),
}

/// Which roots.
#[derive(Args, Clone, Debug, Default)]
pub struct RootOptions {
    /// A root that mkarchroot made, the directory that it is in, or a copy of it
    /// [default: $CHROOT; else those in /var/lib/archbuild]
    #[arg(value_name = "ROOT")]
    pub roots: Vec<PathBuf>,
}

/// Options of `distcc-setup chroot enable`.
#[derive(Args, Clone, Debug, Default)]
pub struct EnableOptions {
    /// Which roots.
    #[command(flatten)]
    pub which: RootOptions,
    /// DISTCC_HOSTS, from the most to the least powerful; names are looked up now
    /// [default: as last time; those of setup.toml; those of this machine's makepkg]
    #[arg(long, value_name = "HOSTS")]
    pub hosts: Option<String>,
    /// The -j of MAKEFLAGS [default: twice the slots of all hosts]
    #[arg(short, long, value_name = "N")]
    pub jobs: Option<NonZeroU32>,
    /// Take IPv4 addresses of names only
    #[arg(short = '4', long, conflicts_with = "ipv6")]
    pub ipv4: bool,
    /// Take IPv6 addresses of names only
    #[arg(short = '6', long)]
    pub ipv6: bool,
    /// The package file of makepkg-distcc to install
    /// [default: the newest in pacman's cache; else the files of the package installed here]
    #[arg(long, value_name = "FILE")]
    pub package: Option<PathBuf>,
    /// Show what would change, and change nothing
    #[arg(short = 'n', long)]
    pub dry_run: bool,
    /// Ask nothing
    #[arg(short, long)]
    pub yes: bool,
}

impl EnableOptions {
    fn family(&self) -> Family {
        match (self.ipv4, self.ipv6) {
            (true, _) => Family::V4,
            (_, true) => Family::V6,
            _ => Family::Any,
        }
    }
}

/// Options of `distcc-setup chroot disable`.
#[derive(Args, Clone, Debug, Default)]
pub struct DisableOptions {
    /// Which roots.
    #[command(flatten)]
    pub which: RootOptions,
    /// Also put back files that were changed since; what they hold now is kept beside them
    #[arg(long)]
    pub force: bool,
    /// Show what would change, and change nothing
    #[arg(short = 'n', long)]
    pub dry_run: bool,
    /// Ask nothing
    #[arg(short, long)]
    pub yes: bool,
}

/// Options of `distcc-setup chroot status`.
#[derive(Args, Clone, Debug, Default)]
pub struct StatusOptions {
    /// Which roots.
    #[command(flatten)]
    pub which: RootOptions,
    /// Print it as JSON
    #[arg(long)]
    pub json: bool,
}

/// Does it.
pub(super) fn run(options: &ChrootOptions) -> Exit {
    match &options.action {
        ChrootAction::Enable(options) => enable::run(options),
        ChrootAction::Disable(options) => disable::run(options),
        ChrootAction::Status(options) => status::run(options),
        ChrootAction::Check(options) => check::run(options),
    }
}
