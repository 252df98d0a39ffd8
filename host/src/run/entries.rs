//! What is kept of a run, as the bytes of it: in pieces, so that what is in several places is kept once.

use std::{borrow::Cow, collections::BTreeMap, path::PathBuf};

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::{Call, Calls};
use crate::{
    decision::{GateResult, Judged},
    judge::{Fault, Usage},
    ledger::{Asked, Content, Keep, SHARED, role},
};

/// A file that a run read.
#[derive(Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ReadEntry {
    pub(super) path: PathBuf,
    /// Why it could not be read, where it is there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) error: Option<String>,
    /// Whether it was there; then its bytes are kept under its number.
    pub(super) there: bool,
}

/// What is kept of a gate's calls beside their bytes, which stand one behind the other.
#[derive(Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub(super) struct CallsEntry {
    pub(super) fault: Option<Fault>,
    pub(super) calls: Vec<CallEntry>,
}

#[derive(Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub(super) struct CallEntry {
    pub(super) file: Option<FileEntry>,
    pub(super) answer: usize,
    pub(super) notes: usize,
    pub(super) fault: Option<Fault>,
    pub(super) usage: Usage,
}

#[derive(Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub(super) struct FileEntry {
    pub(super) path: String,
    /// How many bytes; nothing where it could not be read.
    pub(super) bytes: Option<usize>,
}

/// The name of the bytes of the file with that number.
pub(super) fn numbered(index: usize) -> String {
    format!("{}.{index}", role::READ)
}

/// A document without the white space around it is what requests hold, so it is a piece of its own.
pub(super) fn around_json(bytes: Vec<u8>) -> Content<'static> {
    let before = bytes.iter().take_while(|byte| byte.is_ascii_whitespace()).count();
    let behind = bytes.trim_ascii_end().len().max(before);
    let part = |range: std::ops::Range<usize>| Cow::Owned(bytes.get(range).unwrap_or_default().to_vec());
    if before == 0 && behind == bytes.len() {
        return bytes.into();
    }
    Content::Pieces(vec![part(0..before), part(before..behind), part(behind..bytes.len())])
}

/// What is kept of a gate: what it was asked, where it was asked once, and the rest.
pub(super) fn kept(calls: &Calls, result: &GateResult) -> (Option<Asked<'static>>, Vec<Keep<'static>>) {
    // What could not be asked is known by why not.
    let unasked = || calls.calls.is_empty().then(|| result.fault().cloned()).flatten();
    let fault = calls.fault.clone().or_else(unasked);
    let entry = CallsEntry { fault, calls: calls.calls.iter().map(CallEntry::of).collect() };
    let mut keeps = vec![Keep::new(role::CALLS, serde_json::to_string(&entry).unwrap_or_default())];
    match calls.calls.as_slice() {
        [Call { file: None, request, answer, notes, .. }] => {
            let request = around_evidence(request, &result.gate.judged);
            (Some(Asked { request, answer: answer.clone().into(), notes: notes.clone().into() }), keeps)
        }
        [] => (None, keeps),
        calls => {
            let all = |part: fn(&Call) -> Option<&Vec<u8>>| {
                Content::Pieces(calls.iter().filter_map(part).map(|part| Cow::Owned(part.clone())).collect())
            };
            keeps.push(Keep::new(role::FILES, all(|call| call.file.as_ref()?.bytes.as_ref())));
            keeps.push(Keep::new(role::ANSWER, all(|call| Some(&call.answer))));
            keeps.push(Keep::new(role::NOTES, all(|call| Some(&call.notes))));
            (None, keeps)
        }
    }
}

/// A request in pieces, each piece of evidence in it one of its own, which other requests and the evidence itself hold too.
fn around_evidence(request: &[u8], judged: &[Judged]) -> Content<'static> {
    let part = |bytes: &[u8]| Cow::Owned(bytes.to_vec());
    if request.len() < SHARED {
        return request.to_vec().into();
    }
    let (mut pieces, mut rest) = (Vec::new(), request);
    for evidence in evidence_in(request, judged).unwrap_or_default() {
        // Where each begins is known by where it lies in memory.
        let before = evidence.as_ptr().addr().wrapping_sub(rest.as_ptr().addr());
        let Some((before, (evidence, behind))) = rest
            .split_at_checked(before)
            .and_then(|(before, from)| Some((before, from.split_at_checked(evidence.len())?)))
        else {
            continue;
        };
        pieces.extend([part(before), part(evidence)]);
        rest = behind;
    }
    pieces.push(part(rest));
    Content::Pieces(pieces)
}

/// The pieces of evidence in a request, as they lie in it, in its order.
fn evidence_in<'r>(request: &'r [u8], judged: &[Judged]) -> Option<Vec<&'r str>> {
    #[derive(Deserialize)]
    struct Request<'r> {
        #[serde(borrow)]
        input: &'r RawValue,
    }
    let Request { input } = serde_json::from_slice(request).ok()?;
    if let [Judged { name: None, .. }] = judged {
        return Some(vec![input.get()]);
    }
    let members: BTreeMap<Cow<'r, str>, &'r RawValue> = serde_json::from_str(input.get()).ok()?;
    let mut members: Vec<&str> = members.into_values().map(RawValue::get).collect();
    members.sort_by_key(|member| member.as_ptr().addr());
    Some(members)
}

impl CallEntry {
    fn of(call: &Call) -> Self {
        Self {
            file: call
                .file
                .as_ref()
                .map(|file| FileEntry { path: file.path.clone(), bytes: file.bytes.as_ref().map(Vec::len) }),
            answer: call.answer.len(),
            notes: call.notes.len(),
            fault: call.fault.clone(),
            usage: call.usage,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn judged(names: &[Option<&str>]) -> Vec<Judged> {
        let one =
            |name: &Option<&str>| Judged { name: name.map(str::to_owned), evidence: "e".to_owned(), digest: None };
        names.iter().map(one).collect()
    }

    fn pieces(content: &Content<'_>) -> Vec<String> {
        let Content::Pieces(pieces) = content else { panic!("{content:?}") };
        pieces.iter().map(|piece| String::from_utf8_lossy(piece).into_owned()).collect()
    }

    #[test]
    fn a_large_request_is_kept_with_each_piece_of_evidence_apart() {
        let large = format!("\"{}\"", "x".repeat(SHARED));
        let named = format!(r#"{{"gate":"input","input":{{"b":{large},"a\"":[1]}},"now":"n"}}"#);
        let expect = [r#"{"gate":"input","input":{"b":"#, &large, r#","a\"":"#, "[1]", r#"},"now":"n"}"#];
        let split = around_evidence(named.as_bytes(), &judged(&[Some("b"), Some("a\"")]));
        assert_eq!(pieces(&split), expect);
        let whole = around_evidence(named.as_bytes(), &judged(&[None]));
        assert_eq!(pieces(&whole)[0], r#"{"gate":"input","input":"#);
        assert_eq!(pieces(&whole).concat(), named);
        for (request, names) in [(&*named, &[][..]), (&large, &[None]), (r#"{"input":{"a":1}}"#, &[Some("a")])] {
            assert_eq!(pieces(&around_evidence(request.as_bytes(), &judged(names))).concat(), request);
        }
    }

    #[test]
    fn the_white_space_around_a_document_is_apart_from_it() {
        for (bytes, expect) in
            [(" [1]\n", &[" ", "[1]", "\n"][..]), ("[1]", &["[1]"]), (" \n", &[" \n", "", ""]), ("", &[""])]
        {
            assert_eq!(pieces(&around_json(bytes.as_bytes().to_vec())), expect);
        }
    }
}
