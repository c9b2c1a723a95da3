//! From bytes to an LZO1X stream, as they come in.
//!
//! The way of `lzo1x_1`: a table remembers where each hash of four bytes was last seen; where the
//! bytes there are the same, a match is written, else a literal is kept. Matches are found up to 48
//! KiB back. The longer no match is found, the fewer places are looked at, so that bytes which do
//! not shrink cost little.
//!
//! All this happens in a window of 64 KiB that moves over the input: positions in it fit 16 bits,
//! so that the table fits the processor's first cache, and no access needs a check of its bounds.

use crate::protocol::lzo::{END, FAR, MIDDLE, NEAR};

/// Packs `bytes` into one stream; nothing at all becomes a stream too, of three bytes.
pub fn compress(bytes: &[u8]) -> Vec<u8> {
    let mut compressor = Compressor::with_room(bytes.len().min(AT_HAND));
    compressor.update(bytes);
    compressor.finish()
}

/// Bits of a hash.
const HASH_BITS: u32 = 13;
/// Bytes that a position in the table can mean.
const WINDOW: usize = 1 << 16;
/// Bytes behind a window that may be looked at, too.
const PAD: usize = 64;
/// Bytes of a match up to which it is measured within the window and its pad.
const MOST_AT_ONCE: usize = 36;
/// Bytes at the end of the input that no match begins in.
const TAIL: usize = 20;
/// Bytes copied at once where that many may be overwritten beyond the ones meant.
const BLOCK: usize = 16;
/// Bytes that are gathered before they are packed.
const GATHER: usize = 32 * 1024;
/// Bytes of input at hand before those that no match can reach are dropped.
const AT_HAND: usize = 128 * 1024;
/// Bytes without a match after which steps grow no more: what follows may shrink again.
const MOST_DULL: usize = 16 * 1024;

/// Packs bytes as they come in, so that the work is done while their source is still writing.
#[derive(Debug)]
pub struct Compressor {
    /// Where each hash was last seen, counted from the window's beginning.
    table: Box<[u16; 1 << HASH_BITS]>,
    /// Input that a match may still reach back to, then input not yet packed, then at least a
    /// window of bytes that mean nothing.
    input: Vec<u8>,
    /// Bytes of input.
    used: usize,
    /// Where in the input the window begins.
    window: usize,
    /// First byte that has not been looked at.
    next: usize,
    /// First byte that no instruction covers yet.
    literals_from: usize,
    /// The stream so far, and spare bytes.
    output: Vec<u8>,
    /// Bytes of the stream so far.
    length: usize,
}

impl Default for Compressor {
    fn default() -> Self {
        Self::new()
    }
}

impl Compressor {
    /// A compressor that has been given nothing.
    pub fn new() -> Self {
        Self::with_room(AT_HAND)
    }

    fn with_room(room: usize) -> Self {
        Self {
            table: Box::new([0; 1 << HASH_BITS]),
            input: vec![0; room + WINDOW + PAD],
            used: 0,
            window: 0,
            next: 0,
            literals_from: 0,
            output: Vec::new(),
            length: 0,
        }
    }

    /// Takes more input, and packs what is worth packing now.
    pub fn update(&mut self, bytes: &[u8]) {
        let mut rest = bytes;
        while !rest.is_empty() {
            let place = self.room();
            let most = place.len().min(GATHER);
            let (now, later) = rest.split_at_checked(most).unwrap_or((rest, &[]));
            if let Some(place) = place.get_mut(..now.len()) {
                place.copy_from_slice(now);
            }
            self.used += now.len();
            rest = later;
            if self.used.saturating_sub(self.next) >= GATHER {
                self.pack();
            }
        }
    }

    /// The whole stream.
    pub fn finish(mut self) -> Vec<u8> {
        self.pack();
        self.reserve();
        let literals = self.input.get(self.literals_from..self.used).unwrap_or_default();
        if !literals.is_empty() {
            self.length = run(&mut self.output, self.length, literals, literals.len());
        }
        let length = put(&mut self.output, self.length, &END);
        self.output.truncate(length);
        self.output
    }

    /// Memory for more input, after what is no longer needed has made way.
    fn room(&mut self) -> &mut [u8] {
        let free = |input: &[u8], used: usize| input.len() - WINDOW - PAD - used;
        if free(&self.input, self.used) == 0 {
            self.pack();
            self.drop_spent();
            if free(&self.input, self.used) < GATHER {
                self.input.resize(self.input.len() + self.input.len() / 2, 0);
            }
        }
        let end = self.input.len() - WINDOW - PAD;
        self.input.get_mut(self.used..end).unwrap_or_default()
    }

