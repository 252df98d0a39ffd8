//! A piece as it is written down, in a folder of evidence or in a ledger, and what it is when it is read again.

use std::{borrow::Cow, time::Duration};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{CollectError, Evidence, Keeper, Piece, decode, world::INTERRUPTED};
use crate::{digest::Digest, manifest::Format, text::excerpt};

/// The most of a word or a sentence that is believed of what was written down, in characters.
pub(super) const MAX_TEXT: usize = 2_000;

#[derive(Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Sha256 {
    pub(super) sha256: Digest,
}

#[derive(Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ErrorEntry {
    pub(super) code: String,
    pub(super) message: String,
}

/// All that is known of a piece but its bytes.
#[derive(Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct PieceEntry {
    pub(super) name: String,
    kind: String,
    uri: Option<String>,
    outcome: String,
    format: String,
    digest: Option<Sha256>,
    size_bytes: Option<u64>,
    collected_on: String,
    duration_us: u64,
    error: Option<ErrorEntry>,
}

/// The bytes of a piece, as they were written down.
pub(super) struct Written {
    /// Where they are, for a message.
    pub(super) place: String,
    /// They themselves, or why they are not to be had.
    pub(super) bytes: Result<Vec<u8>, String>,
}

impl PieceEntry {
    pub(super) fn of(piece: &Piece) -> Self {
        let error = piece.result.as_ref().err();
        Self {
            name: piece.name.clone(),
            kind: piece.kind.to_string(),
            uri: piece.uri.clone(),
            outcome: piece.outcome.to_string(),
            format: piece.format.spelled().0.to_owned(),
            digest: piece.seen.map(|(sha256, _)| Sha256 { sha256 }),
            size_bytes: piece.seen.map(|(_, size)| size),
            collected_on: piece.collected_on.to_string(),
            duration_us: u64::try_from(piece.took.as_micros()).unwrap_or(u64::MAX),
            error: error.map(|error| ErrorEntry { code: error.code().to_owned(), message: error.message.clone() }),
        }
    }

    /// The digest of its bytes, where there are any.
    pub(super) fn digest(&self) -> Option<Digest> {
        self.digest.as_ref().map(|digest| digest.sha256)
    }

    /// Why there is no such evidence, where there is none.
    pub(super) fn error_code(&self) -> Option<&str> {
        self.error.as_ref().map(|error| error.code.as_str())
    }

    /// Whether `piece` has the same bytes, and is evidence or not for the same reason.
    pub(super) fn says_the_same(&self, piece: &Piece) -> bool {
        let code = piece.result.as_ref().err().map(CollectError::code);
        (self.digest(), self.error_code()) == (piece.seen.map(|(digest, _)| digest), code)
    }

    /// How its bytes are read, where that is a word of the manifest's.
    pub(super) fn format(&self) -> Option<Format> {
        Format::named(&self.format)
    }

    /// The piece, with the bytes that `read` gives under its format; nothing where the entry does not make sense.
    pub(super) fn piece(&self, keeper: Option<&dyn Keeper>, read: impl Fn(Format) -> Written) -> Option<Piece> {
        let (format, collected_on) = (self.format()?, self.collected_on.parse::<Timestamp>().ok()?);
        let word = |text: &str| Cow::Owned(excerpt(text, 40));
        Some(Piece {
            name: self.name.clone(),
            kind: word(&self.kind),
            uri: self.uri.as_ref().map(|uri| excerpt(uri, MAX_TEXT)),
            outcome: word(&self.outcome),
            format,
            collected_on,
            took: Duration::from_micros(self.duration_us),
            seen: self.digest().map(|digest| (digest, self.size_bytes.unwrap_or_default())),
            result: self.evidence(format, keeper, read),
        })
    }

    fn evidence(
        &self,
        format: Format,
        keeper: Option<&dyn Keeper>,
        read: impl Fn(Format) -> Written,
    ) -> Result<Evidence, CollectError> {
        let Some(recorded) = &self.error else { return self.whole(format, keeper, read(format)) };
        // What was seen of a source that did not complete; one that saw nothing has no digest.
        let is_seen = self.digest.is_some() && self.outcome != INTERRUPTED;
        let document = is_seen.then(|| self.whole(format, keeper, read(format)).ok()).flatten();
        Err(CollectError {
            name: self.name.clone(),
            code: Cow::Owned(excerpt(&recorded.code, 60)),
            message: excerpt(&recorded.message, MAX_TEXT),
            document: document.map(|evidence| evidence.json),
        })
    }

    /// The bytes of a piece, which are what was written down.
    fn whole(&self, format: Format, keeper: Option<&dyn Keeper>, written: Written) -> Result<Evidence, CollectError> {
        let failed = |code: &'static str, message: String| error(&self.name, code, message);
        let Written { place, bytes } = written;
        let bytes = bytes.map_err(|reason| failed("evidence-unreadable", reason))?;
        let (digest, size) = (Digest::of(&bytes), bytes.len() as u64);
        if self.digest() != Some(digest) {
            return Err(failed("evidence-changed", format!("{place} is not what was recorded")));
        }
        if let Some(keeper) = keeper {
            keeper.keep(&self.name, format, &bytes);
        }
        let json = decode::decode(bytes, format).map_err(|error| failed(error.code(), format!("{place} {error}")))?;
        Ok(Evidence { name: self.name.clone(), digest, size, json })
    }
}

/// A piece that was not written down where it should have been.
pub(super) fn not_recorded(name: &str, kind: &'static str, message: String) -> Piece {
    Piece {
        name: name.to_owned(),
        kind: Cow::Borrowed(kind),
        uri: None,
        outcome: Cow::Borrowed("failed"),
        format: Format::Json,
        collected_on: Timestamp::UNIX_EPOCH,
        took: Duration::ZERO,
        seen: None,
        result: Err(error(name, "evidence-not-recorded", message)),
    }
}

fn error(name: &str, code: &'static str, message: String) -> CollectError {
    CollectError { name: name.to_owned(), code: Cow::Borrowed(code), message, document: None }
}
