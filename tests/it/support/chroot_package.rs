//! Packages to build in a chroot, and compilers that wait until a test has seen them.

use std::fmt::Write as _;
use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::process::{Child, Command};
use std::time::{Duration, Instant};

use tempfile::NamedTempFile;

use crate::support::chroot::{Chroot, Lab};
use crate::support::farm::Farm;
use crate::support::tree::Tree;
use crate::support::volunteer::{Options, Side};

/// Builds what is in its source, a tarball with a directory of its name.
const PKGBUILD: &str = "\
pkgname=NAME
pkgver=1
pkgrel=1
arch=(x86_64)
options=(!debug !lto)
source=(sum.tar)
sha256sums=(SKIP)
build() {
	cd sum
	make
}
check() {
	./sum/sum
}
package() {
	install -D sum/sum \"$pkgdir/usr/bin/$pkgname\"
}
";

const MAKEFILE: &str = "\
objects := $(patsubst %,%.o,$(basename $(wildcard *.c *.cc)))
sum: $(objects)
\tg++ $(LDFLAGS) -o $@ $^
%.o: %.c
\tgcc $(CPPFLAGS) $(CFLAGS) -c -o $@ $<
%.o: %.cc
\tg++ $(CPPFLAGS) $(CXXFLAGS) -c -o $@ $<
";

/// Where a build's own copy of the objects is, below the copy of the root.
const BUILT: &str = "src/sum";
/// Binds packager's state directory into a build, as makechrootpkg-distcc does.
pub const STATE: &str = "-d ~/.distcc:/build/.distcc";

/// A package of so many units of C and as many of C++, and one that calls them all.
pub struct Package {
    /// Its name, and that of its directory in packager's home.
    pub name: &'static str,
    each: usize,
    pkgbuild: String,
}

impl Package {
    /// One that is not anywhere yet.
    pub fn new(name: &'static str, each: usize) -> Self {
        Self { name, each, pkgbuild: PKGBUILD.replace("NAME", name) }
    }

    /// With one more word among its options.
    pub fn option(mut self, word: &str) -> Self {
        self.pkgbuild = self.pkgbuild.replace("!lto", &format!("!lto {word}"));
        self
    }

    /// How many units it has.
    pub fn units(&self) -> usize {
        2 * self.each + 1
    }

    /// Puts it into packager's home directory.
    pub fn add(self, lab: &Lab) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let source = dir.path().join("sum");
        std::fs::create_dir(&source).unwrap();
        let write = |name: &str, text: &str| std::fs::write(source.join(name), text).unwrap();
        let (mut declared, mut sum) = (String::new(), String::new());
        for number in 0..self.each {
            let text = format!(
                "#include <string.h>\nint c{number}(const char *s) {{ return (int)strlen(s) + \
                 {number}; }}\n"
            );
            write(&format!("c{number}.c"), &text);
            let text = format!(
                "#include <string>\nint cxx{number}(int n) {{ std::string s(n, 'x'); \
                 return (int)s.size() + {number}; }}\n"
            );
            write(&format!("cxx{number}.cc"), &text);
            writeln!(declared, "extern \"C\" int c{number}(const char *); int cxx{number}(int);")
                .unwrap();
            write!(sum, " + c{number}(\"unit\") + cxx{number}(3)").unwrap();
        }
        write("main.cc", &format!("{declared}int main() {{ return (0{sum}) == 0; }}\n"));
        write("Makefile", MAKEFILE);
        let tar = dir.path().join("sum.tar");
        let mut command = Command::new("tar");
        command.arg("-cf").arg(&tar).arg("-C").arg(dir.path()).arg("sum");
        assert!(command.status().unwrap().success());
        let home = format!("/home/packager/{}", self.name);
        lab.bring(&tar, &format!("{home}/sum.tar"));
        lab.write(&format!("{home}/PKGBUILD"), &self.pkgbuild);
        lab.root(&format!("chown -R packager: {home}")).success();
        self
    }

    /// The command that builds it in copy `copy` of the root.
    pub fn makechrootpkg(&self, chroot: &Chroot<'_>, copy: &str, words: &str) -> String {
        let (name, dir) = (self.name, &chroot.dir);
        format!("cd {name} && makechrootpkg -c -r {dir} -l {copy} {words}")
    }

    /// The objects that its build has left in a copy of the root.
    pub fn objects(&self, lab: &Lab, chroot: &Chroot<'_>, copy: &str) -> Tree {
        let build = format!("{}/build/{}/{BUILT}", chroot.copy(copy), self.name);
        let tree = Tree::read(&lab.path(&build)).objects();
        assert_eq!(tree.0.len(), self.units(), "{:?}", tree.names());
        tree
    }

    /// The package that was built; fails if there is none.
    #[track_caller]
    pub fn assert_built(&self, lab: &Lab) {
        let file = format!("/home/packager/{0}/{0}-1-1-x86_64.pkg.tar.zst", self.name);
        assert!(lab.path(&file).exists(), "{file} is missing");
    }
}

