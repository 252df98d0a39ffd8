//! Adding to the chain: one transaction, and every entry of it behind the one that is last under the write lock.

use rusqlite::{Connection, OptionalExtension as _, Transaction, TransactionBehavior};

use super::{
    AgentStep, Content, EvidenceStep, Finish, GateStep, Head, Keep, Kind, Ledger, LedgerError, RunStart, Step, Use,
    blobs::{Hashed, put},
    facts::{BeginFacts, Facts, FinishFacts, OutcomeFacts},
    hash::{Bound, Link},
    read::whole,
    step::{MAX_NAME, role},
    witness,
};
use crate::digest::Digest;

/// An entry that is yet to be added: all that takes time and no lock is done.
pub(super) struct Draft<'a> {
    kind: Kind,
    name: &'a str,
    at: i64,
    facts: String,
    /// In the order of their roles' bytes.
    keeps: Vec<(&'a str, Hashed<'a>)>,
}

impl<'a> Draft<'a> {
    pub(super) fn new(
        kind: Kind,
        name: &'a str,
        at: jiff::Timestamp,
        facts: &Facts,
        keeps: &'a [Keep<'a>],
    ) -> Result<Self, LedgerError> {
        check_name("step", name)?;
        let mut hashed = Vec::with_capacity(keeps.len());
        for keep in keeps {
            check_name("role", &keep.role)?;
            hashed.push((&*keep.role, Hashed::of(&keep.content)?));
        }
        hashed.sort_by_key(|(role, _)| *role);
        if hashed.windows(2).any(|pair| matches!(pair, [(one, _), (other, _)] if one == other)) {
            return Err(LedgerError::Name("role"));
        }
        Ok(Self { kind, name, at: at.as_millisecond(), facts: facts.to_text(), keeps: hashed })
    }
}

fn check_name(what: &'static str, name: &str) -> Result<(), LedgerError> {
    if (1..=MAX_NAME).contains(&name.len()) { Ok(()) } else { Err(LedgerError::Name(what)) }
}

/// `keeps` with what a step rested on, where it rested on anything.
fn with_uses<'a>(keeps: &'a [Keep<'a>], uses: &[Use]) -> Result<Vec<Keep<'a>>, LedgerError> {
    let mut keeps: Vec<Keep<'a>> = keeps.iter().map(Keep::borrowed).collect();
    if keeps.iter().any(|keep| [role::USES, role::RUNS].contains(&&*keep.role)) {
        return Err(LedgerError::Name("role"));
    }
    if !uses.is_empty() {
        let text = serde_json::to_string(uses).map_err(|error| LedgerError::Io(error.to_string()))?;
        keeps.push(Keep::new(role::USES, text));
    }
    Ok(keeps)
}

/// A step as every kind of them is added.
struct Prepared<'a> {
    kind: Kind,
    name: &'a str,
    at: jiff::Timestamp,
    facts: Facts,
    keeps: Vec<Keep<'a>>,
}

impl<'a> Prepared<'a> {
    fn of(step: &'a Step<'a>) -> Result<Self, LedgerError> {
        match step {
            Step::Evidence(EvidenceStep { name, at, outcome, keeps }) => {
                let facts = Facts::Evidence(OutcomeFacts { outcome: outcome.to_string() });
                Ok(Self { kind: Kind::Evidence, name, at: *at, facts, keeps: with_uses(keeps, &[])? })
            }
            Step::Agent(AgentStep { name, at, outcome, keeps }) => {
                let facts = Facts::Agent(OutcomeFacts { outcome: outcome.to_string() });
                Ok(Self { kind: Kind::Agent, name, at: *at, facts, keeps: with_uses(keeps, &[])? })
            }
            Step::Gate(gate) => {
                let facts = Facts::Gate(OutcomeFacts { outcome: gate.outcome.to_string() });
                let mut keeps = with_uses(&gate.keeps, &gate.uses)?;
                keeps.extend(gate_keeps(gate));
                Ok(Self { kind: Kind::Gate, name: &gate.name, at: gate.at, facts, keeps })
            }
        }
    }

