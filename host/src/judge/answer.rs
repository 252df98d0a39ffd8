//! What counts as an answer: one JSON document of the protocol's shape that does not contradict itself.
//!
//! Everything here was written by a guest. An answer that breaks a rule is refused whole, and the call is a fault: the
//! host never repairs an answer, because a repaired answer is the host's opinion and not the gate's.

use std::{fmt, marker::PhantomData};

use portcullis_sdk::{Answer, Check, Finding, Json, Kind, RuntimeEvidence, Severity, Verdict, Violation};
use serde::{
    Deserialize, Deserializer,
    de::{self, MapAccess, SeqAccess, Visitor, value::MapAccessDeserializer},
};

use super::{
    outcome::{Cause, Fault, ResultCode},
    raw::{Unambiguous, too_deep},
};
use crate::text::excerpt;

/// How deep the brackets of an answer may nest.
const DEEPEST: usize = 128;
/// How many entries each list of an answer may have.
const LONGEST_LIST: usize = 10_000;
/// How many bytes each string of an answer may have; `details` and payloads are bounded by the whole answer's limit.
const LONGEST_TEXT: usize = 64 << 10;
/// How much of the guest's own words a reason repeats, in characters.
const QUOTED: usize = 80;

/// Why a guest's output is no answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Malformed {
    /// One sentence without a full stop, fit for a terminal whatever the guest wrote.
    pub reason: String,
    /// Where it breaks, if it breaks at one place.
    pub place: Option<Place>,
}

/// A place in a guest's output.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place {
    /// The line, counted from 1.
    pub line: usize,
    /// The column in bytes, counted from 1.
    pub column: usize,
}

impl Malformed {
    fn new(reason: impl Into<String>) -> Self {
        Self { reason: reason.into(), place: None }
    }

    /// The same, broken at byte `offset` of `bytes`.
    fn at(self, bytes: &[u8], offset: usize) -> Self {
        let before = bytes.get(..offset).unwrap_or(bytes);
        let line = 1 + before.iter().filter(|&&byte| byte == b'\n').count();
        let column = 1 + before.iter().rev().take_while(|&&byte| byte != b'\n').count();
        Self { place: Some(Place { line, column }), ..self }
    }

    /// serde_json's reason, with the place beside it and the guest's words cut short.
    fn parsing(error: &serde_json::Error) -> Self {
        let place = Place { line: error.line(), column: error.column() };
        let told = error.to_string();
        let reason = told.strip_suffix(&format!(" at line {} column {}", place.line, place.column)).unwrap_or(&told);
        Self { reason: format!("the answer does not parse: {}", excerpt(reason, 2 * QUOTED)), place: Some(place) }
    }

    /// The stable code; an answer is malformed or it is not.
    #[must_use]
    pub fn code(&self) -> &'static str {
        Cause::Malformed.code()
    }
}

impl fmt::Display for Malformed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.reason)?;
        match self.place {
            Some(Place { line, column }) => write!(f, " (line {line}, column {column} of stdout)"),
            None => Ok(()),
        }
    }
}

impl std::error::Error for Malformed {}

impl From<Malformed> for Fault {
    fn from(malformed: Malformed) -> Self {
        Self { cause: Cause::Malformed, message: malformed.to_string() }
    }
}

/// The answer that a gate of `kind` wrote to `stdout`.
///
/// # Errors
/// When the output is empty, not UTF-8, not exactly one JSON object of the protocol's shape, nests deeper than 128, has a
/// list of more than 10,000 entries or a string of more than 64 KiB, contradicts itself, or says what its kind cannot.
pub fn read_answer(kind: Kind, stdout: &[u8]) -> Result<Answer, Malformed> {
    let text = std::str::from_utf8(stdout)
        .map_err(|error| Malformed::new("the answer is not UTF-8").at(stdout, error.valid_up_to()))?;
    let Some(start) = text.find(|character: char| !character.is_ascii_whitespace()) else {
        return Err(Malformed::new("the gate wrote no answer"));
    };
    if stdout.get(start) != Some(&b'{') {
        return Err(Malformed::new("the answer is not a JSON object").at(stdout, start));
    }
    // Raw parts are skipped over without counting, so their depth is checked before anything that recurses sees them.
    if let Some(offset) = too_deep(stdout, DEEPEST) {
        return Err(Malformed::new(format!("the answer nests deeper than {DEEPEST}")).at(stdout, offset));
    }
    let mut deserializer = serde_json::Deserializer::from_str(text);
    let answer = AnswerShape::deserialize(&mut deserializer).map_err(|error| Malformed::parsing(&error))?;
    if let Err(error) = deserializer.end() {
        let place = Place { line: error.line(), column: error.column() };
        return Err(Malformed { reason: "the answer goes on after its document".into(), place: Some(place) });
    }
    parts_hold(&answer)?;
    kind_holds(kind, &answer)?;
    Ok(answer)
}

