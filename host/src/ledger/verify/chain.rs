//! The entries, one after another.

use std::collections::{HashMap, HashSet};

use rusqlite::{Connection, Row, Rows};

use super::{
    super::{
        Broken, Facts, Head, Kind, LedgerError, blobs,
        hash::Bound,
        read::{ENTRIES, RawEntry, whole},
        step::role,
    },
    Found,
};
use crate::digest::Digest;

/// Entries that do not add up and are looked at again, whether they only moved: more are told as changed.
const MOVED: usize = 100;

/// The most bytes of the list of runs that one pruning wrote.
const MAX_LIST: usize = 256 << 20;

/// What the chain says.
pub(super) struct Chain {
    pub(super) head: Head,
    pub(super) runs: HashMap<String, Said>,
    /// The rows of blobs that entries name, and whether any needs the bytes.
    pub(super) needs: HashMap<i64, bool>,
}

/// What the chain says of a run.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Said {
    policy: String,
    manifest: Option<Digest>,
    subject: Option<String>,
    started: i64,
    pub(super) finished: Option<(i64, String, i64)>,
    pub(super) pruned: Option<u64>,
}

/// Walks the chain in its order, and holds the table of runs against it. `known` are heads that it once had.
pub(super) fn walk(connection: &Connection, known: [Option<Head>; 2], found: &mut Found) -> Result<Chain, LedgerError> {
    let mut walk = Walk {
        found,
        known,
        last: Head::EMPTY,
        last_reads: true,
        suspects: Vec::new(),
        doubtful: HashSet::new(),
        gap: false,
        pruned: pruned(connection)?,
        chain: Chain { head: Head::EMPTY, runs: HashMap::new(), needs: HashMap::new() },
    };
    let mut statement = connection.prepare(&format!("{ENTRIES} ORDER BY seq"))?;
    let mut entries = statement.query([])?;
    let mut keeps = connection.prepare(
        "SELECT entry, role, keeps.blob, digest, size FROM keeps LEFT JOIN blobs ON blobs.id = keeps.blob \
         ORDER BY entry, role",
    )?;
    let mut keeps = Beside { rows: keeps.query([])?, next: None };
    keeps.step()?;
    while let Some(row) = entries.next()? {
        let seq = whole(row.get(0)?)?;
        let kept = keeps.up_to(seq)?;
        walk.gap(seq);
        match RawEntry::of(row) {
            Ok(raw) => walk.entry(raw, &kept),
            Err(LedgerError::Corrupt(why)) => walk.unreadable(seq, why, &kept),
            Err(error) => return Err(error),
        }
    }
    if let Some(beyond) = keeps.rest()? {
        walk.gap(beyond.saturating_add(1));
    }
    walk.end();
    let Walk { chain, found, doubtful, gap, .. } = walk;
    let is_doubtful = |run: &str, said: Option<&Said>| {
        // What is missing may have been the begin or the end of any run that has none.
        doubtful.contains(run) || (gap && said.is_none_or(|said| said.finished.is_none()))
    };
    check_runs(connection, &chain.runs, &is_doubtful, found)?;
    Ok(chain)
}

/// What an entry keeps, as it stands in the file.
struct KeepRow {
    entry: u64,
    role: String,
    blob: i64,
    /// Nothing where the blob's row is gone, or makes no sense.
    content: Option<(Digest, u64)>,
}

impl KeepRow {
    fn of(row: &Row<'_>) -> Result<Self, LedgerError> {
        let size = row.get::<_, Option<i64>>(4)?.and_then(|size| u64::try_from(size).ok());
        let content = row.get(3).ok().map(Digest).zip(size);
        Ok(Self { entry: whole(row.get(0)?)?, role: row.get(1)?, blob: row.get(2)?, content })
    }
}

/// The rows of `keeps`, read beside the entries that they belong to.
struct Beside<'s> {
    rows: Rows<'s>,
    next: Option<KeepRow>,
}

impl Beside<'_> {
    fn step(&mut self) -> Result<Option<KeepRow>, LedgerError> {
        let next = self.rows.next()?.map(KeepRow::of).transpose()?;
        Ok(std::mem::replace(&mut self.next, next))
    }

    /// Those of entry `seq`; what belongs to entries before it that are not there is passed over.
    fn up_to(&mut self, seq: u64) -> Result<Vec<KeepRow>, LedgerError> {
        let mut kept = Vec::new();
        while self.next.as_ref().is_some_and(|row| row.entry <= seq) {
            kept.extend(self.step()?.filter(|row| row.entry == seq));
        }
        Ok(kept)
    }

    /// The last entry that any row is left for.
    fn rest(&mut self) -> Result<Option<u64>, LedgerError> {
        let mut last = None;
        while let Some(row) = self.step()? {
            last = Some(row.entry);
        }
        Ok(last)
    }
}

