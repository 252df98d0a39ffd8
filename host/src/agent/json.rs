//! JSON as Python reads and writes it: whole numbers of any size, the last of two equal keys, floats in their shortest form.
//!
//! serde_json holds a number in 64 bits and loses the digits of a longer one, so numbers are kept here as they are written.
//! Whether the text is JSON at all is still its word: what is walked here has passed its grammar.

use std::fmt::Write as _;

use serde_json::value::RawValue;

use crate::text::excerpt;

/// The most digits that Python reads of a whole number.
const MOST_DIGITS: usize = 4300;
/// Characters of a reason that may quote the text.
const QUOTED: usize = 120;

/// Why a text is no content.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotContent {
    /// It is not JSON.
    #[error("it is no JSON: {0}")]
    Invalid(String),
    /// It is another value.
    #[error("it is no object")]
    NoObject,
    /// Its brackets nest too deep; carries how deep they may.
    #[error("it nests deeper than {0}")]
    TooDeep(usize),
    /// A number no float can hold.
    #[error("a number is past the greatest that can be told")]
    TooGreat,
    /// A whole number that Python does not read.
    #[error("a whole number has more than {MOST_DIGITS} digits")]
    TooLong,
    /// A string that spells half of a surrogate pair.
    #[error("a string is no text: it has half of a surrogate pair")]
    NoText,
}

impl NotContent {
    pub(super) fn invalid(error: &serde_json::Error) -> Self {
        Self::Invalid(excerpt(&error.to_string(), QUOTED))
    }
}

/// A JSON value. Numbers and words stay as they are written, in the one form.
#[derive(Debug)]
pub(super) enum Node {
    Object(Vec<(String, Node)>),
    Array(Vec<Node>),
    Text(String),
    /// A number, `true`, `false` or `null`.
    Plain(String),
}

/// The value that `text` is.
pub(super) fn read(text: &str, deepest: usize) -> Result<Node, NotContent> {
    let raw: &RawValue = serde_json::from_str(text).map_err(|error| NotContent::invalid(&error))?;
    Walk { text: raw.get(), at: 0, room: deepest }.value()
}

/// A walk over a text that is JSON. Should it not be, the walk ends with an error rather than anywhere else.
struct Walk<'a> {
    text: &'a str,
    at: usize,
    room: usize,
}

impl<'a> Walk<'a> {
    fn value(&mut self) -> Result<Node, NotContent> {
        match self.peek() {
            Some(b'{') => self.nested(Self::object),
            Some(b'[') => self.nested(Self::array),
            Some(b'"') => Ok(Node::Text(self.string()?)),
            Some(_) => plain(self.take(|byte| !matches!(byte, b',' | b']' | b'}' | b' ' | b'\t' | b'\n' | b'\r'))),
            None => Err(lost()),
        }
    }

    fn nested(&mut self, walk: impl FnOnce(&mut Self) -> Result<Node, NotContent>) -> Result<Node, NotContent> {
        self.room = self.room.checked_sub(1).ok_or(NotContent::TooDeep(super::content::DEEPEST))?;
        self.at += 1;
        let node = walk(self)?;
        self.room += 1;
        Ok(node)
    }

    fn object(&mut self) -> Result<Node, NotContent> {
        let mut members = Vec::new();
        while self.more(b'}')? {
            let key = self.string()?;
            if self.peek() != Some(b':') {
                return Err(lost());
            }
            self.at += 1;
            members.push((key, self.value()?));
        }
        // The sort is stable, so of equal keys the last one stays the last.
        members.sort_by(|(one, _), (other, _)| one.cmp(other));
        let mut kept: Vec<(String, Node)> = Vec::with_capacity(members.len());
        for member in members {
            match kept.last_mut() {
                Some(last) if last.0 == member.0 => *last = member,
                _ => kept.push(member),
            }
        }
        Ok(Node::Object(kept))
    }

    fn array(&mut self) -> Result<Node, NotContent> {
        let mut items = Vec::new();
        while self.more(b']')? {
            items.push(self.value()?);
        }
        Ok(Node::Array(items))
    }

    /// Whether another entry follows; past the comma before it, or past the bracket `close`.
    fn more(&mut self, close: u8) -> Result<bool, NotContent> {
        match self.peek() {
            Some(b',') => {
                self.at += 1;
                self.peek();
                Ok(true)
            }
            Some(byte) if byte == close => {
                self.at += 1;
                Ok(false)
            }
            Some(_) => Ok(true),
            None => Err(lost()),
        }
    }

    fn string(&mut self) -> Result<String, NotContent> {
        let (from, mut escaped) = (self.at, false);
        if self.peek() != Some(b'"') {
            return Err(lost());
        }
        self.at += 1;
        self.take(|byte| {
            let goes_on = escaped || byte != b'"';
            escaped = !escaped && byte == b'\\';
            goes_on
        });
        self.at += 1;
        let quoted = self.text.get(from..self.at).ok_or_else(lost)?;
        serde_json::from_str(quoted).map_err(|_| NotContent::NoText)
    }

