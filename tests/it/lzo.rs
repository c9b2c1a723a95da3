//! LZO1X against the original library, both ways, and against any bytes.

use std::io::{BufReader, Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::OnceLock;

use makepkg_distcc::protocol::lzo::{Compressor, LzoError, compress, decompress};
use proptest::collection::vec;
use proptest::prelude::*;

/// No test unpacks to more.
const MOST: usize = 64 << 20;

/// The original library behind a pipe, or nothing where its header is not installed.
fn original(way: &str) -> Option<Original> {
    static PROGRAM: OnceLock<Option<PathBuf>> = OnceLock::new();
    let program = PROGRAM.get_or_init(build_original).as_ref()?;
    let mut child = Command::new(program)
        .arg(way)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let (stdin, stdout) = (child.stdin.take().unwrap(), child.stdout.take().unwrap());
    Some(Original { child, stdin: Some(stdin), stdout: BufReader::new(stdout) })
}

#[expect(clippy::print_stderr, reason = "a test that is left out says so")]
fn build_original() -> Option<PathBuf> {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    let program =
        Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("lzo2-{}", std::process::id()));
    let source = here.join("tests/support/lzo2.c");
    let mut build = Command::new("gcc");
    let output =
        build.arg("-O2").arg(source).arg("-o").arg(&program).arg("-llzo2").output().ok()?;
    if output.status.success() {
        return Some(program);
    }
    let why = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(
        std::env::vars_os().all(|(name, _)| name != "CI"),
        "liblzo2 must be tested in CI: {why}"
    );
    eprintln!("not tested against liblzo2, because its helper does not build: {why}");
    None
}

struct Original {
    child: Child,
    stdin: Option<ChildStdin>,
    stdout: BufReader<ChildStdout>,
}

impl Original {
    /// What the library makes of `bytes`, if it takes them.
    fn run(&mut self, bytes: &[u8], most: usize) -> Option<Vec<u8>> {
        let stdin = self.stdin.as_mut().unwrap();
        for number in [bytes.len(), most] {
            stdin.write_all(&u32::try_from(number).unwrap().to_le_bytes()).unwrap();
        }
        stdin.write_all(bytes).unwrap();
        stdin.flush().unwrap();
        let mut number = || {
            let mut four = [0; 4];
            self.stdout.read_exact(&mut four).unwrap();
            u32::from_le_bytes(four)
        };
        let (status, length) = (number(), number());
        let mut result = vec![0; length as usize];
        self.stdout.read_exact(&mut result).unwrap();
        (status == 0).then_some(result)
    }
}

impl Drop for Original {
    fn drop(&mut self) {
        self.stdin = None;
        let _status = self.child.wait();
    }
}

/// Numbers that look random and are the same in each run.
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, end: usize) -> usize {
        self.0 =
            self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        ((self.0 >> 33) as usize) % end.max(1)
    }
}

/// Bytes that look random.
fn noise(length: usize, seed: u64) -> Vec<u8> {
    let mut numbers = Numbers(seed);
    (0..length).map(|_| u8::try_from(numbers.below(256)).unwrap()).collect()
}

/// Bytes that repeat earlier ones now and then, from near and from far.
fn echoes(length: usize, seed: u64) -> Vec<u8> {
    let mut numbers = Numbers(seed);
    let mut bytes = noise(40, seed);
    while bytes.len() < length {
        let reach = [8, 64, 2040, 2056, 16_300, 16_400, 49_140, 49_160, 70_000][numbers.below(9)];
        let count = 1 + [3, 6, 10, 40, 300, 1100][numbers.below(6)];
        let back = 1 + numbers.below(reach.min(bytes.len()));
        let start = bytes.len() - back;
        for at in start..start + 1 + numbers.below(count) {
            bytes.push(bytes[at]);
        }
        bytes.extend(noise(numbers.below(9) * numbers.below(9), seed ^ bytes.len() as u64));
    }
    bytes.truncate(length);
    bytes
}

