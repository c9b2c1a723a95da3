//! From an LZO1X stream to the bytes it stands for.

use crate::protocol::lzo::{MIDDLE, NEAR};

/// How a stream is no LZO1X stream, or too much of one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum LzoError {
    /// The stream ends inside an instruction or before its end mark.
    #[error("the LZO stream is cut off")]
    Cut,
    /// A match reaches back past the first byte.
    #[error(
        "the LZO stream refers to bytes before its beginning (at byte {0} of what it unpacks to)"
    )]
    BeforeBeginning(usize),
    /// Bytes follow the end mark.
    #[error("{0} bytes follow the end of the LZO stream")]
    Trailing(usize),
    /// The content is longer than allowed.
    #[error("the LZO stream unpacks to more than {0} bytes, the most we take")]
    TooLong(usize),
}

/// Unpacks a whole stream to at most `limit` bytes.
///
/// Memory grows with what is unpacked, by doubling, from four times the stream's length.
///
/// # Errors
///
/// [`LzoError`], whatever the bytes.
pub fn decompress(stream: &[u8], limit: usize) -> Result<Vec<u8>, LzoError> {
    let mut output = Output::new(stream.len(), limit);
    let mut input = Input { bytes: stream, at: 0 };
    unpack(&mut input, &mut output)?;
    let rest = stream.len() - input.at;
    if rest > 0 {
        return Err(LzoError::Trailing(rest));
    }
    output.bytes.truncate(output.len);
    Ok(output.bytes)
}

/// Follows the instructions of `input` up to the end mark.
fn unpack(input: &mut Input<'_>, output: &mut Output) -> Result<(), LzoError> {
    // How many literals the instruction before copied: 0 to 3 behind a match, 4 for a run of its
    // own.
    let mut state = 0;
    if let Some(&first) = input.bytes.first()
        && first > 17
    {
        input.at = 1;
        let count = usize::from(first) - 17;
        output.literals(input, count)?;
        state = count.min(4);
    }
    loop {
        let code = usize::from(input.byte()?);
        let (length, distance, trailing) = if code >= 64 {
            let distance = 1 + ((code >> 2) & 7) + (usize::from(input.byte()?) << 3);
            ((code >> 5) + 1, distance, code & 3)
        } else if code >= 32 {
            let length = input.length(code & 31, 31)? + 2;
            let word = input.word()?;
            (length, (word >> 2) + 1, word & 3)
        } else if code >= 16 {
            let length = input.length(code & 7, 7)? + 2;
            let word = input.word()?;
            let distance = ((code & 8) << 11) + (word >> 2);
            if distance == 0 {
                return Ok(());
            }
            (length, distance + MIDDLE, word & 3)
        } else if state == 0 {
            let count = input.length(code, 15)? + 3;
            output.literals(input, count)?;
            state = 4;
            continue;
        } else {
            let distance = 1 + (code >> 2) + (usize::from(input.byte()?) << 2);
            if state == 4 { (3, distance + NEAR, code & 3) } else { (2, distance, code & 3) }
        };
        output.reserve(length + trailing)?;
        output.copy_back(distance, length)?;
        output.trailing(input, trailing)?;
        state = trailing;
    }
}

/// The stream and how far it is read.
struct Input<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl Input<'_> {
    #[inline]
    fn byte(&mut self) -> Result<u8, LzoError> {
        let byte = *self.bytes.get(self.at).ok_or(LzoError::Cut)?;
        self.at += 1;
        Ok(byte)
    }

    /// Two bytes, low one first.
    #[inline]
    fn word(&mut self) -> Result<usize, LzoError> {
        let pair = self.bytes.get(self.at..).and_then(<[u8]>::first_chunk::<2>);
        self.at += 2;
        Ok(usize::from(u16::from_le_bytes(*pair.ok_or(LzoError::Cut)?)))
    }

    /// A length: `short`, or if that is 0 `base`, and 255 for each zero byte, and the byte after.
    #[inline]
    fn length(&mut self, short: usize, base: usize) -> Result<usize, LzoError> {
        if short != 0 {
            return Ok(short);
        }
        let rest = self.bytes.get(self.at..).ok_or(LzoError::Cut)?;
        let zeros = rest.iter().position(|&byte| byte != 0).ok_or(LzoError::Cut)?;
        self.at += zeros;
        Ok(base + zeros * 255 + usize::from(self.byte()?))
    }
}

