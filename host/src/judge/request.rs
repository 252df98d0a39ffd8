//! Requests: what a gate is asked, as the bytes of one document of gate protocol 1.
//!
//! What stays the same from call to call is written once. Evidence goes in as it was collected, unparsed, so a request
//! costs one copy of its input.

use jiff::Timestamp;
use portcullis_sdk::{Kind, PROTOCOL};
use serde_json::{Map, Value, value::RawValue};

use super::{Cause, Fault};
use crate::{
    evidence::{Collected, Evidence},
    manifest::Input,
};

/// The requests to one gate, but for their input.
#[derive(Clone, Debug)]
pub struct RequestTemplate {
    before: Vec<u8>,
    after: Vec<u8>,
}

impl RequestTemplate {
    /// Requests to the gate of that name and kind, with the run's clock and name.
    #[must_use]
    pub fn new(gate: &str, kind: Kind, params: &Map<String, Value>, now: Timestamp, run_id: &str) -> Self {
        let mut before = format!("{{\"protocol\":{PROTOCOL},\"gate\":").into_bytes();
        push_json(gate, &mut before);
        before.extend_from_slice(b",\"kind\":");
        push_json(&kind, &mut before);
        before.extend_from_slice(b",\"params\":");
        push_json(params, &mut before);
        before.extend_from_slice(b",\"input\":");
        let mut after = format!(",\"now\":\"{now}\",\"run_id\":").into_bytes();
        push_json(run_id, &mut after);
        after.push(b'}');
        Self { before, after }
    }

    /// How many bytes a request has around its input.
    #[must_use]
    pub fn overhead(&self) -> usize {
        self.before.len() + self.after.len()
    }

    /// Writes the request with that input into `buffer`, over what was there. The input is copied, not parsed; that it
    /// is one JSON document, which ends where it seems to end, is what its type says ([`crate::evidence::document`]).
    pub fn fill(&self, input: &RawValue, buffer: &mut Vec<u8>) {
        let json = input.get().as_bytes();
        self.fill_with(json.len(), buffer, |buffer| buffer.extend_from_slice(json));
    }

    /// Writes a validator's request, with the input `{path, text}`, into `buffer`, over what was there.
    pub fn fill_document(&self, path: &str, text: &str, buffer: &mut Vec<u8>) {
        // Escapes make the text longer, mostly by a few in a hundred.
        self.fill_with(path.len() + text.len() + text.len() / 16 + 32, buffer, |buffer| {
            buffer.extend_from_slice(b"{\"path\":");
            push_json(path, buffer);
            buffer.extend_from_slice(b",\"text\":");
            push_json(text, buffer);
            buffer.push(b'}');
        });
    }

    /// The request with the input that a plan says, out of what was collected. An [`Input::Each`] has many requests,
    /// one a file, which [`RequestTemplate::fill_document`] writes; here it gives the empty object.
    ///
    /// # Errors
    /// A fault that names every piece of evidence that could not be had.
    pub fn request(&self, input: &Input, evidence: &Collected) -> Result<Vec<u8>, Fault> {
        let members = members(input, evidence)?;
        let room =
            members.iter().map(|(name, evidence)| name.map_or(0, str::len) + evidence.json.get().len() + 8).sum();
        let mut buffer = Vec::new();
        self.fill_with(room, &mut buffer, |buffer| push_input(&members, buffer));
        Ok(buffer)
    }

    fn fill_with(&self, room: usize, buffer: &mut Vec<u8>, write: impl FnOnce(&mut Vec<u8>)) {
        buffer.clear();
        buffer.reserve(self.overhead() + room + 2);
        buffer.extend_from_slice(&self.before);
        write(buffer);
        buffer.extend_from_slice(&self.after);
    }
}

/// The evidence of an input, each with the name of its member; a whole piece has none.
type Members<'a> = Vec<(Option<&'a str>, &'a Evidence)>;

fn members<'a>(input: &'a Input, evidence: &'a Collected) -> Result<Members<'a>, Fault> {
    let wanted = input.members();
    let mut found = Vec::with_capacity(wanted.len());
    let mut missing = Vec::new();
    for (name, index) in wanted {
        match evidence.get(index) {
            Some(Ok(evidence)) => found.push((name, evidence)),
            Some(Err(error)) => missing.push(error.to_string()),
            None => missing.push("evidence that the gate asks for was not collected".to_owned()),
        }
    }
    missing.dedup();
    if missing.is_empty() { Ok(found) } else { Err(Fault { cause: Cause::Evidence, message: missing.join("; ") }) }
}

