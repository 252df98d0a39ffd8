//! What an agent says, and what is made of it where it is in its life.

use super::{Agent, HISTORY, Life, Moment, Planned};
use crate::{
    agent::{
        content::Content,
        effect::{Asked, Effect, Happening},
        line::{AgentLine, BadLine, Confidence},
        output::AgentOutput,
        promotion::PromotionRequest,
        said::{HostLine, Refusal},
        violation::{Report, ViolationType},
        words::{OutputType, Phase, Tier},
    },
    text::excerpt,
};

/// Characters that are kept of the message of an error.
const MOST_MESSAGE: usize = 200;

impl Agent {
    pub(super) fn hear(&mut self, line: AgentLine, at: &mut Moment<'_>) {
        match self.life {
            Life::Pending | Life::Failed | Life::Revoked => return,
            Life::Completed { is_open } => return self.hear_last(line, is_open, at),
            _ => {}
        }
        let says_so = line == AgentLine::Heartbeat;
        if self.heard(says_so, at) && says_so {
            at.tell(self.phase, Happening::Heartbeat {});
        }
        match (line, &self.life) {
            (AgentLine::Heartbeat, _) => {}
            (AgentLine::Error { code, message }, _) => self.count(&code, &message),
            (AgentLine::Acknowledge(id), Life::Starting | Life::Running | Life::Paused(_)) => {
                self.acknowledged(&id, at)
            }
            (line, Life::Starting | Life::Running) => self.hear_work(line, at),
            (_, Life::Paused(_)) => {
                self.refuse(Refusal::Paused, "it is paused until it acknowledges the clarified plan", at)
            }
            (_, Life::Judging(_)) => {
                self.refuse(Refusal::Judging, "gates are being asked: it has to wait for them", at)
            }
            _ => self.refuse(Refusal::Recovering, "the host recovers: say it again when it goes on", at),
        }
    }

    fn hear_work(&mut self, line: AgentLine, at: &mut Moment<'_>) {
        match line {
            AgentLine::Phase(phase) => self.enter(phase, at),
            AgentLine::Done => self.enter(Phase::Exit, at),
            AgentLine::Output { kind, content } => self.output(kind, content, at),
            AgentLine::Plan { plan, confidence } => self.offer(plan, confidence, at),
            AgentLine::Confidence(confidence) => self.weigh(confidence, at),
            AgentLine::Promotion { to, reason } => self.ask_promotion(to, reason, at),
            AgentLine::Heartbeat | AgentLine::Error { .. } | AgentLine::Acknowledge(_) => {}
        }
    }

    /// After `EXIT` only what is made there is still taken.
    fn hear_last(&mut self, line: AgentLine, is_open: bool, at: &mut Moment<'_>) {
        match line {
            // Behind the end of its lock somebody else may be at work.
            AgentLine::Output { kind, content } if is_open && at.now < self.clock.lock_ends => {
                self.output(kind, content, at)
            }
            AgentLine::Done => self.life = Life::Completed { is_open: false },
            AgentLine::Heartbeat | AgentLine::Error { .. } => {}
            _ => self.refuse(Refusal::Ended, "the agent is through", at),
        }
    }

    pub(super) fn hear_bad(&mut self, bad: &BadLine, at: &mut Moment<'_>) {
        if self.is_live() {
            self.refuse(Refusal::MalformedLine, &bad.to_string(), at);
        }
    }

    pub(super) fn refuse(&mut self, code: Refusal, detail: &str, at: &mut Moment<'_>) {
        at.say(HostLine::Refused { code, detail: detail.to_owned() });
        if code.counts() && self.is_live() {
            self.count(code.name(), detail);
        }
    }

    fn count(&mut self, code: &str, message: &str) {
        self.spent.add(code);
        if self.history.len() >= HISTORY {
            self.history.pop_front();
        }
        self.history.push_back(excerpt(&format!("{code}: {message}"), MOST_MESSAGE));
    }

    fn output(&mut self, kind: OutputType, content: Content, at: &mut Moment<'_>) {
        let Some((phase, expect)) = self.phase.and_then(|phase| Some((phase, phase.output_type()?))) else {
            return self.refuse(Refusal::OutOfTurn, "nothing is made before the first phase", at);
        };
        // What an agent calls by another name is not stamped with the right one: it may mean another phase.
        if kind != expect {
            return self.refuse(Refusal::OutputType, &format!("in {phase} outputs are {expect}, not {kind}"), at);
        }
        self.keep(phase, content, at);
    }

    fn keep(&mut self, phase: Phase, content: Content, at: &mut Moment<'_>) {
        let Some(output) = AgentOutput::new(&self.setup.agent_id, phase, content, at.now) else { return };
        let checkpoint = output.checkpoint();
        if let Some(last) = self.outputs.get_mut(checkpoint.kind as usize) {
            *last = Some(checkpoint.clone());
        }
        at.does.push(Effect::Keep(Box::new(output)));
        at.say(HostLine::Checkpoint(checkpoint));
    }

    /// A plan is an output of its phase too: that is what its gates judge.
    fn offer(&mut self, plan: Content, confidence: Option<Confidence>, at: &mut Moment<'_>) {
        if self.phase != Some(Phase::Plan) {
            return self.refuse(Refusal::OutOfTurn, "a plan is handed in in PLAN", at);
        }
        self.plan = Planned::Offered(plan.checksum().clone());
        self.keep(Phase::Plan, plan, at);
        if let Some(confidence) = confidence {
            self.weigh(confidence, at);
        }
        if self.asks(Asked::Plan) {
            self.ask(Asked::Plan, at);
        } else {
            self.passed(Asked::Plan, at);
        }
    }

    fn weigh(&mut self, confidence: Confidence, at: &mut Moment<'_>) {
        self.confidence = Some(confidence);
        if let Some(least) = self.setup.confidence.filter(|least| confidence < *least) {
            let told = format!("its confidence is {}, at least {} is asked for", confidence.number(), least.number());
            self.violate(vec![Report::of_host(ViolationType::ConfidenceBelowThreshold, told)], at);
        }
    }

    fn ask_promotion(&mut self, to: Tier, reason: String, at: &mut Moment<'_>) {
        if self.promotion.is_some() {
            return self.refuse(Refusal::OutOfTurn, "a promotion is asked for already", at);
        }
        match PromotionRequest::new(self.tier, to, reason) {
            Ok(request) => {
                self.promotion = Some((request.clone(), None));
                at.tell(self.phase, Happening::PromotionRequested(request));
            }
            Err(error) => self.refuse(Refusal::NotTheNextTier, &error.to_string(), at),
        }
    }

    pub(super) fn approved(&mut self, name: String, to: Tier) {
        if let Some((request, approver)) = &mut self.promotion
            && request.to == to
            && !name.is_empty()
        {
            *approver = Some(name);
        }
    }

    pub(super) fn promote_if_granted(&mut self, at: &mut Moment<'_>) {
        let Some((request, Some(approver))) = &self.promotion else { return };
        let Ok(to) = request.grant(self.tier, self.verified, Some(approver)) else { return };
        let happened = Happening::PromotionApproved { from: request.from, to, approver: approver.clone() };
        (self.tier, self.promotion) = (to, None);
        at.does.push(Effect::Promote(to));
        at.say(HostLine::Promoted { tier: to });
        at.tell(self.phase, happened);
    }
}
