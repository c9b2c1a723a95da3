//! The bodies of all fuzz targets: any bytes in, no panic out, and what must hold holds.
//!
//! `tests/it/corpus.rs` runs the same bodies over the kept corpus and over random changes of it, so
//! that CI has them too. `fuzz/run TARGET` fuzzes with the stable toolchain, `cargo fuzz run TARGET`
//! with a nightly one.

use std::ffi::OsString;
use std::os::unix::ffi::OsStringExt;
use std::path::{Path, PathBuf};

use makepkg_distcc::base::disk::MemoryDisk;
use makepkg_distcc::compiler::admit::pump::Places;
use makepkg_distcc::compiler::admit::{AdmitOptions, plain, pump};
use makepkg_distcc::compiler::scan::{self, Plan, Surroundings};
use makepkg_distcc::compiler::{invocation, object, response, rewrite};
use makepkg_distcc::daemon::pump::layout::{Area, Layout, Needs};
use makepkg_distcc::daemon::pump::plan::{self, Node, parents};
use makepkg_distcc::hosts::{find, list};
use makepkg_distcc::include::arithmetic::Truth;
use makepkg_distcc::include::condition::outcome;
use makepkg_distcc::include::expand::{MOST_STEPS, possible};
use makepkg_distcc::include::macros::Macros;
use makepkg_distcc::include::names::Names;
use makepkg_distcc::include::reduce as reduction;
use makepkg_distcc::include::search::Defaults;
use makepkg_distcc::include::token::tokens;
use makepkg_distcc::makepkg_conf::document::{Assignment, Document};
use makepkg_distcc::makepkg_conf::edit::{self, Absent, Place};
use makepkg_distcc::makepkg_conf::edited::Edited;
use makepkg_distcc::makepkg_conf::makeflags;
use makepkg_distcc::progress::{journal, journal_read, record};
use makepkg_distcc::protocol::agent::{
    AnswerDecoder, QuestionDecoder, encode_answer, encode_question,
};
use makepkg_distcc::protocol::audience::Audience;
use makepkg_distcc::protocol::include_server::{self, Decoder};
use makepkg_distcc::protocol::limits::Limits;
use makepkg_distcc::protocol::lzo::{Compressor, compress, decompress};
use makepkg_distcc::protocol::packet::PacketReader;
use makepkg_distcc::protocol::reply::ReplyDecoder;
use makepkg_distcc::protocol::request::RequestDecoder;
use makepkg_distcc::protocol::version::Version;

/// A fuzz target.
pub struct Target {
    /// Its name, which is also that of its corpus.
    pub name: &'static str,
    /// What it does with some bytes.
    pub run: fn(&[u8]),
}

/// Every fuzz target.
pub const TARGETS: [Target; 23] = [
    Target { name: "admit", run: admit },
    Target { name: "agent", run: agent },
    Target { name: "audience", run: audience },
    Target { name: "computed_include", run: computed_include },
    Target { name: "condition", run: condition },
    Target { name: "host_list", run: host_list },
    Target { name: "hosts_file", run: hosts_file },
    Target { name: "include_server", run: include_server },
    Target { name: "invocation", run: invocation },
    Target { name: "journal", run: journal },
    Target { name: "lzo_decompress", run: lzo_decompress },
    Target { name: "lzo_roundtrip", run: lzo_roundtrip },
    Target { name: "makepkg_conf", run: makepkg_conf },
    Target { name: "object", run: object },
    Target { name: "packet", run: packet },
    Target { name: "pump_tree", run: pump_tree },
    Target { name: "record", run: record },
    Target { name: "reduce", run: reduce },
    Target { name: "reply", run: reply },
    Target { name: "request", run: request },
    Target { name: "response_file", run: response_file },
    Target { name: "scan", run: scan },
    Target { name: "search_list", run: search_list },
];

/// The most that anything is unpacked to here.
const MOST: usize = 1 << 20;

/// All versions, and no body that unpacks to more than [`MOST`].
fn limits() -> Limits {
    let newest = Version::Pump;
    Limits { newest, source_unpacked: MOST, object: MOST, output: MOST, ..Limits::default() }
}

