//! What the commands about roots and lists share: reading what stands in an envelope or alone, signing it, and the answer
//! whether it is taken.

use std::{
    path::{Path, PathBuf},
    str::FromStr,
    time::Duration,
};

use jiff::Timestamp;
use portcullis::{
    diagnostic::Diagnostic,
    files::{FileError, read_capped, shown, write_whole},
    intake::{CAP, trust_unreadable},
    trust::{DocumentError, Envelope, KeyId, Role, Time, TrustFile, TrustRoot},
    units,
};
use serde::Serialize;

use super::{Exit, Failure, Outcome, modules::read_private_key, term, trust_files::parse_trust};

/// Whose word counts on a list, as flags.
#[derive(clap::Args, Clone)]
pub(crate) struct RootFlags {
    /// The trust root: a signed root, or its bare payload
    #[arg(long, value_name = "ROOT.json", conflicts_with = "trust")]
    root: Option<PathBuf>,
    /// The trust file, whose rules on age and version count too
    #[arg(long, value_name = "TRUST.toml")]
    trust: Option<PathBuf>,
}

impl RootFlags {
    /// The trust file, if one was named. One that is not there is misuse; one that is not to be trusted refuses.
    pub(crate) fn read(&self, now: Timestamp) -> Result<Option<TrustFile>, Failure> {
        let Some(path) = self.root.as_deref().or(self.trust.as_deref()) else { return Ok(None) };
        read_root(path, now).map(Some)
    }

    /// The same, where one has to be named.
    pub(crate) fn need(&self, now: Timestamp) -> Result<TrustFile, Failure> {
        self.read(now)?.ok_or_else(|| {
            let problem = Diagnostic::new("nothing-to-trust", "nothing says whose revocations count");
            Failure::usage(problem.help("give --root ROOT.json or --trust trust.toml"))
        })
    }
}

/// A trust file or root that a command names.
pub(crate) fn read_root(path: &Path, now: Timestamp) -> Result<TrustFile, Failure> {
    let bytes = read_capped(path, CAP).map_err(|error| match error {
        FileError::Missing(_) | FileError::NotAFile(_) => error.into(),
        error => trust_unreadable(&error),
    })?;
    parse_trust(path, &bytes, now)
}

/// A document's payload, with the envelope that it stands in if it stands in one.
pub(crate) struct Document {
    pub(crate) payload: Vec<u8>,
    pub(crate) envelope: Option<Envelope>,
}

impl Document {
    /// Reads an envelope around a payload of `payload_type`, or a payload alone.
    pub(crate) fn read(path: &Path, payload_type: &str) -> Result<Self, Failure> {
        let bytes = read_capped(path, CAP)?;
        if !Envelope::is_one(&bytes) {
            return Ok(Self { payload: bytes, envelope: None });
        }
        let envelope = Envelope::parse(&bytes).map_err(|error| malformed(path, &error))?;
        if envelope.payload_type() != payload_type {
            let error = DocumentError::PayloadType(portcullis::text::excerpt(envelope.payload_type(), 100));
            return Err(malformed(path, &error));
        }
        Ok(Self { payload: envelope.payload().to_vec(), envelope: Some(envelope) })
    }
}

/// A document that the user named and that is none.
pub(crate) fn malformed(path: &Path, error: &DocumentError) -> Failure {
    Failure::usage(Diagnostic::new(error.code(), error.to_string()).at(shown(path)).help(error.help()))
}

/// Signs with every key; the same key twice is a mistake.
pub(crate) fn sign_with(envelope: &mut Envelope, keys: &[PathBuf]) -> Result<Vec<KeyId>, Failure> {
    let mut signed = Vec::with_capacity(keys.len());
    for path in keys {
        let key = read_private_key(path)?;
        if !envelope.sign(&key) {
            let problem = Diagnostic::new("already-signed", "the document is signed by this key already");
            return Err(Failure::usage(problem.at(shown(path)).help("another key adds a signature")));
        }
        signed.push(key.public().id());
    }
    Ok(signed)
}

/// Puts a document where it belongs.
pub(crate) fn write_document(path: &Path, text: &str) -> Result<(), Failure> {
    Ok(write_whole(path, text.as_bytes(), 0o644)?)
}

/// How many distinct keys of a role signed.
pub(crate) fn signed_for(envelope: &Envelope, root: &TrustRoot, role: Option<&Role>) -> (usize, usize) {
    let Some(role) = role else { return (0, 1) };
    let keys = role.keys.iter().filter_map(|id| root.key(id)).map(|(key, _)| key);
    (envelope.signers(keys).len(), role.threshold)
}

