//! The text of makepkg's configuration: a bash program, read so far that one value in it can be
//! found and changed while every other byte stays.
//!
//! [`document`] holds a file's text with its assignments and comments; [`word`] is one value with
//! its quotes. How bash's language is read is in `grammar`, `simple_command`, `lexer`, `expansion`
//! and `here_document`, which all step a `parser` on.
//!
//! [`edit`] gives the changed text as [`edited`] tells it, [`mod@quote`] writes a value so that
//! bash reads it back, and [`makeflags`] understands `-j`.
//!
//! What a value **is** only bash can say (`arch::evaluate` asks it): a file may `source`
//! others, `eval`, or call functions. This module says **where** a value stands.

pub mod document;
pub mod edit;
pub mod edited;
mod expansion;
mod grammar;
mod here_document;
mod lexer;
pub mod makeflags;
mod parser;
pub mod quote;
mod simple_command;
pub mod syntax_error;
pub mod word;
