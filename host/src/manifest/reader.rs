//! Reads tables strictly: every key is known, every value has its type, and what is not so becomes a problem with its
//! place. A part that cannot be read is left out, so that reading goes on and finds the next problem.

use toml::{
    Spanned,
    de::{DeTable, DeValue},
};

use super::{
    problems::{Problems, quoted},
    template::Template,
};
use crate::diagnostic::Diagnostic;

/// A value in the text.
pub(super) type Node<'t> = &'t Spanned<DeValue<'t>>;

/// Something, and the byte of the text where it stands.
#[derive(Clone, Copy, Debug)]
pub(super) struct At<T> {
    /// Where.
    pub(super) at: usize,
    /// What.
    pub(super) it: T,
}

/// A table in the text.
#[derive(Clone, Copy)]
pub(super) struct Table<'t> {
    /// Where its header or its brace stands.
    pub(super) at: usize,
    entries: &'t DeTable<'t>,
}

impl<'t> Table<'t> {
    /// The whole text.
    pub(super) fn root(document: &'t DeTable<'t>) -> Self {
        Self { at: 0, entries: document }
    }

    /// The table that `node` is, if it is one.
    pub(super) fn open(node: Node<'t>, problems: &mut Problems<'_>) -> Option<Self> {
        let entries = node.get_ref().as_table().or_else(|| wrong_type(node, "a table", problems))?;
        Some(Self { at: node.span().start, entries })
    }

    /// The table at `key`, where there is one.
    pub(super) fn table(&self, key: &str, problems: &mut Problems<'_>) -> Option<Self> {
        self.get(key).and_then(|node| Self::open(node, problems))
    }

    /// The same table; every key of it that is none of `known` is a problem.
    pub(super) fn only(self, known: &[&str], problems: &mut Problems<'_>) -> Self {
        for (key, _) in self.entries() {
            if !known.contains(&key.it) {
                problems.add_unknown(key.at, ("unknown-key", "key"), key.it, known.iter().copied());
            }
        }
        self
    }

    /// Every key of it that is none of `known` is a problem: one that something else would take is told as that, for it means
    /// nothing beside `kind`.
    pub(super) fn only_beside(
        &self,
        (kind, known): (&str, &[&str]),
        of_another: impl Fn(&str) -> bool,
        problems: &mut Problems<'_>,
    ) {
        for (key, _) in self.entries().into_iter().filter(|(key, _)| !known.contains(&key.it)) {
            if of_another(key.it) {
                let message = format!("`{}` means nothing beside `{kind}`", key.it);
                problems.add(key.at, Diagnostic::new("key-conflict", message));
            } else {
                problems.add_unknown(key.at, ("unknown-key", "key"), key.it, known.iter().copied());
            }
        }
    }

    /// Every key with its value, in the order of the text.
    pub(super) fn entries(&self) -> Vec<(At<&'t str>, Node<'t>)> {
        let at = |key: &'t Spanned<std::borrow::Cow<'t, str>>| At { at: key.span().start, it: key.get_ref().as_ref() };
        let mut entries: Vec<_> = self.entries.iter().map(|(key, value)| (at(key), value)).collect();
        entries.sort_by_key(|(key, _)| key.at);
        entries
    }

