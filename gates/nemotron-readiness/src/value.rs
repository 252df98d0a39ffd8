//! Values of documents that others wrote, kept as they were written and compared without coercion: a boolean is no
//! number, an integer no float, a missing value no empty text. Null and missing are the same.

use alloc::collections::{BTreeMap, btree_map::Entry};
use core::cmp::Ordering;

use portcullis_sdk::{json, prelude::*};
use serde::{
    Deserializer, Serializer,
    de::{Error as _, MapAccess, Visitor},
};

/// One value as it was written; none if it is missing or null.
pub type Value<'a> = Option<&'a RawValue>;

/// The members of an object. A name that stands there twice is refused: two readers could see two different documents.
#[derive(Default)]
pub struct Fields<'a>(BTreeMap<Text<'a>, &'a RawValue>);

impl<'a> Fields<'a> {
    /// The member of that name.
    pub fn get(&self, name: &str) -> Value<'a> {
        self.0.get(&Text(Cow::Borrowed(name))).copied().filter(|value| value.get() != "null")
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Fields<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(FieldsVisitor)
    }
}

struct FieldsVisitor;

impl<'de> Visitor<'de> for FieldsVisitor {
    type Value = Fields<'de>;

    fn expecting(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Fields<'de>, A::Error> {
        let mut fields = BTreeMap::new();
        while let Some((name, value)) = map.next_entry::<Text<'de>, &'de RawValue>()? {
            match fields.entry(name) {
                Entry::Vacant(place) => place.insert(value),
                Entry::Occupied(known) => {
                    return Err(A::Error::custom(format!("member `{}` stands there twice", known.key().0)));
                }
            };
        }
        Ok(Fields(fields))
    }
}

/// A text, which stays where it is unless it has escapes.
#[derive(Deserialize, PartialEq, Eq)]
struct Text<'a>(#[serde(borrow)] Cow<'a, str>);

/// By length first, which tells most names apart without a look at them.
impl Ord for Text<'_> {
    fn cmp(&self, other: &Self) -> Ordering {
        self.0.len().cmp(&other.0.len()).then_with(|| self.0.cmp(&other.0))
    }
}

impl PartialOrd for Text<'_> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

/// An object inside a document: its members, and its text to be shown again. Null and missing are an empty one.
pub struct Node<'a> {
    raw: Value<'a>,
    fields: Fields<'a>,
}

impl<'a> Node<'a> {
    /// The object in the member `name` of `document`.
    pub fn of(document: &Fields<'a>, name: &str) -> Result<Self, Fault> {
        let raw = document.get(name);
        let fields = match raw {
            None => Fields::default(),
            Some(raw) => {
                json::read(raw.get()).map_err(|error| Fault::bad_input(format!("manifest.{name}: {error}")))?
            }
        };
        Ok(Self { raw, fields })
    }

    /// The member of that name.
    pub fn get(&self, name: &str) -> Value<'a> {
        self.fields.get(name)
    }
}

impl Serialize for Node<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.raw {
            Some(raw) => raw.serialize(serializer),
            None => serializer.collect_map(core::iter::empty::<((), ())>()),
        }
    }
}

/// An integer of any size, by its digits.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Integer<'a>(&'a str);

impl<'a> Integer<'a> {
    pub const ZERO: Self = Self("0");

    /// An integer that this program wrote itself, in JSON's form.
    pub const fn plain(digits: &'a str) -> Self {
        Self(digits)
    }

    /// The integer that is written there, if it is one.
    fn read(text: &'a str) -> Option<Self> {
        if text == "-0" {
            return Some(Self::ZERO);
        }
        let digits = text.strip_prefix('-').unwrap_or(text);
        digits.bytes().all(|byte| byte.is_ascii_digit()).then_some(Self(text))
    }
}

impl Ord for Integer<'_> {
    fn cmp(&self, other: &Self) -> Ordering {
        // JSON has no leading zeros, so the longer number is the larger one.
        let by_digits = |a: &str, b: &str| a.len().cmp(&b.len()).then_with(|| a.cmp(b));
        match (self.0.strip_prefix('-'), other.0.strip_prefix('-')) {
            (None, None) => by_digits(self.0, other.0),
            (Some(a), Some(b)) => by_digits(b, a),
            (Some(_), None) => Ordering::Less,
            (None, Some(_)) => Ordering::Greater,
        }
    }
}

impl PartialOrd for Integer<'_> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Integer<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let raw: &RawValue = Deserialize::deserialize(deserializer)?;
        Self::read(raw.get()).ok_or_else(|| D::Error::custom("expected an integer"))
    }
}

impl Serialize for Integer<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let raw: &RawValue = json::read(self.0).map_err(serde::ser::Error::custom)?;
        raw.serialize(serializer)
    }
}

/// A value that may be missing but not null: someone who writes null means something, and we cannot know what.
pub fn present<'de: 'a, 'a, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Integer<'a>>, D::Error> {
    Integer::deserialize(deserializer).map(Some)
}

