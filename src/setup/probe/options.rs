//! The options that `hosts` and `doctor` share, and what they lead to.

use std::time::Duration;

use clap::Args;

use crate::base::{env, version};
use crate::net::ssh;
use crate::setup::probe::answer::Answer;
use crate::setup::probe::list::{self, Found, ListError, Named};
use crate::setup::probe::local::Local;
use crate::setup::probe::{ProbeOptions, probe_all};
use crate::setup::screen::Screen;
use crate::setup::subject::{Subject, SubjectOptions};

/// How many names of volunteers that have not answered the status line has room for.
const NAMES: usize = 3;

/// Whom to ask, and how.
#[derive(Args, Clone, Debug)]
pub struct AskOptions {
    /// Host specs, as in DISTCC_HOSTS [default: those of makepkg.conf, of setup.toml, or of distcc]
    #[arg(value_name = "HOST")]
    pub hosts: Vec<String>,
    /// Whose configuration it is.
    #[command(flatten)]
    pub subject: SubjectOptions,
    /// Ask for this compiler; may be given again [default: gcc, g++, CC and CXX of makepkg.conf,
    /// and clang where it is installed]
    #[arg(long = "compiler", value_name = "NAME")]
    pub compilers: Vec<String>,
    /// How long each volunteer may take; they are asked at the same time
    #[arg(short, long, value_name = "SECONDS", default_value = "10",
          value_parser = clap::value_parser!(u16).range(1..=600))]
    pub timeout: u16,
    /// The port of the volunteers' statistics (distccd --stats-port)
    #[arg(long, value_name = "PORT", default_value_t = version::DEFAULT_STATS_PORT)]
    pub stats_port: u16,
}

/// What came of asking.
#[derive(Debug)]
pub struct Asked {
    /// The list that was asked.
    pub found: Found,
    /// This machine.
    pub local: Local,
    /// The answers, in the list's order.
    pub answers: Vec<Answer>,
}

impl AskOptions {
    /// The hosts of the command line.
    pub fn named(&self) -> Named<'_> {
        Named { words: &self.hosts, source: "the command line" }
    }
}

/// Finds the list and asks everybody on it, with a status line meanwhile.
///
/// # Errors
///
/// [`ListError`] where there is nobody to ask.
pub(in crate::setup) fn ask(
    options: &AskOptions,
    named: Named<'_>,
    command: &'static str,
    screen: &mut Screen,
) -> Result<Asked, ListError> {
    let subject = Subject::find(&options.subject);
    let found = list::find(&subject, named, command)?;
    screen.status("Asking the compilers of this machine …");
    let local = Local::look(&subject.root, found.configuration.as_ref(), &options.compilers);
    let how = ProbeOptions {
        limit: Duration::from_secs(options.timeout.into()),
        stats_port: options.stats_port,
        ssh: ssh::words(env::DISTCC_SSH.text().as_deref()),
        target: found.target,
    };
    let hosts = &found.list.hosts;
    let answers = probe_all(hosts, &local, &how, |waiting| {
        let names: Vec<&str> = waiting.iter().map(|host| host.text.as_str()).take(NAMES).collect();
        let more = if waiting.len() > NAMES { ", …" } else { "" };
        screen.status(&format!(
            "[{}/{}]  asking {}{more}",
            hosts.len() - waiting.len(),
            hosts.len(),
            names.join(", ")
        ));
    });
    screen.clear();
    Ok(Asked { found, local, answers })
}