    /// The value at `key`.
    pub(super) fn get(&self, key: &str) -> Option<Node<'t>> {
        self.entries.get(key)
    }

    /// The string at `key`, where there is one.
    pub(super) fn string(&self, key: &str, problems: &mut Problems<'_>) -> Option<At<&'t str>> {
        self.get(key).and_then(|node| string(node, problems))
    }

    /// The string at `key`; that there is none is a problem.
    pub(super) fn required(&self, key: &str, problems: &mut Problems<'_>) -> Option<At<&'t str>> {
        if self.get(key).is_none() {
            problems.add(self.at, Diagnostic::new("missing-key", format!("missing key `{key}`")));
        }
        self.string(key, problems)
    }

    /// The path at `key`; that there is none, or an empty one, is a problem.
    pub(super) fn required_path(&self, key: &str, problems: &mut Problems<'_>) -> Option<At<&'t str>> {
        self.required(key, problems).and_then(|_| self.path(key, problems))
    }

    /// The path at `key`, where there is one; an empty one is a problem.
    pub(super) fn path(&self, key: &str, problems: &mut Problems<'_>) -> Option<At<&'t str>> {
        let path = self.string(key, problems)?;
        if path.it.is_empty() {
            problems.add(path.at, Diagnostic::new("empty-path", format!("`{key}` names no file")));
            return None;
        }
        Some(path)
    }

    /// The strings of the array at `key`; none where there is none.
    pub(super) fn strings(&self, key: &str, problems: &mut Problems<'_>) -> Vec<At<&'t str>> {
        let Some(node) = self.get(key) else { return Vec::new() };
        let array = node.get_ref().as_array().or_else(|| wrong_type(node, "an array of strings", problems));
        array.into_iter().flat_map(|array| array.iter()).filter_map(|item| string(item, problems)).collect()
    }

    /// The truth at `key`, where there is one.
    pub(super) fn boolean(&self, key: &str, problems: &mut Problems<'_>) -> Option<bool> {
        let node = self.get(key)?;
        node.get_ref().as_bool().or_else(|| wrong_type(node, "a boolean", problems))
    }

    /// What the word at `key` stands for, where there is one.
    pub(super) fn word<T: Copy>(&self, key: &str, words: &[(&str, T)], problems: &mut Problems<'_>) -> Option<T> {
        let word = self.string(key, problems)?;
        let meant = words.iter().find(|(name, _)| *name == word.it);
        if meant.is_none() {
            problems.add_unknown(word.at, ("unknown-word", key), word.it, words.iter().map(|(name, _)| *name));
        }
        meant.map(|(_, meaning)| *meaning)
    }
}

/// The string that `node` is, if it is one.
pub(super) fn string<'t>(node: Node<'t>, problems: &mut Problems<'_>) -> Option<At<&'t str>> {
    let it = node.get_ref().as_str().or_else(|| wrong_type(node, "a string", problems))?;
    Some(At { at: node.span().start, it })
}

/// The glob that `node` is, for files below the manifest's folder; one that is none is a problem.
pub(super) fn pattern<'t>(node: Node<'t>, problems: &mut Problems<'_>) -> Option<&'t str> {
    let pattern = string(node, problems)?;
    if let Err(error) = crate::evidence::glob(pattern.it) {
        problems.add(pattern.at, Diagnostic::new(error.code(), error.to_string()));
    }
    Some(pattern.it)
}

/// `text` with the variables of the environment in it, if they are well-formed.
pub(super) fn template(text: At<&str>, problems: &mut Problems<'_>) -> Option<Template> {
    Template::parse(text.it)
        .map_err(|error| {
            let at = inside(text, problems.text).map_or(text.at, |start| start + error.offset);
            let help = "a variable is written `${env:NAME}`, and `$${` is the text `${`";
            problems.add(at, Diagnostic::new("bad-template", error.to_string()).help(help));
        })
        .ok()
}

/// The byte at which the characters of a string start, where it is written without escapes and so has places inside.
pub(super) fn inside(text: At<&str>, source: &str) -> Option<usize> {
    let start = text.at + 1;
    let quote = source.as_bytes().get(text.at)?;
    let verbatim = matches!(quote, b'"' | b'\'') && source.get(start..)?.starts_with(text.it);
    (verbatim && source.as_bytes().get(start + text.it.len()) == Some(quote)).then_some(start)
}

/// The whole number that `node` is, if it is one that is not negative.
pub(super) fn whole_number(node: Node<'_>, problems: &mut Problems<'_>) -> Option<u64> {
    let integer = node.get_ref().as_integer().or_else(|| wrong_type(node, "an integer", problems))?;
    let number = u64::from_str_radix(integer.as_str(), integer.radix()).ok();
    if number.is_none() {
        let message = format!("{} is no whole number from 0 to {}", quoted(&integer.to_string()), u64::MAX);
        problems.add(node.span().start, Diagnostic::new("number-range", message));
    }
    number
}

/// One more problem: `node` is not `expected`, so there is nothing of what was to be read.
pub(super) fn wrong_type<T>(node: Node<'_>, expected: &str, problems: &mut Problems<'_>) -> Option<T> {
    let found = match node.get_ref() {
        DeValue::String(_) => "a string",
        DeValue::Integer(_) => "an integer",
        DeValue::Float(_) => "a float",
        DeValue::Boolean(_) => "a boolean",
        DeValue::Datetime(_) => "a date or time",
        DeValue::Array(_) => "an array",
        DeValue::Table(_) => "a table",
    };
    problems.add(node.span().start, Diagnostic::new("wrong-type", format!("expected {expected}, found {found}")));
    None
}

/// One more problem where `name` is not `[a-z0-9][a-z0-9._-]{0,63}`.
pub(super) fn check_name(name: At<&str>, problems: &mut Problems<'_>) {
    let plain = |byte: &u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    let bytes = name.it.as_bytes();
    let fits = (1..=64).contains(&bytes.len())
        && bytes.first().is_some_and(plain)
        && bytes.iter().all(|byte| plain(byte) || b"._-".contains(byte));
    if !fits {
        let help = "a name has 1 to 64 of a-z, 0-9, `.`, `_` and `-`, and starts with a letter or a digit";
        problems.add(name.at, Diagnostic::new("bad-name", format!("{} is no name", quoted(name.it))).help(help));
    }
}
