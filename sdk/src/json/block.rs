//! Documents a block at a time: where the part of a string ends that stands for itself, and where white space does.
//!
//! Both questions are asked of every byte of a document, so each block is answered by a few operations without a branch:
//! sixteen bytes in one of WebAssembly's vectors, eight in a word elsewhere.

use alloc::vec::Vec;
use core::num::NonZeroUsize;

#[cfg(not(target_family = "wasm"))]
#[path = "block/word.rs"]
mod marks;
#[cfg(target_family = "wasm")]
#[path = "block/vector.rs"]
mod marks;

use marks::{EXACT, PER_BYTE, SIZE, no_blank, not_ascii, special};

/// The first place at or after `at` of a byte that does not stand for itself in a string: a quote, a backslash, a control
/// character, or the end.
#[cfg_attr(target_family = "wasm", target_feature(enable = "simd128"))]
pub(super) fn plain_end(bytes: &[u8], mut at: usize) -> usize {
    while let Some(block) = block_at(bytes, at) {
        let marks = special(block);
        if marks != 0 {
            return at + first(marks);
        }
        at += SIZE;
    }
    // The last block has what is left at its end, where marks are exact.
    if EXACT && let Some(last) = bytes.last_chunk() {
        let left = bytes.len().saturating_sub(at);
        let marks = special(last).checked_shr(((SIZE - left) * PER_BYTE) as u32).unwrap_or(0);
        return if marks == 0 { bytes.len().max(at) } else { at + first(marks) };
    }
    while bytes.get(at).is_some_and(|byte| is_plain(*byte)) {
        at += 1;
    }
    at
}

/// Where a string ends, behind its quote, if that is in the block at `at` and nothing before it is special.
#[cfg_attr(target_family = "wasm", target_feature(enable = "simd128"))]
#[inline]
pub(super) fn short_end(bytes: &[u8], at: usize) -> Option<NonZeroUsize> {
    let end = at + first(special(block_at(bytes, at)?));
    if bytes.get(end) == Some(&b'"') { NonZeroUsize::new(end + 1) } else { None }
}

/// What `plain_end` finds; and what stands before it goes to the end of `out`.
#[cfg_attr(target_family = "wasm", target_feature(enable = "simd128"))]
pub(super) fn copy_plain(bytes: &[u8], mut at: usize, out: &mut Vec<u8>) -> usize {
    // Block by block where a copy of another length is a call to the host.
    while cfg!(target_family = "wasm")
        && let Some(block) = block_at(bytes, at)
    {
        let plain = first(special(block));
        append(out, block, plain);
        at += plain;
        if plain < SIZE {
            return at;
        }
    }
    let end = plain_end(bytes, at);
    out.extend_from_slice(bytes.get(at..end).unwrap_or_default());
    end
}

/// The same, and past escapes of one letter, of which the character goes there: up to the string's quote, to an escape of
/// another kind, to what may not stand in a string, or to the end.
#[cfg_attr(target_family = "wasm", target_feature(enable = "simd128"))]
pub(super) fn copy_text(bytes: &[u8], mut at: usize, out: &mut Vec<u8>) -> usize {
    loop {
        at = copy_plain(bytes, at, out);
        let Some([b'\\', letter]) = bytes.get(at..).and_then(<[u8]>::first_chunk) else { return at };
        let Some(character) = one_letter(*letter) else { return at };
        append(out, &[character], 1);
        at += 2;
    }
}

/// The character, an ASCII one, that a backslash and this letter are.
#[inline(always)]
pub(super) fn one_letter(letter: u8) -> Option<u8> {
    Some(match letter {
        b'"' | b'\\' | b'/' => letter,
        b'b' => 0x08,
        b'f' => 0x0c,
        b'n' => b'\n',
        b'r' => b'\r',
        b't' => b'\t',
        _ => return None,
    })
}

/// The first place at or after `at` of a byte that is no white space, or the end.
#[cfg_attr(target_family = "wasm", target_feature(enable = "simd128"))]
pub(super) fn space_end(bytes: &[u8], mut at: usize) -> usize {
    // Of white space it is only blanks that come in numbers.
    while matches!(bytes.get(at), Some(b' ' | b'\n' | b'\r' | b'\t')) {
        at += 1;
        while let Some(block) = block_at(bytes, at) {
            let marks = no_blank(block);
            at += first(marks);
            if marks != 0 {
                break;
            }
        }
    }
    at
}

/// The first place at or after `at` of a byte that is not ASCII, or the end.
#[cfg_attr(target_family = "wasm", target_feature(enable = "simd128"))]
pub(crate) fn ascii_end(bytes: &[u8], mut at: usize) -> usize {
    // Four blocks at a time, because all of every request goes through here.
    let (blocks, _) = bytes.get(at..).unwrap_or_default().as_chunks();
    for four in blocks.as_chunks().0 {
        let [a, b, c, d] = four;
        if (not_ascii(a) | not_ascii(b) | not_ascii(c) | not_ascii(d)) != 0 {
            break;
        }
        at += 4 * SIZE;
    }
    while let Some(block) = block_at(bytes, at) {
        let marks = not_ascii(block);
        if marks != 0 {
            return at + first(marks);
        }
        at += SIZE;
    }
    while bytes.get(at).is_some_and(u8::is_ascii) {
        at += 1;
    }
    at
}

/// Puts the first of these bytes, `count` of them, at the end of `out`. Copies them all, because a copy of a known length is
/// one or two operations, and one of another length a call to the host.
pub(super) fn append<const N: usize>(out: &mut Vec<u8>, bytes: &[u8; N], count: usize) {
    out.reserve(N);
    let length = out.len();
    // SAFETY: there is room for them all behind what is there, and no more than were written become part of it.
    unsafe {
        out.as_mut_ptr().add(length).cast::<[u8; N]>().write(*bytes);
        out.set_len(length + count.min(N));
    }
}

#[inline(always)]
fn block_at(bytes: &[u8], at: usize) -> Option<&[u8; SIZE]> {
    bytes.get(at..)?.first_chunk()
}

/// The first byte of a block that is marked; past the block, if none is.
fn first(marks: marks::Marks) -> usize {
    marks.trailing_zeros() as usize / PER_BYTE
}

fn is_plain(byte: u8) -> bool {
    byte >= b' ' && byte != b'"' && byte != b'\\'
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_byte_is_found_wherever_it_stands() {
        for byte in 0..=u8::MAX {
            for (before, after) in (0..40).flat_map(|before| [(before, 0), (before, 3), (before, 40)]) {
                let text = |fill| [vec![fill; before], vec![byte], vec![b'"'; after]].concat();
                let plain = text(b'a');
                let end = if is_plain(byte) { before + 1 } else { before };
                let mut copied = Vec::new();
                assert_eq!(plain_end(&plain, 0), end, "{byte} behind {before}");
                assert_eq!(copy_plain(&plain, 0, &mut copied), end);
                assert_eq!(copied, plain[..end]);
                let space = text(b' ');
                let is_space = matches!(byte, b' ' | b'\n' | b'\r' | b'\t');
                let ascii = if byte.is_ascii() { text(b'a').len() } else { before };
                assert_eq!(ascii_end(&plain, 0), ascii, "{byte} behind {before}");
                assert_eq!(space_end(&space, 0), if is_space { before + 1 } else { before }, "{byte} behind {before}");
            }
        }
    }
}
