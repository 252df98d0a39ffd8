//! Pieces of a text by one ASCII byte, eight bytes at a time. The library's own functions go by four in WebAssembly, align
//! themselves first, and know every white space there is, where a workflow's lines are short and ASCII.

/// Bytes that are looked at together.
const BLOCK: usize = size_of::<u64>();
const ONES: u64 = u64::MAX / 255;
const HIGHEST: u64 = ONES << 7;

/// Where the first `wanted`, an ASCII byte, is.
#[inline(always)]
pub fn find(text: &str, wanted: u8) -> Option<usize> {
    let bytes = text.as_bytes();
    let (blocks, rest) = bytes.as_chunks();
    for (number, block) in blocks.iter().enumerate() {
        if let Some(at) = first_in(*block, wanted) {
            return Some(number * BLOCK + at);
        }
    }
    match bytes.last_chunk() {
        // It begins among bytes that were looked at, so that it ends with the last one.
        Some(last) if !rest.is_empty() => first_in(*last, wanted).map(|at| bytes.len() - BLOCK + at),
        Some(_) => None,
        None => rest.iter().position(|byte| *byte == wanted),
    }
}

fn first_in(block: [u8; BLOCK], wanted: u8) -> Option<usize> {
    let differences = u64::from_le_bytes(block) ^ (ONES * u64::from(wanted));
    // The highest bit of each byte that is zero; of what stands above such a byte, this may say too much.
    let zeros = differences.wrapping_sub(ONES) & !differences & HIGHEST;
    (zeros != 0).then_some((zeros.trailing_zeros() / 8) as usize)
}

/// What is before the first `wanted`, an ASCII byte, and what is behind it.
pub fn split_once(text: &str, wanted: u8) -> Option<(&str, &str)> {
    let (before, rest) = text.split_at_checked(find(text, wanted)?)?;
    Some((before, rest.get(1..)?))
}

/// The text without the white space around it.
#[inline(always)]
pub fn trim(text: &str) -> &str {
    match text.as_bytes() {
        [b'!'..=b'~'] | [b'!'..=b'~', .., b'!'..=b'~'] => text,
        // What stands before a value is mostly one blank.
        [b' ', b'!'..=b'~'] | [b' ', b'!'..=b'~', .., b'!'..=b'~'] => text.get(1..).unwrap_or_default(),
        _ => text.trim(),
    }
}

/// The lines of a text, without their line feeds.
pub fn lines(text: &str) -> impl Iterator<Item = &str> {
    let mut rest = text;
    core::iter::from_fn(move || {
        let (line, after) = match split_once(rest, b'\n') {
            Some(split) => split,
            None if rest.is_empty() => return None,
            None => (rest, ""),
        };
        rest = after;
        Some(line)
    })
}

/// Whether there is white space in it.
pub fn has_space(text: &str) -> bool {
    let plain = |byte: u8| matches!(byte, b'!'..=b'~');
    !text.bytes().all(plain) && text.contains(char::is_whitespace)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn it_does_what_the_library_does(text in "[ab:\\r\\n\\t\u{b} \u{a0}\u{2028}é\u{85}\u{1c}\u{7f}\u{ff}]{0,40}", more in ".*") {
            for text in [text.as_str(), more.as_str()] {
                for wanted in [b':', b'\n', b'a', b'\0', 0x7f] {
                    prop_assert_eq!(find(text, wanted), text.find(char::from(wanted)));
                    prop_assert_eq!(split_once(text, wanted), text.split_once(char::from(wanted)));
                }
                prop_assert_eq!(trim(text), text.trim());
                prop_assert_eq!(has_space(text), text.contains(char::is_whitespace));
                let theirs: Vec<_> = text.lines().map(str::trim).collect();
                prop_assert_eq!(lines(text).map(trim).collect::<Vec<_>>(), theirs);
            }
        }
    }

    #[test]
    fn a_byte_is_found_wherever_it_stands() {
        for byte in 0..128_u8 {
            for (before, after) in (0..20).flat_map(|before| (0..20).map(move |after| (before, after))) {
                for other in [byte ^ 1, byte ^ 0x40, byte.wrapping_sub(1) & 0x7f, (byte + 1) & 0x7f] {
                    let other = char::from(other).to_string();
                    let text = [other.repeat(before), char::from(byte).to_string(), other.repeat(after)].concat();
                    assert_eq!(find(&text, byte), Some(before), "{text:?}");
                }
            }
        }
    }
}
