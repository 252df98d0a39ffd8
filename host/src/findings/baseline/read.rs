//! A baseline read back, this tool's or an older one's.

use std::{
    collections::{BTreeMap, BTreeSet, btree_map},
    fmt,
};

use serde::{
    Deserialize, Deserializer,
    de::{Error as _, MapAccess, Visitor},
};

use super::{
    super::{
        Fingerprint, Stamp,
        artifact::{self, Artifact, ArtifactError},
    },
    Known,
};
use crate::judge::ResultCode;

/// What files came to before.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Baseline {
    counts: BTreeMap<String, u64>,
    files: Option<Vec<File>>,
    findings: Option<BTreeSet<Fingerprint>>,
}

/// What one file came to. Texts are hostile.
#[derive(Clone, Debug, PartialEq, Deserialize)]
pub(super) struct File {
    pub(super) path: String,
    pub(super) code_name: String,
    #[serde(default)]
    pub(super) line: Option<u32>,
    #[serde(default)]
    pub(super) message: Option<String>,
}

/// The document. Older tools leave out what their comparison did not need, but never the counts.
#[derive(Deserialize)]
struct Raw {
    #[serde(default, rename = "timestamp")]
    _timestamp: Option<Stamp>,
    #[serde(default)]
    total: Option<u64>,
    by_code: Counts,
    #[serde(default)]
    failure_rate: Option<f64>,
    #[serde(default)]
    files: Option<Vec<File>>,
    #[serde(default)]
    findings: Option<BTreeSet<Fingerprint>>,
}

impl Baseline {
    /// Reads `parse_baseline.json`.
    ///
    /// # Errors
    /// When it is cut, empty, something else, or contradicts itself.
    pub fn read(bytes: &[u8]) -> Result<Self, ArtifactError> {
        let raw: Raw = artifact::read(Artifact::Baseline, bytes)?;
        raw.contradiction().map_or(Ok(()), |why| Err(ArtifactError::foreign(Artifact::Baseline, why)))?;
        Ok(Self { counts: raw.by_code.0, files: raw.files, findings: raw.findings })
    }

    /// The baseline of no files: what stands for a reference that nobody has made yet.
    #[must_use]
    pub fn of_nothing() -> Self {
        Self::default()
    }

    /// How many files came to a code, those that were let pass apart.
    #[must_use]
    pub fn count(&self, code: ResultCode) -> u64 {
        self.counts.get(code.name()).copied().unwrap_or_default()
    }

    /// The files that came to a code, where all of them are listed.
    pub(super) fn files_with(&self, code: ResultCode) -> Option<BTreeSet<&str>> {
        let files = self.files.iter().flatten().filter(|file| file.code_name == code.name());
        let paths: BTreeSet<&str> = files.map(|file| file.path.as_str()).collect();
        (u64::try_from(paths.len()) == Ok(self.count(code))).then_some(paths)
    }

    /// What was known when it was made, to tell what is new.
    ///
    /// # Errors
    /// When it counts what was wrong and does not say what.
    pub fn known(&self) -> Result<Known, ArtifactError> {
        let wrong = |name: &str| {
            let name = name.strip_prefix("Suppressed-").unwrap_or(name);
            [ResultCode::ParseError, ResultCode::ValidationError].map(ResultCode::name).contains(&name)
        };
        let is_wrong = self.counts.iter().any(|(name, count)| *count > 0 && wrong(name));
        let known = match (&self.findings, &self.files) {
            (Some(findings), _) => Some(Known::findings(findings)),
            (None, Some(files)) => Some(Known::entries(files)),
            (None, None) => None,
        };
        known
            .filter(|known| !(is_wrong && known.is_empty()))
            .ok_or_else(|| ArtifactError::foreign(Artifact::Baseline, "it counts what was wrong and does not list it"))
    }
}

impl Raw {
    /// What in it cannot be, if anything.
    fn contradiction(&self) -> Option<String> {
        let Counts(counts) = &self.by_code;
        let sum = counts.values().fold(0_u64, |sum, count| sum.saturating_add(*count));
        let listed = self.files.as_ref().map_or(0, |files| files.len() as u64);
        match self.total {
            None if counts.is_empty() => Some("it counts nothing".to_owned()),
            Some(total) if sum > total => Some(format!("it counts {sum} of {total} files")),
            Some(total) if listed > total => Some(format!("it lists {listed} of {total} files")),
            Some(total) if sum == 0 && total > 0 => Some(format!("it counts none of {total} files")),
            _ if self.failure_rate.is_some_and(|rate| !(0.0..=1.0).contains(&rate)) => {
                Some("its failure rate is not within 0 and 1".to_owned())
            }
            _ => None,
        }
    }
}

/// `by_code`: a number a code, or an object that has it as `count`.
struct Counts(BTreeMap<String, u64>);

#[derive(Deserialize)]
#[serde(untagged)]
enum Count {
    Plain(u64),
    Within { count: u64 },
}

impl<'de> Deserialize<'de> for Counts {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Codes;
        impl<'de> Visitor<'de> for Codes {
            type Value = Counts;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("how many files came to each code")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Counts, A::Error> {
                let mut counts = BTreeMap::new();
                while let Some((name, count)) = map.next_entry::<String, Count>()? {
                    let (Count::Plain(count) | Count::Within { count }) = count;
                    match counts.entry(name) {
                        btree_map::Entry::Vacant(place) => place.insert(count),
                        btree_map::Entry::Occupied(_) => return Err(A::Error::custom("a code is counted twice")),
                    };
                }
                Ok(Counts(counts))
            }
        }
        deserializer.deserialize_map(Codes)
    }
}
