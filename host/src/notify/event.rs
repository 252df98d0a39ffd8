//! An event → what is said of it: a document with an id of its own, never larger than a line may be.

use std::io::{self, Write};

use jiff::Timestamp;
use serde::Serialize;
use serde_json::{Map, Value};

use super::Kind;
use crate::text::inert;

/// The most bytes of a line, its line feed included.
pub const MAX_LINE: usize = 64 << 10;

/// The version of the document.
const SCHEMA: u32 = 1;

/// The most characters of a name.
const MAX_NAME: usize = 200;

/// How much of a detail is kept that makes a line too long, from the most to the least. By the last one, what is left fits
/// whatever is in it: no character takes more than twelve bytes.
const KEPT: [Most; 3] = [
    Most { characters: 4096, entries: 256, depth: 16 },
    Most { characters: 512, entries: 64, depth: 8 },
    Most { characters: 64, entries: 16, depth: 0 },
];

/// What stands for all that was left out.
const CUT: &str = "…";

/// Something that happened in a run. All texts in it may come from an agent or a gate.
#[derive(Clone, Debug, PartialEq)]
pub struct Event {
    /// What it tells of.
    pub kind: Kind,
    /// When it happened.
    pub time: Timestamp,
    /// The agent that it is about, where it is about one.
    pub agent_id: Option<String>,
    /// The phase of that agent.
    pub phase: Option<String>,
    /// What else is to be said.
    pub detail: Map<String, Value>,
}

/// The run that events tell of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Run {
    /// Its id.
    pub id: String,
    /// The name of its pipeline.
    pub pipeline: String,
}

/// An event as it is told: cut to size, and ready to be written.
#[derive(Debug)]
pub(super) struct Told {
    /// Its own, in every run: what a receiver that hears it twice knows it by.
    pub(super) id: String,
    pub(super) word: &'static str,
    /// Whether it may be passed over for another one when there is no room for both.
    pub(super) is_minor: bool,
    pub(super) time: String,
    pub(super) run_id: String,
    pub(super) pipeline: String,
    pub(super) agent_id: Option<String>,
    pub(super) phase: Option<String>,
    pub(super) detail: Map<String, Value>,
    /// Whether `detail` is less than it was.
    pub(super) cut: bool,
    /// One line of JSON with its line feed.
    pub(super) line: String,
}

/// The document. GitHub takes ten members and no more.
#[derive(Serialize)]
struct Document<'a> {
    schema: u32,
    id: &'a str,
    event: &'a str,
    time: &'a str,
    run_id: &'a str,
    pipeline: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    agent_id: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    phase: Option<&'a str>,
    detail: &'a Map<String, Value>,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    cut: bool,
}

impl Told {
    /// What is said of `event`.
    pub(super) fn new(id: String, run: &Run, event: Event) -> Self {
        let is_minor = event.kind == Kind::Heartbeat;
        let mut told = Self::bare(id, event.kind.name(), run, event.time);
        told.is_minor = is_minor;
        told.agent_id = event.agent_id.map(|name| shortened(&name, MAX_NAME));
        told.phase = event.phase.map(|name| shortened(&name, MAX_NAME));
        told.with(event.detail)
    }

    /// What the notifier says itself, under a word of its own.
    pub(super) fn by_itself(
        id: String,
        word: &'static str,
        run: &Run,
        time: Timestamp,
        detail: Map<String, Value>,
    ) -> Self {
        Self::bare(id, word, run, time).with(detail)
    }

    fn bare(id: String, word: &'static str, run: &Run, time: Timestamp) -> Self {
        Self {
            id,
            word,
            is_minor: false,
            time: time.to_string(),
            run_id: shortened(&run.id, MAX_NAME),
            pipeline: shortened(&run.pipeline, MAX_NAME),
            agent_id: None,
            phase: None,
            detail: Map::new(),
            cut: false,
            line: String::new(),
        }
    }

    fn with(mut self, detail: Map<String, Value>) -> Self {
        self.detail = detail;
        self.line = self.fit(MAX_LINE - 1);
        self.line.push('\n');
        self
    }

