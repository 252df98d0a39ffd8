//! Public keys: Ed25519, refused when they are loaded unless they are what an honest key pair gives.

use std::{fmt, str::FromStr};

use ed25519_dalek::{Signature, VerifyingKey};
use hmac::{Hmac, KeyInit as _, Mac as _};
use serde::{Deserialize, Serialize};
use sha2::Sha256;

use super::armor::{self, PemError, Wire};
use crate::digest::{Digest, NotADigest};

/// What stands before the 32 bytes of an Ed25519 key in its SPKI DER (RFC 8410).
const SPKI_PREFIX: [u8; 12] = [0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0x00];
const SSH_TYPE: &str = "ssh-ed25519";

/// Why a text or its bytes are not a key that this host takes.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    /// It has none of the forms in which a key is written.
    #[error("this is no key in a form that is read here")]
    Unreadable,
    /// It is a key of another type.
    #[error("this is not an Ed25519 key")]
    Type,
    /// Something stands behind the key.
    #[error("something stands behind the key")]
    Trailing,
    /// A private key stands where a public one belongs.
    #[error("this is a private key, and a public one is asked for")]
    Private,
    /// A public key stands where a private one belongs.
    #[error("this is a public key, and a private one is asked for")]
    Public,
    /// The 32 bytes are no point of the curve.
    #[error("the key is no point of the curve")]
    NotAPoint,
    /// The point is written in another way than the one way.
    #[error("the key is not encoded canonically")]
    NotCanonical,
    /// The point is of small order: signatures by it hold for almost any message.
    #[error("the key is of small order")]
    SmallOrder,
    /// The point has a part of small order, which no honest key pair has.
    #[error("the key is of mixed order")]
    MixedOrder,
    /// The public half of a private key is not its own.
    #[error("the halves of the private key do not match")]
    Mismatch,
    /// The private key is encrypted and no passphrase was given.
    #[error("the private key needs a passphrase")]
    PassphraseNeeded,
    /// The passphrase does not open the private key.
    #[error("the passphrase does not open the private key")]
    PassphraseWrong,
    /// The private key is encrypted in a way that is not read here.
    #[error("the private key is encrypted with something other than PKCS#8 scrypt and AES")]
    Encryption,
    /// Opening the private key would take more work or memory than is sane.
    #[error("the private key asks for more scrypt work than is allowed")]
    Cost,
}

impl KeyError {
    /// The stable code.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Unreadable => "key-unreadable",
            Self::Type => "key-type",
            Self::Trailing => "key-trailing-data",
            Self::Private => "key-is-private",
            Self::Public => "key-is-public",
            Self::NotAPoint => "key-not-a-point",
            Self::NotCanonical => "key-not-canonical",
            Self::SmallOrder => "key-small-order",
            Self::MixedOrder => "key-mixed-order",
            Self::Mismatch => "key-mismatch",
            Self::PassphraseNeeded => "key-passphrase-needed",
            Self::PassphraseWrong => "key-passphrase-wrong",
            Self::Encryption => "key-encryption",
            Self::Cost => "key-cost",
        }
    }

    /// What to do about it.
    #[must_use]
    pub fn help(&self) -> &'static str {
        match self {
            Self::Unreadable | Self::Trailing => {
                "a public key is SPKI PEM, one `ssh-ed25519` line or `ed25519:BASE64`; a private key is PKCS#8 PEM"
            }
            Self::Private => "give the public half; `portcullis key show` prints it",
            Self::Public => "give the private half, the file that `portcullis key new` wrote",
            Self::PassphraseNeeded | Self::PassphraseWrong => "give the passphrase that the key was made with",
            Self::Encryption | Self::Cost => {
                "write it again with `openssl pkcs8 -topk8 -scrypt`, or make another with `portcullis key new`"
            }
            _ => "make an Ed25519 key with `portcullis key new`",
        }
    }
}

impl From<PemError> for KeyError {
    fn from(error: PemError) -> Self {
        match error {
            PemError::Malformed => Self::Unreadable,
            PemError::Trailing => Self::Trailing,
        }
    }
}

/// A key's full name: SHA-256 of its SPKI DER, in hex.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct KeyId(pub Digest);

impl KeyId {
    /// The first 12 hex digits: enough for people.
    #[must_use]
    pub fn short(&self) -> String {
        self.0.short()
    }
}

impl fmt::Display for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl FromStr for KeyId {
    type Err = NotADigest;

