//! For a gate's own tests, natively: the whole way from a request's text to the answer, without WASM.

use std::{borrow::Cow, collections::BTreeMap, fs, path::Path};

use serde::{Deserialize, Serialize};

use crate::{Answer, Fault, Json, Kind, PROTOCOL, Part, Reply, Request, RuntimeEvidence, Verdict};

impl<P, I> Request<'_, P, I> {
    /// A request as a test hands it to a gate's function: its name and its run are `test`, its clock stands at the start
    /// of 2026.
    pub fn of(kind: Kind, params: P, input: I) -> Self {
        let name = Cow::Borrowed("test");
        let now = Cow::Borrowed("2026-01-01T00:00:00Z");
        Self { protocol: PROTOCOL, gate: name.clone(), kind, params, input, now, run_id: name }
    }
}

/// Asks `judge` with these parameters and this input, both anything that serde writes as JSON.
///
/// # Errors
/// The gate gives no answer.
///
/// # Panics
/// The parameters or the input cannot be written as JSON.
pub fn ask<P, I, R>(
    judge: impl FnOnce(Request<'static, P, I>) -> R,
    params: &(impl Serialize + ?Sized),
    input: &(impl Serialize + ?Sized),
) -> Result<Answer, Fault>
where
    P: Deserialize<'static>,
    I: Deserialize<'static>,
    R: Reply,
{
    ask_request(judge, &Request::of(R::Part::KIND, params, input))
}

fn ask_request<P, I, R>(
    judge: impl FnOnce(Request<'static, P, I>) -> R,
    request: &Request<'_, impl Serialize, impl Serialize>,
) -> Result<Answer, Fault>
where
    P: Deserialize<'static>,
    I: Deserialize<'static>,
    R: Reply,
{
    let text = serde_json::to_string(request).expect("params and input are JSON");
    // Leaked, as in the gate itself, so that the input may be borrowed from it.
    let written = crate::answer(text.leak(), judge)?;
    Ok(serde_json::from_slice(&written).expect("an answer is of the protocol"))
}

/// One file of `cases/`, what is asked.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Input {
    /// None are an empty object.
    #[serde(default)]
    params: BTreeMap<String, Json>,
    input: Json,
    /// The clock, where the case is about it.
    now: Option<String>,
}

/// The other, what is expected; only the fields that are there are compared.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Expected {
    verdict: Option<Verdict>,
    fault: Option<String>,
    checks: Option<BTreeMap<String, bool>>,
    codes: Option<Vec<String>>,
    summary: Option<String>,
    #[serde(rename = "fuel")]
    _fuel: Option<u64>,
}

