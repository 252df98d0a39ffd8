//! Whether a list is taken, by all the rules that bytes, a root and a clock can decide.

use std::path::PathBuf;

use jiff::Timestamp;
use portcullis::{
    digest::Digest,
    files::read_capped,
    text::{counted, excerpt},
    trust::{Demand, DocumentError, Floor, Freshness, List, TrustFile, check_list},
};
use serde::Serialize;

use super::{Answer, Outcome, RootFlags, host, term};
use portcullis::intake::CAP;

/// The state file of this machine is neither read nor written: --floor says what was seen.
#[derive(clap::Args)]
pub(super) struct Args {
    /// The signed list
    list: PathBuf,
    #[command(flatten)]
    root: RootFlags,
    /// As of when, RFC 3339 [default: now]
    #[arg(long, value_name = "TIME")]
    now: Option<Timestamp>,
    /// What was seen: nothing older is taken, nor other bytes of the same number
    #[arg(long, value_name = "EPOCH:VERSION[:SHA256]", value_parser = floor)]
    floor: Option<Floor>,
    /// As JSON
    #[arg(long)]
    json: bool,
}

fn floor(text: &str) -> Result<Floor, String> {
    Floor::parse(text).ok_or_else(|| "a floor is EPOCH:VERSION or EPOCH:VERSION:SHA256, such as 1:42".to_owned())
}

/// What is said of a list that is taken.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Facts {
    list_id: String,
    epoch: u64,
    version: u64,
    root_version: u64,
    issued: String,
    expires: String,
    age_seconds: i64,
    freshness: Freshness,
    entries: usize,
    digest: String,
    /// What `--floor` asks for from now on.
    floor: String,
}

impl Args {
    pub(super) fn execute(self) -> Outcome {
        let answer = Answer::new(self.json, &self.list);
        let now = host::now(self.now);
        let file = match self.root.need(now) {
            Ok(file) => file,
            Err(failure) => return answer.unrooted(failure),
        };
        let bytes = match read_capped(&self.list, CAP) {
            Ok(bytes) => bytes,
            Err(error) => return answer.unreadable(&error),
        };
        match self.check(&bytes, &file, now) {
            Ok(facts) => {
                let text = format!(
                    "accepted: list {} version {}.{}, {}, {}, {}\nfloor {}",
                    excerpt(&facts.list_id, 64),
                    facts.epoch,
                    facts.version,
                    term::age(facts.age_seconds),
                    if facts.freshness == Freshness::Stale { "stale" } else { "fresh" },
                    counted(facts.entries, "entry", "entries"),
                    facts.floor
                );
                answer.accept(&facts, &text)
            }
            Err(error) => answer.refuse(&error),
        }
    }

    fn check(&self, bytes: &[u8], file: &TrustFile, now: Timestamp) -> Result<Facts, DocumentError> {
        let rules = &file.revocations;
        let written = rules.min_version.map(|(epoch, version)| Floor { epoch, version, payload: None });
        let floors = [written, self.floor];
        let floor = floors.into_iter().flatten().max_by_key(|floor| (floor.epoch, floor.version, floor.payload));
        let (max_age, offline_grace) = (rules.max_age, rules.offline_grace);
        let demand = Demand { list_id: rules.list_id.clone(), floor, seen: Vec::new(), max_age, offline_grace };
        let checked = check_list(bytes, &file.root, &demand, now);
        let freshness = checked.verdict?;
        file.root.check_time(now)?;
        let (list, digest) = checked.authentic.ok_or(DocumentError::Missing)?;
        Ok(facts(&list, digest, freshness, now))
    }
}

fn facts(list: &List, digest: Digest, freshness: Freshness, now: Timestamp) -> Facts {
    Facts {
        list_id: list.list_id.clone(),
        epoch: list.epoch.get(),
        version: list.version.get(),
        root_version: list.root_version.get(),
        issued: list.issued.to_string(),
        expires: list.expires.to_string(),
        age_seconds: list.age(now).as_secs(),
        freshness,
        entries: list.entries.len(),
        digest: digest.to_string(),
        floor: format!("{}:{}:{digest}", list.epoch, list.version),
    }
}
