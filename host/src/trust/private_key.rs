//! Private keys: PKCS#8 PEM, plain or encrypted with scrypt and AES-256-CBC; plain OpenSSH keys are read too.

use std::fmt;

use ed25519_dalek::{Signer as _, SigningKey};
use pkcs8::{
    EncryptedPrivateKeyInfoRef, ObjectIdentifier, PrivateKeyInfoRef,
    der::{Decode as _, Encode as _, ErrorKind, asn1::OctetStringRef},
    pkcs5::{
        EncryptionScheme,
        pbes2::{self, EncryptionScheme as Cipher},
        scrypt,
    },
    spki::AlgorithmIdentifierRef,
};
use zeroize::Zeroizing;

use super::{
    armor::{self, Wire},
    key::{KeyError, PublicKey},
};

const ED25519: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.101.112");
const OPENSSH_MAGIC: &[u8] = b"openssh-key-v1\0";

/// scrypt as keys are written: N = 2^14, r = 8, p = 5 (the OWASP figure whose memory every OpenSSL accepts).
const SCRYPT: (u8, u32, u32) = (14, 8, 5);
/// The greatest N·r·p that is read: 256 MiB of memory and about a second. A hostile file would ask for terabytes.
const MAX_SCRYPT_WORK: u64 = 1 << 21;

/// An Ed25519 key pair. Its secret is wiped from memory when it is dropped.
pub struct PrivateKey {
    signing: SigningKey,
    public: PublicKey,
}

impl PrivateKey {
    /// The key pair that grows from 32 random bytes.
    #[must_use]
    pub fn from_seed(seed: &[u8; 32]) -> Self {
        let signing = SigningKey::from_bytes(seed);
        Self { public: PublicKey::of(signing.verifying_key()), signing }
    }

    /// Reads PKCS#8 PEM, plain or encrypted, or a plain OpenSSH private key.
    ///
    /// # Errors
    /// When it is none of them, is no Ed25519 key, has halves that do not match, needs a passphrase that is missing or
    /// wrong, or asks for more scrypt work than is sane (that is refused before any work).
    pub fn from_pem(text: &str, passphrase: Option<&[u8]>) -> Result<Self, KeyError> {
        let pem = armor::from_pem(text)?;
        match pem.label {
            "PRIVATE KEY" => from_pkcs8(&pem.bytes),
            "ENCRYPTED PRIVATE KEY" => {
                let der = decrypt(&pem.bytes, passphrase)?;
                from_pkcs8(&der).map_err(|error| match error {
                    // A wrong passphrase gives good padding once in 256 tries, and noise behind it.
                    KeyError::Unreadable | KeyError::Trailing => KeyError::PassphraseWrong,
                    other => other,
                })
            }
            "OPENSSH PRIVATE KEY" => from_openssh(&pem.bytes),
            label if label.ends_with("PRIVATE KEY") => Err(KeyError::Type),
            label if label.ends_with("PUBLIC KEY") => Err(KeyError::Public),
            _ => Err(KeyError::Unreadable),
        }
    }

    /// The key as plain PKCS#8 PEM.
    #[must_use]
    pub fn to_pem(&self) -> Zeroizing<String> {
        armor::to_pem("PRIVATE KEY", &self.to_pkcs8())
    }

    /// The key as PKCS#8 PEM encrypted under `passphrase`; `random` is 16 bytes of salt and 16 of initialisation vector.
    ///
    /// # Errors
    /// Only when the encryption itself fails, which fixed parameters leave no way for.
    pub fn to_encrypted_pem(&self, passphrase: &[u8], random: &[u8; 32]) -> Result<Zeroizing<String>, KeyError> {
        let (salt, vector) = random.split_at(16);
        let vector = vector.try_into().map_err(|_| KeyError::Encryption)?;
        let (log_n, r, p) = SCRYPT;
        let parameters = scrypt::Params::new(log_n, r, p).map_err(|_| KeyError::Encryption)?;
        let scheme =
            pbes2::Parameters::generate_scrypt_aes256cbc(parameters, salt, vector).map_err(|_| KeyError::Encryption)?;
        let data = scheme.encrypt(passphrase, &self.to_pkcs8()).map_err(|_| KeyError::Encryption)?;
        let data = OctetStringRef::new(&data).map_err(|_| KeyError::Encryption)?;
        let sealed = EncryptedPrivateKeyInfoRef { encryption_algorithm: scheme.into(), encrypted_data: data };
        let der = sealed.to_der().map_err(|_| KeyError::Encryption)?;
        Ok(armor::to_pem("ENCRYPTED PRIVATE KEY", &der))
    }

