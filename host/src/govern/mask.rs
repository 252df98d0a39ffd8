//! Takes the values of variables out of what an agent says, as it is read, so that none of them is kept, told or judged.

use std::borrow::Cow;

use serde_json::Value;

use crate::{
    agent::{AgentLine, BadLine, Content, read_line},
    evidence::secrets::Secrets,
    manifest::{Part, Template},
    text::excerpt,
};

/// What is said in the place of an error's code that holds a secret: a code has no room for a mark.
const HIDDEN_CODE: &str = "HIDDEN";

/// The values that may not be seen.
#[derive(Clone, Debug, Default)]
pub(super) struct Mask {
    /// Each with its mark, the longest first: one may be a part of another.
    values: Vec<(String, String)>,
}

impl Mask {
    /// What `templates` name and `reveal` does not.
    pub(super) fn new<'t>(
        templates: impl IntoIterator<Item = &'t Template>,
        reveal: &[String],
        secrets: &Secrets,
    ) -> Self {
        let mut values: Vec<(String, String)> = Vec::new();
        for name in templates.into_iter().flat_map(Template::variables) {
            let value = Template { written: String::new(), parts: vec![Part::Env(name.to_owned())] };
            let value = secrets.expand(&value);
            if !value.is_empty() && !reveal.iter().any(|shown| shown == name) {
                values.push((value, format!("[env {}]", excerpt(name, 100))));
            }
        }
        values.sort_by(|one, other| other.0.len().cmp(&one.0.len()).then_with(|| one.cmp(other)));
        values.dedup();
        Self { values }
    }

    /// `text` with a mark in the place of each value.
    pub(super) fn hide<'t>(&self, text: &'t str) -> Cow<'t, str> {
        let mut text = Cow::Borrowed(text);
        for (value, mark) in &self.values {
            if text.contains(value) {
                text = Cow::Owned(text.replace(value, mark));
            }
        }
        text
    }

    /// The same for a text that may end within a value.
    pub(super) fn hide_cut(&self, text: &str) -> String {
        let begun = |value: &String| {
            let ends = value.char_indices().map(|(at, _)| at).skip(1);
            ends.filter(|at| value.get(..*at).is_some_and(|start| text.ends_with(start))).max()
        };
        let length = self.values.iter().filter_map(|(value, _)| begun(value)).max().unwrap_or(0);
        self.hide(text.get(..text.len().saturating_sub(length)).unwrap_or_default()).into_owned()
    }

    /// The line without any of the values.
    pub(super) fn line(&self, line: Result<AgentLine, BadLine>) -> Result<AgentLine, BadLine> {
        if self.values.is_empty() {
            return line;
        }
        match line {
            // Why it is bad may quote it.
            Err(bad) if matches!(self.hide(&bad.to_string()), Cow::Owned(_)) => read_line(b"?"),
            Err(bad) => Err(bad),
            Ok(AgentLine::Output { kind, content }) => Ok(AgentLine::Output { kind, content: self.content(content)? }),
            Ok(AgentLine::Plan { plan, confidence }) => Ok(AgentLine::Plan { plan: self.content(plan)?, confidence }),
            Ok(AgentLine::Error { code, message }) => {
                let message = self.hide(&message).into_owned();
                let code = if self.hide(&code) == code { code } else { HIDDEN_CODE.to_owned() };
                Ok(AgentLine::Error { code, message })
            }
            Ok(AgentLine::Acknowledge(id)) => Ok(AgentLine::Acknowledge(self.hide(&id).into_owned())),
            Ok(AgentLine::Promotion { to, reason }) => {
                Ok(AgentLine::Promotion { to, reason: self.hide(&reason).into_owned() })
            }
            Ok(line) => Ok(line),
        }
    }

    /// What was made, unchanged to the digit where nothing of it is to be hidden.
    fn content(&self, content: Content) -> Result<Content, BadLine> {
        let Ok(mut value) = serde_json::from_str(content.as_json()) else { return Ok(content) };
        if !self.value(&mut value) {
            return Ok(content);
        }
        // Nothing but texts has changed in it, so it is content still; if not, it is none that may be kept.
        Content::read(&value.to_string()).or_else(|_| read_line(b"?").map(|_| content))
    }

    /// Whether anything was hidden in it.
    fn value(&self, value: &mut Value) -> bool {
        match value {
            Value::String(text) => match self.hide(text) {
                Cow::Owned(hidden) => {
                    *text = hidden;
                    true
                }
                Cow::Borrowed(_) => false,
            },
            Value::Array(items) => items.iter_mut().fold(false, |hidden, item| self.value(item) | hidden),
            Value::Object(members) => {
                let mut hidden = members.values_mut().fold(false, |hidden, item| self.value(item) | hidden);
                if members.keys().any(|key| matches!(self.hide(key), Cow::Owned(_))) {
                    let all = std::mem::take(members);
                    members.extend(all.into_iter().map(|(key, item)| (self.hide(&key).into_owned(), item)));
                    hidden = true;
                }
                hidden
            }
            Value::Number(number) => match self.hide(&number.to_string()) {
                Cow::Owned(hidden) => {
                    *value = Value::String(hidden);
                    true
                }
                Cow::Borrowed(_) => false,
            },
            _ => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mask() -> Mask {
        let values = [("s3cr\"ét-long", "[env LONG]"), ("s3cr\"ét", "[env TOKEN]")];
        Mask { values: values.map(|(value, mark)| (value.to_owned(), mark.to_owned())).to_vec() }
    }

    fn through(line: &str) -> String {
        format!("{:?}", mask().line(read_line(line.as_bytes())))
    }

    #[test]
    fn a_value_is_in_nothing_that_a_line_says() {
        for line in [
            r#"{"output":"alpha","content":{"a":["x s3cr\"ét y"],"s3cr\"ét":1,"n":12345678901234567890123}}"#,
            r#"{"output":"alpha","content":{"a":"s3cr\"\u00e9t-long"}}"#,
            r#"{"plan":{"a":{"b":"s3cr\"ét"}},"confidence":0.5}"#,
            r#"{"error":{"code":"E","message":"s3cr\"ét"}}"#,
            r#"{"acknowledge":"s3cr\"ét"}"#,
            r#"{"promotion":{"to":1,"reason":"s3cr\"ét"}}"#,
            r#"{"s3cr\"ét":1}"#,
        ] {
            let said = through(line);
            assert!(!said.contains("s3cr"), "{line}: {said}");
        }
        assert!(through(r#"{"error":{"code":"s3cr","message":"m"}}"#).contains("s3cr"), "a part is not the value");
    }

    #[test]
    fn what_holds_no_value_keeps_its_digits_and_its_checksum() {
        let line = r#"{"output":"alpha","content":{"n":12345678901234567890123,"f":1.0}}"#;
        assert_eq!(mask().line(read_line(line.as_bytes())), read_line(line.as_bytes()));
    }

    #[test]
    fn the_beginning_of_a_value_at_the_end_is_hidden_too() {
        assert_eq!(mask().hide_cut("note s3cr"), "note ");
        assert_eq!(mask().hide_cut("note s3cr\"ét-lo"), "note ");
        assert_eq!(mask().hide_cut("a s3cr\"ét b"), "a [env TOKEN] b");
    }
}
