//! `distcc-setup march`.

use clap::Args;

use crate::base::exit::Exit;

/// Options of `distcc-setup march`.
#[derive(Args, Debug)]
pub struct MarchOptions {}

/// Does it.
pub(super) fn run(_options: &MarchOptions) -> Exit {
    Exit::FAILED
}