    /// The public half.
    #[must_use]
    pub fn public(&self) -> &PublicKey {
        &self.public
    }

    /// The signature over `message`.
    #[must_use]
    pub fn sign(&self, message: &[u8]) -> [u8; 64] {
        self.signing.sign(message).to_bytes()
    }

    /// PKCS#8 version 1: a fixed head and the 32 bytes (RFC 8410).
    fn to_pkcs8(&self) -> Zeroizing<Vec<u8>> {
        const HEAD: [u8; 16] = [0x30, 0x2e, 2, 1, 0, 0x30, 5, 6, 3, 0x2b, 0x65, 0x70, 4, 0x22, 4, 0x20];
        let mut der = Zeroizing::new(Vec::with_capacity(48));
        der.extend_from_slice(&HEAD);
        der.extend_from_slice(self.signing.as_bytes());
        der
    }

    /// The pair of `seed`, if `public` is its public half.
    fn paired(seed: &[u8], public: Option<&[u8]>) -> Result<Self, KeyError> {
        let seed: Zeroizing<[u8; 32]> = Zeroizing::new(seed.try_into().map_err(|_| KeyError::Unreadable)?);
        let key = Self::from_seed(&seed);
        match public {
            Some(public) if public != key.public.as_bytes() => Err(KeyError::Mismatch),
            _ => Ok(key),
        }
    }
}

impl fmt::Debug for PrivateKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PrivateKey({})", self.public.id().short())
    }
}

fn from_pkcs8(der: &[u8]) -> Result<PrivateKey, KeyError> {
    let info = PrivateKeyInfoRef::from_der(der).map_err(|error| match error.kind() {
        ErrorKind::TrailingData { .. } => KeyError::Trailing,
        _ => KeyError::Unreadable,
    })?;
    if info.algorithm.oid != ED25519 {
        return Err(KeyError::Type);
    }
    let no_parameters: AlgorithmIdentifierRef<'_> = AlgorithmIdentifierRef { oid: ED25519, parameters: None };
    // The key is an octet string within the octet string.
    let [0x04, 0x20, seed @ ..] = info.private_key.as_bytes() else { return Err(KeyError::Unreadable) };
    if info.algorithm != no_parameters {
        return Err(KeyError::Unreadable);
    }
    let public = info.public_key.map(|bits| bits.as_bytes().ok_or(KeyError::Unreadable)).transpose()?;
    PrivateKey::paired(seed, public)
}

fn decrypt(der: &[u8], passphrase: Option<&[u8]>) -> Result<Zeroizing<Vec<u8>>, KeyError> {
    let sealed = EncryptedPrivateKeyInfoRef::from_der(der).map_err(|error| match error.kind() {
        ErrorKind::TrailingData { .. } => KeyError::Trailing,
        ErrorKind::OidUnknown { .. } | ErrorKind::Value { .. } => KeyError::Encryption,
        _ => KeyError::Unreadable,
    })?;
    let EncryptionScheme::Pbes2(scheme) = &sealed.encryption_algorithm else { return Err(KeyError::Encryption) };
    let kdf = scheme.kdf.scrypt().ok_or(KeyError::Encryption)?;
    if !matches!(scheme.encryption, Cipher::Aes128Cbc { .. } | Cipher::Aes256Cbc { .. }) {
        return Err(KeyError::Encryption);
    }
    let (n, r, p) = (kdf.cost_parameter, u64::from(kdf.block_size), u64::from(kdf.parallelization));
    let work = n.checked_mul(r).and_then(|work| work.checked_mul(p));
    if n < 2 || !n.is_power_of_two() || r == 0 || p == 0 || work.is_none_or(|work| work > MAX_SCRYPT_WORK) {
        return Err(KeyError::Cost);
    }
    let passphrase = passphrase.ok_or(KeyError::PassphraseNeeded)?;
    scheme
        .decrypt(passphrase, sealed.encrypted_data.as_bytes())
        .map(Zeroizing::new)
        .map_err(|_| KeyError::PassphraseWrong)
}

