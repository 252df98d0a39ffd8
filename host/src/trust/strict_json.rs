//! JSON as signed documents are read: nothing twice, nothing unknown, nothing behind it.

use std::{borrow::Cow, cell::RefCell, fmt};

use jiff::Timestamp;
use serde::{
    Deserialize, Deserializer, Serialize, Serializer,
    de::{DeserializeSeed, Error as _, MapAccess, SeqAccess, Visitor},
};

use crate::text::excerpt;

/// Characters of a message that may quote the document.
const MESSAGE: usize = 200;

/// Why a document is not read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum JsonError {
    /// An object names the same key twice.
    DuplicateKey(String),
    /// It is not JSON, or not what is asked for; one sentence, fit for a terminal.
    Invalid(String),
}

/// Reads the one document that `bytes` are. `T` refuses what it does not know.
///
/// A tree of the whole document would weigh many times its bytes, so keys are checked in a pass of their own.
pub(super) fn read<'a, T: Deserialize<'a>>(bytes: &'a [u8]) -> Result<T, JsonError> {
    let duplicate = RefCell::new(None);
    let mut source = serde_json::Deserializer::from_slice(bytes);
    let scanned = Scan(&duplicate).deserialize(&mut source).and_then(|()| source.end());
    if let Some(key) = duplicate.take() {
        return Err(JsonError::DuplicateKey(excerpt(&key, MESSAGE)));
    }
    scanned.map_err(|error| invalid(&error))?;
    serde_json::from_slice(bytes).map_err(|error| invalid(&error))
}

fn invalid(error: &serde_json::Error) -> JsonError {
    JsonError::Invalid(excerpt(&error.to_string(), MESSAGE))
}

/// Walks a document and notes the first key that an object holds twice.
struct Scan<'s>(&'s RefCell<Option<String>>);

impl<'de> DeserializeSeed<'de> for Scan<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Scan<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON document")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        let mut keys: Vec<Cow<'de, str>> = Vec::new();
        while let Some(Key(key)) = map.next_key()? {
            keys.push(key);
            map.next_value_seed(Scan(self.0))?;
        }
        keys.sort_unstable();
        if let Some([key, _]) = keys.array_windows().find(|[one, other]| one == other) {
            self.0.borrow_mut().get_or_insert_with(|| key.to_string());
        }
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut sequence: A) -> Result<(), A::Error> {
        while sequence.next_element_seed(Scan(self.0))?.is_some() {}
        Ok(())
    }

    fn visit_str<E>(self, _: &str) -> Result<(), E> {
        Ok(())
    }

    fn visit_bool<E>(self, _: bool) -> Result<(), E> {
        Ok(())
    }

    fn visit_u64<E>(self, _: u64) -> Result<(), E> {
        Ok(())
    }

    fn visit_i64<E>(self, _: i64) -> Result<(), E> {
        Ok(())
    }

    fn visit_f64<E>(self, _: f64) -> Result<(), E> {
        Ok(())
    }

    fn visit_unit<E>(self) -> Result<(), E> {
        Ok(())
    }
}

/// An object's key, borrowed where it holds no escape.
struct Key<'de>(Cow<'de, str>);

impl<'de> Deserialize<'de> for Key<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct KeyVisitor;
        impl<'de> Visitor<'de> for KeyVisitor {
            type Value = Key<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a key")
            }

            fn visit_borrowed_str<E>(self, key: &'de str) -> Result<Key<'de>, E> {
                Ok(Key(Cow::Borrowed(key)))
            }

            fn visit_str<E>(self, key: &str) -> Result<Key<'de>, E> {
                Ok(Key(Cow::Owned(key.to_owned())))
            }
        }
        deserializer.deserialize_str(KeyVisitor)
    }
}

/// A whole number from 1 to 2^53 - 1, which every JSON reader reads alike.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(transparent)]
pub struct Whole(u64);

impl Whole {
    /// The smallest one.
    pub const ONE: Self = Self(1);
    const MAX: u64 = (1 << 53) - 1;

    /// `value`, if it is one.
    #[must_use]
    pub fn new(value: u64) -> Option<Self> {
        (1..=Self::MAX).contains(&value).then_some(Self(value))
    }

    /// The number.
    #[must_use]
    pub fn get(self) -> u64 {
        self.0
    }

