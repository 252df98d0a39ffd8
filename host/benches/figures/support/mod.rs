//! What the parts share: options, samples taken in turn, the place they work in, the table they fill.

mod child;
mod native;
mod place;
mod report;

use std::time::{Duration, Instant};

pub(crate) use child::{Ran, own_peak, run};
pub(crate) use native::Native;
pub(crate) use place::{GATES, Gate, Place, padded};
pub(crate) use report::{Report, Row};

const PARTS: [&str; 7] = ["process", "calls", "trust", "evidence", "scan", "ledger", "state"];

/// What the user asked for.
pub(crate) struct Options {
    /// Everything once or twice, to see that it works.
    pub(crate) smoke: bool,
    /// JSON instead of Markdown.
    pub(crate) json: bool,
    parts: Vec<String>,
}

impl Options {
    pub(crate) fn from_arguments() -> Result<Self, String> {
        let mut options = Self { smoke: false, json: false, parts: Vec::new() };
        for argument in std::env::args().skip(1) {
            match argument.as_str() {
                // Cargo says so to every bench.
                "--bench" => {}
                "--smoke" => options.smoke = true,
                "--json" => options.json = true,
                part if PARTS.contains(&part) => options.parts.push(argument),
                _ => return Err(format!("usage: cargo bench -p portcullis [-- [--smoke] [--json] {PARTS:?}…]")),
            }
        }
        Ok(options)
    }

    pub(crate) fn wants(&self, part: &str) -> bool {
        self.parts.is_empty() || self.parts.iter().any(|wanted| wanted == part)
    }

    /// `full`, or the smallest number that still shows that it works.
    pub(crate) fn rounds(&self, full: usize) -> usize {
        if self.smoke { 2 } else { full }
    }

    /// `full`, or `few` where that is enough to see that it works.
    pub(crate) fn size(&self, full: usize, few: usize) -> usize {
        if self.smoke { few } else { full }
    }
}

/// Takes `rounds` samples of each subject, one of each in every round: what disturbs the machine disturbs all alike. Each
/// round starts with another one, so that none always follows the same.
pub(crate) fn in_turn<T>(rounds: usize, subjects: &mut [&mut dyn FnMut() -> T]) -> Vec<Vec<T>> {
    let mut samples: Vec<Vec<T>> = subjects.iter().map(|_| Vec::new()).collect();
    for round in 0..rounds {
        for turn in 0..subjects.len() {
            let at = (round + turn) % subjects.len();
            samples[at].push(subjects[at]());
        }
    }
    samples
}

/// The middle one, in the order of size.
pub(crate) fn median(values: impl IntoIterator<Item = f64>) -> f64 {
    let mut values: Vec<f64> = values.into_iter().collect();
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
}

/// Milliseconds.
pub(crate) fn ms(time: Duration) -> f64 {
    time.as_secs_f64() * 1e3
}

/// Microseconds.
pub(crate) fn us(time: Duration) -> f64 {
    time.as_secs_f64() * 1e6
}

/// How long `work` takes.
pub(crate) fn timed<T>(work: impl FnOnce() -> T) -> Duration {
    let begun = Instant::now();
    std::hint::black_box(work());
    begun.elapsed()
}