    /// The next byte that is no white space, at which the walk then stands.
    fn peek(&mut self) -> Option<u8> {
        self.take(|byte| matches!(byte, b' ' | b'\t' | b'\n' | b'\r'));
        self.text.as_bytes().get(self.at).copied()
    }

    fn take(&mut self, mut goes_on: impl FnMut(u8) -> bool) -> &'a str {
        let rest = self.text.get(self.at..).unwrap_or_default();
        let end = rest.bytes().position(|byte| !goes_on(byte)).unwrap_or(rest.len());
        self.at += end;
        rest.get(..end).unwrap_or_default()
    }
}

fn lost() -> NotContent {
    NotContent::Invalid("its end is missing".to_owned())
}

/// A number or a word in the one form.
fn plain(text: &str) -> Result<Node, NotContent> {
    let is_number = text.starts_with(|first: char| first == '-' || first.is_ascii_digit());
    let text = match text {
        "-0" => "0".to_owned(),
        _ if is_number && text.contains(['.', 'e', 'E']) => float(text.parse().map_err(|_| lost())?)?,
        _ if is_number && text.trim_start_matches('-').len() > MOST_DIGITS => return Err(NotContent::TooLong),
        _ => text.to_owned(),
    };
    Ok(Node::Plain(text))
}

/// The shortest digits that name the float, laid out as Python does: an exponent from 1e16 up and below 1e-4, of two digits
/// at least, and a point where there is none.
fn float(number: f64) -> Result<String, NotContent> {
    if !number.is_finite() {
        return Err(NotContent::TooGreat);
    }
    let shortest = shortest(number);
    let (digits, exponent) = shortest.split_once('e').ok_or_else(lost)?;
    let exponent: i32 = exponent.parse().map_err(|_| lost())?;
    if !(-4..16).contains(&exponent) {
        let sign = if exponent < 0 { '-' } else { '+' };
        return Ok(format!("{digits}e{sign}{:02}", exponent.unsigned_abs()));
    }
    let (sign, digits) = digits.strip_prefix('-').map_or(("", digits), |digits| ("-", digits));
    let digits = digits.replace('.', "");
    let Ok(whole) = usize::try_from(exponent + 1) else {
        return Ok(format!("{sign}0.{}{digits}", "0".repeat(exponent.unsigned_abs() as usize - 1)));
    };
    Ok(match digits.split_at_checked(whole) {
        Some((digits, part)) if !part.is_empty() && !digits.is_empty() => format!("{sign}{digits}.{part}"),
        Some(("", part)) => format!("{sign}0.{part}"),
        _ => format!("{sign}{digits}{}.0", "0".repeat(whole - digits.len())),
    })
}

/// The fewest digits that name the float and no other, with an exponent. Where two such are equally near to it, Python takes
/// the even one and Rust the greater one.
fn shortest(number: f64) -> String {
    let shortest = format!("{number:e}");
    let digits = shortest.bytes().take_while(|byte| *byte != b'e').filter(u8::is_ascii_digit).count();
    let nearest = format!("{number:.*e}", digits.saturating_sub(1));
    if nearest.parse() == Ok(number) { nearest } else { shortest }
}

impl Node {
    /// The value in its one form.
    pub(super) fn to_text(&self) -> String {
        let mut text = String::new();
        self.write(&mut text);
        text
    }

    fn write(&self, out: &mut String) {
        match self {
            Self::Plain(text) => out.push_str(text),
            Self::Text(text) => quote(text, out),
            Self::Array(items) => {
                out.push('[');
                for (position, item) in items.iter().enumerate() {
                    out.push_str(if position > 0 { ", " } else { "" });
                    item.write(out);
                }
                out.push(']');
            }
            Self::Object(members) => {
                out.push('{');
                for (position, (key, value)) in members.iter().enumerate() {
                    out.push_str(if position > 0 { ", " } else { "" });
                    quote(key, out);
                    out.push_str(": ");
                    value.write(out);
                }
                out.push('}');
            }
        }
    }
}

/// A string in ASCII; what is past the first plane is a surrogate pair.
fn quote(text: &str, out: &mut String) {
    out.push('"');
    for character in text.chars() {
        match character {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            '\u{8}' => out.push_str("\\b"),
            '\u{c}' => out.push_str("\\f"),
            ' '..='~' => out.push(character),
            _ => {
                for unit in character.encode_utf16(&mut [0; 2]) {
                    let _ = write!(out, "\\u{unit:04x}");
                }
            }
        }
    }
    out.push('"');
}
