//! Gate × Request → Outcome: what is asked, what counts as an answer, and what came of it.

mod answer;
mod outcome;
mod raw;
mod request;

pub use answer::{Malformed, Place, read_answer};
pub use outcome::{Cause, Fault, Judgement, Outcome, ResultCode, Usage};
pub use request::RequestTemplate;
