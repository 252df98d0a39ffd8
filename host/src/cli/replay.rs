//! `portcullis replay`: judges a past run again, by what was kept of it.

use std::{
    collections::BTreeMap,
    path::PathBuf,
    sync::{Arc, Mutex, PoisonError, atomic::Ordering},
};

use jiff::Timestamp;
use portcullis::{
    decision::{Record, Ruling},
    diagnostic::Diagnostic,
    intake::{CAP, Intake, Shelf, TrustFiles},
    ledger::Mode,
    manifest::Plan,
    run::{Calls, Difference, Event, Keep, Kept, Replayed, Setting, Task, compare},
    stopped::{Stop, Stopped},
    text::{counted, excerpt},
};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{
    Exit, Failure, Outcome,
    evidence::Progress,
    host,
    ledger::{Place, failed, resolve},
    run::jobs,
    table::table,
    term,
};

/// Judge a past run again by what was kept of it, and say whether it comes to the same
#[derive(clap::Args)]
#[command(
    after_help = "Examples:\n  portcullis replay last\n  portcullis replay 20260110T000000Z-0a1b2c3d --trust trust.toml --now 2026-06-01T00:00:00Z\n  portcullis replay 20260110T000000Z-0a1b2c3d --revocations revocations.json\n\nA run may be named by the beginning of its name, the newest one as `last`. Nothing of the world is asked: modules, requests, trust and lists are those that were kept, unless newer ones are named. Exit status: 0 it comes to the same, 1 something differs or the decision would be another today, 3 it cannot be judged again."
)]
pub(crate) struct Args {
    /// The run: its name, the beginning of it, or `last`
    run: String,
    #[command(flatten)]
    place: Place,
    /// By this trust file, and the lists that it names, instead of those of then
    #[arg(long, value_name = "FILE")]
    trust: Option<PathBuf>,
    /// By this revocation list instead of the one of then
    #[arg(long, value_name = "LIST")]
    revocations: Option<PathBuf>,
    /// As of when modules and lists have to hold, RFC 3339 [default: when the run was made]
    #[arg(long, value_name = "TIME")]
    now: Option<Timestamp>,
    /// Calls at once [default: the machine's cores]
    #[arg(long, value_name = "N")]
    jobs: Option<usize>,
    #[command(flatten)]
    cache: host::CacheFlags,
    /// As JSON
    #[arg(long)]
    json: bool,
}

/// What came of it, as JSON.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Told {
    run_id: String,
    same: bool,
    decision_then: String,
    decision: Option<Ruling>,
    /// All that its gates used then.
    fuel_then: u64,
    /// And now, where they were asked.
    fuel: Option<u64>,
    gates: usize,
    /// Why there is no decision by newer trust.
    refused: Vec<Diagnostic>,
    differences: Vec<Difference>,
}

impl Args {
    pub(crate) fn execute(self, global: &term::Global) -> Outcome {
        let ledger = self.place.open(Mode::Read)?;
        let run = resolve(&ledger, &self.run)?;
        let mut kept = Kept::read(&ledger, &run, true).map_err(|error| failed(ledger.path(), &error))?;
        let Some((_, written)) = kept.finished.clone() else {
            let problem = Diagnostic::new("run-unfinished", "the run has not come to its end");
            return Err(Failure::usage(problem.help("`portcullis resume RUN` takes it there")));
        };
        // Gates are asked anew; what they said then is only held against what they say.
        let before = std::mem::take(&mut kept.calls);
        let (again, differences, refused) = match self.judge(kept, global) {
            Ok((record, calls)) => {
                let Replayed { differences } = compare((&written, &before), (&record, &calls));
                (Some((record.decision, fuel(&calls))), differences, Vec::new())
            }
            Err(Stopped { stop: Stop::Refused, problems }) => (None, Vec::new(), problems),
            Err(stopped) => return Err(stopped.into()),
        };
        let (decision, fuel_now) = again.unzip();
        if host::watch_interrupts().load(Ordering::Relaxed) {
            let message = "interrupted before everything was judged again";
            return Err(Failure::blocked(Diagnostic::new("interrupted", message)));
        }
        let told = Told {
            same: decision.is_some() && differences.is_empty(),
            run_id: run,
            decision_then: decided(&written),
            decision,
            fuel_then: fuel(&before),
            fuel: fuel_now,
            gates: before.len(),
            refused,
            differences,
        };
        if self.json {
            term::out_json(&told)?;
        } else {
            term::out(&told.render())?;
        }
        Ok(if told.same { Exit::Ok } else { Exit::No })
    }

