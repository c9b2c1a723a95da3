//! Links the unwinder into the programs, so that the client loads libc and nothing else at each
//! start, and tells them the machine they are built for.

use std::path::Path;
use std::process::Command;

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    link_unwinder();
    // Rust writes `x86_64-unknown-linux-gnu` for what GNU tools on Arch call `x86_64-pc-linux-gnu`.
    let target = variable("TARGET");
    let machine = match target.strip_prefix("x86_64-unknown-") {
        Some(rest) => format!("x86_64-pc-{rest}"),
        None => target,
    };
    println!("cargo:rustc-env=DISTCC_MACHINE={machine}");
}

#[expect(
    clippy::disallowed_methods,
    reason = "cargo tells a build script what it builds for in variables"
)]
fn variable(name: &str) -> String {
    std::env::var(name).unwrap_or_default()
}

/// `libgcc_s.so` costs each start nine system calls. The linker drops it (`--as-needed`) when the
/// static twin has given its symbols before; where there is no twin, nothing changes.
fn link_unwinder() {
    // Set where cargo was told which program links; for another machine `cc` is the wrong one.
    let linker = variable("RUSTC_LINKER");
    let linker = match linker.as_str() {
        "" if variable("HOST") != variable("TARGET") => return,
        "" => "cc",
        linker => linker,
    };
    let Ok(output) = Command::new(linker).arg("-print-file-name=libgcc_eh.a").output() else {
        return;
    };
    let path = String::from_utf8_lossy(&output.stdout).trim().to_owned();
    let path = Path::new(&path);
    if let (true, true, Some(dir)) = (path.is_absolute(), path.is_file(), path.parent()) {
        println!("cargo:rustc-link-search=native={}", dir.display());
        println!("cargo:rustc-link-lib=static:+whole-archive=gcc_eh");
    }
}
