//! Asking: one request in, one judgement out.

use portcullis_sdk::Kind;

use super::Setting;
use crate::{
    judge::{Cause, Fault, Judgement, Usage},
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
    let (fault, usage) = call(program, name, limits, setting, buffers);
    Judgement::of(kind, fault, &buffers.stdout, &buffers.stderr, usage)
}

/// One call, and why it came to no answer, if it did not: what was written stands in `buffers`.
pub(super) fn call(
    program: &Program,
    name: &str,
    limits: &Limits,
    setting: Setting<'_>,
    buffers: &mut Buffers,
) -> (Option<Fault>, Usage) {
    let ended = program.call(name, setting.now, limits, setting.cancelled, buffers);
    let notes = || String::from_utf8_lossy(&buffers.stderr);
    (ended.result.err().map(|fault| told(fault, &notes())), ended.usage)
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
