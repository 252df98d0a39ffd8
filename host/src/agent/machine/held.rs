//! What holds an agent up: deadlines, pauses, and a host that has lost its state.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

use super::{Agent, Life, MOST_REASON, Moment, Pause};
use crate::{
    agent::{
        clarified::{ClarifiedPlan, Trouble},
        effect::Effect,
        said::{HostLine, Refusal},
        violation::{Report, ViolationType},
    },
    text::excerpt,
};

impl Agent {
    /// When it is due for [`Event::Tick`](super::Event::Tick); nothing while nothing is due. Its heartbeat is not waited for
    /// while the host holds it up: while gates are asked and while the host has no state.
    #[must_use]
    pub fn deadline(&self) -> Option<Timestamp> {
        if !self.is_live() {
            return None;
        }
        let lock = self.clock.renew.min(self.clock.lock_ends);
        Some(self.silent_at().map_or(lock, |silent| silent.min(lock)))
    }

    /// When it has been silent for too long, where it has to be heard.
    fn silent_at(&self) -> Option<Timestamp> {
        let is_heard = matches!(self.life, Life::Starting | Life::Running | Life::Paused(_));
        is_heard.then(|| after(self.clock.seen, self.setup.heartbeat))
    }

    pub(super) fn pass_time(&mut self, at: &mut Moment<'_>) {
        if !self.is_live() {
            return;
        }
        let mut reports = Vec::new();
        if self.silent_at().is_some_and(|silent| silent <= at.now) {
            let told = format!("it was not heard for {} s", self.setup.heartbeat.as_secs_f64());
            reports.push(Report::of_host(ViolationType::HeartbeatTimeout, told));
        }
        if self.clock.lock_ends <= at.now {
            let told = format!("its lock was not renewed for {} s", self.setup.lock.as_secs_f64());
            reports.push(Report::of_host(ViolationType::LockExpired, told));
        }
        self.violate(reports, at);
    }

    pub(super) fn renew_lock(&mut self, at: &mut Moment<'_>) {
        if self.is_live() && self.clock.renew <= at.now {
            // Should the renewal come to nothing, it is tried again well before the lock ends.
            self.clock.renew = after(at.now, self.setup.lock / 10);
            at.does.push(Effect::RenewLock);
        }
    }

    pub(super) fn lock_holds(&mut self, now: Timestamp) {
        self.clock.lock_ends = after(now, self.setup.lock);
        self.clock.renew = after(now, self.setup.lock / 3);
    }

    pub(super) fn lock_lost(&mut self, at: &mut Moment<'_>) {
        self.clock.lock_ends = self.clock.lock_ends.min(at.now);
        if self.is_live() {
            let report = Report::of_host(ViolationType::LockExpired, "somebody else holds its lock");
            self.violate(vec![report], at);
        }
    }

    /// It was heard. That is written down when it says so itself, and now and then when it says something else.
    pub(super) fn heard(&mut self, says_so: bool, at: &mut Moment<'_>) -> bool {
        self.clock.seen = at.now;
        let pause = self.setup.heartbeat / if says_so { 10 } else { 4 };
        let is_due = self.clock.told.is_none_or(|told| after(told, pause) <= at.now);
        if is_due {
            self.clock.told = Some(at.now);
            at.does.push(Effect::Seen);
        }
        is_due
    }

    pub(super) fn pause_if_repeated(&mut self, at: &mut Moment<'_>) {
        let Some((code, count)) = self.spent.repeated(&self.setup.budget) else { return };
        let (code, setup) = (code.to_owned(), &self.setup);
        let trouble = Trouble {
            agent_id: setup.agent_id.clone(),
            run_id: setup.run_id.clone(),
            code: code.clone(),
            count,
            history: self.history.iter().cloned().collect(),
            outputs: self.outputs.iter().flatten().map(|output| output.checksum.clone()).collect(),
            objective: setup.objective.clone(),
        };
        self.life = Life::Paused(Pause { code, why: trouble.reason(), plan: None });
        at.does.push(Effect::Clarify(trouble));
    }

    pub(super) fn clarified(&mut self, plan: ClarifiedPlan, at: &mut Moment<'_>) {
        let (is_held, pause) = match &mut self.life {
            Life::Paused(pause) => (false, pause),
            Life::Recovering { then, .. } => match then.as_mut() {
                Life::Paused(pause) => (true, pause),
                _ => return,
            },
            _ => return,
        };
        if pause.plan.is_some() {
            return;
        }
        pause.plan = Some(Box::new(plan.clone()));
        at.does.push(Effect::Broadcast(plan.clone()));
        if !is_held {
            at.say(HostLine::Paused { clarified_plan: Box::new(plan) });
        }
    }

    pub(super) fn acknowledged(&mut self, plan_id: &str, at: &mut Moment<'_>) {
        let Life::Paused(pause) = &mut self.life else {
            return self.refuse(Refusal::OutOfTurn, "there is no plan to acknowledge", at);
        };
        let Some(plan) = pause.plan.as_mut().filter(|plan| plan.plan_id == plan_id) else {
            return self.refuse(Refusal::UnknownPlan, "no clarified plan of that id waits to be acknowledged", at);
        };
        plan.acknowledged_by.push(self.setup.agent_id.clone());
        at.does.push(Effect::Broadcast(plan.as_ref().clone()));
        self.spent.forgive(&pause.code);
        self.life = Life::Running;
        // Another error may have come too often meanwhile: then the next pause follows at once.
        if self.exhausted().is_none() && self.spent.repeated(&self.setup.budget).is_none() {
            at.say(HostLine::Resumed(true));
        }
    }

    pub(super) fn disturb(&mut self, why: &str) {
        if self.is_live() && !matches!(self.life, Life::Recovering { .. }) {
            let then = Box::new(std::mem::replace(&mut self.life, Life::Failed));
            self.life = Life::Recovering { then, why: excerpt(why, MOST_REASON) };
        }
    }

    pub(super) fn recover(&mut self, at: &mut Moment<'_>) {
        let Life::Recovering { then, .. } = &mut self.life else { return };
        self.life = std::mem::replace(then.as_mut(), Life::Failed);
        self.clock.seen = at.now;
        match &self.life {
            // What the gates said meanwhile was not heard.
            Life::Judging(asked) => at.does.push(Effect::Ask(*asked)),
            Life::Paused(pause) => {
                if let Some(plan) = &pause.plan {
                    at.say(HostLine::Paused { clarified_plan: plan.clone() });
                }
            }
            // An error that came too often meanwhile pauses it at once.
            _ if self.spent.repeated(&self.setup.budget).is_none() => at.say(HostLine::Resumed(true)),
            _ => {}
        }
    }
}

/// A moment that is past all time is the last one.
fn after(moment: Timestamp, duration: Duration) -> Timestamp {
    let wait = SignedDuration::try_from(duration).unwrap_or(SignedDuration::MAX);
    moment.checked_add(wait).unwrap_or(Timestamp::MAX)
}
