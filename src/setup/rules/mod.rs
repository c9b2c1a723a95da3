//! The rules of `distcc-setup check`, one file each.
//!
//! A rule is pure: it looks at [`Facts`] and says what it finds. Its id never changes, for people
//! silence it by that. To add one, write its file, name it in [`ALL`], and put what fires it and
//! what does not into `tests/fixtures/check/ID/`; tests say what else is missing.

mod buildenv_no_array;
mod buildenv_unknown_word;
mod ccache_missing;
mod ccache_order;
mod ccache_prefix;
mod chroot_client_older;
mod chroot_copy_stale;
mod chroot_lost;
mod client_missing;
mod client_missing_on_host;
mod config_crlf;
mod config_endless;
mod config_exits;
mod config_last_command;
mod config_local;
mod config_missing;
mod config_prints;
mod config_syntax;
mod distcc_absent;
mod distcc_banned;
mod drop_ins_empty;
mod drop_ins_unread;
mod environment_loses;
mod farm_foreign;
mod farm_incomplete;
mod farm_missing;
mod farm_not_first;
mod farm_stale;
pub mod finding;
mod flags_stay;
mod home_unset;
mod hosts_array;
mod hosts_by_name;
mod hosts_duplicate;
mod hosts_empty;
mod hosts_limit_first;
mod hosts_localhost_first;
mod hosts_localhost_missing;
mod hosts_malformed;
mod hosts_no_limit;
mod hosts_odd;
mod hosts_only_local;
mod hosts_order;
mod hosts_port;
mod hosts_public;
mod hosts_two_ports;
mod hosts_unset;
mod jobs;
mod lto_compiler_differs;
mod lto_plain;
mod makeflags_high;
mod makeflags_in_chroot;
mod makeflags_invalid;
mod makeflags_low;
mod makeflags_missing;
mod makeflags_unlimited;
mod march_native;
mod nproc_farm;
mod package_buildflags;
mod package_compiler;
mod package_distcc_off;
mod package_jobs;
mod package_makeflags;
mod package_native;
mod package_ninja;
mod rust_native;
mod sccache_too;
mod service_local_only;
mod service_path;
mod service_port;
mod service_stats;
mod service_stopped;
mod service_toolchain;
mod service_twice;
mod settings_differ;
mod settings_malformed;
mod settings_unknown_rule;
mod state_full;
mod state_missing;
mod state_not_shared;
mod state_slow;
mod user_file_unread;
mod variable_not_exported;
mod volunteer_compiler;
mod volunteer_compiler_missing;
mod volunteer_disk_full;
mod volunteer_down;
mod volunteer_firewalled;
mod volunteer_name;
mod volunteer_odd;
mod volunteer_refuses;
mod volunteer_slow;
mod volunteer_toolchain;

use serde::Serialize;

use crate::setup::facts::Facts;
use crate::setup::facts::place::Place;
use crate::setup::rules::finding::{Finding, Severity};

/// A rule.
#[derive(Clone, Copy, Debug)]
pub struct Rule {
    /// Its name, by which it is silenced and explained.
    pub id: &'static str,
    /// How much its findings matter; some of them may matter less.
    pub severity: Severity,
    /// What it is about.
    pub group: Group,
    /// Whether makepkg's hook asks it too: it is about this build, and looks at nothing slow.
    pub in_hook: bool,
    /// What is wrong, in half a sentence.
    pub summary: &'static str,
    /// What follows from it, and why.
    pub why: &'static str,
    /// What to do about it.
    pub mend: &'static str,
    /// What is right, as it is written or typed.
    pub example: &'static str,
    /// Looks for it.
    pub check: fn(&Facts) -> Vec<Finding>,
}

/// What a rule is about; lists are in this order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Group {
    /// Whether makepkg can read its configuration at all.
    Files,
    /// BUILDENV.
    Buildenv,
    /// DISTCC_HOSTS and the hosts files.
    Hosts,
    /// MAKEFLAGS and NPROC.
    Jobs,
    /// The compiler's flags.
    Flags,
    /// ccache and sccache.
    Caches,
    /// What is installed, and where state is kept.
    Machine,
    /// A PKGBUILD.
    Package,
    /// What volunteers answer.
    Volunteers,
    /// `setup.toml`.
    Settings,
}

impl Group {
    /// The heading in lists.
    pub fn heading(self) -> &'static str {
        match self {
            Self::Files => "Configuration files",
            Self::Buildenv => "BUILDENV",
            Self::Hosts => "Host list",
            Self::Jobs => "Jobs",
            Self::Flags => "Compiler flags",
            Self::Caches => "Compiler caches",
            Self::Machine => "This machine",
            Self::Package => "PKGBUILD",
            Self::Volunteers => "Volunteers",
            Self::Settings => "setup.toml",
        }
    }

    /// Whether the rules need a configuration that could be read.
    fn needs_values(self) -> bool {
        !matches!(self, Self::Files | Self::Settings)
    }
}

