//! The rule of the plan over what its gates came to.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

use super::{
    Truth,
    gate::{GateOutcome, GateResult},
};
use crate::{
    judge::{Cause, Fault},
    limits::{Exceeded, Limit},
    manifest::{Enforcement, Rule},
    text::{counted, excerpt},
};

/// How much of a name or a rule a reason repeats, in characters.
const QUOTED: usize = 200;

/// Go or no-go, or neither.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Ruling {
    /// The rule holds.
    Go,
    /// It does not.
    NoGo,
    /// Nobody can say.
    Blocked,
}

impl Ruling {
    /// The one of the two that keeps more from happening: a no-go is settled, a block may yet be resolved.
    fn worse(self, other: Self) -> Self {
        match (self, other) {
            (Self::NoGo, _) | (_, Self::NoGo) => Self::NoGo,
            (Self::Blocked, _) | (_, Self::Blocked) => Self::Blocked,
            (Self::Go, Self::Go) => Self::Go,
        }
    }

    /// Its name: `go`, `no-go`, `blocked`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Go => "go",
            Self::NoGo => "no-go",
            Self::Blocked => "blocked",
        }
    }

    /// The exit status of a run that ends so.
    #[must_use]
    pub fn exit_code(self) -> u8 {
        match self {
            Self::Go => 0,
            Self::NoGo => 1,
            Self::Blocked => 3,
        }
    }
}

/// A decision and what speaks for it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Decision {
    /// What was decided.
    pub ruling: Ruling,
    /// Why; never empty.
    pub reasons: Vec<Reason>,
    /// What to do next, in the order of the gates.
    pub next_actions: Vec<NextAction>,
}

impl Decision {
    /// The same, where stages did not come to what they are for: no rule over gates makes a go of that. What was decided only
    /// gets worse by an objection, never better.
    #[must_use]
    pub fn against(mut self, objections: Vec<Objection>) -> Self {
        let worst = objections.iter().map(|objection| objection.ruling).fold(self.ruling, Ruling::worse);
        if self.ruling == Ruling::Go && worst != Ruling::Go {
            // That the rule holds is no reason for what is no go any more.
            self.reasons.clear();
        }
        self.ruling = worst;
        for Objection { reason, next, .. } in objections {
            self.reasons.push(reason);
            self.next_actions.extend(next);
        }
        self
    }

    /// The exit status of a run that ends so: go 0, no-go 1, blocked 3.
    #[must_use]
    pub fn exit_code(&self) -> u8 {
        self.ruling.exit_code()
    }
}

/// Something other than a gate that stands against a go.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Objection {
    /// What it makes of a go: a no-go, or a block where nobody can say.
    pub ruling: Ruling,
    /// Why.
    pub reason: Reason,
    /// What to do about it, where that is known.
    pub next: Option<NextAction>,
}

/// One reason of a decision.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
pub struct Reason {
    /// Stable and kebab-case.
    pub code: Cow<'static, str>,
    /// The gate that it is about.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub gate: Option<String>,
    /// One sentence without a full stop, fit for a terminal.
    pub message: String,
}

/// One thing to do next.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
pub struct NextAction {
    /// The gate that it is about.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub gate: Option<String>,
    /// The agent that it is about.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub agent: Option<String>,
    /// What to do; the gate's own words are hostile text.
    pub action: String,
}

/// The decision that `rule` makes of `gates`, the ones that were selected, in the manifest's order.
///
/// A rule without names ranges over the mandatory gates; advisory ones decide only where an expression names them. A gate
/// that an expression names and that was not selected says nothing. Under `strict_manual` a mandatory review that nobody
/// signed off is a no-go whatever the rule says: a clause of its own, which no expression can turn round. A review that
/// somebody did sign off is a pass by now. `run_id` is what a sign-off that is still to come has to name.
#[must_use]
pub fn combine(rule: &Rule, gates: &[GateResult], strict_manual: bool, run_id: &str) -> Decision {
    let deciding = deciding(rule, gates);
    let truth = evaluate(rule, gates, &deciding);
    let unsigned: Vec<&GateResult> = gates.iter().filter(|gate| strict_manual && is_unsigned(gate)).collect();
    let ruling = match truth {
        _ if !unsigned.is_empty() => Ruling::NoGo,
        // Gates that say nothing pass nothing, so the neutral value is no go either.
        _ if deciding.is_empty() => Ruling::Blocked,
        Truth::True => Ruling::Go,
        Truth::False => Ruling::NoGo,
        Truth::Unknown | Truth::Neutral => Ruling::Blocked,
    };
    let mut reasons: Vec<Reason> = unsigned.into_iter().map(unsigned_reason).collect();
    if ruling != Ruling::Go {
        reasons.extend(deciding.iter().copied().filter_map(gate_reason));
    }
    // Where a person's sign-off alone is missing, that the rule holds is no reason for the no-go.
    let rule_speaks = reasons.is_empty() || ruling == Ruling::Go || matches!(truth, Truth::False | Truth::Unknown);
    reasons.extend(rule_reason(rule, truth, &deciding, reasons.is_empty()).filter(|_| rule_speaks));
    Decision { ruling, reasons, next_actions: gates.iter().flat_map(|gate| next_actions(gate, run_id)).collect() }
}

/// The gates that the rule ranges over.
fn deciding<'a>(rule: &Rule, gates: &'a [GateResult]) -> Vec<&'a GateResult> {
    match rule {
        Rule::Expr(expr) => {
            let names: std::collections::HashSet<&str> = expr.names().into_iter().collect();
            gates.iter().filter(|gate| names.contains(gate.gate.name.as_str())).collect()
        }
        Rule::All | Rule::Any | Rule::AtLeast(_) => gates.iter().filter(|gate| is_mandatory(gate)).collect(),
    }
}

