//! `distcc-agent`: see [`makepkg_distcc::agent`].

use std::process::ExitCode;

fn main() -> ExitCode {
    makepkg_distcc::agent::main()
}