    /// The document in at most `most` bytes of JSON; what makes it larger is cut, here too.
    fn fit(&mut self, most: usize) -> String {
        if let Some(json) = self.json(&self.detail, self.cut, most) {
            return json;
        }
        for kept in &KEPT {
            let detail = kept.of_map(&self.detail, kept.depth);
            if let Some(json) = self.json(&detail, true, most) {
                (self.detail, self.cut) = (detail, true);
                return json;
            }
        }
        (self.detail, self.cut) = (Map::new(), true);
        self.json(&self.detail, true, most).unwrap_or_default()
    }

    /// The document in at most `most` bytes of JSON, whatever has to go for that.
    pub(super) fn json_within(&self, most: usize) -> String {
        if self.line.len() <= most {
            return self.line.trim_end_matches('\n').to_owned();
        }
        let fits = |kept: &Most| self.json(&kept.of_map(&self.detail, kept.depth), true, most);
        KEPT.iter().find_map(fits).or_else(|| self.json(&Map::new(), true, most)).unwrap_or_default()
    }

    fn json(&self, detail: &Map<String, Value>, cut: bool, most: usize) -> Option<String> {
        let document = Document {
            schema: SCHEMA,
            id: &self.id,
            event: self.word,
            time: &self.time,
            run_id: &self.run_id,
            pipeline: &self.pipeline,
            agent_id: self.agent_id.as_deref(),
            phase: self.phase.as_deref(),
            detail,
            cut,
        };
        let mut page = Page { bytes: Vec::new(), most };
        serde_json::to_writer(&mut page, &document).ok()?;
        let json = inert(String::from_utf8(page.bytes).ok()?);
        (json.len() <= most).then_some(json)
    }
}

/// Room for so many bytes; nothing is set aside for what does not fit.
struct Page {
    bytes: Vec<u8>,
    most: usize,
}

impl Write for Page {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.bytes.len() + bytes.len() > self.most {
            return Err(io::ErrorKind::FileTooLarge.into());
        }
        self.bytes.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// How much of a value is kept.
struct Most {
    /// Of a text.
    characters: usize,
    /// Of an array or an object.
    entries: usize,
    /// Of objects and arrays in one another.
    depth: usize,
}

impl Most {
    fn of(&self, value: &Value, depth: usize) -> Value {
        match value {
            Value::String(text) => Value::String(shortened(text, self.characters)),
            Value::Array(_) | Value::Object(_) if depth == 0 => Value::String(CUT.to_owned()),
            Value::Array(items) => {
                let rest = (items.len() > self.entries).then(|| Value::String(CUT.to_owned()));
                Value::Array(items.iter().take(self.entries).map(|item| self.of(item, depth - 1)).chain(rest).collect())
            }
            Value::Object(members) => Value::Object(self.of_map(members, depth - 1)),
            Value::Null | Value::Bool(_) | Value::Number(_) => value.clone(),
        }
    }

