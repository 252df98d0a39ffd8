//! What changed from one module to another.

use std::collections::BTreeMap;

use serde::Serialize;

use super::report::{Report, Signature};

/// The changes, by what changed.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Diff {
    pub(super) from: String,
    pub(super) to: String,
    /// Whether all that is signed is the same.
    pub(super) same_content: bool,
    pub(super) changed: Vec<Changed>,
    pub(super) lists: Vec<Listed>,
}

#[derive(Serialize)]
pub(super) struct Changed {
    pub(super) what: &'static str,
    pub(super) from: Option<String>,
    pub(super) to: Option<String>,
}

#[derive(Serialize)]
pub(super) struct Listed {
    pub(super) what: &'static str,
    pub(super) added: Vec<String>,
    pub(super) removed: Vec<String>,
}

impl Diff {
    /// What `to` has otherwise than `from`.
    pub(super) fn between(from: &Report, to: &Report) -> Self {
        let mut diff = Self {
            from: from.file.clone(),
            to: to.file.clone(),
            same_content: from.content_digest.is_some() && from.content_digest == to.content_digest,
            changed: Vec::new(),
            lists: Vec::new(),
        };
        for (what, of) in VALUES {
            let (from, to) = (of(from), of(to));
            if from != to {
                diff.changed.push(Changed { what, from, to });
            }
        }
        for (what, of) in LISTS {
            let (added, removed) = (beyond(&of(to), &of(from)), beyond(&of(from), &of(to)));
            if !added.is_empty() || !removed.is_empty() {
                diff.lists.push(Listed { what, added, removed });
            }
        }
        diff
    }
}

type Value = fn(&Report) -> Option<String>;
type List = fn(&Report) -> Vec<String>;

const VALUES: [(&str, Value); 13] = [
    ("content", |it| it.content_digest.clone()),
    ("name", |it| it.metadata.as_ref().map(|metadata| metadata.name.clone())),
    ("version", |it| it.metadata.as_ref().map(|metadata| metadata.version.clone())),
    ("kind", |it| it.metadata.as_ref().map(|metadata| metadata.kind.name().to_owned())),
    ("protocol", |it| it.metadata.as_ref().map(|metadata| metadata.protocol.to_string())),
    ("trusted as", |it| it.trust.as_ref().and_then(|trust| trust.publisher.clone())),
    ("size", |it| Some(it.size.to_string())),
    ("functions", |it| Some(it.functions.to_string())),
    ("memory", |it| it.memories.first().map(|memory| memory.initial_bytes.to_string())),
    ("memory maximum", |it| it.memories.first()?.maximum_bytes.map(|bytes| bytes.to_string())),
    ("table elements", |it| Some(it.table_elements.to_string())),
    ("compiled fast", |it| compiled(it, "fast")),
    ("compiled optimised", |it| compiled(it, "optimised")),
];

const LISTS: [(&str, List); 5] = [
    ("signers", |it| it.signatures.iter().map(signer).collect()),
    ("imports", |it| it.imports.iter().map(|import| format!("{}.{}", import.module, import.name)).collect()),
    ("exports", |it| it.exports.iter().map(|export| format!("{} {}", export.kind, export.name)).collect()),
    ("sections", |it| it.sections.iter().map(|section| format!("{} ({} bytes)", section.name, section.size)).collect()),
    ("refusals", |it| it.refusals.iter().map(|reason| reason.code.to_owned()).collect()),
];

fn compiled(report: &Report, tier: &str) -> Option<String> {
    report.compiled.iter().find(|compiled| compiled.tier == tier).map(|compiled| compiled.bytes.to_string())
}

/// Who made a signature, as far as that can be told.
pub(super) fn signer(made: &Signature) -> String {
    match (&made.key_id, made.hint.as_str()) {
        (Some(key), _) => match made.holders.join(", ") {
            holders if holders.is_empty() => format!("key {key}"),
            holders => format!("key {key} of {holders}"),
        },
        (None, "") => "an unknown key".to_owned(),
        (None, hint) => format!("an unknown key with the hint {hint}"),
    }
}

/// What `one` has more often than `other`, in its order.
fn beyond(one: &[String], other: &[String]) -> Vec<String> {
    let mut left: BTreeMap<&str, usize> = BTreeMap::new();
    for item in other {
        *left.entry(item).or_default() += 1;
    }
    let is_beyond = |item: &&String| match left.get_mut(item.as_str()) {
        Some(count) if *count > 0 => {
            *count -= 1;
            false
        }
        _ => true,
    };
    one.iter().filter(is_beyond).cloned().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_one_list_has_more_often_than_another_is_beyond_it() {
        let list = |text: &str| text.split_whitespace().map(str::to_owned).collect::<Vec<_>>();
        let check = |one: &str, other: &str, expect: &str| assert_eq!(beyond(&list(one), &list(other)), list(expect));
        check("a b", "b a", "");
        check("a b b", "b a", "b");
        check("a", "", "a");
        check("", "a", "");
    }
}
