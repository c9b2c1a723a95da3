//! What our hooks cost a run of makepkg in which all is well: a run with them against one without,
//! by turns, of Debian's makepkg.
//!
//! `cargo bench --bench hooks [-- RUNS]` (default 30). The package compiles nothing, so that the
//! hooks are all that differs: the check of the configuration, the environment of the build and its
//! mark, and the summary inside fakeroot.

#![expect(clippy::print_stdout, reason = "a bench prints, and stops where it stumbles")]

use std::os::unix::fs::{PermissionsExt, chown, symlink};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

const LIBRARY: &str = "/usr/share/makepkg";
const RUNS: usize = 30;
/// Whom makepkg runs as where we are root, whom it refuses.
const NOBODY: u32 = 65534;

const CONFIG: &str = "\
CARCH=x86_64
CHOST=x86_64-pc-linux-gnu
CFLAGS='-O2 -pipe -march=x86-64 -mtune=generic'
CXXFLAGS=\"$CFLAGS\"
BUILDENV=(distcc !color !ccache check !sign)
DISTCC_HOSTS='localhost/9 192.168.10.2/5 192.168.10.3/5 192.168.10.4/3'
MAKEFLAGS=-j44
OPTIONS=(!strip)
PKGEXT=.pkg.tar
SRCEXT=.src.tar
";
const PKGBUILD: &str = "\
pkgname=nothing
pkgver=1
pkgrel=1
arch=(x86_64)
build() { :; }
package() { :; }
";
/// What the check would find fault with on a machine that only runs this bench.
const SETTINGS: &str = "silence = ['farm-missing', 'farm-foreign', 'state-slow']\n";

fn main() {
    if !Path::new(LIBRARY).is_dir() {
        println!("hooks: makepkg is not installed; nothing to compare with");
        return;
    }
    let runs = std::env::args().find_map(|word| word.parse().ok()).unwrap_or(RUNS);
    let dir = tempfile::tempdir().expect("a scratch directory");
    furnish(dir.path());
    let mut times = [Vec::with_capacity(runs), Vec::with_capacity(runs)];
    for _ in 0..runs {
        for (library, times) in ["without", "with"].into_iter().zip(&mut times) {
            times.push(run(dir.path(), library));
        }
    }
    let [without, with] = times.map(median);
    println!(
        "a run of makepkg: {} ms without the hooks, {} ms with them ({:.2}); they cost {} ms",
        without.as_millis(),
        with.as_millis(),
        with.as_secs_f64() / without.as_secs_f64(),
        with.saturating_sub(without).as_millis()
    );
}

/// Both libraries, the programs, a home and a package.
fn furnish(dir: &Path) {
    let ours = Path::new(env!("CARGO_MANIFEST_DIR")).join("libmakepkg/.");
    for (name, sources) in
        [("without", vec![LIBRARY.as_ref()]), ("with", vec![LIBRARY.as_ref(), &*ours])]
    {
        for source in sources {
            let status = Command::new("cp").arg("-r").arg(source).arg(dir.join(name)).status();
            assert!(status.expect("cp").success());
        }
    }
    for name in ["bin", "home/.config/distcc", "work"] {
        std::fs::create_dir_all(dir.join(name)).expect("a directory");
    }
    for program in [env!("CARGO_BIN_EXE_distcc"), env!("CARGO_BIN_EXE_distcc-setup")] {
        let name = Path::new(program).file_name().expect("a program's name");
        std::fs::copy(program, dir.join("bin").join(name)).expect("a copy");
    }
    for name in ["cc", "gcc", "c++", "g++"] {
        symlink("distcc", dir.join("bin").join(name)).expect("a link");
    }
    let files = [
        ("work/makepkg.conf", CONFIG),
        ("work/PKGBUILD", PKGBUILD),
        ("home/.config/distcc/setup.toml", SETTINGS),
    ];
    for (name, text) in files {
        makepkg_distcc::base::replace::write(&dir.join(name), text.as_bytes(), 0o644)
            .expect("a file");
    }
    std::fs::set_permissions(dir, PermissionsExt::from_mode(0o755)).expect("a mode");
    if nix::unistd::geteuid().is_root() {
        for name in ["work", "home", "home/.config", "home/.config/distcc"] {
            chown(dir.join(name), Some(NOBODY), Some(NOBODY)).expect("an owner");
        }
    }
}

fn run(dir: &Path, library: &str) -> Duration {
    let mut makepkg = Command::new("makepkg");
    makepkg.args(["--config", "makepkg.conf", "--force", "--nodeps", "--clean"]);
    if nix::unistd::geteuid().is_root() {
        makepkg.uid(NOBODY).gid(NOBODY);
    }
    let path = format!("{}:/usr/bin:/bin", dir.join("bin").display());
    makepkg.env_clear().env("PATH", path).env("HOME", dir.join("home")).env("LC_ALL", "C");
    makepkg.env("LIBRARY", dir.join(library)).current_dir(dir.join("work"));
    let start = Instant::now();
    let output = makepkg.stdin(Stdio::null()).output().expect("makepkg");
    let took = start.elapsed();
    let said = String::from_utf8_lossy(&output.stderr);
    let warnings = said.lines().filter(|line| !line.contains("Skipping dependency")).count();
    assert!(output.status.success() && warnings == 0, "{}: {said}", output.status);
    took
}

fn median(mut times: Vec<Duration>) -> Duration {
    times.sort();
    times.get(times.len() / 2).copied().unwrap_or_default()
}
