//! A request: what a client asks a volunteer to compile.

use crate::protocol::limits::Limits;
use crate::protocol::lzo;
use crate::protocol::packet::{self, Header, PacketReader, ReadPackets, token};
use crate::protocol::version::Version;
use crate::protocol::wire_error::{Place, WireError};

pub use crate::protocol::packet::header;

/// A whole request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    /// The protocol that the reply must speak.
    pub version: Version,
    /// The number that `DONE` must carry: the client's own, which is 0 for some.
    pub echo: u32,
    /// The command line, compiler first; never empty.
    pub argv: Vec<Vec<u8>>,
    /// Preprocessed source as it was sent: an LZO stream in version 2. Empty in a pump request.
    pub body: Vec<u8>,
    /// A pump request's working directory and files.
    pub tree: Option<SentTree>,
}

/// What only a pump request carries.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SentTree {
    /// The client's working directory, unchecked.
    pub cwd: Vec<u8>,
    /// Sources, headers and links in the order sent.
    pub files: Vec<SentFile>,
}

/// A file of a pump request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SentFile {
    /// Its path at the client, unchecked.
    pub name: Vec<u8>,
    /// What is there.
    pub content: SentContent,
}

/// What stands under a name of a pump request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SentContent {
    /// A regular file: an LZO stream, or nothing at all for an empty file.
    File(Vec<u8>),
    /// A symbolic link and its text.
    Link(Vec<u8>),
}

impl Request {
    /// The preprocessed source, unpacked where it was sent packed; leaves `body` empty.
    ///
    /// # Errors
    ///
    /// [`WireError::Lzo`] for a body that is no LZO stream or unpacks to more than `limits` allow.
    pub fn take_source(&mut self, limits: &Limits) -> Result<Vec<u8>, WireError> {
        let body = std::mem::take(&mut self.body);
        if !self.version.compresses() || body.is_empty() {
            return Ok(body);
        }
        lzo::decompress(&body, limits.source_of(body.len()))
            .map_err(|error| WireError::Lzo { place: Place::only(token::DOTI), error })
    }
}

/// The packets before the source: version and command line, for versions 1 and 2.
pub fn encode_head(version: Version, argv: &[impl AsRef<[u8]>]) -> Vec<u8> {
    let words: usize = argv.iter().map(|word| word.as_ref().len() + packet::HEADER).sum();
    let mut out = Vec::with_capacity(words + 3 * packet::HEADER);
    out.extend_from_slice(&header(token::DIST, version.number()));
    put_words(&mut out, argv);
    out
}

/// The packets before the number of files, in pump mode: version, directory and command line.
pub fn encode_pump_head(cwd: &[u8], argv: &[impl AsRef<[u8]>]) -> Vec<u8> {
    let mut out = header(token::DIST, Version::Pump.number()).to_vec();
    packet::put(&mut out, token::CDIR, cwd);
    put_words(&mut out, argv);
    out
}

/// Adds a file of a pump request, with its content packed.
pub fn put_file(request: &mut Vec<u8>, name: &[u8], content: &[u8]) {
    packet::put(request, token::NAME, name);
    packet::put(request, token::FILE, &lzo::compress(content));
}

/// One packet with a body.
pub fn encode_body(token: [u8; 4], body: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(packet::HEADER + body.len());
    packet::put(&mut out, token, body);
    out
}

/// A whole request: compile `source`, which needs no other file, with the command `argv`.
///
/// In pump mode the source is the file `name` in the root directory, and the only one; the other
/// versions take the name from the command.
pub fn encode_unit(
    version: Version,
    argv: &[impl AsRef<[u8]>],
    name: &str,
    source: &[u8],
) -> Vec<u8> {
    if version != Version::Pump {
        let mut out = encode_head(version, argv);
        match version.compresses() {
            true => packet::put(&mut out, token::DOTI, &lzo::compress(source)),
            false => packet::put(&mut out, token::DOTI, source),
        }
        return out;
    }
    let mut out = encode_pump_head(b"/", argv);
    out.extend(header(token::NFIL, 1));
    packet::put(&mut out, token::NAME, format!("/{name}").as_bytes());
    packet::put(&mut out, token::FILE, &lzo::compress(source));
    out
}

