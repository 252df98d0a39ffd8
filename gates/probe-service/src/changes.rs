//! `side_effect_probe`: what is otherwise after something ran than it was before, in a folder or in what a service says.

use alloc::collections::BTreeMap;

use portcullis_sdk::{
    evidence::{Entry, ExchangeAttempts, Files, Look, Members, Sample, Seconds, read_part, same},
    prelude::*,
};
use serde::de::IgnoredAny;

use crate::{counted, pointer};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Params {
    #[serde(rename = "kind")]
    _kind: IgnoredAny,
    /// What is to be there after, and was not before: paths, or JSON pointers. One that ends with `/` stands for whatever
    /// lies below it.
    #[serde(default)]
    created: Vec<String>,
    /// What is to be another than before.
    #[serde(default)]
    changed: Vec<String>,
    /// What is to be gone.
    #[serde(default)]
    removed: Vec<String>,
    /// Whether something else may have changed as well.
    #[serde(default, rename = "match")]
    how: How,
}

#[derive(Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
enum How {
    /// Nothing else.
    #[default]
    Exactly,
    /// Anything else.
    AtLeast,
}

#[derive(Deserialize)]
pub struct Input<'a> {
    #[serde(borrow)]
    before: &'a RawValue,
    #[serde(borrow)]
    after: &'a RawValue,
}

/// What became of something.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fate {
    Created,
    Changed,
    Removed,
}

/// What the record keeps.
#[derive(Serialize)]
pub struct Seen {
    created: Sample,
    changed: Sample,
    removed: Sample,
    /// Expected changes that there are not.
    missing: Sample,
    /// Changes that are not expected.
    unexpected: Sample,
}

pub fn look(params: &Params, input: &Input<'_>) -> Result<Look<Seen>, Fault> {
    let expected = params.expected();
    if params.how == How::AtLeast && expected.is_empty() {
        return Err(Fault::bad_input("params: that at least nothing changes is so whatever happens"));
    }
    let (before, after) = (State::of("before", input.before)?, State::of("after", input.after)?);
    if !before.is_like(&after) {
        return Err(Fault::bad_input("input: files are held against files, and exchanges against exchanges"));
    }
    let changes = changes(&before.parts, &after.parts);
    let is_missing = |(fate, name): &&(Fate, &str)| !changes.iter().any(|it| it.0 == *fate && covers(name, it.1));
    let is_unexpected = |(fate, name): &&(Fate, &str)| !expected.iter().any(|it| it.0 == *fate && covers(it.1, name));
    let seen = Seen {
        created: sample(changes.iter().filter(|(fate, _)| *fate == Fate::Created)),
        changed: sample(changes.iter().filter(|(fate, _)| *fate == Fate::Changed)),
        removed: sample(changes.iter().filter(|(fate, _)| *fate == Fate::Removed)),
        missing: sample(expected.iter().filter(is_missing)),
        unexpected: sample(changes.iter().filter(is_unexpected)),
    };
    let unexpected = if params.how == How::Exactly { seen.unexpected.count } else { 0 };
    let is_empty = before.parts.is_empty() && after.parts.is_empty();
    let empty = is_empty.then(|| "there is nothing before and nothing after".into());
    let (passed, summary) = match (before.trouble.or(after.trouble).or(empty), seen.missing.count, unexpected) {
        (Some(trouble), ..) => (false, trouble),
        (None, 0, 0) => (true, format!("{}, as expected", counted(changes.len(), "change", "changes"))),
        (None, missing, unexpected) => {
            let missing = counted(missing, "expected change is", "expected changes are");
            let unexpected = counted(unexpected, "change is", "changes are");
            (false, format!("{missing} missing, and {unexpected} not expected"))
        }
    };
    Ok(Look { passed, summary, took: before.took.and(after.took), seen })
}

