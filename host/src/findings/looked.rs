//! What looking at one file came to: what the validator said, and what the host makes of it.

use jiff::civil::Date;
use portcullis_sdk::{Finding, Severity, Verdict};

use super::{
    BaselineState, Fingerprints, Found, Phase, Scanned,
    baseline::Known,
    is_internal,
    suppressions::{Suppressions, Used},
};
use crate::{
    digest::Digest,
    judge::{Cause, Fault, Judgement, Outcome, ResultCode, Usage},
    limits::{Exceeded, Limit},
    manifest::FailOn,
};

/// What findings are held against.
#[derive(Clone, Copy, Debug)]
pub struct Rules<'a> {
    /// What is let pass, where anything is.
    pub suppressions: Option<&'a Suppressions>,
    /// What was there before, where that is known.
    pub known: Option<&'a Known>,
    /// Which findings decide.
    pub fail_on: FailOn,
    /// The day, for suppressions.
    pub today: Date,
}

/// A file that was read.
#[derive(Clone, Debug)]
pub struct Document {
    /// The digest of its bytes, where anybody wants to know it.
    pub digest: Option<Digest>,
    /// How many bytes.
    pub size: u64,
    /// Its text, with U+FFFD in the place of what is not UTF-8.
    pub text: String,
    /// Where it stops being UTF-8, as an index of its bytes.
    pub broken_at: Option<usize>,
}

impl Document {
    /// The document that `bytes` are.
    #[must_use]
    pub fn of(digest: impl Into<Option<Digest>>, bytes: Vec<u8>) -> Self {
        let digest = digest.into();
        let size = bytes.len() as u64;
        match String::from_utf8(bytes) {
            Ok(text) => Self { digest, size, text, broken_at: None },
            Err(error) => {
                let broken_at = Some(error.utf8_error().valid_up_to());
                Self { digest, size, text: String::from_utf8_lossy(error.as_bytes()).into_owned(), broken_at }
            }
        }
    }

    /// What the host itself finds: bytes that are no text. The rest is looked at all the same.
    fn broken(&self) -> Option<Finding> {
        let at = self.broken_at?;
        let before = self.text.get(..at).unwrap_or_default();
        let line = u32::try_from(before.matches('\n').count() + 1).unwrap_or(u32::MAX);
        let message = format!("the file is not UTF-8 at byte {at}");
        let code = ResultCode::IoError;
        let fix = "save it as UTF-8; the rest was read with U+FFFD in the place of what is not";
        Some(Finding::error(code.name(), message).numbered(code.number()).on_line(line).fix(fix))
    }
}

/// What looking at one file came to.
#[derive(Clone, Debug)]
pub struct Looked {
    /// What the validator gave, without its findings.
    pub judgement: Judgement,
    /// Everything that was found, in the order of the validator.
    pub findings: Vec<Found>,
    /// The digest and the size of the file, where it could be read and anybody wants to know them.
    pub seen: Option<(Digest, u64)>,
}

impl Looked {
    /// What became of the file at `path`, held against `rules`; suppressions that match are counted in `used`.
    #[must_use]
    pub fn at(path: &str, document: &Document, judgement: Judgement, rules: &Rules<'_>, used: &mut Used) -> Self {
        let (mut judgement, broken) = (judgement, document.broken());
        let said = match &mut judgement.outcome {
            Outcome::Answered(answer) => std::mem::take(&mut answer.findings),
            Outcome::Fault(fault) => vec![told(fault)],
        };
        let lines = Lines::of(&document.text, !said.is_empty() || broken.is_some());
        let known = |finding: Finding| {
            let finding = Finding { path: Some(path.to_owned()), ..finding };
            let content = finding.line.and_then(|line| lines.get(line));
            let fingerprints = Fingerprints::of(&finding, path, content);
            let state = rules.known.map(|known| known.state_of(&fingerprints, path));
            Found { finding, fingerprints, state, suppressed: None }
        };
        let mut findings: Vec<Found> = broken.into_iter().chain(said).map(known).collect();
        // A fault is never a verdict, so nobody can let it pass.
        if let (Some(suppressions), Outcome::Answered(_)) = (rules.suppressions, &judgement.outcome) {
            suppressions.apply(&mut findings, rules.today, used);
        }
        Self { judgement, findings, seen: document.digest.map(|digest| (digest, document.size)) }
    }

    /// A file that nobody looked at.
    #[must_use]
    pub fn unread(path: &str, fault: Fault) -> Self {
        let finding = Finding { path: Some(path.to_owned()), ..told(&fault) };
        let judgement = Judgement { outcome: Outcome::Fault(fault), usage: Usage::default(), notes: String::new() };
        Self { judgement, findings: vec![finding.into()], seen: None }
    }

