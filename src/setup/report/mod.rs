//! `distcc-setup report`.

use clap::Args;

use crate::base::exit::Exit;

/// Options of `distcc-setup report`.
#[derive(Args, Debug)]
pub struct ReportOptions {}

/// Does it.
pub(super) fn run(_options: &ReportOptions) -> Exit {
    Exit::FAILED
}
