//! Collected bytes → JSON, as the source's format says.

mod yaml;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde_json::value::{RawValue, to_raw_value};
use toml::{Spanned, de::DeTable};

use crate::{
    manifest::{Format, JsonError, MAX_DEPTH, json_table},
    text::excerpt,
};

/// The most bytes of TOML or YAML; reading it takes many times its size in memory.
const MAX_WRITTEN: usize = 4 << 20;

/// Bytes that are not what their format says. The messages follow a name: of a file, or of a line of input.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DecodeError {
    /// Not UTF-8.
    #[error("is not UTF-8 from byte {0} on")]
    NotUtf8(usize),
    /// Not one JSON document, or not one in each line.
    #[error("is not JSON: {reason} at line {line}, column {column}")]
    NotJson {
        /// What the parser says.
        reason: String,
        /// The line, counted from 1.
        line: usize,
        /// The column in bytes, counted from 1.
        column: usize,
    },
    /// Not TOML, or TOML that JSON cannot say.
    #[error("is not TOML that can be read as JSON: {0}")]
    NotToml(String),
    /// Not YAML, or YAML that JSON cannot say.
    #[error("is not YAML that can be read as JSON: {0}")]
    NotYaml(String),
    /// More TOML or YAML than is read.
    #[error("has {0} bytes, and {MAX_WRITTEN} are allowed in its format")]
    TooLarge(usize),
    /// Aliases that repeat more than is read.
    #[error("repeats more than {MAX_WRITTEN} bytes by its aliases")]
    TooOften,
    /// More levels than gates read.
    #[error("is nested deeper than {MAX_DEPTH} levels")]
    TooDeep,
}

impl DecodeError {
    /// The stable code.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::NotUtf8(_) => "evidence-not-utf8",
            Self::NotJson { .. } => "evidence-not-json",
            Self::NotToml(_) => "evidence-not-toml",
            Self::NotYaml(_) => "evidence-not-yaml",
            Self::TooLarge(_) | Self::TooOften => "evidence-too-large",
            Self::TooDeep => "evidence-too-deep",
        }
    }

    /// A JSON error in the line `line_before + 1` of the file or a later one.
    fn json(error: &serde_json::Error, line_before: usize) -> Self {
        let text = error.to_string();
        let reason = text.split(" at line ").next().unwrap_or_default();
        Self::NotJson { reason: excerpt(reason, 200), line: line_before + error.line(), column: error.column() }
    }
}

/// `bytes` as one piece of JSON.
pub(super) fn decode(bytes: Vec<u8>, format: Format) -> Result<Box<RawValue>, DecodeError> {
    if format == Format::Bytes {
        return generated(format!("{{\"base64\":\"{}\"}}", STANDARD.encode(bytes)));
    }
    let text = String::from_utf8(bytes).map_err(|error| DecodeError::NotUtf8(error.utf8_error().valid_up_to()))?;
    match format {
        Format::Json => owned_document(text),
        Format::JsonLines => lines(&text),
        Format::Toml => toml_document(&text),
        Format::Yaml => yaml_document(&text),
        Format::Text | Format::Bytes => to_raw_value(&text).map_err(|error| DecodeError::json(&error, 0)),
    }
}

/// The one JSON document that `text` is, without the white space around it: checked whole, and carried as it is.
///
/// # Errors
/// When the text is no JSON document, is more than one, or is nested deeper than gates read.
pub fn document(text: &str) -> Result<&RawValue, DecodeError> {
    check_depth(text, MAX_DEPTH)?;
    serde_json::from_str(text).map_err(|error| DecodeError::json(&error, 0))
}

/// The same, without a copy where there is no white space around it.
fn owned_document(mut text: String) -> Result<Box<RawValue>, DecodeError> {
    check_depth(&text, MAX_DEPTH)?;
    // A newline at the end is the rule, and without it the text becomes the value without being copied.
    text.truncate(text.trim_end_matches([' ', '\t', '\r', '\n']).len());
    RawValue::from_string(text).map_err(|error| DecodeError::json(&error, 0))
}

/// One JSON document in each line that has anything in it, as an array.
fn lines(text: &str) -> Result<Box<RawValue>, DecodeError> {
    let mut array = String::with_capacity(text.len() + 2);
    array.push('[');
    for (index, line) in text.split('\n').enumerate().filter(|(_, line)| !line.trim_ascii().is_empty()) {
        check_depth(line, MAX_DEPTH - 1)?;
        let document: &RawValue = serde_json::from_str(line).map_err(|error| DecodeError::json(&error, index))?;
        if array.len() > 1 {
            array.push(',');
        }
        array.push_str(document.get());
    }
    array.push(']');
    generated(array)
}

fn toml_document(text: &str) -> Result<Box<RawValue>, DecodeError> {
    check_size(text)?;
    let not_toml = |at: usize, reason: &str| {
        let before = text.get(..at).unwrap_or(text);
        let line = before.bytes().filter(|byte| *byte == b'\n').count() + 1;
        DecodeError::NotToml(format!("{} at line {line}", excerpt(reason, 200)))
    };
    let document = DeTable::parse(text)
        .map(Spanned::into_inner)
        .map_err(|error| not_toml(error.span().map_or(0, |span| span.start), error.message()))?;
    let object = json_table(&document, 1).map_err(|(at, error)| match error {
        JsonError::TooDeep => DecodeError::TooDeep,
        error => not_toml(at, &error.to_string()),
    })?;
    to_raw_value(&object).map_err(|error| DecodeError::json(&error, 0))
}

fn yaml_document(text: &str) -> Result<Box<RawValue>, DecodeError> {
    check_size(text)?;
    generated(yaml::to_json(text)?)
}

