//! Build roots from their making to their end, by the commands that a person uses: enabled, built
//! in, updated, copied, made anew, disabled.

use crate::support::chroot::{Chroot, Lab, Makepkg};
use crate::support::chroot_package::Package;
use crate::support::farm::Farm;
use crate::support::volunteer::{Options, Side};

/// A directory of archbuild's.
const ARCHBUILD: &str = "/var/lib/archbuild/extra-x86_64";

/// Has distcc-setup prepare a root for the volunteers of `farm`, which are named and not numbered.
#[track_caller]
fn enable(lab: &Lab, farm: &Farm, root: &str) -> String {
    let hosts = farm.hosts("/4").replace("127.0.0.1", "desk.lan");
    let (package, script) = (
        lab.package(),
        "grep -q desk.lan /etc/hosts || \
        echo 127.0.0.1 desk.lan >>/etc/hosts",
    );
    lab.root(script).success();
    let enable = format!(
        "sudo distcc-setup chroot enable {root} --hosts '{hosts}' --package {package} --yes"
    );
    lab.user(&enable).success().stdout
}

/// Has distcc-setup take it back.
#[track_caller]
fn disable(lab: &Lab, root: &str) {
    lab.user(&format!("sudo distcc-setup chroot disable {root} --yes")).success();
}

fn build(package: &Package, program: &str, chroot: &Chroot<'_>, words: &str) -> String {
    format!("cd {} && {program} -r {} {words}", package.name, chroot.dir)
}

#[test]
fn a_root_that_was_enabled_distributes_and_is_as_before_when_disabled() {
    let Some(lab) = Lab::start(Makepkg::DropIns) else { return };
    let mut farm = Farm::with(Side::Ours);
    farm.start(&Options::new(Side::Stock));
    lab.install_on_host();
    let chroot = lab.chroot("chroot");
    let before = lab.listing(&chroot.root());
    enable(&lab, &farm, &chroot.dir);
    let drop_in = lab.read(&format!("{}/etc/makepkg.conf.d/distcc.conf", chroot.root()));
    let line = format!("DISTCC_HOSTS=\"{}\"\n", farm.hosts("/4"));
    assert!(drop_in.contains(&line), "{drop_in}");

    let package = Package::new("package", 6).add(&lab);
    let enabled = lab.listing(&chroot.root());
    let output = lab.user(&build(&package, "makechrootpkg-distcc", &chroot, "-c")).success();
    let line = format!("  -> All {} units were distributed to 2 volunteers\n", package.units());
    assert!(output.stdout.contains(&line), "{output}");
    assert_eq!(farm.compiled(), package.units());
    package.assert_built(&lab);
    // The build's records are packager's own, and none of it is in the root.
    let report = lab.user("distcc-setup report --last-build=package --line").success().stdout;
    assert!(report.contains(&format!("All {} units", package.units())), "{report}");
    let others = "find ~/.distcc ! -user packager";
    assert_eq!(lab.user(others).success().stdout, "");
    assert!(lab.listing(&chroot.root()) == enabled, "the build has changed the root");

    disable(&lab, &chroot.dir);
    let (after, differs) = (lab.listing(&chroot.root()), "disabling left a trace in the root");
    let changed = after.lines().filter(|line| !before.contains(line)).collect::<Vec<_>>();
    assert!(before == after, "{differs}: {changed:#?}");
    let package = Package::new("again", 1).add(&lab);
    lab.user(&build(&package, "makechrootpkg-distcc", &chroot, "-c")).success();
    package.assert_built(&lab);
    assert_eq!(farm.compiled(), 13);
}

#[test]
fn a_root_whose_makepkg_reads_one_file_is_enabled_and_disabled_too() {
    let Some(lab) = Lab::start(Makepkg::OneFile) else { return };
    let farm = Farm::with(Side::Ours);
    lab.install_on_host();
    let chroot = lab.chroot("chroot");
    let before = lab.listing(&chroot.root());
    enable(&lab, &farm, &chroot.dir);
    let package = Package::new("package", 3).add(&lab);
    lab.user(&build(&package, "makechrootpkg-distcc", &chroot, "-c")).success();
    package.assert_built(&lab);
    assert_eq!(farm.compiled(), package.units());
    disable(&lab, &chroot.dir);
    assert!(lab.listing(&chroot.root()) == before, "disabling left a trace in the root");
}

#[test]
fn a_root_of_archbuild_distributes_after_updates_and_again_when_made_anew() {
    let Some(lab) = Lab::start(Makepkg::DropIns) else { return };
    let farm = Farm::with(Side::Ours);
    lab.install_on_host();
    let package = Package::new("package", 2).add(&lab);
    let archbuild = |words: &str| {
        lab.user(&format!("cd package && extra-x86_64-build {words}")).success();
        farm.compiled()
    };
    assert_eq!(archbuild(""), 0);
    enable(&lab, &farm, "");
    // Each call updates the root first, and writes its makepkg.conf anew.
    let units = package.units();
    assert_eq!(archbuild("-- $(makechrootpkg-distcc --print-options)"), units);
    assert_eq!(archbuild("-- $(makechrootpkg-distcc --print-options)"), 2 * units);
    // The option shares what builds know of volunteers; units are distributed without it too.
    assert_eq!(archbuild(""), 3 * units);
    assert_eq!(archbuild("-c"), 3 * units);
    let status = lab.user("distcc-setup chroot status").success().stdout;
    assert!(status.contains("was enabled, and is no more"), "{status}");
    // The command that it shows, which knows the hosts from the last time.
    let again = format!("sudo distcc-setup chroot enable {ARCHBUILD}/root");
    assert!(status.contains(&format!("again:  {again}\n")), "{status}");
    lab.user(&format!("{again} --yes")).success();
    assert_eq!(archbuild("-- $(makechrootpkg-distcc --print-options)"), 4 * units);
}

