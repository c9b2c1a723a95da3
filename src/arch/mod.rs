//! What an Arch machine says of itself: which makepkg is installed ([`makepkg`]), what the
//! configuration is that it reads ([`configuration`], by way of [`evaluate`]), which packages there
//! are ([`packages`]), and which build roots of devtools ([`chroots`]).

pub mod chroots;
pub mod configuration;
pub mod evaluate;
pub mod makepkg;
pub mod packages;
mod records;
mod shell;
