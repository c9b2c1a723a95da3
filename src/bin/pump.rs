//! `pump`: see [`makepkg_distcc::tools::pump`].

use std::process::ExitCode;

fn main() -> ExitCode {
    makepkg_distcc::tools::pump::main()
}
