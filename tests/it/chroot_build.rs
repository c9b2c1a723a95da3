//! Packages built in clean chroots, as devtools does it, with volunteers outside.

use std::time::SystemTime;

use makepkg_distcc::progress::journal::Pump;
use makepkg_distcc::progress::journal_read::read_since;

use crate::support::chroot::{Chroot, Lab, Makepkg};
use crate::support::chroot_package::{Build, Gate, Package, STATE, wait_until};
use crate::support::farm::Farm;
use crate::support::volunteer::{Options, Side};

/// Puts our package on the laboratory's system and into a root, which is configured by hand.
fn configure<'a>(lab: &'a Lab, hosts: &str) -> Chroot<'a> {
    lab.install_on_host();
    let chroot = lab.chroot("chroot");
    chroot.install(&lab.package());
    let drop_in = format!(
        "if type -p distcc >/dev/null; then\n\tBUILDENV+=(distcc)\n\tDISTCC_HOSTS='{hosts}'\n\
         \tMAKEFLAGS='-j16'\nfi\n"
    );
    // Not the package's own file, which goes with it when another takes its place.
    lab.write(&format!("{}/etc/makepkg.conf.d/volunteers.conf", chroot.root()), drop_in);
    lab.user("mkdir -p ~/.distcc").success();
    chroot
}

/// Builds a package that was built in copy `there` once more, without volunteers.
#[track_caller]
fn assert_objects_are_those_of_a_build_here(lab: &Lab, chroot: &Chroot<'_>, package: Package) {
    let there = package.objects(lab, chroot, "there");
    let package = package.option("!distcc").add(lab);
    lab.user(&package.makechrootpkg(chroot, "here", STATE)).success();
    let here = package.objects(lab, chroot, "here");
    assert_eq!(there.differences(&here, |_, _, _| false), "");
}

#[test]
fn units_of_a_package_built_in_a_chroot_are_compiled_by_volunteers_outside() {
    let Some(lab) = Lab::start(Makepkg::DropIns) else { return };
    let mut farm = Farm::new();
    for _ in 0..2 {
        farm.start(&Options::new(Side::Ours));
    }
    let chroot = configure(&lab, &farm.hosts("/4"));
    let package = Package::new("dozens", 18).add(&lab);
    let output = lab.user(&package.makechrootpkg(&chroot, "there", STATE)).success();
    let line = format!("  -> All {} units were distributed to 2 volunteers\n", package.units());
    assert!(output.stdout.contains(&line), "{output}");
    assert_eq!(farm.compiled(), package.units());
    package.assert_built(&lab);
    let units = package.units();
    assert_objects_are_those_of_a_build_here(&lab, &chroot, package);
    assert_eq!(farm.compiled(), units);
}

#[test]
fn a_package_is_built_in_a_chroot_in_pump_mode() {
    let Some(lab) = Lab::start(Makepkg::DropIns) else { return };
    let farm = Farm::with(Side::Ours);
    let chroot = configure(&lab, &farm.hosts("/4,cpp,lzo"));
    let package = Package::new("score", 10).add(&lab);
    let output = lab.user(&package.makechrootpkg(&chroot, "there", STATE)).success();
    let line = format!("  -> All {} units were distributed to 1 volunteer\n", package.units());
    assert!(output.stdout.contains(&line), "{output}");
    package.assert_built(&lab);
    let journal = lab.path("/home/packager/.distcc/journal");
    let entries = read_since(&journal, SystemTime::UNIX_EPOCH);
    let pumped = entries.iter().filter(|entry| entry.pump == Pump::Used).count();
    // The first ones do not wait until it is known what the volunteer is.
    assert!(pumped > package.units() / 2, "{pumped} of {} units: {entries:#?}", package.units());
    assert_objects_are_those_of_a_build_here(&lab, &chroot, package);
}

#[test]
fn units_are_distributed_too_where_makepkg_reads_one_file() {
    let Some(lab) = Lab::start(Makepkg::OneFile) else { return };
    let farm = Farm::with(Side::Ours);
    let chroot = configure(&lab, "10.255.255.1");
    let config = format!("{}/etc/makepkg.conf", chroot.root());
    let text = lab.read(&config).replace("(!distcc ", "(distcc ");
    lab.write(&config, format!("{text}DISTCC_HOSTS='{}'\nMAKEFLAGS=-j3\n", farm.hosts("/4")));
    let package = Package::new("few", 3).add(&lab);
    lab.user(&format!("export MAKEFLAGS=-j8; {}", package.makechrootpkg(&chroot, "copy", "")))
        .success();
    package.assert_built(&lab);
    assert_eq!(farm.compiled(), package.units());
    // devtools puts the caller's in place of the root's.
    let copied = lab.read(&format!("{}/etc/makepkg.conf", chroot.copy("copy")));
    assert!(copied.contains("MAKEFLAGS='-j8'\n") && !copied.contains("-j3"), "{copied}");
}

