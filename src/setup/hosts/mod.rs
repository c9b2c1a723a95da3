//! `distcc-setup hosts`.

use clap::Args;

use crate::base::exit::Exit;

/// Options of `distcc-setup hosts`.
#[derive(Args, Debug)]
pub struct HostsOptions {}

/// Does it.
pub(super) fn run(_options: &HostsOptions) -> Exit {
    Exit::FAILED
}
