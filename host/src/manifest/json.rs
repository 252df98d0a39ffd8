//! TOML values as JSON, for parameters, for evidence that stands in the manifest and for evidence that is TOML.

use serde_json::{Map, Value};
use toml::{
    Spanned,
    de::{DeTable, DeValue},
};

use super::reader::{Node, Table};
use crate::text::excerpt;

/// The most levels that a value may be nested. A request puts two more around it, and many JSON readers, serde_json in
/// the gates among them, stop at 127.
pub(crate) const MAX_DEPTH: usize = 125;

/// A TOML value that JSON cannot say.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum JsonError {
    /// Not a number, or infinite.
    #[error("JSON has no number `{0}`")]
    NotFinite(String),
    /// An integer past 64 bits.
    #[error("the integer does not fit into 64 bits")]
    TooGreat,
    /// More than [`MAX_DEPTH`] levels.
    #[error("the value is nested deeper than {MAX_DEPTH} levels")]
    TooDeep,
}

impl JsonError {
    /// The stable code.
    pub(crate) fn code(&self) -> &'static str {
        match self {
            Self::NotFinite(_) => "not-json",
            Self::TooGreat => "number-range",
            Self::TooDeep => "too-deep",
        }
    }
}

/// The JSON object that `table` means, in the order of the text, `depth` levels down; or the byte at which it means
/// none, and why.
pub(crate) fn table(table: &DeTable<'_>, depth: usize) -> Result<Map<String, Value>, (usize, JsonError)> {
    let entries = Table::root(table).entries();
    entries.into_iter().map(|(key, node)| Ok((key.it.to_owned(), value(node, depth + 1)?))).collect()
}

/// The JSON value that `node` means, `depth` levels down; dates and times become strings.
pub(super) fn value(node: Node<'_>, depth: usize) -> Result<Value, (usize, JsonError)> {
    let wrong = |error| (node.span().start, error);
    if depth > MAX_DEPTH {
        return Err(wrong(JsonError::TooDeep));
    }
    Ok(match node.get_ref() {
        DeValue::String(text) => Value::from(text.as_ref()),
        DeValue::Boolean(truth) => Value::from(*truth),
        DeValue::Datetime(moment) => Value::from(moment.to_string()),
        DeValue::Integer(integer) => {
            let signed = i64::from_str_radix(integer.as_str(), integer.radix()).map(Value::from);
            let number = signed.or_else(|_| u64::from_str_radix(integer.as_str(), integer.radix()).map(Value::from));
            number.map_err(|_| wrong(JsonError::TooGreat))?
        }
        DeValue::Float(float) => {
            let number = float.as_str().parse().ok().and_then(serde_json::Number::from_f64);
            Value::Number(number.ok_or_else(|| wrong(JsonError::NotFinite(excerpt(float.as_str(), 24))))?)
        }
        DeValue::Array(items) => array(items.iter(), depth)?,
        DeValue::Table(entries) => Value::Object(table(entries, depth)?),
    })
}

fn array<'t>(items: impl Iterator<Item = &'t Spanned<DeValue<'t>>>, depth: usize) -> Result<Value, (usize, JsonError)> {
    items.map(|item| value(item, depth + 1)).collect::<Result<Vec<_>, _>>().map(Value::Array)
}
