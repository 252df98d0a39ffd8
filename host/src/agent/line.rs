//! What an agent says: one JSON object a line, hostile like everything that comes from outside.
//!
//! A line is read whole or refused whole, with a reason that is fit for a terminal. What it means at the moment at which it
//! comes is the [`Agent`](super::Agent)'s to say.

use serde::{Deserialize, Deserializer, de::DeserializeOwned};
use serde_json::value::RawValue;

use super::{
    content::Content,
    words::{OutputType, Phase, Tier},
};
use crate::text::excerpt;

/// The most bytes of a line, its line feed not counted.
pub const MAX_LINE: usize = 1 << 20;
/// The most bytes of the code of an error.
const MAX_CODE: usize = 64;
/// The most bytes of the name of a plan.
const MAX_NAME: usize = 128;
/// The most bytes of a message or a reason.
const MAX_TEXT: usize = 4096;
/// Characters of a reason that may quote the line.
const QUOTED: usize = 160;

/// One thing that an agent says.
#[derive(Clone, Debug, PartialEq)]
pub enum AgentLine {
    /// It enters a phase.
    Phase(Phase),
    /// It made something.
    Output {
        /// What it says the type is; has to be that of the phase.
        kind: OutputType,
        /// What it made.
        content: Content,
    },
    /// It is alive.
    Heartbeat,
    /// It made an error.
    Error {
        /// Which one: two errors are the same when their codes are. Letters, digits and `_.-` only.
        code: String,
        /// What happened; hostile text.
        message: String,
    },
    /// What it is going to do.
    Plan {
        /// The plan.
        plan: Content,
        /// How sure it is of it.
        confidence: Option<Confidence>,
    },
    /// How sure it is.
    Confidence(Confidence),
    /// It has read the clarified plan of that id; hostile text.
    Acknowledge(String),
    /// It asks for a higher tier.
    Promotion {
        /// Which one.
        to: Tier,
        /// Why; hostile text.
        reason: String,
    },
    /// It is through.
    Done,
}

/// A number from 0 to 1.
#[derive(Clone, Copy, Debug, PartialEq, PartialOrd, Deserialize, serde::Serialize)]
#[serde(try_from = "f64", into = "f64")]
pub struct Confidence(f64);

impl Confidence {
    /// The confidence of that number, if it is one.
    #[must_use]
    pub fn new(number: f64) -> Option<Self> {
        (0.0..=1.0).contains(&number).then_some(Self(number))
    }

    /// The number.
    #[must_use]
    pub fn number(self) -> f64 {
        self.0
    }
}

impl TryFrom<f64> for Confidence {
    type Error = &'static str;

    fn try_from(number: f64) -> Result<Self, &'static str> {
        Self::new(number).ok_or("a confidence is a number from 0 to 1")
    }
}

impl From<Confidence> for f64 {
    fn from(confidence: Confidence) -> Self {
        confidence.0
    }
}

/// Why a line is not read: one sentence without a full stop, fit for a terminal whatever was in the line.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct BadLine(String);

impl BadLine {
    fn new(reason: impl Into<String>) -> Self {
        Self(reason.into())
    }

    fn quoting(reason: &str, error: &impl ToString) -> Self {
        Self(format!("{reason}: {}", excerpt(&error.to_string(), QUOTED)))
    }

    pub(super) fn too_long() -> Self {
        Self(format!("the line is longer than {MAX_LINE} bytes"))
    }
}

/// What the line in `bytes`, without its line feed, says.
///
/// # Errors
/// When it is longer than [`MAX_LINE`], not UTF-8, not one JSON object, names a member twice or one that nobody knows, says
/// nothing or two things at once, or when a part of it is not what it has to be.
pub fn read_line(bytes: &[u8]) -> Result<AgentLine, BadLine> {
    if bytes.len() > MAX_LINE {
        return Err(BadLine::too_long());
    }
    let text = std::str::from_utf8(bytes).map_err(|_| BadLine::new("the line is not UTF-8"))?.trim_ascii();
    if !text.starts_with('{') {
        return Err(BadLine::new("the line is not a JSON object"));
    }
    let members: Members<'_> =
        serde_json::from_str(text).map_err(|error| BadLine::quoting("the line does not parse", &error))?;
    members.meaning()
}

/// Every member that a line may have; what is in it is read once it is known which of them it has.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Members<'a> {
    #[serde(borrow, default, deserialize_with = "there")]
    phase: Option<&'a RawValue>,
    #[serde(borrow, default, deserialize_with = "there")]
    output: Option<&'a RawValue>,
    #[serde(borrow, default, deserialize_with = "there")]
    content: Option<&'a RawValue>,
    #[serde(borrow, default, deserialize_with = "there")]
    heartbeat: Option<&'a RawValue>,
    #[serde(borrow, default, deserialize_with = "there")]
    error: Option<&'a RawValue>,
    #[serde(borrow, default, deserialize_with = "there")]
    plan: Option<&'a RawValue>,
    #[serde(borrow, default, deserialize_with = "there")]
    confidence: Option<&'a RawValue>,
    #[serde(borrow, default, deserialize_with = "there")]
    acknowledge: Option<&'a RawValue>,
    #[serde(borrow, default, deserialize_with = "there")]
    promotion: Option<&'a RawValue>,
    #[serde(borrow, default, deserialize_with = "there")]
    done: Option<&'a RawValue>,
}