fn put_words(out: &mut Vec<u8>, argv: &[impl AsRef<[u8]>]) {
    let count = u32::try_from(argv.len()).unwrap_or(u32::MAX);
    out.extend_from_slice(&header(token::ARGC, count));
    for word in argv {
        packet::put(out, token::ARGV, word.as_ref());
    }
}

/// The packet that comes next, or whose body is open.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    Dist,
    Cdir,
    Argc,
    Argv,
    Nfil,
    Name,
    Content,
    Doti,
    Complete,
}

/// Reads one request from bytes in any pieces.
#[derive(Debug)]
pub struct RequestDecoder {
    limits: Limits,
    reader: PacketReader,
    stage: Stage,
    version: Version,
    echo: u32,
    argc: u32,
    argv: Vec<Vec<u8>>,
    command: usize,
    tree: SentTree,
    file_count: u32,
    path_bytes: usize,
    file_bytes: usize,
    pending_name: Vec<u8>,
    pending_link: bool,
    /// Bytes of all bodies taken so far.
    stored: usize,
    trailing: usize,
}

impl RequestDecoder {
    /// A decoder that has read nothing, and will refuse what is past `limits`.
    pub fn new(limits: &Limits) -> Self {
        Self {
            limits: limits.clone(),
            reader: PacketReader::default(),
            stage: Stage::Dist,
            version: Version::Plain,
            echo: 0,
            argc: 0,
            argv: Vec::new(),
            command: 0,
            tree: SentTree::default(),
            file_count: 0,
            path_bytes: 0,
            file_bytes: 0,
            pending_name: Vec::new(),
            pending_link: false,
            stored: 0,
            trailing: 0,
        }
    }

    /// Takes the next bytes; gives the request when they complete it.
    ///
    /// Bytes after the last packet are counted by [`Self::trailing`] and dropped.
    ///
    /// # Errors
    ///
    /// What is wrong with the request; nothing more can be read from this stream then.
    pub fn push(&mut self, bytes: &[u8]) -> Result<Option<Request>, WireError> {
        let mut input = bytes;
        while self.stage != Stage::Complete {
            let Some(body) = self.packet(&mut input)? else { return Ok(None) };
            if let Some(request) = self.accept(body) {
                self.trailing = input.len();
                return Ok(Some(request));
            }
        }
        self.trailing = self.trailing.saturating_add(input.len());
        Ok(None)
    }

    /// Bytes that came after the last packet: a client has no reason to send any.
    pub fn trailing(&self) -> usize {
        self.trailing
    }

    /// Bytes taken so far.
    pub fn received(&self) -> u64 {
        self.reader.received()
    }

    /// Bytes of memory held for this request: at most a small multiple of what was sent.
    pub fn held(&self) -> usize {
        let vectors = self.argv.capacity() * size_of::<Vec<u8>>()
            + self.tree.files.capacity() * size_of::<SentFile>();
        self.reader.held() + vectors + self.stored
    }

    /// What it means that the stream ends here.
    pub fn finish(self) -> WireError {
        self.reader.cut(self.place())
    }

    fn place(&self) -> Place {
        let nth = |token, have: usize, count| {
            let ordinal = u32::try_from(have).unwrap_or(u32::MAX).saturating_add(1);
            Place { token, ordinal, count }
        };
        match self.stage {
            Stage::Dist => Place::only(token::DIST),
            Stage::Cdir => Place::only(token::CDIR),
            Stage::Argc => Place::only(token::ARGC),
            Stage::Argv => nth(token::ARGV, self.argv.len(), self.argc),
            Stage::Nfil => Place::only(token::NFIL),
            Stage::Name => nth(token::NAME, self.tree.files.len(), self.file_count),
            Stage::Content => nth(token::FILE, self.tree.files.len(), self.file_count),
            Stage::Doti | Stage::Complete => Place::only(token::DOTI),
        }
    }

    fn judge_version(&mut self, number: u32) -> Result<(), WireError> {
        self.echo = number;
        self.version = Version::of_request(number)?;
        let newest = self.limits.newest;
        if self.version > newest {
            return Err(WireError::VersionNotServed(number, newest.number()));
        }
        Ok(())
    }

