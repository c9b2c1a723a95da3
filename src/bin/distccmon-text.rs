//! `distccmon-text`: see [`makepkg_distcc::monitor::text`].

use std::process::ExitCode;

fn main() -> ExitCode {
    makepkg_distcc::monitor::text::main()
}
