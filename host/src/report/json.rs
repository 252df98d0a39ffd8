//! `decision.json`: the record as it is kept.

use std::io::{self, Write};

use serde::Serialize;

use super::Record;
use crate::text::inert;

/// The record as indented JSON with a line feed at its end. Parts that gates wrote as JSON stay as they were written.
///
/// # Errors
/// Never for a record made by [`Record::new`]; the type is serde_json's.
pub fn decision_json(record: &Record) -> serde_json::Result<String> {
    pretty(record)
}

/// `value` as indented JSON with a line feed at its end, fit for a terminal.
///
/// # Errors
/// When `value` does not serialize.
pub fn pretty(value: &impl Serialize) -> serde_json::Result<String> {
    let mut text = serde_json::to_string_pretty(value)?;
    text.push('\n');
    Ok(inert(text))
}

/// Writes `value` as [`pretty`] has it, part by part: what is long is never there as a whole.
///
/// # Errors
/// When `value` does not serialize, or `out` does not take it.
pub fn write_pretty(out: &mut impl Write, value: &impl Serialize) -> io::Result<()> {
    let mut lines = InertLines { out, waiting: Vec::new(), ended: 0 };
    serde_json::to_writer_pretty(&mut lines, value)?;
    lines.write_all(b"\n")?;
    lines.pass_on()
}

/// How many bytes of whole lines are passed on together.
const PART: usize = 16 << 10;

/// Makes JSON inert that comes in pieces. Whole lines are as good as the whole: nothing that is replaced goes from one to
/// the next.
struct InertLines<'o, W> {
    out: &'o mut W,
    waiting: Vec<u8>,
    /// How much of that is whole lines.
    ended: usize,
}

impl<W: Write> InertLines<'_, W> {
    fn pass_on(&mut self) -> io::Result<()> {
        let rest = self.waiting.split_off(self.ended);
        self.ended = 0;
        let lines = String::from_utf8(std::mem::replace(&mut self.waiting, rest)).map_err(io::Error::other)?;
        self.out.write_all(inert(lines).as_bytes())
    }
}

impl<W: Write> Write for InertLines<'_, W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if let Some(last) = bytes.iter().rposition(|byte| *byte == b'\n') {
            self.ended = self.waiting.len() + last + 1;
        }
        self.waiting.extend_from_slice(bytes);
        if self.ended >= PART {
            self.pass_on()?;
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// `value` as one line of JSON with a line feed at its end, fit for a terminal.
///
/// # Errors
/// When `value` does not serialize.
pub fn line(value: &impl Serialize) -> serde_json::Result<String> {
    let mut text = serde_json::to_string(value)?;
    text.push('\n');
    Ok(inert(text))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::samples::{check_golden, governed, record};

    #[test]
    fn the_record_of_a_run_with_every_outcome_is_as_it_was() {
        let text = decision_json(&record()).expect("serializes");
        check_golden("decision.json", &text, include_str!("testdata/decision.json"));
    }

    #[test]
    fn agents_stand_in_it_with_their_violations_and_budgets() {
        let whole: serde_json::Value =
            serde_json::from_str(&decision_json(&governed()).expect("serializes")).expect("is JSON");
        let part = |name: &str| (name.to_owned(), whole[name].clone());
        let parts: serde_json::Map<_, _> = ["agents", "violations", "errorBudget"].map(part).into_iter().collect();
        let text = pretty(&parts).expect("serializes");
        check_golden("decision-agents.json", &text, include_str!("testdata/decision-agents.json"));
    }

    #[test]
    fn invisible_characters_are_escapes_that_read_back_as_themselves() {
        let raw = serde_json::value::RawValue::from_string("{\r\n\t\"\u{9b}\": \"\u{7f}\u{202e}\u{e0001}ä\"}".into())
            .expect("JSON");
        let text = pretty(&raw).expect("serializes");
        assert_eq!(text, "{ \n\t\"\\u009b\": \"\\u007f\\u202e\\udb40\\udc01ä\"}\n");
        let read = |text: &str| serde_json::from_str::<serde_json::Value>(text).expect("is JSON");
        assert_eq!(read(&text), read(raw.get()));
    }

    #[test]
    fn nothing_in_it_is_a_command_to_a_runner_of_workflows() {
        let text = line(&["##[add-mask]e", "####[[x", "\\##[y"]).expect("serializes");
        assert_eq!(text, "[\"##\\u005badd-mask]e\",\"####\\u005b[x\",\"\\\\##\\u005by\"]\n");
        let read: Vec<String> = serde_json::from_str(&text).expect("is JSON");
        assert_eq!(read, ["##[add-mask]e", "####[[x", "\\##[y"]);
    }

    #[test]
    fn what_is_written_part_by_part_is_the_same() {
        let words = ["plain", "##[add-mask]e", "\u{9b}\u{202e}\u{e0001}ä", "\r\n", ""];
        for count in [0, 1, 10, 3_000] {
            let value: Vec<_> =
                (0..count).map(|number| (number, words[number % words.len()].repeat(number % 50))).collect();
            let mut written = Vec::new();
            write_pretty(&mut written, &value).expect("memory takes it");
            assert_eq!(String::from_utf8_lossy(&written), pretty(&value).expect("serializes"));
        }
        struct Full;
        impl Write for Full {
            fn write(&mut self, _: &[u8]) -> io::Result<usize> {
                Err(io::ErrorKind::StorageFull.into())
            }

            fn flush(&mut self) -> io::Result<()> {
                Ok(())
            }
        }
        for count in [1, 10_000] {
            let error = write_pretty(&mut Full, &vec![0; count]).expect_err("no room");
            assert_eq!(error.kind(), io::ErrorKind::StorageFull);
        }
    }

    #[test]
    fn the_fields_stand_in_the_order_of_the_format() {
        let json: serde_json::Value =
            serde_json::from_str(&decision_json(&record()).expect("serializes")).expect("is JSON");
        let names = |value: &serde_json::Value| {
            value.as_object().expect("an object").keys().cloned().collect::<Vec<_>>().join(" ")
        };
        assert_eq!(
            names(&json),
            "schemaVersion runId decision verificationResult exitCode completion verifier timeVerified startedOn finishedOn subject \
             policy trust revocations inputs baseline summary stages agents gates approvals violations errorBudget reasons nextActions"
        );
        assert_eq!(
            names(&json["gates"][0]),
            "id kind stage enforcement outcome code codeName summary checks findings evidence details module fuelUsed \
             fuelLimit memoryPeakBytes durationMs params inputs limits"
        );
        let module = "contentDigest name version publisher keyIds";
        assert_eq!(names(&json["gates"][0]["module"]), module);
    }
}
