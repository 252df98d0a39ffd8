//! How a stage ends: first the process with all of its group, then the last words to the state, then the lock.

use std::{
    collections::BTreeSet,
    thread::{self, ScopedJoinHandle},
    time::{Duration, Instant},
};

use super::{
    driven::Driven,
    driver::{Driver, Message},
    hindrance::Hindrance,
    job::{Answer, Job, RunEntry},
    mask::Mask,
    pipes::Notes,
};
use crate::{
    agent::{AgentStatus, Snapshot, StageStatus},
    state::{Holder, keys},
    text::printable,
    trust::Time,
};

/// How long giving the lock back may take, also where there is no time left.
const RELEASE: Duration = Duration::from_secs(1);
/// How long a process may take to be gone that was killed.
const GONE: Duration = Duration::from_secs(5);
/// How long is waited between tries.
const PAUSE: Duration = Duration::from_millis(20);
/// How many broken rules an entry of the history names.
const MOST_RULES: usize = 64;

impl Driver<'_, '_> {
    /// Kills all that there is of the agent.
    pub(super) fn kill(&mut self) {
        self.process.kill();
        self.kill_at = None;
        self.killed.get_or_insert_with(Instant::now);
    }

    /// Whether there is nothing more to drive: the machine is at an end, and the process is gone.
    pub(super) fn is_over(&mut self) -> bool {
        if !self.agent.status().is_terminal() {
            return false;
        }
        let is_told = self.end_is_told();
        if self.ended.is_some() && is_told && self.process.reap() {
            return true;
        }
        self.process.kill_again();
        let remains = self.killed.is_some_and(|killed| killed.elapsed() > GONE) && (self.ended.is_none() || is_told);
        if remains {
            self.hindrance.get_or_insert(Hindrance::Remains);
        }
        remains
    }

    /// Writes what is still to be written, gives the lock back, and says what became of it all.
    pub(super) fn finish(mut self, keeper: ScopedJoinHandle<'_, ()>, notes: &Notes, mask: &Mask) -> Driven {
        self.said = None;
        let status = self.agent.status();
        self.desk.lay(Job::EndRun {
            entry: Box::new(self.entry(status)),
            goes_on: status == AgentStatus::Failed && self.revocation.is_none(),
        });
        self.desk.only_last_words();
        let until = Instant::now() + self.stage.patience.finish;
        let is_written = self.desk.wait(self.stage.patience.finish);
        // An agent whose revocation nobody can read, or that is still there, is not to be started by anybody else.
        let remains = self.hindrance == Some(Hindrance::Remains);
        if is_written && !remains && !self.lock_is_lost {
            self.desk.lay(Job::Release);
            self.desk.wait(until.saturating_duration_since(Instant::now()).max(RELEASE));
        }
        self.desk.close(true);
        let _ = keeper.join();
        self.last_messages();
        for job in self.desk.left() {
            if matches!(job, Job::Revoke(_)) {
                let why = self.failed.as_ref().map_or_else(String::new, Hindrance::to_string);
                self.hindrance = Some(Hindrance::NotInLedger(why));
            }
            self.missing.extend(job.missing());
        }
        let snapshot = Job::Snapshot(Box::new(self.snapshot.clone()));
        if self.lock_is_lost && self.writes_late(until) {
            self.missing.retain(|missing| Some(missing) != snapshot.missing().as_ref());
        }
        let mut known = BTreeSet::new();
        self.missing.retain(|missing| known.insert(missing.clone()));
        if self.unlisted > 0 {
            self.missing.push(format!("{} more violations, too many to list", self.unlisted));
        }
        self.driven(status, notes, mask)
    }

    fn last_messages(&mut self) {
        let messages: Vec<_> = self.inbox.try_iter().collect();
        for message in messages {
            match message {
                Message::Missing(missing) => self.missing.push(missing),
                Message::Answer(Answer::LockLost) => self.lock_is_lost = true,
                Message::Answer(Answer::Refused(job, hindrance)) => {
                    if matches!(*job, Job::Revoke(_)) {
                        self.hindrance = Some(Hindrance::NotInLedger(hindrance.to_string()));
                    }
                    self.missing.extend(job.missing());
                }
                Message::Failed(hindrance) => self.failed = Some(hindrance),
                _ => {}
            }
        }
    }

    /// An agent that has lost its lock still stands there as it was. Where nobody has taken the lock since, and nobody has
    /// written anything there, it is said what became of it. Whether it was.
    fn writes_late(&self, until: Instant) -> bool {
        loop {
            match self.write_late() {
                Err(hindrance) if hindrance.may_pass() && Instant::now() < until => thread::sleep(PAUSE),
                written => return written.unwrap_or(false),
            }
        }
    }

    fn write_late(&self) -> Result<bool, Hindrance> {
        let (state, key) = (self.stage.state, keys::agent_state(self.stage.agent));
        let lock = keys::agent_lock(self.stage.agent).lasting(self.stage.plan.lock);
        let fence = state.acquire(&lock, &Holder::new("last words")?)?;
        let written = state.get(&key).and_then(|entry| {
            let found = entry.and_then(|entry| serde_json::from_slice::<Snapshot>(&entry.value).ok());
            if found.is_none_or(|found| found.run_id != self.stage.run_id) {
                return Ok(false);
            }
            let snapshot = serde_json::to_vec(&self.snapshot).unwrap_or_default();
            state.put(&key, &snapshot, Some(&fence)).map(|_| true)
        });
        state.release(&fence)?;
        Ok(written?)
    }

    fn entry(&self, status: AgentStatus) -> RunEntry {
        let rules = self.violations.iter().map(|violation| violation.rule.name().to_owned());
        RunEntry {
            run_id: self.stage.run_id.to_owned(),
            task: self.stage.task.to_string(),
            status,
            phase: self.agent.phase(),
            tier: self.agent.tier(),
            reason: self.agent.reason().map(str::to_owned),
            started: Time(self.started),
            ended: Time(self.now()),
            outputs: self.snapshot.outputs.clone(),
            violations: rules.take(MOST_RULES).collect(),
            errors: self.snapshot.errors.clone(),
        }
    }

    fn driven(self, status: AgentStatus, notes: &Notes, mask: &Mask) -> Driven {
        let snapshot = self.snapshot;
        Driven {
            status,
            stage: if status == AgentStatus::Completed { StageStatus::Completed } else { StageStatus::Failed },
            phase: snapshot.phase,
            tier: snapshot.tier,
            reason: snapshot.reason,
            hindrance: self.hindrance,
            outputs: self.outputs,
            violations: self.violations,
            revocation: self.revocation,
            spent: snapshot.errors,
            offences: snapshot.offences,
            verified: snapshot.verified,
            promotion: snapshot.promotion,
            notes: shown(&mask.hide_cut(&String::from_utf8_lossy(&notes.bytes))),
            notes_bytes: notes.total,
            missing: self.missing,
        }
    }
}

/// Notes as people may see them, line by line.
fn shown(notes: &str) -> String {
    notes.lines().map(printable).collect::<Vec<_>>().join("\n")
}
