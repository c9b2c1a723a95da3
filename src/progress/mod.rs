//! What the clients of a machine are doing (state records that monitors read), and what they did
//! (the journal).
//!
//! * [`phase`]: startup to done. * [`record`]: one state file, byte for byte distcc 3.4's.
//! * [`board`]: publish ours, read everyone's, drop the dead.
//! * [`journal`]: one line for each compile. * [`journal_read`]: the lines again, for reports.

pub mod board;
pub mod journal;
pub mod journal_read;
pub mod phase;
pub mod record;
