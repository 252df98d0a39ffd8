//! What is wrong in a TOML text: the line, and what was probably meant.

use toml::de::{DeTable, DeValue, Error};

use crate::text::excerpt;

/// Something in a TOML text that cannot be meant.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct TomlError {
    /// Counted from 1.
    pub line: usize,
    /// Counted from 1, in characters.
    pub column: usize,
    /// One sentence fragment, fit for a terminal.
    pub message: String,
    /// What was probably meant.
    pub help: Option<String>,
}

/// Which keys may stand where.
pub(super) enum Shape {
    /// Anything.
    Leaf,
    /// A table with these keys only.
    Table(&'static [(&'static str, Shape)]),
    /// A table or an array, each of whose values is so.
    Each(&'static Shape),
}

impl TomlError {
    /// At the byte `at` of `text`.
    pub(super) fn new(text: &str, at: usize, message: String) -> Self {
        let before = text.get(..at).unwrap_or(text);
        let line = before.bytes().filter(|byte| *byte == b'\n').count() + 1;
        let column = before.rsplit('\n').next().unwrap_or_default().chars().count() + 1;
        Self { line, column, message, help: None }
    }

    /// What the parser says, unless a key is unknown: then which one, and which was probably meant.
    pub(super) fn explain(text: &str, error: &Error, shape: &Shape) -> Self {
        let document = DeTable::parse(text).ok();
        let unknown = document.and_then(|document| unknown_key(text, document.get_ref(), shape));
        let at = || error.span().map_or(0, |span| span.start);
        unknown.unwrap_or_else(|| Self::new(text, at(), excerpt(error.message(), 200)))
    }

    /// The same, with its fix.
    pub(super) fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }

    /// The same, with the known name that `name` is a slip of the fingers away from, or all there are.
    pub(super) fn known(self, name: &str, known: &[&str]) -> Self {
        let distance = |known: &&&str| strsim::osa_distance(&excerpt(name, 64), known);
        let nearest = known.iter().min_by_key(distance).filter(|known| distance(known) <= (known.len() / 3).max(1));
        self.help(match nearest {
            Some(known) => format!("did you mean `{known}`?"),
            None => format!("known here: {}", known.join(", ")),
        })
    }
}

fn unknown_key(text: &str, table: &DeTable<'_>, shape: &Shape) -> Option<TomlError> {
    match shape {
        Shape::Leaf => None,
        Shape::Each(shape) => table.values().find_map(|value| unknown_within(text, value.get_ref(), shape)),
        Shape::Table(shapes) => table.iter().find_map(|(key, value)| {
            let Some((_, shape)) = shapes.iter().find(|(known, _)| *known == key.get_ref()) else {
                let known: Vec<_> = shapes.iter().map(|(known, _)| *known).collect();
                let message = format!("unknown key `{}`", excerpt(key.get_ref(), 64));
                return Some(TomlError::new(text, key.span().start, message).known(key.get_ref(), &known));
            };
            unknown_within(text, value.get_ref(), shape)
        }),
    }
}

fn unknown_within(text: &str, value: &DeValue<'_>, shape: &Shape) -> Option<TomlError> {
    match (value, shape) {
        (DeValue::Table(table), shape) => unknown_key(text, table, shape),
        (DeValue::Array(items), Shape::Each(shape)) => {
            items.iter().find_map(|item| unknown_within(text, item.get_ref(), shape))
        }
        _ => None,
    }
}

/// Where the table `part`, or `name` within it, stands.
pub(super) fn place(text: &str, part: &str, name: Option<&str>) -> usize {
    let Ok(document) = DeTable::parse(text) else { return 0 };
    let Some((key, value)) = document.get_ref().get_key_value(part) else { return 0 };
    let inner = name.zip(value.get_ref().as_table()).and_then(|(name, table)| table.get_key_value(name));
    inner.map_or(key.span().start, |(key, _)| key.span().start)
}
