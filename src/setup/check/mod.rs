//! `distcc-setup check`.

use clap::Args;

use crate::base::exit::Exit;

/// Options of `distcc-setup check`.
#[derive(Args, Debug)]
pub struct CheckOptions {}

/// Does it.
pub(super) fn run(_options: &CheckOptions) -> Exit {
    Exit::FAILED
}