    fn of_map(&self, members: &Map<String, Value>, depth: usize) -> Map<String, Value> {
        let rest = (members.len() > self.entries).then(|| (CUT.to_owned(), Value::Null));
        let kept = members.iter().take(self.entries);
        kept.map(|(name, value)| (shortened(name, self.characters), self.of(value, depth))).chain(rest).collect()
    }
}

fn shortened(text: &str, most: usize) -> String {
    match text.char_indices().nth(most) {
        Some((end, _)) => format!("{}{CUT}", text.get(..end).unwrap_or_default()),
        None => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;
    use crate::notify::samples::{event, run, told};

    fn with(detail: Value) -> Told {
        Told::new("e-0".to_owned(), &run(), Event { detail: detail.as_object().expect("an object").clone(), ..event() })
    }

    #[test]
    fn a_line_is_the_document_and_a_line_feed() {
        assert_eq!(
            told().line,
            "{\"schema\":1,\"id\":\"e-0\",\"event\":\"violation_detected\",\"time\":\"2026-02-03T04:05:06Z\",\"run_id\":\"r-1\",\
             \"pipeline\":\"deploy\",\"agent_id\":\"builder\",\"phase\":\"EXECUTE\",\
             \"detail\":{\"type\":\"SCOPE_VIOLATION\",\"severity\":\"medium\",\"offence\":1}}\n"
        );
        let bare = Event { agent_id: None, phase: None, detail: Map::new(), ..event() };
        let line = Told::new("e-1".to_owned(), &run(), bare).line;
        assert!(line.ends_with("\"pipeline\":\"deploy\",\"detail\":{}}\n"), "{line}");
    }

    #[test]
    fn a_line_stays_one_and_holds_nothing_that_a_terminal_obeys() {
        let hostile = "a\r\n{\"schema\":1}\u{1b}[2J\u{9b}31m\u{202e}\u{2028}##[error]x";
        let told = with(json!({ hostile: hostile }));
        assert_eq!(told.line.matches('\n').count(), 1);
        assert!(!told.line.trim_end().contains(crate::text::is_unsafe), "{}", told.line);
        let read: Value = serde_json::from_str(&told.line).expect("JSON");
        assert_eq!(read["detail"][hostile], hostile);
        assert!(!told.cut);
    }

    #[test]
    fn what_is_too_large_is_cut_and_says_so() {
        let deep = (0..100).fold(json!(1), |inner, _| json!({ "in": inner }));
        for (detail, kept) in [
            (json!({ "log": "ä".repeat(MAX_LINE) }), Some(("log", 4097))),
            (json!({ "many": vec!["x".repeat(1000); 300] }), None),
            (json!({ "deep": deep, "log": "x".repeat(MAX_LINE) }), Some(("log", 4097))),
            (json!({ "log": "\u{202e}".repeat(MAX_LINE) }), Some(("log", 4097))),
            (Value::Object((0..9000).map(|n| (format!("key {n}"), json!("v"))).collect()), None),
        ] {
            let told = with(detail);
            assert!(told.cut && told.line.len() <= MAX_LINE, "{}", told.line.len());
            let read: Value = serde_json::from_str(&told.line).expect("JSON");
            assert_eq!(read["cut"], true);
            if let Some((name, length)) = kept {
                assert_eq!(read["detail"][name].as_str().expect("a text").chars().count(), length, "{name}");
            }
        }
    }

    #[test]
    fn a_line_may_be_as_long_as_it_may_and_no_longer() {
        let around = with(json!({ "log": "" })).line.len();
        let longest = with(json!({ "log": "x".repeat(MAX_LINE - around) }));
        assert_eq!((longest.line.len(), longest.cut), (MAX_LINE, false));
        assert!(with(json!({ "log": "x".repeat(MAX_LINE - around + 1) })).cut);
    }

    proptest! {
        // Each case writes as much as a line takes several times.
        #![proptest_config(ProptestConfig::with_cases(32))]

        #[test]
        fn whatever_is_told_fits_and_is_one_line_of_json(
            key in "\\PC{0,300}",
            text in "[\\x00-\\x1f\\u{202e}\\u{e0001}a\"\\\\]{0,400}",
            repeat in 1_usize..300,
            entries in 1_usize..60,
            most in 30_000_usize..MAX_LINE,
        ) {
            let text = text.repeat(repeat);
            let detail: Map<_, _> = (0..entries).map(|n| (format!("{key}{n}"), json!([&text, { "in": &text }]))).collect();
            let run = Run { id: text.clone(), pipeline: text.clone() };
            let event = Event { agent_id: Some(text.clone()), phase: Some(text.clone()), detail, ..event() };
            let told = Told::new("e-0".to_owned(), &run, event);
            for json in [told.line.clone(), told.json_within(most)] {
                prop_assert!(json.len() <= MAX_LINE);
                prop_assert!(!json.trim_end_matches('\n').contains('\n'));
                let read: Value = serde_json::from_str(&json).expect("JSON");
                prop_assert_eq!(&read["id"], "e-0");
                prop_assert!(read.as_object().expect("an object").len() <= 10);
            }
            prop_assert!(told.json_within(most).len() <= most);
        }
    }
}