    fn from_str(text: &str) -> Result<Self, NotADigest> {
        text.parse().map(Self)
    }
}

/// An Ed25519 public key. Holding one is proof that it was checked: a point of the prime-order group, encoded canonically.
#[derive(Clone, PartialEq, Eq)]
pub struct PublicKey {
    key: VerifyingKey,
    id: KeyId,
    hint: [u8; Self::HINT_LENGTH],
}

impl PublicKey {
    /// Bytes of the hint that names a key in a module's signature.
    pub const HINT_LENGTH: usize = 12;

    /// The key whose encoding is `bytes`.
    ///
    /// # Errors
    /// When the bytes are no point, are not its canonical encoding, or the point has a part of small order.
    pub fn from_bytes(bytes: &[u8; 32]) -> Result<Self, KeyError> {
        let key = VerifyingKey::from_bytes(bytes).map_err(|_| KeyError::NotAPoint)?;
        let point = key.to_edwards();
        if point.compress().as_bytes() != bytes {
            return Err(KeyError::NotCanonical);
        }
        if key.is_weak() {
            return Err(KeyError::SmallOrder);
        }
        if !point.is_torsion_free() {
            return Err(KeyError::MixedOrder);
        }
        Ok(Self::of(key))
    }

    /// The public half of a key pair; it needs no check, as it was computed here.
    pub(super) fn of(key: VerifyingKey) -> Self {
        let id = KeyId(Digest::of(&[SPKI_PREFIX.as_slice(), key.as_bytes()].concat()));
        Self { hint: hint(key.as_bytes()), id, key }
    }

    /// Reads SPKI PEM, one `ssh-ed25519` line, or `ed25519:BASE64`.
    ///
    /// # Errors
    /// When the text is none of them, holds something else beside the key, or the key is not acceptable.
    pub fn parse(text: &str) -> Result<Self, KeyError> {
        let text = text.trim_ascii();
        if text.starts_with("-----") {
            return Self::from_pem(text);
        }
        if let Some(encoded) = text.strip_prefix("ed25519:") {
            let bytes = armor::from_base64(encoded).ok_or(KeyError::Unreadable)?;
            let bytes = bytes.try_into().map_err(|_| KeyError::Unreadable)?;
            return Self::from_bytes(&bytes);
        }
        Self::from_ssh_line(text)
    }

    fn from_pem(text: &str) -> Result<Self, KeyError> {
        let pem = armor::from_pem(text)?;
        match pem.label {
            "PUBLIC KEY" => Self::from_spki(&pem.bytes),
            label if label.ends_with("PRIVATE KEY") => Err(KeyError::Private),
            label if label.ends_with("PUBLIC KEY") || label == "CERTIFICATE" => Err(KeyError::Type),
            _ => Err(KeyError::Unreadable),
        }
    }

    fn from_spki(der: &[u8]) -> Result<Self, KeyError> {
        let Some(rest) = der.strip_prefix(&SPKI_PREFIX) else {
            // The object identifier of Ed25519 in a shape that is not the one way to write it is damage, not another type.
            let named = der.windows(5).any(|window| window == &SPKI_PREFIX[4..9]);
            return Err(if der.first() == Some(&0x30) && !named { KeyError::Type } else { KeyError::Unreadable });
        };
        match rest.split_first_chunk() {
            Some((key, [])) => Self::from_bytes(key),
            Some(_) => Err(KeyError::Trailing),
            None => Err(KeyError::Unreadable),
        }
    }

    fn from_ssh_line(line: &str) -> Result<Self, KeyError> {
        if line.contains(['\n', '\r']) {
            return Err(if line.starts_with(SSH_TYPE) { KeyError::Trailing } else { KeyError::Unreadable });
        }
        let mut words = line.split_ascii_whitespace();
        match words.next() {
            Some(SSH_TYPE) => {}
            Some(other) if other.starts_with("ssh-") || other.starts_with("ecdsa-") || other.starts_with("sk-") => {
                return Err(KeyError::Type);
            }
            _ => return Err(KeyError::Unreadable),
        }
        let blob = words.next().and_then(armor::from_base64).ok_or(KeyError::Unreadable)?;
        Self::from_ssh_blob(&blob)
    }

