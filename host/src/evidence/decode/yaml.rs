//! YAML → JSON, by the core schema of YAML 1.2: `no` is a text, `0o17` a number, and `<<` means nothing.
//!
//! The parser tells events, and JSON is written as they come: nothing is nested on the stack, and an alias is a copy of what
//! was written already. What JSON cannot say and what readers of YAML do not agree on is an error, never a guess.

mod scalar;

use std::{
    collections::{HashMap, HashSet},
    ops::Range,
};

use granit_parser::{ErrorKind, Event, Parser, ScalarStyle, ScanError, Tag, YamlVersion, options};

use super::{DecodeError, MAX_WRITTEN};
use crate::{manifest::MAX_DEPTH, text::excerpt};
use scalar::{Scalar, core_tag};

/// The one document that `text` is, as JSON.
pub(super) fn to_json(text: &str) -> Result<String, DecodeError> {
    let limits = options! { flow_nesting_limit: MAX_DEPTH, block_nesting_limit: MAX_DEPTH };
    let mut writer = Writer::default();
    for event in Parser::new_from_str_with_options(text, limits) {
        let (event, span) = event.map_err(|error| not_scanned(&error))?;
        writer.take(event).map_err(|wrong| wrong.at(span.start.line()))?;
    }
    if writer.documents == 0 {
        Err(Wrong::Yaml("there is no document in it".to_owned()).at(1))
    } else {
        Ok(writer.json)
    }
}

fn not_scanned(error: &ScanError) -> DecodeError {
    match error.kind() {
        ErrorKind::RecursionLimitExceeded => DecodeError::TooDeep,
        _ => Wrong::Yaml(error.info()).at(error.marker().line()),
    }
}

/// Why an event becomes no JSON.
enum Wrong {
    TooDeep,
    TooOften,
    Yaml(String),
}

impl Wrong {
    fn at(self, line: usize) -> DecodeError {
        match self {
            Self::TooDeep => DecodeError::TooDeep,
            Self::TooOften => DecodeError::TooOften,
            Self::Yaml(reason) => DecodeError::NotYaml(format!("{} at line {line}", excerpt(&reason, 200))),
        }
    }
}

/// An array or object that is being written.
struct Open {
    start: usize,
    anchor: usize,
    /// How many levels there are in it.
    height: usize,
    /// Nothing, in an array.
    keys: Option<Keys>,
}

/// The keys of an object, as JSON.
struct Keys {
    seen: HashSet<String>,
    /// Whether a value comes next.
    said: bool,
}

/// What an anchor names: where it stands in what was written, and how many levels it has.
struct Anchored {
    range: Range<usize>,
    height: usize,
}

#[derive(Default)]
struct Writer {
    json: String,
    documents: usize,
    open: Vec<Open>,
    anchored: HashMap<usize, Anchored>,
    /// How many bytes were written for aliases.
    repeated: usize,
}

impl Writer {
    fn take(&mut self, event: Event<'_>) -> Result<(), Wrong> {
        match event {
            Event::DocumentStart(_, version) => self.document(version),
            Event::Scalar(text, style, anchor, tag) => self.scalar(&text, style, anchor, tag.as_deref()),
            Event::SequenceStart(_, anchor, tag) => self.begin(anchor, tag.as_deref(), None),
            Event::MappingStart(_, anchor, tag) => {
                self.begin(anchor, tag.as_deref(), Some(Keys { seen: HashSet::new(), said: false }))
            }
            Event::SequenceEnd | Event::MappingEnd => {
                self.end();
                Ok(())
            }
            Event::Alias(anchor) => self.alias(anchor),
            Event::StreamStart | Event::StreamEnd | Event::DocumentEnd => Ok(()),
            _ => Err(Wrong::Yaml("it holds what is not understood".to_owned())),
        }
    }

    fn document(&mut self, version: Option<YamlVersion>) -> Result<(), Wrong> {
        self.documents += 1;
        match version {
            _ if self.documents > 1 => Err(Wrong::Yaml("a second document begins".to_owned())),
            Some(YamlVersion { major, minor }) if (major, minor) != (1, 2) => {
                Err(Wrong::Yaml(format!("it says that it is YAML {major}.{minor}, and YAML 1.2 is read")))
            }
            _ => Ok(()),
        }
    }