/// Where to cut some bytes in two, as the first of them says.
fn cut(bytes: &[u8]) -> (&[u8], &[u8]) {
    let at = bytes.first().map_or(0, |&byte| usize::from(byte) * bytes.len() / 256);
    bytes.split_at(at)
}

/// The words that NUL or line feed separate.
fn words(bytes: &[u8]) -> Vec<OsString> {
    let words = bytes.split(|&byte| byte == 0 || byte == b'\n');
    words.map(|word| OsString::from_vec(word.to_vec())).collect()
}

/// A packet reader takes any bytes, and holds no more than it was given.
pub fn packet(bytes: &[u8]) {
    let mut reader = PacketReader::default();
    let mut rest = bytes;
    while let Some(header) = reader.header(&mut rest) {
        let digits = header.digits.map(usize::from);
        reader.expect(digits.iter().sum::<usize>() * digits[0]);
        if reader.body(&mut rest).is_none() {
            break;
        }
    }
    assert!(reader.held() <= 2 * bytes.len() + 20_000);
    assert!(reader.received() <= bytes.len() as u64);
}

/// A request is the same however it is cut, and no more is held than was sent.
pub fn request(bytes: &[u8]) {
    let (left, right) = cut(bytes);
    let read = |pieces: &[&[u8]]| {
        let mut decoder = RequestDecoder::new(&limits());
        let mut request = None;
        for piece in pieces {
            request = request.or(decoder.push(piece)?);
            assert!(decoder.held() <= 6 * bytes.len() + 20_000);
        }
        request.ok_or_else(|| decoder.finish())
    };
    let whole = read(&[bytes]);
    assert_eq!(read(&[left, right]), whole);
    if let Ok(mut request) = whole
        && let Ok(source) = request.take_source(&limits())
    {
        assert!(source.len() <= MOST.max(bytes.len()));
    }
}

/// A reply is the same however it is cut; the first byte is the version.
pub fn reply(bytes: &[u8]) {
    let Some((&version, bytes)) = bytes.split_first() else { return };
    let Ok(version) = Version::of_request(u32::from(version % 4)) else { return };
    let read = |pieces: &[&[u8]]| {
        let mut decoder = ReplyDecoder::new(version, &limits());
        let mut reply = None;
        for piece in pieces {
            reply = reply.or(decoder.push(piece)?);
        }
        reply.ok_or_else(|| decoder.finish())
    };
    let (left, right) = cut(bytes);
    assert_eq!(read(&[left, right]), read(&[bytes]));
}

/// Any stream unpacks to no more than the limit, or to an error.
pub fn lzo_decompress(bytes: &[u8]) {
    if let Ok(unpacked) = decompress(bytes, MOST) {
        assert!(unpacked.len() <= MOST);
        assert!(decompress(bytes, unpacked.len()).is_ok());
    }
}

/// What is packed, at once or in pieces, unpacks to the same.
pub fn lzo_roundtrip(bytes: &[u8]) {
    assert!(decompress(&compress(bytes), bytes.len()).as_deref() == Ok(bytes));
    let mut compressor = Compressor::new();
    // Long enough for the window to move, and repeated at distances that the bytes decide.
    let times = bytes.first().map_or(0, |&byte| usize::from(byte));
    let mut expected = Vec::new();
    for piece in bytes.chunks(1 + times) {
        let piece = piece.repeat(1 + times * 4);
        expected.extend_from_slice(&piece);
        compressor.update(&piece);
    }
    assert!(decompress(&compressor.finish(), expected.len()).as_ref() == Ok(&expected));
}

/// A host list is read or refused; what is read prints to what reads the same.
pub fn host_list(bytes: &[u8]) {
    let Ok(hosts) = list::parse(&String::from_utf8_lossy(bytes)) else { return };
    for host in hosts.hosts {
        assert!(!host.lock_name().contains('/') && !host.rest_name().contains('/'));
        let printed = list::parse(&host.to_string());
        let again = printed.ok().and_then(|list| list.hosts.into_iter().next());
        let again = again.map(|again| (again.transport, again.slots, again.protocol, again.down));
        assert_eq!(again, Some((host.transport, host.slots, host.protocol, host.down)));
    }
}

