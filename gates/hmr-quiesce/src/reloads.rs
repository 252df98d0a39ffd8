//! The reloads that a log tells of: each target is prepared, then swapped or rolled back, any number of times.

use alloc::collections::BTreeMap;

use portcullis_sdk::prelude::*;

/// An event of the log. Those of other names are passed over, and so are members that are not listed here.
#[derive(Deserialize, Serialize)]
pub struct Event<'a> {
    /// Its name.
    #[serde(borrow)]
    event: Cow<'a, str>,
    /// What is reloaded. Events that do not say so are of one target.
    #[serde(skip_serializing_if = "Option::is_none")]
    target: Option<String>,
    /// When, kept as it is written.
    #[serde(borrow, skip_serializing_if = "Option::is_none")]
    ts: Option<&'a RawValue>,
    /// How much work was still under way.
    #[serde(skip_serializing)]
    inflight: Option<u64>,
    /// False where a swap did not come off.
    #[serde(skip_serializing)]
    ok: Option<bool>,
}

/// What a log comes to, and so the record's details.
#[derive(Default, Serialize)]
pub struct Reloads<'a> {
    /// The number of HMR_PREPARE.
    pub prepares: u64,
    /// The number of HMR_SWAP.
    pub swaps: u64,
    /// The number of HMR_ROLLBACK.
    pub rollbacks: u64,
    /// What the last event that ended a reload says of work under way, if it says anything.
    pub in_flight: Option<u64>,
    /// The last event of a reload.
    pub last: Option<&'a Event<'a>>,
    /// The first prepare that nothing ended, as an index into the log.
    #[serde(skip)]
    pub left_open: Option<usize>,
    /// The first event that ended what was not prepared.
    #[serde(skip)]
    pub unprepared: Option<usize>,
    /// The first event that ended a reload while work was under way.
    #[serde(skip)]
    pub undrained: Option<usize>,
}

/// Where a target stands.
enum State {
    /// Prepared by the event of that index.
    Prepared(usize),
    /// Swapped; a rollback may still undo it.
    Swapped,
}

impl<'a> Reloads<'a> {
    /// Reads the log from its first event to its last.
    pub fn in_log(log: &'a [Event<'a>]) -> Self {
        let (mut reloads, mut targets) = (Self::default(), BTreeMap::new());
        for (index, event) in log.iter().enumerate() {
            let target = event.target.as_deref();
            match event.event.as_ref() {
                "HMR_PREPARE" => {
                    reloads.prepares += 1;
                    if let Some(State::Prepared(earlier)) = targets.insert(target, State::Prepared(index)) {
                        first(&mut reloads.left_open, earlier);
                    }
                }
                "HMR_SWAP" => {
                    reloads.swaps += 1;
                    reloads.end(index, event, matches!(targets.get(&target), Some(State::Prepared(_))));
                    // One that did not come off leaves the target prepared, until it is rolled back.
                    if event.ok != Some(false) {
                        targets.insert(target, State::Swapped);
                    }
                }
                "HMR_ROLLBACK" => {
                    reloads.rollbacks += 1;
                    reloads.end(index, event, targets.remove(&target).is_some());
                }
                _ => continue,
            }
            reloads.last = Some(event);
        }
        for state in targets.into_values() {
            if let State::Prepared(index) = state {
                first(&mut reloads.left_open, index);
            }
        }
        reloads
    }

    /// An event that ends a reload, and whether one was there to end.
    fn end(&mut self, index: usize, event: &Event<'_>, was_open: bool) {
        self.in_flight = event.inflight;
        if !was_open {
            first(&mut self.unprepared, index);
        }
        if event.inflight.is_some_and(|count| count > 0) {
            first(&mut self.undrained, index);
        }
    }
}

/// Keeps the lesser index.
fn first(kept: &mut Option<usize>, index: usize) {
    *kept = Some(kept.map_or(index, |earlier| earlier.min(index)));
}
