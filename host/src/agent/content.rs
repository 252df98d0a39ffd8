//! What agents make: one JSON object, and the checksum that it is known by.
//!
//! A checksum is defined over a text that a program in another language writes of the content (`json.dumps(content,
//! sort_keys=True)` in Python), so this writes the same text, byte by byte. That text is also what is kept and what gates
//! are shown: what was summed and what is judged are the same, and an object that names a key twice means one thing only.

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};
use serde_json::value::RawValue;

use super::json::{Node, NotContent, read};
use crate::digest::Digest;

/// How deep the brackets of a content may nest.
pub const DEEPEST: usize = 64;

/// The first 12 hex digits of the SHA-256 of a content in its one form.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(transparent)]
pub struct Checksum(String);

impl Checksum {
    const DIGITS: usize = 12;

    /// The checksum that `text` spells.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let is_digit = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
        (text.len() == Self::DIGITS && text.bytes().all(is_digit)).then(|| Self(text.to_owned()))
    }

    /// Its digits.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Checksum {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for Checksum {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Self::parse(&text).ok_or_else(|| D::Error::custom("a checksum is 12 lower-case hex digits"))
    }
}

/// The one form of the JSON in `text`, which may be any value: keys in the order of their code points, `", "` and `": "`
/// between, everything but ASCII escaped, and numbers as Python writes them.
///
/// # Errors
/// When the text is no JSON, nests deeper than [`DEEPEST`], holds half of a surrogate pair, a number past the greatest
/// that a 64-bit float holds, or a whole number of more than 4,300 digits.
pub fn canonical(text: &str) -> Result<String, NotContent> {
    Ok(read(text, DEEPEST)?.to_text())
}

/// The checksum of the JSON in `text`.
///
/// # Errors
/// As for [`canonical`].
pub fn checksum(text: &str) -> Result<Checksum, NotContent> {
    canonical(text).map(|text| sum(&text))
}

fn sum(canonical: &str) -> Checksum {
    Checksum(Digest::of(canonical.as_bytes()).short())
}

/// A JSON object in its one form, and its checksum.
#[derive(Clone, Debug)]
pub struct Content {
    json: Box<RawValue>,
    checksum: Checksum,
}

impl Content {
    /// The content that `text` means.
    ///
    /// # Errors
    /// As for [`canonical`], and when the text is no object.
    pub fn read(text: &str) -> Result<Self, NotContent> {
        let node = read(text, DEEPEST)?;
        if !matches!(node, Node::Object(_)) {
            return Err(NotContent::NoObject);
        }
        let text = node.to_text();
        let checksum = sum(&text);
        let json = RawValue::from_string(text).map_err(|error| NotContent::invalid(&error))?;
        Ok(Self { json, checksum })
    }

    /// Its one form.
    #[must_use]
    pub fn as_json(&self) -> &str {
        self.json.get()
    }

    /// Its checksum.
    #[must_use]
    pub fn checksum(&self) -> &Checksum {
        &self.checksum
    }
}

impl PartialEq for Content {
    fn eq(&self, other: &Self) -> bool {
        self.as_json() == other.as_json()
    }
}

impl Eq for Content {}

impl Serialize for Content {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.json.serialize(serializer)
    }
}

