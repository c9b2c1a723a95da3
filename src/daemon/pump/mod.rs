//! Pump mode: the client sends its source and headers, and the volunteer preprocesses too.
//!
//! [`plan`] checks what was sent; [`pool`] gives a [`root`], a tree on disk that is just that.
//! Where the kernel lets each compile have mounts of its own, it sees that tree at the client's own
//! paths beside this machine's programs ([`layout`], [`view`], [`stage`]), so that its output is
//! that of a local compile. Elsewhere the paths of the command are changed to lead there, and those
//! in the output are changed back ([`moved`]). [`start`] finds out which of the two; [`job`] is the
//! story of one compile.

pub mod job;
pub mod layout;
pub mod moved;
pub mod plan;
pub mod pool;
pub mod root;
pub mod stage;
pub mod start;
pub mod view;
