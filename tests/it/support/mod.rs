//! What tests stand on: volunteers on loopback, faults, and a look at what a command left behind.

pub mod agent;
pub mod archive;
pub mod chroot;
pub mod chroot_package;
pub mod cross;
pub mod farm;
pub mod fault;
pub mod include_server;
pub mod output;
pub mod package;
pub mod ports;
pub mod pump;
pub mod sources;
pub mod stock_include_server;
pub mod systemd;
pub mod tree;
pub mod volunteer;
