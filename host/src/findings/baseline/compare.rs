//! Whether more is wrong than before, by more than is let pass.

use std::collections::BTreeMap;

use serde::Serialize;

use super::{super::Stamp, Baseline};
use crate::judge::ResultCode;

/// The codes that are held against the thresholds.
const COMPARED: [ResultCode; 2] = [ResultCode::ParseError, ResultCode::ValidationError];

/// How much more may be wrong. More is a regression only when it is above both.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Thresholds {
    /// So many files more.
    pub absolute: u64,
    /// Such a part of those before.
    pub relative: f64,
}

impl Default for Thresholds {
    fn default() -> Self {
        Self { absolute: 5, relative: 0.10 }
    }
}

/// What came of a comparison, as it is written.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Regression {
    /// Whether nothing got worse.
    pub ok: bool,
    /// When it was compared.
    pub timestamp: Stamp,
    /// How many files have each code.
    pub new_counts: BTreeMap<&'static str, u64>,
    /// How many had it before.
    pub ref_counts: BTreeMap<&'static str, u64>,
    /// The threshold in files.
    pub abs_threshold: u64,
    /// The threshold as a part of those before.
    pub rel_threshold: f64,
    /// What got worse, in the order of the codes' numbers.
    pub regressions: Vec<Regressed>,
}

/// A code of which there is too much more.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Regressed {
    /// The code's name.
    pub code: &'static str,
    /// Files with it before.
    pub old: u64,
    /// Files with it now.
    pub new: u64,
    /// How many more.
    pub delta: u64,
    /// How many more as a part of those before; 1 where there were none.
    pub relative_increase: f64,
}

/// Holds `new` against `reference`. A file on which the tool itself failed, and did not before, is a regression at once.
#[must_use]
pub fn compare(new: &Baseline, reference: &Baseline, thresholds: Thresholds, at: Stamp) -> Regression {
    let Thresholds { absolute, relative } = thresholds;
    let more = |code| Regressed::of(code, reference.count(code), new.count(code));
    let is_too_much = |more: &Regressed| more.delta > absolute && more.relative_increase > relative;
    let mut regressions: Vec<Regressed> = COMPARED.into_iter().map(more).filter(is_too_much).collect();
    let internal = ResultCode::InternalError;
    regressions.extend(fails_anew(new, reference).then(|| more(internal)));
    // The tool's own failures are named where there are any; without them the answer is that of older tools.
    let has_internal = new.count(internal) > 0 || reference.count(internal) > 0;
    let shown = || COMPARED.into_iter().chain(has_internal.then_some(internal));
    let counts = |baseline: &Baseline| shown().map(|code| (code.name(), baseline.count(code))).collect();
    Regression {
        ok: regressions.is_empty(),
        timestamp: at,
        new_counts: counts(new),
        ref_counts: counts(reference),
        abs_threshold: absolute,
        rel_threshold: relative,
        regressions,
    }
}

/// Whether the tool fails on more files than before, or on others.
fn fails_anew(new: &Baseline, reference: &Baseline) -> bool {
    let internal = ResultCode::InternalError;
    let others = match (new.files_with(internal), reference.files_with(internal)) {
        (Some(new), Some(before)) => !new.is_subset(&before),
        _ => false,
    };
    others || new.count(internal) > reference.count(internal)
}

impl Regressed {
    fn of(code: ResultCode, old: u64, new: u64) -> Self {
        let delta = new.saturating_sub(old);
        let relative_increase = match (delta, old) {
            (0, _) => 0.0,
            (_, 0) => 1.0,
            _ => delta as f64 / old as f64,
        };
        Self { code: code.name(), old, new, delta, relative_increase }
    }
}
