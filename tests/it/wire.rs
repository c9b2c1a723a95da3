//! Requests and replies, byte by byte: samples on file, and any bytes at all.

use std::fmt::Write as _;
use std::path::Path;

use makepkg_distcc::protocol::limits::Limits;
use makepkg_distcc::protocol::packet::{header, token};
use makepkg_distcc::protocol::reply::{Reply, ReplyDecoder, encode_reply};
use makepkg_distcc::protocol::request::{
    Request, RequestDecoder, SentContent, SentFile, SentTree, encode_body, encode_head,
};
use makepkg_distcc::protocol::version::Version;
use makepkg_distcc::protocol::wire_error::WireError;
use proptest::collection::vec;
use proptest::prelude::*;

/// Bytes that a decoder may hold without having been sent them: its own tables.
const CONSTANT: usize = 20_000;

/// All versions, and bodies small enough that a wrong decoder cannot hurt the machine.
fn limits() -> Limits {
    Limits { newest: Version::Pump, ..Limits::default() }
}

/// The bytes of a sample: its first line is a note, line ends do not count, `\` escapes.
fn sample(path: &Path) -> (String, Vec<u8>) {
    let text = std::fs::read_to_string(path).unwrap();
    let (note, body) = text.split_once('\n').unwrap();
    let mut bytes = Vec::new();
    let mut letters = body.bytes().filter(|&byte| byte != b'\n');
    while let Some(letter) = letters.next() {
        bytes.push(match letter {
            b'\\' => match letters.next().unwrap() {
                b'n' => b'\n',
                b'\\' => b'\\',
                escaped => {
                    assert_eq!(escaped, b'x', "{}: unknown escape", path.display());
                    let digits = [letters.next().unwrap(), letters.next().unwrap()];
                    u8::from_str_radix(std::str::from_utf8(&digits).unwrap(), 16).unwrap()
                }
            },
            plain => plain,
        });
    }
    (note.trim_start_matches("# ").to_owned(), bytes)
}

/// What a decoder made of some bytes: a value and how many bytes were left over, or an error.
type Outcome<T> = Result<(T, usize), WireError>;

fn read_request(pieces: &[&[u8]]) -> Outcome<Request> {
    let mut decoder = RequestDecoder::new(&limits());
    let mut request = None;
    let mut sent = 0;
    for piece in pieces {
        sent += piece.len();
        if let Some(whole) = decoder.push(piece)? {
            assert!(request.replace(whole).is_none(), "a request is given once");
        }
        assert!(decoder.held() <= 6 * sent + CONSTANT, "{} held of {sent} sent", decoder.held());
    }
    let trailing = decoder.trailing();
    request.map(|request| (request, trailing)).ok_or_else(|| decoder.finish())
}

fn read_reply(version: Version, pieces: &[&[u8]]) -> Outcome<Reply> {
    let mut decoder = ReplyDecoder::new(version, &limits());
    let mut reply = None;
    for piece in pieces {
        if let Some(whole) = decoder.push(piece)? {
            assert!(reply.replace(whole).is_none(), "a reply is given once");
        }
    }
    reply.map(|reply| (reply, 0)).ok_or_else(|| decoder.finish())
}

/// Holds a reader against itself: each byte alone, and every cut in two, give what the whole gives.
fn cut_everywhere<T>(bytes: &[u8], read: impl Fn(&[&[u8]]) -> Outcome<T>) -> Outcome<T>
where
    T: PartialEq + std::fmt::Debug,
{
    let whole = read(&[bytes]);
    let single: Vec<&[u8]> = bytes.chunks(1).collect();
    assert_eq!(read(&single), whole);
    for at in 0..bytes.len() {
        let (left, right) = bytes.split_at(at);
        assert_eq!(read(&[left, right]), whole, "cut at {at}");
    }
    whole
}

