//! The options of `distcc-setup volunteer`, and what they mean.

use std::net::IpAddr;
use std::num::NonZeroU16;
use std::path::PathBuf;

use clap::{Args, ValueEnum};

use crate::setup::volunteer::arguments::{Wanted, read_network};
use crate::setup::volunteer::chosen::{self, Given};
use crate::setup::volunteer::networks::attached;
use crate::setup::volunteer::plan::TempDir;
use crate::targets::Target;

/// Options of `distcc-setup volunteer`.
#[derive(Args, Debug)]
pub struct VolunteerOptions {
    /// Compile for TARGET: armv5, armv6h, armv7h, armv8 or x86_64, each on a port of its own; may
    /// be repeated
    #[arg(long = "target", value_name = "TARGET", value_delimiter = ',',
          value_parser = chosen::read_target)]
    pub targets: Vec<&'static Target>,
    /// The compilers for it are in DIR [default: where packages and people put them]
    #[arg(long = "toolchain", value_name = "[TARGET=]DIR", requires = "targets",
          value_parser = Given::read)]
    pub toolchains: Vec<Given>,
    /// Have the ordinary daemon compile for TARGET too, by the compilers' full names
    #[arg(long, requires = "targets")]
    pub one_port: bool,
    /// List the targets, their ports, and the compilers for them on this machine
    #[arg(long)]
    pub list_targets: bool,
    /// Let clients of NETWORK in, as 192.168.10.0/24 or 2001:db8::/64; may be repeated
    #[arg(long, value_name = "NETWORK", value_parser = read_network)]
    pub allow: Vec<String>,
    /// Let clients of all private networks in; so it is where nothing else is said
    #[arg(long)]
    pub allow_private: bool,
    /// Let clients of those networks in that this machine is attached to, and no others
    #[arg(long, conflicts_with = "allow_private")]
    pub allow_attached: bool,
    /// Listen at ADDRESS only
    #[arg(long, value_name = "ADDRESS")]
    pub listen: Option<IpAddr>,
    /// Listen at PORT instead of 3632, or that of the target
    #[arg(long, value_name = "PORT")]
    pub port: Option<NonZeroU16>,
    /// Compile so many units at once [default: two more than there are processors]
    #[arg(long, value_name = "N")]
    pub jobs: Option<NonZeroU16>,
    /// Compile at this nice level
    #[arg(long, value_name = "LEVEL", allow_hyphen_values = true,
          value_parser = clap::value_parser!(i8).range(-20..=19))]
    pub nice: Option<i8>,
    /// Where distccd writes its log [default: /tmp/distccd.log, in a file that has no options yet]
    #[arg(long, value_name = "FILE")]
    pub log_file: Option<String>,
    /// What distccd logs
    #[arg(long, value_name = "LEVEL")]
    pub log_level: Option<Level>,
    /// Where jobs have their files [default: /tmp, or /dev/shm where /tmp is on a disk]
    #[arg(long, value_name = "DIR")]
    pub temp_dir: Option<String>,
    /// Announce it on the network, for distcc-setup hosts --discover
    #[arg(long)]
    pub announce: bool,
    /// Show slots and load to clients, on port 3633
    #[arg(long)]
    pub stats: bool,
    /// Open the port in the firewall, instead of saying how
    #[arg(long)]
    pub apply_firewall: bool,
    /// Do not start distccd
    #[arg(long)]
    pub no_start: bool,
    /// Show what would be done, and do nothing
    #[arg(long)]
    pub dry_run: bool,
    /// Do it without asking
    #[arg(short, long)]
    pub yes: bool,
    /// Take DIR for the root directory (images, chroots): nothing is started there
    #[arg(long, value_name = "DIR", default_value = "/")]
    pub root: PathBuf,
}

/// Messages as bad as this, and worse, are logged.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Level {
    /// critical
    Critical,
    /// error
    Error,
    /// warning
    Warning,
    /// notice
    Notice,
    /// info
    Info,
    /// debug
    Debug,
}

impl VolunteerOptions {
    /// What is to be written.
    ///
    /// # Errors
    ///
    /// A sentence: a value that no line of options can hold, or no network to let in.
    pub(super) fn wanted(&self) -> Result<(Wanted, TempDir), String> {
        let mut allow = self.allow.clone();
        if self.allow_attached {
            let found: Vec<_> = attached().iter().map(|attached| attached.network()).collect();
            if found.is_empty() {
                return Err("this machine is attached to no network; name one with --allow".into());
            }
            allow.extend(found);
        }
        let level = self.log_level.and_then(|level| level.to_possible_value());
        let wanted = Wanted {
            allow,
            allow_private: self.allow_private,
            listen: self.listen,
            port: self.port.map(NonZeroU16::get),
            jobs: self.jobs.map(NonZeroU16::get),
            nice: self.nice,
            log_file: self.log_file.as_deref().map(plain_path).transpose()?,
            log_level: level.map(|level| level.get_name().to_owned()),
            announce: self.announce,
            stats: self.stats,
            ..Wanted::default()
        };
        let temp_dir = match &self.temp_dir {
            Some(dir) => TempDir::At(plain_path(dir)?),
            None => TempDir::Fitting,
        };
        Ok((wanted, temp_dir))
    }
}

/// A path that systemd does not split or change.
pub(super) fn plain_path(path: &str) -> Result<String, String> {
    let plain = |letter: char| letter.is_alphanumeric() || "/._+-:@,=~".contains(letter);
    match path.starts_with('/') && path.chars().all(plain) {
        true => Ok(path.to_owned()),
        false => Err(format!(
            "`{path}` cannot stand in /etc/conf.d: write a path from the root, without blanks and \
             quotes"
        )),
    }
}
