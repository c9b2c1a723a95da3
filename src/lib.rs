//! A distcc for people who build Arch packages: client, daemon, monitors and the tool that sets
//! them up, wire-compatible with distcc 3.4.
//!
//! Five floors; a module names modules of lower floors only (`tests/it/layers.rs` checks it).
//!
//! * floor 4, `src/bin/`: the programs, a few lines each.
//! * floor 3, what the programs do: [`client`] (one compile), [`daemon`] (the volunteer),
//!   [`agent`] (which files a compile opens), [`monitor`], [`tools`] (`lsdistcc`, the masquerade
//!   directory), [`setup`] (`distcc-setup`).
//! * floor 2, the machine: [`net`] (connections), [`slots`] (locks shared with C clients, rest),
//!   [`progress`] (state records for monitors, the journal), [`masquerade`] (directories of links),
//!   [`arch`] (what makepkg reads), [`toolchains`] (cross compilers on this machine).
//! * floor 1, pure: [`compiler`] (command lines), [`hosts`] (host specs), [`schedule`] (which
//!   volunteer is next), [`protocol`] (bytes on the wire), [`makepkg_conf`] (the text of makepkg's
//!   configuration), [`targets`] (what volunteers compile for).
//! * floor 0: [`base`] (exit codes, environment, log, whole-file writes, temp files, processes).
//!
//! To follow one compile, start at [`client::compile`](client); `ARCHITECTURE.md` walks it through.

pub mod agent;
pub mod arch;
pub mod base;
pub mod client;
pub mod compiler;
pub mod daemon;
pub mod hosts;
pub mod include;
pub mod makepkg_conf;
pub mod masquerade;
pub mod monitor;
pub mod net;
pub mod progress;
pub mod protocol;
pub mod schedule;
pub mod setup;
pub mod slots;
pub mod targets;
pub mod toolchains;
pub mod tools;
