//! The client: one call, one compile.
//!
//! Start reading at [`compile::compile`], which is the story. The rest is what it calls:
//! [`call`] the command and its environment, [`masquerade`] the real compiler, [`volunteers`] who
//! may take the unit, [`preprocess`] the source, [`pump`] instead of that, [`remote`] the exchange,
//! [`identity`] whether the volunteer's compiler is ours, [`outputs`] files into place, [`local`]
//! the ending that always works, [`record`] what people see of it. [`cli`], [`explain`] and
//! [`scan_includes`] are distcc's own options.

pub mod attempt;
pub mod call;
pub mod cli;
pub mod compile;
pub mod explain;
pub mod host_list;
pub mod identity;
pub mod local;
pub mod masquerade;
pub mod outputs;
pub mod preprocess;
pub mod pump;
pub mod record;
pub mod remote;
pub mod scan_includes;
pub mod settings;
pub mod volunteers;

pub use cli::enter;
