//! Gathers the facts: reads the configuration, its files, the machine.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsStr;
use std::net::{IpAddr, SocketAddr};
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::arch::configuration::{Configuration, Origin, Value, Variable};
use crate::arch::evaluate::{EvaluateError, evaluate};
use crate::arch::makepkg::HOOK;
use crate::base::dirs::SYSTEM_HOSTS;
use crate::base::disk::{Disk, RealDisk};
use crate::base::env;
use crate::base::version::DEFAULT_PORT;
use crate::hosts::find;
use crate::net::resolve;
use crate::setup::facts::chroot::Chroot;
use crate::setup::facts::hosts::{Hosts, Source, host_name};
use crate::setup::facts::machine::{Machine, Question};
use crate::setup::facts::package::Package;
use crate::setup::facts::text::Text;
use crate::setup::facts::{DropIns, Facts};
use crate::setup::settings::{Settings, SettingsError};
use crate::setup::subject::Subject;

/// A longer file is no configuration.
const MOST_BYTES: u64 = 4 << 20;
/// How long looking up names may take: makepkg's hook has two seconds for everything.
const LOOK_UP_TIME: Duration = Duration::from_millis(700);
/// The most names that are looked up.
const MOST_NAMES: usize = 16;

/// Variables of the caller that a build would work with, or would have if no file set them.
const LOOKED_AT: [&str; 14] = [
    "MAKEFLAGS",
    "NPROC",
    "CPPFLAGS",
    "CFLAGS",
    "CXXFLAGS",
    "LDFLAGS",
    "LTOFLAGS",
    "RUSTFLAGS",
    "CC",
    "CXX",
    "CCACHE_PREFIX",
    "BUILDENV",
    "OPTIONS",
    "RUSTC_WRAPPER",
];

/// How to gather.
#[derive(Clone, Debug, Default)]
pub struct Manner {
    /// makepkg itself asks, between reading its configuration and building.
    pub by_hook: bool,
    /// The PKGBUILD to look at.
    pub pkgbuild: Option<PathBuf>,
}

/// Where facts come from that are not in makepkg's own files.
#[derive(Debug)]
pub struct Sources {
    /// The caller's environment.
    pub environment: BTreeMap<String, String>,
    /// `setup.toml`.
    pub settings: Result<Settings, SettingsError>,
    /// The hosts files, in the client's order.
    pub hosts_files: Vec<PathBuf>,
}

/// Gathers everything but what volunteers say.
///
/// # Errors
///
/// Only a PKGBUILD that cannot be read is one; what else cannot be read is a fact.
pub fn gather(subject: Subject, manner: &Manner) -> std::io::Result<Facts> {
    let package = manner.pkgbuild.as_deref().map(read).transpose()?.map(Package::new);
    let mut request = subject.request();
    if subject.is_chroot() {
        // Its files may ask whether a program is there that only the chroot has.
        request.last_on_path = Some(subject.root.join("usr/bin"));
    }
    let evaluated = evaluate(&request);
    let sources = Sources {
        environment: environment(),
        settings: Settings::read(&subject.root, subject.home.as_deref()),
        hosts_files: hosts_files(&subject, evaluated.as_ref().ok()),
    };
    let mut facts = assemble(subject, evaluated, sources, manner);
    facts.package = package;
    let path = env::PATH.get().unwrap_or_default();
    facts.machine = Machine::look(&Question {
        root: &facts.subject.root,
        home: facts.subject.home.as_deref(),
        state_dir: facts.configuration.state_dir(has_hook(&facts.subject)),
        path: std::env::split_paths(&path).collect(),
        services: !manner.by_hook,
    });
    facts.unread = unread(&facts.subject);
    if let Some(hosts) = facts.hosts.as_ref().filter(|_| facts.needs_addresses()) {
        facts.addresses = look_up(hosts);
    }
    if facts.subject.is_chroot() && !manner.by_hook {
        facts.chroot = Chroot::look(&facts.subject.root);
    }
    if facts.subject.is_chroot() && !facts.machine.client_on_host {
        let by_host = evaluate(&facts.subject.request()).unwrap_or_default();
        facts.on_for_host = by_host.option("BUILDENV", "distcc") == Some(true);
    }
    Ok(facts)
}

/// The addresses of the list's names, as far as they are found in time.
fn look_up(hosts: &Hosts) -> BTreeMap<String, IpAddr> {
    let names: BTreeSet<&str> = hosts.specs().filter_map(|(_, spec)| host_name(spec)).collect();
    let address = |name: &str| {
        let found = resolve::addresses(name, DEFAULT_PORT, LOOK_UP_TIME).ok()?;
        // What leads back to this machine is `localhost`, which only its owner can know.
        found.iter().map(SocketAddr::ip).find(|address| !address.is_loopback())
    };
    std::thread::scope(|scope| {
        let asked: Vec<_> = names
            .into_iter()
            .take(MOST_NAMES)
            .map(|name| (name, scope.spawn(move || address(name))))
            .collect();
        let told = asked
            .into_iter()
            .filter_map(|(name, thread)| Some((name.to_owned(), thread.join().ok().flatten()?)));
        told.collect()
    })
}