    /// Reads the key blob of OpenSSH: its type and the key, each with its length.
    pub(super) fn from_ssh_blob(blob: &[u8]) -> Result<Self, KeyError> {
        let mut wire = Wire(blob);
        if wire.string().ok_or(KeyError::Unreadable)? != SSH_TYPE.as_bytes() {
            return Err(KeyError::Type);
        }
        let key = wire.string().and_then(|key| key.try_into().ok()).ok_or(KeyError::Unreadable)?;
        if !wire.0.is_empty() {
            return Err(KeyError::Trailing);
        }
        Self::from_bytes(key)
    }

    /// The 32 bytes of the key.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8; 32] {
        self.key.as_bytes()
    }

    /// The key's full name.
    #[must_use]
    pub fn id(&self) -> KeyId {
        self.id
    }

    /// The first 12 bytes of HMAC-SHA256 with the key as key and `key_id` as message: what a signature may carry to say
    /// which key to try. It never decides anything.
    #[must_use]
    pub fn hint(&self) -> [u8; Self::HINT_LENGTH] {
        self.hint
    }

    /// The key as SPKI PEM.
    #[must_use]
    pub fn to_spki_pem(&self) -> String {
        armor::to_pem("PUBLIC KEY", &[SPKI_PREFIX.as_slice(), self.as_bytes()].concat()).to_string()
    }

    /// The key as one `ssh-ed25519` line without a comment.
    #[must_use]
    pub fn to_ssh_line(&self) -> String {
        let fields = [SSH_TYPE.as_bytes(), self.as_bytes()];
        let blob: Vec<u8> =
            fields.iter().flat_map(|field| [&(field.len() as u32).to_be_bytes(), *field].concat()).collect();
        format!("{SSH_TYPE} {}", armor::to_base64(&blob))
    }

    /// The key as `ed25519:BASE64`, as a trust file holds it.
    #[must_use]
    pub fn to_short_form(&self) -> String {
        format!("ed25519:{}", armor::to_base64(self.as_bytes()))
    }

    /// Whether `signature` is this key's over `message`, by the strict rules: canonical S, no point of small order.
    #[must_use]
    pub fn verifies(&self, message: &[u8], signature: &[u8]) -> bool {
        Signature::from_slice(signature).is_ok_and(|signature| self.key.verify_strict(message, &signature).is_ok())
    }
}

impl fmt::Debug for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PublicKey({})", self.id.short())
    }
}

