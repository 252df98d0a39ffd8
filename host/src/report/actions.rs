//! What to do about a gate: what it says itself, what the decision knows, and the command that looks closer.

use super::Record;
use crate::{
    decision::{GateOutcome, GateResult},
    judge::{Cause, Fault},
};

/// What to do next about `gate`. The gate's own words are hostile text.
pub(super) fn actions(gate: &GateResult, record: &Record) -> Vec<String> {
    let known = record.next_actions.iter().filter(|next| next.gate.as_ref() == Some(&gate.gate.name));
    let mut actions: Vec<String> = known.map(|next| next.action.clone()).collect();
    actions.extend(command(gate, record, actions.is_empty()));
    actions
}

/// The next command to type; for a gate that failed, only where it has not said what to do itself.
fn command(gate: &GateResult, record: &Record, silent: bool) -> Option<String> {
    let manifest = quoted(&record.policy.uri);
    match &gate.outcome {
        GateOutcome::Fault(Fault { cause: Cause::Evidence, .. }) => {
            Some(format!("see what can be collected, and what cannot: portcullis collect {manifest} --out DIR"))
        }
        // A finding that has a path says where to look.
        GateOutcome::Fail if silent && gate.findings.iter().all(|finding| finding.path.is_none()) => {
            Some(format!("look at what it judged: portcullis collect {manifest} --out DIR"))
        }
        _ => None,
    }
}

/// A path as one word of a shell's.
pub(super) fn quoted(path: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"._-/+=:,@%".contains(&byte);
    if !path.is_empty() && path.bytes().all(plain) {
        path.to_owned()
    } else {
        format!("'{}'", path.replace('\'', "'\\''"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        decision::samples::{answer, bare, fault, finding, gate},
        judge::{Judgement, Outcome, Usage},
        report::samples::{decided, signed},
    };

    fn of(result: GateResult) -> Vec<String> {
        let record = decided(vec![result], false);
        actions(&record.gates[0], &record)
    }

    #[test]
    fn whatever_keeps_a_run_from_a_go_has_a_next_command() {
        let failed = |json: &str| {
            let outcome = Outcome::Answered(answer(json));
            GateResult::from_judgement(gate("a"), Judgement { outcome, usage: Usage::default(), notes: String::new() })
        };
        let silent = r#"{"verdict":"fail","checks":[{"id":"up","passed":false}]}"#;
        let telling = r#"{"verdict":"fail","checks":[{"id":"up","passed":false}],"next_actions":["start it"]}"#;
        let missing = GateResult::faulted(gate("a"), fault(Cause::Evidence, "no `smoke`"));
        for (result, expect) in [
            (failed(silent), vec!["look at what it judged: portcullis collect release.toml --out DIR"]),
            (failed(telling), vec!["start it"]),
            (
                bare(gate("a"), GateOutcome::Review),
                vec![
                    "sign it off: portcullis approve a --run 20260110T000000Z-1a2b --key KEY --expires TIME --reason TEXT",
                ],
            ),
            (
                missing,
                vec![
                    "provide what it judges, or name it: portcullis run --evidence NAME=PATH",
                    "see what can be collected, and what cannot: portcullis collect release.toml --out DIR",
                ],
            ),
            (signed(gate("a")), vec![]),
        ] {
            assert_eq!(of(result.clone()), expect, "{result:?}");
        }
        let mut placed = failed(silent);
        placed.findings.push(finding("odd", 3).into());
        assert_eq!(of(placed), Vec::<String>::new(), "its findings say where to look");
    }

    #[test]
    fn a_path_in_a_command_is_one_word() {
        for (path, expect) in
            [("a/b-1.toml", "a/b-1.toml"), ("a b", "'a b'"), ("it's", "'it'\\''s'"), ("$(x)", "'$(x)'"), ("", "''")]
        {
            assert_eq!(quoted(path), expect);
        }
    }
}
