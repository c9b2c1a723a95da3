//! `distcc-setup configure`.

use clap::Args;

use crate::base::exit::Exit;

/// Options of `distcc-setup configure`.
#[derive(Args, Debug)]
pub struct ConfigureOptions {}

/// Does it.
pub(super) fn run(_options: &ConfigureOptions) -> Exit {
    Exit::FAILED
}
