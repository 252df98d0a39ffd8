//! `portcullis history`: how it goes, from scan to scan.

use std::path::PathBuf;

use clap::Subcommand;
use portcullis::{
    diagnostic::Diagnostic,
    files::{FileError, shown},
    findings::history::{Snapshot, TRENDS, Trends, change, chart, newest, rate, write_trends},
    text::grouped,
};

use super::{Exit, Failure, Outcome, table::table, term};

/// Where snapshots are unless the user says otherwise.
pub(crate) const FOLDER: &str = ".portcullis/history";

/// Show whether things get better, from scan to scan
#[derive(clap::Args)]
#[command(
    after_help = "Example:\n  portcullis scan aether-workflow.wasm flows --history-dir .portcullis/history\n  portcullis history trends\n\ntrends writes trends.json of the newest 20 snapshots beside them. One that cannot be read is passed over, and told of."
)]
pub(crate) struct Args {
    #[command(subcommand)]
    action: Action,
}

#[derive(Subcommand)]
enum Action {
    /// List all snapshots, the oldest first
    List(Folder),
    /// Draw the newest 20, and write them as trends.json
    Trends(Folder),
}

#[derive(clap::Args)]
struct Folder {
    /// The folder of the snapshots
    #[arg(long, value_name = "DIR", default_value = FOLDER)]
    history_dir: PathBuf,
    /// As JSON
    #[arg(long)]
    json: bool,
}

impl Args {
    pub(crate) fn execute(self) -> Outcome {
        match self.action {
            Action::List(folder) => folder.list(),
            Action::Trends(folder) => folder.trends(),
        }
    }
}

impl Folder {
    fn list(self) -> Outcome {
        let Trends { snapshots, skipped } = newest(&self.history_dir, usize::MAX).map_err(unlistable)?;
        tell(&skipped);
        if self.json {
            term::out_json(&snapshots)?;
            return Ok(Exit::Ok);
        }
        let head = ["SNAPSHOT", "TIME", "FAILED", "TOTAL", "RATE"].map(str::to_owned);
        let rows: Vec<[String; 5]> = std::iter::once(head).chain(snapshots.iter().map(row)).collect();
        term::out(&table(&rows))?;
        Ok(Exit::Ok)
    }

    fn trends(self) -> Outcome {
        let Trends { snapshots, skipped } = write_trends(&self.history_dir).map_err(unlistable)?;
        tell(&skipped);
        if self.json {
            term::out_json(&snapshots)?;
            return Ok(Exit::Ok);
        }
        let mut text = chart(&snapshots);
        text.extend(change(&snapshots).map(|change| format!("{change}\n")));
        text.push_str(&format!("{}\n", shown(&self.history_dir.join(TRENDS))));
        term::out(&text)?;
        Ok(Exit::Ok)
    }
}

/// Tells of snapshots that are passed over.
pub(crate) fn tell(skipped: &[Diagnostic]) {
    for problem in skipped {
        term::note(&problem.message);
    }
}

fn row(snapshot: &Snapshot) -> [String; 5] {
    let Snapshot { file, timestamp, failed, total } = snapshot;
    let count = |count: u32| grouped(u64::from(count));
    [file.clone(), timestamp.to_string(), count(*failed), count(*total), rate(*failed, *total)]
}

fn unlistable(error: FileError) -> Failure {
    match error {
        FileError::Missing(_) => {
            let help = "`portcullis scan MODULE PATH --history-dir DIR` leaves a snapshot in it";
            Failure::usage(Diagnostic::from(error).help(help))
        }
        error => error.into(),
    }
}
