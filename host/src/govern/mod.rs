//! One governed agent, from its start to its end: the process, the state that others share, and the gates that judge it.
//!
//! [`drive`] is all of it. What follows from what is for [`crate::agent`] to say, which does nothing; here its effects are
//! done, and what the world does is told to it:
//!
//! ```text
//! process ──lines──▶ pipes ─┐                    ┌─▶ pipes ──lines──▶ process
//! gates ──judged────────────┼─▶ driver ⇄ Agent ──┼─▶ gates, notifier
//! state ──answers── keeper ─┘                    └─▶ desk ──jobs──▶ keeper ──▶ state
//! ```
//!
//! # What holds here
//!
//! - No agent is started that stands in the ledger of revocations, and none without its lock. The ledger is read behind the
//!   lock, and again and again while the agent runs: what is revoked anywhere is ended here.
//! - Values and counters are written under the fence of that lock alone. Lists that are only ever added to are not fenced:
//!   what somebody saw stays true when it comes late, and a revocation must not hang on a lock.
//! - The driver never waits for the state, for gates or for the agent: each has a thread of its own and a queue that is
//!   bounded. A state that fails or is slow makes the agent wait; one that stays away ends it. No agent runs unwatched.
//! - The agent counts its lock as over before the store does, so that its process is gone before anybody else has it.
//! - An agent that has a supervisor is gone with all that it has started when its host is, and when it has ended itself. It may
//!   kill its supervisor: then the host ends what it finds.
//! - No agent is started on a machine on which a process of an earlier run of it is still there. Where a host was killed, whoever
//!   resumes its run there takes the lock over; everybody else waits until it runs out. What stands in the state only says
//!   which processes those were: nothing is killed because of it.
//! - Whatever ends a stage, the process group of the agent is gone behind it, and what could not be written is said.
//!   Without a supervisor, processes that have left the group and whose parents have ended are for
//!   [`crate::evidence::Strays`], which the caller holds around all that it runs.
//! - Time is [`crate::evidence::World`]'s where rules hang on it; how long the driver itself waits is measured as it passes.
//! - No value of a variable of the environment leaves this room: it is taken out of every line as the line is read.

mod approvers;
mod charge;
mod desk;
mod driven;
mod driver;
mod duties;
mod end;
mod family;
mod hindrance;
mod insist;
mod job;
mod keeper;
mod launch;
mod leash;
mod ledger;
mod mask;
mod office;
mod pipes;
mod plan;
mod process;
mod signed;
mod start;
mod supervisor;
mod takeover;
mod tally;
#[cfg(test)]
mod tests;

pub use approvers::{APPROVERS_TYPE, Approvers};
pub use charge::Charge;
pub use driven::{Driven, Observed, Outputs};
pub use hindrance::Hindrance;
pub use insist::insist;
pub use job::{ClarifyRequest, Mail, RunEntry};
pub use ledger::{LedgerEntry, Unlifted, all_standing, standing};
pub use office::{Known, clarify, grant, known, questions, reinstate, revoke};
pub use plan::{Assignment, CLARIFY, Patience, Stage};
pub use signed::{Grant, Reinstatement, Signed, granted};
pub use start::Handoff;
pub use supervisor::{SUPERVISE, serve_supervisor};

/// Drives one agent from its start to its end.
///
/// Never fails: whatever keeps the agent from its end stands in what it came to, as [`Driven::hindrance`]. It comes back when
/// the agent's process group is gone, and when the gates have come back that are being asked at that time.
#[must_use]
pub fn drive(stage: &Stage<'_>) -> Driven {
    match start::start(stage) {
        Ok(started) => launch::run(stage, started),
        Err(refused) => Driven::refused(stage, *refused),
    }
}
