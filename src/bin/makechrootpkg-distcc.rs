//! `makechrootpkg-distcc`: see [`makepkg_distcc::tools::makechrootpkg`].

use std::process::ExitCode;

fn main() -> ExitCode {
    makepkg_distcc::tools::makechrootpkg::main(makepkg_distcc::setup::check::of_build_root)
}