fn describe_request(outcome: Outcome<Request>) -> String {
    let (mut request, trailing) = match outcome {
        Ok(read) => read,
        Err(error) => return format!("refused: {error}\n"),
    };
    let mut text = format!("version {:?}, echo {}\n", request.version, request.echo);
    for word in &request.argv {
        writeln!(text, "word `{}`", word.escape_ascii()).unwrap();
    }
    if let Some(tree) = &request.tree {
        writeln!(text, "in `{}`", tree.cwd.escape_ascii()).unwrap();
        for SentFile { name, content } in &tree.files {
            let (kind, bytes) = match content {
                SentContent::File(bytes) => ("file", bytes),
                SentContent::Link(bytes) => ("link", bytes),
            };
            let (name, bytes) = (name.escape_ascii(), bytes.escape_ascii());
            writeln!(text, "{kind} `{name}`: `{bytes}`").unwrap();
        }
    }
    match request.take_source(&limits()) {
        Ok(source) => writeln!(text, "source `{}`", source.escape_ascii()).unwrap(),
        Err(error) => writeln!(text, "source refused: {error}").unwrap(),
    }
    if trailing > 0 {
        writeln!(text, "and {trailing} bytes more").unwrap();
    }
    text
}

fn describe_reply(outcome: Outcome<Reply>) -> String {
    let reply = match outcome {
        Ok((reply, _)) => reply,
        Err(error) => return format!("no reply: {error}\n"),
    };
    let mut text = format!("exit {:?}, signal {:?}\n", reply.exit_code(), reply.signal());
    let parts = [
        ("stderr", &reply.stderr),
        ("stdout", &reply.stdout),
        ("object", &reply.object),
        ("dependencies", &reply.dependencies),
    ];
    for (name, part) in parts {
        writeln!(text, "{name} `{}`", part.escape_ascii()).unwrap();
    }
    text
}

#[test]
fn every_request_on_file_is_read_as_it_should_be_wherever_it_is_cut() {
    insta::glob!("../fixtures/wire", "*.request", |path| {
        let (note, bytes) = sample(path);
        let text = describe_request(cut_everywhere(&bytes, read_request));
        insta::with_settings!({ description => note, omit_expression => true }, {
            insta::assert_snapshot!(text);
        });
    });
}

#[test]
fn every_reply_on_file_is_read_as_it_should_be_wherever_it_is_cut() {
    insta::glob!("../fixtures/wire", "*.reply", |path| {
        let (note, bytes) = sample(path);
        let (number, note) = note.split_once(": ").unwrap();
        let version = Version::of_request(number.parse().unwrap()).unwrap();
        let read = |pieces: &[&[u8]]| read_reply(version, pieces);
        let text = describe_reply(cut_everywhere(&bytes, read));
        insta::with_settings!({ description => note, omit_expression => true }, {
            insta::assert_snapshot!(text);
        });
    });
}

#[test]
fn a_version_that_is_not_served_is_refused_by_the_first_packet() {
    let limits = Limits { newest: Version::Lzo, ..Limits::default() };
    let refused = RequestDecoder::new(&limits).push(b"DIST00000003").unwrap_err();
    assert_eq!(refused, WireError::VersionNotServed(3, 2));
    let text = "DIST: protocol version 3 is not served here (the newest that is: 2)";
    assert_eq!(refused.to_string(), text);
}

#[test]
fn words_that_are_too_long_together_are_refused_before_the_last_is_sent() {
    let mut decoder = RequestDecoder::new(&Limits { command: 100, ..limits() });
    let words = [vec![b'a'; 60], vec![b'b'; 40], vec![b'c'; 1]];
    let head = encode_head(Version::Plain, &words);
    assert_eq!(decoder.push(&head[..head.len() - 13]).unwrap(), None);
    let refused = decoder.push(&head[head.len() - 13..head.len() - 1]).unwrap_err();
    let text = "ARGV 3 of 3: the command line grows to 101 bytes, more than 100, the most we take";
    assert_eq!(refused.to_string(), text);
}