/// Reads a plain key in the format of OpenSSH's PROTOCOL.key.
fn from_openssh(bytes: &[u8]) -> Result<PrivateKey, KeyError> {
    let mut outer = Wire(bytes.strip_prefix(OPENSSH_MAGIC).ok_or(KeyError::Unreadable)?);
    let mut protection = || Some((outer.string()?, outer.string()?, outer.string()?));
    if protection().ok_or(KeyError::Unreadable)? != (b"none", b"none", b"") {
        return Err(KeyError::Encryption);
    }
    if outer.number() != Some(1) {
        return Err(KeyError::Unreadable);
    }
    let public = PublicKey::from_ssh_blob(outer.string().ok_or(KeyError::Unreadable)?)?;
    let mut inner = Wire(outer.string().ok_or(KeyError::Unreadable)?);
    if !outer.0.is_empty() {
        return Err(KeyError::Trailing);
    }
    let mut fields = || {
        let checks_agree = inner.number()? == inner.number()?;
        let is_ed25519 = inner.string()? == b"ssh-ed25519";
        let halves = (inner.string()?, inner.string()?);
        inner.string()?; // the comment
        let is_padding = inner.0.len() < 8 && inner.0.iter().zip(1..).all(|(byte, index)| *byte == index);
        (checks_agree && is_ed25519 && is_padding).then_some(halves)
    };
    let (second_public, pair) = fields().ok_or(KeyError::Unreadable)?;
    let (seed, third_public) = pair.split_at_checked(32).ok_or(KeyError::Unreadable)?;
    if second_public != public.as_bytes() || third_public != public.as_bytes() {
        return Err(KeyError::Mismatch);
    }
    PrivateKey::paired(seed, Some(public.as_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;

    const SEED: [u8; 32] = [7; 32];

    fn check(label: &str, der: &[u8], passphrase: Option<&[u8]>, expect: Result<(), KeyError>) {
        let pem = armor::to_pem(label, der);
        let found = PrivateKey::from_pem(&pem, passphrase).map(|key| {
            assert_eq!(key.public(), PrivateKey::from_seed(&SEED).public());
        });
        assert_eq!(found, expect);
    }

    fn version_2(public: &[u8; 32]) -> Vec<u8> {
        let plain = PrivateKey::from_seed(&SEED).to_pkcs8();
        let mut der = vec![0x30, 0x51, 2, 1, 1];
        der.extend_from_slice(&plain[5..]);
        der.extend_from_slice(&[0x81, 0x21, 0]);
        der.extend_from_slice(public);
        der
    }

    #[test]
    fn a_private_key_reads_back_plain_and_in_its_second_version() {
        let key = PrivateKey::from_seed(&SEED);
        let plain = key.to_pkcs8();
        check("PRIVATE KEY", &plain, None, Ok(()));
        check("PRIVATE KEY", &version_2(key.public().as_bytes()), None, Ok(()));
        assert_eq!(format!("{key:?}"), format!("PrivateKey({})", key.public().id().short()));
    }

    #[test]
    fn halves_that_do_not_match_other_types_and_trailing_data_are_refused() {
        let key = PrivateKey::from_seed(&SEED);
        let stranger = PrivateKey::from_seed(&[8; 32]);
        let plain = key.to_pkcs8();
        check("PRIVATE KEY", &version_2(stranger.public().as_bytes()), None, Err(KeyError::Mismatch));
        check("PRIVATE KEY", &[&plain[..], b"x"].concat(), None, Err(KeyError::Trailing));
        check("PRIVATE KEY", &plain[..40], None, Err(KeyError::Unreadable));
        let mut x25519 = plain.to_vec();
        x25519[11] = 0x6e;
        check("PRIVATE KEY", &x25519, None, Err(KeyError::Type));
        check("RSA PRIVATE KEY", &plain, None, Err(KeyError::Type));
        check("EC PRIVATE KEY", &plain, None, Err(KeyError::Type));
        check("PUBLIC KEY", &plain, None, Err(KeyError::Public));
        check("SOMETHING", &plain, None, Err(KeyError::Unreadable));
    }

    #[test]
    fn an_encrypted_key_opens_with_its_passphrase_and_with_no_other() {
        let pem = PrivateKey::from_seed(&SEED).to_encrypted_pem(b"horse", &[5; 32]).expect("encrypted");
        let open = |passphrase| PrivateKey::from_pem(&pem, passphrase).map(|key| key.public().id());
        assert_eq!(open(Some(b"horse")), Ok(PrivateKey::from_seed(&SEED).public().id()));
        assert_eq!(open(Some(b"cow")), Err(KeyError::PassphraseWrong));
        assert_eq!(open(Some(b"")), Err(KeyError::PassphraseWrong));
        assert_eq!(open(None), Err(KeyError::PassphraseNeeded));
    }

    #[test]
    fn hostile_scrypt_parameters_are_refused_before_any_work() {
        let key = PrivateKey::from_seed(&SEED);
        for (n, r, p) in
            [(1 << 40, 8, 1), (1 << 14, u16::MAX, 1), (1 << 14, 8, u16::MAX), (0, 8, 1), (3, 8, 1), (1 << 63, 8, 1)]
        {
            let parameters = scrypt::Params::new(14, 8, 1).expect("sane");
            let mut scheme =
                pbes2::Parameters::generate_scrypt_aes256cbc(parameters, &[1; 16], [2; 16]).expect("parameters");
            let data = vec![0; key.to_pkcs8().len()];
            if let pbes2::Kdf::Scrypt(kdf) = &mut scheme.kdf {
                (kdf.cost_parameter, kdf.block_size, kdf.parallelization) = (n, r, p);
            }
            let sealed = EncryptedPrivateKeyInfoRef {
                encryption_algorithm: scheme.into(),
                encrypted_data: OctetStringRef::new(&data).expect("octets"),
            };
            let der = sealed.to_der().expect("encoded");
            check("ENCRYPTED PRIVATE KEY", &der, Some(b"horse"), Err(KeyError::Cost));
        }
    }

    fn openssh(comment: &[u8], public: &[u8; 32], cipher: &[u8]) -> Vec<u8> {
        let string = |bytes: &[u8]| [&(bytes.len() as u32).to_be_bytes(), bytes].concat();
        let blob = [string(b"ssh-ed25519"), string(public)].concat();
        let pair = [&SEED[..], public].concat();
        let mut inner = [&[9; 8], &blob[..], &string(&pair), &string(comment)].concat();
        inner.extend((1..).take(inner.len().next_multiple_of(8) - inner.len()));
        [
            OPENSSH_MAGIC,
            &string(cipher),
            &string(b"none"),
            &string(b""),
            &1u32.to_be_bytes(),
            &string(&blob),
            &string(&inner),
        ]
        .concat()
    }

    #[test]
    fn a_plain_openssh_key_is_read_and_a_damaged_or_encrypted_one_is_not() {
        let key = PrivateKey::from_seed(&SEED);
        let public = key.public().as_bytes();
        check("OPENSSH PRIVATE KEY", &openssh(b"me", public, b"none"), None, Ok(()));
        check("OPENSSH PRIVATE KEY", &openssh(b"", public, b"none"), None, Ok(()));
        check("OPENSSH PRIVATE KEY", &openssh(b"me", public, b"aes256-ctr"), Some(b"horse"), Err(KeyError::Encryption));
        let stranger = PrivateKey::from_seed(&[8; 32]);
        let mixed = openssh(b"me", stranger.public().as_bytes(), b"none");
        check("OPENSSH PRIVATE KEY", &mixed, None, Err(KeyError::Mismatch));
        let whole = openssh(b"me", public, b"none");
        for length in 0..whole.len() {
            let pem = armor::to_pem("OPENSSH PRIVATE KEY", &whole[..length]);
            assert!(PrivateKey::from_pem(&pem, None).is_err(), "{length}");
        }
    }
}
