//! Asking: one request in, one judgement out.

use portcullis_sdk::Kind;

use super::Setting;
use crate::{
    judge::{Cause, Fault, Judgement, Outcome, read_answer},
    limits::Limits,
    sandbox::{Buffers, Program},
    text::excerpt,
};

/// Asks `program` what stands in `buffers.request` and reads its answer by the rules of `kind`.
pub fn ask(
    program: &Program,
    name: &str,
    kind: Kind,
    limits: &Limits,
    setting: Setting<'_>,
    buffers: &mut Buffers,
) -> Judgement {
    let ended = program.call(name, setting.now, limits, setting.cancelled, buffers);
    let notes = String::from_utf8_lossy(&buffers.stderr).trim_end().to_owned();
    let outcome = match ended.result {
        Ok(()) => match read_answer(kind, &buffers.stdout) {
            Ok(answer) => Outcome::Answered(answer),
            Err(malformed) => Outcome::Fault(malformed.into()),
        },
        Err(fault) => Outcome::Fault(told(fault, &notes)),
    };
    Judgement { outcome, usage: ended.usage, notes }
}

/// A guest that left with a status of its own usually says why in its first note.
fn told(fault: Fault, notes: &str) -> Fault {
    match (&fault.cause, notes.lines().next()) {
        (Cause::Exit(status), Some(note)) => {
            Fault { message: format!("left with exit status {status}: {}", excerpt(note, 300)), ..fault }
        }
        _ => fault,
    }
}
