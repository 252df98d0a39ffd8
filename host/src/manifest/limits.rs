//! `limits` tables: amounts as people write them, within the host's ceiling.

use std::time::Duration;

use toml::de::DeValue;

use super::{
    problems::{Problems, quoted},
    reader::{At, Node, Table, whole_number, wrong_type},
};
use crate::{
    diagnostic::Diagnostic,
    limits::{Limits, ceiling},
    units,
};

/// What a key counts.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Unit {
    /// Things: `2G`, or an integer.
    Count,
    /// Bytes: `1MiB`, or an integer.
    Bytes,
    /// Time, always with its unit: `5s`.
    Milliseconds,
}

/// One key: its name, what it counts, the host's ceiling in that unit and where the amount goes.
struct Key(&'static str, Unit, u64, fn(&mut Limits, u64));

const KEYS: [Key; 10] = [
    Key("fuel", Unit::Count, ceiling::FUEL, |limits, amount| limits.fuel = Some(amount)),
    Key("memory", Unit::Bytes, ceiling::MEMORY, |limits, amount| limits.memory = Some(amount)),
    Key("time", Unit::Milliseconds, milliseconds(ceiling::TIME), |limits, amount| {
        limits.time = Duration::from_millis(amount);
    }),
    Key("tables", Unit::Count, ceiling::TABLE_ELEMENTS, |limits, amount| limits.table_elements = amount),
    Key("stdout", Unit::Bytes, ceiling::STDOUT, |limits, amount| limits.stdout = amount),
    Key("stderr", Unit::Bytes, ceiling::STDERR, |limits, amount| limits.stderr = amount),
    Key("input", Unit::Bytes, ceiling::INPUT, |limits, amount| limits.input = amount),
    Key("module", Unit::Bytes, ceiling::MODULE, |limits, amount| limits.module = amount),
    Key("compile_time", Unit::Milliseconds, milliseconds(ceiling::COMPILE_TIME), |limits, amount| {
        limits.compile.time = Duration::from_millis(amount);
    }),
    Key("compile_memory", Unit::Bytes, ceiling::COMPILE_MEMORY, |limits, amount| limits.compile.memory = amount),
];

const fn milliseconds(duration: Duration) -> u64 {
    duration.as_millis() as u64
}

/// `base`, changed by the `limits` of `table` where it has any.
pub(super) fn limits(table: Table<'_>, base: &Limits, problems: &mut Problems<'_>) -> Limits {
    let mut limits = base.clone();
    let Some(table) = table.table("limits", problems) else { return limits };
    let table = table.only(&KEYS.map(|key| key.0), problems);
    for key in KEYS {
        let Key(name, unit, ceiling, set) = key;
        if let Some(amount) = table.get(name).and_then(|node| amount(node, name, (unit, ceiling), problems)) {
            set(&mut limits, amount);
        }
    }
    limits
}

/// The amount that `node` is: from 1 to `ceiling`, or told to be a problem. `name` is the key that it stands at.
pub(super) fn amount(
    node: Node<'_>,
    name: &str,
    (unit, ceiling): (Unit, u64),
    problems: &mut Problems<'_>,
) -> Option<u64> {
    let at = node.span().start;
    // A bare number of time would leave open whether seconds or milliseconds are meant.
    let amount = match node.get_ref() {
        DeValue::String(text) => written(At { at, it: text }, unit, problems)?,
        DeValue::Integer(_) if unit != Unit::Milliseconds => whole_number(node, problems)?,
        _ if unit == Unit::Milliseconds => return wrong_type(node, "a string such as `5s`", problems),
        _ => return wrong_type(node, "a string or an integer", problems),
    };
    let shown = match unit {
        Unit::Count => "",
        Unit::Bytes => " bytes",
        Unit::Milliseconds => " ms",
    };
    if amount == 0 {
        problems.add(at, Diagnostic::new("limit-zero", format!("nothing runs with a limit of 0: `{name}`")));
    } else if amount > ceiling {
        let message = format!("`{name}` is {amount}{shown}, past the host's ceiling of {ceiling}{shown}");
        problems.add(at, Diagnostic::new("limit-ceiling", message));
    }
    Some(amount)
}

fn written(text: At<&str>, unit: Unit, problems: &mut Problems<'_>) -> Option<u64> {
    let amount = match unit {
        Unit::Count => units::count(text.it),
        Unit::Bytes => units::bytes(text.it),
        Unit::Milliseconds => units::duration(text.it).map(milliseconds),
    };
    amount
        .map_err(|error| {
            let message = format!("{} is no amount", quoted(text.it));
            problems.add(text.at, Diagnostic::new("bad-amount", message).help(error.to_string()));
        })
        .ok()
}
