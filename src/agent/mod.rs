//! `distcc-agent`: which files does this compile open? It remembers between compiles what the
//! include scanner finds out, and keeps the files ready to be sent.
//!
//! [`cli`] reads the command line; [`seat`] takes the one place that there is for an agent, and
//! sees when to leave it; [`serve`] talks to clients, in whichever protocol they ask ([`hearing`]).
//! [`answer`] is what happens between a question and its answer: the command is read again,
//! [`compilers`] knows what its compiler says of itself, the scanner finds files, [`tree`] puts
//! them as a volunteer needs them. [`arena`] keeps them as packets for our clients, [`mirror`] as
//! files for C clients.

pub mod answer;
pub mod arena;
pub mod cli;
pub mod compilers;
pub mod hearing;
pub mod mirror;
pub mod seat;
pub mod serve;
pub mod tree;

pub use cli::main;
