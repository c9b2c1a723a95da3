//! Files changed on a person's behalf: shown as a diff, kept as they were, written whole, undone.
//!
//! A command works out a [`change::ChangeSet`], which holds each file as it was read. [`diff`]
//! shows it, [`ask`] asks, and [`state`] carries it out under a lock: it makes sure that no file
//! has changed meanwhile, keeps the old and the new content as a run ([`run`]), and only then
//! writes. `undo` reads the runs back. A process that is killed leaves each file old or new, and a
//! run that tells both.

pub(crate) mod apply_error;
pub(crate) mod ask;
pub(crate) mod change;
pub(crate) mod diff;
pub(crate) mod dirs;
pub(crate) mod run;
pub(crate) mod state;
