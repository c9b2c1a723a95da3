//! `lsdistcc`: see [`makepkg_distcc::tools::lsdistcc`].

use std::process::ExitCode;

fn main() -> ExitCode {
    makepkg_distcc::tools::lsdistcc::main()
}
