//! What follows when a rule is broken, and how lives end.

use super::{Agent, Life, MOST_REASON, Moment};
use crate::{
    agent::{
        effect::{Effect, End, Happening},
        revocation::{Cause, Revocation},
        said::HostLine,
        violation::{BrokenRule, Consequence, Report, Violation, ViolationSeverity, ViolationType},
        words::Phase,
    },
    text::excerpt,
    trust::Time,
};

impl Agent {
    /// What follows from violations that were seen together. The gravest of those that revoke is what it is revoked for.
    pub(super) fn violate(&mut self, reports: Vec<Report>, at: &mut Moment<'_>) {
        let violations = self.weighed(reports, at);
        let revoking = violations.iter().filter(|violation| violation.consequence == Consequence::Revoked);
        if let Some(gravest) = revoking.min_by_key(|violation| violation.severity) {
            let cause = Cause::Rule(gravest.rule.clone());
            let revocation = self.revocation(cause, gravest.detail.clone(), at);
            self.revoke(revocation, violations, at);
        } else {
            for violation in violations {
                if self.is_live() {
                    let Violation { rule, severity, detail, .. } = violation.clone();
                    at.say(HostLine::Warning { rule, severity, detail });
                }
                note(violation, at);
            }
        }
    }

    fn weighed(&mut self, mut reports: Vec<Report>, at: &Moment<'_>) -> Vec<Violation> {
        let procedure = BrokenRule::Known(ViolationType::ProcedureViolation);
        let before = self.spent.procedure;
        reports.iter().filter(|report| report.rule == procedure).for_each(|_| self.spent.add_procedure());
        // The total is looked after elsewhere; here it is this violation that may be one too many.
        let is_past = self.spent.procedure > before.max(self.setup.budget.max_procedure_violations);
        if let Some(why) = self.exhausted().filter(|_| is_past) {
            reports.push(Report::of_host(ViolationType::ErrorBudgetExceeded, why));
        }
        reports.into_iter().map(|report| self.weigh_report(report, at)).collect()
    }

    fn weigh_report(&mut self, report: Report, at: &Moment<'_>) -> Violation {
        let Report { rule, detail, gate } = report;
        let severity = rule.severity();
        let consequence = Consequence::of(severity, self.offences);
        if severity == ViolationSeverity::Medium {
            self.offences = self.offences.saturating_add(1);
        }
        Violation {
            rule,
            severity,
            consequence,
            detail,
            gate,
            agent_id: self.setup.agent_id.clone(),
            run_id: self.setup.run_id.clone(),
            phase: self.phase,
            at: Time(at.now),
        }
    }

    fn revocation(&self, cause: Cause, reason: String, at: &Moment<'_>) -> Revocation {
        Revocation {
            agent_id: self.setup.agent_id.clone(),
            run_id: self.setup.run_id.clone(),
            severity: cause.severity(),
            cause,
            reason,
            phase: self.phase,
            at: Time(at.now),
        }
    }

    /// Revokes it. One that has ended stays what it is, but stands in the ledger and does not start again.
    fn revoke(&mut self, revocation: Revocation, violations: Vec<Violation>, at: &mut Moment<'_>) {
        let is_new = self.life != Life::Revoked;
        if is_new {
            at.does.push(Effect::Revoke(revocation.clone()));
            self.end_revoked(&revocation, at);
        }
        violations.into_iter().for_each(|violation| note(violation, at));
        if is_new {
            at.tell(Some(Phase::Revoked), Happening::AgentRevoked(revocation));
        }
    }

    fn end_revoked(&mut self, revocation: &Revocation, at: &mut Moment<'_>) {
        // One that has failed may still have the moment to end in that it was given.
        let has_process = self.is_live() || matches!(self.life, Life::Completed { is_open: true } | Life::Failed);
        if has_process {
            let Revocation { cause, reason, .. } = revocation.clone();
            at.say(HostLine::Revoked { cause, reason });
            at.does.push(Effect::End(End::AtOnce));
        }
        match self.life {
            Life::Completed { .. } => self.life = Life::Completed { is_open: false },
            Life::Failed => {}
            _ => {
                (self.life, self.phase) = (Life::Revoked, Some(Phase::Revoked));
                self.reason = Some(format!("{}: {}", revocation.cause.name(), revocation.reason));
            }
        }
    }

    /// Somebody else has revoked it: the ledger knows.
    pub(super) fn revoke_elsewhere(&mut self, reason: &str, at: &mut Moment<'_>) {
        let is_live = self.is_live();
        if self.life == Life::Revoked {
            return;
        }
        let revocation = self.revocation(Cause::Token, excerpt(reason, MOST_REASON), at);
        self.end_revoked(&revocation, at);
        if is_live {
            at.tell(Some(Phase::Revoked), Happening::AgentRevoked(revocation));
        }
    }

    pub(super) fn fail(&mut self, reason: &str, end: End, at: &mut Moment<'_>) {
        self.life = Life::Failed;
        self.reason = Some(excerpt(reason, MOST_REASON));
        at.does.push(Effect::End(end));
    }

    pub(super) fn stop(&mut self, reason: &str, at: &mut Moment<'_>) {
        match self.life {
            Life::Pending => {
                self.life = Life::Failed;
                self.reason = Some(excerpt(reason, MOST_REASON));
            }
            Life::Completed { is_open: true } => {
                self.life = Life::Completed { is_open: false };
                at.does.push(Effect::End(End::AtOnce));
            }
            _ if self.is_live() => self.fail(reason, End::AtOnce, at),
            _ => {}
        }
    }

    /// Its process has ended; what it left behind of its group is ended with it.
    pub(super) fn process_ended(&mut self, at: &mut Moment<'_>) {
        match self.life {
            Life::Completed { .. } => self.life = Life::Completed { is_open: false },
            _ if self.is_live() => {
                let place = self.phase.map_or("before its first phase", Phase::name);
                self.fail(&format!("its process ended in {place}, not in EXIT"), End::AtOnce, at);
            }
            _ => {}
        }
    }
}

fn note(violation: Violation, at: &mut Moment<'_>) {
    at.does.push(Effect::Record(violation.clone()));
    at.tell(violation.phase, Happening::ViolationDetected(violation.clone()));
    if violation.severity == ViolationSeverity::Critical {
        at.does.push(Effect::Alert(violation));
    }
}