impl Params {
    fn expected(&self) -> Vec<(Fate, &str)> {
        let fates = [(Fate::Created, &self.created), (Fate::Changed, &self.changed), (Fate::Removed, &self.removed)];
        fates.into_iter().flat_map(|(fate, names)| names.iter().map(move |name| (fate, name.as_str()))).collect()
    }
}

fn sample<'t>(changes: impl Iterator<Item = &'t (Fate, &'t str)>) -> Sample {
    Sample::of(changes.map(|(_, name)| *name))
}

/// Whether an expected name stands for that of a change.
fn covers(expected: &str, name: &str) -> bool {
    expected == name || (expected.ends_with('/') && name.starts_with(expected))
}

/// What there is at one time, by paths or by JSON pointers.
struct State<'a> {
    parts: BTreeMap<String, Part<'a>>,
    is_folder: bool,
    took: Seconds,
    /// Why it says nothing.
    trouble: Option<String>,
}

enum Part<'a> {
    Entry(Entry<'a>),
    Value(&'a RawValue),
}

impl<'a> State<'a> {
    fn of(member: &str, document: &'a RawValue) -> Result<Self, Fault> {
        let part = format!("input: {member}");
        if Members::read(document).is_some_and(|members| members.get("files").is_some()) {
            let Files { files } = read_part(&part, document)?;
            let parts = files.into_iter().map(|(path, entry)| (path, Part::Entry(entry))).collect();
            return Ok(Self { parts, is_folder: true, took: Seconds::default(), trouble: None });
        }
        let ExchangeAttempts(exchanges) = read_part(&part, document)?;
        let [exchange] = exchanges.as_slice() else {
            return Err(Fault::bad_input(format!("{part}: {} exchanges, and one is compared", exchanges.len())));
        };
        let is_good = exchange.is_answered() && exchange.status.is_some_and(|status| (200..300).contains(&status));
        let trouble = match exchange.json {
            _ if !is_good => Some(format!("{member}: {}", exchange.ending())),
            None => Some(format!("{member}: the response is not JSON, or not whole")),
            Some(_) => None,
        };
        let leaves = exchange.json.map(pointer::leaves).unwrap_or_default().into_iter();
        let parts = leaves.map(|(pointer, value)| (pointer, Part::Value(value))).collect();
        Ok(Self { parts, is_folder: false, took: exchange.took, trouble })
    }

    fn is_like(&self, other: &Self) -> bool {
        self.is_folder == other.is_folder
    }
}

/// All that is otherwise, in the order of the names.
fn changes<'a>(before: &'a BTreeMap<String, Part<'_>>, after: &'a BTreeMap<String, Part<'_>>) -> Vec<(Fate, &'a str)> {
    let gone = before.keys().filter(|name| !after.contains_key(*name)).map(|name| (Fate::Removed, name.as_str()));
    let here = after.iter().filter_map(|(name, part)| match before.get(name) {
        None => Some((Fate::Created, name.as_str())),
        Some(earlier) => (!earlier.is_same(part)).then_some((Fate::Changed, name.as_str())),
    });
    let mut changes: Vec<_> = gone.chain(here).collect();
    changes.sort_unstable_by_key(|(_, name)| *name);
    changes
}

impl Part<'_> {
    fn is_same(&self, other: &Part<'_>) -> bool {
        match (self, other) {
            (Self::Entry(one), Part::Entry(other)) => one == other,
            (Self::Value(one), Part::Value(other)) => same(one, other),
            _ => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_stands_for_itself_and_a_folder_for_what_lies_below_it() {
        for (expected, name, is_covered) in [
            ("out/a", "out/a", true),
            ("out/a", "out/ab", false),
            ("out/", "out/a/b", true),
            ("out/", "outer/a", false),
            ("out", "out/a", false),
            ("/items/1/", "/items/1/id", true),
            ("/items/1/", "/items/10/id", false),
        ] {
            assert_eq!(covers(expected, name), is_covered, "{expected} {name}");
        }
    }
}
