//! The values that makepkg is to have.

use crate::arch::configuration::Configuration;
use crate::makepkg_conf::makeflags::{self, Jobs};
use crate::setup::configure::March;
use crate::setup::configure::drop_in::quoted;

/// One of the settings that `configure` is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::setup) enum Setting {
    /// `distcc` in BUILDENV.
    BuildEnv,
    /// DISTCC_HOSTS.
    Hosts,
    /// `-j` in MAKEFLAGS.
    Jobs,
}

/// The values.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::setup) struct Wanted {
    /// DISTCC_HOSTS, one blank between words.
    pub(in crate::setup) hosts: String,
    /// Jobs of make.
    pub(in crate::setup) jobs: u32,
    /// What becomes of native flags.
    pub(in crate::setup) march: March,
}

impl Setting {
    /// All of them, in the order of a stock makepkg.conf.
    pub(in crate::setup) const ALL: [Self; 3] = [Self::Jobs, Self::BuildEnv, Self::Hosts];

    /// The variable.
    pub(in crate::setup) fn variable(self) -> &'static str {
        match self {
            Self::BuildEnv => "BUILDENV",
            Self::Hosts => "DISTCC_HOSTS",
            Self::Jobs => "MAKEFLAGS",
        }
    }
}

impl Wanted {
    /// Whether `configuration` has it.
    pub(in crate::setup) fn holds(&self, setting: Setting, configuration: &Configuration) -> bool {
        let text = configuration.text(setting.variable());
        match setting {
            Setting::BuildEnv => configuration.option("BUILDENV", "distcc") == Some(true),
            Setting::Hosts => {
                text.is_some_and(|text| text.split_whitespace().eq(self.hosts.split_whitespace()))
            }
            Setting::Jobs => self.has_jobs(configuration),
        }
    }

    /// Whether a file, and not the caller's environment, sets the jobs.
    fn has_jobs(&self, configuration: &Configuration) -> bool {
        configuration.position("MAKEFLAGS").is_some()
            && configuration
                .text("MAKEFLAGS")
                .is_some_and(|flags| makeflags::jobs(&flags) == Jobs::Number(self.jobs))
    }

    /// What to call the value in a message.
    pub(in crate::setup) fn value(&self, setting: Setting) -> String {
        match setting {
            Setting::BuildEnv => "distcc".to_owned(),
            Setting::Hosts => self.hosts.clone(),
            Setting::Jobs => format!("-j{}", self.jobs),
        }
    }

    /// The assignment that one would write by hand, where `found` is set.
    pub(in crate::setup) fn assignment(&self, setting: Setting, found: &str) -> String {
        let value = match setting {
            Setting::BuildEnv => return "BUILDENV+=(distcc)".to_owned(),
            Setting::Hosts => self.hosts.clone(),
            Setting::Jobs => makeflags::with_jobs(found, self.jobs),
        };
        format!("{}={}", setting.variable(), quoted(&value))
    }
}
