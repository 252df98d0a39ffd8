//! The ledger of revocations: which agents may not start, as the entries say in their order.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::{
    hindrance::Hindrance,
    signed::{Reinstatement, Signed},
};
use crate::{
    agent::Revocation,
    digest::Digest,
    state::{PAGE, State, keys},
};

/// One entry of the ledger.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LedgerEntry {
    /// An agent was revoked.
    Revoked(Revocation),
    /// It may start again.
    Reinstated(Reinstatement),
}

impl LedgerEntry {
    /// Reads one; nothing when it is none that this program knows.
    #[must_use]
    pub fn read(bytes: &[u8]) -> Option<Self> {
        let value: Value = serde_json::from_slice(bytes).ok()?;
        match value {
            Value::Object(mut members) if members.len() == 1 && members.contains_key("reinstated") => {
                let reinstated = members.remove("reinstated")?;
                serde_json::from_value(reinstated).ok().map(Self::Reinstated)
            }
            value => serde_json::from_value(value).ok().map(Self::Revoked),
        }
    }

    /// As it is written.
    #[must_use]
    pub fn to_json(&self) -> String {
        match self {
            Self::Revoked(revocation) => serde_json::to_string(revocation),
            Self::Reinstated(reinstatement) => {
                serde_json::to_string(&serde_json::json!({ "reinstated": reinstatement }))
            }
        }
        .unwrap_or_default()
    }
}

/// The revocations of an agent that nobody has lifted, by the digest of their entries, the first one first.
pub type Unlifted = Vec<(Digest, Revocation)>;

/// The revocations of `agent` that nobody has lifted.
///
/// # Errors
/// When the ledger cannot be read to its end.
pub fn standing(
    state: &dyn State,
    agent: &str,
    signed: &dyn Fn(&Signed<'_>) -> Result<String, String>,
) -> Result<Unlifted, Hindrance> {
    let mut ledger = Ledger::new(Some(agent));
    ledger.follow(state, signed)?;
    Ok(ledger.unlifted())
}

/// The same of all agents.
///
/// # Errors
/// When the ledger cannot be read to its end.
pub fn all_standing(
    state: &dyn State,
    signed: &dyn Fn(&Signed<'_>) -> Result<String, String>,
) -> Result<Unlifted, Hindrance> {
    let mut ledger = Ledger::new(None);
    ledger.follow(state, signed)?;
    Ok(ledger.unlifted())
}

/// What is known of one agent, or of all, from the ledger, and how far it was read.
#[derive(Debug)]
pub(super) struct Ledger {
    /// All of them, where none is named.
    agent: Option<String>,
    next: u64,
    unlifted: BTreeMap<Digest, (u64, Revocation)>,
    /// The runs in which it was revoked, also where that was lifted.
    runs: BTreeSet<String>,
}

impl Ledger {
    pub(super) fn new(agent: Option<&str>) -> Self {
        Self { agent: agent.map(str::to_owned), next: 0, unlifted: BTreeMap::new(), runs: BTreeSet::new() }
    }

    /// Reads what is new.
    ///
    /// # Errors
    /// [`Hindrance::LedgerEntry`], when there is an entry that cannot be read: it may revoke this agent.
    pub(super) fn follow(
        &mut self,
        state: &dyn State,
        signed: &dyn Fn(&Signed<'_>) -> Result<String, String>,
    ) -> Result<(), Hindrance> {
        loop {
            let page = state.read(&keys::revocations(), self.next, PAGE)?;
            if page.first > self.next {
                // Nothing drops from this list: what is missing may revoke this agent.
                return Err(Hindrance::LedgerEntry(self.next));
            }
            for item in &page.items {
                let entry = LedgerEntry::read(&item.value).ok_or(Hindrance::LedgerEntry(item.offset))?;
                self.take(item.offset, Digest::of(&item.value), entry, signed);
            }
            self.next = page.next(self.next);
            if self.next >= page.end {
                return Ok(());
            }
        }
    }

    fn take(
        &mut self,
        offset: u64,
        digest: Digest,
        entry: LedgerEntry,
        signed: &dyn Fn(&Signed<'_>) -> Result<String, String>,
    ) {
        match entry {
            LedgerEntry::Revoked(revocation) if self.is_meant(&revocation.agent_id) => {
                self.runs.insert(revocation.run_id.clone());
                self.unlifted.insert(digest, (offset, revocation));
            }
            // What nobody believes lifts nothing, and is no reason to stop: anybody who can write there can write that.
            LedgerEntry::Reinstated(reinstatement)
                if self.is_meant(&reinstatement.agent_id) && signed(&Signed::Reinstatement(&reinstatement)).is_ok() =>
            {
                let Reinstatement { agent_id, lifts, .. } = &reinstatement;
                self.unlifted.retain(|digest, (_, lifted)| lifted.agent_id != *agent_id || !lifts.contains(digest));
            }
            _ => {}
        }
    }

    fn is_meant(&self, agent: &str) -> bool {
        self.agent.as_deref().is_none_or(|meant| meant == agent)
    }

    /// Why the agent may not run, if it may not.
    pub(super) fn revoked(&self) -> Option<&Revocation> {
        self.unlifted.values().min_by_key(|(offset, _)| *offset).map(|(_, revocation)| revocation)
    }

    /// Whether it was revoked in that run.
    pub(super) fn knows_run(&self, run_id: &str) -> bool {
        self.runs.contains(run_id)
    }

    fn unlifted(self) -> Unlifted {
        let mut all: Vec<_> = self.unlifted.into_iter().collect();
        all.sort_by_key(|(_, (offset, _))| *offset);
        all.into_iter().map(|(digest, (_, revocation))| (digest, revocation)).collect()
    }
}
