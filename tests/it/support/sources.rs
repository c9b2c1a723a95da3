//! Real projects to build, from crates that carry the sources of C and C++ libraries.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use nix::fcntl::{Flock, FlockArg};

/// The crates, as Cargo.toml names them; cargo keeps what it has fetched once.
const MANIFEST: &str = r#"[package]
name = "sources-of-tests"
version = "0.0.0"
edition = "2024"
publish = false

[workspace]

[lib]
path = "lib.rs"

[dependencies]
bzip2-sys = "=0.1.13"
leveldb-sys = "=2.0.9"
libffi-sys = "=2.3.0"
lua-src = "=547.0.0"
"#;

/// Where each project is below the directory of vendored crates.
const PLACES: [(&str, &str); 5] = [
    ("bzip2", "bzip2-sys/bzip2-1.0.8"),
    ("leveldb", "leveldb-sys/deps/leveldb-1.22"),
    ("libffi", "libffi-sys/libffi"),
    ("lua", "lua-src/lua-5.4.7"),
    ("snappy", "leveldb-sys/deps/snappy-1.1.7"),
];

/// Copies the sources of `project` to `to`, which must not exist yet.
pub fn unpack(project: &str, to: &Path) {
    let (_, place) = PLACES.iter().find(|(name, _)| *name == project).unwrap();
    let from = vendored().join(place);
    let status = Command::new("cp").arg("-r").arg(from).arg(to).status().unwrap();
    assert!(status.success(), "{project} cannot be copied");
}

/// Fetches all projects, if they are not there yet: for tests that go where no network is.
pub fn have_all() {
    let _ = vendored();
}

/// The directory of vendored crates, fetched now if it is not there yet.
fn vendored() -> &'static Path {
    static VENDORED: OnceLock<PathBuf> = OnceLock::new();
    VENDORED.get_or_init(|| {
        let dir = Path::new(env!("CARGO_TARGET_TMPDIR")).join("sources");
        std::fs::create_dir_all(&dir).unwrap();
        let lock = std::fs::File::create(dir.join("lock")).unwrap();
        // Another test process may be fetching at the same time.
        let _lock = Flock::lock(lock, FlockArg::LockExclusive).map_err(|(_, errno)| errno).unwrap();
        let vendor = dir.join("vendor");
        let manifest = dir.join("Cargo.toml");
        let is_current = std::fs::read(&manifest).is_ok_and(|text| text == MANIFEST.as_bytes());
        if !is_current || !vendor.exists() {
            fetch(&dir, &vendor);
        }
        vendor
    })
}

fn fetch(dir: &Path, vendor: &Path) {
    std::fs::write(dir.join("lib.rs"), "").unwrap();
    let manifest = dir.join("Cargo.toml");
    std::fs::write(&manifest, MANIFEST).unwrap();
    let mut cargo = Command::new(env!("CARGO"));
    cargo.args(["vendor", "--quiet"]).arg(vendor).current_dir(dir);
    let output = cargo.output().unwrap();
    if !output.status.success() {
        // The manifest stands for a finished fetch.
        std::fs::remove_file(&manifest).unwrap();
        panic!("cargo vendor: {}", String::from_utf8_lossy(&output.stderr));
    }
}
