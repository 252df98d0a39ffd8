//! What each kind answers. A verdict follows from what was said, never the other way round, so none of these can fail
//! without a reason, pass with a failed check, or pass on nothing.

mod checks;
mod draft;
mod evidence;
mod findings;
mod ruling;

pub use checks::Checks;
pub use evidence::Evidence;
pub use findings::{Document, Findings};
pub use ruling::Ruling;
