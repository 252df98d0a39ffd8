//! What became of the events of a run.

use serde::Serialize;

use super::queue::Counts;
use crate::{diagnostic::Diagnostic, text::counted};

/// What became of the events of a run, sink by sink.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Report {
    /// In the manifest's order.
    pub sinks: Vec<SinkReport>,
}

/// What became of the events for one sink: `told` is the sum of the other four.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct SinkReport {
    /// The file, the command as the manifest has it, or scheme, host and port of the server. Fit for a terminal, no secret.
    pub sink: String,
    /// Events that it was to be told.
    pub told: u64,
    /// Events that it took: written to the file, read by the system for the command, answered with 2xx by the server.
    pub delivered: u64,
    /// Events that found no room while it was slow.
    pub dropped: u64,
    /// Events that it did not take, however often it was asked.
    pub failed: u64,
    /// Events for which the run's end did not wait. The last one that was under way may have arrived.
    pub undelivered: u64,
    /// The last thing that went wrong, if one did. No secret, and nothing that a server wrote.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub trouble: Option<String>,
}

impl SinkReport {
    pub(super) fn new(sink: String, counts: Counts, trouble: Option<String>) -> Self {
        let Counts { told, delivered, dropped, failed } = counts;
        let undelivered = told.saturating_sub(delivered + dropped + failed);
        Self { sink, told, delivered, dropped, failed, undelivered, trouble }
    }

    /// How many events it missed.
    #[must_use]
    pub fn lost(&self) -> u64 {
        self.told.saturating_sub(self.delivered)
    }

    fn problem(&self) -> Option<Diagnostic> {
        let lost = usize::try_from(self.lost()).unwrap_or(usize::MAX);
        let trouble = self.trouble.as_deref();
        if lost == 0 {
            let trouble = trouble?;
            return Some(Diagnostic::new(
                "events-cut-short",
                format!("`{}` was told everything, but {trouble}", self.sink),
            ));
        }
        let parts = [
            (self.dropped, "found no room while it was slow"),
            (self.failed, "it did not take"),
            (self.undelivered, "were left when the time was over"),
        ];
        let parts: Vec<_> =
            parts.iter().filter(|(number, _)| *number > 0).map(|(number, what)| format!("{number} {what}")).collect();
        let trouble = trouble.map(|trouble| format!("; last: {trouble}")).unwrap_or_default();
        let missed = counted(lost, "event", "events");
        let message = format!("`{}` missed {missed} of {}: {}{trouble}", self.sink, self.told, parts.join(", "));
        Some(Diagnostic::new("events-lost", message))
    }
}

impl Report {
    /// How many events were missed, by all sinks together.
    #[must_use]
    pub fn lost(&self) -> u64 {
        self.sinks.iter().map(SinkReport::lost).sum()
    }

    /// One for each sink that missed something or could not end in time: `events-lost`, `events-cut-short`.
    pub fn problems(&self) -> impl Iterator<Item = Diagnostic> + '_ {
        self.sinks.iter().filter_map(SinkReport::problem)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_missed_is_told_with_its_reasons_and_else_nothing() {
        let check = |counts, trouble: Option<&str>, expect: Option<&str>| {
            let sinks = vec![SinkReport::new("s".to_owned(), counts, trouble.map(str::to_owned))];
            let told: Vec<_> = Report { sinks }.problems().map(|problem| problem.to_string()).collect();
            assert_eq!(told, expect.into_iter().collect::<Vec<_>>());
        };
        check(Counts::default(), None, None);
        check(Counts { told: 2, delivered: 2, ..Counts::default() }, None, None);
        check(
            Counts { told: 12, delivered: 2, dropped: 4, failed: 1 },
            Some("why"),
            Some(
                "[events-lost] `s` missed 10 events of 12: 4 found no room while it was slow, 1 it did not take, \
                 5 were left when the time was over; last: why",
            ),
        );
        check(
            Counts { told: 1, failed: 1, ..Counts::default() },
            None,
            Some("[events-lost] `s` missed 1 event of 1: 1 it did not take"),
        );
        check(
            Counts { told: 1, delivered: 1, ..Counts::default() },
            Some("it still ran"),
            Some("[events-cut-short] `s` was told everything, but it still ran"),
        );
    }
}
