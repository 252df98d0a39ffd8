//! Governed agents: the rules that an agent works by, and nothing of how it is run.
//!
//! An [`Agent`] is told what happens ([`Event`]) and answers with what is to be done ([`Effect`]). It reads no clock and
//! starts nothing; [`read_line`] and [`Lines`] read what an agent says, and [`HostLine`] is what it is told.
//!
//! What is fixed here:
//! - the words and numbers of the pipeline core, which all machines that share a state spell alike;
//! - that phases come in their order, and that nothing follows `EXIT` and `REVOKED`;
//! - what follows from a violation, and when errors are too many or too much alike;
//! - the checksum of what an agent makes, the same that Python programs of the same pipeline compute.

mod budget;
mod clarified;
mod content;
mod effect;
#[cfg(test)]
mod held_tests;
mod json;
mod kind;
mod line;
#[cfg(test)]
mod line_tests;
mod lines;
mod machine;
#[cfg(test)]
mod machine_properties;
#[cfg(test)]
mod machine_tests;
mod output;
mod promotion;
mod revocation;
mod said;
#[cfg(test)]
mod samples;
mod status;
mod violation;
mod words;

pub use budget::{ErrorBudget, Spent};
pub use clarified::{ClarifiedPlan, Trouble};
pub use content::{Checksum, Content, DEEPEST, canonical, checksum};
pub use effect::{Asked, Effect, End, Event, Happening, Judged, Notice, Remembered};
pub use json::NotContent;
pub use kind::EventKind;
pub use line::{AgentLine, BadLine, Confidence, MAX_LINE, read_line};
pub use lines::Lines;
pub use machine::{Agent, Setup, Snapshot};
pub use output::{AgentOutput, Checkpoint, resume_point};
pub use promotion::{NotPromoted, PromotionRequest};
pub use revocation::{Cause, Revocation};
pub use said::{HostLine, Refusal, ResumePoint};
pub use status::StageStatus;
pub use violation::{BrokenRule, Consequence, Report, Violation, ViolationSeverity, ViolationType};
pub use words::{AgentStatus, ChaosCondition, HEARTBEAT, LOCK, NotATier, OUTPUT, OutputType, Phase, Tier};
