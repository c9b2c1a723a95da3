//! `distcc-setup completions`.

use clap::Args;

use crate::base::exit::Exit;

/// Options of `distcc-setup completions`.
#[derive(Args, Debug)]
pub struct CompletionsOptions {}

/// Does it.
pub(super) fn run(_options: &CompletionsOptions) -> Exit {
    Exit::FAILED
}
