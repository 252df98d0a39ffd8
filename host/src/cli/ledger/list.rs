//! Runs, a line each.

use jiff::Timestamp;
use portcullis::{
    ledger::{Filter, Mode, RunRow},
    text::{counted, excerpt},
};
use serde::Serialize;

use super::{
    Exit, Outcome, Place,
    place::{failed, state},
    term,
};
use crate::cli::table::table;

#[derive(clap::Args)]
pub(super) struct Args {
    #[command(flatten)]
    place: Place,
    /// Runs of this pipeline
    #[arg(long, value_name = "NAME")]
    policy: Option<String>,
    /// Runs about this, such as git:COMMIT
    #[arg(long, value_name = "SUBJECT")]
    subject: Option<String>,
    /// Runs that came to this: go, no-go or blocked
    #[arg(long, value_name = "DECISION", conflicts_with = "unfinished")]
    decision: Option<String>,
    /// Runs that have not come to their end
    #[arg(long)]
    unfinished: bool,
    /// Runs that began then or later, RFC 3339
    #[arg(long, value_name = "TIME")]
    since: Option<Timestamp>,
    /// So many runs at most; 0 for all
    #[arg(long, value_name = "N", default_value_t = 50)]
    limit: u32,
    /// As JSON
    #[arg(long)]
    json: bool,
}

/// A run, and what has become of it.
#[derive(Serialize)]
struct Listed<'a> {
    state: String,
    #[serde(flatten)]
    row: &'a RunRow,
}

impl Args {
    pub(super) fn execute(self) -> Outcome {
        let ledger = self.place.open(Mode::Read)?;
        let filter = Filter {
            policy: self.policy,
            subject: self.subject,
            decision: self.decision,
            finished: self.unfinished.then_some(false),
            since: self.since,
            // One more than is shown says whether there are more.
            limit: (self.limit > 0).then(|| self.limit.saturating_add(1)),
        };
        let mut rows = ledger.runs(&filter).map_err(|error| failed(ledger.path(), &error))?;
        let shown = if self.limit == 0 { rows.len() } else { self.limit as usize };
        let more = rows.len() > shown;
        rows.truncate(shown);
        let listed: Vec<Listed<'_>> = rows.iter().map(|row| Listed { state: state(&ledger, row), row }).collect();
        if self.json {
            term::out_json(&listed)?;
            return Ok(Exit::Ok);
        }
        let head = ["RUN", "BEGAN", "PIPELINE", "DECISION", "SUBJECT"].map(str::to_owned);
        term::out(&table(&std::iter::once(head).chain(listed.iter().map(row)).collect::<Vec<_>>()))?;
        if more {
            term::say(&format!("the newest {}; --limit shows more", counted(shown, "run", "runs")));
        }
        Ok(Exit::Ok)
    }
}

fn row(listed: &Listed<'_>) -> [String; 5] {
    let Listed { state, row } = listed;
    let pruned = if row.pruned { ", pruned" } else { "" };
    [
        excerpt(&row.run, 64),
        row.started.strftime("%Y-%m-%dT%H:%M:%SZ").to_string(),
        excerpt(&row.policy, 40),
        format!("{state}{pruned}"),
        row.subject.as_ref().map_or_else(|| "-".to_owned(), |subject| excerpt(subject, 80)),
    ]
}