/// An entry that does not add up.
struct Suspect {
    raw: RawEntry,
    kept: Vec<(String, Digest, u64)>,
}

struct Walk<'a> {
    found: &'a mut Found,
    known: [Option<Head>; 2],
    /// The entry before, as it stands in the file.
    last: Head,
    /// Whether it adds up; else that the next one does not follow it is said with that.
    last_reads: bool,
    suspects: Vec<Suspect>,
    /// Runs of which an entry does not add up: what else is wrong with them follows from that.
    doubtful: HashSet<String>,
    /// Whether entries are missing.
    gap: bool,
    /// By run, the last pruning of it.
    pruned: HashMap<String, u64>,
    chain: Chain,
}

impl Walk<'_> {
    fn entry(&mut self, raw: RawEntry, kept: &[KeepRow]) {
        let needed = raw.run.as_ref().and_then(|run| self.pruned.get(run)).is_none_or(|pruned| raw.seq > *pruned);
        self.need(kept, needed);
        let bound: Vec<Bound<'_>> = kept
            .iter()
            .filter_map(|row| row.content.map(|(digest, size)| Bound { role: &row.role, digest, size }))
            .collect();
        let is_whole = bound.len() == kept.len() && raw.run.is_some() == raw.run_id.is_some();
        let hash = raw.hash_as(raw.seq, &bound);
        let (seq, stored, prev) = (raw.seq, raw.hash, raw.prev);
        let adds_up = is_whole && hash == stored;
        if adds_up {
            if self.last_reads && prev != self.last.hash {
                self.found.add(Broken::EntryUnlinked { seq, what: raw.label() });
            }
            self.take(raw);
        } else if self.suspects.len() < MOVED {
            self.doubtful.extend(raw.run.clone());
            let kept = bound.iter().map(|bound| (bound.role.to_owned(), bound.digest, bound.size)).collect();
            self.suspects.push(Suspect { raw, kept });
        } else {
            self.found.add(Broken::EntryChanged { seq, what: raw.label() });
            self.doubtful.extend(raw.run);
        }
        (self.last, self.last_reads) = (Head { entries: seq, hash: stored }, adds_up);
        let is_other = |known: &Head| known.entries == seq && known.hash != stored;
        if adds_up && self.known.iter().flatten().any(is_other) {
            self.found.add(Broken::Rewritten { seq });
        }
    }

    /// A row that cannot be an entry.
    fn unreadable(&mut self, seq: u64, why: String, kept: &[KeepRow]) {
        self.need(kept, true);
        self.found.add(Broken::EntryMalformed { seq, why });
        (self.last.entries, self.last_reads, self.gap) = (seq, false, true);
    }

    fn need(&mut self, kept: &[KeepRow], needed: bool) {
        for row in kept {
            let lasts = [role::USES, role::RUNS].contains(&row.role.as_str());
            *self.chain.needs.entry(row.blob).or_default() |= needed || lasts;
        }
    }

    /// Tells the entries that are not there between the last one and `seq`.
    fn gap(&mut self, seq: u64) {
        let (from, to) = (self.last.entries.saturating_add(1), seq.saturating_sub(1));
        if from <= to {
            self.found.add(Broken::EntryMissing { from, to });
            (self.last_reads, self.gap) = (false, true);
        }
    }

    /// Takes what an entry that adds up says of its run.
    fn take(&mut self, raw: RawEntry) {
        let (seq, at) = (raw.seq, raw.at);
        let read = Kind::named(&raw.kind).map(|kind| Facts::parse(kind, &raw.facts));
        let why = match (read, raw.run) {
            (Some(Ok(Facts::Begin(facts))), Some(run)) => {
                let said = Said {
                    policy: facts.policy,
                    manifest: Some(facts.manifest),
                    subject: facts.subject,
                    started: at,
                    finished: None,
                    pruned: self.pruned.get(&run).copied(),
                };
                match self.chain.runs.insert(run, said) {
                    None => return,
                    Some(_) => "its run began before",
                }
            }
            (Some(Ok(Facts::Prune(_))), None) => return,
            (Some(Ok(facts)), Some(run)) => match (self.chain.runs.get_mut(&run), facts) {
                (Some(said), Facts::Finish(facts)) if said.finished.is_none() => {
                    said.finished = Some((at, facts.decision, i64::from(facts.exit_code)));
                    return;
                }
                (Some(said), Facts::Evidence(_) | Facts::Agent(_) | Facts::Gate(_)) if said.finished.is_none() => {
                    return;
                }
                (Some(_), _) => "its run had ended",
                (None, _) if self.gap || self.doubtful.contains(&run) => return,
                (None, _) => "its run has not begun",
            },
            (Some(Ok(_)), None) => "it is of no run",
            (Some(Err(_)), _) => "its facts are not those of its kind",
            (None, _) => "its kind is unknown",
        };
        self.found.add(Broken::EntryMalformed { seq, why: why.to_owned() });
    }

    fn end(&mut self) {
        self.chain.head = self.last;
        let suspects = std::mem::take(&mut self.suspects);
        let places: Vec<u64> = suspects.iter().map(|suspect| suspect.raw.seq).collect();
        for suspect in suspects {
            self.found.add(suspect.told(&places));
        }
        let (entries, longest) = (self.last.entries, self.known.iter().flatten().map(|known| known.entries).max());
        if let Some(known) = longest.filter(|known| *known > entries) {
            self.found.add(Broken::Truncated { entries, known });
        }
    }
}

