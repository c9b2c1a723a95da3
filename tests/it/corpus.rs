//! Every fuzz target over its kept corpus, and over random changes of it.
//!
//! An input that a fuzzer finds goes to `tests/fixtures/fuzz/TARGET/` and is a test from then on.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};

#[expect(unreachable_pub, reason = "the fuzz programs use it as a library")]
#[path = "../../fuzz/src/lib.rs"]
mod targets;

use targets::{TARGETS, Target};

/// Random inputs for each target.
const ROUNDS: u64 = 1000;

/// Longer inputs are cut to this, so that all targets together take seconds.
const LONGEST: usize = 4096;

fn fixtures() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures")
}

fn corpus(target: &Target) -> Vec<Vec<u8>> {
    let dir = fixtures().join("fuzz").join(target.name);
    let mut files: Vec<PathBuf> =
        std::fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    let mut seeds: Vec<Vec<u8>> = files.iter().map(|file| std::fs::read(file).unwrap()).collect();
    if ["admit", "scan"].contains(&target.name) {
        seeds.extend(command_lines());
    }
    if target.name == "makepkg_conf" {
        seeds.extend(configurations());
    }
    seeds
}

/// The configurations that have tests of their own.
fn configurations() -> Vec<Vec<u8>> {
    let files = std::fs::read_dir(fixtures().join("makepkg_conf")).unwrap();
    let mut files: Vec<PathBuf> = files.map(|entry| entry.unwrap().path()).collect();
    files.sort();
    files.iter().map(|file| std::fs::read(file).unwrap()).collect()
}

/// The command lines that have tests of their own.
fn command_lines() -> Vec<Vec<u8>> {
    let files = std::fs::read_dir(fixtures().join("argv")).unwrap();
    let mut files: Vec<PathBuf> = files.map(|entry| entry.unwrap().path()).collect();
    files.retain(|file| file.extension().is_some_and(|extension| extension == "argv"));
    files.sort();
    let lines = files.iter().map(|file| std::fs::read_to_string(file).unwrap());
    lines.map(|line| shell_words::split(&line).unwrap().join("\n").into_bytes()).collect()
}

/// Numbers that look random and are the same in each run.
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, end: usize) -> usize {
        self.0 =
            self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(self.0 >> 33).unwrap() % end.max(1)
    }

    fn byte(&mut self) -> u8 {
        let likely =
            [0, 1, 0x11, b' ', b'\n', b',', b'-', b'/', b'0', b'f', b'=', b'@', 0x7f, 0xff];
        let any = u8::try_from(self.below(256)).unwrap();
        if self.below(2) == 0 { any } else { likely[self.below(likely.len())] }
    }
}

/// A seed with a few changes: bytes changed, put in, cut out, doubled, or taken from another seed.
fn changed(seeds: &[Vec<u8>], numbers: &mut Numbers) -> Vec<u8> {
    let mut bytes = seeds[numbers.below(seeds.len())].clone();
    for _ in 0..=numbers.below(6) {
        let at = numbers.below(bytes.len() + 1);
        let most = 1 << numbers.below(10);
        let end = (at + numbers.below(most)).min(bytes.len());
        match numbers.below(6) {
            0 if at < bytes.len() => bytes[at] = numbers.byte(),
            1 if at < bytes.len() => bytes[at] ^= 1 << numbers.below(8),
            2 => bytes.insert(at, numbers.byte()),
            3 => drop(bytes.drain(at..end)),
            4 => {
                let piece = bytes[at..end].to_vec();
                bytes.splice(at..at, piece);
            }
            _ => {
                let other = &seeds[numbers.below(seeds.len())];
                let from = numbers.below(other.len() + 1);
                let piece = &other[from..(from + end - at).min(other.len())];
                bytes.splice(at..end, piece.iter().copied());
            }
        }
    }
    bytes.truncate(LONGEST);
    bytes
}

fn run(target: &Target, bytes: &[u8]) {
    let outcome = catch_unwind(AssertUnwindSafe(|| (target.run)(bytes)));
    assert!(outcome.is_ok(), "{} fails on: {}", target.name, bytes.escape_ascii());
}

#[test]
fn every_target_takes_its_corpus() {
    for target in TARGETS {
        let seeds = corpus(&target);
        assert!(!seeds.is_empty(), "{}", target.name);
        seeds.iter().for_each(|seed| run(&target, seed));
        run(&target, &[]);
    }
}

#[test]
fn every_target_takes_random_changes_of_its_corpus() {
    let rounds = std::env::vars().find(|(name, _)| name == "FUZZ_ROUNDS");
    let rounds = rounds.map_or(ROUNDS, |(_, rounds)| rounds.parse().unwrap());
    for target in TARGETS {
        let seeds = corpus(&target);
        let mut numbers = Numbers(target.name.len() as u64);
        for _ in 0..rounds {
            run(&target, &changed(&seeds, &mut numbers));
        }
    }
}

#[test]
fn every_target_has_a_program_for_the_fuzzer() {
    let fuzz = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz");
    let manifest = std::fs::read_to_string(fuzz.join("Cargo.toml")).unwrap();
    for Target { name, .. } in TARGETS {
        let text = std::fs::read_to_string(fuzz.join(format!("fuzz_targets/{name}.rs"))).unwrap();
        assert!(text.contains(&format!("makepkg_distcc_fuzz::{name}(bytes)")), "{name}");
        assert!(manifest.contains(&format!("path = \"fuzz_targets/{name}.rs\"")), "{name}");
    }
    let programs = std::fs::read_dir(fuzz.join("fuzz_targets")).unwrap().count();
    assert_eq!(programs, TARGETS.len());
}
