//! `distccd`: see [`makepkg_distcc::daemon`].

use std::process::ExitCode;

fn main() -> ExitCode {
    makepkg_distcc::daemon::main()
}
