//! `distcc-setup volunteer`.

use clap::Args;

use crate::base::exit::Exit;

/// Options of `distcc-setup volunteer`.
#[derive(Args, Debug)]
pub struct VolunteerOptions {}

/// Does it.
pub(super) fn run(_options: &VolunteerOptions) -> Exit {
    Exit::FAILED
}