    /// Forgets input that no match can reach any more.
    fn drop_spent(&mut self) {
        self.move_window();
        let spent = self.window.min(self.literals_from);
        self.input.copy_within(spent..self.used, 0);
        self.used -= spent;
        self.window -= spent;
        self.next -= spent;
        self.literals_from -= spent;
    }

    /// Moves the window so far ahead that a match from its beginning would just reach.
    fn move_window(&mut self) {
        let ahead = self.next.saturating_sub(self.window + FAR);
        let shift = u16::try_from(ahead).unwrap_or(u16::MAX);
        for place in self.table.iter_mut() {
            *place = place.saturating_sub(shift);
        }
        self.window += ahead;
    }

    /// Makes room for the instructions that all input at hand can become.
    fn reserve(&mut self) {
        let input = self.used - self.literals_from;
        let needed = self.length + input + input / 16 + 8 * BLOCK;
        if needed > self.output.len() {
            self.output.resize(needed, 0);
        }
    }

    /// Packs the input at hand, but for its last bytes.
    fn pack(&mut self) {
        self.reserve();
        let end = self.used.saturating_sub(TAIL);
        while self.next < end {
            if self.next >= self.window + WINDOW {
                self.move_window();
            }
            self.pack_window(end);
        }
        self.next = self.next.min(self.used);
    }

    /// Packs from `next` to the window's end or to `end`, whichever comes first.
    fn pack_window(&mut self, end: usize) {
        let begin = self.window;
        let Some(input) = self.input.get(..self.used) else { return };
        let Some(window) = self.input.get(begin..).and_then(<[u8]>::first_chunk) else { return };
        let end = (end - begin).min(WINDOW);
        let (out, mut out_at) = (self.output.as_mut_slice(), self.length);
        let mut literals_from = self.literals_from;
        let mut at = self.next - begin;
        // Steps grow with the distance from here.
        let mut dull_from = at;
        while at < end {
            let four = four_at(window, at);
            let Some(entry) = self.table.get_mut(hash(four)) else { return };
            let from = usize::from(*entry);
            *entry = low(at);
            let distance = at.wrapping_sub(from);
            if four_at(window, from) != four || distance.wrapping_sub(1) >= FAR {
                let dull = at - dull_from;
                at += 1 + (dull >> 5);
                if dull > MOST_DULL {
                    dull_from = skipped(at);
                }
                continue;
            }
            let mut length = 4;
            loop {
                let difference = eight_at(window, from + length) ^ eight_at(window, at + length);
                if difference != 0 {
                    length += (difference.trailing_zeros() / 8) as usize;
                    break;
                }
                length += 8;
                if length > MOST_AT_ONCE {
                    length += same(input, begin + from + length, begin + at + length);
                    break;
                }
            }
            // What lies behind the input may be the same by chance.
            let length = length.min(input.len() - begin - at);
            let literals = input.get(literals_from..).unwrap_or_default();
            let run = (literals, begin + at - literals_from);
            out_at = instruction(out, out_at, run, (distance, length));
            at += length;
            literals_from = begin + at;
            dull_from = at;
        }
        self.length = out_at;
        self.literals_from = literals_from;
        self.next = begin + at;
    }
}

/// A window and what may be looked at behind it.
type Window = [u8; WINDOW + PAD];

/// Four bytes of a window; `at` is below [`WINDOW`].
#[inline]
fn four_at(window: &Window, at: usize) -> u32 {
    let four = window.get(at..at + 4).and_then(<[u8]>::first_chunk::<4>);
    four.map_or(0, |four| u32::from_le_bytes(*four))
}

/// Eight bytes of a window.
#[inline]
fn eight_at(window: &Window, at: usize) -> u64 {
    let eight = window.get(at..at + 8).and_then(<[u8]>::first_chunk::<8>);
    eight.map_or(0, |eight| u64::from_le_bytes(*eight))
}

#[inline]
fn hash(four: u32) -> usize {
    (four.wrapping_mul(0x1824_429d) >> (32 - HASH_BITS)) as usize
}

/// From where the steps at `at` are counted once they are as long as they may get.
#[cold]
fn skipped(at: usize) -> usize {
    at - MOST_DULL
}

/// The low 16 bits of a position.
#[inline]
fn low(position: usize) -> u16 {
    let [a, b, ..] = position.to_le_bytes();
    u16::from_le_bytes([a, b])
}

/// The low 8 bits of a number.
#[inline]
fn byte(value: usize) -> u8 {
    let [low, ..] = value.to_le_bytes();
    low
}

