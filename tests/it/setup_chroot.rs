//! `distcc-setup chroot` in a laboratory with devtools: builds are distributed once a root is
//! enabled, and it is to the byte what it was once it is disabled.

use crate::support::chroot::{Chroot, Lab, Makepkg};
use crate::support::farm::Farm;
use crate::support::output::Output;
use crate::support::volunteer::Side;

/// How many units the package has.
const UNITS: usize = 6;

/// Has no source but what it writes itself.
const PKGBUILD: &str = "\
pkgname=some
pkgver=1
pkgrel=1
arch=(x86_64)
options=(!debug !lto)
build() {
	for n in 1 2 3 4 5 6; do
		echo \"int f$n(void) { return $n; }\" >f$n.c
		gcc $CFLAGS -c f$n.c
	done
}
package() {
	install -D f1.o -t \"$pkgdir/usr/lib\"
}
";

/// Everything in a root that a build could see: names, modes, owners, links, contents. What pacman
/// leaves in any case is left out: its log, caches, and the version of its database.
const MANIFEST: &str = "\
find . -xdev \\( -path ./var/log -o -path ./var/cache -o -path ./tmp -o -path ./run -o -path ./dev \
-o -path ./proc -o -path ./sys -o -path ./etc/ld.so.cache -o -path ./var/lib/pacman/local \\) \
-prune -o \\( -type f -printf '%m %U:%G ' -exec sha256sum {} + -o -printf '%y %m %U:%G %p %l\\n' \
\\) | sort";

impl Lab {
    /// Runs `distcc-setup chroot` as packager does, through sudo.
    fn setup(&self, words: &str) -> Output {
        self.user(&format!("sudo distcc-setup chroot {words} >&2"))
    }

    fn manifest(&self, chroot: &Chroot<'_>) -> String {
        self.root(&format!("cd {} && {MANIFEST}", chroot.root())).success().stdout
    }

    fn add_package(&self) {
        self.write("/home/packager/some/PKGBUILD", PKGBUILD);
        self.root("chown -R packager: /home/packager/some").success();
    }

    /// Gives this machine a name that no other has.
    fn name_host(&self, name: &str) {
        let hosts = self.read("/etc/hosts");
        self.write("/etc/hosts", format!("{hosts}127.0.0.1 {name}\n"));
    }

    fn status(&self, chroot: &Chroot<'_>) -> serde_json::Value {
        let words = format!("distcc-setup chroot status --json {}", chroot.dir);
        let json = self.user(&words).success().stdout;
        let all: serde_json::Value = serde_json::from_str(&json).unwrap();
        all["chroots"][0].clone()
    }
}

fn assert_same(before: &str, after: &str) {
    let diff = similar::TextDiff::from_lines(before, after);
    let changes: Vec<_> = diff
        .iter_all_changes()
        .filter(|change| change.tag() != similar::ChangeTag::Equal)
        .map(|change| format!("{}{}", change.tag(), change.value()))
        .collect();
    assert!(changes.is_empty(), "{}", changes.concat());
}

