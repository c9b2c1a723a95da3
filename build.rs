//! Links libgcc into the programs, so that the client loads libc and nothing else at each start,
//! and tells them the machine they are built for.

#[expect(
    clippy::disallowed_methods,
    reason = "cargo tells a build script its target in a variable"
)]
fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    println!("cargo:rustc-link-arg-bins=-static-libgcc");
    // Rust writes `x86_64-unknown-linux-gnu` for what GNU tools on Arch call `x86_64-pc-linux-gnu`.
    let target = std::env::var("TARGET").unwrap_or_default();
    let machine = match target.strip_prefix("x86_64-unknown-") {
        Some(rest) => format!("x86_64-pc-{rest}"),
        None => target,
    };
    println!("cargo:rustc-env=DISTCC_MACHINE={machine}");
}
