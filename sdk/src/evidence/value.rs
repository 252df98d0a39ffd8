//! JSON that others wrote: the members of an object, and whether two pieces are one value. The order of members, the spelling
//! of texts and that of numbers are no matter.

use alloc::{
    collections::{BTreeMap, btree_map},
    format,
    string::String,
    vec::Vec,
};
use core::{fmt, marker::PhantomData};

use serde::{
    Deserialize, Deserializer,
    de::{Error as _, MapAccess, Visitor},
};
use serde_json::value::RawValue;

use crate::json;

/// An object's members by their names. A name that stands there twice is refused: two readers could see two different values.
#[derive(Clone, Debug)]
pub struct Members<T>(BTreeMap<String, T>);

impl<T> Default for Members<T> {
    fn default() -> Self {
        Self(BTreeMap::new())
    }
}

impl<'a> Members<&'a RawValue> {
    /// Those of `value`, if it is an object.
    #[must_use]
    pub fn read(value: &'a RawValue) -> Option<Self> {
        json::read(value.get()).ok()
    }

    /// The member of that name; one that is null is there, too.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&'a RawValue> {
        self.find(name).copied()
    }
}

impl<T> Members<T> {
    /// What stands under that name.
    #[must_use]
    pub fn find(&self, name: &str) -> Option<&T> {
        self.0.get(name)
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// All of them, in the order of their names' bytes.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &T)> + Clone {
        self.0.iter().map(|(name, value)| (name.as_str(), value))
    }
}

impl<T> IntoIterator for Members<T> {
    type Item = (String, T);
    type IntoIter = btree_map::IntoIter<String, T>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.into_iter()
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Members<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(MembersVisitor(PhantomData))
    }
}

struct MembersVisitor<T>(PhantomData<T>);

impl<'de, T: Deserialize<'de>> Visitor<'de> for MembersVisitor<T> {
    type Value = Members<T>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Members<T>, A::Error> {
        let mut members = BTreeMap::new();
        while let Some((name, value)) = map.next_entry::<String, T>()? {
            if members.contains_key(&name) {
                return Err(A::Error::custom(format!("member `{name}` stands there twice")));
            }
            members.insert(name, value);
        }
        Ok(Members(members))
    }
}

/// Whether the two are one value. The reader's limit on nesting bounds the recursion.
#[must_use]
pub fn same(a: &RawValue, b: &RawValue) -> bool {
    let (a, b) = (a.get(), b.get());
    match (a.as_bytes().first(), b.as_bytes().first()) {
        (Some(b'"'), Some(b'"')) => read_as(a, b, |a: String, b| a == b),
        (Some(b'['), Some(b'[')) => {
            read_as(a, b, |a: Vec<&RawValue>, b| a.len() == b.len() && a.iter().zip(b).all(|(a, b)| same(a, b)))
        }
        (Some(b'{'), Some(b'{')) => read_as(a, b, |a: Members<&RawValue>, b| {
            a.len() == b.len() && a.iter().zip(b.iter()).all(|(a, b)| a.0 == b.0 && same(a.1, b.1))
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