    /// The run, judged again.
    fn judge(&self, kept: Kept, global: &term::Global) -> Result<(Record, BTreeMap<String, Calls>), Stopped> {
        let shelf = kept.shelf();
        let settings = kept.settings.clone();
        let plan = settings.plan(&shelf)?;
        let intake = Intake::read(&plan, &settings, settings.now(), &shelf, None)?;
        let intake = match self.trust(&plan, &kept)? {
            Some(trust) => Intake { trust, ..intake },
            None => intake,
        };
        let calls: Mutex<BTreeMap<String, Calls>> = Mutex::default();
        let progress = Progress::new(global);
        let observe = |event: Event<'_>| match event {
            Event::Finished { result, calls: said, .. } => {
                let mut calls = calls.lock().unwrap_or_else(PoisonError::into_inner);
                calls.insert(result.gate.name.clone(), said.clone());
            }
            event => progress.follow(&event),
        };
        let sandbox = |throughput| host::sandbox(throughput, &self.cache, global.verbose);
        let (run_id, cancelled) = (kept.run_id.clone(), host::watch_interrupts());
        let task = Task {
            plan: &plan,
            settings: &settings,
            intake: &intake,
            setting: Setting { now: settings.now(), run_id: &run_id, jobs: jobs(&plan, self.jobs), cancelled },
            world: host::world(cancelled),
            clock: Arc::new(Timestamp::now),
            archives: &[],
            sandbox: &sandbox,
            state: None,
            supervisor: None,
            ledger: Keep::Told,
            kept: Some(kept),
        };
        let record = portcullis::run(task, &observe);
        progress.clear();
        Ok((record?, calls.into_inner().unwrap_or_else(PoisonError::into_inner)))
    }

    /// What modules are verified against, where that is not what it was then.
    fn trust(&self, plan: &Plan, kept: &Kept) -> Result<Option<TrustFiles>, Stopped> {
        let now = self.now.unwrap_or(kept.settings.now());
        let mut trust = match (&self.trust, self.now) {
            (Some(path), _) => {
                // One that cannot be read is misuse, and says nothing of the run.
                Shelf::disk().read(path, CAP)?;
                Some(TrustFiles::peek(path, now, &Shelf::disk())?)
            }
            (None, Some(_)) => Some(TrustFiles::peek(&plan.trust, now, &kept.shelf())?),
            (None, None) => None,
        };
        if let Some(list) = &self.revocations {
            let bytes = Shelf::disk().read(list, CAP)?;
            let then = match trust {
                Some(trust) => trust,
                None => TrustFiles::peek(&plan.trust, now, &kept.shelf())?,
            };
            trust = Some(then.with_list(bytes));
        }
        Ok(trust)
    }
}

/// What all calls of all gates used.
fn fuel(calls: &BTreeMap<String, Calls>) -> u64 {
    let calls = calls.values().flat_map(|calls| &calls.calls);
    calls.map(|call| call.usage.fuel).fold(0, u64::saturating_add)
}

/// The decision of a record.
fn decided(written: &[u8]) -> String {
    #[derive(Deserialize)]
    struct Decided {
        decision: String,
    }
    serde_json::from_slice(written).map_or_else(|_| "unknown".to_owned(), |Decided { decision }| decision)
}

impl Told {
    fn render(&self) -> String {
        let (run, then) = (excerpt(&self.run_id, 64), excerpt(&self.decision_then, 20));
        let gates = counted(self.gates, "gate", "gates");
        let Some(decision) = self.decision else {
            let mut text = format!("run {run} was {then}; today it would be refused, and nothing would run\n");
            for problem in &self.refused {
                text.push_str(&format!("  {problem}\n"));
            }
            return text;
        };
        if self.same {
            return format!("run {run} comes to the same: {then}, {gates} with the same verdicts and the same fuel\n");
        }
        let mut text = format!("run {run} was {then}; judged again it is {}\n", decision.name());
        let head = ["WHERE", "WHAT", "THEN", "NOW"].map(str::to_owned);
        let rows = self.differences.iter().map(|difference| {
            let place = difference.gate.as_ref().map_or_else(|| "decision".to_owned(), |gate| excerpt(gate, 64));
            let value = |value: &Value| excerpt(&value.to_string(), 60);
            [place, excerpt(&difference.what, 40), value(&difference.then), value(&difference.now)]
        });
        text.push_str(&table(&std::iter::once(head).chain(rows).collect::<Vec<_>>()));
        text
    }
}
