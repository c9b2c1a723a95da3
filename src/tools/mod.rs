//! Small tools: `lsdistcc` ([`lsdistcc`]), `makechrootpkg-distcc` ([`makechrootpkg`]) and
//! `update-distcc-symlinks` ([`symlinks`]).

pub mod lsdistcc;
pub mod makechrootpkg;
pub mod symlinks;
