//! Changed seeds for a target, the same every time: few enough that every run of the tests takes them.

use std::{panic::catch_unwind, path::Path};

/// Changed seeds that each target is given, unless `PORTCULLIS_FUZZ_ROUNDS` says how many.
const ROUNDS: usize = 2_000;

/// A target: its name, its seeds, and what it does to bytes, which may be anything.
pub(crate) struct Target {
    pub(crate) name: &'static str,
    pub(crate) seeds: fn() -> Vec<Vec<u8>>,
    pub(crate) run: fn(&[u8]),
}

impl Target {
    /// Gives it its seeds, and whatever becomes of them.
    pub(crate) fn smoke(&self) {
        let seeds = (self.seeds)();
        let mut mutator = Mutator(0x9e37_79b9_7f4a_7c15);
        for seed in &seeds {
            self.give(seed);
        }
        for round in 0..rounds() {
            let seed = &seeds[round % seeds.len()];
            let other = &seeds[mutator.draw(seeds.len())];
            self.give(&mutator.mutate(seed, other));
        }
    }

    fn give(&self, bytes: &[u8]) {
        let taken = catch_unwind(|| (self.run)(bytes));
        assert!(taken.is_ok(), "{} does not take b\"{}\"", self.name, bytes.escape_ascii());
    }

    /// That its seeds are different. `PORTCULLIS_SEEDS=DIR` writes them there, in a folder of its own: the corpus that
    /// `tests/fuzz` starts from.
    pub(crate) fn check_seeds(&self) {
        let seeds = (self.seeds)();
        assert!(seeds.array_windows().all(|[one, other]| one != other), "{}", self.name);
        let folder = std::env::var_os("PORTCULLIS_SEEDS");
        let Some(folder) = folder.as_deref().map(|folder| Path::new(folder).join(self.name)) else { return };
        std::fs::create_dir_all(&folder).expect("a folder");
        for (index, seed) in seeds.iter().enumerate() {
            std::fs::write(folder.join(format!("seed-{index}")), seed).expect("written");
        }
    }

    /// That libFuzzer has a target of the same name.
    pub(crate) fn check_listed(&self) {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/fuzz");
        let list = std::fs::read_to_string(folder.join("Cargo.toml")).expect("there");
        let path = format!("fuzz_targets/{}.rs", self.name);
        assert!(list.contains(&format!("path = \"{path}\"")) && folder.join(&path).exists(), "{path}");
    }
}

fn rounds() -> usize {
    let asked = std::env::var("PORTCULLIS_FUZZ_ROUNDS");
    asked.map_or(ROUNDS, |rounds| rounds.parse().expect("PORTCULLIS_FUZZ_ROUNDS is a number"))
}

/// Changes that parsers trip over, drawn from a generator that gives the same every time.
struct Mutator(u64);

impl Mutator {
    fn draw(&mut self, below: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 % below.max(1) as u64) as usize
    }

    fn mutate(&mut self, seed: &[u8], other: &[u8]) -> Vec<u8> {
        let mut bytes = seed.to_vec();
        for _ in 0..=self.draw(4) {
            let at = self.draw(bytes.len());
            let length = self.draw(16).min(bytes.len() - at);
            match self.draw(8) {
                0 if !bytes.is_empty() => bytes[at] ^= 1 << self.draw(8),
                1 if !bytes.is_empty() => bytes[at] = [0, 1, 0x7f, 0x80, 0xff, b'"', b'{', b'0'][self.draw(8)],
                2 => bytes.truncate(at),
                3 => drop(bytes.drain(at..at + length)),
                4 => {
                    let part = bytes[at..at + length].to_vec();
                    bytes.splice(at..at, part);
                }
                5 => {
                    let from = self.draw(other.len());
                    let to = (from + self.draw(64)).min(other.len());
                    bytes.splice(at..at, other[from..to].iter().copied());
                }
                6 => {
                    let number =
                        [&b"\xff\xff\xff\xff\x0f"[..], b"\x80\x00", b"-1", b"1e9", b"\\u0000", b"\xe2\x80\xae"];
                    let number = number[self.draw(6)];
                    bytes.splice(at..at + length.min(number.len()), number.iter().copied());
                }
                _ => bytes.rotate_left(at),
            }
        }
        bytes
    }
}
