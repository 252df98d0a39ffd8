//! One run, step by step.

use portcullis::{
    ledger::{Entry, Facts, KeptRun, Mode},
    text::{excerpt, grouped},
};

use super::{
    Exit, Outcome, Place,
    place::{run, state},
    term,
};
use crate::cli::table::table;

#[derive(clap::Args)]
pub(super) struct Args {
    /// The run: its name, the beginning of it, or `last`
    run: String,
    #[command(flatten)]
    place: Place,
    /// As JSON, with the digests of all that was kept
    #[arg(long)]
    json: bool,
}

impl Args {
    pub(super) fn execute(self) -> Outcome {
        let ledger = self.place.open(Mode::Read)?;
        let run = run(&ledger, &self.run)?;
        if self.json {
            term::out_json(&run)?;
        } else {
            term::out(&render(&run, &state(&ledger, &run.row)))?;
        }
        Ok(Exit::Ok)
    }
}

fn render(run: &KeptRun, state: &str) -> String {
    let KeptRun { row, entries } = run;
    let mut text = format!("run {}  pipeline {}  {state}", excerpt(&row.run, 64), excerpt(&row.policy, 64));
    if let Some(finished) = &row.finished {
        text.push_str(&format!(", exit status {}", finished.exit_code));
    }
    text.push_str(&format!("\nmanifest {}\n", row.manifest));
    if let Some(subject) = &row.subject {
        text.push_str(&format!("subject {}\n", excerpt(subject, 256)));
    }
    if row.pruned {
        text.push_str("its bytes were pruned; what it came to, and on what it rested, is known still\n");
    }
    let head = ["ENTRY", "WHEN", "STEP", "OUTCOME", "KEEPS", "HASH"].map(str::to_owned);
    text.push_str(&table(&std::iter::once(head).chain(entries.iter().map(row_of)).collect::<Vec<_>>()));
    text
}

fn row_of(entry: &Entry) -> [String; 6] {
    let step = match entry.facts {
        Facts::Evidence(_) | Facts::Agent(_) | Facts::Gate(_) => {
            format!("{} {}", entry.kind.name(), excerpt(&entry.name, 64))
        }
        _ => entry.kind.name().to_owned(),
    };
    let bytes = entry.keeps.iter().filter(|kept| kept.there).map(|kept| kept.size).fold(0, u64::saturating_add);
    [
        entry.seq.to_string(),
        entry.at.strftime("%Y-%m-%dT%H:%M:%SZ").to_string(),
        step,
        entry.facts.outcome().map_or_else(|| "-".to_owned(), |outcome| excerpt(outcome, 40)),
        format!("{} bytes", grouped(bytes)),
        entry.hash.short(),
    ]
}
