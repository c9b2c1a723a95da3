//! Monitors: what the clients of this machine are doing now.

pub mod text;