    /// The number that follows, if there is one.
    #[must_use]
    pub fn next(self) -> Option<Self> {
        Self::new(self.0 + 1)
    }
}

impl fmt::Display for Whole {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl<'de> Deserialize<'de> for Whole {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let value = u64::deserialize(deserializer)?;
        Self::new(value).ok_or_else(|| D::Error::custom("a number is not within 1 and 2^53 - 1"))
    }
}

/// A moment, written in RFC 3339 with seconds and in UTC (`2026-01-10T00:00:00Z`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Time(pub Timestamp);

impl Time {
    /// The moment that `text` names.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let is_plain = text.len() >= 20
            && text.ends_with('Z')
            && text.bytes().enumerate().all(|(index, byte)| match index {
                4 | 7 => byte == b'-',
                10 => byte == b'T',
                13 | 16 => byte == b':',
                19 => byte == b'.' || byte == b'Z',
                _ => byte.is_ascii_digit() || (byte == b'Z' && index + 1 == text.len()),
            });
        if is_plain { text.parse().ok().map(Self) } else { None }
    }
}

impl fmt::Display for Time {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl Serialize for Time {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for Time {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = Cow::<'de, str>::deserialize(deserializer)?;
        Self::parse(&text)
            .ok_or_else(|| D::Error::custom("a time is not RFC 3339 in UTC, such as 2026-01-10T00:00:00Z"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, PartialEq, Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Document {
        n: Whole,
        #[serde(default)]
        m: Vec<Document>,
    }

    fn check(text: &str, expect: Result<u64, &str>) {
        let found = read::<Document>(text.as_bytes()).map(|document| document.n.get()).map_err(|error| match error {
            JsonError::DuplicateKey(key) => format!("duplicate {key}"),
            JsonError::Invalid(_) => "invalid".to_owned(),
        });
        assert_eq!(found.as_ref().map_err(String::as_str).copied(), expect, "{text}");
    }

    #[test]
    fn a_document_is_read_only_without_anything_twice_unknown_or_behind_it() {
        check(r#"{"n":1}"#, Ok(1));
        check(" {\"n\":7, \"m\":[{\"n\":2}]}\n", Ok(7));
        check(r#"{"n":1,"n":1}"#, Err("duplicate n"));
        check(r#"{"n":1,"\u006e":1}"#, Err("duplicate n"));
        check(r#"{"n":1,"m":[{"n":1,"x":{"y":1,"y":2}}]}"#, Err("duplicate y"));
        check(r#"{"n":1,"x":1}"#, Err("invalid"));
        check(r#"{"n":1}{}"#, Err("invalid"));
        check(r#"{"n":1} x"#, Err("invalid"));
        check("", Err("invalid"));
        check("\u{feff}{\"n\":1}", Err("invalid"));
        check(&format!("{}1{}", "[".repeat(100_000), "]".repeat(100_000)), Err("invalid"));
    }

    #[test]
    fn a_number_is_whole_and_within_what_every_reader_reads_alike() {
        check(r#"{"n":9007199254740991}"#, Ok((1 << 53) - 1));
        for number in
            ["0", "-1", "-0", "1.0", "1e0", "9007199254740992", "18446744073709551616", "\"1\"", "null", "true"]
        {
            check(&format!("{{\"n\":{number}}}"), Err("invalid"));
        }
    }

    #[test]
    fn a_time_is_rfc_3339_in_utc_and_nothing_else() {
        for text in ["2026-01-10T00:00:00Z", "2026-01-10T00:00:00.5Z"] {
            assert!(Time::parse(text).is_some_and(|time| time.to_string() == text), "{text}");
        }
        let bad = [
            "",
            "2026-01-10",
            "2026-01-10T00:00:00",
            "2026-01-10T00:00:00+00:00",
            "2026-01-10t00:00:00z",
            "2026-01-10 00:00:00Z",
            "20260110T000000Z",
            "2026-13-10T00:00:00Z",
            "2026-01-10T00:00:00Z[UTC]",
            "+002026-01-10T00:00:00Z",
            "2026-01-10T00:00:00.Z",
            "2026-01-10T25:00:00Z",
        ];
        for text in bad {
            assert_eq!(Time::parse(text), None, "{text}");
        }
    }
}
