//! What pump clients and include servers say to each other on a unix socket, as in distcc's pump
//! mode: a compile's directory and command line one way, names of files the other way.
//!
//! The names are below the server's own mirror of the file system: three components, then the
//! client's absolute path, then `.lzo` for a file that is packed, `.lzo.abs` for one that names
//! itself in a `#line`. A name that ends in [`FORCED`] stands for its directory.

use crate::protocol::limits::Limits;
use crate::protocol::packet::{self, Header, PacketReader, ReadPackets, header, token};
use crate::protocol::wire_error::{Place, WireError};

/// The last component of a name that stands for its directory: nothing is on the disk there.
pub const FORCED: &str = "forcing_technique_271828";

/// What a client asks.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Request {
    /// The compile's directory, absolute.
    pub cwd: Vec<u8>,
    /// Its command line, compiler first.
    pub argv: Vec<Vec<u8>>,
}

/// All bytes of a request.
pub fn encode_request(cwd: &[u8], argv: &[impl AsRef<[u8]>]) -> Vec<u8> {
    let mut out = Vec::new();
    packet::put(&mut out, token::CDIR, cwd);
    out.extend(encode_words(argv));
    out
}

/// All bytes of a reply: the names, in the order in which they are sent on. None at all says that
/// the server cannot tell.
pub fn encode_reply(names: &[impl AsRef<[u8]>]) -> Vec<u8> {
    encode_words(names)
}

fn encode_words(words: &[impl AsRef<[u8]>]) -> Vec<u8> {
    let mut out = header(token::ARGC, u32::try_from(words.len()).unwrap_or(u32::MAX)).to_vec();
    for word in words {
        packet::put(&mut out, token::ARGV, word.as_ref());
    }
    out
}

/// Reads a request, or a reply, from bytes in any pieces.
#[derive(Debug)]
pub struct Decoder {
    reader: PacketReader,
    limits: Limits,
    most_words: u32,
    /// The header that is awaited, or whose body is.
    token: [u8; 4],
    count: u32,
    bytes: usize,
    read: Request,
}

impl Decoder {
    /// Of a request.
    pub fn of_request(limits: &Limits) -> Self {
        Self::new(limits, limits.words, token::CDIR)
    }

    /// Of a reply, which has words and no directory.
    pub fn of_reply(limits: &Limits) -> Self {
        Self::new(limits, limits.files, token::ARGC)
    }

    fn new(limits: &Limits, most_words: u32, token: [u8; 4]) -> Self {
        Self {
            reader: PacketReader::default(),
            limits: limits.clone(),
            most_words,
            token,
            count: 0,
            bytes: 0,
            read: Request::default(),
        }
    }

    /// Takes the next bytes; gives what they say when it is whole.
    ///
    /// # Errors
    ///
    /// What is wrong with it; nothing more can be read from this stream then.
    pub fn push(&mut self, bytes: &[u8]) -> Result<Option<Request>, WireError> {
        let mut input = bytes;
        while let Some(body) = self.packet(&mut input)? {
            match self.token {
                token::CDIR => {
                    self.read.cwd = body;
                    self.token = token::ARGC;
                }
                token::ARGC => self.token = token::ARGV,
                _ => self.read.argv.push(body),
            }
            if self.token == token::ARGV && self.read.argv.len() as u64 >= u64::from(self.count) {
                return Ok(Some(std::mem::take(&mut self.read)));
            }
        }
        Ok(None)
    }

    /// What it means that the stream ends here.
    pub fn finish(self) -> WireError {
        self.reader.cut(Place::only(self.token))
    }
}

impl ReadPackets for Decoder {
    fn reader(&mut self) -> &mut PacketReader {
        &mut self.reader
    }

    fn judge(&mut self, head: &Header) -> Result<usize, WireError> {
        let place = Place::only(self.token);
        match self.token {
            token::CDIR => head.bounded(place, self.limits.path),
            token::ARGC => {
                let most = usize::try_from(self.most_words).unwrap_or(usize::MAX);
                let count = head.bounded(place, most)?;
                self.count = u32::try_from(count).unwrap_or(u32::MAX);
                Ok(0)
            }
            _ => {
                let length = head.bounded(place, self.limits.word)?;
                self.bytes += length;
                if self.bytes > self.limits.paths {
                    let (found, limit) = (self.bytes as u64, self.limits.paths as u64);
                    return Err(WireError::LongCommand { place, found, limit });
                }
                Ok(length)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn read(mut decoder: Decoder, bytes: &[u8], step: usize) -> Option<Request> {
        bytes.chunks(step).find_map(|part| decoder.push(part).unwrap())
    }

    proptest! {
        #[test]
        fn what_is_written_is_read(
            cwd in proptest::collection::vec(any::<u8>(), 0..40),
            argv in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 0..20), 0..9),
            step in 1..50_usize,
        ) {
            let limits = Limits::default();
            let bytes = encode_request(&cwd, &argv);
            let request = Request { cwd, argv };
            prop_assert_eq!(
                read(Decoder::of_request(&limits), &bytes, step),
                Some(request.clone())
            );
            let reply = encode_reply(&request.argv);
            let read = read(Decoder::of_reply(&limits), &reply, step).map(|read| read.argv);
            prop_assert_eq!(read, Some(request.argv));
        }

        #[test]
        fn any_bytes_are_read(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            drop(Decoder::of_request(&Limits::default()).push(&bytes));
            let started = [b"CDIR00000000ARGC".as_slice(), &bytes].concat();
            drop(Decoder::of_request(&Limits::default()).push(&started));
        }
    }

    #[test]
    fn promises_of_too_much_are_refused() {
        let limits = Limits::default();
        for bytes in
            ["CDIRffffffff", "CDIR00000001/ARGCffffffff", "CDIR00000001/ARGC00000001ARGVffffffff"]
        {
            assert!(Decoder::of_request(&limits).push(bytes.as_bytes()).is_err(), "{bytes}");
        }
    }
}
