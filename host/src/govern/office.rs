//! What people do about agents that they do not drive: look at them, revoke and reinstate them, clarify and promote.
//!
//! None of it takes an agent's lock: lists are added to, and the one value that is changed is changed only from what was seen.

use std::{collections::BTreeMap, thread, time::Duration};

use jiff::Timestamp;
use serde::{Serialize, de::DeserializeOwned};

use super::{
    hindrance::Hindrance,
    job::{ClarifyRequest, Mail, RunEntry},
    ledger::LedgerEntry,
    signed::{Grant, Reinstatement},
    start::grants_key,
};
use crate::{
    agent::{Cause, ClarifiedPlan, Revocation, Snapshot},
    state::{Id, ListKey, PAGE, State, StateError, ValueKey, keys},
    text::excerpt,
    trust::Time,
};

/// How often a value is changed anew that somebody else has changed meanwhile.
const TRIES: usize = 16;
/// The most grants that are kept of one agent: there are no more steps.
const MOST_GRANTS: usize = 16;
/// Characters that are kept of a reason.
const MOST_REASON: usize = 1000;
/// Runs of which the history tells at once.
const MOST_RUNS: usize = PAGE;

/// What the state knows of an agent. All of it may have been written by anybody with access to the state.
#[derive(Clone, Debug, Serialize)]
pub struct Known {
    /// How it fares; nothing where it was never started.
    pub snapshot: Option<Snapshot>,
    /// When it was last seen, where that is not long ago.
    pub seen: Option<Time>,
    /// Who drives it.
    pub driver: Option<String>,
    /// Its counters, of all runs.
    pub counters: BTreeMap<String, u32>,
    /// Its last runs, the oldest first.
    pub runs: Vec<RunEntry>,
    /// The higher tiers that were signed for it, whoever signed.
    pub grants: Vec<Grant>,
}

/// What the state knows of `agent`.
///
/// # Errors
/// When it cannot be read.
pub fn known(state: &dyn State, agent: &Id) -> Result<Known, Hindrance> {
    let counters = state.counters(&keys::agent_errors(agent))?;
    Ok(Known {
        snapshot: read(state, &keys::agent_state(agent))?.map(|(snapshot, _)| snapshot),
        seen: read(state, &keys::agent_heartbeat(agent))?.map(|(seen, _)| seen),
        driver: state.held(&keys::agent_lock(agent))?.map(|held| held.by),
        counters: counters.into_iter().map(|(name, count)| (name.to_string(), count)).collect(),
        runs: last(state, &keys::history_runs(agent), MOST_RUNS)?,
        grants: read(state, &grants_key(agent)?)?.map(|(grants, _)| grants).unwrap_or_default(),
    })
}

/// Revokes an agent: whoever drives it ends it, and nobody starts it.
///
/// # Errors
/// When it cannot be written.
pub fn revoke(state: &dyn State, agent: &Id, reason: &str, now: Timestamp) -> Result<Revocation, Hindrance> {
    // An agent whose state nobody can read is revoked all the same.
    let snapshot = read::<Snapshot>(state, &keys::agent_state(agent)).ok().flatten().map(|(snapshot, _)| snapshot);
    let revocation = Revocation {
        agent_id: agent.to_string(),
        run_id: snapshot.as_ref().map(|snapshot| snapshot.run_id.clone()).unwrap_or_default(),
        cause: Cause::Token,
        severity: None,
        reason: excerpt(reason, MOST_REASON),
        phase: snapshot.and_then(|snapshot| snapshot.phase),
        at: Time(now),
    };
    let entry = LedgerEntry::Revoked(revocation.clone()).to_json();
    state.append(&keys::revocations(), entry.as_bytes(), None)?;
    Ok(revocation)
}

/// Lets an agent start again. What was signed is looked at by whoever reads it.
///
/// # Errors
/// When it cannot be written.
pub fn reinstate(state: &dyn State, reinstatement: Reinstatement) -> Result<(), Hindrance> {
    let entry = LedgerEntry::Reinstated(reinstatement).to_json();
    state.append(&keys::revocations(), entry.as_bytes(), None)?;
    Ok(())
}