/// [`Answer`] as it is read from a guest: the same fields, which the compiler checks, with lists that end at their cap
/// while they are read, so that a guest cannot make the host hold many times what it wrote.
#[derive(Deserialize)]
#[serde(remote = "Answer", deny_unknown_fields)]
struct AnswerShape {
    verdict: Verdict,
    #[serde(default)]
    summary: String,
    #[serde(default, deserialize_with = "objects")]
    checks: Vec<Check>,
    #[serde(default, deserialize_with = "objects")]
    findings: Vec<Finding>,
    #[serde(default, deserialize_with = "objects")]
    evidence: Vec<RuntimeEvidence>,
    #[serde(default, deserialize_with = "objects")]
    violations: Vec<Violation>,
    #[serde(default, deserialize_with = "texts")]
    next_actions: Vec<String>,
    #[serde(default)]
    details: Option<Json>,
}

/// A JSON object, and not the array that serde would take for a struct as well.
struct Object<T>(T);

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Object<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct ObjectVisitor<T>(PhantomData<T>);
        impl<'de, T: Deserialize<'de>> Visitor<'de> for ObjectVisitor<T> {
            type Value = Object<T>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Object<T>, A::Error> {
                T::deserialize(MapAccessDeserializer::new(map)).map(Object)
            }
        }
        deserializer.deserialize_map(ObjectVisitor(PhantomData))
    }
}

/// A list that ends at [`LONGEST_LIST`] while it is read.
struct Capped<T>(Vec<T>);

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Capped<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct CappedVisitor<T>(PhantomData<T>);
        impl<'de, T: Deserialize<'de>> Visitor<'de> for CappedVisitor<T> {
            type Value = Capped<T>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a list")
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Capped<T>, A::Error> {
                let mut list = Vec::new();
                while let Some(entry) = seq.next_element()? {
                    if list.len() == LONGEST_LIST {
                        return Err(de::Error::custom(format_args!("a list has more than {LONGEST_LIST} entries")));
                    }
                    list.push(entry);
                }
                Ok(Capped(list))
            }
        }
        deserializer.deserialize_seq(CappedVisitor(PhantomData))
    }
}

fn objects<'de, D: Deserializer<'de>, T: Deserialize<'de>>(deserializer: D) -> Result<Vec<T>, D::Error> {
    let Capped(list) = Capped::<Object<T>>::deserialize(deserializer)?;
    Ok(list.into_iter().map(|Object(entry)| entry).collect())
}

fn texts<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<String>, D::Error> {
    Capped::deserialize(deserializer).map(|Capped(list)| list)
}

/// Checks each part by itself, whatever the verdict.
fn parts_hold(answer: &Answer) -> Result<(), Malformed> {
    within("summary", &answer.summary)?;
    for check in &answer.checks {
        named("the id of a check", &check.id)?;
        if let Some(failure) = &check.failure {
            named("the failure of a check", failure)?;
        }
    }
    answer.findings.iter().try_for_each(finding_holds)?;
    answer.evidence.iter().try_for_each(evidence_holds)?;
    for violation in &answer.violations {
        named("the type of a violation", &violation.kind)?;
        within("the detail of a violation", &violation.detail)?;
    }
    answer.next_actions.iter().try_for_each(|action| within("a next action", action))?;
    answer.details.as_deref().map_or(Ok(()), |details| raw_holds("details", details.get()))
}

fn finding_holds(finding: &Finding) -> Result<(), Malformed> {
    named("the code of a finding", &finding.code)?;
    within("the message of a finding", &finding.message)?;
    within("the path of a finding", finding.path.as_deref().unwrap_or_default())?;
    let pointer = finding.pointer.as_deref().unwrap_or_default();
    within("the pointer of a finding", pointer)?;
    let code = excerpt(&finding.code, QUOTED);
    if !pointer.is_empty() && !pointer.starts_with('/') {
        return Err(Malformed::new(format!("the pointer of finding `{code}` does not start with `/`")));
    }
    if finding.line == Some(0) {
        return Err(Malformed::new(format!("finding `{code}` is on line 0, and lines count from 1")));
    }
    match (finding.number, ResultCode::named(&finding.code)) {
        (_, Some(ResultCode::Success)) => Err(Malformed::new("a finding is called `SUCCESS`")),
        (Some(number), Some(known)) if number != known.number() => {
            Err(Malformed::new(format!("finding `{code}` has number {number}, and that code is {}", known.number())))
        }
        _ => Ok(()),
    }
}

/// Runtime evidence as the probes' rules have it: a kind, a duration that is one, a payload that is an object.
fn evidence_holds(evidence: &RuntimeEvidence) -> Result<(), Malformed> {
    named("the probe_kind of evidence", &evidence.probe_kind)?;
    within("the summary of evidence", &evidence.summary)?;
    let kind = || excerpt(&evidence.probe_kind, QUOTED);
    if !evidence.duration_seconds.is_finite() || evidence.duration_seconds < 0.0 {
        return Err(Malformed::new(format!("evidence `{}` took a negative or endless time", kind())));
    }
    if !evidence.payload.get().starts_with('{') {
        return Err(Malformed::new(format!("the payload of evidence `{}` is not an object", kind())));
    }
    raw_holds("a payload", evidence.payload.get())
}