/// A hosts file of any bytes is found and read or refused.
pub fn hosts_file(bytes: &[u8]) {
    let path = PathBuf::from("/etc/distcc/hosts");
    let files = [(path.clone(), bytes.to_vec())].into();
    let disk = MemoryDisk { files, ..MemoryDisk::default() };
    if let Ok(Some(source)) = find::find(None, &[path], &disk) {
        let _list = list::parse(&source.text);
    }
}

/// How distcc was called is read from any words.
pub fn invocation(bytes: &[u8]) {
    let _invocation = invocation::read(&words(bytes));
}

/// A plan is made of any words; the command that a volunteer is sent can be written.
pub fn scan(bytes: &[u8]) {
    let files = [(PathBuf::from("/home/me/src/a.rsp"), bytes.to_vec())].into();
    let disk = MemoryDisk { files, ..MemoryDisk::default() };
    let around = Surroundings { cwd: Path::new("/home/me/src"), path: &[], disk: &disk };
    match scan::scan(&words(bytes), &around) {
        Plan::Local(reason) => assert!(!reason.sentence().is_empty()),
        Plan::Distribute(unit) => {
            assert!(!rewrite::preprocessor(&unit, None).is_empty());
            assert!(!rewrite::probe(&unit, "probe.o".as_ref()).is_empty());
            let sent = rewrite::volunteer(&unit, &unit.compiler, around.cwd);
            let admitted = plain::admit(&sent, &AdmitOptions { specs_allowed: true });
            assert!(admitted.is_ok(), "{sent:?}: {admitted:?}");
        }
    }
}

/// A command line is admitted or refused with a sentence.
pub fn admit(bytes: &[u8]) {
    let argv = words(bytes);
    for specs_allowed in [false, true] {
        match plain::admit(&argv, &AdmitOptions { specs_allowed }) {
            Ok(job) => {
                let argv = job.argv("gcc".as_ref(), "in.i".as_ref(), "out.o".as_ref());
                assert!(argv.iter().any(|word| word == "out.o"));
            }
            Err(refusal) => assert!(!refusal.sentence().is_empty()),
        }
    }
}

/// A pump request's files make a tree, or none: all that is above an entry is a directory, and what
/// stands among programs is a header's. Its command gives no word that is read as a file of words.
pub fn pump_tree(bytes: &[u8]) {
    let Ok(Some(request)) = RequestDecoder::new(&limits()).push(bytes) else { return };
    let argv: Vec<OsString> = request.argv.into_iter().map(OsString::from_vec).collect();
    if let Ok(job) = pump::admit(&argv, &AdmitOptions::default()) {
        let (root, output) = ("/root".as_ref(), "/out.o".as_ref());
        let places = Places { root, output, dependencies: "/out.d".as_ref() };
        let argv = job.argv("gcc".as_ref(), &[], &places);
        assert!(!argv.iter().any(|word| word.as_encoded_bytes().starts_with(b"@")));
    }
    let area = |path: &str, reserved| Area { path: path.into(), link: None, reserved };
    let areas = vec![area("usr", false), area("etc", true)];
    let layout = Layout { areas, read_link: |_| None };
    for layout in [None, Some(&layout)] {
        let tree = request.tree.clone().unwrap_or_default();
        let readable = |path: &[u8]| path.starts_with(b"usr/");
        let Ok(plan) = plan::Plan::new(tree, layout, &readable) else { continue };
        let mut dirs = std::collections::BTreeSet::new();
        for entry in &plan.entries {
            let is_sane = |part: &[u8]| !matches!(part, b"" | b"." | b"..");
            assert!(entry.path.split(|&byte| byte == b'/').all(is_sane));
            assert!(parents(&entry.path).all(|dir| dirs.contains(dir)));
            if entry.node == Node::Dir {
                dirs.insert(entry.path.as_slice());
            }
        }
        for area in layout.iter().flat_map(|layout| &layout.areas) {
            let needs = Needs::of(&plan, area);
            assert!(needs.headers.iter().chain(&needs.dirs).all(|dir| dirs.contains(&dir[..])));
        }
    }
}

