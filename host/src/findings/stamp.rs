//! Moments as artifacts write them: UTC, with the offset spelled out.

use std::{borrow::Cow, fmt, str::FromStr};

use jiff::{Timestamp, civil::Date, tz::TimeZone};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};

/// A moment, written `2026-01-10T00:00:00+00:00`, with microseconds where it has any. Any offset is read, none is not.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Stamp(pub Timestamp);

/// The text names no moment since 1970 with an offset.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a time is written with its offset, such as 2026-01-10T00:00:00+00:00")]
pub struct NotAStamp;

/// The day of a moment, in UTC.
#[must_use]
pub fn day(moment: Timestamp) -> Date {
    moment.to_zoned(TimeZone::UTC).date()
}

impl FromStr for Stamp {
    type Err = NotAStamp;

    fn from_str(text: &str) -> Result<Self, NotAStamp> {
        let moment: Timestamp = text.parse().map_err(|_| NotAStamp)?;
        if moment < Timestamp::UNIX_EPOCH { Err(NotAStamp) } else { Ok(Self(moment)) }
    }
}

impl fmt::Display for Stamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let is_whole = self.0.subsec_nanosecond() / 1_000 == 0;
        let format = if is_whole { "%Y-%m-%dT%H:%M:%S+00:00" } else { "%Y-%m-%dT%H:%M:%S%.6f+00:00" };
        self.0.strftime(format).fmt(f)
    }
}

impl Serialize for Stamp {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Stamp {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Cow::<'de, str>::deserialize(deserializer)?.parse().map_err(D::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_moment_is_written_in_utc_with_its_offset_whatever_it_was_read_from() {
        for (text, expect) in [
            ("2026-01-10T00:00:00Z", Some("2026-01-10T00:00:00+00:00")),
            ("2026-01-10T01:30:00+01:30", Some("2026-01-10T00:00:00+00:00")),
            ("2025-09-13T10:15:22.123456+00:00", Some("2025-09-13T10:15:22.123456+00:00")),
            ("2025-09-13T10:15:22.5Z", Some("2025-09-13T10:15:22.500000+00:00")),
            ("2025-09-13T10:15:22.000000999Z", Some("2025-09-13T10:15:22+00:00")),
            ("2026-01-10T00:00:00", None),
            ("2026-01-10", None),
            ("...Z", None),
            ("", None),
            ("-000001-01-01T00:00:00Z", None),
            ("1969-12-31T23:59:59Z", None),
        ] {
            let found = text.parse::<Stamp>().ok().map(|stamp| stamp.to_string());
            assert_eq!(found.as_deref(), expect, "{text}");
        }
    }

    #[test]
    fn a_day_is_the_one_in_utc() {
        let moment = "2026-01-10T23:30:00-01:00".parse().expect("a moment");
        assert_eq!(day(moment).to_string(), "2026-01-11");
    }
}
