//! From bytes to an LZO1X stream, as they come in.
//!
//! The way of `lzo1x_1`: a table remembers where each hash of four bytes was last seen; where the
//! bytes there are the same, a match is written, else a literal is kept. Matches are found up to 48
//! KiB back. The more literals there are in a row, the fewer places are looked at, so that bytes
//! which do not shrink cost little.

use crate::protocol::lzo::{END, FAR, MIDDLE, NEAR};

/// Packs `bytes` into one stream; nothing at all becomes a stream too, of three bytes.
pub fn compress(bytes: &[u8]) -> Vec<u8> {
    let mut packer = Packer::new();
    packer.pack(bytes, 0);
    packer.end(bytes)
}

/// Bits of a hash.
const HASH_BITS: u32 = 14;
/// The longest step over bytes that do not shrink: what follows them may shrink again.
const MOST_SKIPPED: usize = 512;
/// Bytes at the end of what is known that no match begins in.
const TAIL: usize = 20;
/// Bytes copied at once where that many may be overwritten beyond the ones meant.
const BLOCK: usize = 16;
/// Bytes that are gathered before they are packed.
const GATHER: usize = 64 * 1024;
/// Bytes of spent input that are kept until they are dropped in one go.
const SPENT: usize = 4 * FAR;

/// Packs bytes as they come in, so that the work is done while their source is still writing.
#[derive(Debug)]
pub struct Compressor {
    packer: Packer,
    /// Input that a match may still reach back to, then input not yet packed.
    input: Vec<u8>,
    next: usize,
}

impl Default for Compressor {
    fn default() -> Self {
        Self::new()
    }
}

impl Compressor {
    /// A compressor that has been given nothing.
    pub fn new() -> Self {
        Self { packer: Packer::new(), input: Vec::with_capacity(2 * GATHER), next: 0 }
    }

    /// Takes more input, and packs what is worth packing now.
    pub fn update(&mut self, bytes: &[u8]) {
        self.input.extend_from_slice(bytes);
        if self.input.len() - self.next >= GATHER {
            self.next = self.packer.pack(&self.input, self.next);
            self.drop_spent();
        }
    }

    /// The whole stream.
    pub fn finish(mut self) -> Vec<u8> {
        self.packer.pack(&self.input, self.next);
        self.packer.end(&self.input)
    }

    /// Forgets input that no match can reach any more.
    fn drop_spent(&mut self) {
        let spent = self.packer.literals_from.saturating_sub(FAR);
        if spent >= SPENT && spent >= self.input.len() / 2 {
            self.input.drain(..spent);
            self.next -= spent;
            self.packer.literals_from -= spent;
            self.packer.base = self.packer.base.wrapping_add(low(spent));
        }
    }
}

/// The state between two pieces of input.
#[derive(Debug)]
struct Packer {
    /// Where each hash was last seen: position in all input, modulo 2^32.
    table: Box<[u32; 1 << HASH_BITS]>,
    /// Position in all input of the first byte at hand, modulo 2^32.
    base: u32,
    /// First byte at hand that no instruction covers yet.
    literals_from: usize,
    output: Output,
}

impl Packer {
    fn new() -> Self {
        let table = Box::new([0; 1 << HASH_BITS]);
        Self { table, base: 0, literals_from: 0, output: Output::default() }
    }

    /// Packs `input` from `next` on, but for its last bytes; says where to go on.
    fn pack(&mut self, input: &[u8], next: usize) -> usize {
        let Some(end) = input.len().checked_sub(TAIL) else { return next };
        self.output.reserve(input.len() - self.literals_from);
        // The first byte has nothing behind it: the table's zeros must not match it with itself.
        let mut at = next.max(usize::from(self.base == 0));
        while at < end {
            let Some(four) = four_at(input, at) else { break };
            let here = self.base.wrapping_add(low(at));
            let Some(entry) = self.table.get_mut(hash(four)) else { break };
            let distance = here.wrapping_sub(*entry) as usize;
            *entry = here;
            if distance.wrapping_sub(1) < FAR
                && let Some(from) = at.checked_sub(distance)
                && four_at(input, from) == Some(four)
            {
                let length = 4 + same(input, from + 4, at + 4);
                let literals = input.get(self.literals_from..).unwrap_or_default();
                self.output.literals(literals, at - self.literals_from);
                self.output.copy(distance, length);
                at += length;
                self.literals_from = at;
            } else {
                at += (1 + ((at - self.literals_from) >> 5)).min(MOST_SKIPPED);
            }
        }
        at.min(input.len())
    }

    /// Writes what is left as literals, and the end mark.
    fn end(mut self, input: &[u8]) -> Vec<u8> {
        let literals = input.get(self.literals_from..).unwrap_or_default();
        self.output.reserve(literals.len());
        self.output.literals(literals, literals.len());
        self.output.into_stream()
    }
}