/// Reads it anew, so that its checksum is always that of what is there.
impl<'de> Deserialize<'de> for Content {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let json = Box::<RawValue>::deserialize(deserializer)?;
        Self::read(json.get()).map_err(D::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// JSON texts, each with its one form and its checksum, or null where there is none. Made once, by Python 3:
    /// `json.dumps(json.loads(text), sort_keys=True)`, and `hashlib.sha256(that.encode()).hexdigest()[:12]`.
    const TABLE: &str = include_str!("checksums.jsonl");

    #[derive(Deserialize)]
    struct Row {
        text: String,
        canonical: Option<String>,
        checksum: Option<String>,
    }

    #[test]
    fn forms_and_checksums_are_those_that_python_makes() {
        let mut rows = 0;
        for line in TABLE.lines() {
            let row: Row = serde_json::from_str(line).expect("a row");
            assert_eq!(canonical(&row.text).ok(), row.canonical, "{}", row.text);
            assert_eq!(checksum(&row.text).ok().map(|sum| sum.to_string()), row.checksum, "{}", row.text);
            rows += 1;
        }
        assert!(rows > 300, "{rows} rows");
    }

    #[test]
    fn content_is_an_object_and_names_what_is_wrong_with_it() {
        let deep = |levels: usize| format!("{}0{}", "{\"a\":".repeat(levels), "}".repeat(levels));
        let surrogate = r#"{"a":"\ud800"}"#;
        for (text, expect) in [
            ("[]", Some("it is no object")),
            ("{}", None),
            (" {\"b\" : 1 } ", None),
            ("{", Some("it is no JSON: EOF while parsing an object")),
            ("{} {}", Some("it is no JSON: trailing characters")),
            ("{\"a\":1e999}", Some("a number is past the greatest that can be told")),
            ("{\"a\":NaN}", Some("it is no JSON: expected value")),
            (surrogate, Some("a string is no text")),
            (&deep(64), None),
            (&deep(65), Some("it nests deeper than 64")),
            (&deep(100_000), Some("it nests deeper than 64")),
            (&format!("{{\"a\":{}}}", "9".repeat(4300)), None),
            (&format!("{{\"a\":{}}}", "9".repeat(4301)), Some("a whole number has more than 4300 digits")),
        ] {
            let told = Content::read(text).err().map(|error| error.to_string());
            let short = text.get(..40).unwrap_or(text);
            assert_eq!(told.is_some(), expect.is_some(), "{short} {told:?}");
            assert!(told.unwrap_or_default().starts_with(expect.unwrap_or_default()), "{short}");
        }
    }

    #[test]
    fn content_that_comes_back_has_the_checksum_of_what_is_there() {
        let content = Content::read(r#"{"b":1.50,"a":"é","b":2}"#).expect("content");
        assert_eq!(content.as_json(), "{\"a\": \"\\u00e9\", \"b\": 2}");
        let kept = serde_json::to_string(&content).expect("JSON");
        assert_eq!(serde_json::from_str::<Content>(&kept).expect("content"), content);
        let changed: Content = serde_json::from_str(&kept.replace('2', "3")).expect("content");
        assert_ne!(changed.checksum(), content.checksum());
        for text in ["\"ba7816bf8f01\"", "\"BA7816BF8F01\"", "\"ba7816bf8f0\"", "\"ba7816bf8f0é\"", "12"] {
            let expect = text == "\"ba7816bf8f01\"";
            assert_eq!(serde_json::from_str::<Checksum>(text).is_ok(), expect, "{text}");
        }
    }

    /// Any JSON value, numbers past 64 bits and floats of all sizes included, as a text.
    fn json() -> impl Strategy<Value = String> {
        let string = "[a-c\u{e9}\u{1f600}\u{ffff}\"\\\\\n\u{7f}]{0,6}"
            .prop_map(|text| serde_json::to_string(&text).expect("JSON"));
        let leaf = prop_oneof![
            string.clone(),
            "-?(0|[1-9][0-9]{0,30})(\\.[0-9]{1,20})?([eE][+-]?[0-9]{1,2})?",
            Just("null".to_owned()),
            Just("true".to_owned()),
        ];
        leaf.prop_recursive(5, 40, 6, move |inner| {
            let member = (string.clone(), inner.clone()).prop_map(|(key, value)| format!("{key}:{value}"));
            prop_oneof![
                prop::collection::vec(inner, 0..6).prop_map(|items| format!("[ {}]", items.join(" ,"))),
                prop::collection::vec(member, 0..6).prop_map(|members| format!("{{{}}}", members.join(", "))),
            ]
        })
    }

    proptest! {
        #[test]
        fn the_one_form_is_its_own_and_means_the_same(text in json()) {
            let once = canonical(&text).expect("JSON");
            prop_assert!(once.is_ascii());
            prop_assert_eq!(&canonical(&once).expect("JSON"), &once);
            let (before, after): (serde_json::Value, serde_json::Value) =
                (serde_json::from_str(&text).expect("JSON"), serde_json::from_str(&once).expect("JSON"));
            prop_assert_eq!(plain(&before), plain(&after));
        }

        #[test]
        fn no_text_makes_it_panic(text in "[\\[\\]{}:,\"\\\\ue0-9.+\\-tfn \u{e9}]{0,60}") {
            let is_json = serde_json::from_str::<&RawValue>(&text).is_ok();
            prop_assert!(is_json || canonical(&text).is_err());
        }
    }

    /// A value with numbers as floats: `-0` means 0 to one reader and -0.0 to another.
    fn plain(value: &serde_json::Value) -> String {
        match value {
            serde_json::Value::Number(number) => format!("{:?}", number.as_f64().unwrap_or_default() + 0.0),
            serde_json::Value::Array(items) => format!("{:?}", items.iter().map(plain).collect::<Vec<_>>()),
            serde_json::Value::Object(members) => {
                let mut members: Vec<_> = members.iter().map(|(key, value)| (key, plain(value))).collect();
                members.sort();
                format!("{members:?}")
            }
            other => other.to_string(),
        }
    }
}
