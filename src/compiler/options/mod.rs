//! The option tables: one row per option, or per family of options with one prefix.

pub mod stays;
