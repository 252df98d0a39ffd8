//! The wrappings that keys travel in: base64, PEM and the length-prefixed fields of OpenSSH.

use base64::{
    Engine as _, alphabet,
    engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig, general_purpose::STANDARD},
};
use zeroize::Zeroizing;

const LENIENT: GeneralPurposeConfig =
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent);
const ANY_STANDARD: GeneralPurpose = GeneralPurpose::new(&alphabet::STANDARD, LENIENT);
const ANY_URL_SAFE: GeneralPurpose = GeneralPurpose::new(&alphabet::URL_SAFE, LENIENT);

/// The bytes that `text` spells in either alphabet of base64, padded or not; nothing if it mixes the alphabets, holds a
/// blank, or leaves bits over.
pub(super) fn from_base64(text: &str) -> Option<Vec<u8>> {
    let engine = if text.contains(['-', '_']) { &ANY_URL_SAFE } else { &ANY_STANDARD };
    engine.decode(text).ok()
}

/// `bytes` in padded base64 of the standard alphabet.
pub(super) fn to_base64(bytes: &[u8]) -> String {
    STANDARD.encode(bytes)
}

/// A PEM document (RFC 7468): its label and what it holds.
pub(super) struct Pem<'a> {
    pub(super) label: &'a str,
    pub(super) bytes: Zeroizing<Vec<u8>>,
}

/// Why a text is no PEM document.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum PemError {
    Malformed,
    Trailing,
}

/// Reads the one PEM document that `text` is; blanks may stand around it, nothing else.
pub(super) fn from_pem(text: &str) -> Result<Pem<'_>, PemError> {
    let rest = text.trim_ascii().strip_prefix("-----BEGIN ").ok_or(PemError::Malformed)?;
    let (label, rest) = rest.split_once("-----").ok_or(PemError::Malformed)?;
    let (body, rest) = rest.split_once("-----END ").ok_or(PemError::Malformed)?;
    let rest = rest.strip_prefix(label).and_then(|rest| rest.strip_prefix("-----")).ok_or(PemError::Malformed)?;
    if !rest.is_empty() {
        return Err(PemError::Trailing);
    }
    let body: Zeroizing<String> = Zeroizing::new(body.split_ascii_whitespace().collect());
    let bytes = Zeroizing::new(STANDARD.decode(body.as_bytes()).map_err(|_| PemError::Malformed)?);
    Ok(Pem { label, bytes })
}

/// `bytes` as a PEM document, lines of 64.
pub(super) fn to_pem(label: &str, bytes: &[u8]) -> Zeroizing<String> {
    let body = Zeroizing::new(to_base64(bytes));
    let mut text = Zeroizing::new(String::with_capacity(body.len() * 2 + label.len() * 2 + 64));
    text.push_str(&format!("-----BEGIN {label}-----\n"));
    let mut rest = body.as_str();
    while !rest.is_empty() {
        let (line, more) = rest.split_at(rest.len().min(64));
        text.push_str(line);
        text.push('\n');
        rest = more;
    }
    text.push_str(&format!("-----END {label}-----\n"));
    text
}

/// Reads the fields of OpenSSH's wire format (RFC 4251, section 5) off the front of a slice.
pub(super) struct Wire<'a>(pub(super) &'a [u8]);

impl<'a> Wire<'a> {
    pub(super) fn take(&mut self, length: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(length)?;
        self.0 = rest;
        Some(taken)
    }

    pub(super) fn number(&mut self) -> Option<u32> {
        let (taken, rest) = self.0.split_first_chunk()?;
        self.0 = rest;
        Some(u32::from_be_bytes(*taken))
    }

    pub(super) fn string(&mut self) -> Option<&'a [u8]> {
        let length = self.number()?;
        self.take(usize::try_from(length).ok()?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base64_is_read_in_both_alphabets_with_and_without_padding_and_never_mixed() {
        for text in ["+/8=", "-_8=", "+/8", "-_8"] {
            assert_eq!(from_base64(text), Some(vec![0xfb, 0xff]), "{text}");
        }
        for text in ["+_8=", "+/9=", "+/8= ", "+\n/8=", "é", "A"] {
            assert_eq!(from_base64(text), None, "{text}");
        }
    }

    #[test]
    fn a_pem_document_reads_back_and_takes_nothing_beside_it() {
        let bytes: Vec<u8> = (0..100).collect();
        let text = to_pem("PUBLIC KEY", &bytes);
        let pem = from_pem(&text).expect("it was just written");
        assert_eq!((pem.label, pem.bytes.as_slice()), ("PUBLIC KEY", bytes.as_slice()));
        let doubled = format!("{}{}", *text, *text);
        assert_eq!(from_pem(&doubled).err(), Some(PemError::Trailing));
        for text in
            ["", "-----BEGIN A-----", "-----BEGIN A-----\nAA==\n-----END B-----", "x-----BEGIN A-----\n-----END A-----"]
        {
            assert_eq!(from_pem(text).err(), Some(PemError::Malformed), "{text}");
        }
    }
}
