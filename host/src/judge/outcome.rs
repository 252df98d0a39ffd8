//! What came of asking a gate: its verdict, or the fault that kept it from giving one.

use std::time::Duration;

use portcullis_sdk::{Answer, Kind};
use serde::{Deserialize, Serialize};

use super::read_answer;
use crate::limits::{Exceeded, Limit};

/// What one call gave, and what it used.
#[derive(Clone, Debug)]
pub struct Judgement {
    /// Verdict or fault.
    pub outcome: Outcome,
    /// What the call used.
    pub usage: Usage,
    /// The gate's own notes on stderr, capped; hostile text like everything else it says.
    pub notes: String,
}

impl Judgement {
    /// What a call came to that a gate of `kind` ended with `answer` on stdout and `notes` on stderr, or with a fault.
    #[must_use]
    pub fn of(kind: Kind, fault: Option<Fault>, answer: &[u8], notes: &[u8], usage: Usage) -> Self {
        let outcome = match fault {
            Some(fault) => Outcome::Fault(fault),
            None => {
                read_answer(kind, answer).map_or_else(|malformed| Outcome::Fault(malformed.into()), Outcome::Answered)
            }
        };
        Self { outcome, usage, notes: String::from_utf8_lossy(notes).trim_end().to_owned() }
    }
}

/// Verdict or fault. A fault is never a verdict, and nothing turns one into the other.
#[derive(Clone, Debug)]
pub enum Outcome {
    /// The gate answered, and its answer keeps the protocol's rules.
    Answered(Answer),
    /// It did not.
    Fault(Fault),
}

/// What calls used. Sums over the files of a validator, but for the peak.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Usage {
    /// Fuel burned, in units.
    pub fuel: u64,
    /// Fuel allowed, in units.
    pub fuel_limit: u64,
    /// The greatest linear memory of a call, in bytes.
    pub memory_peak: u64,
    /// Wall time.
    pub duration: Duration,
}

/// Why there is no verdict.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Fault {
    /// What happened, by kind.
    pub cause: Cause,
    /// One sentence without a full stop; may quote the guest, so it is shown through [`crate::text::printable`].
    pub message: String,
}

/// What kept a gate from giving a verdict, recognised by type and never by text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Cause {
    /// A limit was reached.
    Limit(Exceeded),
    /// The guest trapped.
    Trap,
    /// The guest left with another exit status than 0.
    Exit(i32),
    /// The answer is not what the protocol says.
    Malformed,
    /// The module does not compile.
    Compile,
    /// What it was to judge could not be had.
    Evidence,
    /// The run was interrupted.
    Interrupted,
    /// The host itself failed.
    Internal,
}

impl Cause {
    /// The stable code, kebab-case.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Limit(exceeded) => match exceeded.limit {
                Limit::Fuel => "fuel-exhausted",
                Limit::Time => "time-limit",
                Limit::Memory => "memory-limit",
                Limit::Tables => "table-limit",
                Limit::Stack => "stack-limit",
                Limit::Instances => "instance-limit",
                Limit::Stdout => "stdout-limit",
                Limit::Stderr => "stderr-limit",
                Limit::Input => "input-limit",
                Limit::ModuleSize => "module-size-limit",
                Limit::CompileTime => "compile-time-limit",
                Limit::CompileMemory => "compile-memory-limit",
                Limit::Functions => "function-limit",
                Limit::Locals => "locals-limit",
                Limit::FunctionSize => "function-size-limit",
                Limit::Artifact => "artifact-limit",
            },
            Self::Trap => "trap",
            Self::Exit(_) => "exit-status",
            Self::Malformed => "malformed-answer",
            Self::Compile => "compile-failed",
            Self::Evidence => "evidence-missing",
            Self::Interrupted => "interrupted",
            Self::Internal => "internal",
        }
    }

    /// The number and name of the workflow codes that this maps onto (spec/workflow-findings.md, Codes).
    #[must_use]
    pub fn result_code(&self) -> ResultCode {
        match self {
            Self::Limit(Exceeded { limit: Limit::Fuel | Limit::Time, .. }) | Self::Interrupted => {
                ResultCode::TimeoutError
            }
            Self::Evidence | Self::Limit(Exceeded { limit: Limit::Input, .. }) => ResultCode::IoError,
            _ => ResultCode::InternalError,
        }
    }
}

/// The codes of a result: number and name stand in `code` and `codeName` of the record.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum ResultCode {
    /// Nothing is wrong.
    Success = 0,
    /// A failure without a code of its own.
    GenericFailure = 1,
    /// The input does not parse.
    ParseError = 20,
    /// It failed while it ran.
    RuntimeError = 21,
    /// A signature does not hold.
    SignatureError = 22,
    /// Time or fuel ran out.
    TimeoutError = 23,
    /// It uses what is not supported.
    UnsupportedFeature = 24,
    /// It parses and is wrong.
    ValidationError = 25,
    /// It could not be read.
    IoError = 26,
    /// The tool failed, not the input.
    InternalError = 27,
}

impl ResultCode {
    const ALL: [Self; 10] = [
        Self::Success,
        Self::GenericFailure,
        Self::ParseError,
        Self::RuntimeError,
        Self::SignatureError,
        Self::TimeoutError,
        Self::UnsupportedFeature,
        Self::ValidationError,
        Self::IoError,
        Self::InternalError,
    ];

    /// Its number.
    #[must_use]
    pub fn number(self) -> u32 {
        self as u32
    }

    /// Its name, as results spell it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Success => "SUCCESS",
            Self::GenericFailure => "GENERIC_FAILURE",
            Self::ParseError => "PARSE_ERROR",
            Self::RuntimeError => "RUNTIME_ERROR",
            Self::SignatureError => "SIGNATURE_ERROR",
            Self::TimeoutError => "TIMEOUT_ERROR",
            Self::UnsupportedFeature => "UNSUPPORTED_FEATURE",
            Self::ValidationError => "VALIDATION_ERROR",
            Self::IoError => "IO_ERROR",
            Self::InternalError => "INTERNAL_ERROR",
        }
    }

    /// The code of that name, if there is one.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|code| code.name() == name)
    }
}