/// Preprocessed source, and an object file with debug information, of this machine's compiler.
fn compiler_output() -> Vec<Vec<u8>> {
    let includes = ["iostream", "map", "regex", "algorithm"];
    let text: String = includes.iter().map(|name| format!("#include <{name}>\n")).collect();
    let run = |options: &[&str]| {
        let mut child = Command::new("g++")
            .args(options)
            .args(["-x", "c++", "-", "-o", "/dev/stdout"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        child.stdin.take().unwrap().write_all(text.as_bytes()).unwrap();
        child.wait_with_output().unwrap().stdout
    };
    vec![run(&["-E"]), run(&["-g", "-S"])]
}

fn corpus() -> Vec<Vec<u8>> {
    let mut all: Vec<Vec<u8>> = Vec::new();
    for length in 0..300 {
        all.push(vec![b'a'; length]);
        all.push(noise(length, length as u64));
        all.push(echoes(length, length as u64));
    }
    for length in [1000, 2047, 2048, 2049, 16_383, 16_385, 49_151, 49_152, 65_537, 300_000] {
        all.push(vec![0; length]);
        all.push(noise(length, 3));
        all.push(echoes(length, 4));
        let period = noise(length, 5);
        all.push([&period[..], &period[..], &period[..]].concat());
    }
    all.push(vec![0; 5_000_000]);
    all.push(echoes(3_000_000, 6));
    all.push(std::fs::read("/proc/self/exe").unwrap().into_iter().take(4_000_000).collect());
    all.extend(compiler_output());
    all
}

/// Packs in pieces of the lengths that `next_length` gives.
fn in_pieces(bytes: &[u8], mut next_length: impl FnMut() -> usize) -> Vec<u8> {
    let mut compressor = Compressor::new();
    let mut rest = bytes;
    while !rest.is_empty() {
        let (piece, after) = rest.split_at(next_length().min(rest.len()));
        compressor.update(piece);
        rest = after;
    }
    compressor.finish()
}

#[test]
fn the_original_unpacks_what_we_pack() {
    let Some(mut original) = original("d") else { return };
    for bytes in corpus() {
        let packed = compress(&bytes);
        assert!(packed.len() <= bytes.len() + bytes.len() / 16 + 64 + 3);
        assert!(original.run(&packed, bytes.len()).unwrap() == bytes, "{} bytes", bytes.len());
        assert!(decompress(&packed, bytes.len()).unwrap() == bytes, "{} bytes", bytes.len());
    }
}

#[test]
fn we_unpack_what_the_original_packs() {
    let Some(mut original) = original("c") else { return };
    for bytes in corpus() {
        let packed = original.run(&bytes, 0).unwrap();
        assert!(decompress(&packed, bytes.len()).unwrap() == bytes, "{} bytes", bytes.len());
    }
}

#[test]
fn source_and_assembly_pack_as_small_as_with_the_original() {
    let Some(mut original) = original("c") else { return };
    for bytes in compiler_output() {
        let (ours, theirs) = (compress(&bytes).len(), original.run(&bytes, 0).unwrap().len());
        assert!(ours <= theirs + theirs / 50, "{ours} bytes where liblzo2 needs {theirs}");
        let pieces = in_pieces(&bytes, || 4096).len();
        assert!(pieces <= ours + ours / 50, "{pieces} bytes in pieces, {ours} at once");
    }
}

#[test]
fn what_is_packed_in_pieces_is_unpacked_by_the_original() {
    let Some(mut original) = original("d") else { return };
    for (seed, bytes) in corpus().into_iter().enumerate() {
        for most in [1, 9, 100, 5000, 70_000, 1_000_000] {
            // Too many pieces take long, and more than one piece is wanted.
            if bytes.len() / most > 50_000 || most > 4 * bytes.len() {
                continue;
            }
            let mut numbers = Numbers(seed as u64);
            let packed = in_pieces(&bytes, || 1 + numbers.below(most));
            assert!(original.run(&packed, bytes.len()).unwrap() == bytes, "{seed}: up to {most}");
        }
    }
}

#[test]
fn every_cut_of_a_short_text_packs_to_a_valid_stream() {
    let bytes = b"the cat and the hat and the cat and the hat and the bat".repeat(3);
    for at in 0..=bytes.len() {
        let mut compressor = Compressor::new();
        compressor.update(&bytes[..at]);
        compressor.update(&[]);
        compressor.update(&bytes[at..]);
        assert_eq!(decompress(&compressor.finish(), MOST).unwrap(), bytes);
    }
}

#[test]
fn the_original_and_we_agree_on_damaged_streams() {
    let Some(mut original) = original("d") else { return };
    let mut numbers = Numbers(11);
    for round in 0..3000 {
        let bytes = echoes(numbers.below(600), round);
        let mut packed = compress(&bytes);
        for _ in 0..=numbers.below(3) {
            let at = numbers.below(packed.len());
            packed[at] = u8::try_from(numbers.below(256)).unwrap();
        }
        if numbers.below(4) == 0 {
            packed.truncate(numbers.below(packed.len() + 1));
        }
        let theirs = original.run(&packed, 100_000);
        let ours = decompress(&packed, 100_000).ok();
        assert_eq!(ours, theirs, "{}", packed.escape_ascii());
    }
}

#[test]
fn nothing_packs_to_the_end_mark_alone() {
    assert_eq!(compress(b""), [0x11, 0, 0]);
    assert_eq!(Compressor::new().finish(), [0x11, 0, 0]);
    assert_eq!(decompress(&[0x11, 0, 0], 0).unwrap(), b"");
}

#[test]
fn streams_seen_on_the_wire_are_unpacked() {
    let source = b"\x2bint main(void){return x;}\n\x11\0\0";
    assert_eq!(decompress(source, 100).unwrap(), b"int main(void){return x;}\n");
    assert_eq!(decompress(b"\x1at.o: t.c\n\x11\0\0", 100).unwrap(), b"t.o: t.c\n");
}

#[test]
fn each_damage_has_its_name() {
    let table: [(&[u8], LzoError); 9] = [
        (b"", LzoError::Cut),
        (b"\x11\0", LzoError::Cut),
        (b"\x18abc", LzoError::Cut),
        (b"\x18abcdefg", LzoError::Cut),
        (b"\0\0\0\0\0", LzoError::Cut),
        (b"\x11\0\0x", LzoError::Trailing(1)),
        (b"\x11\x04\0", LzoError::BeforeBeginning(0)),
        (b"\x15abcd\x60\x04\x11\0\0", LzoError::BeforeBeginning(4)),
        (b"\x15abcd\x20\xff\x04\0\x11\0\0", LzoError::TooLong(200)),
    ];
    for (stream, error) in table {
        assert_eq!(decompress(stream, 200), Err(error), "{}", stream.escape_ascii());
    }
}

#[test]
fn a_limit_holds_to_the_byte() {
    let packed = compress(&[7; 1000]);
    assert_eq!(decompress(&packed, 1000).unwrap().len(), 1000);
    assert_eq!(decompress(&packed, 999), Err(LzoError::TooLong(999)));
    assert_eq!(decompress(&packed, 0), Err(LzoError::TooLong(0)));
}

#[test]
fn a_length_past_all_memory_is_refused() {
    let mut stream = vec![0x12, b'a', 0x20];
    stream.resize(1_000_000, 0);
    stream.extend_from_slice(&[1, 0, 0, 0x11, 0, 0]);
    assert_eq!(decompress(&stream, 1000), Err(LzoError::TooLong(1000)));
}

proptest! {
    #[test]
    fn what_is_packed_unpacks_to_the_same(words in vec(vec(b'a'..=b'd', 0..9), 0..200)) {
        let bytes = words.concat();
        prop_assert_eq!(decompress(&compress(&bytes), bytes.len()).unwrap(), bytes);
    }

    #[test]
    fn pieces_of_any_length_unpack_to_the_same(
        seed in any::<u64>(), pieces in vec(0usize..40_000, 1..20),
    ) {
        let bytes = echoes(pieces.iter().sum(), seed);
        let mut lengths = pieces.iter().copied();
        let packed = in_pieces(&bytes, || lengths.next().unwrap_or(1));
        prop_assert!(decompress(&packed, MOST).unwrap() == bytes);
    }

    #[test]
    fn any_stream_unpacks_within_its_limit_or_not_at_all(
        stream in vec(prop_oneof![any::<u8>(), 0u8..64], 0..200), limit in 0usize..5000,
    ) {
        if let Ok(bytes) = decompress(&stream, limit) {
            prop_assert!(bytes.len() <= limit);
        }
    }
}