/// How many bytes from `left` and `right` on are the same; `left` is the smaller.
#[inline(never)]
fn same(input: &[u8], left: usize, right: usize) -> usize {
    let (Some(mut one), Some(mut other)) = (input.get(left..), input.get(right..)) else {
        return 0;
    };
    let all = other.len();
    while let (Some((eight, one_rest)), Some((same, other_rest))) =
        (one.split_first_chunk::<8>(), other.split_first_chunk::<8>())
    {
        let difference = u64::from_le_bytes(*eight) ^ u64::from_le_bytes(*same);
        if difference != 0 {
            return all - other.len() + (difference.trailing_zeros() / 8) as usize;
        }
        (one, other) = (one_rest, other_rest);
    }
    let last = one.iter().zip(other).take_while(|(one, other)| one == other).count();
    all - other.len() + last
}

/// Bytes that a short run and a short match take at most, and what may be overwritten beyond.
const SLOT: usize = 24;

/// Writes the first `count` of `literals` and a match at `at` into `out`, which has room for them;
/// gives the place behind.
#[inline]
fn instruction(
    out: &mut [u8],
    at: usize,
    (literals, count): (&[u8], usize),
    (distance, length): (usize, usize),
) -> usize {
    let (mut at, mut count) = (at, count);
    if count > BLOCK || at == 0 {
        at = run(out, at, literals, count);
        count = 0;
    }
    if count <= 3 {
        // They go into the match before, whose last byte but one has two bits for them.
        if let Some(code) = out.get_mut(at.wrapping_sub(2)) {
            *code |= byte(count);
        }
    }
    let Some(slot) = out.get_mut(at..at + SLOT).and_then(<[u8]>::first_chunk_mut::<SLOT>) else {
        return at;
    };
    let head = usize::from(count > 3);
    let [first, ..] = slot;
    *first = byte(count.wrapping_sub(3));
    if let (Some(place), Some(block)) =
        (slot.get_mut(head..head + BLOCK), literals.first_chunk::<BLOCK>())
    {
        place.copy_from_slice(block);
    }
    let code_at = head + count.min(BLOCK);
    let place = slot.get_mut(code_at..code_at + 4).and_then(<[u8]>::first_chunk_mut::<4>);
    let Some(place) = place else { return at };
    if length <= 8 && distance <= NEAR {
        let back = distance - 1;
        *place = [byte(((length - 1) << 5) | ((back & 7) << 2)), byte(back >> 3), 0, 0];
        return at + code_at + 2;
    }
    let (code, back, short) = far_code(distance);
    let (low, high) = (byte(back << 2), byte(back >> 6));
    if length - 2 <= short {
        *place = [byte(code | (length - 2)), low, high, 0];
        return at + code_at + 3;
    }
    if length - 2 - short <= 255 {
        *place = [byte(code), byte(length - 2 - short), low, high];
        return at + code_at + 4;
    }
    long_match(out, at + code_at, distance, length)
}

/// The code of a match that is not near, its distance as written, and the longest short length.
#[inline]
fn far_code(distance: usize) -> (usize, usize, usize) {
    if distance <= MIDDLE {
        (32, distance - 1, 31)
    } else {
        let back = distance - MIDDLE;
        (16 | ((back >> 11) & 8), back & (MIDDLE - 1), 7)
    }
}

/// Writes a match whose length does not fit its code.
#[inline(never)]
fn long_match(out: &mut [u8], at: usize, distance: usize, length: usize) -> usize {
    let (code, back, short) = far_code(distance);
    let at = put(out, at, &[byte(code)]);
    let at = long(out, at, length - 2 - short);
    put(out, at, &[byte(back << 2), byte(back >> 6)])
}

/// Writes the first `count` of `literals` as a run of any length.
#[inline(never)]
fn run(out: &mut [u8], at: usize, literals: &[u8], count: usize) -> usize {
    let mut at = at;
    if at == 0 && count <= 238 {
        at = put(out, at, &[byte(17 + count)]);
    } else if count <= 3 {
        if let Some(code) = out.get_mut(at.wrapping_sub(2)) {
            *code |= byte(count);
        }
    } else if count <= 18 {
        at = put(out, at, &[byte(count - 3)]);
    } else {
        at = put(out, at, &[0]);
        at = long(out, at, count - 18);
    }
    put(out, at, literals.get(..count).unwrap_or_default())
}

/// Writes the part of a length that did not fit: 255 for each zero byte, and the rest.
fn long(out: &mut [u8], at: usize, length: usize) -> usize {
    let zeros = length.saturating_sub(1) / 255;
    let end = at + zeros;
    if let Some(place) = out.get_mut(at..end) {
        place.fill(0);
    }
    put(out, end, &[byte(length - zeros * 255)])
}

/// Writes `bytes`.
fn put(out: &mut [u8], at: usize, bytes: &[u8]) -> usize {
    let end = at + bytes.len();
    if let Some(place) = out.get_mut(at..end) {
        place.copy_from_slice(bytes);
    }
    end
}