#[test]
fn an_enabled_root_distributes_by_address_and_a_disabled_one_is_what_it_was() {
    let Some(lab) = Lab::start(Makepkg::DropIns) else { return };
    let farm = Farm::with(Side::Ours);
    lab.install_on_host();
    lab.name_host("desk");
    lab.add_package();
    let chroot = lab.chroot("chroot");
    // A copy of the root as it is now.
    lab.user(&format!("cd some; makechrootpkg -c -r {}", chroot.dir)).success();
    let before = lab.manifest(&chroot);
    let hosts = farm.hosts("/4");
    let (named, package) = (hosts.replace("127.0.0.1", "desk"), lab.package());

    let enable = format!("enable ~/chroot --hosts '{named} localhost/2' --package {package} -y");
    lab.user(&format!("distcc-setup chroot {enable}"))
        .says("a chroot belongs to root")
        .says("sudo distcc-setup chroot enable");
    assert_same(&before, &lab.manifest(&chroot));
    let output = lab.setup(&enable).success();
    let output = output.says("will be installed by arch-nspawn").says("are now distributed");
    output.says(&format!("{hosts}  for {named}")).says("-l packager\n");
    let drop_in = lab.read(&format!("{}/etc/makepkg.conf.d/distcc.conf", chroot.root()));
    assert!(drop_in.contains(&format!("DISTCC_HOSTS=\"{hosts} localhost/2\"")), "{drop_in}");
    assert!(drop_in.contains("MAKEFLAGS=\"-j12\"\n"), "{drop_in}");
    lab.setup("enable ~/chroot -y").success().says("Nothing to do").says("-l packager\n");
    assert_eq!(lab.status(&chroot)["copies"][0]["stale"], "it has no client");

    lab.user(&format!("cd some; makechrootpkg -c -r {} -- -f", chroot.dir)).success();
    assert_eq!(farm.volunteers[0].settled_jobs().len(), UNITS);
    let status = lab.status(&chroot);
    assert_eq!((&status["state"], &status["distributes"]), (&"enabled".into(), &true.into()));
    assert_eq!(status["copies"][0]["stale"], serde_json::Value::Null);
    lab.user("distcc-setup chroot check ~/chroot/packager --offline").success();

    // Changed by hand, it is left alone.
    let conf = format!("{}/etc/makepkg.conf.d/distcc.conf", chroot.root());
    lab.write(&conf, format!("{drop_in}# mine\n"));
    let refused = lab.setup("disable ~/chroot -y");
    assert_eq!(refused.status, 2);
    refused.says("was changed since").says("+# mine").says("the client stays");
    lab.write(&conf, &drop_in);
    lab.setup("disable ~/chroot -y").success().says("Removed the package makepkg-distcc");
    assert_same(&before, &lab.manifest(&chroot));
    assert_eq!(lab.status(&chroot)["state"], "off");
    lab.setup("disable ~/chroot -y").success().says("Nothing to take back");
}

#[test]
fn a_root_that_lost_what_was_written_is_noticed_and_enabled_again_by_one_command() {
    let Some(lab) = Lab::start(Makepkg::OneFile) else { return };
    let farm = Farm::with(Side::Ours);
    lab.install_on_host();
    lab.name_host("desk");
    lab.add_package();
    let chroot = lab.chroot("chroot");
    let (hosts, package) = (farm.hosts("/4"), lab.package());
    // Where nobody names hosts, they are those of this machine.
    let conf = lab.read("/etc/makepkg.conf");
    let named = hosts.replace("127.0.0.1", "desk");
    lab.write("/etc/makepkg.conf", format!("{conf}DISTCC_HOSTS='{named}'\nMAKEFLAGS=-j3\n"));
    let enable = format!("enable ~/chroot --package {package} -y");
    let output = lab.setup(&enable).success();
    output.says("Hosts from /etc/makepkg.conf:").says("(now: -j3)");
    // makechrootpkg puts this machine's jobs in, whatever the root says: so we say nothing.
    let config = format!("{}/etc/makepkg.conf", chroot.root());
    let written = lab.read(&config);
    assert!(written.contains(&format!("DISTCC_HOSTS=\"{hosts}\"")), "{written}");
    assert!(!written.lines().any(|line| line.trim_start().starts_with("MAKEFLAGS")), "{written}");
    lab.user(&format!("cd some; makechrootpkg -c -r {}", chroot.dir)).success();
    assert_eq!(farm.volunteers[0].settled_jobs().len(), UNITS);
    assert!(lab.read(&format!("{}/etc/makepkg.conf", chroot.copy("packager"))).contains("'-j3'"));

    // As archbuild does before each build.
    let fresh = "-M /usr/share/devtools/makepkg.conf.d/x86_64.conf";
    lab.root(&format!("arch-nspawn {fresh} {} true", chroot.root())).success();
    assert_eq!(lab.status(&chroot)["state"], "lost");
    let shown = lab.user("distcc-setup chroot status ~/chroot >&2").success();
    shown.says("BUILDENV has no distcc").says("again:  sudo distcc-setup chroot enable");
    let lost = lab.user("distcc-setup chroot check ~/chroot --offline >&2");
    assert_eq!(lost.status, 2);
    lost.says("chroot-lost");
    let fresh_config = lab.read(&config);
    lab.setup("enable ~/chroot -y").success().says("are now distributed");
    assert_eq!(lab.status(&chroot)["state"], "enabled");
    lab.setup("disable ~/chroot -y").success();
    assert_eq!(lab.read(&config), fresh_config);

    // Made anew, nothing is left to take back but the record.
    lab.setup(&enable).success();
    lab.root(&format!("arch-nspawn {} pacman -R --noconfirm makepkg-distcc", chroot.root()))
        .success();
    lab.write(&config, &fresh_config);
    assert_eq!(lab.status(&chroot)["state"], "lost");
    let taken = lab.setup("disable ~/chroot -y").success();
    taken.says("The client is not there any more").says("all is as before");
    assert_eq!(lab.status(&chroot)["state"], "off");
}

