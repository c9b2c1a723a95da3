//! `update-distcc-symlinks`: see [`makepkg_distcc::tools::symlinks`].

use std::process::ExitCode;

fn main() -> ExitCode {
    makepkg_distcc::tools::symlinks::main()
}
