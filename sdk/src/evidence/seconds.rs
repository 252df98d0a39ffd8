//! How long something took.

use alloc::string::String;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};
use serde_json::value::RawValue;

/// A time in seconds that is not negative, such as `0.412`, kept in microseconds: the host measures no finer, and a gate that
/// reads no floats is smaller. What is finer is cut off.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Seconds {
    micros: u64,
}

impl Seconds {
    /// The time of that many microseconds.
    #[must_use]
    pub const fn from_micros(micros: u64) -> Self {
        Self { micros }
    }

    /// What the text of a number says; none if it is negative, no number, or past all bounds.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let (mantissa, exponent) = text.split_once(['e', 'E']).unwrap_or((text, "0"));
        let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
        let is_number = !whole.is_empty() && [whole, fraction].iter().all(|digits| digits.bytes().all(is_digit));
        if !is_number {
            return None;
        }
        // Where the point stands behind so many digits once the number counts microseconds.
        let point = i64::try_from(whole.len()).ok()?.checked_add(exponent.parse().ok()?)?.checked_add(6)?;
        let digits = whole.bytes().chain(fraction.bytes());
        let mut micros = digits.clone().zip(0..point).try_fold(0_u64, |micros, (digit, _)| append(micros, digit))?;
        let missing = point.saturating_sub(i64::try_from(digits.count()).ok()?);
        for _ in 0..missing {
            if micros == 0 {
                break;
            }
            micros = micros.checked_mul(10)?;
        }
        Some(Self { micros })
    }

    /// In microseconds.
    #[must_use]
    pub const fn micros(self) -> u64 {
        self.micros
    }

    /// As evidence tells it: the float that is nearest.
    #[must_use]
    pub fn as_f64(self) -> f64 {
        self.micros as f64 / 1e6
    }

    /// Both, one after the other.
    #[must_use]
    pub const fn and(self, other: Self) -> Self {
        Self { micros: self.micros.saturating_add(other.micros) }
    }

    /// In milliseconds or seconds, for people: `412 ms`, `2.5 s`.
    #[must_use]
    pub fn told(self) -> String {
        let millis = self.micros / 1_000;
        if millis < 1_000 {
            return alloc::format!("{millis} ms");
        }
        alloc::format!("{}.{} s", millis / 1_000, millis % 1_000 / 100)
    }
}

fn is_digit(byte: u8) -> bool {
    byte.is_ascii_digit()
}

fn append(micros: u64, digit: u8) -> Option<u64> {
    micros.checked_mul(10)?.checked_add(u64::from(digit.wrapping_sub(b'0')))
}

impl<'de> Deserialize<'de> for Seconds {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let number = <&RawValue>::deserialize(deserializer)?;
        Self::parse(number.get()).ok_or_else(|| D::Error::custom("not a number of seconds"))
    }
}

impl Serialize for Seconds {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_f64(self.as_f64())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_is_read_to_the_microsecond_however_it_is_written() {
        for (text, expect) in [
            ("0", Some(0)),
            ("0.0", Some(0)),
            ("1", Some(1_000_000)),
            ("0.412", Some(412_000)),
            ("12.3456789", Some(12_345_678)),
            ("0.0000009", Some(0)),
            ("1e-6", Some(1)),
            ("9.9E-7", Some(0)),
            ("1.5e+3", Some(1_500_000_000)),
            ("0e999999", Some(0)),
            ("1e-999999", Some(0)),
            ("18446744073709.551615", Some(u64::MAX)),
            ("18446744073709.551616", None),
            ("1e999999", None),
            ("1e9223372036854775807", None),
            ("1e99999999999999999999", None),
            ("-0", None),
            ("-1", None),
            ("null", None),
            ("\"1\"", None),
            ("[1]", None),
            (".5", None),
            ("1e", None),
            ("", None),
        ] {
            assert_eq!(Seconds::parse(text).map(Seconds::micros), expect, "{text}");
        }
    }

    #[test]
    fn a_time_is_the_float_that_its_text_is() {
        for text in ["0.412", "0.1", "12.345678", "86400.000001", "1e-6", "0.3"] {
            let seconds = Seconds::parse(text).expect(text);
            assert_eq!(seconds.as_f64(), text.parse::<f64>().expect(text), "{text}");
        }
    }

    #[test]
    fn a_time_is_told_as_people_read_it() {
        for (text, expect) in [("0", "0 ms"), ("0.9999", "999 ms"), ("1", "1.0 s"), ("62.96", "62.9 s")] {
            assert_eq!(Seconds::parse(text).expect(text).told(), expect);
        }
    }
}
