//! Whether bytes are a text: most of them are ASCII, which goes by sixteen at a time.

use crate::json::ascii_end;

/// The bytes as a text, if they are one.
pub(crate) fn text(bytes: &[u8]) -> Option<&str> {
    let mut at = ascii_end(bytes, 0);
    while let Some(length) = character(bytes.get(at..)?)? {
        at += length;
        if bytes.get(at).is_some_and(u8::is_ascii) {
            at = ascii_end(bytes, at);
        }
    }
    // SAFETY: every character was just looked at.
    Some(unsafe { core::str::from_utf8_unchecked(bytes) })
}

/// How long the character is that begins here with more than one byte; no length at the end, and none at all for what is no
/// character: one that is too long for its number, half of a pair, or past the last.
fn character(bytes: &[u8]) -> Option<Option<usize>> {
    let Some(first) = bytes.first() else { return Some(None) };
    let (length, least) = match first {
        0xc2..=0xdf => (2, 0x80),
        0xe0..=0xef => (3, 0x800),
        0xf0..=0xf4 => (4, 0x1_0000),
        _ => return None,
    };
    let mut code = u32::from(*first) & (0x7f >> length);
    for byte in bytes.get(1..length)? {
        if byte & 0xc0 != 0x80 {
            return None;
        }
        code = code << 6 | u32::from(byte & 0x3f);
    }
    (code >= least && char::from_u32(code).is_some()).then_some(Some(length))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[track_caller]
    fn agree(bytes: &[u8]) {
        assert_eq!(text(bytes), core::str::from_utf8(bytes).ok(), "{bytes:x?}");
    }

    #[test]
    fn every_start_of_a_character_is_judged_as_core_does() {
        for first in 0..=u8::MAX {
            for second in [0, 0x41, 0x7f, 0x80, 0x8f, 0x90, 0x9f, 0xa0, 0xbf, 0xc0, 0xff] {
                for third in [0x41, 0x7f, 0x80, 0xbf, 0xc0] {
                    for fourth in [0x41, 0x80, 0xbf, 0xff] {
                        let bytes = [first, second, third, fourth];
                        for length in 0..=4 {
                            agree(&bytes[..length]);
                            agree(&[b"ascii, more than a block of it", &bytes[..length]].concat());
                        }
                    }
                }
            }
        }
    }

    proptest! {
        #[test]
        fn any_bytes_are_judged_as_core_does(bytes: Vec<u8>, text: String, at: prop::sample::Index, byte: u8) {
            agree(&bytes);
            agree(text.as_bytes());
            let mut damaged = text.into_bytes();
            damaged.push(0);
            let at = at.index(damaged.len());
            damaged[at] = byte;
            agree(&damaged);
        }
    }
}
