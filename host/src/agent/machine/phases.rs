//! The order of the phases, and what gates say on the way.

use super::{Agent, Life, Moment, Planned};
use crate::agent::{
    effect::{Asked, Effect, End, Happening, Judged},
    said::{HostLine, Refusal},
    violation::{Report, ViolationType},
    words::{OutputType, Phase},
};

impl Agent {
    /// The agent enters `phase`, or leaves the order by it.
    pub(super) fn enter(&mut self, phase: Phase, at: &mut Moment<'_>) {
        let broken = self.disorder(phase);
        if let Some((rule, detail)) = broken.first() {
            let refused = HostLine::Refused { code: Refusal::of(*rule), detail: detail.clone() };
            let from = at.does.len();
            self.violate(broken.into_iter().map(|(rule, detail)| Report::of_host(rule, detail)).collect(), at);
            // Behind the entry in the ledger, which nothing that is said may hold up.
            at.does.insert((from + 1).min(at.does.len()), Effect::Say(refused));
            return;
        }
        let before = self.phase.replace(phase);
        self.life = Life::Running;
        match phase {
            Phase::Preflight => self.enter_judged(Asked::Preflight, at),
            Phase::Execute => {
                if let Planned::Accepted(plan) = &self.plan {
                    at.tell(self.phase, Happening::ExecutionStarted { plan_id: plan.clone() });
                }
                at.say(HostLine::Accepted(phase));
            }
            Phase::Verify => {
                if before == Some(Phase::Execute) {
                    self.tell_execution_complete(at);
                }
                if before.is_none() {
                    (self.checks_passed, self.plan) = (true, Planned::Before);
                }
                self.enter_judged(Asked::Verify, at);
            }
            Phase::Exit => self.complete(at),
            _ => {
                // In a run that goes on from behind VERIFY, an earlier one has passed it.
                if before.is_none() && phase != Phase::Bootstrap {
                    (self.checks_passed, self.plan) = (true, Planned::Before);
                    self.verified = self.asks(Asked::Verify);
                }
                at.say(HostLine::Accepted(phase));
            }
        }
    }

    /// The rules that are broken by entering `phase` now.
    fn disorder(&self, phase: Phase) -> Vec<(ViolationType, String)> {
        let mut broken = Vec::new();
        if phase == Phase::Execute {
            if !matches!(self.plan, Planned::Accepted(_) | Planned::Before) {
                let told = "EXECUTE was entered without an accepted plan";
                broken.push((ViolationType::ApplyWithoutPlan, told.to_owned()));
            }
            if !self.checks_passed {
                let told = "EXECUTE was entered before the checks of PREFLIGHT passed";
                broken.push((ViolationType::RunWithoutCheck, told.to_owned()));
            }
        }
        if broken.is_empty() && !self.may_enter(phase) {
            let from = self.phase.map_or("the start", Phase::name);
            broken.push((ViolationType::ProcedureViolation, format!("{phase} does not follow {from}")));
        }
        broken
    }

    fn may_enter(&self, phase: Phase) -> bool {
        match self.phase {
            None => phase == Phase::Bootstrap || self.resumes_in() == Some(phase),
            // Checks that did not pass may be asked for again.
            Some(Phase::Preflight) if phase == Phase::Preflight => !self.checks_passed,
            Some(current) => current.next() == Some(phase),
        }
    }

    /// The phase that a run may begin with that goes on from an earlier one. `EXIT` itself is entered again, not begun with.
    fn resumes_in(&self) -> Option<Phase> {
        let phase = self.setup.checkpoint.as_ref()?.phase;
        Some(if phase == Phase::Exit { Phase::Report } else { phase })
    }

    /// A phase in which gates judge, if there are any.
    fn enter_judged(&mut self, asked: Asked, at: &mut Moment<'_>) {
        if self.asks(asked) {
            self.ask(asked, at);
        } else {
            self.passed(asked, at);
        }
    }

    pub(super) fn ask(&mut self, asked: Asked, at: &mut Moment<'_>) {
        self.life = Life::Judging(asked);
        at.does.push(Effect::Ask(asked));
    }

    /// What gates said. Violations count whenever they are told; a verdict only while it is waited for.
    pub(super) fn judged(&mut self, judged: Judged, at: &mut Moment<'_>) {
        let Judged { asked, passed, verifies, reason, reports, .. } = judged;
        self.violate(reports, at);
        if self.life != Life::Judging(asked) {
            return;
        }
        self.life = Life::Running;
        self.clock.seen = at.now;
        if passed {
            self.verified |= asked == Asked::Verify && verifies;
            self.passed(asked, at);
        } else {
            self.failed(asked, &reason, at);
        }
    }

    /// All gates that were to be asked have passed, or there were none.
    pub(super) fn passed(&mut self, asked: Asked, at: &mut Moment<'_>) {
        match asked {
            Asked::Preflight => {
                self.checks_passed = true;
                at.say(HostLine::Accepted(Phase::Preflight));
            }
            Asked::Plan => {
                let Planned::Offered(plan) = &self.plan else { return };
                let plan = plan.clone();
                self.plan = Planned::Accepted(plan.clone());
                at.say(HostLine::AcceptedPlan(plan.clone()));
                at.tell(self.phase, Happening::PlanCreated { plan_id: plan, confidence: self.confidence });
            }
            Asked::Verify => at.say(HostLine::Accepted(Phase::Verify)),
        }
    }

    fn failed(&mut self, asked: Asked, reason: &str, at: &mut Moment<'_>) {
        match asked {
            Asked::Preflight => self.refuse(Refusal::ChecksFailed, reason, at),
            Asked::Plan => {
                self.plan = Planned::Nothing;
                self.refuse(Refusal::PlanRefused, reason, at);
            }
            // What was made cannot be made anew in this life: no phase is entered twice.
            Asked::Verify => {
                at.say(HostLine::Refused { code: Refusal::VerificationFailed, detail: reason.to_owned() });
                self.fail(&format!("what it made was not verified: {reason}"), End::Gently, at);
            }
        }
    }

    fn tell_execution_complete(&self, at: &mut Moment<'_>) {
        let [_, beta, _] = &self.outputs;
        let made = beta.as_ref().filter(|output| output.phase == Phase::Execute);
        let output = made.map(|output| output.checksum.clone());
        at.tell(Some(Phase::Execute), Happening::ExecutionComplete { output, errors: self.spent.total });
    }

    fn complete(&mut self, at: &mut Moment<'_>) {
        let [.., gamma] = &self.outputs;
        if gamma.is_none() && self.setup.checkpoint.is_none() {
            let told = format!("no {} output was made", OutputType::Gamma);
            self.violate(vec![Report::of_host(ViolationType::MissingArtifact, told)], at);
        }
        // Whatever is due with its last step is due before it, because nothing changes any more behind it.
        self.promote_if_granted(at);
        at.say(HostLine::Accepted(Phase::Exit));
        self.life = Life::Completed { is_open: true };
        at.does.push(Effect::End(End::Gently));
    }
}