/// Rules about what bash made of files: of lines that end in CR LF it makes nothing sensible.
const OF_BASH: [&str; 6] = [
    config_syntax::RULE.id,
    config_last_command::RULE.id,
    config_exits::RULE.id,
    config_endless::RULE.id,
    config_prints::RULE.id,
    config_local::RULE.id,
];

/// What makepkg's hook ends a build for.
pub const ENDS_BUILDS: &str = hosts_by_name::RULE.id;

/// Every rule, sorted by what it is about.
pub const ALL: &[Rule] = &[
    config_missing::RULE,
    config_crlf::RULE,
    config_syntax::RULE,
    config_last_command::RULE,
    config_exits::RULE,
    config_endless::RULE,
    config_prints::RULE,
    config_local::RULE,
    drop_ins_empty::RULE,
    drop_ins_unread::RULE,
    user_file_unread::RULE,
    distcc_banned::RULE,
    distcc_absent::RULE,
    buildenv_no_array::RULE,
    buildenv_unknown_word::RULE,
    hosts_unset::RULE,
    hosts_empty::RULE,
    hosts_array::RULE,
    hosts_malformed::RULE,
    hosts_odd::RULE,
    hosts_limit_first::RULE,
    hosts_duplicate::RULE,
    hosts_order::RULE,
    hosts_localhost_first::RULE,
    hosts_localhost_missing::RULE,
    hosts_only_local::RULE,
    hosts_no_limit::RULE,
    hosts_by_name::RULE,
    hosts_public::RULE,
    hosts_port::RULE,
    hosts_two_ports::RULE,
    makeflags_missing::RULE,
    makeflags_invalid::RULE,
    makeflags_low::RULE,
    makeflags_high::RULE,
    makeflags_unlimited::RULE,
    makeflags_in_chroot::RULE,
    environment_loses::RULE,
    nproc_farm::RULE,
    march_native::RULE,
    rust_native::RULE,
    flags_stay::RULE,
    lto_plain::RULE,
    ccache_missing::RULE,
    ccache_order::RULE,
    ccache_prefix::RULE,
    sccache_too::RULE,
    client_missing::RULE,
    client_missing_on_host::RULE,
    chroot_lost::RULE,
    chroot_client_older::RULE,
    chroot_copy_stale::RULE,
    farm_missing::RULE,
    farm_incomplete::RULE,
    farm_stale::RULE,
    farm_foreign::RULE,
    farm_not_first::RULE,
    variable_not_exported::RULE,
    state_missing::RULE,
    state_not_shared::RULE,
    state_slow::RULE,
    state_full::RULE,
    home_unset::RULE,
    service_stopped::RULE,
    service_path::RULE,
    service_local_only::RULE,
    service_toolchain::RULE,
    service_twice::RULE,
    service_stats::RULE,
    service_port::RULE,
    package_distcc_off::RULE,
    package_makeflags::RULE,
    package_buildflags::RULE,
    package_native::RULE,
    package_compiler::RULE,
    package_jobs::RULE,
    package_ninja::RULE,
    volunteer_name::RULE,
    volunteer_down::RULE,
    volunteer_firewalled::RULE,
    volunteer_refuses::RULE,
    volunteer_toolchain::RULE,
    volunteer_compiler::RULE,
    lto_compiler_differs::RULE,
    volunteer_compiler_missing::RULE,
    volunteer_disk_full::RULE,
    volunteer_slow::RULE,
    volunteer_odd::RULE,
    settings_malformed::RULE,
    settings_unknown_rule::RULE,
    settings_differ::RULE,
];

impl Rule {
    /// A finding of this rule.
    fn finding(
        &self,
        place: Place,
        message: impl Into<String>,
        help: impl Into<String>,
    ) -> Finding {
        Finding {
            rule: self.id,
            severity: self.severity,
            place,
            message: message.into(),
            help: help.into(),
            command: None,
            note: None,
            replacement: None,
        }
    }
}

/// The rule with this id.
pub fn by_id(id: &str) -> Option<&'static Rule> {
    ALL.iter().find(|rule| rule.id == id)
}

/// Asks the rules that `wanted` picks, and sorts what they find by place.
pub fn ask(facts: &Facts, wanted: impl Fn(&Rule) -> bool) -> Vec<Finding> {
    let is_garbled = facts.read_texts().any(|text| text.first_cr().is_some());
    let readable = |rule: &&Rule| match rule.group.needs_values() {
        true => facts.fault.is_none() && !is_garbled,
        false => !is_garbled || !OF_BASH.contains(&rule.id),
    };
    let rules = ALL.iter().filter(|rule| wanted(rule)).filter(readable);
    let mut findings: Vec<Finding> = rules.flat_map(|rule| (rule.check)(facts)).collect();
    // What is in files comes first, in the order in which makepkg reads them.
    let file = |finding: &Finding| {
        let spot = finding.place.in_file()?;
        let at = facts.texts.iter().position(|text| text.file == spot.file);
        Some((at.unwrap_or(usize::MAX), spot.line, spot.column))
    };
    findings.sort_by_key(|finding| {
        let place = file(finding);
        (place.is_none(), place, std::cmp::Reverse(finding.severity))
    });
    findings.dedup();
    findings
}