/// Asks `judge` each case of a folder, `NAME.input.json` against `NAME.expected.json`, as `portcullis test` does with
/// the built module. Fuel is not compared: natively there is none. Call it with
/// `concat!(env!("CARGO_MANIFEST_DIR"), "/cases")`.
///
/// # Panics
/// A case differs, cannot be read, or there is none.
pub fn cases<P, I, R>(judge: impl Fn(Request<'static, P, I>) -> R, folder: impl AsRef<Path>)
where
    P: Deserialize<'static>,
    I: Deserialize<'static>,
    R: Reply,
{
    let mut count = 0;
    for entry in fs::read_dir(folder).expect("the folder of cases can be read") {
        let path = entry.expect("the folder of cases can be read").path();
        let Some(case) = path.to_str().and_then(|path| path.strip_suffix(".input.json")) else { continue };
        let expected: Expected = read(&format!("{case}.expected.json"));
        compare(case, &expected, ask_file(&judge, &format!("{case}.input.json")));
        count += 1;
    }
    assert!(count > 0, "no cases");
}

/// Holds `judge` to the names of failures, which the other file of a case does not tell: the case, the check that does not
/// hold in it, and the name of its failure.
///
/// # Panics
/// A failure has another name, or the case cannot be read or gives no answer.
pub fn failures<P, I, R>(
    judge: impl Fn(Request<'static, P, I>) -> R,
    folder: impl AsRef<Path>,
    expected: &[(&str, &str, &str)],
) where
    P: Deserialize<'static>,
    I: Deserialize<'static>,
    R: Reply,
{
    for (case, id, failure) in expected {
        let answer = self::case(&judge, &folder, case).unwrap_or_else(|fault| panic!("{case}: {fault}"));
        let found = answer.checks.iter().find(|check| check.id == *id).and_then(|check| check.failure.as_deref());
        assert_eq!(found, Some(*failure), "{case}");
    }
}

/// Holds `judge` to what it keeps in `details`, word for word: the case, and the JSON.
///
/// # Panics
/// Details differ, or the case cannot be read or gives no answer.
pub fn details<P, I, R>(
    judge: impl Fn(Request<'static, P, I>) -> R,
    folder: impl AsRef<Path>,
    expected: &[(&str, &str)],
) where
    P: Deserialize<'static>,
    I: Deserialize<'static>,
    R: Reply,
{
    for (case, details) in expected {
        let answer = self::case(&judge, &folder, case).unwrap_or_else(|fault| panic!("{case}: {fault}"));
        assert_eq!(answer.details.as_ref().map(|details| details.get()), Some(*details), "{case}");
    }
}

/// Asks `judge` one case of a folder, `NAME.input.json`, for what its other file cannot expect.
///
/// # Errors
/// The gate gives no answer.
///
/// # Panics
/// The case cannot be read.
pub fn case<P, I, R>(
    judge: impl FnOnce(Request<'static, P, I>) -> R,
    folder: impl AsRef<Path>,
    name: &str,
) -> Result<Answer, Fault>
where
    P: Deserialize<'static>,
    I: Deserialize<'static>,
    R: Reply,
{
    ask_file(judge, &folder.as_ref().join(format!("{name}.input.json")).to_string_lossy())
}

/// Asks a probe one case of a folder, for the one piece of evidence that it gives.
///
/// # Panics
/// There is none, or more than one, or the case cannot be read or gives no answer.
pub fn evidence<P, I, R>(
    judge: impl FnOnce(Request<'static, P, I>) -> R,
    folder: impl AsRef<Path>,
    name: &str,
) -> RuntimeEvidence
where
    P: Deserialize<'static>,
    I: Deserialize<'static>,
    R: Reply,
{
    let answer = case(judge, folder, name).unwrap_or_else(|fault| panic!("{name}: {fault}"));
    let [evidence] = answer.evidence.as_slice() else { panic!("{name}: {} pieces of evidence", answer.evidence.len()) };
    evidence.clone()
}

fn ask_file<P, I, R>(judge: impl FnOnce(Request<'static, P, I>) -> R, path: &str) -> Result<Answer, Fault>
where
    P: Deserialize<'static>,
    I: Deserialize<'static>,
    R: Reply,
{
    let Input { params, input, now } = read(path);
    let request = Request::of(R::Part::KIND, params, input);
    ask_request(judge, &Request { now: now.map_or(request.now, Cow::Owned), ..request })
}

fn read<T: for<'a> Deserialize<'a>>(path: &str) -> T {
    let text = fs::read_to_string(path).unwrap_or_else(|error| panic!("{path}: {error}"));
    serde_json::from_str(&text).unwrap_or_else(|error| panic!("{path}: {error}"))
}

fn compare(case: &str, expected: &Expected, outcome: Result<Answer, Fault>) {
    let answer = match outcome {
        Ok(answer) => answer,
        Err(fault) => return assert_eq!(expected.fault.as_deref(), Some("exit-status"), "{case}: {fault}"),
    };
    assert_eq!(expected.verdict, Some(answer.verdict), "{case}: {}", answer.summary);
    if let Some(summary) = &expected.summary {
        assert_eq!(*summary, answer.summary, "{case}");
    }
    if let Some(checks) = &expected.checks {
        let given = answer.checks.iter().map(|check| (check.id.clone(), check.passed)).collect();
        assert_eq!(checks, &given, "{case}");
    }
    if let Some(codes) = &expected.codes {
        let given: Vec<_> = answer.findings.iter().map(|finding| finding.code.clone()).collect();
        assert_eq!(codes, &given, "{case}");
    }
}