fn evaluate(rule: &Rule, gates: &[GateResult], deciding: &[&GateResult]) -> Truth {
    let truths = deciding.iter().map(|gate| gate.outcome.truth());
    match rule {
        Rule::All => Truth::all(truths),
        Rule::Any => Truth::any(truths),
        Rule::AtLeast(least) => Truth::at_least(*least, truths),
        Rule::Expr(expr) => {
            let named: std::collections::HashMap<&str, Truth> =
                gates.iter().map(|gate| (gate.gate.name.as_str(), gate.outcome.truth())).collect();
            expr.eval(&|name| named.get(name).copied().unwrap_or(Truth::Neutral))
        }
    }
}

fn is_mandatory(gate: &GateResult) -> bool {
    gate.gate.enforcement == Enforcement::Mandatory
}

fn is_unsigned(gate: &GateResult) -> bool {
    is_mandatory(gate) && gate.outcome == GateOutcome::Review
}

fn unsigned_reason(gate: &GateResult) -> Reason {
    let name = excerpt(&gate.gate.name, QUOTED);
    let message =
        format!("gate `{name}` waits for a person to sign it off, and --strict-manual does not let that pass");
    Reason { code: "review-unsigned".into(), gate: Some(gate.gate.name.clone()), message }
}

/// Why a gate stands in the way of a go.
fn gate_reason(gate: &GateResult) -> Option<Reason> {
    let (code, what) = match gate.outcome {
        GateOutcome::Fail => ("gate-failed", "failed"),
        GateOutcome::Fault(_) => ("gate-fault", "gave no verdict"),
        GateOutcome::Skipped(_) => ("gate-skipped", "did not run"),
        GateOutcome::Pass | GateOutcome::Review | GateOutcome::NotApplicable | GateOutcome::NotTaken(_) => return None,
    };
    let message = format!("gate `{}` {what}: {}", excerpt(&gate.gate.name, QUOTED), gate.headline());
    Some(Reason { code: code.into(), gate: Some(gate.gate.name.clone()), message })
}

/// What the rule itself says, where the gates' own reasons do not already.
fn rule_reason(rule: &Rule, truth: Truth, deciding: &[&GateResult], alone: bool) -> Option<Reason> {
    let passed = deciding.iter().filter(|gate| gate.outcome == GateOutcome::Pass).count();
    let counts = format!("{passed} of {} passed", counted(deciding.len(), "deciding gate", "deciding gates"));
    let rule_text = excerpt(&written(rule), QUOTED);
    let (code, message) = match truth {
        _ if deciding.is_empty() => ("nothing-decides", "no gate that decides was selected".to_owned()),
        Truth::Neutral => ("nothing-passed", "no deciding gate passed or failed, and nothing is never a go".to_owned()),
        Truth::True => ("rule-met", format!("rule `{rule_text}` holds: {counts}")),
        Truth::False | Truth::Unknown if *rule == Rule::All && !alone => return None,
        Truth::False => ("rule-not-met", format!("rule `{rule_text}` does not hold: {counts}")),
        Truth::Unknown => ("rule-open", format!("rule `{rule_text}` cannot be told: {counts}")),
    };
    Some(Reason { code: code.into(), gate: None, message })
}

/// The rule as the manifest writes it.
fn written(rule: &Rule) -> String {
    match rule {
        Rule::All => "all".to_owned(),
        Rule::Any => "any".to_owned(),
        Rule::AtLeast(least) => format!("at_least = {least}"),
        Rule::Expr(expr) => expr.to_string(),
    }
}

/// What a gate says is to be done, and what the host knows to do about its fault, or about a review that nobody signed off.
fn next_actions(gate: &GateResult, run_id: &str) -> Vec<NextAction> {
    let own = gate.next_actions.iter().cloned();
    let name = excerpt(&gate.gate.name, QUOTED);
    let hosts = match &gate.outcome {
        GateOutcome::Fault(fault) => remedy(&name, fault),
        GateOutcome::Review => Some(format!(
            "sign it off: portcullis approve {name} --run {run_id} --key KEY --expires TIME --reason TEXT"
        )),
        _ => None,
    };
    own.chain(hosts).map(|action| NextAction { gate: Some(gate.gate.name.clone()), agent: None, action }).collect()
}

fn remedy(name: &str, fault: &Fault) -> Option<String> {
    let key = match fault.cause {
        Cause::Limit(Exceeded { limit: Limit::Fuel, .. }) => "fuel",
        Cause::Limit(Exceeded { limit: Limit::Time, .. }) => "time",
        Cause::Limit(Exceeded { limit: Limit::Memory, .. }) => "memory",
        Cause::Evidence => {
            return Some("provide what it judges, or name it: portcullis run --evidence NAME=PATH".to_owned());
        }
        Cause::Trap | Cause::Exit(_) | Cause::Malformed => {
            return Some("ask the gate alone to see it again: portcullis eval MODULE --input FILE".to_owned());
        }
        Cause::Limit(_) | Cause::Compile | Cause::Interrupted | Cause::Internal => return None,
    };
    Some(format!(
        "raise `{key}` of gate `{name}` in the manifest, or let it do less: portcullis bench MODULE --input FILE"
    ))
}

#[cfg(test)]
#[path = "combine_tests.rs"]
mod tests;
