//! Two runs of the same tests: nothing that passed before may fail or be gone after.

use portcullis_sdk::{
    evidence::{Members, RunAttempt, Sample, Seconds, preview},
    json,
    prelude::*,
};
use serde::{Deserializer, de::Error as _};

use crate::report::{Counts, Report};

/// The two, under the names that the manifest's `input` gives them.
#[derive(Deserialize)]
pub struct Suites<'a> {
    #[serde(borrow)]
    before: Suite<'a>,
    #[serde(borrow)]
    after: Suite<'a>,
}

/// What is known of one run of the tests.
enum Suite<'a> {
    /// A command that ran them.
    Run(Box<RunAttempt<'a>>),
    /// A report that was written elsewhere.
    Report(Report),
}

/// What one run says.
enum Said {
    /// Which tests passed.
    Names(Report),
    /// Whether all did.
    All(bool),
    /// Nothing, and why.
    Nothing(String),
}

impl<'de: 'a, 'a> Deserialize<'de> for Suite<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let document = <&RawValue>::deserialize(deserializer)?;
        if Members::read(document).is_some_and(|members| members.get("argv").is_some()) {
            return json::read(document.get()).map(Self::Run).map_err(D::Error::custom);
        }
        let report = Report::read(document).map(Self::Report);
        report.ok_or_else(|| D::Error::custom("neither a command's run nor a report of tests"))
    }
}

impl Suite<'_> {
    fn said(&self) -> Said {
        let run = match self {
            Self::Report(report) => return Said::Names(report.clone()),
            Self::Run(run) => run,
        };
        match Report::of(run) {
            _ if run.outcome != "completed" => Said::Nothing(run.ending()),
            Ok(Some(report)) => Said::Names(report),
            Ok(None) => Said::All(run.exited_with(0)),
            Err(why) => Said::Nothing(why),
        }
    }

    fn took(&self) -> Seconds {
        match self {
            Self::Run(run) => run.took,
            Self::Report(_) => Seconds::default(),
        }
    }

    fn shown(&self, said: &Said) -> Shown<'_> {
        let (argv, exit_code, outcome) = match self {
            Self::Run(run) => (Some(run.argv.as_slice()), run.exit_code, Some(&*run.outcome)),
            Self::Report(_) => (None, None, None),
        };
        let tests = if let Said::Names(report) = said { Some(report.counts()) } else { None };
        Shown { argv, exit_code, outcome, tests }
    }
}

impl Suites<'_> {
    /// How long both took.
    pub fn took(&self) -> Seconds {
        self.before.took().and(self.after.took())
    }

    /// The one held against the other.
    pub fn compared(&self) -> Compared<'_> {
        let (before, after) = (self.before.said(), self.after.said());
        let (shown_before, shown_after) = (self.before.shown(&before), self.after.shown(&after));
        let Change { trouble, broken, gone } = change(before, after);
        Compared { before: shown_before, after: shown_after, trouble, broken, gone }
    }
}

/// What became of the tests that passed.
#[derive(Default)]
struct Change {
    /// Why nothing can be said of each of them, or what is wrong with all.
    trouble: Option<String>,
    broken: Vec<String>,
    gone: Vec<String>,
}

fn change(before: Said, after: Said) -> Change {
    let trouble = match (before, after) {
        (Said::Nothing(why), _) => Some(format!("before: {why}")),
        (_, Said::Nothing(why)) => Some(format!("after: {why}")),
        (Said::Names(before), Said::Names(after)) if !before.passed.is_empty() => {
            let (broken, rest): (Vec<_>, Vec<_>) =
                before.passed.into_iter().partition(|name| after.failed.contains(name));
            let gone = rest.into_iter().filter(|name| !after.passed.contains(name)).collect();
            return Change { trouble: None, broken, gone };
        }
        (Said::All(true), Said::All(true)) => None,
        (Said::All(true), Said::All(false)) => Some("what passed before fails after".into()),
        // Where nothing passed there is nothing to keep, and any comparison with it would be good.
        (Said::Names(_), Said::Names(_)) | (Said::All(false), Said::All(_)) => {
            Some("nothing is known to have passed before".into())
        }
        (Said::Names(_), Said::All(_)) | (Said::All(_), Said::Names(_)) => {
            Some("one run names its tests, and the other does not".into())
        }
    };
    Change { trouble, ..Change::default() }
}

/// What is kept of one run.
#[derive(Serialize)]
struct Shown<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    argv: Option<&'a [String]>,
    exit_code: Option<i32>,
    outcome: Option<&'a str>,
    tests: Option<Counts>,
}

/// What the comparison came to.
#[derive(Serialize)]
pub struct Compared<'a> {
    before: Shown<'a>,
    after: Shown<'a>,
    #[serde(skip)]
    trouble: Option<String>,
    /// Tests that passed before and fail after.
    #[serde(serialize_with = "some_names")]
    broken: Vec<String>,
    /// Tests that passed before and are not there after.
    #[serde(serialize_with = "some_names")]
    gone: Vec<String>,
}

fn some_names<S: serde::Serializer>(names: &[String], serializer: S) -> Result<S::Ok, S::Error> {
    Sample::of(names.iter().map(String::as_str)).serialize(serializer)
}

impl Compared<'_> {
    /// Whether nothing is worse off, and a sentence about it.
    pub fn told(&self) -> (bool, String) {
        if let Some(trouble) = &self.trouble {
            return (false, trouble.clone());
        }
        let (broken, gone) = (self.broken.len(), self.gone.len());
        match self.broken.first().or(self.gone.first()) {
            None => (true, "all that passed before passes after".into()),
            Some(first) => {
                let first = preview(first, 200);
                (false, format!("{broken} that passed before fail after and {gone} are gone: {first}"))
            }
        }
    }
}