/// Compilers that count themselves and, while the gate is closed, wait before they compile.
pub struct Gate {
    dir: PathBuf,
}

impl Gate {
    /// A closed one, and a volunteer of `farm` behind it with more jobs than any test asks for.
    pub fn start(farm: &mut Farm) -> Self {
        let dir = farm.path(&format!("gate-{}", farm.volunteers.len()));
        std::fs::create_dir(&dir).unwrap();
        std::fs::set_permissions(&dir, Permissions::from_mode(0o777)).unwrap();
        std::fs::write(dir.join("closed"), "").unwrap();
        let script = format!(
            "case \" $* \" in *' -c '*) ;; *) exec \"$real\" \"$@\" ;; esac\n\
             cd {0} && : >running.$$ && ls | grep -c running >>most && cd - >/dev/null || exit\n\
             while [ -e {0}/closed ]; do sleep 0.02; done\n\
             \"$real\" \"$@\"; ret=$?; rm {0}/running.$$; exit $ret",
            dir.display()
        );
        let name = format!("compilers-{}", farm.volunteers.len());
        let path = farm.compilers(&name, &script);
        farm.start(&Options::new(Side::Ours).no_sandbox().jobs(32).path(&path));
        Self { dir }
    }

    /// How many compilers run now.
    pub fn running(&self) -> usize {
        let names = std::fs::read_dir(&self.dir).unwrap();
        names
            .filter(|name| name.as_ref().unwrap().file_name().to_str().unwrap() > "running")
            .count()
    }

    /// The most that ever ran at once.
    pub fn most(&self) -> usize {
        let counts = std::fs::read_to_string(self.dir.join("most")).unwrap();
        counts.lines().map(|count| count.parse().unwrap()).max().unwrap()
    }

    /// Lets all compile, from now on.
    pub fn open(&self) {
        std::fs::remove_file(self.dir.join("closed")).unwrap();
    }
}

/// A build that goes on while the test looks.
pub struct Build {
    child: Child,
    output: NamedTempFile,
}

impl Build {
    /// Starts one.
    pub fn start(lab: &Lab, script: &str) -> Self {
        let output = NamedTempFile::new().unwrap();
        let mut command = lab.user_command(script);
        command.stdout(output.reopen().unwrap()).stderr(output.reopen().unwrap());
        Self { child: command.spawn().unwrap(), output }
    }

    /// What it printed so far.
    pub fn output(&self) -> String {
        std::fs::read_to_string(self.output.path()).unwrap()
    }

    /// Waits until it has ended well; gives what it printed.
    #[track_caller]
    pub fn success(mut self) -> String {
        let status = self.child.wait().unwrap();
        assert!(status.success(), "{status}: {}", self.output());
        self.output()
    }
}

impl Drop for Build {
    fn drop(&mut self) {
        // It may have ended, or ends with its laboratory.
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

/// Waits, while builds go on, until `condition` holds.
#[track_caller]
pub fn wait_until(builds: &mut [Build], what: &str, condition: impl Fn() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(200);
    while !condition() {
        let ended = builds.iter_mut().any(|build| build.child.try_wait().unwrap().is_some());
        if (ended && !condition()) || Instant::now() > deadline {
            let outputs: Vec<_> = builds.iter().map(Build::output).collect();
            panic!("in vain waited until {what}:\n{}", outputs.join("\n---\n"));
        }
        std::thread::sleep(Duration::from_millis(20));
    }
}