/// Whether a text that has to be read as a whole is short enough for it.
fn check_size(text: &str) -> Result<(), DecodeError> {
    if text.len() > MAX_WRITTEN { Err(DecodeError::TooLarge(text.len())) } else { Ok(()) }
}

/// JSON that this room wrote itself.
fn generated(json: String) -> Result<Box<RawValue>, DecodeError> {
    RawValue::from_string(json).map_err(|error| DecodeError::json(&error, 0))
}

/// Whether brackets outside of strings are nested at most `most` deep. The parser that follows checks everything else,
/// but keeps no count.
pub(super) fn check_depth(text: &str, most: usize) -> Result<(), DecodeError> {
    let mut depth = 0_usize;
    let mut bytes = text.bytes();
    while let Some(byte) = bytes.next() {
        match byte {
            b'[' | b'{' if depth == most => return Err(DecodeError::TooDeep),
            b'[' | b'{' => depth += 1,
            b']' | b'}' => depth = depth.saturating_sub(1),
            b'"' => skip_string(&mut bytes),
            _ => {}
        }
    }
    Ok(())
}

fn skip_string(bytes: &mut impl Iterator<Item = u8>) {
    while let Some(byte) = bytes.next() {
        match byte {
            b'"' => return,
            b'\\' => {
                bytes.next();
            }
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn check(bytes: impl Into<Vec<u8>>, format: Format, expect: Result<&str, &str>) {
        let bytes = bytes.into();
        let shown = String::from_utf8_lossy(bytes.get(..bytes.len().min(60)).unwrap_or_default()).into_owned();
        let got = decode(bytes, format).map(|json| json.get().to_owned());
        assert_eq!(got.as_deref().map_err(DecodeError::code), expect, "{shown}");
    }

    #[test]
    fn json_is_carried_as_it_was_written() {
        check(" {\"a\" : 1.0e+2,\n\"a\":[]}\r\n", Format::Json, Ok("{\"a\" : 1.0e+2,\n\"a\":[]}"));
        for text in ["", "   ", "{", "[1,]", "{} {}", "NaN", "'a'", "\"a\nb\"", "01", "nul", "\u{feff}{}", "{}\0"] {
            check(text, Format::Json, Err("evidence-not-json"));
        }
        check(b"\"\xff\"".to_vec(), Format::Json, Err("evidence-not-utf8"));
        check(b"[\"\xed\xa0\x80\"]".to_vec(), Format::Json, Err("evidence-not-utf8"));
    }

    #[test]
    fn nesting_is_bounded_outside_of_strings_only() {
        let nested = |levels: usize| "[".repeat(levels) + &"]".repeat(levels);
        let deepest = nested(MAX_DEPTH);
        check(deepest.clone(), Format::Json, Ok(&deepest));
        check(nested(MAX_DEPTH + 1), Format::Json, Err("evidence-too-deep"));
        check("[".repeat(100_000), Format::Json, Err("evidence-too-deep"));
        check(nested(MAX_DEPTH), Format::JsonLines, Err("evidence-too-deep"));
        let brackets = format!("\"\\\"{}\"", "[".repeat(1_000));
        check(brackets.clone(), Format::Json, Ok(&brackets));
        // As deep as evidence may be, in a request that names it: what a gate written with the sdk still reads.
        let request = format!("{{\"input\":{{\"a\":{deepest}}}}}");
        assert!(serde_json::from_str::<serde_json::Value>(&request).is_ok());
    }

    #[test]
    fn every_format_becomes_json() {
        check("{\"a\":1}\r\n\n  [2]\n", Format::JsonLines, Ok("[{\"a\":1},[2]]"));
        check("", Format::JsonLines, Ok("[]"));
        check("1\n{\n", Format::JsonLines, Err("evidence-not-json"));
        check("1 2\n", Format::JsonLines, Err("evidence-not-json"));
        check(
            "b = 1\na.d = 2026-01-10T00:00:00Z\n",
            Format::Toml,
            Ok("{\"b\":1,\"a\":{\"d\":\"2026-01-10T00:00:00Z\"}}"),
        );
        check("a = inf", Format::Toml, Err("evidence-not-toml"));
        check("a = ", Format::Toml, Err("evidence-not-toml"));
        check("#".repeat(MAX_WRITTEN + 1), Format::Toml, Err("evidence-too-large"));
        check("a: [no, 1]\n", Format::Yaml, Ok("{\"a\":[\"no\",1]}"));
        check("#".repeat(MAX_WRITTEN + 1), Format::Yaml, Err("evidence-too-large"));
        check("a\"\u{1}\n", Format::Text, Ok("\"a\\\"\\u0001\\n\""));
        check(b"\xff".to_vec(), Format::Text, Err("evidence-not-utf8"));
        check(b"\xff\x00".to_vec(), Format::Bytes, Ok("{\"base64\":\"/wA=\"}"));
    }

    #[test]
    fn a_mistake_is_told_with_its_place() {
        let error = decode(b"{}\n\n[1,\x20]\n".to_vec(), Format::JsonLines).expect_err("no JSON");
        assert_eq!(error.to_string(), "is not JSON: expected value at line 3, column 5");
    }

    proptest! {
        #[test]
        fn any_bytes_become_json_or_an_error(
            bytes in proptest::collection::vec(any::<u8>(), 0..64),
            text in "[\\[\\]{}\",:0-9a-z\\\\\n ]{0,40}",
        ) {
            let formats =
                [Format::Json, Format::JsonLines, Format::Toml, Format::Yaml, Format::Text, Format::Bytes];
            for format in formats {
                for input in [bytes.clone(), text.clone().into_bytes()] {
                    if let Ok(json) = decode(input, format) {
                        prop_assert!(serde_json::from_str::<serde::de::IgnoredAny>(json.get()).is_ok());
                    }
                }
            }
        }
    }
}