/// makepkg reads `~/.makepkg.conf` only where the newer file is not there.
fn unread(subject: &Subject) -> Option<(PathBuf, PathBuf)> {
    if !subject.request().user_files {
        return None;
    }
    let (read, old) = (subject.user_file()?, subject.home.as_ref()?.join(".makepkg.conf"));
    (read != old && read.exists() && old.exists()).then_some((old, read))
}

/// Puts together what was read; the machine is one at which nothing is wrong.
pub fn assemble(
    subject: Subject,
    evaluated: Result<Configuration, EvaluateError>,
    sources: Sources,
    manner: &Manner,
) -> Facts {
    let (mut configuration, fault) = match evaluated {
        Ok(configuration) => (configuration, None),
        Err(error) => (Configuration::default(), Some(error)),
    };
    if manner.by_hook {
        let mut environment = sources.environment.clone();
        // On the host, devtools hands none of them to the build root.
        environment.retain(|name, _| !subject.is_chroot() || !name.starts_with("DISTCC_"));
        take_from_makepkg(&mut configuration, &environment);
    }
    let drop_ins = drop_ins(&subject);
    let (settings, settings_fault) = match sources.settings {
        Ok(settings) => (settings, None),
        Err(SettingsError::Malformed(file, what)) => (Settings::default(), Some((file, what))),
        Err(SettingsError::Unreadable(file, error)) => {
            (Settings::default(), Some((file, error.to_string())))
        }
    };
    let (hosts, hosts_file) = hosts(&sources.hosts_files, &configuration);
    Facts {
        on_for_host: configuration.option("BUILDENV", "distcc") == Some(true),
        unread: None,
        texts: texts(&subject, &configuration, &drop_ins, fault.as_ref()),
        configuration,
        fault,
        drop_ins,
        settings,
        settings_fault,
        environment: sources.environment,
        hosts,
        hosts_file,
        package: None,
        machine: Machine::default(),
        addresses: BTreeMap::new(),
        chroot: None,
        volunteers: Vec::new(),
        subject,
    }
}

fn environment() -> BTreeMap<String, String> {
    let wanted = |name: &str| LOOKED_AT.contains(&name) || name.starts_with("DISTCC_");
    env::all()
        .map(|(name, value)| (lossy(&name), lossy(&value)))
        .filter(|(name, _)| wanted(name))
        .collect()
}

fn lossy(text: &OsStr) -> String {
    text.to_string_lossy().into_owned()
}

/// In the hook, our environment is that of the running makepkg: what it exports is what counts, the
/// words `VAR=VALUE` of its command line included, which beat every file.
pub fn take_from_makepkg(
    configuration: &mut Configuration,
    environment: &BTreeMap<String, String>,
) {
    for (name, value) in environment {
        let array = matches!(name.as_str(), "BUILDENV" | "OPTIONS");
        if array || configuration.text(name).as_ref() == Some(value) {
            continue;
        }
        let value = Value::Scalar(value.clone());
        let variable = Variable { value, exported: true, origin: Origin::Environment };
        configuration.variables.insert(name.clone(), variable);
    }
}

fn drop_ins(subject: &Subject) -> DropIns {
    let dir = subject.drop_in_dir();
    let Ok(entries) = std::fs::read_dir(&dir) else {
        return DropIns { dir, ..DropIns::default() };
    };
    let paths = entries.filter_map(|entry| Some(entry.ok()?.path()));
    // As the shell's `*.conf` has it, which leaves hidden files out.
    let is_one = |path: &PathBuf| {
        let name = path.file_name().map(lossy).unwrap_or_default();
        name.ends_with(".conf") && !name.starts_with('.')
    };
    let mut files: Vec<_> = paths.filter(is_one).collect();
    files.sort();
    DropIns { dir, exists: true, files }
}

/// The texts of all files that were read; of those that would be, where reading them failed.
fn texts(
    subject: &Subject,
    configuration: &Configuration,
    drop_ins: &DropIns,
    fault: Option<&EvaluateError>,
) -> Vec<Text> {
    let mut files = configuration.files.clone();
    if fault.is_some() {
        files = vec![subject.file.clone()];
        files.extend(drop_ins.files.iter().cloned());
        files.extend(subject.user_file());
    }
    files.iter().filter_map(|file| read(file).ok()).collect()
}