fn within(what: &str, text: &str) -> Result<(), Malformed> {
    if text.len() > LONGEST_TEXT {
        return Err(Malformed::new(format!("{what} is {} bytes, and {LONGEST_TEXT} are allowed", text.len())));
    }
    Ok(())
}

fn named(what: &str, text: &str) -> Result<(), Malformed> {
    if text.trim().is_empty() {
        return Err(Malformed::new(format!("{what} is empty")));
    }
    within(what, text)
}

/// Checks what serde_json skips over in a raw part: names given twice, halves of surrogate pairs, endless numbers. Two
/// readers of the record would disagree about each of them.
fn raw_holds(what: &str, raw: &str) -> Result<(), Malformed> {
    serde_json::from_str::<Unambiguous>(raw).map(drop).map_err(|error| {
        let Malformed { reason, .. } = Malformed::parsing(&error);
        Malformed::new(format!("{what}: {reason}"))
    })
}

/// Checks that the verdict is one that this kind may give, and that the parts bear it out.
fn kind_holds(kind: Kind, answer: &Answer) -> Result<(), Malformed> {
    let allowed: &[Verdict] = match kind {
        Kind::Readiness => &[Verdict::Pass, Verdict::Fail],
        Kind::Gate => &[Verdict::Pass, Verdict::Fail, Verdict::Review, Verdict::NotApplicable],
        Kind::Validator | Kind::Probe => &[Verdict::Pass, Verdict::Fail, Verdict::NotApplicable],
    };
    let (verdict, kind_word) = (answer.verdict.name(), kind_word(kind));
    if !allowed.contains(&answer.verdict) {
        return Err(Malformed::new(format!("a {kind_word} cannot answer {verdict}")));
    }
    if kind != Kind::Probe && !answer.evidence.is_empty() {
        return Err(Malformed::new(format!("a {kind_word} gives no runtime evidence; only a probe does")));
    }
    if kind == Kind::Readiness && answer.checks.is_empty() {
        return Err(Malformed::new("a readiness gate has to name at least one check"));
    }
    if kind == Kind::Probe && answer.verdict == Verdict::Pass && answer.evidence.is_empty() {
        return Err(Malformed::new("the verdict is pass, and a probe passes only on runtime evidence"));
    }
    let against = Against::find(answer);
    match (answer.verdict, against) {
        (Verdict::Pass | Verdict::NotApplicable, Some(against)) => {
            Err(Malformed::new(format!("the verdict is {verdict}, but {against}")))
        }
        (Verdict::Fail, against) if !reason_enough(kind, answer, against) => {
            Err(Malformed::new(format!("the verdict is fail, but {}", missing_reason(kind))))
        }
        _ => Ok(()),
    }
}

/// The first part that speaks against what was judged.
#[derive(Clone, Copy)]
enum Against<'a> {
    Check(&'a str),
    Finding(&'a str),
    Evidence(&'a str),
    Violation(&'a str),
}

impl<'a> Against<'a> {
    fn find(answer: &'a Answer) -> Option<Self> {
        let check = answer.checks.iter().find(|check| !check.passed).map(|check| Self::Check(&check.id));
        let finding = || answer.findings.iter().find(|finding| finding.severity == Severity::Error);
        let evidence = || answer.evidence.iter().find(|evidence| !evidence.passed);
        check
            .or_else(|| finding().map(|finding| Self::Finding(&finding.code)))
            .or_else(|| evidence().map(|evidence| Self::Evidence(&evidence.probe_kind)))
            .or_else(|| answer.violations.first().map(|violation| Self::Violation(&violation.kind)))
    }
}

impl fmt::Display for Against<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Check(id) => write!(f, "check `{}` failed", excerpt(id, QUOTED)),
            Self::Finding(code) => write!(f, "finding `{}` is an error", excerpt(code, QUOTED)),
            Self::Evidence(kind) => write!(f, "evidence `{}` did not pass", excerpt(kind, QUOTED)),
            Self::Violation(kind) => write!(f, "violation `{}` was seen", excerpt(kind, QUOTED)),
        }
    }
}

/// Whether a fail says why, in the part that this kind is judged by.
fn reason_enough(kind: Kind, answer: &Answer, against: Option<Against<'_>>) -> bool {
    match kind {
        Kind::Readiness => matches!(against, Some(Against::Check(_))),
        Kind::Validator => answer.findings.iter().any(|finding| finding.severity == Severity::Error),
        Kind::Gate | Kind::Probe => against.is_some(),
    }
}

fn missing_reason(kind: Kind) -> &'static str {
    match kind {
        Kind::Readiness => "every check holds",
        Kind::Validator => "no finding is an error",
        Kind::Gate => "no failed check, error finding or violation says why",
        Kind::Probe => "no failed evidence, check, error finding or violation says why",
    }
}

fn kind_word(kind: Kind) -> &'static str {
    match kind {
        Kind::Readiness => "readiness gate",
        Kind::Gate => "gate",
        Kind::Validator => "validator",
        Kind::Probe => "probe",
    }
}

#[cfg(test)]
#[path = "answer_tests.rs"]
mod tests;
