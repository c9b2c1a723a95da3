//! `distcc-setup doctor`.

use clap::Args;

use crate::base::exit::Exit;

/// Options of `distcc-setup doctor`.
#[derive(Args, Debug)]
pub struct DoctorOptions {}

/// Does it.
pub(super) fn run(_options: &DoctorOptions) -> Exit {
    Exit::FAILED
}
