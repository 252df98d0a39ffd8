//! From the request's text to the answer's bytes, and the process around it.

use alloc::vec::Vec;

use serde::Deserialize;

use crate::{
    Answer, Checks, Evidence, Fault, Findings, Kind, Request, Ruling,
    answer::{WriteEvidence, evidence, write},
    kinds::Document,
    request,
    text::{joined, let_go},
    utf8,
    wire::{self, Stream},
};

/// The parameters of a gate that takes none; one that is given is a bad input, so that a misspelt or misplaced one
/// does not go unnoticed.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NoParams {}

/// What one kind of gate answers.
pub trait Part {
    /// The kind.
    const KIND: Kind;

    /// Whether an answer may have evidence; the others leave out what it takes to write it.
    #[doc(hidden)]
    const HAS_EVIDENCE: bool = true;

    /// The answer in the protocol's form.
    ///
    /// # Errors
    /// What was said is no answer, such as a negative duration.
    fn into_answer(self) -> Result<Answer, Fault>;
}

/// What a gate's function may return: its kind's answer, or a `Result` of that and a [`Fault`].
pub trait Reply {
    /// The kind's answer.
    type Part: Part;

    /// The answer, or why there is none.
    ///
    /// # Errors
    /// The fault that the gate's function returned.
    fn reply(self) -> Result<Self::Part, Fault>;
}

impl<T: Part> Reply for T {
    type Part = T;

    fn reply(self) -> Result<T, Fault> {
        Ok(self)
    }
}

impl<T: Part> Reply for Result<T, Fault> {
    type Part = T;

    fn reply(self) -> Self {
        self
    }
}

/// Asks `judge` the question in `request`, the text of a request, and gives the text of the answer.
///
/// # Errors
/// The request does not fit `judge`'s types, is of another protocol or kind, or `judge` gives no answer.
pub fn answer<'de, P, I, R>(request: &'de str, judge: impl FnOnce(Request<'de, P, I>) -> R) -> Result<Vec<u8>, Fault>
where
    P: Deserialize<'de>,
    I: Deserialize<'de>,
    R: Reply,
{
    let request = request::read(request, R::Part::KIND)?;
    let evidence = const { if R::Part::HAS_EVIDENCE { Some(evidence as WriteEvidence) } else { None } };
    let answer = judge(request).reply()?.into_answer()?;
    let written = write(&answer, evidence);
    let_go(answer);
    Ok(written)
}

/// The whole process. The request is never freed, so that what `judge` takes may borrow from it: the process ends with it.
fn run<P, I, R>(judge: impl FnOnce(Request<'static, P, I>) -> R)
where
    P: Deserialize<'static>,
    I: Deserialize<'static>,
    R: Reply,
{
    let text = wire::read_all()
        .and_then(|bytes| utf8::text(bytes.leak()).ok_or_else(|| Fault::input("the request is not UTF-8")));
    match text.and_then(|text| answer(text, judge)) {
        Ok(answer) => wire::write_all(Stream::Out, &answer),
        Err(fault) => {
            wire::write_all(Stream::Err, joined(&[fault.as_str(), "\n"]).as_bytes());
            wire::exit(2);
        }
    }
}

/// The body of a readiness gate's `main`.
pub fn readiness<P, I, R>(judge: impl FnOnce(Request<'static, P, I>) -> R)
where
    P: Deserialize<'static>,
    I: Deserialize<'static>,
    R: Reply<Part = Checks>,
{
    run(judge);
}

/// The body of a gate's `main`.
pub fn gate<P, I, R>(judge: impl FnOnce(Request<'static, P, I>) -> R)
where
    P: Deserialize<'static>,
    I: Deserialize<'static>,
    R: Reply<Part = Ruling>,
{
    run(judge);
}

/// The body of a validator's `main`.
pub fn validator<P, R>(judge: impl FnOnce(Request<'static, P, Document<'static>>) -> R)
where
    P: Deserialize<'static>,
    R: Reply<Part = Findings>,
{
    run(judge);
}

/// The body of a probe's `main`.
pub fn probe<P, I, R>(judge: impl FnOnce(Request<'static, P, I>) -> R)
where
    P: Deserialize<'static>,
    I: Deserialize<'static>,
    R: Reply<Part = Evidence>,
{
    run(judge);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn judge(request: Request<'_, NoParams, bool>) -> Result<Ruling, Fault> {
        Ok(Ruling::new().check("is_true", request.input))
    }

    fn ask(request: &str) -> Result<String, String> {
        match answer(request, judge) {
            Ok(bytes) => Ok(String::from_utf8(bytes).expect("an answer is UTF-8")),
            Err(fault) => Err(fault.to_string()),
        }
    }

    fn request(protocol: u32, kind: &str, params: &str, input: &str) -> String {
        format!(
            r#"{{"protocol":{protocol},"gate":"g","kind":"{kind}","params":{params},"input":{input},"now":"t","run_id":"r","newer":[1]}}"#
        )
    }

    #[test]
    fn a_request_that_fits_is_answered() {
        let pass = r#"{"verdict":"pass","summary":"1 of 1 checks hold","checks":[{"id":"is_true","passed":true}]}"#;
        assert_eq!(ask(&request(1, "gate", "{}", "true")).as_deref(), Ok(pass));
    }

    #[test]
    fn a_request_that_does_not_fit_is_a_fault_that_names_the_place() {
        let cases = [
            (request(2, "gate", "{}", "true"), "bad input: protocol 2; this gate speaks 1"),
            (request(1, "probe", "{}", "true"), "bad input: asked as another kind of gate than it is"),
            (request(1, "gate", r#"{"a":1}"#, "true"), "bad input: params: unknown field `a`, there are no fields"),
            (request(1, "gate", "[]", "true"), "bad input: params: expected struct NoParams, found a list"),
            (request(1, "gate", "{}", "1"), "bad input: input: expected a boolean, found a number"),
            (request(1, "gate", "{}", "true") + "{}", "bad input: something follows the document at byte 99"),
            (String::new(), "bad input: the document ends early at byte 0"),
        ];
        for (request, note) in cases {
            assert_eq!(ask(&request), Err(note.to_owned()), "{request}");
        }
    }
}