/// How long a new document is valid.
#[derive(clap::Args, Clone)]
pub(crate) struct Validity {
    /// As of when, RFC 3339 [default: now]
    #[arg(long, value_name = "TIME")]
    pub(crate) now: Option<Timestamp>,
    /// When its time is over, RFC 3339
    #[arg(long, value_name = "TIME", conflicts_with = "valid")]
    expires: Option<Timestamp>,
    /// How long it is valid from now, such as 14d
    #[arg(long, value_name = "DURATION", value_parser = units::duration)]
    valid: Option<Duration>,
}

impl Validity {
    /// When the document is issued, and when its time is over: `usual` days later unless the user says otherwise.
    pub(crate) fn span(&self, usual: u64) -> Result<(Time, Time), Failure> {
        let now = super::host::now(self.now);
        let usual = || Duration::from_secs(usual * 86_400);
        let end = self.expires.map_or_else(|| Expiry::After(self.valid.unwrap_or_else(usual)), Expiry::At);
        Ok((Time(now), Time(end.of(now)?)))
    }
}

/// When the time of something that is signed is over.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Expiry {
    At(Timestamp),
    After(Duration),
}

impl FromStr for Expiry {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let at = text.parse().map(Self::At);
        let after = || units::duration(text).map(Self::After);
        at.or_else(|_| after()).map_err(|_| "it is a time, RFC 3339, or a duration such as 14d".to_owned())
    }
}

impl Expiry {
    /// The time for what is issued `now`, which is later than that.
    pub(crate) fn of(self, now: Timestamp) -> Result<Timestamp, Failure> {
        let end = match self {
            Self::At(at) => at,
            Self::After(duration) => now.checked_add(duration).map_err(|error| {
                Failure::usage(Diagnostic::new("no-such-time", format!("its time would end past all time: {error}")))
            })?,
        };
        if end <= now {
            return Err(Failure::usage(Diagnostic::new("expires-first", "it would expire before it is issued")));
        }
        Ok(end)
    }
}

/// Whether a document is taken: on stdout as JSON, or for people, with the status that CI lives by.
pub(crate) struct Answer {
    pub(crate) json: bool,
    pub(crate) place: String,
}

#[derive(Serialize)]
struct Refused<'a> {
    accepted: bool,
    code: &'a str,
    message: &'a str,
}

impl Answer {
    pub(crate) fn new(json: bool, path: &Path) -> Self {
        Self { json, place: shown(path) }
    }

    pub(crate) fn accept(&self, facts: &impl Serialize, text: &str) -> Outcome {
        if self.json {
            #[derive(Serialize)]
            struct Accepted<'a, T> {
                accepted: bool,
                #[serde(flatten)]
                facts: &'a T,
            }
            term::out_json_line(&Accepted { accepted: true, facts })?;
        } else {
            term::out_line(text)?;
        }
        Ok(Exit::Ok)
    }

    pub(crate) fn refuse(&self, error: &DocumentError) -> Outcome {
        self.problem(Diagnostic::new(error.code(), error.to_string()).at(self.place.clone()).help(error.help()))
    }

    pub(crate) fn problem(&self, problem: Diagnostic) -> Outcome {
        if self.json {
            term::out_json_line(&Refused { accepted: false, code: problem.code, message: &problem.message })?;
            return Ok(Exit::Refused);
        }
        Err(Failure::new(Exit::Refused, problem))
    }

    /// A document that the machine does not give.
    pub(crate) fn unreadable(&self, error: &FileError) -> Outcome {
        let problem = Diagnostic::new("missing", error.to_string()).at(self.place.clone());
        self.problem(problem.help("fetch the document to the path that was named"))
    }

    /// Hands on what kept a root from being read: misuse as misuse, a root that is not to be trusted as the answer.
    pub(crate) fn unrooted(&self, failure: Failure) -> Outcome {
        match failure.problems.first() {
            Some(problem) if failure.exit == Exit::Refused && self.json => self.problem(problem.clone()),
            _ => Err(failure),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_that_is_over_comes_after_the_one_that_it_begins_at() {
        let now: Timestamp = "2026-01-10T00:00:00Z".parse().expect("a time");
        for (text, expect) in [
            ("2026-01-11T00:00:00Z", Ok("2026-01-11T00:00:00Z")),
            ("2026-01-10T02:00:01+02:00", Ok("2026-01-10T00:00:01Z")),
            ("14d", Ok("2026-01-24T00:00:00Z")),
            ("2026-01-10T00:00:00Z", Err("expires-first")),
            ("2025-01-10T00:00:00Z", Err("expires-first")),
            ("9999999d", Err("no-such-time")),
        ] {
            let expiry: Expiry = text.parse().expect(text);
            let end = expiry.of(now).map(|end| end.to_string());
            let code = |failure: &Failure| failure.problems.first().map_or("", |problem| problem.code);
            assert_eq!(end.as_deref().map_err(code), expect, "{text}");
        }
        for text in ["", "tomorrow", "14", "2026-01-10", "-1d"] {
            assert!(text.parse::<Expiry>().is_err(), "{text}");
        }
    }
}
