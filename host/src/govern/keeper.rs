//! Does with the state what the driver wants of it, one job after the other, until there are no more.

use std::{sync::mpsc::Sender, time::Duration};

use serde::Serialize;

use super::{
    desk::Desk,
    driven::Outputs,
    driver::Message,
    hindrance::Hindrance,
    job::{Answer, Job, Mail, RunEntry},
    ledger::{Ledger, LedgerEntry},
    plan::Stage,
    signed::{Grant, Signed},
    start::{Handoff, grants_key},
    tally::Tally,
};
use crate::{
    agent::{AgentOutput, ClarifiedPlan, OutputType},
    state::{Fence, Id, ListKey, StateError, ValueKey, keys},
    trust::Time,
};

/// The first pause after a failure; each one after it is twice as long.
const FIRST_PAUSE: Duration = Duration::from_millis(20);
/// The longest one.
const LONGEST_PAUSE: Duration = Duration::from_secs(1);
/// Pages of the mailbox that are read at once.
const PAGES: usize = 8;

pub(super) struct Keeper<'a> {
    stage: Stage<'a>,
    desk: &'a Desk,
    post: Sender<Message>,
    /// Nothing once it is lost.
    fence: Option<Fence>,
    ledger: Ledger,
    /// Where the mailbox is read on.
    mail: u64,
    /// The last output of each type.
    made: Outputs,
}