/// Questions and answers of the agent's protocol are the same however they are cut, and as they are
/// written again.
pub fn agent(bytes: &[u8]) {
    let (left, right) = cut(bytes);
    let mut decoder = QuestionDecoder::default();
    if let Ok(Some(question)) = decoder.push(bytes) {
        let mut decoder = QuestionDecoder::default();
        let first = decoder.push(left).expect("a part of what can be read");
        let parted = first.or_else(|| decoder.push(right).expect("the rest of it"));
        assert_eq!(parted.as_ref(), Some(&question));
        let again = QuestionDecoder::default().push(&encode_question(&question));
        assert_eq!(again.ok().flatten(), Some(question));
    }
    if let Ok(Some(answer)) = AnswerDecoder::default().push(bytes) {
        let again = AnswerDecoder::default().push(&encode_answer(&answer));
        assert_eq!(again.ok().flatten(), Some(answer));
    }
}

/// What a client tells of its terminal and language is read as it is written again, and no value
/// leads to a file.
pub fn audience(bytes: &[u8]) {
    if let Some(audience) = Audience::decode(bytes) {
        assert!(audience.variables().all(|(_, value)| !value.contains(['/', '\n', '\0'])));
        assert_eq!(Audience::decode(audience.encode().as_bytes()), Some(audience));
    }
}

/// Requests to an include server, and its replies, are the same however they are cut.
pub fn include_server(bytes: &[u8]) {
    let (left, right) = cut(bytes);
    for new in [Decoder::of_request, Decoder::of_reply] {
        let read = |pieces: &[&[u8]]| {
            let mut decoder = new(&limits());
            for piece in pieces {
                if let Some(request) = decoder.push(piece)? {
                    return Ok(request);
                }
            }
            Err(decoder.finish())
        };
        let whole = read(&[bytes]);
        assert_eq!(read(&[left, right]), whole);
        if let Ok(request) = whole {
            let cwd = request.cwd.clone();
            let again = include_server::encode_request(&cwd, &request.argv);
            let again = Decoder::of_request(&limits()).push(&again);
            assert_eq!(again.ok().flatten(), Some(request));
        }
    }
}

/// A file is reduced to steps whose groups and conditions are there.
pub fn reduce(bytes: &[u8]) {
    let reduced = reduction::reduce(bytes, &Names::default());
    assert!(reduced.steps.iter().all(|step| step.group < reduced.groups.len()));
    for (at, group) in reduced.groups.iter().enumerate() {
        assert!(group.parent <= at);
        assert!(group.tests.iter().all(|(condition, _)| *condition < reduced.conditions.len()));
    }
}

/// The first line, and macros that the others define: certain, or perhaps where a line begins with
/// a question mark.
fn with_macros<'a>(bytes: &'a [u8], names: &Names) -> (&'a [u8], Macros) {
    let mut lines = bytes.split(|&byte| byte == b'\n');
    let first = lines.next().unwrap_or_default();
    let mut macros = Macros::new(b"", names);
    for line in lines {
        let certain = line.strip_prefix(b"?");
        if let Some((name, definition)) = reduction::define(certain.unwrap_or(line), names) {
            macros.add(name, &definition, certain.is_some());
        }
    }
    (first, macros)
}

/// A condition comes out, or nobody can tell; another definition of a macro never turns it round.
pub fn condition(bytes: &[u8]) {
    let names = Names::default();
    let (text, mut macros) = with_macros(bytes, &names);
    let condition = reduction::Condition::Expression(tokens(text, &names));
    let mut asked = Vec::new();
    let before = outcome(&condition, &macros, &names, &mut asked);
    let one = reduction::define(b"X 1", &names).map(|(_, definition)| definition);
    for (name, definition) in asked.into_iter().zip(one.iter().cycle()) {
        macros.add(name, definition, true);
        macros.remove(name);
    }
    let after = outcome(&condition, &macros, &names, &mut Vec::new());
    if let (Truth::Known(before), Truth::Known(after)) = (before, after) {
        assert_eq!(before, after);
    }
}

/// A computed include has so many meanings, or too many.
pub fn computed_include(bytes: &[u8]) {
    let names = Names::default();
    // More only takes longer.
    let (text, macros) = with_macros(bytes.get(..300).unwrap_or(bytes), &names);
    let _meanings = possible(text, &macros, &names, &mut Vec::new(), MOST_STEPS);
}

