//! Floor 0: what every other module may use, and which uses none of them.

pub mod capture;
pub mod clock;
pub mod descriptors;
pub mod dirs;
pub mod disk;
pub mod env;
pub mod exit;
pub mod log;
pub mod memory;
pub mod process;
pub mod replace;
pub mod rewrite;
pub mod terminal;
pub mod version;
