//! Connections: names to addresses ([`resolve`]), TCP to a volunteer ([`tcp`]), a volunteer behind
//! ssh ([`ssh`]), one byte stream for both ([`stream`]), one small job for those who want to know
//! what a volunteer can do ([`ask`]), where a volunteer waits for clients ([`listen`]), and the
//! agent of pump mode ([`agent`]).

pub mod agent;
pub mod ask;
pub mod listen;
pub mod resolve;
pub mod ssh;
pub mod stream;
pub mod tcp;
