//! What a request to a webhook is signed with: HMAC-SHA256 over its time and its body.

use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;

use crate::digest::hex;

/// A key for signatures. It shows itself to nobody.
#[derive(Clone)]
pub(super) struct Key(Hmac<Sha256>);

impl Key {
    /// The key that `secret` is; none where it is empty.
    pub(super) fn new(secret: &[u8]) -> Option<Self> {
        if secret.is_empty() {
            return None;
        }
        Hmac::new_from_slice(secret).ok().map(Self)
    }

    /// The signature of `body` as sent at `seconds` since 1970, as its header has it: over the time in decimal digits, a full
    /// stop, and the body.
    pub(super) fn sign(&self, seconds: &str, body: &[u8]) -> String {
        let mut mac = self.0.clone();
        for part in [seconds.as_bytes(), b".", body] {
            mac.update(part);
        }
        format!("sha256={}", hex(&mac.finalize().into_bytes()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_signature_is_the_hmac_of_time_full_stop_and_body() {
        let long = [0xaa; 131];
        let cases: [(&[u8], &str, &[u8], &str); 4] = [
            (b"Jefe", "1770091506", b"{\"a\":1}", "9b979227a8a75c6c941003f80d3be5b32e149c4ad977cc83251ef3a9fe1ff0be"),
            (b"k", "0", b"", "6b4a4b8b3c40f1e8f53a3d36682e5f99f7ad2ac1df1c93dfe336f329167641e7"),
            (&long, "1770091506", b"\xff\x00\n", "ce084c86efc609674ca31420b536bc0f34bb981d676052f72cfaa4d2cb578711"),
            (
                "größe".as_bytes(),
                "-1",
                "ä".as_bytes(),
                "95f587aad8b5f834499ccafb8d0c97c02924468dcdf6265bd3fc865f0ed1cfed",
            ),
        ];
        for (secret, seconds, body, expect) in cases {
            assert_eq!(Key::new(secret).expect("a key").sign(seconds, body), format!("sha256={expect}"));
        }
        assert!(Key::new(b"").is_none());
    }

    #[test]
    fn the_hash_is_that_of_the_standard() {
        // RFC 4231, test case 2.
        let mut mac = Key::new(b"Jefe").expect("a key").0;
        mac.update(b"what do ya want for nothing?");
        let expect = "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843";
        assert_eq!(hex(&mac.finalize().into_bytes()), expect);
    }
}
