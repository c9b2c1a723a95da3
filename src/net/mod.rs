//! Connections: names to addresses ([`resolve`]), TCP to a volunteer ([`tcp`]), a volunteer behind
//! ssh ([`ssh`]), one byte stream for both ([`stream`]), one small job for those who want to know
//! what a volunteer can do ([`ask`]), and where a volunteer waits for clients ([`listen`]).

pub mod ask;
pub mod listen;
pub mod resolve;
pub mod ssh;
pub mod stream;
pub mod tcp;
