//! Slots of volunteers and of this machine, shared with C clients through lock files of distcc 3.4.
//!
//! * [`lockfile`]: one slot, one file, one lock.
//! * [`queue`]: waiting for a slot without sleeping and without starving anyone.
//! * [`rest`]: a volunteer that failed rests for a while.

pub mod lockfile;
pub mod queue;
pub mod rest;
