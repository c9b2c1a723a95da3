//! makepkg builds real packages through distcc: every unit goes out, and the package is the one
//! that a local build makes.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use makepkg_distcc::progress::journal::Pump;
use makepkg_distcc::progress::journal_read::read_since;

use crate::support::farm::{Farm, Run, SYSTEM_PATH};
use crate::support::output::Output;
use crate::support::sources;
use crate::support::tree::{Tree, same_code};
use crate::support::volunteer::{Options, Side};

/// A package that builds in a farm, again and again at the same place.
struct Package<'a> {
    name: &'a str,
    farm: &'a Farm,
    /// Further lines of makepkg.conf.
    config: &'a str,
}

impl Package<'_> {
    fn fixture(&self, name: &str) -> PathBuf {
        Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/makepkg").join(name)
    }

    /// Builds it, with BUILDENV's distcc on if there is a `client`; gives its objects.
    fn build(&self, client: Option<Side>, hosts: &str) -> Tree {
        self.farm.clear_work();
        let work = self.farm.work();
        let config = std::fs::read_to_string(self.fixture("makepkg.conf")).unwrap();
        let distcc = if client.is_some() { "distcc" } else { "!distcc" };
        let more = format!(
            "BUILDENV=({distcc} !color !ccache check !sign)\nDISTCC_HOSTS='{hosts}'\n{}",
            self.config
        );
        self.farm.write("makepkg.conf", &(config + &more));
        std::fs::copy(self.fixture(self.name).join("PKGBUILD"), work.join("PKGBUILD")).unwrap();
        sources::unpack(self.name, &work.join(self.name));
        self.makepkg(client).success();
        let objects = Tree::read(&work.join("src")).objects();
        assert!(objects.0.len() > 2, "few objects: {:?}", objects.names());
        objects
    }

    /// Runs makepkg, which refuses to be root, as somebody else if we are.
    fn makepkg(&self, client: Option<Side>) -> Output {
        self.run("makepkg --config makepkg.conf --force --nodeps --nocheck", client).output()
    }

    /// A command with the same environment, run by the same user.
    fn run(&self, script: &str, client: Option<Side>) -> Run<'_> {
        let run = self.farm.unprivileged(script);
        let path = match client {
            None => SYSTEM_PATH.to_owned(),
            Some(side) => {
                let masquerade = self.farm.public_masquerade(side);
                format!("{}:{SYSTEM_PATH}", masquerade.display())
            }
        };
        let run = run.env("PATH", &path);
        run.env("DISTCC_DIR", self.farm.path("distcc").to_str().unwrap())
    }
}

/// Builds `name` here and through each pair of client and daemon, by protocols 1 and 2.
fn builds_everywhere(name: &str) {
    let pairs = [(Side::Ours, Side::Stock), (Side::Stock, Side::Ours), (Side::Ours, Side::Ours)];
    let mut farm = Farm::new();
    farm.start(&Options::new(Side::Stock));
    farm.start(&Options::new(Side::Ours));
    let package = Package { name, farm: &farm, config: "OPTIONS=(!strip !debug !lto)\n" };
    let local = package.build(None, "");
    let mut failures = String::new();
    for (client, daemon) in pairs {
        for suffix in ["/4", "/4,lzo"] {
            let volunteer = &farm.volunteers[usize::from(daemon == Side::Ours)];
            let before = volunteer.settled_jobs().len();
            let hosts = format!("{}{suffix}", volunteer.address());
            let objects = package.build(Some(client), &hosts);
            let jobs = &volunteer.settled_jobs()[before..];
            let done: Vec<_> = jobs.iter().filter(|job| job.result == "COMPILE_OK").collect();
            let text = objects.differences(&local, |_, _, _| false);
            if !text.is_empty() || done.len() < objects.0.len() {
                let (done, all) = (done.len(), objects.0.len());
                let pair = format!("{client:?} client, {daemon:?} daemon, {suffix}");
                writeln!(failures, "{pair}: {done} of {all} units sent\n{text}").unwrap();
            }
        }
    }
    assert!(failures.is_empty(), "{name}\n{failures}");
}

#[test]
fn makepkg_builds_a_c_package_through_every_pair() {
    builds_everywhere("bzip2");
}

#[test]
fn makepkg_builds_a_cxx_package_through_every_pair() {
    builds_everywhere("snappy");
}

#[test]
fn makepkg_builds_the_same_code_with_debug_information() {
    let farm = Farm::with(Side::Ours);
    let config = "OPTIONS=(!strip debug !lto)\n";
    let package = Package { name: "bzip2", farm: &farm, config };
    let local = package.build(None, "");
    let objects = package.build(Some(Side::Ours), &farm.hosts("/4,lzo"));
    assert_eq!(objects.differences(&local, |_, one, other| same_code(one, other)), "");
    let jobs = farm.volunteers[0].settled_jobs();
    assert!(jobs.len() >= objects.0.len(), "{jobs:#?}");
}

#[test]
fn makepkg_builds_a_package_in_pump_mode() {
    let farm = Farm::with(Side::Ours);
    let config = "OPTIONS=(!strip !debug !lto)\n";
    let package = Package { name: "bzip2", farm: &farm, config };
    let local = package.build(None, "");
    let hosts = farm.hosts("/8,cpp,lzo");
    // The first unit learns what the volunteer is; others would not wait for that.
    farm.write("empty.c", "");
    package.run("gcc -c empty.c", Some(Side::Ours)).hosts(&hosts).output().quiet_success();
    let objects = package.build(Some(Side::Ours), &hosts);
    assert_eq!(objects.differences(&local, |_, _, _| false), "");
    let entries = read_since(&farm.path("distcc/journal"), SystemTime::UNIX_EPOCH);
    let plain = entries.iter().filter(|entry| matches!(entry.pump, Pump::Plain { .. }));
    assert_eq!(plain.count(), 0, "{entries:#?}");
    let pumped = entries.iter().filter(|entry| entry.pump == Pump::Used).count();
    assert!(pumped > local.0.len(), "{pumped} of {} units: {entries:#?}", local.0.len());
}

#[test]
fn makepkg_builds_with_link_time_optimisation() {
    let farm = Farm::with(Side::Ours);
    let config = "OPTIONS=(!strip !debug lto)\nLTOFLAGS='-flto=auto'\n";
    let package = Package { name: "bzip2", farm: &farm, config };
    let objects = package.build(Some(Side::Ours), &farm.hosts("/4"));
    let jobs = farm.volunteers[0].settled_jobs();
    assert!(jobs.len() >= objects.0.len(), "{jobs:#?}");
}