/// The integer, if the value is one.
pub fn integer(value: Value<'_>) -> Option<Integer<'_>> {
    Integer::read(value?.get())
}

/// Whether the value is the integer zero.
pub fn is_zero(value: Value<'_>) -> bool {
    integer(value) == Some(Integer::ZERO)
}

/// Whether the value is the boolean `wanted`.
pub fn is(value: Value<'_>, wanted: bool) -> bool {
    value.is_some_and(|value| value.get() == if wanted { "true" } else { "false" })
}

/// The text, if the value is one.
pub fn text(value: Value<'_>) -> Option<Cow<'_, str>> {
    json::read(value?.get()).ok().map(|Text(text)| text)
}

/// Whether the value is the text `wanted`.
pub fn is_text(value: Value<'_>, wanted: &str) -> bool {
    text(value).is_some_and(|text| text == wanted)
}

/// Whether a text says nothing. The separators U+001C to U+001F are white space for some and not for others: here too.
pub fn is_blank(text: &str) -> bool {
    text.chars().all(|c| c.is_whitespace() || matches!(c, '\u{1c}'..='\u{1f}'))
}

/// Whether a list is missing or empty; anything that is no list is not.
pub fn is_empty_list(value: Value<'_>) -> bool {
    value.is_none_or(|value| json::read::<Vec<&RawValue>>(value.get()).is_ok_and(|list| list.is_empty()))
}

/// Whether two members of one document are the same JSON value of the same type; two that are missing are.
pub fn equal(a: Value<'_>, b: Value<'_>) -> bool {
    match (a, b) {
        (None, None) => true,
        (Some(a), Some(b)) => same(a.get(), b.get()),
        _ => false,
    }
}

/// Floats are compared as they are written: two spellings of one do not match, which fails closed. The reader's limit on
/// nesting bounds the recursion.
fn same(a: &str, b: &str) -> bool {
    match (a.as_bytes().first(), b.as_bytes().first()) {
        (Some(b'"'), Some(b'"')) => {
            matches!((json::read::<Text<'_>>(a), json::read::<Text<'_>>(b)), (Ok(a), Ok(b)) if a == b)
        }
        (Some(b'['), Some(b'[')) => match (json::read::<Vec<&RawValue>>(a), json::read::<Vec<&RawValue>>(b)) {
            (Ok(a), Ok(b)) => a.len() == b.len() && a.iter().zip(b).all(|(a, b)| same(a.get(), b.get())),
            _ => false,
        },
        (Some(b'{'), Some(b'{')) => match (json::read::<Fields<'_>>(a), json::read::<Fields<'_>>(b)) {
            (Ok(a), Ok(b)) => {
                let has = |(name, value): (&Text<'_>, &&RawValue)| {
                    b.0.get(name).is_some_and(|found| same(value.get(), found.get()))
                };
                a.0.len() == b.0.len() && a.0.iter().all(has)
            }
            _ => false,
        },
        _ => match (Integer::read(a), Integer::read(b)) {
            (Some(a), Some(b)) => a == b,
            _ => a == b,
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn raw(text: &str) -> Value<'_> {
        json::read::<&RawValue>(text).ok().filter(|value| value.get() != "null")
    }

    #[test]
    fn equality_is_that_of_values_of_one_type() {
        let equal_pairs = [
            ("null", "null"),
            ("1", "1"),
            ("-0", "0"),
            ("1.5", "1.5"),
            (r#""a""#, r#""\u0061""#),
            ("[]", "[ ]"),
            ("[1,{}]", "[1, { }]"),
            (r#"{"a":1,"b":2}"#, r#"{"b":2,"a":1}"#),
            ("true", "true"),
            ("123456789012345678901234567890", "123456789012345678901234567890"),
        ];
        for (a, b) in equal_pairs {
            assert!(equal(raw(a), raw(b)), "{a} {b}");
        }
        let different = [
            ("1", "1.0"),
            ("0", "false"),
            ("1", "true"),
            ("1", r#""1""#),
            ("0", "null"),
            ("[]", "{}"),
            ("[1]", "[1,1]"),
            ("[1,2]", "[2,1]"),
            (r#"{"a":1}"#, r#"{"a":true}"#),
            (r#"{"a":1}"#, r#"{"b":1}"#),
            (r#""""#, "null"),
            (r#"{"a":1,"a":1}"#, r#"{"a":1,"a":1}"#),
            ("12345678901234567890123", "12345678901234567890124"),
        ];
        for (a, b) in different {
            assert!(!equal(raw(a), raw(b)) && !equal(raw(b), raw(a)), "{a} {b}");
        }
    }

    #[test]
    fn integers_of_any_size_are_ordered_by_value() {
        let ordered = ["-100000000000000000000", "-20", "-3", "0", "7", "10", "18446744073709551616"];
        for (i, a) in ordered.iter().enumerate() {
            for (j, b) in ordered.iter().enumerate() {
                let (a, b) = (Integer::read(a).expect("an integer"), Integer::read(b).expect("an integer"));
                assert_eq!(a.cmp(&b), i.cmp(&j));
            }
        }
    }

    #[test]
    fn only_integers_are_integers() {
        for text in ["1.0", "1e3", "true", "null", r#""1""#, "[1]"] {
            assert!(integer(raw(text)).is_none(), "{text}");
        }
        assert!(is_zero(raw("-0")) && is_zero(raw("0")) && !is_zero(raw("0.0")) && !is_zero(raw("false")));
    }

    #[test]
    fn only_a_list_without_elements_or_none_is_empty() {
        for (value, expect) in [
            ("null", true),
            ("[]", true),
            ("[ ]", true),
            ("[0]", false),
            ("{}", false),
            (r#""""#, false),
            ("0", false),
            ("false", false),
        ] {
            assert_eq!(is_empty_list(raw(value)), expect, "{value}");
        }
    }
}
