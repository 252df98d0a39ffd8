//! Which versions a revocation is about.

use std::{cmp::Ordering, fmt};

use semver::{BuildMetadata, Comparator, Op, Version, VersionReq};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};

/// A range of versions as semver requirements are written: `<1.2.3`, `>=1.0.0, <1.4.2`, `=2.0.1`, `*`.
///
/// A requirement that chooses what to install leaves prereleases out; one that says what is bad must not. So a version is
/// affected when it lies within the range by precedence, and also when the release that it comes before does: `1.2.3-rc.1`
/// is affected by `<1.2.3` and by `=1.2.3`. A bare `1.2.3` means `^1.2.3`, as in Cargo.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VersionRange {
    text: String,
    requirement: VersionReq,
}

impl VersionRange {
    /// Reads a range; `None` if it is not one.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let requirement = VersionReq::parse(text).ok()?;
        Some(Self { text: text.to_owned(), requirement })
    }

    /// Whether `version` is affected.
    #[must_use]
    pub fn affects(&self, version: &Version) -> bool {
        let holds =
            |version: &Version| self.requirement.comparators.iter().all(|comparator| within(comparator, version));
        holds(version) || (!version.pre.is_empty() && holds(&Version::new(version.major, version.minor, version.patch)))
    }
}

/// Whether `version` is what `comparator` says by precedence alone.
fn within(comparator: &Comparator, version: &Version) -> bool {
    let least = least(comparator);
    let reaches = version.cmp_precedence(&least) != Ordering::Less;
    let next = |from: Option<Version>| from.is_none_or(|next| version.cmp_precedence(&next) == Ordering::Less);
    let is_whole = comparator.patch.is_some();
    match comparator.op {
        Op::Exact | Op::Wildcard if !is_whole => reaches && next(after(comparator)),
        Op::Exact | Op::Wildcard => version.cmp_precedence(&least) == Ordering::Equal,
        Op::Greater if !is_whole => !next(after(comparator)),
        Op::Greater => version.cmp_precedence(&least) == Ordering::Greater,
        Op::GreaterEq => reaches,
        Op::Less => !reaches,
        Op::LessEq if !is_whole => next(after(comparator)),
        Op::LessEq => version.cmp_precedence(&least) != Ordering::Greater,
        Op::Tilde => reaches && next(after(comparator)),
        Op::Caret => reaches && next(caret_end(comparator)),
        // A form that a later semver adds: whoever wrote it meant to revoke something.
        _ => true,
    }
}

/// The smallest version that `comparator` names, missing parts being zero.
fn least(comparator: &Comparator) -> Version {
    Version {
        major: comparator.major,
        minor: comparator.minor.unwrap_or(0),
        patch: comparator.patch.unwrap_or(0),
        pre: comparator.pre.clone(),
        build: BuildMetadata::EMPTY,
    }
}

/// The first version behind all that a comparator with missing parts names; `None` if there is none.
fn after(comparator: &Comparator) -> Option<Version> {
    match comparator.minor {
        Some(minor) => minor.checked_add(1).map(|minor| Version::new(comparator.major, minor, 0)),
        None => next_major(comparator),
    }
}

fn next_major(comparator: &Comparator) -> Option<Version> {
    comparator.major.checked_add(1).map(|major| Version::new(major, 0, 0))
}

/// The leftmost part that is not zero stays.
fn caret_end(comparator: &Comparator) -> Option<Version> {
    match (comparator.major, comparator.minor, comparator.patch) {
        (0, Some(0), Some(patch)) => patch.checked_add(1).map(|patch| Version::new(0, 0, patch)),
        (0, Some(_), _) => after(comparator),
        _ => next_major(comparator),
    }
}

impl fmt::Display for VersionRange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl Serialize for VersionRange {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.text)
    }
}

