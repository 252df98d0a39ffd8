//! The counters of an agent's errors, in all runs: what they are to come to.
//!
//! What is counted is an aim and not a step, so that counting twice comes to the same.

use std::collections::BTreeMap;

use crate::{
    agent::Remembered,
    digest::Digest,
    state::{Id, MAX_COUNTERS},
};

/// Errors in all runs.
pub(super) const TOTAL: &str = "total";
/// Procedure violations in all runs.
pub(super) const PROCEDURE: &str = "procedure";
/// Violations of medium severity in all runs.
pub(super) const OFFENCES: &str = "offences";
/// In front of the code of an error.
const CODE: &str = "error.";

/// What the counters are to come to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Tally(pub(super) BTreeMap<Id, u32>);

impl Tally {
    /// What `name` has come to.
    pub(super) fn of(&self, name: &str) -> u32 {
        Id::parse(name).ok().and_then(|id| self.0.get(&id).copied()).unwrap_or(0)
    }

    /// Whether anything was counted between `before` and `after`; if so, it is counted here.
    pub(super) fn follow(&mut self, before: &Remembered, after: &Remembered) -> bool {
        let (was, is) = (&before.spent, &after.spent);
        let mut steps = vec![
            (TOTAL.to_owned(), is.total.saturating_sub(was.total)),
            (PROCEDURE.to_owned(), is.procedure.saturating_sub(was.procedure)),
            (OFFENCES.to_owned(), after.offences.saturating_sub(before.offences)),
        ];
        steps.extend(is.same.iter().map(|(code, count)| {
            let before = was.same.get(code).copied().unwrap_or(0);
            (counter(code), count.saturating_sub(before))
        }));
        let mut counted = false;
        for (name, step) in steps.into_iter().filter(|(_, step)| *step > 0) {
            let Ok(id) = Id::parse(&name) else { continue };
            // The last places are for those that count in all runs.
            if !self.0.contains_key(&id) && self.0.len() + 8 > MAX_COUNTERS as usize && name.starts_with(CODE) {
                continue;
            }
            let count = self.0.entry(id).or_default();
            *count = count.saturating_add(step);
            counted = true;
        }
        counted
    }
}

/// The name of the counter of an error. A code that is too long for one stands there by its digest.
fn counter(code: &str) -> String {
    let name = format!("{CODE}{code}");
    if Id::parse(&name).is_ok() { name } else { format!("{CODE}{}", Digest::of(code.as_bytes()).short()) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::agent::Spent;

    fn spent(total: u32, same: &[(&str, u32)], procedure: u32, offences: u32) -> Remembered {
        let same = same.iter().map(|(code, count)| ((*code).to_owned(), *count)).collect();
        Remembered { offences, spent: Spent { total, same, procedure } }
    }

    #[test]
    fn counters_only_grow_also_when_an_error_is_forgiven() {
        let mut tally = Tally::default();
        let none = spent(0, &[], 0, 0);
        let three = spent(3, &[("E1", 3)], 0, 0);
        assert!(tally.follow(&none, &three));
        let forgiven = spent(3, &[], 0, 0);
        assert!(!tally.follow(&three, &forgiven));
        assert!(tally.follow(&forgiven, &spent(4, &[("E1", 1)], 1, 1)));
        let counted = [TOTAL, PROCEDURE, OFFENCES, "error.E1"].map(|name| tally.of(name));
        assert_eq!(counted, [4, 1, 1, 4]);
    }

    #[test]
    fn codes_that_are_no_names_of_counters_are_counted_and_never_crowd_out_what_counts_in_all_runs() {
        let mut tally = Tally::default();
        let long = "x".repeat(64);
        assert!(tally.follow(&spent(0, &[], 0, 0), &spent(1, &[(&long, 1), ("-e", 1)], 0, 0)));
        assert_eq!((tally.0.len(), tally.of("error.-e")), (3, 1));
        for number in 0..1_000 {
            let code = format!("E{number}");
            tally.follow(&spent(0, &[], 0, 0), &spent(1, &[(&code, 1)], 0, 0));
        }
        assert!(tally.follow(&spent(0, &[], 0, 0), &spent(0, &[], 1, 1)));
        assert!(tally.0.len() <= MAX_COUNTERS as usize);
        assert_eq!((tally.of(TOTAL), tally.of(PROCEDURE), tally.of(OFFENCES)), (1_001, 1, 1));
    }
}
