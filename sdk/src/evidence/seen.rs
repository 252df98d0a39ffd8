//! What a probe sees: commands and exchanges however they ended, and what lies in a folder.

use alloc::{
    borrow::{Cow, ToOwned},
    boxed::Box,
    collections::BTreeMap,
    format,
    string::String,
    vec::Vec,
};

use serde::{Deserialize, Deserializer, Serialize, de::Error as _};
use serde_json::value::RawValue;

use super::{Asked, Members, Seconds, or_null, text_or_null};

/// The outcome of what ran to its end.
const COMPLETED: &str = "completed";

/// What a command did, however it ended. Of one that did not complete, what it said until then is there, and no exit code.
#[derive(Clone, Debug, Deserialize)]
pub struct RunAttempt<'a> {
    /// `completed`, or what kept it from that, such as `timeout` or `killed`.
    #[serde(borrow)]
    pub outcome: Cow<'a, str>,
    /// The program and its arguments, as the manifest writes them.
    pub argv: Vec<String>,
    /// What it exited with, if it did.
    #[serde(deserialize_with = "or_null")]
    pub exit_code: Option<i32>,
    /// The signal that killed it, if one did.
    #[serde(deserialize_with = "or_null")]
    pub signal: Option<i32>,
    /// What it wrote to standard output; U+FFFD where that is not UTF-8.
    #[serde(borrow)]
    pub stdout: Cow<'a, str>,
    /// How much that was, in bytes.
    pub stdout_bytes: u64,
    /// Whether `stdout` is less than that.
    pub stdout_cut: bool,
    /// What it wrote to standard error; U+FFFD where that is not UTF-8.
    #[serde(borrow)]
    pub stderr: Cow<'a, str>,
    /// How much that was, in bytes.
    pub stderr_bytes: u64,
    /// Whether `stderr` is less than that.
    pub stderr_cut: bool,
    /// `stdout`, read as the manifest says it is written, if it can be.
    #[serde(borrow, deserialize_with = "or_null")]
    pub data: Option<&'a RawValue>,
    /// Why it cannot be read so, where the manifest says how it is written.
    #[serde(default, deserialize_with = "or_null")]
    pub data_error: Option<String>,
    /// How long it ran.
    #[serde(rename = "duration_seconds")]
    pub took: Seconds,
}

impl RunAttempt<'_> {
    /// Whether it ran to its end and exited with `code`.
    #[must_use]
    pub fn exited_with(&self, code: i32) -> bool {
        self.outcome == COMPLETED && self.exit_code == Some(code)
    }

    /// How it ended, in a few words: `exit code 2`, `killed by signal 9`, `timeout`.
    #[must_use]
    pub fn ending(&self) -> String {
        match (self.exit_code, self.signal) {
            (Some(code), _) if self.outcome == COMPLETED => format!("exit code {code}"),
            (_, Some(signal)) => format!("killed by signal {signal}"),
            _ => self.outcome.clone().into_owned(),
        }
    }
}

/// An exchange with a server, however it ended. Of one that did not complete there may be no status and no body.
#[derive(Clone, Debug, Deserialize)]
pub struct ExchangeAttempt<'a> {
    /// `completed`, or what kept it from that, such as `timeout`, `refused` or `unreachable`.
    #[serde(borrow)]
    pub outcome: Cow<'a, str>,
    /// What was asked.
    #[serde(borrow)]
    pub request: Asked<'a>,
    /// The response's status, if there was one.
    #[serde(deserialize_with = "or_null")]
    pub status: Option<u16>,
    /// The response's headers by their lower-case names, if there was one.
    #[serde(deserialize_with = "or_null")]
    pub headers: Option<BTreeMap<String, String>>,
    /// The body as text; none where there was none, or it was an event stream.
    #[serde(borrow, deserialize_with = "text_or_null")]
    pub body: Option<Cow<'a, str>>,
    /// Whether there was more of the body than was kept.
    pub body_cut: bool,
    /// The body as it was written, if it is JSON and whole.
    #[serde(borrow, deserialize_with = "or_null")]
    pub json: Option<&'a RawValue>,
    /// How long it took.
    #[serde(rename = "duration_seconds")]
    pub took: Seconds,
}