impl Suspect {
    /// An entry that adds up in the place of another one that does not was moved.
    fn told(&self, places: &[u64]) -> Broken {
        let (seq, what) = (self.raw.seq, self.raw.label());
        let bound: Vec<Bound<'_>> =
            self.kept.iter().map(|(role, digest, size)| Bound { role, digest: *digest, size: *size }).collect();
        match places.iter().find(|place| self.raw.hash_as(**place, &bound) == self.raw.hash) {
            Some(from) => Broken::EntryMoved { from: *from, to: seq, what },
            None => Broken::EntryChanged { seq, what },
        }
    }
}

/// For each run that was pruned, the number of the last entry that says so. Whether those entries add up is seen with the
/// others: a forged one is told there.
fn pruned(connection: &Connection) -> Result<HashMap<String, u64>, LedgerError> {
    let mut statement = connection.prepare(
        "SELECT seq, blobs.id, size FROM entries JOIN keeps ON keeps.entry = seq JOIN blobs ON blobs.id = keeps.blob \
         WHERE kind = ?1 AND role = ?2 ORDER BY seq",
    )?;
    let mut rows = statement.query((Kind::Prune.name(), role::RUNS))?;
    let mut pruned = HashMap::new();
    while let Some(row) = rows.next()? {
        let (seq, id, size) = (whole(row.get(0)?)?, row.get(1)?, whole(row.get(2)?)?);
        let mut text = Vec::new();
        blobs::read_row(connection, id, size, &mut |bytes| {
            if text.len() < MAX_LIST {
                text.extend_from_slice(bytes);
            }
            Ok(())
        })?;
        // One that does not read prunes nothing; its bytes are told as changed.
        let runs: Vec<String> = serde_json::from_slice(&text).unwrap_or_default();
        pruned.extend(runs.into_iter().map(|run| (run, seq)));
    }
    Ok(pruned)
}

/// The table of runs, which lists and queries go by.
fn check_runs(
    connection: &Connection,
    said: &HashMap<String, Said>,
    is_doubtful: &dyn Fn(&str, Option<&Said>) -> bool,
    found: &mut Found,
) -> Result<(), LedgerError> {
    let mut statement = connection.prepare(
        "SELECT name, policy, manifest, subject, started, finished, decision, exit_code, pruned FROM runs ORDER BY id",
    )?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        let run: String = row.get(0)?;
        let said = said.get(&run);
        if said != listed(row)?.as_ref() && !is_doubtful(&run, said) {
            found.add(Broken::RunChanged { run });
        }
    }
    Ok(())
}

/// What the table says of a run; nothing where that makes no sense.
fn listed(row: &Row<'_>) -> Result<Option<Said>, LedgerError> {
    let finished = match (row.get(5)?, row.get(6)?, row.get(7)?) {
        (Some(at), Some(decision), Some(exit_code)) => Some((at, decision, exit_code)),
        (None::<i64>, None::<String>, None::<i64>) => None,
        _ => return Ok(None),
    };
    Ok(Some(Said {
        policy: row.get(1)?,
        manifest: row.get(2).ok().map(Digest),
        subject: row.get(3)?,
        started: row.get(4)?,
        finished,
        pruned: row.get::<_, Option<i64>>(8)?.map(i64::cast_unsigned),
    }))
}