impl<'de> Deserialize<'de> for VersionRange {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Self::parse(&text).ok_or_else(|| D::Error::custom("a range of versions is not semver, such as `<1.2.3`"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use semver::Prerelease;

    fn check(range: &str, affected: &[&str], not: &[&str]) {
        let range = VersionRange::parse(range).expect("a range");
        let affects = |version: &&str| range.affects(&Version::parse(version).expect("a version"));
        assert_eq!(
            affected.iter().filter(|version| !affects(version)).collect::<Vec<_>>(),
            [&""; 0],
            "{range}: affected"
        );
        assert_eq!(not.iter().copied().filter(affects).collect::<Vec<_>>(), [""; 0], "{range}: not affected");
    }

    #[test]
    fn the_boundaries_of_a_range_and_the_prereleases_at_them() {
        check(
            "<1.2.3",
            &["0.0.0", "1.2.2", "1.2.2+b", "1.2.3-rc.1", "1.2.3-0", "1.0.0-a"],
            &["1.2.3", "1.2.3+b", "1.2.4-rc.1", "2.0.0"],
        );
        check("<=1.2.3", &["1.2.3", "1.2.3-rc.1", "1.2.3+b"], &["1.2.4-rc.1", "1.2.4"]);
        check("=1.2.3", &["1.2.3", "1.2.3+b", "1.2.3-rc.1"], &["1.2.2", "1.2.4", "1.2.4-rc.1"]);
        check(">=1.0.0, <1.4.2", &["1.0.0-rc.1", "1.0.0", "1.4.1", "1.4.2-rc.1"], &["0.9.9", "1.4.2", "1.5.0-rc.1"]);
        check(">1.2.3", &["1.2.4", "1.2.4-rc.1", "2.0.0"], &["1.2.3", "1.2.3-rc.1", "1.2.2"]);
        check("<1.2.3-rc.2", &["1.2.3-rc.1", "1.2.2"], &["1.2.3-rc.2", "1.2.3-rc.10", "1.2.3"]);
        check("=1.2.3-rc.1", &["1.2.3-rc.1"], &["1.2.3-rc.2", "1.2.3"]);
        check("*", &["0.0.0", "1.2.3-rc.1", "99.0.0"], &[]);
        check("1.2", &["1.2.0", "1.9.9", "1.2.0-rc.1"], &["1.1.9", "2.0.0"]);
        check("=1.2", &["1.2.0", "1.2.9", "1.2.0-rc.1"], &["1.1.9", "1.3.0"]);
        check("1.2.*", &["1.2.0", "1.2.9"], &["1.3.0", "1.1.9"]);
        check(">1.2", &["1.3.0", "2.0.0"], &["1.2.9"]);
        check("<=1.2", &["1.2.9", "1.0.0"], &["1.3.0"]);
        check("~1.2.3", &["1.2.3", "1.2.9"], &["1.2.2", "1.3.0"]);
        check("^0.2.3", &["0.2.3", "0.2.9"], &["0.2.2", "0.3.0"]);
        check("^0.0.3", &["0.0.3"], &["0.0.2", "0.0.4"]);
        check(">18446744073709551615", &[], &["1.0.0", "18446744073709551615.0.0"]);
    }

    #[test]
    fn what_is_no_range_is_refused() {
        for text in ["", "abc", "<1.2.3 || >2.0.0", ">=", "1.2.3.4", "<1.2.3,"] {
            assert_eq!(VersionRange::parse(text), None, "{text}");
        }
    }

    proptest! {
        #[test]
        fn whatever_the_requirement_matches_is_affected(op in prop::sample::select(vec!["<", "<=", ">", ">=", "=", "^", "~", ""]), parts in (0..3u64, 0..3u64, 0..3u64), pre: bool, given in (0..3u64, 0..3u64, 0..3u64), given_pre in 0..3u64) {
            let text = format!("{op}{}.{}.{}{}", parts.0, parts.1, parts.2, if pre { "-rc.1" } else { "" });
            let mut version = Version::new(given.0, given.1, given.2);
            if given_pre > 0 {
                version.pre = Prerelease::new(&format!("rc.{}", given_pre - 1)).expect("a prerelease");
            }
            let range = VersionRange::parse(&text).expect("a range");
            prop_assert!(!range.requirement.matches(&version) || range.affects(&version), "{text} {version}");
            if version.pre.is_empty() && !pre {
                prop_assert_eq!(range.requirement.matches(&version), range.affects(&version), "{} {}", text, version);
            }
        }
    }
}
