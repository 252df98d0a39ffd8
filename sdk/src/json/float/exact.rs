//! The nearest float, by holding the number itself against what lies half-way between two floats.

use alloc::{vec, vec::Vec};
use core::cmp::Ordering;

use super::{EXACT_WHOLE, INFINITE, MANTISSA, Scale, scale};

/// Digits that are looked at. Of what follows it only matters whether it is nothing: no number half-way between two floats
/// has as many.
const DIGITS: usize = 800;

/// The bits of the nearest float to a number that is not zero, from those of a guess that is some floats away.
pub(super) fn nearest(text: &str, guess: u64) -> u64 {
    let mut number = Natural::from(0);
    let Scale { mut power, more, .. } = scale(text, DIGITS, |digit| number.multiply_add(10, digit.into()));
    if more {
        // Some digit, for all that follow.
        number.multiply_add(10, 1);
        power -= 1;
    }
    // The number is the quotient of these two.
    let mut divisor = Natural::from(1);
    let tens = if power < 0 { &mut divisor } else { &mut number };
    let mut left = power.unsigned_abs();
    while left > 0 {
        let step = left.min(15);
        tens.multiply_add(10u64.pow(step), 0);
        left -= step;
    }
    let mut bits = guess.min(INFINITE - 1);
    while bits < INFINITE && is_past(&number, &divisor, bits) {
        bits += 1;
    }
    while bits > 0 && !is_past(&number, &divisor, bits - 1) {
        bits -= 1;
    }
    bits
}

/// Whether `number / divisor` is nearer to the float behind the one of these bits than to that one; from half-way between
/// them, whether that one is odd.
fn is_past(number: &Natural, divisor: &Natural, bits: u64) -> bool {
    let (factor, power) = middle(bits);
    let (mut number, mut half_way) = (number.clone(), divisor.clone());
    half_way.multiply_add(factor, 0);
    let twos = if power < 0 { &mut number } else { &mut half_way };
    twos.shift(power.unsigned_abs());
    let (number, half_way) = (number.0, half_way.0);
    match number.len().cmp(&half_way.len()).then_with(|| number.iter().rev().cmp(half_way.iter().rev())) {
        Ordering::Less => false,
        Ordering::Equal => bits % 2 == 1,
        Ordering::Greater => true,
    }
}

/// What lies half-way between the float of these bits and the next one: a whole number times a power of two.
pub(super) fn middle(bits: u64) -> (u64, i32) {
    let (mantissa, power) = match (bits & (EXACT_WHOLE / 2 - 1), (bits >> (MANTISSA - 1)) as i32) {
        (mantissa, 0) => (mantissa, -1074),
        (mantissa, exponent) => (mantissa | (EXACT_WHOLE / 2), exponent - 1075),
    };
    (2 * mantissa + 1, power - 1)
}

/// A whole number of any size: its digits to the base of 256, the lowest first, the highest no zero.
#[derive(Clone)]
struct Natural(Vec<u8>);

impl From<u64> for Natural {
    fn from(number: u64) -> Self {
        let mut it = Self(Vec::new());
        it.multiply_add(0, number);
        it
    }
}

impl Natural {
    /// Both of less than 55 bits, so that no sum is of more than a word; it does not matter where there is no digit yet.
    #[inline(never)]
    fn multiply_add(&mut self, factor: u64, mut more: u64) {
        for digit in &mut self.0 {
            more += u64::from(*digit) * factor;
            *digit = more as u8;
            more >>= 8;
        }
        while more > 0 {
            self.0.push(more as u8);
            more >>= 8;
        }
    }

    /// Times two to that power.
    fn shift(&mut self, bits: u32) {
        self.multiply_add(1 << (bits % 8), 0);
        let mut digits = vec![0; bits as usize / 8];
        digits.extend_from_slice(&self.0);
        self.0 = digits;
    }
}
