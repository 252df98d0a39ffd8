//! Letting the bytes of old runs go.

use jiff::Timestamp;
use portcullis::{
    diagnostic::Diagnostic,
    ledger::{Mode, Prune, Pruned},
    text::{counted, excerpt, grouped},
    units,
};
use serde::Serialize;

use super::{Exit, Failure, Outcome, Place, failed, host, place::resolve, term};

#[derive(clap::Args)]
#[command(group(clap::ArgGroup::new("which").required(true).multiple(true).args(["runs", "older_than", "before", "keep"])))]
pub(super) struct Args {
    /// These runs, also if they were broken off; a beginning of the name will do
    #[arg(value_name = "RUN")]
    runs: Vec<String>,
    /// Runs that ended longer ago, such as 90d; with --keep, those of them
    #[arg(long, value_name = "DURATION", value_parser = units::duration, conflicts_with = "before")]
    older_than: Option<std::time::Duration>,
    /// Runs that ended before, RFC 3339; with --keep, those of them
    #[arg(long, value_name = "TIME")]
    before: Option<Timestamp>,
    /// All runs that ended but the newest N
    #[arg(long, value_name = "N")]
    keep: Option<u32>,
    /// Say what would go, and change nothing
    #[arg(long)]
    dry_run: bool,
    #[command(flatten)]
    place: Place,
    /// As of when, RFC 3339 [default: now]
    #[arg(long, value_name = "TIME")]
    now: Option<Timestamp>,
    /// As JSON
    #[arg(long)]
    json: bool,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Told<'a> {
    dry_run: bool,
    #[serde(flatten)]
    pruned: &'a Pruned,
}

impl Args {
    pub(super) fn execute(self) -> Outcome {
        let now = host::now(self.now);
        let before = self.older_than.map(|age| now.checked_sub(age)).transpose().map_err(|error| {
            Failure::usage(Diagnostic::new("no-such-time", format!("that is before all time: {error}")))
        })?;
        // Pruning a ledger that is not there would make one.
        drop(self.place.open(Mode::Read)?);
        let mut ledger = self.place.open(Mode::Write)?;
        let runs = self.runs.iter().map(|run| resolve(&ledger, run)).collect::<Result<_, _>>()?;
        let which = Prune { before: before.or(self.before), keep: self.keep, runs };
        let pruned = ledger.prune(&which, now, self.dry_run).map_err(|error| failed(ledger.path(), &error))?;
        if self.json {
            term::out_json(&Told { dry_run: self.dry_run, pruned: &pruned })?;
        } else {
            term::out(&render(&pruned, self.dry_run))?;
        }
        Ok(Exit::Ok)
    }
}

fn render(pruned: &Pruned, dry: bool) -> String {
    let mut text: String = pruned.runs.iter().map(|run| format!("{}\n", excerpt(run, 64))).collect();
    let runs = counted(pruned.runs.len(), "run", "runs");
    let (bytes, blobs) = (grouped(pruned.bytes), grouped(pruned.blobs));
    text.push_str(&if dry {
        format!("would prune {runs}: {bytes} bytes in {blobs} blobs that nothing else needs\n")
    } else {
        format!("pruned {runs}: {bytes} bytes in {blobs} blobs that nothing else needed; the chain is as checkable as before\n")
    });
    text
}
