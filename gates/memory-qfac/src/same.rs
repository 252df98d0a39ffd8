//! Whether two pieces of JSON are one value: the order of members, the spelling of texts and that of numbers are no matter.

use alloc::collections::BTreeMap;
use core::fmt;

use portcullis_sdk::{json, prelude::*};
use serde::{
    Deserializer,
    de::{Error as _, MapAccess, Visitor},
};

/// An object's members. A name that stands there twice is refused: two readers could see two different values.
#[derive(Default)]
pub struct Members<'a>(BTreeMap<String, &'a RawValue>);

impl<'a> Members<'a> {
    /// Those of `value`, if it is an object.
    pub fn read(value: &'a RawValue) -> Option<Self> {
        json::read(value.get()).ok()
    }

    /// The member of that name, null as well.
    pub fn get(&self, name: &str) -> Option<&'a RawValue> {
        self.0.get(name).copied()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Members<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(MembersVisitor)
    }
}

struct MembersVisitor;

impl<'de> Visitor<'de> for MembersVisitor {
    type Value = Members<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Members<'de>, A::Error> {
        let mut members = BTreeMap::new();
        while let Some((name, value)) = map.next_entry::<String, _>()? {
            if members.contains_key(&name) {
                return Err(A::Error::custom(format!("member `{name}` stands there twice")));
            }
            members.insert(name, value);
        }
        Ok(Members(members))
    }
}

/// Whether the two are one value. The reader's limit on nesting bounds the recursion.
pub fn same(a: &RawValue, b: &RawValue) -> bool {
    let (a, b) = (a.get(), b.get());
    match (a.as_bytes().first(), b.as_bytes().first()) {
        (Some(b'"'), Some(b'"')) => read_as(a, b, |a: String, b| a == b),
        (Some(b'['), Some(b'[')) => {
            read_as(a, b, |a: Vec<&RawValue>, b| a.len() == b.len() && a.iter().zip(b).all(|(a, b)| same(a, b)))
        }
        (Some(b'{'), Some(b'{')) => read_as(a, b, |Members(a), Members(b)| {
            a.len() == b.len() && a.iter().zip(&b).all(|(a, b)| a.0 == b.0 && same(a.1, b.1))
        }),
        (Some(b'-' | b'0'..=b'9'), Some(b'-' | b'0'..=b'9')) => {
            a == b || matches!((number(a), number(b)), (Some(a), Some(b)) if a == b)
        }
        _ => a == b,
    }
}

fn read_as<'a, T: Deserialize<'a>>(a: &'a str, b: &'a str, equal: impl FnOnce(T, T) -> bool) -> bool {
    json::read(a).and_then(|a| Ok(equal(a, json::read(b)?))).unwrap_or(false)
}

/// A number's value, exactly: whether it is negative, its digits without zeros around them, and the power of ten that they
/// are times. None if that power is past all bounds.
fn number(text: &str) -> Option<(bool, String, i64)> {
    let (negative, text) = text.strip_prefix('-').map_or((false, text), |rest| (true, rest));
    let (mantissa, exponent) = text.split_once(['e', 'E']).unwrap_or((text, "0"));
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let digits = format!("{whole}{fraction}");
    let significant = digits.trim_end_matches('0');
    let moved = i64::try_from(digits.len() - significant.len()).ok()? - i64::try_from(fraction.len()).ok()?;
    let significant = significant.trim_start_matches('0');
    if significant.is_empty() {
        return Some((false, String::new(), 0));
    }
    Some((negative, significant.into(), exponent.parse::<i64>().ok()?.checked_add(moved)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_the_same_however_they_are_spelled() {
        let alike: [&[&str]; 7] = [
            &["0", "-0", "0.00", "0e99", "0E-99"],
            &["1", "1.0", "10e-1", "0.1E+1", "1e0"],
            &["-1200", "-1.2e3", "-12E2"],
            &["123456789012345678901234567890", "123456789012345678901234567890.0"],
            &[r#""\u00e9\/""#, r#""é/""#],
            &["[1, {}]", "[1.0,{ }]"],
            &[r#"{"a": 1, "b": [null]}"#, r#"{"b": [null], "\u0061": 1}"#],
        ];
        for (i, group) in alike.iter().enumerate() {
            for (j, other) in alike.iter().enumerate() {
                for (a, b) in group.iter().flat_map(|a| other.iter().map(move |b| (a, b))) {
                    assert_eq!(is_same(a, b), i == j, "{a} {b}");
                }
            }
        }
    }

    #[test]
    fn what_differs_in_any_place_is_not_the_same() {
        for (a, b) in [
            ("1", "true"),
            ("1", r#""1""#),
            ("1", "-1"),
            ("0.1", "0.10000000000000000001"),
            ("12345678901234567890123", "12345678901234567890124"),
            ("1e9223372036854775808", "1e9223372036854775809"),
            ("null", "false"),
            ("[]", "{}"),
            ("[1]", "[1, 1]"),
            ("[1, 2]", "[2, 1]"),
            (r#"{"a": 1}"#, r#"{"A": 1}"#),
            (r#"{"a": 1}"#, r#"{"a": 1, "b": null}"#),
            (r#"{"a": 1, "a": 1}"#, r#"{"a": 1}"#),
        ] {
            assert!(!is_same(a, b) && !is_same(b, a), "{a} {b}");
        }
    }

    fn is_same(a: &str, b: &str) -> bool {
        same(json::read(a).expect("it is JSON"), json::read(b).expect("it is JSON"))
    }
}
