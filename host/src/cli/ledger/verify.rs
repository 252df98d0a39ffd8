//! Whether the ledger is what it was.

use std::path::{Path, PathBuf};

use portcullis::{
    diagnostic::Diagnostic,
    files::{read_capped, shown},
    ledger::{Broken, Ledger, Mode, Seal, SealError, Unverified, Verified},
    text::{counted, grouped},
    trust::PublicKey,
};
use serde::Serialize;
use serde_json::json;

use super::{Exit, Failure, Outcome, Place, failed, modules::read_public_key, term};

/// The most bytes of a seal; an honest one has some hundred.
const CAP: u64 = 64 << 10;

#[derive(clap::Args)]
pub(super) struct Args {
    #[command(flatten)]
    place: Place,
    /// A seal that was kept elsewhere
    #[arg(long, value_name = "FILE", requires = "key")]
    seal: Option<PathBuf>,
    /// A public key whose seal counts; more than once
    #[arg(long, value_name = "PUB", requires = "seal")]
    key: Vec<PathBuf>,
    /// As JSON
    #[arg(long)]
    json: bool,
}

/// One thing that does not add up, with its sentence.
#[derive(Serialize)]
struct Told<'a> {
    #[serde(flatten)]
    broken: &'a Broken,
    message: String,
}

impl Args {
    pub(super) fn execute(self) -> Outcome {
        let seal = self.seal.as_deref().map(|path| read_seal(path, &self.key)).transpose()?;
        let ledger = self.place.open(Mode::Read)?;
        match checked(&ledger, seal.as_ref())? {
            Ok(verified) => self.accept(&verified, seal.as_ref()),
            Err(broken) => tell(&broken, self.json),
        }
    }

    fn accept(&self, verified: &Verified, seal: Option<&Seal>) -> Outcome {
        let Verified { head, runs, finished, pruned, blobs, bytes } = verified;
        if self.json {
            term::out_json(&json!({
                "verified": true,
                "head": { "entries": head.entries, "sha256": head.hash },
                "seal": seal.map(|seal| json!({
                    "entries": seal.head().entries, "sealedAt": seal.sealed_at().to_string(),
                })),
                "runs": runs, "finished": finished, "pruned": pruned, "blobs": blobs, "bytes": bytes,
            }))?;
            return Ok(Exit::Ok);
        }
        let mut text = format!(
            "everything adds up: {}, {} ({} ended, {} pruned), {} bytes in {}\nhead {}\n",
            many(head.entries, "entry", "entries"),
            many(*runs, "run", "runs"),
            grouped(*finished),
            grouped(*pruned),
            grouped(*bytes),
            many(*blobs, "blob", "blobs"),
            head.hash
        );
        text.push_str(&match seal {
            Some(seal) => {
                let (sealed, at) = (seal.head().entries, seal.sealed_at());
                format!("as sealed on {at}, up to entry {}\n", grouped(sealed))
            }
            None => "without a seal it cannot be told whether the whole chain was written anew\n".to_owned(),
        });
        term::out(&text)?;
        Ok(Exit::Ok)
    }
}

/// The ledger as it was verified, or what does not add up in it.
pub(super) fn checked(ledger: &Ledger, seal: Option<&Seal>) -> Result<Result<Verified, Vec<Broken>>, Failure> {
    match ledger.verify(seal) {
        Ok(verified) => Ok(Ok(verified)),
        Err(Unverified::Broken(broken)) => Ok(Err(broken)),
        Err(Unverified::Unreadable(error)) => Err(failed(ledger.path(), &error)),
    }
}

/// Says what does not add up.
pub(super) fn tell(broken: &[Broken], json: bool) -> Outcome {
    if json {
        let told: Vec<Told<'_>> = broken.iter().map(|broken| Told { broken, message: broken.to_string() }).collect();
        term::out_json(&json!({ "verified": false, "broken": told }))?;
    } else {
        let lines: String = broken.iter().map(|broken| format!("BROKEN [{}] {broken}\n", broken.code())).collect();
        term::out(&lines)?;
        term::say("the ledger is not what it was; take it from a backup, and keep this one for whoever looks into it");
    }
    Ok(Exit::No)
}

fn read_seal(path: &Path, keys: &[PathBuf]) -> Result<Seal, Failure> {
    let keys = keys.iter().map(|key| read_public_key(key)).collect::<Result<Vec<PublicKey>, _>>()?;
    let bytes = read_capped(path, CAP)?;
    Seal::read(&bytes, &keys).map_err(|error| {
        let exit = if error == SealError::Untrusted { Exit::Refused } else { Exit::Usage };
        Failure::new(exit, Diagnostic::new(error.code(), error.to_string()).at(shown(path)))
    })
}

pub(super) fn many(count: u64, one: &str, several: &str) -> String {
    counted(usize::try_from(count).unwrap_or(usize::MAX), one, several)
}