    fn scalar(&mut self, text: &str, style: ScalarStyle, anchor: usize, tag: Option<&Tag>) -> Result<(), Wrong> {
        let plain = style == ScalarStyle::Plain;
        let scalar = Scalar::read(text, plain, tag).map_err(Wrong::Yaml)?;
        if self.is_key_next() && plain && text == "<<" {
            return Err(Wrong::Yaml("the key `<<` merges in YAML 1.1 only; a key of that name is quoted".to_owned()));
        }
        let range = self.node(&scalar.to_json(), matches!(scalar, Scalar::Text(_)))?;
        self.remember(anchor, range, 0);
        Ok(())
    }

    fn alias(&mut self, anchor: usize) -> Result<(), Wrong> {
        let Some(Anchored { range, height }) = self.anchored.get(&anchor) else {
            return Err(Wrong::Yaml("an alias stands within what it names".to_owned()));
        };
        let (text, height) = (self.json.get(range.clone()).unwrap_or_default().to_owned(), *height);
        self.repeated = self.repeated.saturating_add(text.len());
        if self.repeated > MAX_WRITTEN {
            return Err(Wrong::TooOften);
        }
        if self.open.len() + height > MAX_DEPTH {
            return Err(Wrong::TooDeep);
        }
        self.node(&text, text.starts_with('"'))?;
        self.grow(height);
        Ok(())
    }

    fn begin(&mut self, anchor: usize, tag: Option<&Tag>, keys: Option<Keys>) -> Result<(), Wrong> {
        let (named, bracket) = if keys.is_some() { ("map", "{") } else { ("seq", "[") };
        if core_tag(tag).map_err(Wrong::Yaml)?.is_some_and(|tag| tag != named) {
            return Err(Wrong::Yaml("a tag does not fit what it stands at".to_owned()));
        }
        if self.open.len() >= MAX_DEPTH {
            return Err(Wrong::TooDeep);
        }
        let start = self.node(bracket, false)?.start;
        self.open.push(Open { start, anchor, height: 0, keys });
        Ok(())
    }

    fn end(&mut self) {
        let Some(ended) = self.open.pop() else { return };
        self.json.push(if ended.keys.is_some() { '}' } else { ']' });
        let height = ended.height + 1;
        self.grow(height);
        self.remember(ended.anchor, ended.start..self.json.len(), height);
    }

    /// Writes a node or the beginning of one, with what comes before it in its place; where it stands.
    fn node(&mut self, json: &str, is_text: bool) -> Result<Range<usize>, Wrong> {
        let is_first = self.open.last().is_none_or(|open| self.json.len() == open.start + 1);
        let keys = self.open.last_mut().map(|open| open.keys.as_mut());
        let (before, after) = match keys {
            Some(Some(keys)) if keys.said => {
                keys.said = false;
                ("", "")
            }
            Some(Some(keys)) => {
                if !is_text {
                    return Err(Wrong::Yaml(format!("a key is not a text: {json}")));
                }
                if !keys.seen.insert(json.to_owned()) {
                    return Err(Wrong::Yaml(format!("the key {json} is there twice")));
                }
                keys.said = true;
                (",", ":")
            }
            Some(None) => (",", ""),
            None => ("", ""),
        };
        if !is_first {
            self.json.push_str(before);
        }
        let start = self.json.len();
        self.json.push_str(json);
        self.json.push_str(after);
        Ok(start..start + json.len())
    }

    fn is_key_next(&self) -> bool {
        self.open.last().and_then(|open| open.keys.as_ref()).is_some_and(|keys| !keys.said)
    }

    /// The array or object that is being written has something of that height in it.
    fn grow(&mut self, height: usize) {
        if let Some(open) = self.open.last_mut() {
            open.height = open.height.max(height);
        }
    }

    /// Remembers what stands in `range` under `anchor`, which is 0 where there is none.
    fn remember(&mut self, anchor: usize, range: Range<usize>, height: usize) {
        if anchor != 0 {
            self.anchored.insert(anchor, Anchored { range, height });
        }
    }
}

#[cfg(test)]
mod tests;
