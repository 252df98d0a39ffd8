//! Requests: what a gate is asked, as the bytes of one document of gate protocol 1.
//!
//! What stays the same from call to call is written once. Evidence goes in as it was collected, unparsed, so a request
//! costs one copy of its input.

use jiff::Timestamp;
use portcullis_sdk::{Kind, PROTOCOL};
use serde_json::{Map, Value, value::RawValue};

use super::{Cause, Fault};
use crate::{evidence::Collected, manifest::Input};

/// The requests to one gate, but for their input.
#[derive(Clone, Debug)]
pub struct RequestTemplate {
    before: Vec<u8>,
    after: Vec<u8>,
    /// A probe is also asked about what did not complete: that a command ran out of its time is what it is there to see.
    asks_about_failures: bool,
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
        Self { before, after, asks_about_failures: kind == Kind::Probe }
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
    /// A fault that names every piece of evidence that could not be had. For a probe what was seen of a command or an
    /// exchange that did not complete is evidence as well.
    pub fn request(&self, input: &Input, evidence: &Collected) -> Result<Vec<u8>, Fault> {
        let members = self.members(input, evidence)?;
        let room = members.iter().map(|(name, json)| name.map_or(0, str::len) + json.get().len() + 8).sum();
        let mut buffer = Vec::new();
        self.fill_with(room, &mut buffer, |buffer| push_input(&members, buffer));
        Ok(buffer)
    }

    fn members<'a>(&self, input: &'a Input, evidence: &'a Collected) -> Result<Members<'a>, Fault> {
        let wanted = input.members();
        let mut found = Vec::with_capacity(wanted.len());
        let mut missing = Vec::new();
        for (name, index) in wanted {
            match evidence.get(index) {
                Some(Ok(evidence)) => found.push((name, &*evidence.json)),
                Some(Err(error)) => match error.document().filter(|_| self.asks_about_failures) {
                    Some(document) => found.push((name, document)),
                    None => missing.push(error.to_string()),
                },
                None => missing.push("evidence that the gate asks for was not collected".to_owned()),
            }
        }
        missing.dedup();
        if missing.is_empty() { Ok(found) } else { Err(Fault { cause: Cause::Evidence, message: missing.join("; ") }) }
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
type Members<'a> = Vec<(Option<&'a str>, &'a RawValue)>;

fn push_input(members: &Members<'_>, buffer: &mut Vec<u8>) {
    if let [(None, json)] = members.as_slice() {
        buffer.extend_from_slice(json.get().as_bytes());
        return;
    }
    buffer.push(b'{');
    for (index, (name, json)) in members.iter().enumerate() {
        if index > 0 {
            buffer.push(b',');
        }
        push_json(name.unwrap_or_default(), buffer);
        buffer.push(b':');
        buffer.extend_from_slice(json.get().as_bytes());
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

    /// Requests that are their input alone.
    fn bare(asks_about_failures: bool) -> RequestTemplate {
        RequestTemplate { before: Vec::new(), after: Vec::new(), asks_about_failures }
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
        let template = bare(false);
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

    #[test]
    fn only_a_probe_is_asked_about_a_command_that_did_not_complete() {
        let manifest = "schema = 1\nname = 't'\ntrust = 't'\n[evidence]\n\
            killed = { command = ['/bin/sh', '-c', 'echo out; kill -9 $$'] }\n\
            never = { command = ['/bin/sh', '-c', '${env:GONE}'] }\nlater = { value = 1, after = ['killed'] }\n\
            [gate.one]\nmodule = 'm'\ninput = { run = 'killed' }\n\
            [gate.all]\nmodule = 'm'\ninput = { run = 'killed', never = 'never', later = 'later' }\n";
        let plan = parse(manifest.as_bytes(), "p.toml".as_ref(), &Overrides::default()).expect("a plan");
        let evidence = collect_files(&plan);
        let request = |gate: usize, probe| bare(probe).request(&plan.gates[gate].input, &evidence);
        let seen: Value = serde_json::from_slice(&request(0, true).expect("it is asked")).expect("JSON");
        assert_eq!((&seen["run"]["outcome"], &seen["run"]["stdout"]), (&"killed".into(), &"out\n".into()));
        let fault = request(0, false).expect_err("no evidence");
        assert!(fault.cause == Cause::Evidence && fault.message.contains("killed by signal 9"), "{}", fault.message);
        let fault = request(1, true).expect_err("two have no document").message;
        assert!(
            !fault.contains("killed by signal") && fault.contains("`never`") && fault.contains("`later`"),
            "{fault}"
        );
    }
}
