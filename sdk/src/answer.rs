//! The answer's text. By hand, though its types could write themselves: what serde makes of them for each gate is several
//! times as much code, and formatting floats comes with it, which only evidence has. A test holds the two to be the same.

use alloc::{string::String, vec::Vec};

use crate::{Answer, Check, Finding, RuntimeEvidence, Severity, Violation, json::Writer};

/// How evidence is written, for the kinds that have any.
pub(crate) type WriteEvidence = fn(&mut Writer, &RuntimeEvidence);

/// The answer as JSON.
pub(crate) fn write(answer: &Answer, write_evidence: Option<WriteEvidence>) -> Vec<u8> {
    let mut out = Writer::new();
    members(&mut out, answer, write_evidence);
    out.into_bytes()
}

fn members(out: &mut Writer, answer: &Answer, write_evidence: Option<WriteEvidence>) {
    // All members by name, here and below, so that one more of them cannot be forgotten.
    let Answer { verdict, summary, checks, findings, evidence, violations, next_actions, details } = answer;
    out.open(b'{');
    out.text("verdict", verdict.name());
    if !summary.is_empty() {
        out.text("summary", summary);
    }
    list(out, "checks", checks, check);
    list(out, "findings", findings, finding);
    if let Some(write) = write_evidence {
        list(out, "evidence", evidence, write);
    }
    list(out, "violations", violations, violation);
    if !next_actions.is_empty() {
        out.name("next_actions");
        out.open(b'[');
        for action in next_actions {
            out.another();
            out.string(action);
        }
        out.close(b']');
    }
    if let Some(details) = details {
        out.name("details");
        out.piece(details.get());
    }
    out.close(b'}');
}

/// A list of objects, unless it is empty.
fn list<T>(out: &mut Writer, name: &str, items: &[T], write: fn(&mut Writer, &T)) {
    if items.is_empty() {
        return;
    }
    out.name(name);
    out.open(b'[');
    for item in items {
        out.another();
        out.open(b'{');
        write(out, item);
        out.close(b'}');
    }
    out.close(b']');
}

fn check(out: &mut Writer, check: &Check) {
    let Check { id, passed, failure } = check;
    out.text("id", id);
    out.truth("passed", *passed);
    out.text_if_any("failure", failure);
}

fn finding(out: &mut Writer, finding: &Finding) {
    let Finding { code, number, severity, message, path, line, pointer, fix } = finding;
    let severity = match severity {
        Severity::Error => "error",
        Severity::Warning => "warning",
        Severity::Note => "note",
    };
    out.text("code", code);
    out.number_if_any("number", *number);
    out.text("severity", severity);
    out.text("message", message);
    out.text_if_any("path", path);
    out.number_if_any("line", *line);
    out.text_if_any("pointer", pointer);
    out.text_if_any("fix", fix);
}

fn violation(out: &mut Writer, violation: &Violation) {
    let Violation { kind, detail } = violation;
    out.text("type", kind);
    out.text("detail", detail);
}

/// One piece of evidence, inside its object.
pub(crate) fn evidence(out: &mut Writer, evidence: &RuntimeEvidence) {
    let RuntimeEvidence { probe_kind, passed, summary, duration_seconds, payload } = evidence;
    out.text("probe_kind", probe_kind);
    out.truth("passed", *passed);
    out.text("summary", summary);
    out.name("duration_seconds");
    out.float(*duration_seconds);
    out.name("payload");
    out.piece(payload.get());
}

/// Members of an object.
impl Writer {
    #[inline(never)]
    fn text(&mut self, name: &str, text: &str) {
        self.name(name);
        self.string(text);
    }

    #[inline(never)]
    fn text_if_any(&mut self, name: &str, text: &Option<String>) {
        if let Some(text) = text {
            self.text(name, text);
        }
    }

    #[inline(never)]
    fn number_if_any(&mut self, name: &str, number: Option<u32>) {
        if let Some(number) = number {
            self.name(name);
            self.number(number.into());
        }
    }

    fn truth(&mut self, name: &str, truth: bool) {
        self.name(name);
        self.boolean(truth);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Verdict;

    /// `serde_json` reads and writes it, and so do we.
    #[track_caller]
    fn same(text: &str) {
        let answer: Answer = serde_json::from_str(text).expect("an answer");
        let written = write(&answer, Some(evidence));
        assert_eq!(
            String::from_utf8(written).expect("it is text"),
            serde_json::to_string(&answer).expect("it is JSON")
        );
        assert_eq!(serde_json::to_string(&answer).expect("it is JSON"), text);
    }

    #[test]
    fn an_answer_is_written_as_its_types_say() {
        for verdict in [Verdict::Pass, Verdict::Fail, Verdict::Review, Verdict::NotApplicable] {
            same(&format!(r#"{{"verdict":"{}"}}"#, verdict.name()));
        }
        same(concat!(
            r#"{"verdict":"pass","summary":"a \"b\" \\ \u0000\u001f\u007f é\n","checks":[{"id":"a","passed":true},"#,
            r#"{"id":"","passed":false,"failure":"c\td"}],"findings":[{"code":"E","severity":"error","message":"m"},"#,
            r#"{"code":"W","number":4294967295,"severity":"warning","message":"","path":"p","line":0,"pointer":"/a~1b","fix":"f"},"#,
            r#"{"code":"N","number":20,"severity":"note","message":"x"}],"evidence":[{"probe_kind":"k","passed":true,"#,
            r#""summary":"s","duration_seconds":0.1,"payload":{"a" : [1e3]}},{"probe_kind":"k","passed":false,"summary":"","#,
            r#""duration_seconds":1e+300,"payload":{}}],"violations":[{"type":"T","detail":"d"}],"#,
            r#""next_actions":["a","b"],"details":[ {} ]}"#
        ).replace("\\u007f", "\u{7f}").as_str());
    }
}
