//! Blocks of eight bytes, as one word.

/// Bytes of a block.
pub(super) const SIZE: usize = 8;
/// Bits of the marks that stand for one byte.
pub(super) const PER_BYTE: usize = 8;
/// The highest bit of each byte that is meant; of those behind the first one it may be set as well.
pub(super) type Marks = u64;
/// Whether no others are marked.
pub(super) const EXACT: bool = false;

const ONES: u64 = 0x0101_0101_0101_0101;
const HIGH: u64 = ONES << 7;

/// Marks quotes, backslashes and control characters.
pub(super) fn special(block: &[u8; SIZE]) -> Marks {
    let word = u64::from_le_bytes(*block);
    // With its second bit turned over, a quote comes right behind the control characters and nothing else changes sides.
    let turned = word ^ (ONES * 2);
    let control_or_quote = turned.wrapping_sub(ONES * 0x21) & !turned;
    (control_or_quote | zeros(word ^ (ONES * u64::from(b'\\')))) & HIGH
}

/// Marks what is no blank.
pub(super) fn no_blank(block: &[u8; SIZE]) -> Marks {
    let differs = u64::from_le_bytes(*block) ^ (ONES * u64::from(b' '));
    (((differs & !HIGH) + !HIGH) | differs) & HIGH
}

/// Marks what is not ASCII.
pub(super) fn not_ascii(block: &[u8; SIZE]) -> Marks {
    u64::from_le_bytes(*block) & HIGH
}

/// The highest bit of each byte that is zero, and maybe of bytes behind it.
fn zeros(word: u64) -> u64 {
    word.wrapping_sub(ONES) & !word
}
