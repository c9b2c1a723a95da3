//! Everything that a rule may look at, gathered once: [`gather`] asks the machine, the rest is data
//! and pure questions to it.

pub mod chroot;
pub mod flags;
pub mod gather;
pub mod hosts;
pub mod machine;
pub mod package;
pub mod place;
pub mod silence;
pub mod text;
pub mod volunteer;

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::path::{Path, PathBuf};

use crate::arch::configuration::{Configuration, Origin, Position, Value};
use crate::arch::evaluate::EvaluateError;
use crate::base::dirs::MASQUERADE;
use crate::hosts::spec::HostSpec;
use crate::makepkg_conf::document::Assignment;
use crate::makepkg_conf::makeflags;
use crate::setup::facts::chroot::Chroot;
use crate::setup::facts::hosts::{HostWord, Hosts, Source};
use crate::setup::facts::machine::{Machine, StateDir};
use crate::setup::facts::package::Package;
use crate::setup::facts::place::Place;
use crate::setup::facts::text::{Text, text_of};
use crate::setup::facts::volunteer::{Heard, VolunteerFault};
use crate::setup::ports;
use crate::setup::probe::answer::Answer;
use crate::setup::probe::fault::Fault;
use crate::setup::settings::Settings;
use crate::setup::subject::Subject;
use crate::targets::Target;

/// What rules look at.
#[derive(Debug)]
pub struct Facts {
    /// Whose configuration it is.
    pub subject: Subject,
    /// What makepkg would work with; empty where `fault` is set.
    pub configuration: Configuration,
    /// Whether the host, which may lack programs of the chroot, takes distcc for switched on.
    pub on_for_host: bool,
    /// The user's own file that is not read, for there is another one: it, and that other.
    pub unread: Option<(PathBuf, PathBuf)>,
    /// Why the configuration cannot be read.
    pub fault: Option<EvaluateError>,
    /// The configuration's files as text, in the order read; further ones that are not read.
    pub texts: Vec<Text>,
    /// The directory of drop-ins.
    pub drop_ins: DropIns,
    /// `setup.toml`.
    pub settings: Settings,
    /// A `setup.toml` that cannot be used: the file, and what is wrong with it.
    pub settings_fault: Option<(PathBuf, String)>,
    /// The caller's environment, as far as makepkg looks at it.
    pub environment: BTreeMap<String, String>,
    /// The host list; `None` where there is none at all.
    pub hosts: Option<Hosts>,
    /// The hosts file that the list is from, as text.
    pub hosts_file: Option<Text>,
    /// The PKGBUILD.
    pub package: Option<Package>,
    /// The machine, or the chroot.
    pub machine: Machine,
    /// The addresses that names of the host list have on this machine, where they would mean
    /// nothing in a build; those that were found quickly.
    pub addresses: BTreeMap<String, IpAddr>,
    /// The build root of devtools that it is about, if it is about one.
    pub chroot: Option<Chroot>,
    /// What volunteers answered; empty where they were not asked.
    pub volunteers: Vec<Heard>,
}

/// `FILE.d`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DropIns {
    /// The directory.
    pub dir: PathBuf,
    /// Whether it is there.
    pub exists: bool,
    /// The `*.conf` in it.
    pub files: Vec<PathBuf>,
}

impl Facts {
    /// Whether builds are to be distributed, as far as BUILDENV says.
    pub fn distcc_is_on(&self) -> bool {
        self.configuration.option("BUILDENV", "distcc") == Some(true)
    }

