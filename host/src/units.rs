//! Amounts as people write them: `2G` units of fuel, `64MiB`, `5s`.

use std::time::Duration;

/// The text is not an amount of the kind that was asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct NotAnAmount(&'static str);

const COUNT: NotAnAmount =
    NotAnAmount("a count is a whole number with at most one of k, M, G or T behind it, such as 2G");
const BYTES: NotAnAmount =
    NotAnAmount("a size is a whole number with B, KiB, MiB, GiB, kB, MB or GB behind it, such as 64MiB");
const DURATION: NotAnAmount = NotAnAmount("a duration is a number with ms, s, m, h or d behind it, such as 5s");

/// A count: `50000`, `50k`, `2G`. Factors are powers of 1,000.
///
/// # Errors
/// When the text is anything else, or the count does not fit.
pub fn count(text: &str) -> Result<u64, NotAnAmount> {
    scaled(text, &[("", 1), ("k", 1_000), ("M", 1_000_000), ("G", 1_000_000_000), ("T", 1_000_000_000_000)])
        .ok_or(COUNT)
}

/// A size in bytes: `1024`, `64MiB`, `2GB`.
///
/// # Errors
/// When the text is anything else, or the size does not fit.
pub fn bytes(text: &str) -> Result<u64, NotAnAmount> {
    let units = [
        ("", 1),
        ("B", 1),
        ("kB", 1_000),
        ("MB", 1_000_000),
        ("GB", 1_000_000_000),
        ("KiB", 1 << 10),
        ("MiB", 1 << 20),
        ("GiB", 1 << 30),
    ];
    scaled(text, &units).ok_or(BYTES)
}

/// A duration: `250ms`, `5s`, `10m`, `12h`, `14d`.
///
/// # Errors
/// When the text is anything else, or the duration does not fit.
pub fn duration(text: &str) -> Result<Duration, NotAnAmount> {
    let units = [("ms", 1), ("s", 1_000), ("m", 60_000), ("h", 3_600_000), ("d", 86_400_000)];
    scaled(text, &units).map(Duration::from_millis).ok_or(DURATION)
}

fn scaled(text: &str, units: &[(&str, u64)]) -> Option<u64> {
    let text = text.trim();
    let end = text.find(|c: char| !c.is_ascii_digit() && c != '_').unwrap_or(text.len());
    let (number, unit) = text.split_at(end);
    let number: u64 = number.replace('_', "").parse().ok()?;
    let (_, factor) = units.iter().find(|(name, _)| *name == unit.trim_start())?;
    number.checked_mul(*factor)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_are_read_with_their_units_and_refused_without_sense() {
        assert_eq!(count("2G"), Ok(2_000_000_000));
        assert_eq!(count("1_000"), Ok(1_000));
        assert_eq!(bytes("64MiB"), Ok(64 << 20));
        assert_eq!(bytes("1 kB"), Ok(1_000));
        assert_eq!(duration("250ms"), Ok(Duration::from_millis(250)));
        assert_eq!(duration("14d"), Ok(Duration::from_secs(14 * 86_400)));
        for text in ["", "G", "-1", "1.5G", "2g", "99999999999999999999", "18446744073709551615k"] {
            assert_eq!(count(text), Err(COUNT), "{text}");
        }
        assert_eq!(duration("5"), Err(DURATION));
        assert_eq!(bytes("5s"), Err(BYTES));
    }
}
