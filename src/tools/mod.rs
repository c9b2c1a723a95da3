//! Small tools: `lsdistcc` ([`lsdistcc`]) and `update-distcc-symlinks` ([`symlinks`]).

pub mod lsdistcc;
pub mod symlinks;
