//! LZO1X, the compression of protocols 2 and 3: a raw stream with no header and no size in front.
//!
//! A stream is a sequence of instructions, each a match (so many bytes from so far back) followed
//! by up to three literals, with runs of four and more literals in between. [`compress`] writes
//! what any decoder reads; [`decompress`] reads what any encoder writes.

mod compress;
mod decompress;

pub use compress::{Compressor, compress};
pub use decompress::{LzoError, decompress};

/// The farthest match of an instruction of two bytes, which also copies no more than 8 bytes.
const NEAR: usize = 0x800;
/// The farthest match of an instruction of three bytes.
const MIDDLE: usize = 0x4000;
/// The farthest match there is.
const FAR: usize = 0xbfff;
/// The instruction that ends a stream.
const END: [u8; 3] = [0x11, 0, 0];
