//! `distcc-setup`: see [`makepkg_distcc::setup`].

use std::process::ExitCode;

fn main() -> ExitCode {
    makepkg_distcc::setup::main()
}
