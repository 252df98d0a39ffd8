//! Percentage points, counted so finely that a decimal of a document is held as it is written.

use core::fmt;

use portcullis_sdk::{json, prelude::*};
use serde::{Deserializer, Serializer, de::Error as _, ser::Error as _};

/// From 0 to 100 percentage points, with seventeen places; what is smaller is cut off.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Points(u64);

impl Points {
    const ONE: u64 = 10_u64.pow(17);
    const WHOLE: Self = Self(100 * Self::ONE);

    /// So much of the whole; none if the whole is nothing or the part is more than it.
    pub fn of(part: u64, whole: u64) -> Option<Self> {
        let points = (u128::from(part) * u128::from(Self::WHOLE.0)).checked_div(u128::from(whole))?;
        u64::try_from(points).ok().map(Self).filter(|points| *points <= Self::WHOLE)
    }

    /// Less by so much, and never less than nothing.
    #[must_use]
    pub fn minus(self, points: Self) -> Self {
        Self(self.0.saturating_sub(points.0))
    }

    /// A plain decimal, such as `84.25`.
    fn read(text: &str) -> Option<Self> {
        let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
        if !fraction.bytes().all(|byte| byte.is_ascii_digit()) {
            return None;
        }
        let whole = whole.parse::<u8>().ok().filter(|whole| *whole <= 100)?;
        let places = fraction.bytes().map(|byte| byte - b'0').chain(core::iter::repeat(0)).take(17);
        let points = places.fold(u64::from(whole), |points, digit| points * 10 + u64::from(digit));
        Some(Self(points)).filter(|points| *points <= Self::WHOLE)
    }
}

/// Without zeros at the end, and with six places at the most: what is shown is never more than there is.
impl fmt::Display for Points {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let millionths = self.0 / (Self::ONE / 1_000_000);
        let text = format!("{}.{:06}", millionths / 1_000_000, millionths % 1_000_000);
        f.write_str(text.trim_end_matches('0').trim_end_matches('.'))
    }
}

impl Serialize for Points {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let text = self.to_string();
        json::read::<&RawValue>(&text).map_err(S::Error::custom)?.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Points {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = <&RawValue>::deserialize(deserializer)?.get();
        Self::read(text).ok_or_else(|| D::Error::custom("expected a plain decimal from 0 to 100"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_decimal_is_held_as_it_is_written() {
        let text = |text| json::read::<Points>(text).map(|points| points.to_string()).ok();
        for (written, shown) in [
            ("0", "0"),
            ("0.0", "0"),
            ("84.25", "84.25"),
            ("100", "100"),
            ("100.00", "100"),
            ("7.10", "7.1"),
            ("84.2465753424657", "84.246575"),
            ("99.99999999999999999999", "99.999999"),
        ] {
            assert_eq!(text(written).as_deref(), Some(shown));
        }
        let bad = [
            "-0.1",
            "100.01",
            "101",
            "256",
            "1e1",
            "1.5e1",
            "0.00000000000000000000e2",
            "\"84\"",
            "true",
            "null",
            "[84]",
        ];
        for written in bad {
            assert_eq!(text(written), None, "{written}");
        }
    }

    #[test]
    fn neighbours_are_told_apart() {
        let read = |text| Points::read(text).expect("a decimal");
        assert!(read("84.24657534246574") < read("84.24657534246575"));
        assert!(Points::of(2, 3).expect("a part") < read("66.66666666666667"));
        assert!(Points::of(u64::MAX - 1, u64::MAX) < Points::of(1, 1));
        assert_eq!(Points::of(1, 8), Some(read("12.5")));
        assert_eq!(read("84.9").minus(read("0.9")), read("84"));
        assert_eq!(read("0.5").minus(read("1")), read("0"));
    }

    #[test]
    fn a_part_of_nothing_and_more_than_the_whole_are_no_percentage() {
        for (part, whole) in [(0, 0), (2, 1), (u64::MAX, 1)] {
            assert_eq!(Points::of(part, whole), None, "{part} of {whole}");
        }
    }
}
