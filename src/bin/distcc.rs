//! `distcc`: see [`makepkg_distcc::client`].
//!
//! Without Rust's own start-up, which prepares for threads and stack overflow with some twenty
//! system calls: this program starts once per compile.
#![no_main]

use std::ffi::{c_char, c_int};

/// The C library's entry. The arguments are those that `std::env::args_os` gives.
// SAFETY: `main` is defined once, with the signature that the C library calls.
#[unsafe(no_mangle)]
extern "C" fn main(_argc: c_int, _argv: *const *const c_char) -> c_int {
    c_int::from(makepkg_distcc::client::enter())
}
