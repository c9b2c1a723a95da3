//! Connections: names to addresses ([`resolve`]), TCP to a volunteer ([`tcp`]), a volunteer behind
//! ssh ([`ssh`]), and one byte stream for both ([`stream`]).

pub mod resolve;
pub mod ssh;
pub mod stream;
pub mod tcp;
