//! Which volunteer is asked next.

pub mod choose;