    fn draft(&'a self) -> Result<Draft<'a>, LedgerError> {
        Draft::new(self.kind, self.name, self.at, &self.facts, &self.keeps)
    }
}

fn gate_keeps<'a>(gate: &'a GateStep<'a>) -> Vec<Keep<'a>> {
    let mut keeps =
        vec![Keep::new(role::ENTRY, gate.entry.borrowed()), Keep::new(role::MODULE, gate.module.borrowed())];
    if let Some(asked) = &gate.asked {
        let mut keep = |role, content: &'a Content<'a>| keeps.push(Keep::new(role, content.borrowed()));
        keep(role::REQUEST, &asked.request);
        keep(role::ANSWER, &asked.answer);
        keep(role::NOTES, &asked.notes);
    }
    keeps
}

impl Ledger {
    /// Keeps that a run begins.
    ///
    /// # Errors
    /// When the ledger has a run of that name, or cannot be written.
    pub fn begin(&mut self, start: &RunStart<'_>) -> Result<(), LedgerError> {
        let run = &*start.run;
        check_name("run", run)?;
        let facts = BeginFacts {
            policy: start.policy.to_string(),
            manifest: start.manifest,
            subject: start.subject.as_ref().map(ToString::to_string),
        };
        let keeps = with_uses(&start.keeps, &start.uses)?;
        let draft = Draft::new(Kind::Begin, Kind::Begin.name(), start.at, &Facts::Begin(facts), &keeps)?;
        let transaction = self.change()?;
        if find_run(&transaction, run)?.is_some() {
            return Err(LedgerError::RunExists(run.to_owned()));
        }
        let mut insert = transaction.prepare_cached(
            "INSERT INTO runs (name, policy, manifest, subject, started) VALUES (?1, ?2, ?3, ?4, ?5)",
        )?;
        let id = insert.insert((run, &*start.policy, start.manifest.0, start.subject.as_deref(), draft.at))?;
        drop(insert);
        let mut head = head(&transaction)?;
        append(&transaction, Some((id, run)), &draft, &mut head)?;
        transaction.commit()?;
        self.committed(&head);
        Ok(())
    }

    /// Keeps a piece of evidence of a run that has not ended.
    ///
    /// # Errors
    /// When there is no such run, it has ended, has that piece already, or the ledger cannot be written.
    pub fn evidence(&mut self, run: &str, step: EvidenceStep<'_>) -> Result<(), LedgerError> {
        self.steps(run, &[Step::Evidence(step)])
    }

    /// Keeps what a gate of a run came to that has not ended.
    ///
    /// # Errors
    /// As [`Ledger::evidence`].
    pub fn gate(&mut self, run: &str, step: GateStep<'_>) -> Result<(), LedgerError> {
        self.steps(run, &[Step::Gate(step)])
    }