#[test]
fn files_of_a_pump_request_share_one_limit() {
    let mut decoder = RequestDecoder::new(&Limits { source: 10, ..limits() });
    let mut bytes = header(token::DIST, 3).to_vec();
    bytes.extend_from_slice(&encode_body(token::CDIR, b"/"));
    bytes.extend_from_slice(&header(token::ARGC, 1));
    bytes.extend_from_slice(&encode_body(token::ARGV, b"gcc"));
    bytes.extend_from_slice(&header(token::NFIL, 2));
    bytes.extend_from_slice(&encode_body(token::NAME, b"/a"));
    bytes.extend_from_slice(&encode_body(token::FILE, b"1234567"));
    bytes.extend_from_slice(&encode_body(token::NAME, b"/b"));
    assert_eq!(decoder.push(&bytes).unwrap(), None);
    let refused = decoder.push(&header(token::FILE, 4)).unwrap_err();
    assert_eq!(refused.to_string(), "FILE 2 of 2: 4 is more than 3, the most we take");
}

#[test]
fn a_source_that_unpacks_to_too_much_is_refused() {
    let small = Limits { unpacked_freely: 50_000, ..limits() };
    let body = makepkg_distcc::protocol::lzo::compress(&[b' '; 100_000]);
    let mut bytes = encode_head(Version::Lzo, &["gcc"]);
    bytes.extend_from_slice(&encode_body(token::DOTI, &body));
    let mut request = RequestDecoder::new(&small).push(&bytes).unwrap().unwrap();
    let refused = request.clone().take_source(&small).unwrap_err().to_string();
    assert_eq!(refused, "DOTI: the LZO stream unpacks to more than 50000 bytes, the most we take");
    assert_eq!(request.take_source(&limits()).unwrap(), [b' '; 100_000]);
    assert_eq!(request.take_source(&limits()).unwrap(), b"", "it is taken once");
}

#[test]
fn a_reply_has_started_when_done_has_come() {
    let mut decoder = ReplyDecoder::new(Version::Plain, &limits());
    assert_eq!(decoder.push(b"DONE0000000").unwrap(), None);
    assert!(!decoder.started());
    assert_eq!(decoder.push(b"1").unwrap(), None);
    assert!(decoder.started());
    assert_eq!(decoder.received(), 12);
}

#[test]
fn a_megabyte_in_small_pieces_is_read_without_holding_more_than_one_and_a_half() {
    let source = vec![b'x'; 3_000_000];
    let mut bytes = encode_head(Version::Plain, &["gcc", "-c"]);
    bytes.extend_from_slice(&encode_body(token::DOTI, &source));
    let mut decoder = RequestDecoder::new(&limits());
    let mut sent = 0;
    for piece in bytes.chunks(1000) {
        sent += piece.len();
        if let Some(request) = decoder.push(piece).unwrap() {
            assert!(request.body == source && request.body.capacity() == source.len());
            assert_eq!(sent, bytes.len());
        }
        assert!(decoder.held() <= sent + sent / 2 + CONSTANT);
    }
}

fn versions() -> impl Strategy<Value = Version> {
    prop_oneof![Just(Version::Plain), Just(Version::Lzo), Just(Version::Pump)]
}

fn bytes(most: usize) -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![vec(any::<u8>(), 0..most), vec(b'a'..=b'c', 0..most)]
}

fn trees() -> impl Strategy<Value = SentTree> {
    let content =
        prop_oneof![bytes(50).prop_map(SentContent::File), bytes(20).prop_map(SentContent::Link)];
    let file = (bytes(20), content).prop_map(|(name, content)| SentFile { name, content });
    (bytes(10), vec(file, 0..5)).prop_map(|(cwd, files)| SentTree { cwd, files })
}

fn encode_request(request: &Request) -> Vec<u8> {
    let Some(tree) = &request.tree else {
        let mut out = encode_head(request.version, &request.argv);
        out.extend_from_slice(&encode_body(token::DOTI, &request.body));
        return out;
    };
    let mut out = header(token::DIST, 3).to_vec();
    out.extend_from_slice(&encode_body(token::CDIR, &tree.cwd));
    out.extend_from_slice(&encode_head(Version::Pump, &request.argv)[12..]);
    out.extend_from_slice(&header(token::NFIL, u32::try_from(tree.files.len()).unwrap()));
    for file in &tree.files {
        out.extend_from_slice(&encode_body(token::NAME, &file.name));
        out.extend_from_slice(&match &file.content {
            SentContent::File(bytes) => encode_body(token::FILE, bytes),
            SentContent::Link(bytes) => encode_body(token::LINK, bytes),
        });
    }
    out
}

