//! `distcc-setup undo`.

use clap::Args;

use crate::base::exit::Exit;

/// Options of `distcc-setup undo`.
#[derive(Args, Debug)]
pub struct UndoOptions {}

/// Does it.
pub(super) fn run(_options: &UndoOptions) -> Exit {
    Exit::FAILED
}
