//! Entries added and taken out. What else is in the file stays as it is.

use std::{fs, path::PathBuf};

use jiff::{Timestamp, civil::Date};
use portcullis::{
    files::{FileError, lock, read_capped, shown, write_whole},
    findings::{
        Fingerprint, day,
        suppressions::{AddError, CAP, Entry, HEAD, add, day_of, owner_of, without},
    },
    report::github::defused,
    text::{counted, printable},
};

use super::{Diagnostic, Exit, Failure, Outcome, Source, host, parsed, read_scan, refused, term, unreadable};

#[derive(clap::Args)]
pub(super) struct Add {
    /// The finding's name, 16 hex digits: of either kind that a scan shows
    fingerprint: Fingerprint,
    /// Why it may pass
    #[arg(long, value_name = "TEXT")]
    reason: String,
    /// Who answers for it
    #[arg(long, value_name = "@NAME", value_parser = owner)]
    owner: Option<String>,
    /// The last day on which it holds, in UTC
    #[arg(long, value_name = "YYYY-MM-DD", value_parser = last_day)]
    expires: Option<Date>,
    #[command(flatten)]
    source: Source,
    /// As of when, RFC 3339 [default: now]
    #[arg(long, value_name = "TIME")]
    now: Option<Timestamp>,
}

#[derive(clap::Args)]
#[command(group = clap::ArgGroup::new("what").required(true).multiple(true))]
pub(super) struct Prune {
    /// The classification.json of a scan of everything that the entries are for: those that name nothing in it go
    #[arg(long, value_name = "FILE", group = "what")]
    scan: Option<PathBuf>,
    /// Entries whose last day is over go
    #[arg(long, group = "what")]
    expired: bool,
    /// Show what would go, and change nothing
    #[arg(long)]
    dry_run: bool,
    #[command(flatten)]
    source: Source,
    /// As of when, RFC 3339 [default: now]
    #[arg(long, value_name = "TIME")]
    now: Option<Timestamp>,
}

fn owner(text: &str) -> Result<String, String> {
    let name = text.strip_prefix('@').unwrap_or(text);
    owner_of(name).ok_or_else(|| "an owner is a name such as @ann or @team/core".to_owned())
}

fn last_day(text: &str) -> Result<Date, String> {
    day_of(text).ok_or_else(|| "a day is YYYY-MM-DD, such as 2026-04-01".to_owned())
}

impl Add {
    pub(super) fn execute(self) -> Outcome {
        let path = self.source.path();
        let today = day(host::now(self.now));
        // However it was typed, a reason is words on one line.
        let reason: Vec<&str> = self.reason.split_whitespace().collect();
        let (fingerprint, reason) = (self.fingerprint, reason.join(" "));
        let entry = Entry { fingerprint, reason, owner: self.owner, expires: self.expires, line: 0 };
        if entry.reason.is_empty() {
            return Err(refused("suppression-reason", "there is no reason why it may pass", &path));
        }
        if entry.is_expired(today) {
            return Err(refused("suppression-expiry", format!("its last day is over: today is {today}"), &path));
        }
        if let Some(folder) = path.parent() {
            fs::create_dir_all(folder).map_err(|error| FileError::Write(folder.to_owned(), error))?;
        }
        let _lock = lock(&path)?;
        let before = match read_capped(&path, CAP) {
            Err(FileError::Missing(_)) => HEAD.as_bytes().to_vec(),
            read => read?,
        };
        let after = add(&before, &entry).map_err(|error| match error {
            AddError::Unreadable(problems) => unreadable(&path, &problems),
            AddError::Present(line) => {
                let problem = Diagnostic::new("suppression-twice", error.to_string());
                Failure::usage(problem.at(format!("{}:{line}", shown(&path))).help("change that line"))
            }
            AddError::Unwritable => refused("suppression-reason", error.to_string(), &path),
        })?;
        write_whole(&path, &after, 0o644)?;
        term::out_line(&defused(&format!("{}  {}", shown(&path), printable(&entry.to_string()))))?;
        Ok(Exit::Ok)
    }
}

impl Prune {
    pub(super) fn execute(self) -> Outcome {
        let path = self.source.path();
        let today = day(host::now(self.now));
        let _lock = if self.dry_run || !path.exists() { None } else { Some(lock(&path)?) };
        let bytes = self.source.bytes()?;
        let suppressions = parsed(&path, &bytes)?;
        let names = self.scan.as_ref().map(|scan| {
            read_scan(scan)?.names().ok_or_else(|| {
                let why = "the scan does not name all that it found, so nobody can say what is unused";
                refused("scan-unnamed", why, scan)
            })
        });
        let names = names.transpose()?;
        let goes = |entry: &&Entry| {
            let is_unused = names.as_ref().is_some_and(|names| !names.contains(&entry.fingerprint));
            is_unused || self.expired && entry.is_expired(today)
        };
        let gone: Vec<&Entry> = suppressions.entries().iter().filter(goes).collect();
        let mut text: String = gone.iter().map(|entry| format!("{}\n", printable(&entry.to_string()))).collect();
        let done = if self.dry_run { "would go" } else { "gone" };
        let of = counted(suppressions.entries().len(), "entry", "entries");
        text.push_str(&format!("{} of {of} {done} from {}\n", gone.len(), shown(&path)));
        if !gone.is_empty() && !self.dry_run {
            let lines: Vec<usize> = gone.iter().map(|entry| entry.line).collect();
            write_whole(&path, &without(&bytes, &lines), 0o644)?;
        }
        term::out(&defused(&text))?;
        Ok(Exit::Ok)
    }
}
