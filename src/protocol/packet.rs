//! One packet: four letters, eight hex digits, and for some letters a body of that many bytes.

use crate::protocol::wire_error::{Place, WireError};

/// The letters of each packet.
pub mod token {
    /// Client: protocol version.
    pub const DIST: [u8; 4] = *b"DIST";
    /// Client: its working directory.
    pub const CDIR: [u8; 4] = *b"CDIR";
    /// Client: number of words of the command line.
    pub const ARGC: [u8; 4] = *b"ARGC";
    /// Client: one word of the command line.
    pub const ARGV: [u8; 4] = *b"ARGV";
    /// Client: number of files.
    pub const NFIL: [u8; 4] = *b"NFIL";
    /// Client: name of a file.
    pub const NAME: [u8; 4] = *b"NAME";
    /// Client: content of the file just named.
    pub const FILE: [u8; 4] = *b"FILE";
    /// Client: text of the symbolic link just named.
    pub const LINK: [u8; 4] = *b"LINK";
    /// Client: preprocessed source.
    pub const DOTI: [u8; 4] = *b"DOTI";
    /// Volunteer: the request's protocol version again; the compiler has ended.
    pub const DONE: [u8; 4] = *b"DONE";
    /// Volunteer: the compiler's wait status.
    pub const STAT: [u8; 4] = *b"STAT";
    /// Volunteer: what the compiler wrote to stderr.
    pub const SERR: [u8; 4] = *b"SERR";
    /// Volunteer: what the compiler wrote to stdout.
    pub const SOUT: [u8; 4] = *b"SOUT";
    /// Volunteer: the object file.
    pub const DOTO: [u8; 4] = *b"DOTO";
    /// Volunteer: the dependency file.
    pub const DOTD: [u8; 4] = *b"DOTD";
}

/// Bytes of a header.
pub const HEADER: usize = 12;

/// The twelve bytes that begin a packet.
pub fn header(token: [u8; 4], value: u32) -> [u8; HEADER] {
    let [a, b, c, d] = token;
    let digit = |nibble: u8| if nibble < 10 { b'0' + nibble } else { b'a' + nibble - 10 };
    let [w, x, y, z] = value.to_be_bytes().map(|byte| [digit(byte >> 4), digit(byte & 0xf)]);
    [a, b, c, d, w[0], w[1], x[0], x[1], y[0], y[1], z[0], z[1]]
}

/// Appends a packet with a body to `out`.
///
/// A body past 4 GiB has no length that could be written: its header promises the most there is and
/// no body follows, so that the peer sees a cut connection, never half a file taken for a whole
/// one.
pub fn put(out: &mut Vec<u8>, token: [u8; 4], body: &[u8]) {
    match u32::try_from(body.len()) {
        Ok(length) => {
            out.extend_from_slice(&header(token, length));
            out.extend_from_slice(body);
        }
        Err(_) => out.extend_from_slice(&header(token, u32::MAX)),
    }
}

/// Takes the packet with a body off the front of `bytes`; gives its body, or `None` unless a whole
/// one with one of these tokens is there.
pub fn split_off<'a>(bytes: &mut &'a [u8], tokens: &[[u8; 4]]) -> Option<&'a [u8]> {
    let (head, rest) = bytes.split_first_chunk::<HEADER>()?;
    let (token, digits) = head.split_first_chunk::<4>()?;
    let length = usize::try_from(hex(digits.try_into().ok()?)?).ok()?;
    if !tokens.contains(token) {
        return None;
    }
    let (body, rest) = rest.split_at_checked(length)?;
    *bytes = rest;
    Some(body)
}

/// A header as it came: the letters, and the number if its digits are any.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Header {
    /// The four letters.
    pub token: [u8; 4],
    /// The eight characters after them.
    pub digits: [u8; 8],
}

impl Header {
    /// The number, when the letters are those of `place`.
    ///
    /// # Errors
    ///
    /// [`WireError::Token`] for other letters, [`WireError::Number`] unless eight hex digits
    /// follow.
    pub fn value(&self, place: Place) -> Result<u32, WireError> {
        if self.token != place.token {
            return Err(WireError::Token { expected: place, found: self.token });
        }
        hex(&self.digits).ok_or(WireError::Number { place, found: self.digits })
    }

