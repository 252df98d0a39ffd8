//! Outcomes in, decision out. Pure: no clock, no file, and no way from a fault to a go.
//!
//! A [`GateResult`] is what one gate came to, whatever stood in its way; [`combine()`] makes one [`Decision`] of all of
//! them by the plan's rule in four-valued logic ([`Truth`]); [`completion()`] says whether what its probes saw completes the
//! work; a [`Record`] names everything that decided, agents and the rules they broke among it.

mod agents;
mod combine;
mod completion;
mod entry;
mod expr;
mod gate;
mod lexer;
mod merge;
mod record;
mod truth;

pub use agents::{AgentRecord, BudgetRecord, ErrorBudgetRecord, SpentRecord, ViolationRecord, Weight};
pub use combine::{Decision, NextAction, Objection, Reason, Ruling, combine};
pub use completion::{CompletionOutcome, CompletionRecord, ProbeRecord, ProbeStatus, completion};
pub(crate) use entry::FaultRecord;
pub use expr::{Atom, Comparison, Expr, ExprError};
pub use gate::{GateFacts, GateOutcome, GateResult, Judged, ModuleRecord, SignOff, code_of};
pub(crate) use gate::{place, told};
pub use record::{
    ApprovalRecord, BaselineRecord, DigestSet, InputRecord, ListRecord, PolicyRecord, Record, RevocationsRecord,
    RunFacts, StageRecord, StateRecord, SubjectRecord, Summary, TrustRecord, VerifierRecord,
};
pub use truth::Truth;

#[cfg(test)]
pub(crate) mod samples;