    /// For which target packages are built.
    pub fn target(&self) -> Option<&'static Target> {
        ports::target::decide(None, Some(&self.configuration), self.machine.target())
    }

    /// Whether both ccache and distcc are on.
    pub fn has_both_caches(&self) -> bool {
        self.distcc_is_on() && self.configuration.option("BUILDENV", "ccache") == Some(true)
    }

    /// Whether host names may mean nothing where the build runs.
    pub fn needs_addresses(&self) -> bool {
        self.is_about_chroot() || self.settings.addresses_only == Some(true)
    }

    /// Whether the build runs in a build root, whether we look at that from outside or are in it.
    pub fn is_about_chroot(&self) -> bool {
        self.subject.is_chroot() || self.machine.is_chroot
    }

    /// The command that sets a build root up, on the host.
    pub fn enable_chroot(&self) -> String {
        let mut command = "sudo distcc-setup chroot enable".to_owned();
        if self.subject.is_chroot() {
            let root = self.subject.root.to_string_lossy();
            command = format!("{command} {}", shell_words::quote(&root));
        }
        command
    }

    /// The command that writes the configuration.
    pub fn configure(&self) -> String {
        match self.is_about_chroot() {
            true => self.enable_chroot(),
            false => "distcc-setup configure".to_owned(),
        }
    }

    /// Whether a word of OPTIONS is on.
    pub fn has_option(&self, word: &str) -> bool {
        self.configuration.option("OPTIONS", word) == Some(true)
    }

    /// Where `name` got its value; the file's own name stands for a variable that is not set.
    pub fn place_of(&self, name: &str) -> Place {
        match self.configuration.variables.get(name).map(|variable| &variable.origin) {
            Some(Origin::File(position)) => self.at(name, self.kept(name).unwrap_or(position)),
            Some(Origin::Environment) => {
                let value = self.configuration.text(name).unwrap_or_default();
                Place::environment(name, &value)
            }
            None => self.main_place(),
        }
    }

    /// The last assignment of `name` to what makepkg sees; one behind a `declare` is none.
    fn kept(&self, name: &str) -> Option<&Position> {
        let is_lost = |position: &Position| {
            let mut lost = self.configuration.lost.iter();
            let is_own = lost.any(|(one, file)| one == name && *file == position.file);
            let document = text_of(&self.texts, &position.file).map(|text| &text.document);
            let line = document.and_then(|found| Some(found.line_of(found.local_from(name)?)));
            is_own && line.is_some_and(|line| line <= position.line)
        };
        let all = self.configuration.assignments.iter().rev().filter(|(one, _)| one == name);
        all.map(|(_, position)| position).find(|position| !is_lost(position))
    }

    /// The first file of the configuration.
    pub fn main_place(&self) -> Place {
        Place::named(self.subject.file.display().to_string())
    }

    /// The place of the command at `position` that assigns `name`.
    fn at(&self, name: &str, position: &Position) -> Place {
        let Some(text) = text_of(&self.texts, &position.file) else {
            return Place::named(format!("{}:{}", position.file.display(), position.line));
        };
        match text.document.ending_at(name, position.line) {
            Some(found) => text.spot(found.span.clone(), &found.command).into(),
            None => text.line_spot(position.line).map_or_else(|| self.main_place(), Place::from),
        }
    }

    /// Where `word` in the value of `name` comes from: the assignment that has it, or that of a
    /// variable that was expanded; else where `name` was set.
    pub fn place_of_word(&self, name: &str, word: &str) -> Place {
        let history = self.configuration.assignments.iter().rev().filter(|(one, _)| one == name);
        let own = history.filter_map(|(name, position)| {
            let text = text_of(&self.texts, &position.file)?;
            Some((text, text.document.ending_at(name, position.line)?))
        });
        let read = |text: &&Text| self.configuration.files.contains(&text.file);
        let texts = self.texts.iter().rev().filter(read);
        let all = texts
            .flat_map(|text| text.document.assignments().iter().rev().map(move |one| (text, one)));
        let found = own.chain(all).find_map(|(text, assignment): (&Text, &Assignment)| {
            let range = text.find_flag(word, assignment)?;
            Some(text.spot(range, &assignment.command))
        });
        found.map_or_else(|| self.place_of(name), Place::from)
    }

    /// Where MAKEFLAGS says how many jobs there are.
    pub fn place_of_jobs(&self) -> Place {
        let makeflags = self.configuration.text("MAKEFLAGS").unwrap_or_default();
        match makeflags::deciding_word(&makeflags).filter(|word| word.contains('j')) {
            Some(word) => self.place_of_word("MAKEFLAGS", word),
            None => self.place_of("MAKEFLAGS"),
        }
    }

    /// The value of a variable.
    pub fn value(&self, name: &str) -> Option<&Value> {
        self.configuration.variables.get(name).map(|variable| &variable.value)
    }

    /// The comment that has `NAME=…`, to be uncommented.
    pub fn commented_out(&self, name: &str) -> Option<Place> {
        self.texts.iter().find_map(|text| text.commented_out(name)).map(Place::from)
    }

    /// The number of jobs that suits the slots; `None` where slots are not known.
    pub fn right_jobs(&self) -> Option<u32> {
        let hosts = self.hosts.as_ref().filter(|hosts| !hosts.has_zeroconf())?;
        let slots = hosts.slots().filter(|slots| *slots > 0)?;
        Some(slots.saturating_mul(self.settings.job_factor()))
    }

    /// All texts in which a comment can silence a rule.
    pub fn all_texts(&self) -> impl Iterator<Item = &Text> {
        let package = self.package.as_ref().map(|package| &package.text);
        self.texts.iter().chain(&self.hosts_file).chain(package)
    }

    /// The texts of the files that makepkg reads, or would, if it could read them all.
    pub fn read_texts(&self) -> impl Iterator<Item = &Text> {
        let is_read = |text: &&Text| match self.fault {
            None => self.configuration.files.contains(&text.file),
            Some(_) if text.file == self.subject.file => true,
            Some(_) if self.drop_ins.files.contains(&text.file) => {
                self.subject.makepkg.reads_drop_ins
            }
            Some(_) => self.subject.request().user_files,
        };
        self.texts.iter().filter(is_read)
    }

    /// `makepkg 7.1.0`, for sentences.
    pub fn makepkg_version(&self) -> String {
        let version = self.subject.makepkg.version.as_deref();
        version.map_or("makepkg".to_owned(), |version| format!("makepkg {version}"))
    }

    /// The masquerade directory.
    pub fn farm_place(&self) -> Place {
        Place::named(self.inside(Path::new(MASQUERADE)).display().to_string())
    }

    /// The command that brings the masquerade directory into step.
    pub fn update_links(&self) -> String {
        match self.subject.is_chroot() {
            true => format!("sudo update-distcc-symlinks --root {}", self.subject.root.display()),
            false => "sudo update-distcc-symlinks".to_owned(),
        }
    }

    /// The client's state directory: what sets it, or itself.
    pub fn state_place(&self, state: &StateDir) -> Place {
        match state.is_given {
            true => self.place_of("DISTCC_DIR"),
            false => Place::named(state.path.display().to_string()),
        }
    }

    /// What the volunteer of this entry answered.
    pub fn answer(&self, spec: &HostSpec) -> Option<&Answer> {
        let mut all = self.volunteers.iter().map(|heard| &heard.answer);
        all.find(|answer| answer.spec.text == spec.text)
    }

    /// What is wrong with volunteers, as far as `wanted` picks it.
    pub fn faults(
        &self,
        wanted: impl Fn(&Fault) -> bool,
    ) -> impl Iterator<Item = VolunteerFault<'_>> {
        let facts = self;
        let all = facts.volunteers.iter().flat_map(move |heard| {
            heard.answer.faults.iter().map(move |fault| VolunteerFault { facts, heard, fault })
        });
        all.filter(move |found| wanted(found.fault))
    }

    /// Where a word of the host list stands.
    pub fn place_of_host(&self, hosts: &Hosts, word: &HostWord) -> Place {
        match (&hosts.source, &self.hosts_file) {
            (Source::File(_), Some(text)) => text.spot(word.range.clone(), &word.range).into(),
            _ => self.place_of_word("DISTCC_HOSTS", &word.text),
        }
    }

    /// Where the host list as a whole stands.
    pub fn place_of_hosts(&self, hosts: &Hosts) -> Place {
        match &hosts.source {
            Source::Variable => self.place_of("DISTCC_HOSTS"),
            Source::File(file) => Place::named(file.display().to_string()),
        }
    }

    /// `path` of the subject's system as a person inside it names it.
    pub fn inside(&self, path: &Path) -> PathBuf {
        self.subject.root.join(path.strip_prefix("/").unwrap_or(path))
    }
}