    /// The number as a length or count, when the letters are those of `place`.
    ///
    /// # Errors
    ///
    /// As [`Self::value`], and [`WireError::TooMuch`] past `limit`.
    pub fn bounded(&self, place: Place, limit: usize) -> Result<usize, WireError> {
        let value = self.value(place)?;
        let length = usize::try_from(value).unwrap_or(usize::MAX);
        if length > limit {
            let (found, limit) = (u64::from(value), limit as u64);
            return Err(WireError::TooMuch { place, found, limit });
        }
        Ok(length)
    }
}

/// The number that exactly eight hex digits write.
fn hex(digits: &[u8; 8]) -> Option<u32> {
    digits.iter().try_fold(0u32, |value, &byte| Some(value << 4 | char::from(byte).to_digit(16)?))
}

/// Cuts a stream of bytes into headers and bodies.
///
/// Holds one header or one body; a body's memory grows with the bytes that come, by half at a time.
#[derive(Debug, Default)]
pub struct PacketReader {
    header: Vec<u8>,
    body: Vec<u8>,
    /// The length of the body that is open, if one is.
    wanted: Option<usize>,
    received: u64,
}

/// Reads packets one after the other, and judges each by its header.
pub(super) trait ReadPackets {
    /// What cuts the stream.
    fn reader(&mut self) -> &mut PacketReader;

    /// Judges a header and says how long its body is; numbers have none.
    ///
    /// # Errors
    ///
    /// It is not one that may come now.
    fn judge(&mut self, head: &Header) -> Result<usize, WireError>;

    /// Takes bytes off `input` until a packet is whole, and gives its body away.
    ///
    /// # Errors
    ///
    /// Those of [`Self::judge`].
    fn packet(&mut self, input: &mut &[u8]) -> Result<Option<Vec<u8>>, WireError> {
        if self.reader().wanted.is_none() {
            let Some(head) = self.reader().header(input) else { return Ok(None) };
            let length = self.judge(&head)?;
            self.reader().expect(length);
        }
        Ok(self.reader().body(input))
    }
}

/// The least by which a body grows.
const STEP: usize = 16 * 1024;

impl PacketReader {
    /// Takes bytes off `input` until a header is whole.
    pub fn header(&mut self, input: &mut &[u8]) -> Option<Header> {
        let whole = self.take_header(input)?;
        self.header.clear();
        let [a, b, c, d, digits @ ..] = whole;
        Some(Header { token: [a, b, c, d], digits })
    }

    fn take_header(&mut self, input: &mut &[u8]) -> Option<[u8; HEADER]> {
        if self.header.is_empty()
            && let Some((whole, rest)) = input.split_first_chunk::<HEADER>()
        {
            self.received += HEADER as u64;
            *input = rest;
            return Some(*whole);
        }
        let part = take(input, HEADER - self.header.len());
        self.received += part.len() as u64;
        self.header.extend_from_slice(part);
        self.header.first_chunk::<HEADER>().copied()
    }

    /// Says that a body of `length` bytes comes next; the caller has judged the length.
    pub fn expect(&mut self, length: usize) {
        self.wanted = Some(length);
    }

    /// Takes bytes off `input` until the expected body is whole, and gives it away; none is where
    /// none is expected.
    pub fn body(&mut self, input: &mut &[u8]) -> Option<Vec<u8>> {
        let missing = self.missing()?;
        let part = take(input, missing);
        self.received += part.len() as u64;
        if self.body.capacity() - self.body.len() < part.len() {
            let growth = (self.body.len() / 2).max(STEP).min(missing).max(part.len());
            self.body.reserve_exact(growth);
        }
        self.body.extend_from_slice(part);
        if part.len() < missing {
            return None;
        }
        self.wanted = None;
        Some(std::mem::take(&mut self.body))
    }

    /// How much of the open body is yet to come.
    fn missing(&self) -> Option<usize> {
        self.wanted.map(|wanted| wanted.saturating_sub(self.body.len()))
    }

    /// Bytes of memory held.
    pub fn held(&self) -> usize {
        self.header.capacity() + self.body.capacity()
    }

    /// Bytes taken so far.
    pub fn received(&self) -> u64 {
        self.received
    }

