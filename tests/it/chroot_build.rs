//! Packages built in clean chroots, as devtools does it, with volunteers outside.

use std::fmt::Write as _;

use crate::support::chroot::{Chroot, Lab, Makepkg};
use crate::support::farm::Farm;
use crate::support::tree::Tree;
use crate::support::volunteer::{Options, Side};

/// How many units of each language the package has.
const C_UNITS: usize = 24;
const CXX_UNITS: usize = 12;
const UNITS: usize = C_UNITS + CXX_UNITS + 1;

/// Builds what is in its source, a tarball with a directory of its name.
const PKGBUILD: &str = "\
pkgname=dozens
pkgver=1
pkgrel=1
arch=(x86_64)
options=(!debug !lto)
source=(dozens.tar)
sha256sums=(SKIP)
build() {
	cd dozens
	make
}
check() {
	./dozens/dozens
}
package() {
	install -D dozens/dozens -t \"$pkgdir/usr/bin\"
}
";

const MAKEFILE: &str = "\
objects := $(patsubst %,%.o,$(basename $(wildcard *.c *.cc)))
dozens: $(objects)
\tg++ $(LDFLAGS) -o $@ $^
%.o: %.c
\tgcc $(CPPFLAGS) $(CFLAGS) -c -o $@ $<
%.o: %.cc
\tg++ $(CPPFLAGS) $(CXXFLAGS) -c -o $@ $<
";

/// Puts the package `name`, a copy of `dozens`, into the laboratory, below packager's home.
fn add_package(lab: &Lab, name: &str, pkgbuild: &str) {
    let dir = tempfile::tempdir().unwrap();
    let source = dir.path().join("dozens");
    std::fs::create_dir(&source).unwrap();
    let write = |name: &str, text: &str| std::fs::write(source.join(name), text).unwrap();
    let (mut declared, mut sum) = (String::new(), String::new());
    for number in 0..C_UNITS {
        let text = format!(
            "#include <stdio.h>\n#include <string.h>\nint c{number}(const char *s) {{ \
             printf(\"%d %s\\n\", {number}, s); return (int)strlen(s) + {number}; }}\n"
        );
        write(&format!("c{number}.c"), &text);
        writeln!(declared, "extern \"C\" int c{number}(const char *);").unwrap();
        write!(sum, " + c{number}(\"unit\")").unwrap();
    }
    for number in 0..CXX_UNITS {
        let text = format!(
            "#include <string>\n#include <vector>\nint cxx{number}(int n) {{ \
             std::vector<std::string> v(n, \"x\"); return (int)v.size() + {number}; }}\n"
        );
        write(&format!("cxx{number}.cc"), &text);
        writeln!(declared, "int cxx{number}(int);").unwrap();
        write!(sum, " + cxx{number}(3)").unwrap();
    }
    write("main.cc", &format!("{declared}int main() {{ return (0{sum}) == 0; }}\n"));
    write("Makefile", MAKEFILE);
    let tar = dir.path().join("dozens.tar");
    let mut command = std::process::Command::new("tar");
    command.arg("-cf").arg(&tar).arg("-C").arg(dir.path()).arg("dozens");
    assert!(command.status().unwrap().success());
    let home = format!("/home/packager/{name}");
    lab.bring(&tar, &format!("{home}/dozens.tar"));
    lab.write(&format!("{home}/PKGBUILD"), pkgbuild);
    lab.root(&format!("chown -R packager: {home}")).success();
}

/// A laboratory with our package on its system and in a root, which is configured by hand for
/// the volunteers of `farm`, each with `suffix`.
fn configure<'a>(lab: &'a Lab, hosts: &str) -> Chroot<'a> {
    lab.install_on_host();
    let chroot = lab.chroot("chroot");
    chroot.install(&lab.package());
    let drop_in = format!(
        "if type -p distcc >/dev/null; then\n\tBUILDENV+=(distcc)\n\tDISTCC_HOSTS='{hosts}'\n\
         \tMAKEFLAGS='-j16'\nfi\n"
    );
    lab.write(&format!("{}/etc/makepkg.conf.d/distcc.conf", chroot.root()), drop_in);
    lab.user("mkdir -p ~/.distcc").success();
    chroot
}

/// The objects that a build has left in a copy of the root.
fn objects(lab: &Lab, chroot: &Chroot<'_>, copy: &str) -> Tree {
    let build = format!("{}/build/dozens/src/dozens", chroot.copy(copy));
    let tree = Tree::read(&lab.path(&build)).objects();
    assert_eq!(tree.0.len(), UNITS, "{:?}", tree.names());
    tree
}

#[test]
fn units_of_a_package_built_in_a_chroot_are_compiled_by_volunteers_outside() {
    let Some(lab) = Lab::start(Makepkg::DropIns) else { return };
    let mut farm = Farm::new();
    for _ in 0..2 {
        farm.start(&Options::new(Side::Ours));
    }
    let chroot = configure(&lab, &farm.hosts("/4"));
    add_package(&lab, "dozens", PKGBUILD);
    let state = "-d ~/.distcc:/build/.distcc";
    let build = format!("cd dozens; makechrootpkg -c -r {} {state}", chroot.dir);
    let output = lab.user(&build).success();
    let line = format!("  -> All {UNITS} units were distributed to 2 volunteers\n");
    assert!(output.stdout.contains(&line), "{output}");
    let jobs: usize = farm.volunteers.iter().map(|volunteer| volunteer.settled_jobs().len()).sum();
    assert_eq!(jobs, UNITS);
    assert!(lab.path("/home/packager/dozens/dozens-1-1-x86_64.pkg.tar.zst").exists());
    let distributed = objects(&lab, &chroot, "packager");

    add_package(&lab, "alone", &PKGBUILD.replace("!lto", "!lto !distcc"));
    lab.user(&build.replace("cd dozens", "cd alone").replace("-c", "-c -l alone")).success();
    let alone = objects(&lab, &chroot, "alone");
    assert_eq!(distributed.differences(&alone, |_, _, _| false), "");
    let jobs: usize = farm.volunteers.iter().map(|volunteer| volunteer.settled_jobs().len()).sum();
    assert_eq!(jobs, UNITS);
}

#[test]
fn units_are_distributed_too_where_makepkg_reads_one_file() {
    let Some(lab) = Lab::start(Makepkg::OneFile) else { return };
    let farm = Farm::with(Side::Ours);
    let chroot = configure(&lab, "10.255.255.1");
    let config = format!("{}/etc/makepkg.conf", chroot.root());
    let text = lab.read(&config).replace("(!distcc ", "(distcc ");
    lab.write(&config, format!("{text}DISTCC_HOSTS='{}'\nMAKEFLAGS=-j3\n", farm.hosts("/4")));
    add_package(&lab, "dozens", PKGBUILD);
    let build = format!("cd dozens; MAKEFLAGS=-j8 makechrootpkg -r {}", chroot.dir);
    lab.user(&build).success();
    assert_eq!(farm.volunteers[0].settled_jobs().len(), UNITS);
    // devtools puts the caller's in place of the root's.
    let copied = lab.read(&format!("{}/etc/makepkg.conf", chroot.copy("packager")));
    assert!(copied.contains("MAKEFLAGS='-j8'\n") && !copied.contains("-j3"), "{copied}");
}
