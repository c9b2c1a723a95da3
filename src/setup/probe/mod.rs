//! Asking volunteers: is each there, does it let us in, what can it compile, and how fast.

pub mod answer;
pub mod fault;
