//! `portcullis resume`: goes on with a run that was broken off, where it was broken off.

use std::path::PathBuf;

use portcullis::{
    diagnostic::Diagnostic,
    intake::{Intake, verify_all},
    ledger::{Claim, Ledger, Mode},
    report,
    run::{Keep, Kept, same_evidence, same_files},
};

use super::{
    Exit, Failure, Outcome,
    evidence::{archives, recorded},
    host,
    ledger::{Place, failed, resolve},
    outputs::Outputs,
    run::{Shape, Walk, exit, read_beside, read_for},
    term, trust_files,
};

/// Go on with a run that was broken off: nothing that ended is done again
#[derive(clap::Args)]
#[command(
    after_help = "Examples:\n  portcullis ledger list\n  portcullis resume 20260110T000000Z-0a1b2c3d\n\nA run may be named by the beginning of its name, the newest one as `last`. Evidence that was collected is not collected again, and gates that ended are not asked again. A manifest, trust file, list, module or evidence file that changed since is refused, with what changed. A run that had come to its end gives its record again."
)]
pub(crate) struct Args {
    /// The run: its name, the beginning of it, or `last`
    run: String,
    #[command(flatten)]
    place: Place,
    #[command(flatten)]
    shape: Shape,
}

impl Args {
    pub(crate) fn execute(self, global: &term::Global) -> Outcome {
        let ledger = self.place.open(Mode::Write)?;
        let told = |error| failed(ledger.path(), &error);
        let run = resolve(&ledger, &self.run)?;
        let claim = ledger.claim(&run).map_err(told)?;
        let kept = Kept::read(&ledger, &run, false).map_err(told)?;
        let outputs = self.outputs_from(&kept)?;
        same_files(&kept)?;
        // All that the run read is what it was, so what was kept is as good, and nothing new comes in beside it.
        let shelf = kept.shelf();
        let settings = kept.settings.clone();
        let plan = settings.plan(&shelf)?;
        let recorded = settings.evidence_dir.as_deref().map(|folder| recorded(folder, &plan)).transpose()?;
        same_evidence(&kept, &plan, host::world(host::watch_interrupts()), &archives(recorded.as_ref()))?;
        if kept.finished.is_none() && !settings.fixed_clock {
            // Time went on: what was trusted then has to be trusted still before more of it runs.
            let today = Intake::read(&plan, &settings, host::now(None), &shelf, Some(&trust_files::machine()))?;
            verify_all(&plan, &today.trust, &shelf, 1)?;
        }
        let intake = Intake::read(&plan, &settings, settings.now(), &shelf, None)?;
        let mut read: Vec<PathBuf> = kept.files.keys().cloned().chain(Ledger::files(ledger.path())).collect();
        read.extend(read_for(&plan, &outputs).into_iter().chain(read_beside(&intake, recorded.as_ref())));
        outputs.clear(&read)?;
        let written = kept.finished.as_ref().map(|(_, record)| record.clone());
        let keep = keep(ledger, claim, written.is_some());
        let walk =
            Walk { plan: &plan, settings: &settings, intake: &intake, recorded: recorded.as_ref(), run_id: &run };
        let record = walk.walk(&self.shape, &outputs, (keep, Some(kept)), global)?;
        if let Some(written) = written {
            same_record(&written, &record)?;
        }
        outputs.write(&record, &plan.name, settings.strict_manual)?;
        Ok(exit(&record))
    }

    /// Where outputs go, seen from here; from then on paths are seen from where the run began.
    fn outputs_from(&self, kept: &Kept) -> Result<Outputs, Failure> {
        let here = host::folder();
        let folder = &kept.settings.folder;
        if *folder == here {
            return Ok(Outputs::new(self.shape.out.clone(), self.shape.output.clone()));
        }
        std::env::set_current_dir(folder).map_err(|error| {
            let message =
                format!("the folder `{}` where the run began is gone: {error}", portcullis::files::shown(folder));
            Failure::usage(Diagnostic::new("resume-folder", message))
        })?;
        let from_here = |path: &PathBuf| here.join(path);
        let output = self.shape.output.iter().cloned().map(|mut output| {
            output.path = output.path.as_ref().map(from_here);
            output
        });
        Ok(Outputs::new(from_here(&self.shape.out), output.collect()))
    }
}

/// A run that had come to its end takes no more steps.
fn keep(ledger: Ledger, claim: Claim, finished: bool) -> Keep {
    if finished { Keep::Nowhere } else { Keep::Resumed(ledger, claim) }
}

/// That the record of a run that had ended is the one that it left.
fn same_record(written: &[u8], record: &portcullis::decision::Record) -> Result<(), Failure> {
    let now = report::decision_json(record).unwrap_or_default();
    if now.as_bytes() == written {
        return Ok(());
    }
    let message = "what was kept of the run comes to another record than the one that it left";
    let help = "`portcullis ledger export RUN --out DIR` gives the record as it was; `portcullis replay RUN` says what differs";
    Err(Failure::new(Exit::Blocked, Diagnostic::new("resume-differs", message).help(help)))
}