    /// The fault, where the validator gave no verdict.
    #[must_use]
    pub fn fault(&self) -> Option<&Fault> {
        match &self.judgement.outcome {
            Outcome::Fault(fault) => Some(fault),
            Outcome::Answered(_) => None,
        }
    }

    /// Whether the file fails by what decides under `fail_on`; a fault is no fail.
    #[must_use]
    pub fn fails(&self, fail_on: FailOn) -> bool {
        self.fault().is_none() && (self.decides_alone() || self.findings.iter().any(|found| decides(found, fail_on)))
    }

    /// Whether the validator says fail for a reason that is no finding, which nobody can suppress.
    fn decides_alone(&self) -> bool {
        let Outcome::Answered(answer) = &self.judgement.outcome else { return false };
        // A validator cannot ask for a review; taking one as anything but a fail would let it through.
        let failed = matches!(answer.verdict, Verdict::Fail | Verdict::Review);
        let broken = answer.checks.iter().any(|check| !check.passed) || !answer.violations.is_empty();
        failed && (broken || !self.findings.iter().any(|found| found.severity == Severity::Error))
    }

    /// What the file came to, as a scan tells it.
    #[must_use]
    pub fn scanned(self) -> Scanned {
        let phase = match self.fault().map(|fault| fault.cause) {
            None => Phase::Parse,
            Some(Cause::Evidence | Cause::Limit(Exceeded { limit: Limit::Input, .. })) => Phase::Read,
            Some(_) => Phase::Execute,
        };
        let suppressed = |found: &&Found| found.suppressed.is_some() && found.severity == Severity::Error;
        let deciding = first(self.findings.iter().filter(|found| decides(found, FailOn::Any)));
        let alone = self.decides_alone();
        let quiet = deciding.is_none() && !alone;
        let told = match self.fault() {
            // It stands behind what the host found of the bytes.
            Some(_) => self.findings.last(),
            None if quiet => first(self.findings.iter().filter(suppressed)),
            None => deciding,
        };
        let code = match told {
            Some(found) => code_of(found),
            None if alone => ResultCode::GenericFailure,
            None => ResultCode::Success,
        };
        let summary = || match &self.judgement.outcome {
            Outcome::Answered(answer) if alone => answer.summary.clone(),
            _ => String::new(),
        };
        Scanned {
            code,
            phase,
            message: told.map_or_else(summary, |found| found.message.clone()),
            line: told.and_then(|found| found.line),
            fingerprint: told.map(|found| found.fingerprints.v1),
            suppressed: quiet && told.is_some(),
            findings: self.findings,
        }
    }
}

/// Whether a finding decides.
#[must_use]
pub(crate) fn decides(found: &Found, fail_on: FailOn) -> bool {
    let counts = match fail_on {
        FailOn::Any => true,
        // That the tool failed is news however often it did before.
        FailOn::New => found.state != Some(BaselineState::Unchanged) || is_internal(&found.finding),
    };
    found.severity == Severity::Error && found.suppressed.is_none() && counts
}

/// What gives a file its status: the first parse error, else the first validation error, else the first at all.
fn first<'a>(errors: impl Iterator<Item = &'a Found> + Clone) -> Option<&'a Found> {
    let of = |code: ResultCode| errors.clone().find(|found| found.code == code.name());
    of(ResultCode::ParseError).or_else(|| of(ResultCode::ValidationError)).or_else(|| errors.clone().next())
}

fn code_of(found: &Found) -> ResultCode {
    ResultCode::named(&found.code).filter(|code| *code != ResultCode::Success).unwrap_or(ResultCode::GenericFailure)
}

/// A fault on a file as a finding, so that it is seen also where another file decides.
fn told(fault: &Fault) -> Finding {
    let code = fault.cause.result_code();
    Finding::error(code.name(), format!("{}: {}", fault.cause.code(), fault.message)).numbered(code.number())
}

/// The lines of a text by their numbers, for as many findings as there are.
struct Lines<'t>(Vec<&'t str>);

impl<'t> Lines<'t> {
    /// Cut only where `wanted`: most files have no findings.
    fn of(text: &'t str, wanted: bool) -> Self {
        Self(if wanted { text.lines().collect() } else { Vec::new() })
    }

    /// The line of that number, counted from 1.
    fn get(&self, number: u32) -> Option<&'t str> {
        self.0.get(usize::try_from(number).ok()?.checked_sub(1)?).copied()
    }
}

#[cfg(test)]
mod tests;