    /// Keeps several steps in one transaction, so that they wait for the disk once; all of them or none.
    ///
    /// # Errors
    /// As [`Ledger::evidence`].
    pub fn steps(&mut self, run: &str, steps: &[Step<'_>]) -> Result<(), LedgerError> {
        let prepared = steps.iter().map(Prepared::of).collect::<Result<Vec<_>, _>>()?;
        let drafts = prepared.iter().map(Prepared::draft).collect::<Result<Vec<_>, _>>()?;
        let transaction = self.change()?;
        let id = open_run(&transaction, run)?;
        let mut head = head(&transaction)?;
        for draft in &drafts {
            append(&transaction, Some((id, run)), draft, &mut head)?;
        }
        transaction.commit()?;
        self.committed(&head);
        Ok(())
    }

    /// Keeps what a run came to. It takes no more steps.
    ///
    /// # Errors
    /// When there is no such run, it has ended, or the ledger cannot be written.
    pub fn finish(&mut self, run: &str, finish: &Finish<'_>) -> Result<(), LedgerError> {
        let Finish { at, decision, exit_code, record, keeps } = finish;
        let facts = Facts::Finish(FinishFacts { decision: (*decision).to_owned(), exit_code: *exit_code });
        let mut keeps = with_uses(keeps, &[])?;
        keeps.push(Keep::new(role::RECORD, record.borrowed()));
        let draft = Draft::new(Kind::Finish, Kind::Finish.name(), *at, &facts, &keeps)?;
        let transaction = self.change()?;
        let id = open_run(&transaction, run)?;
        let mut head = head(&transaction)?;
        append(&transaction, Some((id, run)), &draft, &mut head)?;
        transaction.execute(
            "UPDATE runs SET finished = ?2, decision = ?3, exit_code = ?4 WHERE id = ?1",
            (id, draft.at, decision, exit_code),
        )?;
        transaction.commit()?;
        self.committed(&head);
        Ok(())
    }

    /// The end of the chain.
    ///
    /// # Errors
    /// When the ledger cannot be read.
    pub fn head(&self) -> Result<Head, LedgerError> {
        head(&self.connection)
    }

    /// Has the witness say how far the chain has come.
    pub(super) fn committed(&self, head: &Head) {
        if head.entries > 0 {
            witness::write(&self.path, head);
        }
    }

    /// A transaction that nobody else writes beside.
    pub(super) fn change(&mut self) -> Result<Transaction<'_>, LedgerError> {
        self.check_writable()?;
        Ok(self.connection.transaction_with_behavior(TransactionBehavior::Immediate)?)
    }
}

/// A run's row, as far as adding to it asks.
pub(super) struct RunState {
    pub(super) id: i64,
    pub(super) finished: bool,
    pub(super) pruned: bool,
}

pub(super) fn find_run(connection: &Connection, run: &str) -> Result<Option<RunState>, LedgerError> {
    let mut statement =
        connection.prepare_cached("SELECT id, finished IS NOT NULL, pruned IS NOT NULL FROM runs WHERE name = ?1")?;
    let state = |row: &rusqlite::Row<'_>| Ok(RunState { id: row.get(0)?, finished: row.get(1)?, pruned: row.get(2)? });
    Ok(statement.query_row([run], state).optional()?)
}

/// The row of a run that takes steps.
fn open_run(connection: &Connection, run: &str) -> Result<i64, LedgerError> {
    match find_run(connection, run)? {
        None => Err(LedgerError::NoRun(run.to_owned())),
        Some(state) if state.pruned => Err(LedgerError::RunPruned(run.to_owned())),
        Some(state) if state.finished => Err(LedgerError::RunFinished(run.to_owned())),
        Some(state) => Ok(state.id),
    }
}

pub(super) fn head(connection: &Connection) -> Result<Head, LedgerError> {
    let mut statement = connection.prepare_cached("SELECT seq, hash FROM entries ORDER BY seq DESC LIMIT 1")?;
    let last = statement.query_row([], |row| Ok((row.get(0)?, row.get(1)?))).optional()?;
    last.map_or(Ok(Head::EMPTY), |(seq, hash)| Ok(Head { entries: whole(seq)?, hash: Digest(hash) }))
}

/// Adds an entry behind `head`, which it becomes.
pub(super) fn append(
    transaction: &Transaction<'_>,
    run: Option<(i64, &str)>,
    draft: &Draft<'_>,
    head: &mut Head,
) -> Result<(), LedgerError> {
    let Draft { kind, name, at, facts, keeps } = draft;
    let (run_id, run) = run.unzip();
    if has_step(transaction, run_id, *kind, name)? {
        return Err(LedgerError::StepExists(format!("{} `{name}`", kind.name())));
    }
    let mut rows = Vec::with_capacity(keeps.len());
    let mut bound = Vec::with_capacity(keeps.len());
    for (role, content) in keeps {
        let stored = put(transaction, content)?;
        rows.push((*role, stored.id));
        bound.push(Bound { role, digest: content.digest, size: stored.size });
    }
    let seq = head.entries.saturating_add(1);
    let link = Link {
        seq,
        prev: head.hash,
        run: run.unwrap_or_default(),
        kind: kind.name(),
        name,
        at: *at,
        facts,
        keeps: &bound,
    };
    let hash = link.hash();
    transaction
        .prepare_cached(
            "INSERT INTO entries (seq, run, kind, name, at, facts, prev, hash) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
        )?
        .execute((seq.cast_signed(), run_id, kind.name(), name, at, facts, head.hash.0, hash.0))?;
    let mut keep = transaction.prepare_cached("INSERT INTO keeps (entry, role, blob) VALUES (?1, ?2, ?3)")?;
    for (role, blob) in rows {
        keep.execute((seq.cast_signed(), role, blob))?;
    }
    *head = Head { entries: seq, hash };
    Ok(())
}

fn has_step(connection: &Connection, run: Option<i64>, kind: Kind, name: &str) -> Result<bool, LedgerError> {
    let mut statement =
        connection.prepare_cached("SELECT 1 FROM entries WHERE run = ?1 AND kind = ?2 AND name = ?3")?;
    Ok(statement.exists((run, kind.name(), name))?)
}
