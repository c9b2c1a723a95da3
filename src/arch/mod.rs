//! What an Arch machine says of itself: which makepkg is installed ([`makepkg`]), and what the
//! configuration is that it reads ([`configuration`], by way of [`evaluate`]).

pub mod configuration;
pub mod evaluate;
pub mod makepkg;
mod records;
mod shell;