fn read(file: &Path) -> std::io::Result<Text> {
    // Reading a pipe could last.
    if !std::fs::metadata(file)?.is_file() {
        return Err(std::io::ErrorKind::InvalidInput.into());
    }
    let bytes = RealDisk.read(file, MOST_BYTES)?;
    Ok(Text::new(file, String::from_utf8_lossy(&bytes)))
}

/// The hosts files that the client would look for in a build.
fn hosts_files(subject: &Subject, configuration: Option<&Configuration>) -> Vec<PathBuf> {
    let home = || subject.home.as_ref().map(|home| home.join(".distcc"));
    let state = configuration.and_then(|found| found.state_dir(has_hook(subject))).or_else(home);
    // A chroot's build has a home of its own, which is new each time.
    let own = state.filter(|_| !subject.is_chroot()).map(|dir| dir.join("hosts"));
    let system = subject.root.join(SYSTEM_HOSTS.trim_start_matches('/'));
    own.into_iter().chain([system]).collect()
}

/// Whether our hook for makepkg is in the subject's system.
fn has_hook(subject: &Subject) -> bool {
    subject.root.join(HOOK).exists()
}

/// The host list as the client would find it in a build.
fn hosts(files: &[PathBuf], configuration: &Configuration) -> (Option<Hosts>, Option<Text>) {
    if let Some(text) = configuration.text("DISTCC_HOSTS") {
        return (Some(Hosts::new(Source::Variable, &text)), None);
    }
    // A file that is too long counts as none: the client refuses it and compiles here.
    let Some(source) = find::find(None, files, &RealDisk).ok().flatten() else {
        return (None, None);
    };
    let file = PathBuf::from(&source.name);
    let hosts = Hosts::new(Source::File(file.clone()), &source.text);
    (Some(hosts), Some(Text::new(file, source.text)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::arch::evaluate::OtherUser;

    #[test]
    fn what_makepkg_exports_beats_what_the_files_say() {
        let mut configuration = Configuration::default();
        let scalar = |text: &str| Variable {
            value: Value::Scalar(text.to_owned()),
            exported: false,
            origin: Origin::Environment,
        };
        configuration.variables.insert("MAKEFLAGS".to_owned(), scalar("-j2"));
        let array = Value::Array(vec!["distcc".to_owned()]);
        let buildenv = Variable { value: array, ..scalar("") };
        configuration.variables.insert("BUILDENV".to_owned(), buildenv);
        let given = [("MAKEFLAGS", "-j44"), ("BUILDENV", "x"), ("DISTCC_HOSTS", "a")];
        let given = given.map(|(name, value)| (name.to_owned(), value.to_owned())).into();
        take_from_makepkg(&mut configuration, &given);
        assert_eq!(configuration.text("MAKEFLAGS").unwrap(), "-j44");
        assert_eq!(configuration.text("DISTCC_HOSTS").unwrap(), "a");
        assert_eq!(configuration.option("BUILDENV", "distcc"), Some(true));
    }

    #[test]
    fn the_older_of_the_users_two_files_is_noticed() {
        let dir = tempfile::tempdir().unwrap();
        let home = dir.path().to_owned();
        let (new, old) = (home.join(".config/pacman/makepkg.conf"), home.join(".makepkg.conf"));
        let user = OtherUser { uid: 1, gid: 1, name: "me".to_owned(), home: home.clone() };
        let mut subject = Subject::find(&crate::setup::subject::SubjectOptions::default());
        (subject.user, subject.home) = (Some(user), Some(home));
        subject.file = "/etc/makepkg.conf".into();
        crate::base::replace::write(&old, b"", 0o644).unwrap();
        assert_eq!(unread(&subject), None);
        std::fs::create_dir_all(new.parent().unwrap()).unwrap();
        crate::base::replace::write(&new, b"", 0o644).unwrap();
        assert_eq!(unread(&subject), Some((old, new)));
        subject.file = "/elsewhere/makepkg.conf".into();
        assert_eq!(unread(&subject), None);
    }

    #[test]
    fn drop_ins_are_those_that_the_shell_would_match() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("makepkg.conf");
        let names = ["b.conf", "a.conf", ".hidden.conf", "c.conf.pacnew"];
        std::fs::create_dir(dir.path().join("makepkg.conf.d")).unwrap();
        for name in names {
            let path = dir.path().join("makepkg.conf.d").join(name);
            crate::base::replace::write(&path, b"", 0o644).unwrap();
        }
        let options = crate::setup::subject::SubjectOptions { config: Some(file), chroot: None };
        let found = drop_ins(&Subject::find(&options));
        let names: Vec<_> =
            found.files.iter().map(|file| lossy(file.file_name().unwrap())).collect();
        assert_eq!(names, ["a.conf", "b.conf"]);
        assert!(found.exists);
    }
}