    fn judge_path(&mut self, head: &Header, place: Place) -> Result<usize, WireError> {
        let left = self.limits.paths.saturating_sub(self.path_bytes);
        let length = head.bounded(place, self.limits.path.min(left))?;
        self.path_bytes += length;
        Ok(length)
    }

    /// Takes the body of the packet just judged, and steps on to the next.
    fn accept(&mut self, body: Vec<u8>) -> Option<Request> {
        self.stored += body.capacity();
        self.stage = match self.stage {
            Stage::Dist if self.version == Version::Pump => Stage::Cdir,
            Stage::Dist => Stage::Argc,
            Stage::Cdir => {
                self.tree.cwd = body;
                Stage::Argc
            }
            Stage::Argc => Stage::Argv,
            Stage::Argv => {
                self.argv.push(body);
                self.after_word()
            }
            Stage::Nfil if self.file_count == 0 => return Some(self.complete(Vec::new())),
            Stage::Nfil => Stage::Name,
            Stage::Name => {
                self.pending_name = body;
                Stage::Content
            }
            Stage::Content => {
                self.accept_file(body);
                if self.tree.files.len() as u64 >= u64::from(self.file_count) {
                    return Some(self.complete(Vec::new()));
                }
                Stage::Name
            }
            Stage::Doti | Stage::Complete => return Some(self.complete(body)),
        };
        None
    }

    fn after_word(&self) -> Stage {
        if (self.argv.len() as u64) < u64::from(self.argc) {
            Stage::Argv
        } else if self.version == Version::Pump {
            Stage::Nfil
        } else {
            Stage::Doti
        }
    }

    fn accept_file(&mut self, body: Vec<u8>) {
        let name = std::mem::take(&mut self.pending_name);
        let content =
            if self.pending_link { SentContent::Link(body) } else { SentContent::File(body) };
        self.tree.files.push(SentFile { name, content });
    }

    fn complete(&mut self, body: Vec<u8>) -> Request {
        self.stage = Stage::Complete;
        let tree = std::mem::take(&mut self.tree);
        self.stored = 0;
        Request {
            version: self.version,
            echo: self.echo,
            argv: std::mem::take(&mut self.argv),
            body,
            tree: (self.version == Version::Pump).then_some(tree),
        }
    }
}

impl ReadPackets for RequestDecoder {
    fn reader(&mut self) -> &mut PacketReader {
        &mut self.reader
    }

    fn judge(&mut self, head: &Header) -> Result<usize, WireError> {
        let place = self.place();
        match self.stage {
            Stage::Dist => self.judge_version(head.value(place)?).map(|()| 0),
            Stage::Cdir => head.bounded(place, self.limits.path),
            Stage::Argc => {
                self.argc = bounded_count(head, place, self.limits.words)?;
                if self.argc == 0 { Err(WireError::NoCommand) } else { Ok(0) }
            }
            Stage::Argv => {
                let length = head.bounded(place, self.limits.word)?;
                self.command += length;
                let (found, limit) = (self.command as u64, self.limits.command as u64);
                if found > limit {
                    return Err(WireError::LongCommand { place, found, limit });
                }
                Ok(length)
            }
            Stage::Nfil => {
                self.file_count = bounded_count(head, place, self.limits.files)?;
                Ok(0)
            }
            Stage::Name => self.judge_path(head, place),
            Stage::Content if head.token == token::LINK => {
                self.pending_link = true;
                self.judge_path(head, Place { token: token::LINK, ..place })
            }
            Stage::Content => {
                self.pending_link = false;
                let left = self.limits.source.saturating_sub(self.file_bytes);
                let length = head.bounded(place, left)?;
                self.file_bytes += length;
                Ok(length)
            }
            Stage::Doti | Stage::Complete => head.bounded(place, self.limits.source),
        }
    }
}

/// The number of `head` as a count of at most `limit`.
fn bounded_count(head: &Header, place: Place, limit: u32) -> Result<u32, WireError> {
    let found = head.value(place)?;
    if found > limit {
        let (found, limit) = (u64::from(found), u64::from(limit));
        return Err(WireError::TooMuch { place, found, limit });
    }
    Ok(found)
}