    /// What it means that the stream ends now, when `place` is the packet that is open or next.
    pub fn cut(&self, place: Place) -> WireError {
        if self.received == 0 {
            return WireError::Silent;
        }
        let missing = self.missing().unwrap_or(HEADER - self.header.len());
        WireError::Cut { place, missing: missing as u64, received: self.received }
    }
}

/// Splits up to `most` bytes off the front of `input`.
fn take<'a>(input: &mut &'a [u8], most: usize) -> &'a [u8] {
    let (part, rest) = input.split_at_checked(most).unwrap_or((input, &[]));
    *input = rest;
    part
}

#[cfg(test)]
mod tests {
    use super::{Header, PacketReader, header, hex, put, token};
    use crate::protocol::wire_error::{Place, WireError};

    #[test]
    fn headers_are_written_in_lower_case() {
        assert_eq!(&header(token::DOTO, 0xab0c_def1), b"DOTOab0cdef1");
        assert_eq!(&header(token::DIST, 2), b"DIST00000002");
    }

    #[test]
    fn only_eight_hex_digits_are_a_number() {
        assert_eq!(hex(b"0000007F"), Some(0x7f));
        assert_eq!(hex(b"ffffffff"), Some(u32::MAX));
        for wrong in
            [b"      7f", b"0x00007f", b"+000007f", b"-0000001", b"0000007g", b"\0\0\0\0\0\0\0\0"]
        {
            assert_eq!(hex(wrong), None, "{}", wrong.escape_ascii());
        }
    }

    #[test]
    fn a_number_past_its_limit_is_refused_with_both_named() {
        let head = Header { token: token::ARGV, digits: *b"00000101" };
        let place = Place { token: token::ARGV, ordinal: 3, count: 5 };
        assert_eq!(head.bounded(place, 257).unwrap(), 257);
        let refused = head.bounded(place, 256).unwrap_err();
        assert_eq!(refused.to_string(), "ARGV 3 of 5: 257 is more than 256, the most we take");
    }

    #[test]
    fn other_letters_are_named_with_the_ones_wanted() {
        let head = Header { token: *b"GET ", digits: *b"/ HTTP/1" };
        let refused = head.value(Place::only(token::DIST)).unwrap_err();
        assert_eq!(refused.to_string(), "expected DIST, found `GET `");
    }

    #[test]
    fn a_promise_of_gigabytes_reserves_nothing() {
        let mut reader = PacketReader::default();
        reader.expect(usize::MAX / 2);
        assert_eq!(reader.body(&mut &b""[..]), None);
        assert!(reader.held() < 100);
        assert_eq!(reader.body(&mut &b"some bytes"[..]), None);
        assert!(reader.held() < 70_000);
    }

    #[test]
    fn a_body_that_comes_in_pieces_is_held_once_and_a_half_at_most() {
        let mut reader = PacketReader::default();
        reader.expect(10_000_000);
        let piece = vec![7u8; 9_999];
        let mut sent = 0;
        while reader.body(&mut &piece[..]).is_none() {
            sent += piece.len();
            assert!(reader.held() <= sent + sent / 2 + 16_384 + 64, "{} of {sent}", reader.held());
        }
    }

    #[test]
    fn a_body_is_given_away_whole_and_the_rest_is_left() {
        let mut bytes = Vec::new();
        put(&mut bytes, token::SERR, b"hello");
        bytes.extend_from_slice(b"next");
        let mut input = &bytes[..];
        let mut reader = PacketReader::default();
        let head = reader.header(&mut input).unwrap();
        reader.expect(head.bounded(Place::only(token::SERR), 10).unwrap());
        assert_eq!(reader.body(&mut input).unwrap(), b"hello");
        assert_eq!(input, b"next");
        assert_eq!(reader.received(), 17);
    }

    #[test]
    fn an_end_before_the_first_byte_is_told_from_a_cut() {
        let mut reader = PacketReader::default();
        let place = Place::only(token::DIST);
        assert_eq!(reader.cut(place), WireError::Silent);
        assert_eq!(reader.header(&mut &b"DIST0"[..]), None);
        let cut = reader.cut(place).to_string();
        assert_eq!(cut, "the connection was closed in DIST, 7 bytes short, after 5 bytes");
    }
}
