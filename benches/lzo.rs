//! Our LZO1X against liblzo2's in the same run: speed each way, and size.
//!
//! `cargo bench --bench lzo`. Speeds are MB of unpacked bytes per second of CPU, the best of many
//! rounds, memory allocation included on both sides; ratios above 1 are in our favour.

#![expect(clippy::print_stdout, reason = "a bench prints, and stops where it stumbles")]

use std::path::{Path, PathBuf};
use std::process::Command;

use makepkg_distcc::protocol::lzo::{Compressor, decompress};
use nix::time::{ClockId, clock_gettime};

/// Bytes that each input is packed in all.
const WORK: usize = 400_000_000;
/// Ours and theirs take turns this often, so that a busy machine slows both.
const TURNS: usize = 5;
/// Bytes that the client reads from the preprocessor at once.
const PIECE: usize = 64 * 1024;

fn main() {
    let scratch = tempfile::tempdir().expect("a scratch directory");
    let Some(original) = build_original(scratch.path()) else {
        println!("lzo: liblzo2's header is not installed; nothing to compare with");
        return;
    };
    println!(
        "{:<22} {:>9} {:>17} {:>6} {:>17} {:>6} {:>6}",
        "", "bytes", "pack C/ours", "ratio", "unpack C/ours", "ratio", "size"
    );
    for input in inputs(scratch.path()) {
        compare(&original, &input);
    }
}

fn build_original(scratch: &Path) -> Option<PathBuf> {
    let program = scratch.join("lzo2");
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/support/lzo2.c");
    let mut gcc = Command::new("gcc");
    let output = gcc.arg("-O2").arg(source).arg("-o").arg(&program).arg("-llzo2").output().ok()?;
    output.status.success().then_some(program)
}

/// What clients and volunteers pack: preprocessed source and objects, large and small.
fn inputs(scratch: &Path) -> Vec<PathBuf> {
    let small = "#include <stdio.h>\n#include <stdlib.h>\nint main(void) { return puts(\"\"); }\n";
    let large = "#include <map>\n#include <regex>\n#include <vector>\n\
        int main() { std::map<int, std::vector<std::regex>> all; return all.size(); }\n";
    let (c, cxx) = (scratch.join("small.c"), scratch.join("large.cc"));
    makepkg_distcc::base::replace::write(&c, small.as_bytes(), 0o600).expect("a source");
    makepkg_distcc::base::replace::write(&cxx, large.as_bytes(), 0o600).expect("a source");
    let made = |options: &[&str], source: &Path, name: &str| {
        let output = scratch.join(name);
        let status = Command::new("g++").args(options).arg(source).arg("-o").arg(&output).status();
        assert!(status.is_ok_and(|status| status.success()), "g++ {options:?} fails");
        output
    };
    vec![
        made(&["-xc", "-E"], &c, "preprocessed-c"),
        made(&["-E"], &cxx, "preprocessed-c++"),
        made(&["-c", "-O2"], &cxx, "object"),
        made(&["-c", "-g"], &cxx, "object-with-debug"),
    ]
}

fn compare(original: &Path, input: &Path) {
    let bytes = std::fs::read(input).expect("the input");
    let rounds = (WORK / bytes.len() / TURNS).max(1);
    let (mut ours, mut theirs) = (Best::default(), Best::default());
    for _ in 0..TURNS {
        for _ in 0..rounds {
            ours.take(&round(&bytes));
        }
        let mut command = Command::new(original);
        let output = command.arg("bench").arg(input).arg(rounds.to_string()).output();
        let text = String::from_utf8(output.expect("the original runs").stdout).expect("numbers");
        let numbers: Vec<u64> = text.split_whitespace().flat_map(str::parse).collect();
        theirs.take(numbers.first_chunk().expect("three numbers"));
    }
    let speed = |nanoseconds: u64| bytes.len() as f64 * 1000.0 / nanoseconds as f64;
    let ratio = |theirs: u64, ours: u64| theirs as f64 / ours as f64;
    println!(
        "{:<22} {:>9} {:>17} {:>6.2} {:>17} {:>6.2} {:>6.3}",
        input.file_name().unwrap_or_default().display(),
        bytes.len(),
        format!("{:.0}/{:.0} MB/s", speed(theirs.pack), speed(ours.pack)),
        ratio(theirs.pack, ours.pack),
        format!("{:.0}/{:.0} MB/s", speed(theirs.unpack), speed(ours.unpack)),
        ratio(theirs.unpack, ours.unpack),
        ratio(ours.size, theirs.size),
    );
}

/// Nanoseconds of packing and of unpacking, and the packed size.
fn round(bytes: &[u8]) -> [u64; 3] {
    let begin = cpu_time();
    let mut compressor = Compressor::new();
    bytes.chunks(PIECE).for_each(|piece| compressor.update(piece));
    let packed = compressor.finish();
    let middle = cpu_time();
    let unpacked = decompress(&packed, bytes.len()).expect("our own stream");
    let end = cpu_time();
    assert!(unpacked == bytes, "packing lost something");
    [middle - begin, end - middle, packed.len() as u64]
}

fn cpu_time() -> u64 {
    let time = clock_gettime(ClockId::CLOCK_PROCESS_CPUTIME_ID).expect("a clock");
    time.tv_sec().cast_unsigned() * 1_000_000_000 + time.tv_nsec().cast_unsigned()
}

/// The best of many rounds.
struct Best {
    pack: u64,
    unpack: u64,
    size: u64,
}

impl Default for Best {
    fn default() -> Self {
        Self { pack: u64::MAX, unpack: u64::MAX, size: u64::MAX }
    }
}

impl Best {
    fn take(&mut self, &[pack, unpack, size]: &[u64; 3]) {
        self.pack = self.pack.min(pack);
        self.unpack = self.unpack.min(unpack);
        self.size = self.size.min(size);
    }
}