impl<'a> Keeper<'a> {
    pub(super) fn new(
        stage: Stage<'a>,
        (desk, post): (&'a Desk, Sender<Message>),
        fence: Fence,
        ledger: Ledger,
        made: Outputs,
    ) -> Self {
        Self { stage, desk, post, fence: Some(fence), ledger, mail: 0, made }
    }

    /// Until there is nothing more to do.
    pub(super) fn run(mut self) {
        let mut pause = FIRST_PAUSE;
        while let Some(job) = self.desk.take() {
            match self.does(&job) {
                Ok(answer) => {
                    pause = FIRST_PAUSE;
                    self.desk.done();
                    self.tell(Message::Answer(answer));
                }
                Err(Hindrance::State(StateError::LockLost { .. })) => {
                    self.fence = None;
                    self.desk.done();
                    self.tell(Message::Answer(Answer::LockLost));
                    if let Some(missing) = job.missing() {
                        self.tell(Message::Missing(missing));
                    }
                }
                Err(hindrance) if hindrance.may_pass() => {
                    let only_here = matches!(hindrance, Hindrance::State(StateError::Corrupted { .. }));
                    self.tell(Message::Failed(hindrance));
                    self.desk.put_back(job, pause, only_here);
                    pause = (pause * 2).min(LONGEST_PAUSE);
                }
                Err(hindrance) => {
                    self.desk.done();
                    self.tell(Message::Answer(Answer::Refused(Box::new(job), hindrance)));
                }
            }
        }
    }

    /// Nobody may be there any more to hear it; then it is of no use.
    fn tell(&self, message: Message) {
        let _ = self.post.send(message);
    }

    fn does(&mut self, job: &Job) -> Result<Answer, Hindrance> {
        let agent = self.stage.agent;
        match job {
            Job::Revoke(revocation) => {
                let entry = LedgerEntry::Revoked(revocation.as_ref().clone());
                self.stage.state.append(&keys::revocations(), entry.to_json().as_bytes(), None)?;
            }
            Job::Follow => {
                self.ledger.follow(self.stage.state, self.stage.signed)?;
                if let Some(revocation) = self.ledger.revoked() {
                    return Ok(Answer::Revoked(format!("{}: {}", revocation.cause.name(), revocation.reason)));
                }
            }
            Job::Renew => {
                let asked = (self.stage.world.clock)();
                self.stage.state.renew(self.under()?)?;
                return Ok(Answer::Renewed(asked));
            }
            Job::Seen(at) => self.put(&keys::agent_heartbeat(agent).lasting(self.stage.plan.heartbeat), &Time(*at))?,
            Job::Snapshot(snapshot) => self.put(&keys::agent_state(agent), snapshot)?,
            Job::Count(tally) => self.count(tally)?,
            Job::Keep(number, output) => {
                self.keep(output)?;
                return Ok(Answer::Kept(*number));
            }
            Job::Record(violation) => {
                self.add(&keys::agent_error_log(agent), &serde_json::json!({ "violation": violation }))?;
            }
            Job::Note(note) => {
                self.add(&keys::agent_error_log(agent), &serde_json::json!({ "error": note }))?;
            }
            Job::AskPlan(request) => {
                let asked = Mail::Clarify(request.as_ref().clone());
                self.mail = self.add(&keys::project_broadcast(self.stage.project), &asked)?.saturating_add(1);
            }
            Job::TellPlan(plan) => {
                self.put(&keys::project_plan(self.stage.project, &Id::parse(&plan.plan_id)?), plan)?;
                let told = Mail::Plan(plan.as_ref().clone());
                self.add(&keys::project_broadcast(self.stage.project), &told)?;
            }
            Job::ReadMail => return Ok(Answer::Mail(self.read_mail()?)),
            Job::ReadGrants => return Ok(Answer::Grants(self.read_grants()?)),
            Job::EndRun { entry, goes_on } => self.end_run(entry, *goes_on)?,
            Job::Release => self.stage.state.release(self.under()?)?,
        }
        Ok(Answer::Done)
    }

    fn under(&self) -> Result<&Fence, StateError> {
        let lost = || StateError::LockLost { key: keys::agent_lock(self.stage.agent).name().to_owned(), token: 0 };
        self.fence.as_ref().ok_or_else(lost)
    }

    fn put(&self, key: &ValueKey, value: &impl Serialize) -> Result<(), StateError> {
        let json = serde_json::to_vec(value).unwrap_or_default();
        self.stage.state.put(key, &json, Some(self.under()?)).map(|_| ())
    }

    fn add(&self, key: &ListKey, value: &impl Serialize) -> Result<u64, StateError> {
        let json = serde_json::to_vec(value).unwrap_or_default();
        self.stage.state.append(key, &json, None)
    }

    fn count(&self, tally: &Tally) -> Result<(), StateError> {
        let key = keys::agent_errors(self.stage.agent);
        let counted = self.stage.state.counters(&key)?;
        for (name, aim) in &tally.0 {
            let missing = aim.saturating_sub(counted.get(name).copied().unwrap_or(0));
            if missing > 0 {
                self.stage.state.count(&key, name, missing, u32::MAX, Some(self.under()?))?;
            }
        }
        Ok(())
    }

    fn keep(&mut self, output: &AgentOutput) -> Result<(), StateError> {
        self.made.put(output.clone());
        let (agent, task) = (self.stage.agent, self.stage.task);
        self.put(&keys::agent_output(agent, &Id::parse(output.output_type.name())?), output)?;
        if output.output_type == OutputType::Gamma {
            self.put(&keys::handoff(task), &Handoff::new(&self.stage, output, &self.made))?;
        }
        // Its content may be larger than an item of a list; what it was is known by its checksum.
        let made = serde_json::json!({
            "agent_id": output.agent_id,
            "run_id": self.stage.run_id,
            "checkpoint": output.checkpoint(),
            "timestamp": output.timestamp,
        });
        self.add(&keys::task_artifacts(task), &made).map(|_| ())
    }

    fn read_mail(&mut self) -> Result<Vec<ClarifiedPlan>, StateError> {
        let mut plans = Vec::new();
        for _ in 0..PAGES {
            let key = keys::project_broadcast(self.stage.project);
            let page = self.stage.state.read(&key, self.mail, crate::state::PAGE)?;
            // What is no mail that this program knows is for others.
            let mail = page.items.iter().filter_map(|item| serde_json::from_slice(&item.value).ok());
            plans.extend(mail.filter_map(|mail| if let Mail::Plan(plan) = mail { Some(plan) } else { None }));
            self.mail = page.next(self.mail);
            if self.mail >= page.end {
                break;
            }
        }
        Ok(plans)
    }

    fn read_grants(&self) -> Result<Vec<(Grant, String)>, Hindrance> {
        let grants = Grant::all(&self.stage, &grants_key(self.stage.agent)?)?;
        let believed = |grant: Grant| {
            let by = (self.stage.signed)(&Signed::Grant(&grant)).ok()?;
            (grant.agent_id == self.stage.agent.as_str()).then_some((grant, by))
        };
        Ok(grants.into_iter().filter_map(believed).collect())
    }

    /// The history is written also where the lock is lost: it says what was.
    fn end_run(&self, entry: &RunEntry, goes_on: bool) -> Result<(), StateError> {
        if !goes_on && self.fence.is_some() {
            self.stage.state.delete(&keys::handoff(self.stage.task), Some(self.under()?))?;
        }
        if self.fence.is_some() {
            self.stage.state.delete(&keys::task_active_agent(self.stage.task), Some(self.under()?))?;
        }
        self.add(&keys::history_runs(self.stage.agent), entry).map(|_| ())
    }
}