#[test]
fn units_are_distributed_too_where_there_is_no_nspawn() {
    let Some(lab) = Lab::without_nspawn(Makepkg::DropIns) else { return };
    let farm = Farm::with(Side::Ours);
    let chroot = configure(&lab, &farm.hosts("/4"));
    let package = Package::new("few", 3).add(&lab);
    lab.user(&package.makechrootpkg(&chroot, "copy", STATE)).success();
    package.assert_built(&lab);
    assert_eq!(farm.compiled(), package.units());
}

/// What the monitor of the laboratory's own system shows to packager.
fn shown(lab: &Lab) -> String {
    lab.user("distccmon-text").success().stdout.trim().to_owned()
}

#[test]
fn two_builds_at_once_share_the_slots_and_the_hosts_monitor_shows_both() {
    let Some(lab) = Lab::start(Makepkg::DropIns) else { return };
    let mut farm = Farm::new();
    let gate = Gate::start(&mut farm);
    let chroot = configure(&lab, &farm.hosts("/3"));
    let packages = ["one", "two"].map(|name| Package::new(name, 4).add(&lab));
    let mut builds = packages
        .each_ref()
        .map(|package| Build::start(&lab, &package.makechrootpkg(&chroot, package.name, STATE)));
    // With the gate closed, no job ends: who waits for a slot goes on waiting.
    wait_until(&mut builds, "all slots are taken", || gate.running() == 3);
    let all: usize = packages.iter().map(Package::units).sum();
    wait_until(&mut builds, "all jobs are known", || shown(&lab).lines().count() == all);
    let text = shown(&lab);
    assert_eq!(text.lines().filter(|line| line.contains(" Compile ")).count(), 3, "{text}");
    assert_eq!(gate.running(), 3);
    gate.open();
    for (build, package) in builds.into_iter().zip(&packages) {
        let output = build.success();
        let line = format!("  -> All {} units were distributed to 1 volunteer\n", package.units());
        assert!(output.contains(&line), "{output}");
        package.assert_built(&lab);
    }
    assert_eq!(gate.most(), 3);
    assert_eq!(shown(&lab), "");
}

#[test]
fn without_a_state_directory_in_common_each_build_takes_all_slots() {
    let Some(lab) = Lab::start(Makepkg::DropIns) else { return };
    let mut farm = Farm::new();
    let gate = Gate::start(&mut farm);
    let chroot = configure(&lab, &farm.hosts("/3"));
    let packages = ["one", "two"].map(|name| Package::new(name, 2).add(&lab));
    let mut builds = packages
        .each_ref()
        .map(|package| Build::start(&lab, &package.makechrootpkg(&chroot, package.name, "")));
    wait_until(&mut builds, "each build has taken all slots", || gate.running() == 6);
    assert_eq!(shown(&lab), "");
    gate.open();
    builds.into_iter().for_each(|build| drop(build.success()));
}

#[test]
fn a_build_with_the_c_client_shares_the_slots_with_one_of_ours() {
    let Some(lab) = Lab::start(Makepkg::DropIns) else { return };
    let mut farm = Farm::new();
    let gate = Gate::start(&mut farm);
    let chroot = configure(&lab, &farm.hosts("/3"));
    let ours = Package::new("ours", 4).add(&lab);
    let theirs = Package::new("theirs", 4).add(&lab);
    let install = format!("-I {} {STATE}", lab.stock_package());
    let mut builds = [Build::start(&lab, &theirs.makechrootpkg(&chroot, "theirs", &install))];
    wait_until(&mut builds, "all slots are taken", || gate.running() == 3);
    let version = format!("{}/usr/bin/distcc --version", chroot.copy("theirs"));
    let version = lab.root(&version).success().stdout;
    assert!(version.starts_with("distcc 3.4 "), "{version}");
    let [theirs_goes_on] = builds;
    let ours_script = ours.makechrootpkg(&chroot, "ours", STATE);
    let mut builds = [theirs_goes_on, Build::start(&lab, &ours_script)];
    let waits = || shown(&lab).lines().filter(|line| !line.contains(" Compile ")).count() > 0;
    wait_until(&mut builds, "ours waits for a slot", waits);
    assert_eq!(gate.running(), 3);
    gate.open();
    builds.into_iter().for_each(|build| drop(build.success()));
    for package in [&ours, &theirs] {
        package.assert_built(&lab);
    }
    assert_eq!(gate.most(), 3);
    assert_eq!(farm.compiled(), ours.units() + theirs.units());
}

#[test]
fn a_volunteer_that_is_killed_in_the_middle_fails_no_build() {
    let Some(lab) = Lab::start(Makepkg::DropIns) else { return };
    let mut farm = Farm::new();
    let gate = Gate::start(&mut farm);
    farm.start(&Options::new(Side::Ours));
    let chroot = configure(&lab, &farm.hosts("/4"));
    let package = Package::new("package", 6).add(&lab);
    let mut builds = [Build::start(&lab, &package.makechrootpkg(&chroot, "copy", STATE))];
    wait_until(&mut builds, "jobs are at both volunteers", || {
        gate.running() == 4 && !farm.volunteers[1].jobs().is_empty()
    });
    farm.volunteers[0].kill();
    gate.open();
    builds.into_iter().for_each(|build| drop(build.success()));
    package.assert_built(&lab);
    assert!(farm.volunteers[1].settled_jobs().len() >= package.units() - 4);
}