fn hint(key: &[u8; 32]) -> [u8; PublicKey::HINT_LENGTH] {
    let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(key) else { unreachable!("HMAC takes keys of any length") };
    mac.update(b"key_id");
    let full = mac.finalize().into_bytes();
    std::array::from_fn(|index| full[index])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::digest::{hex, unhex};

    const K1: &str = "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a";
    const K1_ID: &str = "06e3fd8fda29bb60ab59557de61edb0aecdb231134be30e75b455f8e1b792fa9";
    const SSH_K1: &str = include_str!("../../../tests/fixtures/signing/keys/k1.openssh.pub");
    const PEM_K1: &str = include_str!("../../../tests/fixtures/signing/keys/k1.spki.pem");

    fn check(text: &str, expect: Result<&str, KeyError>) {
        let found = PublicKey::parse(text).map(|key| hex(key.as_bytes()));
        assert_eq!(
            found.as_deref().map_err(Clone::clone),
            expect.as_ref().map(|key| *key).map_err(Clone::clone),
            "{text}"
        );
    }

    fn key(encoding: &str) -> Result<PublicKey, KeyError> {
        PublicKey::from_bytes(&unhex(encoding).expect("32 bytes in hex"))
    }

    #[test]
    fn a_public_key_is_read_in_its_three_forms_and_written_in_them() {
        let key = key(K1).expect("a good key");
        for text in [PEM_K1, SSH_K1, &key.to_spki_pem(), &key.to_ssh_line(), &key.to_short_form()] {
            check(text, Ok(K1));
        }
        assert_eq!(key.to_spki_pem(), PEM_K1);
        assert_eq!(format!("{} test", key.to_ssh_line()), SSH_K1.trim_end());
        assert_eq!(key.id().to_string(), K1_ID);
        assert_eq!(hex(&key.hint()), "58fb94a6933f01b8b7707a8b");
    }

    #[test]
    fn what_is_not_one_ed25519_public_key_is_refused_by_its_reason() {
        let rsa = "-----BEGIN PUBLIC KEY-----\nMFwwDQYJKoZIhvcNAQEBBQADSwAwSAJBALwwPyRXQeh6fF5m5IGJ3d7YEiq3vHKJJpBuR3uFSbUfpGzO\n-----END PUBLIC KEY-----\n";
        check("", Err(KeyError::Unreadable));
        check("ed25519:AAAA", Err(KeyError::Unreadable));
        check("hello", Err(KeyError::Unreadable));
        check(rsa, Err(KeyError::Type));
        check("ssh-rsa AAAAB3NzaC1yc2EAAAADAQABAAAAgQ== me", Err(KeyError::Type));
        check("ecdsa-sha2-nistp256 AAAA me", Err(KeyError::Type));
        check("-----BEGIN RSA PUBLIC KEY-----\nAAAA\n-----END RSA PUBLIC KEY-----", Err(KeyError::Type));
        check("-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----", Err(KeyError::Private));
        check(&format!("{PEM_K1}{PEM_K1}"), Err(KeyError::Trailing));
        check(&format!("{SSH_K1}{SSH_K1}"), Err(KeyError::Trailing));
        let longer = [&SPKI_PREFIX[..], &unhex::<32>(K1).expect("hex")[..], b"x"].concat();
        check(&armor::to_pem("PUBLIC KEY", &longer), Err(KeyError::Trailing));
        check(&armor::to_pem("PUBLIC KEY", &longer[..40]), Err(KeyError::Unreadable));
    }

    /// The eight points whose order divides 8, canonically encoded.
    pub(crate) const TORSION: [&str; 8] = [
        "0100000000000000000000000000000000000000000000000000000000000000",
        "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
        "0000000000000000000000000000000000000000000000000000000000000000",
        "0000000000000000000000000000000000000000000000000000000000000080",
        "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
        "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc85",
        "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
        "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac03fa",
    ];

    #[test]
    fn all_eight_points_of_small_order_are_refused_however_they_are_encoded() {
        for encoding in TORSION {
            assert_eq!(key(encoding), Err(KeyError::SmallOrder), "{encoding}");
        }
        let other_encodings = [
            "0100000000000000000000000000000000000000000000000000000000000080",
            "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
            "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
            "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
            "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
            "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
        ];
        for encoding in other_encodings {
            let found = key(encoding);
            assert!(matches!(found, Err(KeyError::NotCanonical | KeyError::NotAPoint)), "{encoding}: {found:?}");
        }
        let vector = include_bytes!("../../../tests/fixtures/signing/keys/small_order.public");
        let vector: &[u8; 32] = vector.last_chunk().expect("a key behind its tag");
        assert_eq!(PublicKey::from_bytes(vector), Err(KeyError::SmallOrder));
    }

    #[test]
    fn a_good_key_moved_by_a_point_of_small_order_is_refused() {
        let good = key(K1).expect("a good key").key.to_edwards();
        for encoding in &TORSION[1..] {
            let torsion = VerifyingKey::from_bytes(&unhex(encoding).expect("hex")).expect("a point").to_edwards();
            let moved = (good + torsion).compress();
            assert_eq!(PublicKey::from_bytes(moved.as_bytes()), Err(KeyError::MixedOrder), "{encoding}");
        }
    }

    /// A number of the scalars that `like` is one of, from its bytes, the greatest first.
    fn scalar<T: From<u64> + std::ops::Mul<Output = T> + std::ops::Add<Output = T>>(_: &T, bytes: &[u8]) -> T {
        bytes.iter().fold(T::from(0), |value, byte| value * T::from(256) + T::from(u64::from(*byte)))
    }

    #[test]
    fn a_signature_whose_point_is_of_small_order_is_refused_even_when_its_equation_holds() {
        use ed25519_dalek::Verifier as _;
        use sha2::{Digest as _, Sha512};
        let signing = ed25519_dalek::SigningKey::from_bytes(&[7; 32]);
        let key = PublicKey::of(signing.verifying_key());
        let identity: [u8; 32] = unhex(TORSION[0]).expect("hex");
        let challenge = Sha512::new().chain_update(identity).chain_update(key.as_bytes()).chain_update(b"message");
        let mut challenge = challenge.finalize().to_vec();
        challenge.reverse();
        let secret = signing.to_scalar();
        let response = (scalar(&secret, &challenge) * secret).to_bytes();
        let forged = [identity, response].concat();
        let lenient = Signature::from_slice(&forged).expect("64 bytes");
        assert!(key.key.verify(b"message", &lenient).is_ok(), "the equation holds");
        assert!(!key.verifies(b"message", &forged));
    }
}
