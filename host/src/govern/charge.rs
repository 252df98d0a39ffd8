//! What a gate saw of an agent that has ended already: it weighs as much as if the agent were still there.

use jiff::Timestamp;
use serde_json::{Value, json};

use super::{hindrance::Hindrance, ledger::LedgerEntry, tally::OFFENCES};
use crate::{
    agent::{Cause, Consequence, Phase, Report, Revocation, Violation, ViolationSeverity},
    state::{Id, ListKey, PAGE, State, keys},
    trust::Time,
};

/// Violations of an agent that has ended, and what follows from them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Charge {
    /// The violations, weighed in their order.
    pub violations: Vec<Violation>,
    /// What the agent is revoked for, where one of them weighs as much.
    pub revocation: Option<Revocation>,
}

impl Charge {
    /// What `reports` about an agent come to that had ended in `phase` and committed so many violations of medium severity.
    #[must_use]
    pub fn of(
        (agent_id, run_id): (&str, &str),
        (phase, offences): (Option<Phase>, u32),
        reports: &[Report],
        at: Timestamp,
    ) -> Self {
        let (mut charge, mut offences) = (Self::default(), offences);
        for Report { rule, detail, gate } in reports.iter().cloned() {
            let severity = rule.severity();
            let consequence = Consequence::of(severity, offences);
            offences = offences.saturating_add(u32::from(severity == ViolationSeverity::Medium));
            let (agent_id, run_id) = (agent_id.to_owned(), run_id.to_owned());
            if consequence == Consequence::Revoked {
                charge.revocation.get_or_insert_with(|| Revocation {
                    agent_id: agent_id.clone(),
                    run_id: run_id.clone(),
                    cause: Cause::Rule(rule.clone()),
                    severity: Some(severity),
                    reason: detail.clone(),
                    phase,
                    at: Time(at),
                });
            }
            let violation =
                Violation { rule, severity, consequence, detail, gate, agent_id, run_id, phase, at: Time(at) };
            charge.violations.push(violation);
        }
        charge
    }

    /// How many of them are of medium severity.
    #[must_use]
    pub fn offences(&self) -> u32 {
        let medium = self.violations.iter().filter(|violation| violation.severity == ViolationSeverity::Medium);
        u32::try_from(medium.count()).unwrap_or(u32::MAX)
    }

    /// Writes it where later runs find it, the revocation ahead of everything else. What is there already is not written again,
    /// so that a run that goes on charges nobody twice. Whether the agent is revoked by it, and was not before.
    ///
    /// # Errors
    /// When the state cannot be read or written.
    pub fn write(&self, state: &dyn State, agent: &Id) -> Result<bool, Hindrance> {
        let mut revokes = false;
        if let Some(revocation) = &self.revocation {
            let entry = LedgerEntry::Revoked(revocation.clone()).to_json();
            if !stands_in(state, &keys::revocations(), |item| item == entry.as_bytes())? {
                state.append(&keys::revocations(), entry.as_bytes(), None)?;
                revokes = true;
            }
        }
        for violation in &self.violations {
            write_once(state, agent, &json!({ "violation": violation }), violation.severity)?;
        }
        Ok(revokes)
    }
}

fn write_once(state: &dyn State, agent: &Id, entry: &Value, severity: ViolationSeverity) -> Result<(), Hindrance> {
    let log = keys::agent_error_log(agent);
    let is_it = |item: &[u8]| serde_json::from_slice::<Value>(item).is_ok_and(|known| known == *entry);
    if stands_in(state, &log, is_it)? {
        return Ok(());
    }
    state.append(&log, entry.to_string().as_bytes(), None)?;
    if severity == ViolationSeverity::Medium {
        state.count(&keys::agent_errors(agent), &Id::parse(OFFENCES)?, 1, u32::MAX, None)?;
    }
    Ok(())
}

fn stands_in(state: &dyn State, list: &ListKey, is_it: impl Fn(&[u8]) -> bool) -> Result<bool, Hindrance> {
    let mut next = 0;
    loop {
        let page = state.read(list, next, PAGE)?;
        if page.items.iter().any(|item| is_it(&item.value)) {
            return Ok(true);
        }
        next = page.next(next);
        if next >= page.end {
            return Ok(false);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;

    fn charge(reports: &[(&str, &str)], offences: u32) -> Charge {
        let reports: Vec<_> = reports.iter().map(|(kind, detail)| Report::of_gate("judge", kind, detail)).collect();
        Charge::of(("builder", "r1"), (Some(Phase::Exit), offences), &reports, Timestamp::UNIX_EPOCH)
    }

    #[test]
    fn what_is_seen_afterwards_weighs_as_it_does_while_the_agent_runs() {
        for (reports, offences, revoked_for, medium) in [
            (&[("MISSING_ARTIFACT", "no notes")][..], 0, None, 0),
            (&[("SCOPE_VIOLATION", "a")], 0, None, 1),
            (&[("SCOPE_VIOLATION", "a"), ("FORBIDDEN_ACTION", "b")], 0, Some("FORBIDDEN_ACTION"), 2),
            (&[("SCOPE_VIOLATION", "a")], 1, Some("SCOPE_VIOLATION"), 1),
            (&[("BASELINE_MUTATION", "a"), ("UNAUTHORIZED_PROD", "b")], 0, Some("BASELINE_MUTATION"), 0),
            (&[("what nobody knows", "a")], 0, Some("what nobody knows"), 0),
            (&[], 7, None, 0),
        ] {
            let charge = charge(reports, offences);
            assert_eq!(charge.revocation.as_ref().map(|revocation| revocation.cause.name()), revoked_for);
            assert_eq!((charge.violations.len(), charge.offences()), (reports.len(), medium));
        }
    }

    #[test]
    fn a_charge_that_is_written_twice_stands_there_once() {
        let folder = tempfile::tempdir().expect("a folder");
        let state =
            crate::state::open("state.sqlite", folder.path(), &|_| None, Arc::new(Timestamp::now)).expect("a store");
        let agent = Id::parse("builder").expect("a name");
        let charge = charge(&[("SCOPE_VIOLATION", "a"), ("SCOPE_VIOLATION", "b")], 0);
        for _ in 0..2 {
            charge.write(&*state, &agent).expect("written");
        }
        let length = |key| state.read(&key, 0, PAGE).expect("read").items.len();
        assert_eq!((length(keys::revocations()), length(keys::agent_error_log(&agent))), (1, 2));
        let counters = state.counters(&keys::agent_errors(&agent)).expect("read");
        assert_eq!(counters.get(&Id::parse(OFFENCES).expect("a name")), Some(&2));
    }
}
