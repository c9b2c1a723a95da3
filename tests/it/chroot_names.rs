//! What makechrootpkg-distcc and makepkg's hooks make of build roots: names in the host list end a
//! build, on the host and inside; addresses are distributed, and the host knows of it.

use crate::support::chroot::{Chroot, Lab, Makepkg};
use crate::support::chroot_package::Package;
use crate::support::farm::Farm;
use crate::support::output::Output;
use crate::support::volunteer::Side;

/// Writes the host list into the root.
fn set_hosts(lab: &Lab, chroot: &Chroot<'_>, hosts: &str) {
    let drop_in = format!(
        "if type -p distcc >/dev/null; then\n\tBUILDENV+=(distcc)\n\tDISTCC_HOSTS='{hosts}'\n\
         \tMAKEFLAGS='-j16'\nfi\n"
    );
    lab.write(&format!("{}/etc/makepkg.conf.d/volunteers.conf", chroot.root()), drop_in);
}

/// Builds the package in copy `copy`.
fn build(lab: &Lab, chroot: &Chroot<'_>, package: &Package, copy: &str) -> Output {
    let (name, dir) = (package.name, &chroot.dir);
    lab.user(&format!("cd {name} && makechrootpkg-distcc -c -r {dir} -l {copy}"))
}

fn failed(output: Output, words: &[&str]) -> Output {
    assert_ne!(output.status, 0, "{output}");
    let said = format!("{}{}", output.stdout, output.stderr);
    words.iter().for_each(|word| assert!(said.contains(word), "no `{word}` in {output}"));
    output
}

#[test]
fn names_end_a_build_on_the_host_and_inside_and_addresses_are_distributed() {
    let Some(lab) = Lab::start(Makepkg::DropIns) else { return };
    let farm = Farm::with(Side::Ours);
    let jobs = || farm.volunteers[0].settled_jobs().len();
    lab.install_on_host();
    lab.write("/etc/hosts", lab.read("/etc/hosts") + "\n10.255.255.1 desk\n");
    let chroot = lab.chroot("chroot");
    chroot.install(&lab.package());
    set_hosts(&lab, &chroot, &format!("desk/4 {}", farm.hosts("/4")));
    let package = Package::new("few", 3).add(&lab);

    // While devtools fetches sources: the name has an address there.
    let enable = "sudo distcc-setup chroot enable";
    let words = ["hosts-by-name: `desk` is a name", "write `10.255.255.1/4`", enable];
    let output = failed(build(&lab, &chroot, &package, "outside"), &words);
    assert!(output.stderr.contains("Could not download sources"), "{output}");
    // Inside, it has none.
    lab.root("rm /usr/share/makepkg/lint_config/zz-distcc.sh").success();
    let words = ["hosts-by-name: `desk` is a name", "getent hosts desk", enable];
    failed(build(&lab, &chroot, &package, "inside"), &words);
    assert_eq!(jobs(), 0);
    let local = Package::new("here", 3).option("!distcc").add(&lab);
    build(&lab, &chroot, &local, "here").success();
    local.assert_built(&lab);
    assert_eq!(jobs(), 0);

    set_hosts(&lab, &chroot, &farm.hosts("/4"));
    let output = build(&lab, &chroot, &package, "two").success();
    assert!(!output.stderr.contains("makechrootpkg-distcc"), "it has nothing to say: {output}");
    package.assert_built(&lab);
    assert_eq!(jobs(), package.units());
    let report = lab.user("distcc-setup report --last-build=few").success().stdout;
    // A copy here is an overlay, which has no place of its own: the container names the build.
    assert!(report.contains("Build of few in arch-nspawn-"), "{report}");
    assert!(report.contains(&format!("\n{} units compiled by ", package.units())), "{report}");
}