#[test]
fn a_copied_root_distributes_like_the_one_it_was_copied_from() {
    let Some(lab) = Lab::start(Makepkg::DropIns) else { return };
    let farm = Farm::with(Side::Ours);
    lab.install_on_host();
    let chroot = lab.chroot("chroot");
    enable(&lab, &farm, &chroot.dir);
    let package = Package::new("package", 2).add(&lab);
    for (count, copy) in ["rsync -aHAXx --numeric-ids", "cp -a"].into_iter().enumerate() {
        let other = format!("/home/packager/other-{count}");
        let script = format!("mkdir {other} && {copy} {}/. {other}/root", chroot.root());
        lab.root(&script).success();
        let build = format!("cd package && makechrootpkg-distcc -c -r {other}");
        lab.user(&build).success();
        assert_eq!(farm.compiled(), (count + 1) * package.units());
        lab.root(&format!("rm -rf {other}")).success();
    }
}

#[test]
fn a_snapshot_of_a_root_on_btrfs_distributes() {
    let Some(lab) = Lab::start(Makepkg::DropIns) else { return };
    let script = "truncate -s 3G /srv/lab/layers/image && mkfs.btrfs -q /srv/lab/layers/image && \
        mkdir /srv/btrfs && mount -o loop /srv/lab/layers/image /srv/btrfs && \
        btrfs subvolume create /srv/btrfs/root";
    let mounted = lab.root(script);
    if mounted.status != 0 {
        println!("skipped: this machine mounts no btrfs: {mounted}");
        return;
    }
    let farm = Farm::with(Side::Ours);
    lab.install_on_host();
    let made = lab.chroot("chroot");
    lab.root(&format!("cp -a {}/. /srv/btrfs/root", made.root())).success();
    enable(&lab, &farm, "/srv/btrfs");
    let package = Package::new("package", 2).add(&lab);
    lab.user("cd package && makechrootpkg-distcc -c -r /srv/btrfs").success();
    assert_eq!(farm.compiled(), package.units());
    lab.user("cd package && makechrootpkg-distcc -c -r /srv/btrfs -- --force").success();
    assert_eq!(farm.compiled(), 2 * package.units());
    lab.root("btrfs subvolume show /srv/btrfs/packager && umount /srv/btrfs").success();
}

/// As paru calls it, which hands on options from its configuration but knows no other program, and
/// as aurutils does, whose makepkg.conf is its own.
#[test]
fn helpers_that_call_makechrootpkg_themselves_distribute_and_can_share_the_state() {
    let Some(lab) = Lab::start(Makepkg::DropIns) else { return };
    let farm = Farm::with(Side::Ours);
    lab.install_on_host();
    let chroot = lab.chroot("chroot");
    enable(&lab, &farm, &chroot.dir);
    let package = Package::new("package", 1).add(&lab);
    let units = package.units();
    // The units that packager's own journal has as compiled by a volunteer.
    let in_common = || {
        let script = "cat ~/.distcc/journal/*.jsonl 2>/dev/null | grep -c '\"remote\"' || :";
        lab.user(script).success().stdout.trim().parse::<usize>().unwrap()
    };
    lab.user(&build(&package, "makechrootpkg", &chroot, "-cu")).success();
    assert_eq!((farm.compiled(), in_common()), (units, 0));

    let update = format!(
        "cp /usr/share/devtools/makepkg.conf.d/x86_64.conf aur.conf && sudo arch-nspawn -C \
         /usr/share/devtools/pacman.conf.d/extra.conf -M aur.conf {} pacman -Syu --noconfirm",
        chroot.root()
    );
    lab.user(&update).success();
    // What is bound must be there; this makes it.
    let option = "-d /home/packager/.distcc:/build/.distcc\n";
    assert_eq!(lab.user("makechrootpkg-distcc --print-options").success().stdout, option);
    let bind = "-cu -d \"$HOME/.distcc:/build/.distcc\"";
    lab.user(&build(&package, "makechrootpkg", &chroot, bind)).success();
    assert_eq!((farm.compiled(), in_common()), (2 * units, units));

    // A link of that name that comes first in PATH.
    lab.root("ln -s /usr/bin/makechrootpkg-distcc /usr/local/bin/makechrootpkg").success();
    lab.user(&build(&package, "makechrootpkg", &chroot, "-cu")).success();
    assert_eq!((farm.compiled(), in_common()), (3 * units, 2 * units));
}
