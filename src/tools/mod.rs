//! Small tools: `lsdistcc` ([`lsdistcc`]), `makechrootpkg-distcc` ([`makechrootpkg`]), `pump`
//! ([`pump`]) and `update-distcc-symlinks` ([`symlinks`]).

pub mod lsdistcc;
pub mod makechrootpkg;
pub mod pump;
pub mod symlinks;
