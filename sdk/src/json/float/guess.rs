//! The nearest float, nearly always: by a product of 64 bits, of which it is known how far it may be off.

use super::MANTISSA;

/// 10^16, and the squares of that, each of the one before: bits, power of two, error.
const UP: [(u64, i32, u64); 5] = [
    (0x8e1b_c9bf_0400_0000, 53, 0),
    (0x9dc5_ada8_2b70_b59e, 106, 1),
    (0xc278_1f49_ffcf_a6d5, 212, 1),
    (0x93ba_47c9_80e9_8ce0, 425, 1),
    (0xaa7e_ebfb_9df9_de8e, 850, 1),
];
/// The same of 10^-16.
const DOWN: [(u64, i32, u64); 5] = [
    (0xe695_94be_c44d_e15b, -54, 1),
    (0xcfb1_1ead_4539_94ba, -107, 1),
    (0xa87f_ea27_a539_e9a5, -213, 1),
    (0xddd0_467c_64bc_e4a1, -426, 1),
    (0xc031_4325_637a_193a, -851, 1),
];

/// A number from 2^power to twice that.
struct Extended {
    /// Its first 64 bits, the first of which is set.
    bits: u64,
    power: i32,
    /// How far it may be off, in units of the last bit.
    error: u64,
}

impl Extended {
    fn of(whole: u64, error: u64) -> Self {
        let zeros = whole.leading_zeros();
        Self { bits: whole << zeros, power: 63 - zeros as i32, error: error << zeros }
    }

    fn times(&self, (bits, power, error): (u64, i32, u64)) -> Self {
        let high = ((u128::from(self.bits) * u128::from(bits)) >> 64) as u64;
        // At most one: both have their first bit. Two more units for what was cut off, here and of the errors' own product.
        let zeros = high.leading_zeros();
        let power = self.power + power + 1 - zeros as i32;
        Self { bits: high << zeros, power, error: (self.error + error + 2) << zeros }
    }
}

/// The bits of the nearest float to a whole number times a power of ten, or a little more than that, and whether it surely
/// is the nearest.
pub(super) fn nearest(whole: u64, power: i32, more: bool) -> (u64, bool) {
    let mut number = Extended::of(whole, more.into());
    let small = Extended::of(10u64.pow(power.rem_euclid(16).unsigned_abs()), 0);
    number = number.times((small.bits, small.power, 0));
    let sixteens = power.div_euclid(16);
    let factors = if sixteens < 0 { &DOWN } else { &UP };
    for (at, factor) in factors.iter().enumerate() {
        if sixteens.unsigned_abs() >> at & 1 == 1 {
            number = number.times(*factor);
        }
    }
    number.rounded()
}

impl Extended {
    fn rounded(&self) -> (u64, bool) {
        // The smallest floats have fewer bits.
        let missing = (-1022 - self.power).max(0).unsigned_abs();
        let dropped = 64 - MANTISSA + missing;
        if dropped > 63 {
            return (0, false);
        }
        let rest = self.bits & ((1 << dropped) - 1);
        let half = 1 << (dropped - 1);
        // The mantissa's first bit is one more of the exponent.
        let exponent = if missing > 0 { 0 } else { (self.power + 1022) as u64 };
        let bits = (exponent << (MANTISSA - 1)) + (self.bits >> dropped) + u64::from(rest > half);
        (bits, rest.abs_diff(half) > self.error)
    }
}