#[test]
fn without_devtools_programs_or_a_package_file_there_are_other_ways() {
    let Some(lab) = Lab::start(Makepkg::DropIns) else { return };
    let package = lab.package();
    lab.install_on_host();
    let chroot = lab.chroot("chroot");
    lab.root("rm /usr/bin/arch-nspawn; rm -rf /var/cache/pacman/pkg").success();
    let known = "/var/lib/pacman/local/makepkg-distcc-*";
    lab.root(&format!("mkdir -p /srv/known; mv {known} /srv/known")).success();
    let before = lab.manifest(&chroot);

    lab.setup("enable ~/chroot --hosts 10.0.0.2/4 -y").says("no makepkg-distcc can be had");
    let enable = format!("enable ~/chroot --hosts 10.0.0.2/4 -y --package {package}");
    lab.setup(&enable).success().says("by pacman --sysroot").says("are now distributed");
    assert_eq!(lab.status(&chroot)["client_from"], "package");
    lab.setup("disable ~/chroot -y").success();
    assert_same(&before, &lab.manifest(&chroot));

    // This machine has the package, and nobody has its file.
    lab.root("mv /srv/known/* /var/lib/pacman/local").success();
    let enable = "enable ~/chroot --hosts 10.0.0.2/4 -y";
    lab.setup(enable).success().says("will be copied from this machine");
    let status = lab.status(&chroot);
    assert_eq!((&status["client_from"], &status["state"]), (&"copied".into(), &"enabled".into()));
    lab.setup(enable).success().says("Nothing to do");
    // A file that is another now is nobody's to remove.
    let licence = format!("{}/usr/share/licenses/makepkg-distcc/LICENSE-MIT", chroot.root());
    let text = lab.read(&licence);
    lab.write(&licence, format!("{text}mine\n"));
    lab.setup("disable ~/chroot -y").success().says("LICENSE-MIT, which was changed since");
    lab.root(&format!("rm {licence} && rmdir -p --ignore-fail-on-non-empty $(dirname {licence})"))
        .success();
    assert_same(&before, &lab.manifest(&chroot));
}

#[test]
fn devtools_is_waited_for_and_a_name_without_an_address_stops_it() {
    let Some(lab) = Lab::start(Makepkg::DropIns) else { return };
    let package = lab.package();
    lab.install_on_host();
    let chroot = lab.chroot("chroot");
    let before = lab.manifest(&chroot);
    let enable = |hosts: &str| format!("enable ~/chroot --package {package} -y --hosts '{hosts}'");
    let failed = lab.setup(&enable("10.0.0.2/4 nowhere.invalid/5"));
    assert_eq!(failed.status, 2);
    failed.says("--hosts: host spec `nowhere.invalid/5`: its address was not found");
    lab.setup(&enable("me@10.0.0.2")).says("no ssh keys");
    lab.write("/etc/distcc/setup.toml", "[[volunteer]]\nname = 'x'\naddress = 'nowhere.invalid'\n");
    lab.setup("enable ~/chroot -y").says("/etc/distcc/setup.toml:3: host spec `nowhere.invalid`");
    assert_same(&before, &lab.manifest(&chroot));

    let held = format!("flock {}.lock sh -c 'touch /tmp/held; sleep 2' &", chroot.root());
    let wait = "until test -e /tmp/held; do sleep 0.1; done";
    let words = enable("10.0.0.2/4");
    let script = format!("sudo {held} {wait}; sudo distcc-setup chroot {words} >&2");
    lab.user(&script).success().says("Waiting for devtools").says("are now distributed");
    // It was enabled, so it is known by itself, and so is what is left of it when it is gone.
    lab.setup("disable -y").success().says("Removed the package");
    lab.setup(&words).success();
    lab.root(&format!("umount {0}; rm -rf {0}", chroot.root())).success();
    lab.setup("disable ~/chroot").success().says("is not there any more, and is forgotten");
    lab.setup("status").says("no chroot is known");
}
