//! `distcc`: see [`makepkg_distcc::client`].

use std::process::ExitCode;

fn main() -> ExitCode {
    makepkg_distcc::client::main()
}