/// Keeps a grant beside those that there are; one for the same step gives way.
///
/// # Errors
/// When it cannot be written.
pub fn grant(state: &dyn State, agent: &Id, grant: &Grant) -> Result<(), Hindrance> {
    let key = grants_key(agent)?;
    for _ in 0..TRIES {
        let (mut grants, version) = match read::<Vec<Grant>>(state, &key)? {
            Some((grants, version)) => (grants, Some(version)),
            None => (Vec::new(), None),
        };
        grants.retain(|other| other.from != grant.from);
        grants.push(grant.clone());
        grants.truncate(MOST_GRANTS);
        let json = serde_json::to_vec(&grants).unwrap_or_default();
        match state.compare_and_set(&key, version, &json, None) {
            Err(StateError::Conflict { .. }) => thread::sleep(Duration::from_millis(5)),
            written => return written.map(|_| ()).map_err(Into::into),
        }
    }
    Err(StateError::Conflict { key: key.name().to_owned() }.into())
}

/// The questions for clarified plans in the mailbox of `project` that nobody has answered, the oldest first.
///
/// # Errors
/// When the mailbox cannot be read.
pub fn questions(state: &dyn State, project: &Id) -> Result<Vec<ClarifyRequest>, Hindrance> {
    let mut open: Vec<ClarifyRequest> = Vec::new();
    for mail in all::<Mail>(state, &keys::project_broadcast(project))? {
        match mail {
            Mail::Clarify(request) => {
                // An agent is at one run at a time, and waits for one plan.
                open.retain(|other| other.trouble.agent_id != request.trouble.agent_id);
                open.push(request);
            }
            Mail::Plan(plan) => open.retain(|request| !request.is_answered_by(&plan)),
        }
    }
    Ok(open)
}

/// Answers the question for a clarified plan that `agent` has open in the mailbox of `project`; nothing where it has none.
///
/// # Errors
/// When the mailbox cannot be read or written.
pub fn clarify(
    state: &dyn State,
    (project, agent): (&Id, &Id),
    objective: &str,
    adjustments: Vec<String>,
    now: Timestamp,
) -> Result<Option<ClarifiedPlan>, Hindrance> {
    let open = questions(state, project)?;
    let Some(request) = open.into_iter().rfind(|request| request.trouble.agent_id == agent.as_str()) else {
        return Ok(None);
    };
    let plan = request.trouble.plan(objective.to_owned(), adjustments, now);
    let mail = serde_json::to_vec(&Mail::Plan(plan.clone())).unwrap_or_default();
    state.append(&keys::project_broadcast(project), &mail, None)?;
    Ok(Some(plan))
}

fn read<T: DeserializeOwned>(
    state: &dyn State,
    key: &ValueKey,
) -> Result<Option<(T, crate::state::Version)>, Hindrance> {
    let Some(entry) = state.get(key)? else { return Ok(None) };
    let value = serde_json::from_slice(&entry.value).map_err(|_| Hindrance::Unreadable(key.name().to_owned()))?;
    Ok(Some((value, entry.version)))
}

/// The items of a list that are what they are to be; what is none is for others.
fn all<T: DeserializeOwned>(state: &dyn State, key: &ListKey) -> Result<Vec<T>, Hindrance> {
    let (mut found, mut next) = (Vec::new(), 0);
    loop {
        let page = state.read(key, next, PAGE)?;
        found.extend(page.items.iter().filter_map(|item| serde_json::from_slice(&item.value).ok()));
        next = page.next(next);
        if next >= page.end {
            return Ok(found);
        }
    }
}

/// The last items of a list.
fn last<T: DeserializeOwned>(state: &dyn State, key: &ListKey, most: usize) -> Result<Vec<T>, Hindrance> {
    let end = state.read(key, 0, 0)?.end;
    let page = state.read(key, end.saturating_sub(most as u64), most)?;
    Ok(page.items.iter().filter_map(|item| serde_json::from_slice(&item.value).ok()).collect())
}
