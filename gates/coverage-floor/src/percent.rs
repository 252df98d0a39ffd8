//! Percentages to two places. Counted in hundredths, so that 84.9 − 83.9 is 1.0 and not a little more.

use core::fmt;

use portcullis_sdk::prelude::*;
use serde::{Deserializer, Serializer, de::Error as _};

/// A percentage from 0.00 to 100.00, in hundredths.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Percent(u32);

impl Percent {
    const WHOLE: u32 = 10_000;

    /// So much of the whole, rounded down; none if the whole is nothing or the part is more than it.
    pub fn of(part: u64, whole: u64) -> Option<Self> {
        if part > whole {
            return None;
        }
        let hundredths = (u128::from(part) * u128::from(Self::WHOLE)).checked_div(u128::from(whole))?;
        u32::try_from(hundredths).ok().map(Self)
    }

    /// The sum, which may be more than the whole.
    #[must_use]
    pub fn plus(self, points: Self) -> Self {
        Self(self.0 + points.0)
    }
}

impl fmt::Display for Percent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{:02}", self.0 / 100, self.0 % 100)
    }
}

impl Serialize for Percent {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_f64(f64::from(self.0) / 100.0)
    }
}

impl<'de> Deserialize<'de> for Percent {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let percent = f64::deserialize(deserializer)?;
        // Half up by hand: `f64::round` is std's.
        let hundredths = percent * 100.0 + 0.5;
        if !(0.0..=100.0).contains(&percent) {
            return Err(D::Error::custom("a percentage is from 0 to 100"));
        }
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "from 0.5 to 10000.5, as checked")]
        let hundredths = hundredths as u32;
        Ok(Self(hundredths))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_of_a_whole_are_rounded_down_and_must_be_parts() {
        let cases = [
            ((1, 3), Some(3333)),
            ((2, 3), Some(6666)),
            ((0, 1), Some(0)),
            ((7, 7), Some(10_000)),
            ((u64::MAX, u64::MAX), Some(10_000)),
            ((u64::MAX - 1, u64::MAX), Some(9_999)),
            ((0, 0), None),
            ((2, 1), None),
        ];
        for ((part, whole), expect) in cases {
            assert_eq!(Percent::of(part, whole), expect.map(Percent), "{part} of {whole}");
        }
    }

    #[test]
    fn a_parameter_is_a_number_from_0_to_100() {
        let read = |text| portcullis_sdk::json::read::<Percent>(text).ok();
        for (text, expect) in
            [("0", 0), ("84.7", 8470), ("0.005", 1), ("99.99", 9999), ("100", 10_000), ("100.0", 10_000)]
        {
            assert_eq!(read(text), Some(Percent(expect)), "{text}");
        }
        for text in ["-0.01", "100.01", "1e300", "true", "\"80\"", "null"] {
            assert_eq!(read(text), None, "{text}");
        }
    }

    #[test]
    fn a_percentage_is_shown_with_two_places() {
        assert_eq!(Percent(8405).to_string(), "84.05");
    }
}
