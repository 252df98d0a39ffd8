//! Entries held against what was found: what passes, and what of the entries has to be told.

use std::fmt;

use jiff::civil::Date;

use super::{Entry, Suppressions};
use crate::{
    diagnostic::Diagnostic,
    findings::{Found, Suppressed, is_internal},
    text::{counted, printable},
};

/// How many findings each entry named. One for each thread, and one of all of them in the end.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Used {
    counts: Vec<u64>,
}

impl Used {
    fn note(&mut self, place: usize) {
        if self.counts.len() <= place {
            self.counts.resize(place + 1, 0);
        }
        if let Some(count) = self.counts.get_mut(place) {
            *count += 1;
        }
    }

    /// How many findings the entry at that place named.
    #[must_use]
    pub fn count(&self, place: usize) -> u64 {
        self.counts.get(place).copied().unwrap_or_default()
    }

    /// What is counted here and there.
    #[must_use]
    pub fn merge(mut self, other: &Self) -> Self {
        self.counts.resize(self.counts.len().max(other.counts.len()), 0);
        for (count, more) in self.counts.iter_mut().zip(&other.counts) {
            *count += more;
        }
        self
    }
}

impl Suppressions {
    /// Marks what is let pass on `today`, and counts in `used` which entries named anything, those that have expired too. A
    /// failure of the tool itself is never let pass.
    pub fn apply(&self, found: &mut [Found], today: Date, used: &mut Used) {
        for found in found.iter_mut().filter(|found| !is_internal(&found.finding)) {
            for place in self.matching(&found.fingerprints) {
                used.note(place);
                let holds = self.entries.get(place).filter(|entry| !entry.is_expired(today));
                found.suppressed = found.suppressed.take().or_else(|| holds.map(Suppressed::from));
            }
        }
    }

    /// What has to be told of the entries after a scan of everything that they are for, in the order of the file: those that
    /// have expired, those that will within so many days, and those that named nothing.
    #[must_use]
    pub fn notices(&self, used: &Used, today: Date, within: u32) -> Vec<Notice<'_>> {
        let entries = self.entries.iter().enumerate();
        entries.filter_map(|(place, entry)| Notice::of(entry, Some(used.count(place)), today, within)).collect()
    }

    /// The same where nothing was scanned: of their days alone.
    #[must_use]
    pub fn due(&self, today: Date, within: u32) -> Vec<Notice<'_>> {
        self.entries.iter().filter_map(|entry| Notice::of(entry, None, today, within)).collect()
    }
}

impl From<&Entry> for Suppressed {
    fn from(entry: &Entry) -> Self {
        let Entry { reason, owner, expires, .. } = entry;
        Self { reason: reason.clone(), owner: owner.clone(), expires: expires.map(|day| day.to_string()) }
    }
}

/// What has to be told of an entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Notice<'a> {
    /// Its last day is over.
    Expired {
        /// Which.
        entry: &'a Entry,
        /// How many findings it named, where something was scanned: they decide again.
        findings: Option<u64>,
    },
    /// Its last day is near.
    Expiring {
        /// Which.
        entry: &'a Entry,
        /// How many days are left after this one.
        days: u32,
    },
    /// It named nothing.
    Unused {
        /// Which.
        entry: &'a Entry,
    },
}

impl<'a> Notice<'a> {
    /// What has to be told of an entry that named so many findings, where something was scanned.
    fn of(entry: &'a Entry, findings: Option<u64>, today: Date, within: u32) -> Option<Self> {
        if entry.is_expired(today) {
            return Some(Self::Expired { entry, findings });
        }
        if findings == Some(0) {
            return Some(Self::Unused { entry });
        }
        let days = entry.days_left(today).filter(|days| *days <= within)?;
        Some(Self::Expiring { entry, days })
    }

    /// Which entry.
    #[must_use]
    pub fn entry(&self) -> &'a Entry {
        match self {
            Self::Expired { entry, .. } | Self::Expiring { entry, .. } | Self::Unused { entry } => entry,
        }
    }

    /// The stable code.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Expired { .. } => "suppression-expired",
            Self::Expiring { .. } => "suppression-expiring",
            Self::Unused { .. } => "suppression-unused",
        }
    }

    /// How it is told of the file with that name.
    #[must_use]
    pub fn diagnostic(&self, file: &str) -> Diagnostic {
        let place = format!("{}:{}", printable(file), self.entry().line);
        let help = match self {
            Self::Expired { .. } | Self::Expiring { .. } => {
                "mend what it lets pass, or give it a later day with a reason"
            }
            Self::Unused { .. } => "`portcullis suppress prune` takes such entries out",
        };
        Diagnostic::new(self.code(), self.to_string()).at(place).help(help)
    }
}

/// One sentence, with the owner's name.
impl fmt::Display for Notice<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let entry = self.entry();
        match &entry.owner {
            Some(owner) => write!(f, "the suppression {} of @{owner}", entry.fingerprint)?,
            None => write!(f, "the suppression {}, which names no owner,", entry.fingerprint)?,
        }
        let day = entry.expires.map(|day| day.to_string()).unwrap_or_default();
        match self {
            Self::Expired { findings: None | Some(0), .. } => write!(f, " expired after {day}"),
            Self::Expired { findings: Some(count), .. } => {
                let count = usize::try_from(*count).unwrap_or(usize::MAX);
                write!(f, " expired after {day}: {}", counted(count, "finding decides again", "findings decide again"))
            }
            Self::Expiring { days: 0, .. } => write!(f, " holds until today, {day}"),
            Self::Expiring { days, .. } => {
                write!(f, " holds until {day}: {} left", counted(*days as usize, "day", "days"))
            }
            Self::Unused { .. } => write!(f, " names nothing that was found"),
        }
    }
}
