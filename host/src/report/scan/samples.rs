//! A scan with every case in it.

use portcullis_sdk::{Finding, Severity};

use crate::{
    digest::Digest,
    findings::{BaselineState, Fingerprints, Found, Phase, Scan, Scanned, Suppressed},
    judge::ResultCode,
};

/// Hostile in every way that a path can be.
const PATH: &str = "flows/\u{1b}[31m|<img src=x> `ä`:%#?&\u{202e}\n.aether";
/// Hostile in every way that a message can be.
const MESSAGE: &str = "{0} [click](https://evil.example) | **x** @all \u{1b}]0;owned\u{7}\r\n##[add-mask]e}";

fn found(code: ResultCode, severity: Severity, path: &str, line: Option<u32>, message: &str) -> Found {
    let finding = Finding {
        code: code.name().to_owned(),
        number: Some(code.number()),
        severity,
        message: message.to_owned(),
        path: Some(path.to_owned()),
        line,
        pointer: None,
        fix: None,
    };
    let fingerprints = Fingerprints::of(&finding, path, Some("as it stands"));
    Found { finding, fingerprints, state: None, suppressed: None }
}

fn error(code: ResultCode, path: &str, line: u32, message: &str) -> Found {
    found(code, Severity::Error, path, Some(line), message)
}

/// A file that a validator looked at, and whose first finding gave its code.
fn judged(path: &str, findings: Vec<Found>) -> (String, Scanned) {
    let mut file = Scanned::CLEAN;
    if let Some(first) = findings.first().filter(|found| found.finding.severity == Severity::Error) {
        file.code = ResultCode::named(&first.finding.code).expect("a code");
        file.message = first.finding.message.clone();
        file.line = first.finding.line;
        file.fingerprint = Some(first.fingerprints.v1);
        file.suppressed = first.suppressed.is_some();
    }
    file.findings = findings;
    (path.to_owned(), file)
}

/// A file that nobody looked at.
fn unseen(path: &str, phase: Phase, code: ResultCode, message: &str) -> (String, Scanned) {
    let (path, file) = judged(path, vec![found(code, Severity::Error, path, None, message)]);
    (path, Scanned { phase, ..file })
}

/// A file of which the validator says that it fails, and not where.
fn refused(path: &str, message: &str) -> (String, Scanned) {
    let file = Scanned { code: ResultCode::GenericFailure, message: message.to_owned(), ..Scanned::CLEAN };
    (path.to_owned(), file)
}

pub(super) fn scanned(files: impl IntoIterator<Item = (String, Scanned)>) -> Scan {
    Scan {
        timestamp: "2026-01-10T00:00:00Z".parse().expect("a time"),
        module: "aether-workflow 1.0.0".to_owned(),
        content: Digest::of(b"aether-workflow"),
        publisher: Some("workflow-team".to_owned()),
        files: files.into_iter().collect(),
    }
}

/// Every case once, with hostile words in it.
pub(super) fn scan() -> Scan {
    scanned(files())
}

/// Its files.
pub(super) fn files() -> Vec<(String, Scanned)> {
    use ResultCode::{InternalError, IoError, ParseError, TimeoutError, ValidationError};
    let message = "Parse error (assignment) line 3: : x";
    let mut parse = error(ParseError, "flows/b.aether", 3, message);
    parse.state = Some(BaselineState::New);
    parse.finding.fix = Some("write a name before the colon".to_owned());
    let mut call = error(ValidationError, "flows/b.aether", 9, "unknown function 'launch'");
    call.state = Some(BaselineState::Unchanged);
    call.finding.fix = Some("name a built-in, such as run_plugin".to_owned());
    let mut legacy = found(ValidationError, Severity::Note, "flows/b.aether", Some(1), "`intent:` is now `goal:`");
    legacy.finding.code = "legacy-intent".to_owned();
    legacy.finding.number = None;
    let mut known = error(ValidationError, "flows/c.aether", 12, "unknown function 'quantum_leap'");
    known.suppressed = Some(Suppressed {
        reason: "waits for the plugin".to_owned(),
        owner: Some("lyra".to_owned()),
        expires: Some("2026-03-01".to_owned()),
    });
    let mut variable = found(ValidationError, Severity::Warning, "flows/f.aether", None, "unknown variable 'mood'");
    variable.finding.pointer = Some("/steps/0".to_owned());
    vec![
        judged("flows/a.aether", vec![]),
        judged("flows/b.aether", vec![parse, call, legacy]),
        judged("flows/c.aether", vec![known]),
        unseen("flows/d.aether", Phase::Read, IoError, "`flows/d.aether` is larger than 67108864 bytes"),
        unseen("flows/e.aether", Phase::Execute, InternalError, "the guest trapped: unreachable"),
        judged("flows/f.aether", vec![error(ValidationError, "flows/f.aether", 2, "unknown function 'x'"), variable]),
        unseen("flows/g.aether", Phase::Execute, TimeoutError, "reached a limit, fuel: used 50, allowed 50 units"),
        refused("flows/h.aether", "2 calls are too deep"),
        judged(PATH, vec![error(ParseError, PATH, 1, MESSAGE)]),
    ]
}

/// What is written, as text.
pub(super) fn text(write: impl FnOnce(&mut Vec<u8>) -> std::io::Result<()>) -> String {
    let mut out = Vec::new();
    write(&mut out).expect("memory takes it");
    String::from_utf8(out).expect("UTF-8")
}

/// So many files without a finding, and so many that fail.
pub(super) fn many(right: usize, failing: usize) -> Scan {
    let fails = |index: usize| {
        let path = format!("failing/{index:05}.aether");
        judged(&path, vec![error(ResultCode::ParseError, &path, 7, "Unbalanced parentheses line 7: f((x)")])
    };
    let right = (0..right).map(|index| (format!("right/{index:05}.aether"), Scanned::CLEAN));
    scanned(right.chain((0..failing).map(fails)))
}
