//! Which volunteers there are: the words of `DISTCC_HOSTS` and of the hosts files.
//!
//! [`find`] chooses the text, [`list`] splits it into words, [`spec`] reads one host spec, and
//! [`spec_error`] says what is wrong with it and what to write instead; [`word`] changes one and
//! leaves the rest as it is written. What distcc 3.4 accepts is accepted; where it would do
//! something that nobody can have meant, the list carries a note.

pub mod find;
pub mod list;
mod reader;
pub mod spec;
pub mod spec_error;
pub mod word;
