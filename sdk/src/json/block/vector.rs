//! Blocks of sixteen bytes, in one vector.

use core::arch::wasm32::{
    i8x16_bitmask, u8x16_eq, u8x16_le, u8x16_ne, u8x16_splat, v128, v128_load, v128_or, v128_xor,
};

/// Bytes of a block.
pub(super) const SIZE: usize = 16;
/// Bits of the marks that stand for one byte.
pub(super) const PER_BYTE: usize = 1;
/// One bit for each byte that is meant.
pub(super) type Marks = u16;
/// Whether no others are marked.
pub(super) const EXACT: bool = true;

/// Marks quotes, backslashes and control characters.
#[target_feature(enable = "simd128")]
pub(super) fn special(block: &[u8; SIZE]) -> Marks {
    let bytes = load(block);
    // With its second bit turned over, a quote comes right behind the control characters and nothing else changes sides.
    let control_or_quote = u8x16_le(v128_xor(bytes, u8x16_splat(2)), u8x16_splat(0x20));
    i8x16_bitmask(v128_or(control_or_quote, u8x16_eq(bytes, u8x16_splat(b'\\'))))
}

/// Marks what is no blank.
#[target_feature(enable = "simd128")]
pub(super) fn no_blank(block: &[u8; SIZE]) -> Marks {
    i8x16_bitmask(u8x16_ne(load(block), u8x16_splat(b' ')))
}

/// Marks what is not ASCII.
#[target_feature(enable = "simd128")]
pub(super) fn not_ascii(block: &[u8; SIZE]) -> Marks {
    i8x16_bitmask(load(block))
}

#[target_feature(enable = "simd128")]
fn load(block: &[u8; SIZE]) -> v128 {
    // SAFETY: a block has sixteen bytes; loading asks for no alignment.
    unsafe { v128_load(block.as_ptr().cast()) }
}
