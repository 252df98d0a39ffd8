//! What a run takes in: every file that a plan names, read once, and what it means.
//!
//! A [`Shelf`] hands out the files, from the disk or as a ledger kept them, so that a run that is judged again reads what was
//! read then. No clock and no environment is read here: a [`Machine`] says what is known of them.
//!
//! - `trust`: the trust file, its root and its lists; `modules`: what is verified against them.
//! - `settings`: what a run is called with, and all that it takes in together.
//! - `held`: suppressions and baselines; `approvals`: people's word.

mod approvals;
mod held;
mod modules;
mod settings;
mod shelf;
mod trust;

pub use approvals::{ApprovalFile, approvals};
pub use held::HeldFiles;
pub use modules::{read_module, verify_all};
pub use settings::{Intake, Settings};
pub use shelf::{Content, Shelf};
pub use trust::{CAP, Machine, TrustFiles, parse_trust, trust_unreadable};
