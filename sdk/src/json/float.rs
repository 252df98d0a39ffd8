//! From a number's text to the float that is nearest to it. core's own way carries twelve kilobytes of tables, too many for a
//! module. Here a number is one of three: few digits and a small power of ten, and one operation on floats gives the nearest;
//! or a product of 64 bits is surely near enough to say which it is; or it lies so near the middle of two floats that it is
//! held against it in whole numbers of any size.

mod exact;
mod guess;

/// Digits that fit a word.
const WORD_DIGITS: usize = 19;
/// Powers of ten up to this one are floats, and so are whole numbers up to that one.
const EXACT_POWER: u32 = 22;
const EXACT_WHOLE: u64 = 1 << MANTISSA;
/// Bits of a float's mantissa, with the one that is not written.
const MANTISSA: u32 = 53;
/// The bits of what is past the largest float.
const INFINITE: u64 = f64::INFINITY.to_bits();

/// The nearest float to a JSON number, of two the even one; none, if that is past the largest.
pub(super) fn read(text: &str) -> Option<f64> {
    if cfg!(target_family = "wasm") {
        return nearest(text);
    }
    text.parse().ok().filter(|float: &f64| float.is_finite())
}

#[inline(never)]
fn nearest(text: &str) -> Option<f64> {
    let mut whole: u64 = 0;
    let Scale { digits, power, more } = scale(text, WORD_DIGITS, |digit| whole = whole * 10 + u64::from(digit));
    let float = match power.saturating_add(digits) {
        _ if whole == 0 => 0.0,
        310.. => return None,
        ..-325 => 0.0,
        _ if !more && whole <= EXACT_WHOLE && power.unsigned_abs() <= EXACT_POWER => {
            // One operation on two floats that are exact, so nothing rounds twice.
            let factor = (0..power.unsigned_abs()).fold(1.0, |factor, _| factor * 10.0);
            if power < 0 { whole as f64 / factor } else { whole as f64 * factor }
        }
        _ => {
            let (bits, sure) = guess::nearest(whole, power, more);
            let bits = if sure { bits } else { exact::nearest(text, bits) };
            if bits >= INFINITE {
                return None;
            }
            f64::from_bits(bits)
        }
    };
    Some(if text.starts_with('-') { -float } else { float })
}

/// What a number's digits, as a whole number, are to be multiplied with.
struct Scale {
    /// How many digits that is.
    digits: i32,
    /// The power of ten.
    power: i32,
    /// Whether there is more than they say.
    more: bool,
}

/// Takes a number apart: tells the digits from the first that is no zero, `most` of them.
fn scale(text: &str, most: usize, mut tell: impl FnMut(u8)) -> Scale {
    let (mut told, mut power, mut more, mut behind_point) = (0, 0i32, false, false);
    let mut bytes = text.bytes();
    for byte in bytes.by_ref() {
        let digit = byte.wrapping_sub(b'0');
        if digit > 9 {
            match byte {
                b'-' => continue,
                b'.' => behind_point = true,
                _ => break,
            }
        } else if told == most {
            more |= digit > 0;
            power += i32::from(!behind_point);
        } else {
            power -= i32::from(behind_point);
            if told > 0 || digit > 0 {
                told += 1;
                tell(digit);
            }
        }
    }
    let (mut exponent, mut sign) = (0, 1);
    for byte in bytes {
        match byte {
            b'-' => sign = -1,
            b'+' => {}
            // Past every exponent that matters one is as good as another.
            _ => exponent = (exponent * 10 + i32::from(byte.wrapping_sub(b'0'))).min(1 << 24),
        }
    }
    Scale { digits: told as i32, power: power.saturating_add(sign * exponent), more }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{exact::middle, *};

    #[track_caller]
    fn agree(text: &str) {
        let core: f64 = text.parse().expect("a number");
        let ours = nearest(text);
        assert_eq!(ours.map(f64::to_bits), Some(core).filter(|float| float.is_finite()).map(f64::to_bits), "{text}");
    }

    /// The digits of what lies half-way between a float and the next one, all of them, and its power of ten.
    fn half_way(bits: u64) -> (String, i32) {
        let (whole, power) = middle(bits);
        let mut digits: Vec<u8> = whole.to_string().bytes().rev().map(|byte| byte - b'0').collect();
        // A half is five tenths.
        let factor = if power < 0 { 5 } else { 2 };
        for _ in 0..power.unsigned_abs() {
            let mut carry = 0;
            for digit in &mut digits {
                carry += *digit * factor;
                *digit = carry % 10;
                carry /= 10;
            }
            digits.extend((carry > 0).then_some(carry));
        }
        (digits.iter().rev().map(|digit| char::from(b'0' + digit)).collect(), power.min(0))
    }

    /// Numbers half-way between two floats, and a little more and less.
    fn agree_about_the_middle(bits: u64) {
        let (digits, power) = half_way(bits);
        agree(&format!("{digits}e{power}"));
        agree(&format!("{digits}0000000001e{}", power - 10));
        agree(&format!("{digits}.{}1e{power}", "0".repeat(900)));
        // It ends in a 5 or an even digit that is no zero, or has none behind the point.
        let (last, less) = (digits.bytes().last().expect("a digit"), digits.len() - 1);
        if last > b'0' {
            agree(&format!("{}{}9999e{}", &digits[..less], char::from(last - 1), power - 4));
        }
    }

    #[test]
    fn corners_and_what_lies_half_way_between_floats() {
        for text in [
            "0",
            "-0",
            "0.0",
            "0e9",
            "1",
            "1.5",
            "0.1",
            "1e22",
            "1e23",
            "9007199254740993",
            "9007199254740992.5",
            "123456789012345678901234567890",
            "0.000000000000000000000000000000000000000000000000000001",
            "1e308",
            "1.7976931348623157e308",
            "1.7976931348623158e308",
            "1.7976931348623159e308",
            "1.8e308",
            "2e308",
            "999999999999999999999e288",
            "1e309",
            "1e400",
            "1e99999999999",
            "5e-324",
            "2.4703282292062327e-324",
            "2.4703282292062328e-324",
            "1e-400",
            "1e-99999999999",
            "2.2250738585072011e-308",
            "2.2250738585072014e-308",
            "8.98846567431158e307",
        ] {
            agree(text);
            agree(&format!("-{}", text.trim_start_matches('-')));
        }
        let largest = f64::MAX.to_bits();
        for bits in [0, 1, 2, (1 << 52) - 1, 1 << 52, (1 << 52) + 1, 1.0f64.to_bits(), 1e300f64.to_bits(), largest] {
            agree_about_the_middle(bits);
        }
    }

    proptest! {
        #[test]
        fn every_float_is_read_from_what_is_written_of_it(bits: u64, places in 0usize..25) {
            let float = f64::from_bits(bits);
            if float.is_finite() {
                agree(&format!("{float}"));
                agree(&format!("{float:e}"));
                agree(&format!("{float:.places$e}"));
            }
        }

        #[test]
        fn the_middle_of_two_floats_goes_to_the_even_one(bits in 0..=f64::MAX.to_bits()) {
            agree_about_the_middle(bits);
        }

        #[test]
        fn the_ends_are_where_core_has_them(digits in "[1-9]\\.[0-9]{0,25}", end in prop::sample::select(vec![308, -308, -323, -324])) {
            agree(&format!("{digits}e{end}"));
        }

        #[test]
        fn any_number_is_read_as_core_reads_it(text in "-?(0|[1-9][0-9]{0,30})(\\.[0-9]{1,30})?([eE][+-]?[0-9]{1,3})?") {
            agree(&text);
        }
    }
}
