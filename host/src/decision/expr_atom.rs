//! What an expression asks for: an outcome, a finding, a place in a piece of evidence.

use std::fmt;

use serde_json::{Number, Value, value::RawValue};

use crate::{
    decision::{
        GateOutcome, GateResult, Truth,
        lexer::{is_bare, is_bare_code},
    },
    findings::Found,
};

/// One question of an expression. Displays as text that parses to the same question.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Atom {
    /// What the gate of that name came to.
    Gate(String),
    /// Whether a gate has a finding of a code that is not suppressed.
    Findings {
        /// The gate's name.
        gate: String,
        /// The code.
        code: String,
    },
    /// Whether a place in a piece of evidence holds a value.
    Evidence(Comparison),
}

/// A place in a piece of evidence, and what it is held against.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Comparison {
    /// The evidence's name.
    pub evidence: String,
    /// Where in it: a JSON pointer (RFC 6901).
    pub pointer: String,
    /// Whether it has to hold the value; else it has to hold another.
    pub equal: bool,
    /// The value: a text, a number, true, false or null.
    pub value: Value,
}

impl Atom {
    /// The gate that it asks for.
    #[must_use]
    pub fn gate(&self) -> Option<&str> {
        match self {
            Self::Gate(gate) | Self::Findings { gate, .. } => Some(gate),
            Self::Evidence(_) => None,
        }
    }

    /// The evidence that it asks for.
    #[must_use]
    pub fn evidence(&self) -> Option<&str> {
        if let Self::Evidence(comparison) = self { Some(&comparison.evidence) } else { None }
    }

    /// What it comes to, when gates came to what `gate` says and evidence is what `evidence` says.
    ///
    /// A gate without a result, findings of a gate that gave no verdict, and a place that is not there are unknown: that
    /// something was not seen is never taken for its absence.
    #[must_use]
    pub fn truth<'a>(
        &self,
        gate: &dyn Fn(&str) -> Option<&'a GateResult>,
        evidence: &dyn Fn(&str) -> Option<&'a RawValue>,
    ) -> Truth {
        match self {
            Self::Gate(name) => gate(name).map_or(Truth::Unknown, |result| result.outcome.truth()),
            Self::Findings { gate: name, code } => {
                gate(name).map_or(Truth::Unknown, |result| has_finding(result, code))
            }
            Self::Evidence(comparison) => {
                let document = evidence(&comparison.evidence).map(|document| serde_json::from_str(document.get()));
                comparison.truth(document.and_then(Result::ok).as_ref())
            }
        }
    }
}

fn has_finding(result: &GateResult, code: &str) -> Truth {
    match result.outcome {
        GateOutcome::Pass | GateOutcome::Fail | GateOutcome::Review | GateOutcome::NotApplicable => {
            let is_meant = |found: &Found| found.suppressed.is_none() && found.code == code;
            if result.findings.iter().any(is_meant) { Truth::True } else { Truth::False }
        }
        GateOutcome::Skipped(_) | GateOutcome::NotTaken(_) | GateOutcome::Fault(_) => Truth::Unknown,
    }
}

impl Comparison {
    /// What it comes to over `document`: unknown where there is none, or where the pointer leads nowhere in it. A value of
    /// another type is another value; numbers are equal when they mean the same, however they are written.
    #[must_use]
    pub fn truth(&self, document: Option<&Value>) -> Truth {
        match document.and_then(|document| document.pointer(&self.pointer)) {
            None => Truth::Unknown,
            Some(there) if is_same(there, &self.value) == self.equal => Truth::True,
            Some(_) => Truth::False,
        }
    }
}

fn is_same(there: &Value, value: &Value) -> bool {
    match (there, value) {
        (Value::Number(there), Value::Number(number)) => is_same_number(there, number),
        _ => there == value,
    }
}

fn is_same_number(one: &Number, other: &Number) -> bool {
    match (one.as_i128(), other.as_i128()) {
        (Some(one), Some(other)) => one == other,
        _ => one.as_f64() == other.as_f64(),
    }
}

impl fmt::Display for Atom {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Gate(name) => write_name(name, f),
            Self::Findings { gate, code } => {
                f.write_str("findings(")?;
                write_name(gate, f)?;
                f.write_str(", ")?;
                if is_bare(code) || is_bare_code(code) {
                    f.write_str(code)?
                } else {
                    write_text(code, f)?
                }
                f.write_str(")")
            }
            Self::Evidence(Comparison { evidence, pointer, equal, value }) => {
                f.write_str("evidence(")?;
                write_name(evidence, f)?;
                f.write_str(", ")?;
                write_text(pointer, f)?;
                f.write_str(if *equal { ") == " } else { ") != " })?;
                match value {
                    Value::String(text) => write_text(text, f),
                    // Exponents are written without a sign, which no word of an expression has.
                    Value::Number(number) => f.write_str(&number.to_string().replace("e+", "e")),
                    value => write!(f, "{value}"),
                }
            }
        }
    }
}

fn write_name(name: &str, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    if is_bare(name) { f.write_str(name) } else { write!(f, "\"{name}\"") }
}

fn write_text(text: &str, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    if text.contains('\'') { write!(f, "\"{text}\"") } else { write!(f, "'{text}'") }
}