impl ExchangeAttempt<'_> {
    /// Whether the server answered, if only with an error.
    #[must_use]
    pub fn is_answered(&self) -> bool {
        self.outcome == COMPLETED
    }

    /// What came of it, in a few words: `status 200`, `timeout`.
    #[must_use]
    pub fn ending(&self) -> String {
        match self.status.filter(|_| self.is_answered()) {
            Some(status) => format!("status {status}"),
            None => self.outcome.clone().into_owned(),
        }
    }
}

/// What a source `http` came to: one exchange, or several, one after another, up to the first that did not complete.
#[derive(Clone, Debug)]
pub struct ExchangeAttempts<'a>(pub Vec<ExchangeAttempt<'a>>);

impl<'de: 'a, 'a> Deserialize<'de> for ExchangeAttempts<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        struct Sequence<'a> {
            #[serde(borrow)]
            exchanges: Option<Vec<ExchangeAttempt<'a>>>,
        }
        let text = <&RawValue>::deserialize(deserializer)?.get();
        let sequence: Sequence<'a> = crate::json::read(text).map_err(D::Error::custom)?;
        match sequence.exchanges {
            Some(exchanges) => Ok(Self(exchanges)),
            None => crate::json::read(text).map(|one| Self(Vec::from([one]))).map_err(D::Error::custom),
        }
    }
}

/// What lies in a folder: the source `files`, or a file that says the same.
#[derive(Clone, Debug, Deserialize)]
pub struct Files<'a> {
    /// What lies where, by paths with `/` between their parts.
    #[serde(borrow)]
    pub files: Members<Entry<'a>>,
}

/// A file, or a link, which is not followed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Entry<'a> {
    /// A file, by the SHA-256 of its bytes in lower-case hex.
    File(Cow<'a, str>),
    /// A link, by the text of where it leads.
    Link(Cow<'a, str>),
}

impl<'de: 'a, 'a> Deserialize<'de> for Entry<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        struct Written<'a> {
            #[serde(borrow, default, deserialize_with = "text_or_null")]
            sha256: Option<Cow<'a, str>>,
            #[serde(borrow, default, deserialize_with = "text_or_null")]
            link: Option<Cow<'a, str>>,
        }
        match Box::<Written<'a>>::deserialize(deserializer).map(|written| *written)? {
            Written { sha256: Some(sha256), link: None } if is_sha256(&sha256) => Ok(Self::File(sha256)),
            Written { sha256: None, link: Some(link) } => Ok(Self::Link(link)),
            _ => Err(D::Error::custom("a file has a `sha256` of 64 lower-case hex digits, or else a `link`")),
        }
    }
}

/// Whether a text is a SHA-256 digest as the host writes it.
#[must_use]
pub fn is_sha256(text: &str) -> bool {
    text.len() == 64 && text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}

/// The first `most` characters of a text, and how many more there are: `… [truncated, 17 more chars]`.
#[must_use]
pub fn preview(text: &str, most: usize) -> Cow<'_, str> {
    let Some((end, _)) = text.char_indices().nth(most) else { return Cow::Borrowed(text) };
    let (shown, rest) = text.split_at_checked(end).unwrap_or((text, ""));
    let mut preview = shown.to_owned();
    preview.push_str(&format!("… [truncated, {} more chars]", rest.chars().count()));
    Cow::Owned(preview)
}

/// How many texts a [`Sample`] has at most, and how much of each, in characters.
const SAMPLED: usize = 20;
const SAMPLED_TEXT: usize = 200;

/// Some texts out of many that others wrote, short enough to be kept: how many there are, and the first of them.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Sample {
    /// How many there are.
    pub count: usize,
    /// The first twenty, each as its [`preview`].
    pub first: Vec<String>,
}

