//! Effects of the machine, done; and what comes back of them, told.

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    sync::mpsc::TrySendError,
    thread::Builder,
    time::Instant,
};

use jiff::{SignedDuration, Timestamp};

use super::{
    driven::Observed,
    driver::{Clarify, Driver, Message},
    hindrance::Hindrance,
    job::{Answer, ClarifyRequest, ErrorNote, Job},
    signed::Grant,
};
use crate::{
    agent::{
        AgentLine, Asked, ClarifiedPlan, Consequence, Effect, End, Event, Happening, HostLine, Judged, Notice, Phase,
        Trouble,
    },
    notify,
    state::StateError,
    text::excerpt,
    trust::Time,
};

/// Characters of an error's message that its log keeps.
const MOST_MESSAGE: usize = 1000;
/// How many violations of an agent are listed; what comes behind them is counted.
const MOST_VIOLATIONS: usize = 256;

impl Driver<'_, '_> {
    pub(super) fn does(&mut self, effect: Effect, at: Timestamp) {
        match effect {
            Effect::Revoke(revocation) => {
                self.revocation = Some(revocation.clone());
                self.desk.lay(Job::Revoke(Box::new(revocation)));
            }
            Effect::Say(line) => {
                let waits = matches!(line, HostLine::Checkpoint(_)).then_some(self.outputs_made);
                self.outbox.push_back((waits, line));
            }
            Effect::Ask(asked) => self.ask(asked, at),
            Effect::Keep(output) => {
                self.outputs_made += 1;
                self.outputs.put(output.as_ref().clone());
                self.desk.lay(Job::Keep(self.outputs_made, output));
            }
            Effect::Record(violation) => {
                // Those that revoke end it, and so there are few.
                let is_listed =
                    self.violations.len() < MOST_VIOLATIONS || violation.consequence == Consequence::Revoked;
                if is_listed {
                    self.violations.push(violation.clone());
                } else {
                    self.unlisted += 1;
                }
                self.desk.lay(Job::Record(Box::new(violation)));
            }
            Effect::Alert(violation) => (self.stage.observe)(Observed::Alert(&violation)),
            Effect::Tell(notice) => self.tell(notice, at),
            Effect::Seen => self.desk.lay(Job::Seen(at)),
            Effect::RenewLock => self.desk.lay(Job::Renew),
            Effect::Clarify(trouble) => self.ask_plan(trouble, at),
            Effect::Broadcast(plan) => self.broadcast(plan),
            // The snapshot has it; what counts at the next start is what an approver has signed.
            Effect::Promote(_) => {}
            Effect::End(end) => self.end(end),
        }
    }

    fn tell(&mut self, notice: Notice, at: Timestamp) {
        if let Happening::AgentRevoked(revocation) = &notice.what {
            self.revocation.get_or_insert_with(|| revocation.clone());
        }
        if let Some(notifier) = self.stage.notifier {
            notifier.tell(notify::Event {
                kind: notice.what.kind(),
                time: at,
                agent_id: Some(self.stage.agent.to_string()),
                phase: notice.phase.map(|phase: Phase| phase.name().to_owned()),
                detail: notice.what.detail(),
            });
        }
    }

    /// Gates are asked in a thread of their own. What they said while the state was away is said now.
    fn ask(&mut self, asked: Asked, at: Timestamp) {
        if let Some(judged) = self.judged.take().filter(|judged| judged.asked == asked) {
            self.events.push_back((Event::Judged(judged), at));
            return;
        }
        if self.judging.is_some() {
            return;
        }
        self.judging = Some(asked);
        let not_asked = move || Judged {
            asked,
            passed: false,
            faulted: true,
            verifies: false,
            reason: "its gates could not be asked".to_owned(),
            reports: Vec::new(),
        };
        let (stage, outputs, post) = (self.stage, self.outputs.clone(), self.post.clone());
        let started = Builder::new().spawn_scoped(self.scope, move || {
            let judge = AssertUnwindSafe(|| (stage.judge)(asked, &outputs));
            let judged = catch_unwind(judge).unwrap_or_else(|_| not_asked());
            let _ = post.send(Message::Judged(Judged { asked, ..judged }));
        });
        if started.is_err() {
            let _ = self.post.send(Message::Judged(not_asked()));
        }
    }

    pub(super) fn judged(&mut self, judged: Judged) {
        self.judging = None;
        if self.disturbed.is_some() {
            self.judged = Some(judged);
            return;
        }
        self.floor = self.floor.max(self.now());
        if judged.faulted && judged.reports.is_empty() {
            // That nobody can say is nothing that the agent did.
            self.stop(Hindrance::NotJudged(judged.reason));
        } else {
            self.on(Event::Judged(judged), self.floor);
        }
    }

    /// Says what may be said by now.
    pub(super) fn flush(&mut self) {
        while let Some((_, line)) =
            self.outbox.pop_front_if(|(waits, _)| waits.is_none_or(|made| made <= self.outputs_kept))
        {
            let Some(said) = &self.said else { continue };
            match said.try_send(line.to_line()) {
                Ok(()) => {}
                // It has closed its stdin: it need not hear.
                Err(TrySendError::Disconnected(_)) => self.said = None,
                Err(TrySendError::Full(_)) => self.stop(Hindrance::Deaf),
            }
        }
        if self.closes && self.outbox.is_empty() {
            self.said = None;
        }
    }

    fn end(&mut self, end: End) {
        match end {
            End::Gently => {
                self.closes = true;
                self.kill_at = Some(Instant::now() + self.stage.patience.gentle);
            }
            // Only what is interrupted may put its things in order. What is revoked, or cannot be watched, does nothing more.
            End::AtOnce if self.may_tidy_up() => {
                self.closes = true;
                self.process.ask_to_end();
                self.kill_at = Some(Instant::now() + self.stage.patience.term);
            }
            End::AtOnce => self.kill(),
        }
    }