/// A member that is there, `null` included: that is a value like any other, and no member takes it.
fn there<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<&'de RawValue>, D::Error> {
    <&RawValue>::deserialize(deserializer).map(Some)
}

impl Members<'_> {
    fn count(&self) -> usize {
        let Self { phase, output, content, heartbeat, error, plan, confidence, acknowledge, promotion, done } = self;
        let all = [phase, output, content, heartbeat, error, plan, confidence, acknowledge, promotion, done];
        all.iter().filter(|member| member.is_some()).count()
    }

    fn meaning(self) -> Result<AgentLine, BadLine> {
        match (self.count(), self) {
            (0, _) => Err(BadLine::new("the line says nothing")),
            (1, Self { phase: Some(phase), .. }) => Ok(AgentLine::Phase(typed("phase", phase)?)),
            (2, Self { output: Some(output), content: Some(made), .. }) => {
                Ok(AgentLine::Output { kind: typed("output", output)?, content: content("content", made)? })
            }
            (1, Self { heartbeat: Some(truth), .. }) => holds("heartbeat", truth, AgentLine::Heartbeat),
            (1, Self { error: Some(error), .. }) => error_of(error),
            (1, Self { plan: Some(plan), .. }) => {
                Ok(AgentLine::Plan { plan: content("plan", plan)?, confidence: None })
            }
            (2, Self { plan: Some(plan), confidence: Some(sure), .. }) => {
                let confidence = Some(typed("confidence", sure)?);
                Ok(AgentLine::Plan { plan: content("plan", plan)?, confidence })
            }
            (1, Self { confidence: Some(sure), .. }) => Ok(AgentLine::Confidence(typed("confidence", sure)?)),
            (1, Self { acknowledge: Some(id), .. }) => {
                Ok(AgentLine::Acknowledge(within("acknowledge", typed("acknowledge", id)?, MAX_NAME)?))
            }
            (1, Self { promotion: Some(promotion), .. }) => promotion_of(promotion),
            (1, Self { done: Some(truth), .. }) => holds("done", truth, AgentLine::Done),
            (1, Self { output: Some(_), .. }) => Err(BadLine::new("an `output` needs its `content`")),
            (1, Self { content: Some(_), .. }) => Err(BadLine::new("a `content` needs its `output`")),
            _ => Err(BadLine::new("the members of the line do not go together")),
        }
    }
}

fn typed<T: DeserializeOwned>(name: &str, value: &RawValue) -> Result<T, BadLine> {
    serde_json::from_str(value.get())
        .map_err(|error| BadLine::quoting(&format!("`{name}` is not what it has to be"), &error))
}

/// An object with its fields; serde alone would take a list of their values too.
fn object<T: DeserializeOwned>(name: &str, value: &RawValue) -> Result<T, BadLine> {
    if value.get().starts_with('{') { typed(name, value) } else { Err(BadLine(format!("`{name}` is not an object"))) }
}

fn content(name: &str, value: &RawValue) -> Result<Content, BadLine> {
    Content::read(value.get()).map_err(|error| BadLine::quoting(&format!("`{name}` is refused"), &error))
}

fn holds(name: &str, value: &RawValue, line: AgentLine) -> Result<AgentLine, BadLine> {
    if typed(name, value)? { Ok(line) } else { Err(BadLine(format!("`{name}` is true, or is not there"))) }
}

fn within(name: &str, text: String, most: usize) -> Result<String, BadLine> {
    if text.is_empty() || text.len() > most {
        return Err(BadLine(format!("`{name}` has 1 to {most} bytes, not {}", text.len())));
    }
    Ok(text)
}

fn error_of(value: &RawValue) -> Result<AgentLine, BadLine> {
    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Parts {
        code: String,
        message: String,
    }
    let Parts { code, message } = object("error", value)?;
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"_.-".contains(&byte);
    if code.is_empty() || code.len() > MAX_CODE || !code.bytes().all(is_plain) {
        return Err(BadLine(format!("`error.code` is 1 to {MAX_CODE} letters, digits or `_.-`")));
    }
    if message.len() > MAX_TEXT {
        return Err(BadLine(format!("`error.message` has {} bytes, at most {MAX_TEXT} are read", message.len())));
    }
    Ok(AgentLine::Error { code, message })
}

fn promotion_of(value: &RawValue) -> Result<AgentLine, BadLine> {
    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Parts {
        to: Tier,
        reason: String,
    }
    let Parts { to, reason } = object("promotion", value)?;
    Ok(AgentLine::Promotion { to, reason: within("promotion.reason", reason, MAX_TEXT)? })
}
