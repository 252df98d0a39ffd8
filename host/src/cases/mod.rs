//! A gate's cases: pairs of files that say what it is asked and what it has to answer.
//!
//! `NAME.input.json` is `{"params":{…}, "input":…, "now":"…"}` with `input` required, `NAME.expected.json` is
//! `{"verdict":"pass", "checks":{"id":true}, "codes":["…"], "summary":"…", "fuel":N}` or `{"fault":"exit-status"}`. Only
//! what stands in the second is compared; `fuel` is a budget that a call may use up and not pass. A key that is none of
//! these is an error, because an expectation that nobody looks at is a test that cannot fail.
//!
//! Opens no file: texts and file names in, differences and texts out.

mod compare;
mod pair;
mod read;

pub use compare::{Unblessable, bless, difference};
pub use pair::{Case, EXPECTED, INPUT, NotPaired, pair};
pub use read::{BadCase, Expectation, Expected, Question};
