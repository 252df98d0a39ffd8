//! Entries, for people and for programs.

use jiff::{Timestamp, civil::Date};
use portcullis::{
    findings::{
        Fingerprint, day,
        suppressions::{Entry, WARNED},
    },
    report::github::defused,
    text::{counted, excerpt},
};
use serde::Serialize;

use super::{Exit, Outcome, Source, host, read_suppressions, table::table, term};

/// Characters of a reason that a table shows.
const REASON: usize = 80;

#[derive(clap::Args)]
pub(super) struct Args {
    #[command(flatten)]
    source: Source,
    /// Tell of entries so many days before their last one
    #[arg(long, value_name = "DAYS", default_value_t = WARNED)]
    within: u32,
    /// As of when, RFC 3339 [default: now]
    #[arg(long, value_name = "TIME")]
    now: Option<Timestamp>,
    /// As JSON
    #[arg(long)]
    json: bool,
}

/// How an entry stands.
#[derive(Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
enum State {
    Holds,
    Expiring,
    Expired,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Shown<'a> {
    fingerprint: Fingerprint,
    reason: &'a str,
    owner: Option<&'a str>,
    expires: Option<String>,
    state: State,
    days_left: Option<u32>,
    line: usize,
}

impl Args {
    pub(super) fn execute(self) -> Outcome {
        let suppressions = read_suppressions(self.source.file.as_deref())?;
        let today = day(host::now(self.now));
        for notice in suppressions.due(today, self.within) {
            term::note(&notice.to_string());
        }
        let entries = suppressions.entries().iter();
        let entries: Vec<Shown<'_>> = entries.map(|entry| self.shown(entry, today)).collect();
        if self.json {
            term::out_json(&entries)?;
            return Ok(Exit::Ok);
        }
        let head = ["FINGERPRINT", "OWNER", "EXPIRES", "STATE", "REASON"].map(str::to_owned);
        let rows: Vec<[String; 5]> = std::iter::once(head).chain(entries.iter().map(row)).collect();
        term::out(&defused(&table(&rows)))?;
        Ok(Exit::Ok)
    }

    fn shown<'a>(&self, entry: &'a Entry, today: Date) -> Shown<'a> {
        let days_left = entry.days_left(today);
        let state = match days_left {
            _ if entry.is_expired(today) => State::Expired,
            Some(days) if days <= self.within => State::Expiring,
            _ => State::Holds,
        };
        let Entry { fingerprint, reason, owner, expires, line } = entry;
        let (owner, expires) = (owner.as_deref(), expires.map(|day| day.to_string()));
        Shown { fingerprint: *fingerprint, reason, owner, expires, state, days_left, line: *line }
    }
}

fn row(entry: &Shown<'_>) -> [String; 5] {
    let dash = || "-".to_owned();
    let state = match (entry.state, entry.days_left) {
        (State::Expired, _) => "expired".to_owned(),
        (State::Expiring, Some(0)) => "last day".to_owned(),
        (State::Expiring, Some(days)) => format!("{} left", counted(days as usize, "day", "days")),
        _ => "holds".to_owned(),
    };
    let reason = if entry.reason.is_empty() { dash() } else { excerpt(entry.reason, REASON) };
    let owner = entry.owner.map_or_else(dash, |owner| format!("@{owner}"));
    [entry.fingerprint.to_string(), owner, entry.expires.clone().unwrap_or_else(dash), state, reason]
}