/// Bytes copied at once where that many may be overwritten beyond the ones meant.
const BLOCK: usize = 16;

/// What is unpacked so far, in memory that is longer by some spare bytes.
struct Output {
    bytes: Vec<u8>,
    len: usize,
    limit: usize,
}

impl Output {
    fn new(stream: usize, limit: usize) -> Self {
        let start = stream.saturating_mul(4).min(limit).saturating_add(4 * BLOCK);
        Self { bytes: vec![0; start], len: 0, limit }
    }

    /// Makes sure that `more` bytes and a block beyond fit.
    #[inline]
    fn reserve(&mut self, more: usize) -> Result<(), LzoError> {
        if more > self.limit - self.len {
            return Err(LzoError::TooLong(self.limit));
        }
        if self.len + more + 2 * BLOCK > self.bytes.len() {
            self.grow(more);
        }
        Ok(())
    }

    #[cold]
    fn grow(&mut self, more: usize) {
        let most = self.limit.saturating_add(4 * BLOCK);
        let least = self.len + more + 4 * BLOCK;
        let len = self.bytes.len().saturating_mul(2).min(most).max(least);
        self.bytes.reserve_exact(len - self.bytes.len());
        self.bytes.resize(len, 0);
    }

    /// Copies the next `count` bytes of the stream.
    #[inline]
    fn literals(&mut self, input: &mut Input<'_>, count: usize) -> Result<(), LzoError> {
        self.reserve(count)?;
        let rest = input.bytes.get(input.at..).unwrap_or_default();
        let free = self.bytes.get_mut(self.len..).unwrap_or_default();
        if count <= BLOCK
            && let Some(from) = rest.first_chunk::<BLOCK>()
            && let Some(to) = free.first_chunk_mut::<BLOCK>()
        {
            *to = *from;
        } else {
            let from = rest.get(..count).ok_or(LzoError::Cut)?;
            let to = free.get_mut(..count).ok_or(LzoError::Cut)?;
            to.copy_from_slice(from);
        }
        input.at += count;
        self.len += count;
        Ok(())
    }

    /// Copies the up to three bytes of the stream behind a match; there is room for them.
    #[inline]
    fn trailing(&mut self, input: &mut Input<'_>, count: usize) -> Result<(), LzoError> {
        let from = input.bytes.get(input.at..input.at + 4).and_then(<[u8]>::first_chunk::<4>);
        let to = self.bytes.get_mut(self.len..self.len + 4).and_then(<[u8]>::first_chunk_mut::<4>);
        let (Some(from), Some(to)) = (from, to) else { return self.literals(input, count) };
        *to = *from;
        input.at += count;
        self.len += count;
        Ok(())
    }

    /// Copies `length` bytes from `distance` bytes back; both may overlap. There is room for them.
    #[inline]
    fn copy_back(&mut self, distance: usize, length: usize) -> Result<(), LzoError> {
        let from = self.len.checked_sub(distance).ok_or(LzoError::BeforeBeginning(self.len))?;
        if distance >= 2 * BLOCK && length <= 2 * BLOCK {
            self.copy_blocks(from);
        } else {
            self.copy_any(from, distance, length);
        }
        self.len += length;
        Ok(())
    }

    /// Copies two blocks from `from`, of which some bytes may be overwritten again.
    #[inline]
    fn copy_blocks(&mut self, from: usize) {
        let blocks = self.bytes.get_mut(from..self.len + 2 * BLOCK);
        let parts = blocks.and_then(|blocks| blocks.split_at_mut_checked(self.len - from));
        let Some((source, target)) = parts else { return };
        if let (Some(source), Some(target)) =
            (source.first_chunk::<{ 2 * BLOCK }>(), target.first_chunk_mut::<{ 2 * BLOCK }>())
        {
            *target = *source;
        }
    }

    /// Copies by ever longer pieces: what has been copied repeats with the same distance.
    fn copy_any(&mut self, from: usize, distance: usize, length: usize) {
        let mut done = 0;
        let mut piece = distance;
        while done < length {
            let count = piece.min(length - done);
            self.bytes.copy_within(from..from + count, self.len + done);
            done += count;
            piece = distance + done;
        }
    }
}