/// The low 32 bits of a position.
#[inline]
fn low(position: usize) -> u32 {
    let [a, b, c, d, ..] = position.to_le_bytes();
    u32::from_le_bytes([a, b, c, d])
}

/// The low 8 bits of a number.
#[inline]
fn byte(value: usize) -> u8 {
    let [low, ..] = value.to_le_bytes();
    low
}

#[inline]
fn four_at(input: &[u8], at: usize) -> Option<u32> {
    input.get(at..at + 4)?.first_chunk::<4>().map(|four| u32::from_le_bytes(*four))
}

#[inline]
fn hash(four: u32) -> usize {
    (four.wrapping_mul(0x1824_429d) >> (32 - HASH_BITS)) as usize
}

/// How many bytes from `left` and `right` on are the same; `left` is the smaller.
#[inline]
fn same(input: &[u8], left: usize, right: usize) -> usize {
    let (Some(mut left), Some(mut right)) = (input.get(left..), input.get(right..)) else {
        return 0;
    };
    let most = right.len();
    while let (Some((eight, left_rest)), Some((other, right_rest))) =
        (left.split_first_chunk::<8>(), right.split_first_chunk::<8>())
    {
        let difference = u64::from_le_bytes(*eight) ^ u64::from_le_bytes(*other);
        if difference != 0 {
            return most - right.len() + (difference.trailing_zeros() / 8) as usize;
        }
        (left, right) = (left_rest, right_rest);
    }
    let tail = left.iter().zip(right).take_while(|(one, other)| one == other).count();
    most - right.len() + tail
}

/// The stream so far, in memory that is longer by spare bytes.
#[derive(Debug, Default)]
struct Output {
    bytes: Vec<u8>,
    len: usize,
}

impl Output {
    /// Makes room for the instructions that `input` more bytes can become.
    fn reserve(&mut self, input: usize) {
        let needed = self.len + input + input / 16 + 4 * BLOCK;
        if needed > self.bytes.len() {
            self.bytes.resize(needed, 0);
        }
    }

    #[inline]
    fn put(&mut self, bytes: &[u8]) {
        if let Some(place) = self.bytes.get_mut(self.len..self.len + bytes.len()) {
            place.copy_from_slice(bytes);
        }
        self.len += bytes.len();
    }

    /// Writes a run of the first `count` bytes of `input`.
    #[inline]
    fn literals(&mut self, input: &[u8], count: usize) {
        if count == 0 {
            return;
        }
        self.literals_head(count);
        let free = self.bytes.get_mut(self.len..).unwrap_or_default();
        if count <= BLOCK
            && let Some(from) = input.first_chunk::<BLOCK>()
            && let Some(to) = free.first_chunk_mut::<BLOCK>()
        {
            *to = *from;
        } else if let (Some(from), Some(to)) = (input.get(..count), free.get_mut(..count)) {
            to.copy_from_slice(from);
        }
        self.len += count;
    }

    #[inline]
    fn literals_head(&mut self, count: usize) {
        if self.len == 0 && count <= 238 {
            self.put(&[byte(17 + count)]);
        } else if count <= 3 {
            // They go into the match before, whose last byte but one has two bits for them.
            if let Some(code) = self.len.checked_sub(2).and_then(|at| self.bytes.get_mut(at)) {
                *code |= byte(count);
            }
        } else if count <= 18 {
            self.put(&[byte(count - 3)]);
        } else {
            self.put(&[0]);
            self.long(count - 18);
        }
    }

    /// Writes the part of a length that did not fit: 255 for each zero byte, and the rest.
    fn long(&mut self, mut length: usize) {
        while length > 255 {
            self.put(&[0]);
            length -= 255;
        }
        self.put(&[byte(length)]);
    }

    /// Writes a match of at least 3 bytes.
    #[inline]
    fn copy(&mut self, distance: usize, length: usize) {
        if length <= 8 && distance <= NEAR {
            let back = distance - 1;
            self.put(&[byte(((length - 1) << 5) | ((back & 7) << 2)), byte(back >> 3)]);
            return;
        }
        let (code, back, short) = if distance <= MIDDLE {
            (32, distance - 1, 31)
        } else {
            let back = distance - MIDDLE;
            (16 | ((back >> 11) & 8), back & (MIDDLE - 1), 7)
        };
        if length - 2 <= short {
            self.put(&[byte(code | (length - 2)), byte(back << 2), byte(back >> 6)]);
        } else {
            self.put(&[byte(code)]);
            self.long(length - 2 - short);
            self.put(&[byte(back << 2), byte(back >> 6)]);
        }
    }

    fn into_stream(mut self) -> Vec<u8> {
        self.put(&END);
        self.bytes.truncate(self.len);
        self.bytes
    }
}
