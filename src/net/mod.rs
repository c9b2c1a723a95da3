//! Connections: names to addresses ([`resolve`]), TCP to a volunteer ([`tcp`]), a volunteer behind
//! ssh ([`ssh`]), one byte stream for both ([`stream`]), and where a
//! volunteer waits for clients ([`listen`]).

pub mod listen;
pub mod resolve;
pub mod ssh;
pub mod stream;
pub mod tcp;