/// What a compiler says of itself is read or refused.
pub fn search_list(bytes: &[u8]) {
    let (left, right) = cut(bytes);
    if let Some(defaults) = Defaults::read(left, right) {
        let paths = defaults.quote.iter().chain(&defaults.angled);
        assert!(paths.map(|path| path.as_os_str().len()).sum::<usize>() <= right.len());
    }
}

/// A response file splits into words.
pub fn response_file(bytes: &[u8]) {
    for word in response::split(bytes) {
        assert!(word.len() <= bytes.len());
    }
}

/// A configuration of any bytes is read; an edit keeps what it does not change, and done twice
/// changes nothing more.
pub fn makepkg_conf(bytes: &[u8]) {
    let document = Document::parse(bytes);
    for assignment in document.assignments() {
        assert!(document.source(&assignment.command).len() >= assignment.span.len());
        for word in assignment.value.words() {
            let pieces = word.pieces.iter().map(|piece| piece.span.clone());
            let end = pieces.fold(word.span.start, |at, span| {
                assert_eq!(at, span.start);
                span.end
            });
            assert_eq!(end, word.span.end);
        }
        for flag in assignment.flags() {
            assert!(!document.source(&flag.span).is_empty());
            let _jobs = makeflags::jobs(&makeflags::with_jobs(&flag.text, 7));
        }
    }
    let edits: [&dyn Fn(&Document) -> Edited; 9] = [
        &|one| edit::turn_on(one, "BUILDENV", "distcc", Absent::Extend, Place::There),
        &|one| edit::turn_on(one, "BUILDENV", "distcc", Absent::Define, Place::AtEnd),
        &|one| edit::turn_off(one, "OPTIONS", "lto", Place::There),
        &|one| edit::set_scalar(one, "DISTCC_HOSTS", "a/4 '\"$b", Place::There),
        &|one| edit::set_scalar(one, "DISTCC_HOSTS", "a", Place::AtEnd),
        &|one| edit::set_jobs(one, "MAKEFLAGS", 44, Place::There),
        &|one| edit::set_jobs(one, "MAKEFLAGS", 44, Place::AtEnd),
        &|one| edit::comment_out(one, "DISTCC_HOSTS"),
        &|one| edit::replace_flag(one, "CFLAGS", "-march=native", &["-O2", "-g"]),
    ];
    for edit in edits {
        let edited = edit(&document);
        let (mut old, mut new) = (0, 0);
        for change in &edited.changes {
            assert_eq!(bytes[old..change.before.start], edited.text[new..change.after.start]);
            (old, new) = (change.before.end, change.after.end);
        }
        assert_eq!(bytes[old..], edited.text[new..]);
        // Where the end is not understood, what is added there is not seen again; and nothing can
        // be put behind a command that the text ends in.
        let last_place = document.last_place();
        let within_end = |one: &Assignment| !one.nested && one.command.start >= last_place;
        if document.problem().is_none() && !document.assignments().iter().any(within_end) {
            let again = Document::parse(&edited.text);
            assert_eq!(again.problem(), None, "{}", edited.text.escape_ascii());
            assert!(edit(&again).is_unchanged(), "{}", edited.text.escape_ascii());
        }
    }
}

/// An object of any bytes has an identity or none.
pub fn object(bytes: &[u8]) {
    if let Some(identity) = object::identify(bytes) {
        assert!(identity.comments.iter().all(|comment| comment.len() <= bytes.len()));
    }
}

/// A state record that is read is written as one that reads the same.
pub fn record(bytes: &[u8]) {
    if let Ok(job) = record::Job::decode(bytes) {
        assert_eq!(record::Job::decode(&job.encode()).as_ref(), Ok(&job));
    }
}

/// A line of the journal that is read is written as one that reads the same, but for what is cut.
pub fn journal(bytes: &[u8]) {
    if let Some(entry) = journal_read::entry(bytes) {
        let again = journal_read::entry(journal::line(&entry).trim_end().as_bytes());
        let again = again.expect("a line of our own can be read");
        assert_eq!((again.time_ms, again.pid, again.exit), (entry.time_ms, entry.pid, entry.exit));
    }
}