fn requests() -> impl Strategy<Value = Request> {
    (versions(), vec(bytes(30), 1..8), bytes(200), trees()).prop_map(
        |(version, argv, body, tree)| {
            let tree = (version == Version::Pump).then_some(tree);
            let body = if tree.is_some() { Vec::new() } else { body };
            Request { version, echo: version.number(), argv, body, tree }
        },
    )
}

fn replies() -> impl Strategy<Value = Reply> {
    let status = prop_oneof![Just(0), any::<i32>()];
    (status, bytes(100), bytes(20), bytes(300), bytes(50)).prop_map(
        |(status, stderr, stdout, object, dependencies)| Reply {
            status,
            stderr,
            stdout,
            object,
            dependencies,
        },
    )
}

/// A few edits that leave most of a stream as it was, so that decoders get far into it.
fn damaged(mut bytes: Vec<u8>, edits: &[(usize, u8, bool)]) -> Vec<u8> {
    for &(at, value, insert) in edits {
        if bytes.is_empty() {
            break;
        }
        let at = at % bytes.len();
        if insert {
            bytes.insert(at, value);
        } else {
            bytes[at] = value;
        }
    }
    bytes
}

fn edits() -> impl Strategy<Value = Vec<(usize, u8, bool)>> {
    let value = prop_oneof![any::<u8>(), b'0'..=b'9', Just(b'f')];
    vec((any::<usize>(), value, any::<bool>()), 0..4)
}

proptest! {
    #[test]
    fn a_request_is_read_back_as_it_was_written(request in requests()) {
        let bytes = encode_request(&request);
        prop_assert_eq!(cut_everywhere(&bytes, read_request), Ok((request, 0)));
    }

    #[test]
    fn a_reply_is_read_back_as_it_was_written(version in versions(), mut reply in replies()) {
        let bytes = encode_reply(version, version.number(), &reply);
        let read = read_reply(version, &[&bytes]);
        if reply.status != 0 {
            reply.object.clear();
        }
        if reply.status != 0 || version != Version::Pump {
            reply.dependencies.clear();
        }
        prop_assert_eq!(read, Ok((reply, 0)));
    }

    #[test]
    fn a_damaged_request_is_the_same_wherever_it_is_cut(request in requests(), edits in edits()) {
        let bytes = damaged(encode_request(&request), &edits);
        if let Ok((mut request, _)) = cut_everywhere(&bytes, read_request) {
            let _unpacked = request.take_source(&limits());
        }
    }

    #[test]
    fn a_damaged_reply_is_the_same_wherever_it_is_cut(
        version in versions(), reply in replies(), edits in edits(),
    ) {
        let bytes = damaged(encode_reply(version, version.number(), &reply), &edits);
        let _outcome = cut_everywhere(&bytes, |pieces| read_reply(version, pieces));
    }

    #[test]
    fn any_bytes_at_all_are_a_value_or_an_error(bytes in vec(any::<u8>(), 0..300)) {
        let _outcome = cut_everywhere(&bytes, read_request);
        let _outcome = cut_everywhere(&bytes, |pieces| read_reply(Version::Plain, pieces));
    }

    #[test]
    fn headers_are_read_back(value in any::<u32>()) {
        let mut bytes = b"DONE00000001".to_vec();
        bytes.extend_from_slice(&header(token::STAT, value));
        for end in [b"SERR00000000", b"SOUT00000000", b"DOTO00000000"] {
            bytes.extend_from_slice(end);
        }
        let reply = read_reply(Version::Plain, &[&bytes]).unwrap().0;
        prop_assert_eq!(reply.status, value.cast_signed());
    }
}
