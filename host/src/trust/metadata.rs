//! What a module says of itself, in the section `portcullis.gate` within its signed bytes.

use portcullis_sdk::{Metadata, PROTOCOL};
use semver::Version;

use super::strict_json::{self, JsonError};

/// The section's name.
pub(super) const SECTION: &str = Metadata::SECTION;
/// Bytes of the section: four short members.
const MAX_LENGTH: usize = 4096;

/// Why a module's own words about itself are not taken.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MetadataError {
    /// There is more than one section.
    #[error("there is more than one section `{SECTION}`")]
    Doubled,
    /// The section is larger than any honest one.
    #[error("the section `{SECTION}` is larger than {MAX_LENGTH} bytes")]
    TooLarge,
    /// It is not the JSON document that it should be.
    #[error("the section `{SECTION}` does not read: {0}")]
    Json(String),
    /// The name is not one.
    #[error("the module's name is not [a-z0-9][a-z0-9._-]{{0,63}}")]
    Name,
    /// The version is not one.
    #[error("the module's version is not semver")]
    Version,
    /// It speaks another protocol.
    #[error("the module speaks gate protocol {0}, and this host {PROTOCOL}")]
    Protocol(u32),
}

impl MetadataError {
    /// The stable code.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Protocol(_) => "protocol-version",
            _ => "metadata-malformed",
        }
    }
}

/// Whether `name` is one that a module or a publisher may have: plain, short, and the same to every reader.
#[must_use]
pub fn is_name(name: &str) -> bool {
    let (first, rest) = name.as_bytes().split_first().map_or((b' ', &[][..]), |(first, rest)| (*first, rest));
    let is_plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    is_plain(first) && rest.len() <= 63 && rest.iter().all(|byte| is_plain(*byte) || b"._-".contains(byte))
}

/// Reads the metadata of a module from the sections that hold it: `None` if there is none.
pub(super) fn read(sections: &[&[u8]]) -> Result<Option<Metadata>, MetadataError> {
    let section = match sections {
        [] => return Ok(None),
        [section] => section,
        _ => return Err(MetadataError::Doubled),
    };
    if section.len() > MAX_LENGTH {
        return Err(MetadataError::TooLarge);
    }
    let metadata: Metadata = strict_json::read(section).map_err(|error| match error {
        JsonError::DuplicateKey(key) => MetadataError::Json(format!("the key `{key}` stands twice")),
        JsonError::Invalid(message) => MetadataError::Json(message),
    })?;
    if !is_name(&metadata.name) {
        return Err(MetadataError::Name);
    }
    if Version::parse(&metadata.version).is_err() {
        return Err(MetadataError::Version);
    }
    if metadata.protocol != PROTOCOL {
        return Err(MetadataError::Protocol(metadata.protocol));
    }
    Ok(Some(metadata))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn check(text: &str, expect: Result<(), &str>) {
        let found = read(&[text.as_bytes()]);
        assert_eq!(found.as_ref().map(|_| ()).map_err(MetadataError::code), expect, "{text}: {found:?}");
    }

    #[test]
    fn metadata_is_read_strictly() {
        check(r#"{"protocol":1,"name":"lint-gate","version":"1.2.3-rc.1","kind":"validator"}"#, Ok(()));
        check(r#"{"protocol":2,"name":"lint-gate","version":"1.2.3","kind":"gate"}"#, Err("protocol-version"));
        for text in [
            "",
            "{}",
            r#"{"protocol":1,"name":"a","version":"1.2.3","kind":"gate","publisher":"acme"}"#,
            r#"{"protocol":1,"name":"a","name":"b","version":"1.2.3","kind":"gate"}"#,
            r#"{"protocol":1,"name":"a","version":"1.2","kind":"gate"}"#,
            r#"{"protocol":1,"name":"a","version":"1.2.3","kind":"Gate"}"#,
            r#"{"protocol":1.0,"name":"a","version":"1.2.3","kind":"gate"}"#,
            r#"{"protocol":1,"name":"A","version":"1.2.3","kind":"gate"}"#,
            r#"{"protocol":1,"name":"a","version":"1.2.3","kind":"gate"} "#.trim_end().replace('}', "}x").as_str(),
        ] {
            check(text, Err("metadata-malformed"));
        }
        let good = br#"{"protocol":1,"name":"a","version":"1.2.3","kind":"gate"}"#;
        assert_eq!(read(&[good, good]), Err(MetadataError::Doubled));
        assert_eq!(read(&[&[b' '; MAX_LENGTH + 1]]), Err(MetadataError::TooLarge));
        assert_eq!(read(&[]), Ok(None));
    }

    #[test]
    fn a_name_is_plain_and_short() {
        for name in ["a", "0", "lint-gate", "a.b_c-d", "a..b", &"a".repeat(64)] {
            assert!(is_name(name), "{name}");
        }
        for name in
            ["", "-a", ".", "..", "_a", "A", "é", "а", "a b", "a/b", "a\0", "a\u{202e}b", "a\n", &"a".repeat(65)]
        {
            assert!(!is_name(name), "{name:?}");
        }
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_or_refused_without_a_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            let _ = read(&[&bytes]);
        }
    }
}