fn push_input(members: &Members<'_>, buffer: &mut Vec<u8>) {
    if let [(None, evidence)] = members.as_slice() {
        buffer.extend_from_slice(evidence.json.get().as_bytes());
        return;
    }
    buffer.push(b'{');
    for (index, (name, evidence)) in members.iter().enumerate() {
        if index > 0 {
            buffer.push(b',');
        }
        push_json(name.unwrap_or_default(), buffer);
        buffer.push(b':');
        buffer.extend_from_slice(evidence.json.get().as_bytes());
    }
    buffer.push(b'}');
}

/// Appends `value` as JSON. Text, a kind and parameters always have one, and a vector takes every byte.
fn push_json<T: serde::Serialize + ?Sized>(value: &T, buffer: &mut Vec<u8>) {
    let written = serde_json::to_writer(&mut *buffer, value);
    debug_assert!(written.is_ok(), "text, a kind and parameters are always JSON");
}

#[cfg(test)]
mod tests {
    use portcullis_sdk::{Json, Request};

    use super::*;
    use crate::{
        evidence::collect_files,
        manifest::{Overrides, parse},
    };

    fn template() -> RequestTemplate {
        let params = serde_json::json!({"z": 1, "a": [true]}).as_object().cloned().unwrap_or_default();
        let now = Timestamp::from_second(1_768_003_200).expect("in range");
        RequestTemplate::new("a-gate", Kind::Validator, &params, now, "run \"1\"")
    }

    #[test]
    fn a_request_is_the_protocols_document_with_its_input_untouched() {
        let mut buffer = b"what was there".to_vec();
        let input = crate::evidence::document(" {\"n\": 1.50}\n").expect("JSON");
        template().fill(input, &mut buffer);
        let expect = concat!(
            r#"{"protocol":1,"gate":"a-gate","kind":"validator","params":{"z":1,"a":[true]},"input":{"n": 1.50},"#,
            r#""now":"2026-01-10T00:00:00Z","run_id":"run \"1\""}"#
        );
        assert_eq!(String::from_utf8_lossy(&buffer), expect);
        assert_eq!(template().overhead() + input.get().len(), buffer.len());
    }

    #[test]
    fn a_validators_document_reads_back_whatever_is_in_it() {
        let mut buffer = Vec::new();
        for (path, text) in [("a.txt", ""), ("é\"\n", "\u{0}\u{1b}[31m\\\"\u{2028}"), ("b", &"\"".repeat(1_000))] {
            template().fill_document(path, text, &mut buffer);
            let request: Request<'_, Json, Map<String, Value>> = serde_json::from_slice(&buffer).expect("a request");
            assert_eq!(Value::Object(request.input), serde_json::json!({"path": path, "text": text}));
        }
    }

    #[test]
    fn evidence_is_named_or_whole_and_what_is_missing_is_a_fault() {
        let manifest = "schema = 1\nname = 't'\ntrust = 't'\n[evidence]\na = { value = [1] }\nb = { file = '/gone/b.json' }\n\
            c = { file = '/gone/c.json' }\n[gate.whole]\nmodule = 'm'\ninput = 'a'\n\
            [gate.named]\nmodule = 'm'\ninput = { 'x\"' = 'a', y = 'a' }\n[gate.nothing]\nmodule = 'm'\n\
            [gate.missing]\nmodule = 'm'\ninput = { a = 'a', b = 'b', c = 'c' }\n";
        let plan = parse(manifest.as_bytes(), "p.toml".as_ref(), &Overrides::default()).expect("a plan");
        let evidence = collect_files(&plan);
        let template = RequestTemplate { before: Vec::new(), after: Vec::new() };
        let inputs: Vec<_> = plan
            .gates
            .iter()
            .map(|gate| {
                template.request(&gate.input, &evidence).map(|bytes| String::from_utf8_lossy(&bytes).into_owned())
            })
            .collect();
        let message = "evidence `b` could not be collected: `/gone/b.json` does not exist; \
            evidence `c` could not be collected: `/gone/c.json` does not exist";
        let fault = Fault { cause: Cause::Evidence, message: message.to_owned() };
        let ok = |text: &str| Ok(text.to_owned());
        assert_eq!(inputs, [ok("[1]"), ok(r#"{"x\"":[1],"y":[1]}"#), ok("{}"), Err(fault)]);
    }
}
