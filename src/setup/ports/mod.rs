//! Which port of a volunteer a client of one target has to name.
//!
//! [`target`] says for which target packages are built here. [`settle`] gives each entry of a host
//! list that names no port the one that the volunteer has for it: asked where it can be asked, else
//! the table's.

pub mod settle;
pub mod target;