impl Sample {
    /// A sample of `texts`.
    pub fn of<'t>(texts: impl IntoIterator<Item = &'t str>) -> Self {
        let mut sample = Self::default();
        for text in texts {
            if sample.count < SAMPLED {
                sample.first.push(preview(text, SAMPLED_TEXT).into_owned());
            }
            sample.count += 1;
        }
        sample
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::json;

    fn run(outcome: &str, exit_code: Value, signal: Value) -> String {
        json!({
            "outcome": outcome, "argv": ["./app"], "exit_code": exit_code, "signal": signal,
            "stdout": "é\n", "stdout_bytes": 3, "stdout_cut": false, "stderr": "", "stderr_bytes": 0, "stderr_cut": false,
            "data": null, "duration_seconds": 0.25
        })
        .to_string()
    }

    #[test]
    fn a_run_is_read_however_it_ended() {
        for (document, ok, ending) in [
            (run("completed", 0.into(), Value::Null), true, "exit code 0"),
            (run("completed", 3.into(), Value::Null), false, "exit code 3"),
            (run("timeout", Value::Null, Value::Null), false, "timeout"),
            (run("killed", Value::Null, 9.into()), false, "killed by signal 9"),
            (run("not_found", Value::Null, Value::Null), false, "not_found"),
            (run("timeout", 0.into(), Value::Null), false, "timeout"),
        ] {
            let attempt: RunAttempt<'_> = json::read(&document).expect("a run");
            assert_eq!((attempt.exited_with(0), attempt.ending().as_str()), (ok, ending), "{document}");
            assert_eq!(attempt.took.micros(), 250_000);
        }
        let negative = run("completed", 0.into(), Value::Null).replace("0.25", "-0.25");
        assert!(json::read::<RunAttempt<'_>>(&negative).is_err(), "no time is negative");
    }

    #[test]
    fn exchanges_are_read_one_or_many_and_however_they_ended() {
        let exchange = |outcome: &str, status: Value| {
            json!({
                "outcome": outcome,
                "request": {"method": "GET", "url": "http://127.0.0.1/", "headers": {}, "body": null, "last_event_id": null},
                "status": status, "headers": null, "body": null, "body_bytes": 0, "body_cut": false, "json": null,
                "events": null, "stopped": null, "redirects": [], "duration_seconds": 0.5
            })
        };
        let (good, bad) = (exchange("completed", 503.into()), exchange("refused", Value::Null));
        for (document, expect) in [
            (good.clone(), vec!["status 503"]),
            (bad.clone(), vec!["refused"]),
            (json!({"outcome": "refused", "exchanges": [good, bad]}), vec!["status 503", "refused"]),
            (json!({"outcome": "completed", "exchanges": []}), vec![]),
        ] {
            let document = document.to_string();
            let ExchangeAttempts(all) = json::read(&document).expect("exchanges");
            assert_eq!(all.iter().map(ExchangeAttempt::ending).collect::<Vec<_>>(), expect, "{document}");
        }
        for document in ["{}", "[]", "null", r#"{"exchanges":[{}]}"#, r#"{"exchanges":{}}"#] {
            assert!(json::read::<ExchangeAttempts<'_>>(document).is_err(), "{document}");
        }
    }

    #[test]
    fn a_folder_is_read_with_its_files_and_links() {
        let digest = "2d711642b726b04401627ca9fbac32f5c8530fb1903cc4db02258717921a4881";
        let file = |sha256: &str| format!(r#"{{"files":{{"a":{{"sha256":"{sha256}","size_bytes":1}}}}}}"#);
        let text = file(digest);
        let files: Files<'_> = json::read(&text).expect("files");
        assert_eq!(files.files.find("a"), Some(&Entry::File(digest.into())));
        let files: Files<'_> = json::read(r#"{"files":{"l":{"link":"a"}}}"#).expect("files");
        assert_eq!(files.files.find("l"), Some(&Entry::Link("a".into())));
        let twice = r#"{"files":{"l":{"link":"a"},"l":{"link":"b"}}}"#;
        for document in [&file("abc"), &file(&digest.to_uppercase()), twice, r#"{"files":{"a":{}}}"#, "{}"] {
            assert!(json::read::<Files<'_>>(document).is_err(), "{document}");
        }
    }

    #[test]
    fn a_preview_says_how_much_it_leaves_out() {
        for (text, expect) in [
            ("", ""),
            ("abc", "abc"),
            ("éàü", "éàü"),
            ("éàü!", "éàü… [truncated, 1 more chars]"),
            ("abcdefé", "abc… [truncated, 4 more chars]"),
        ] {
            assert_eq!(preview(text, 3), expect);
        }
    }

    #[test]
    fn a_sample_counts_what_it_leaves_out() {
        let texts: Vec<String> = (0..25).map(|number| format!("{number}{}", "x".repeat(300))).collect();
        let sample = Sample::of(texts.iter().map(String::as_str));
        assert_eq!((sample.count, sample.first.len()), (25, 20));
        assert!(sample.first.iter().all(|text| text.ends_with(" more chars]")), "{sample:?}");
    }
}