    fn may_tidy_up(&self) -> bool {
        let is_interrupted = matches!(self.hindrance, Some(Hindrance::Interrupted | Hindrance::TimedOut(_)));
        is_interrupted && self.revocation.is_none() && self.ended.is_none() && !self.lock_is_lost
    }

    pub(super) fn lock_holds(&mut self, since: Timestamp) {
        let lock = SignedDuration::try_from(self.stage.plan.sure_of_lock()).unwrap_or(SignedDuration::MAX);
        self.lock_until = since.checked_add(lock).unwrap_or(Timestamp::MAX);
    }

    fn ask_plan(&mut self, trouble: Trouble, at: Timestamp) {
        let what = format!("a clarified plan: {}", trouble.reason());
        let request = ClarifyRequest::new(trouble, at);
        self.desk.lay(Job::AskPlan(Box::new(request.clone())));
        self.clarify = Some(Clarify { request, since: Instant::now() });
        self.tell(Notice { phase: self.agent.phase(), what: Happening::ApprovalRequired { what } }, at);
    }

    /// Where nobody clarifies in time, the host does.
    pub(super) fn look_for_plan(&mut self) {
        if self.agent.status().is_terminal() {
            self.clarify = None;
        }
        let is_over = |clarify: &&Clarify| self.stage.plan.clarify.is_some_and(|wait| clarify.since.elapsed() >= wait);
        if self.disturbed.is_none()
            && let Some(clarify) = self.clarify.as_ref().filter(is_over)
        {
            let now = self.now();
            let plan = clarify.request.trouble.plain_plan(now);
            self.clarified(plan, now);
        }
    }

    fn clarified(&mut self, plan: ClarifiedPlan, now: Timestamp) {
        self.clarify = None;
        self.on(Event::Clarified(plan), now);
    }

    fn broadcast(&mut self, plan: ClarifiedPlan) {
        let is_known = self.mailed.as_deref() == Some(&plan.plan_id) && plan.acknowledged_by.is_empty();
        if !is_known {
            self.desk.lay(Job::TellPlan(Box::new(plan)));
        }
    }

    /// What an error said is kept beside how often it came.
    pub(super) fn note_error(&mut self, line: &AgentLine, at: Timestamp) {
        if let AgentLine::Error { code, message } = line
            && !self.agent.status().is_terminal()
        {
            self.desk.lay(Job::Note(Box::new(ErrorNote {
                run_id: self.stage.run_id.to_owned(),
                phase: self.agent.phase(),
                code: code.clone(),
                message: excerpt(message, MOST_MESSAGE),
                at: Time(at),
            })));
        }
    }

    pub(super) fn answered(&mut self, answer: Answer) {
        let now = self.now();
        if !matches!(answer, Answer::Refused(..)) {
            self.recover(now);
        }
        match answer {
            Answer::Done => {}
            Answer::Revoked(reason) => self.on(Event::TokenRevoked(reason), now),
            Answer::Renewed(asked) => {
                self.lock_holds(asked);
                self.on(Event::LockRenewed, asked);
            }
            Answer::LockLost => {
                if !std::mem::replace(&mut self.lock_is_lost, true) {
                    self.on(Event::LockLost, now);
                }
            }
            Answer::Kept(number) => self.outputs_kept = number,
            Answer::Mail(plans) => self.read_mail(plans, now),
            Answer::Grants(grants) => self.read_grants(grants, now),
            Answer::Refused(job, hindrance) => self.refused(&job, hindrance),
        }
    }

    fn read_mail(&mut self, plans: Vec<ClarifiedPlan>, now: Timestamp) {
        let Some(clarify) = &self.clarify else { return };
        let fits = |plan: &ClarifiedPlan| plan.acknowledged_by.is_empty() && clarify.request.is_answered_by(plan);
        if let Some(plan) = plans.into_iter().find(fits) {
            self.mailed = Some(plan.plan_id.clone());
            self.clarified(plan, now);
        }
    }

    fn read_grants(&mut self, grants: Vec<(Grant, String)>, now: Timestamp) {
        let Some(request) = self.agent.promotion() else { return };
        let fits = |(grant, _): &(Grant, String)| grant.from == request.from && grant.to == request.to;
        if let Some((grant, approver)) = grants.into_iter().find(fits) {
            self.on(Event::PromotionApproved { approver, to: grant.to }, now);
        }
    }

    /// Something that the state will never do. What is too large is missing; anything else ends the agent.
    fn refused(&mut self, job: &Job, hindrance: Hindrance) {
        self.missing.extend(job.missing());
        if let Job::Keep(number, _) = job {
            self.outputs_kept = *number;
            self.outbox.retain(|(waits, _)| *waits != Some(*number));
        }
        match (job, &hindrance) {
            (Job::Revoke(_), _) => self.hindrance = Some(Hindrance::NotInLedger(hindrance.to_string())),
            (_, Hindrance::State(StateError::TooLarge { .. } | StateError::Crowded { .. })) => {}
            _ => self.stop(hindrance),
        }
    }

    pub(super) fn disturb(&mut self, hindrance: Hindrance) {
        let told = hindrance.to_string();
        match &mut self.disturbed {
            Some((_, last)) => *last = hindrance,
            None if !self.agent.status().is_terminal() => {
                self.disturbed = Some((Instant::now(), hindrance));
                self.on(Event::Disturbed(told), self.now());
            }
            None => {}
        }
    }

    fn recover(&mut self, now: Timestamp) {
        if self.disturbed.take().is_some() {
            self.floor = self.floor.max(now);
            self.on(Event::Recovered, now);
        }
    }
}
