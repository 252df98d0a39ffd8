//! Signing the end of the chain, once everything before it adds up.

use std::path::PathBuf;

use jiff::Timestamp;
use portcullis::{
    diagnostic::Diagnostic,
    files::{shown, write_whole},
    ledger::Mode,
};

use super::{
    Exit, Failure, Outcome, Place, host,
    modules::read_private_key,
    term,
    verify::{checked, many, tell},
};

#[derive(clap::Args)]
pub(super) struct Args {
    /// The private key that signs
    #[arg(long, value_name = "FILE")]
    key: PathBuf,
    /// Where the seal goes; best a place that the ledger's writers cannot write to [default: stdout]
    #[arg(short, long, value_name = "FILE")]
    out: Option<PathBuf>,
    #[command(flatten)]
    place: Place,
    /// As of when, RFC 3339 [default: now]
    #[arg(long, value_name = "TIME")]
    now: Option<Timestamp>,
}

impl Args {
    pub(super) fn execute(self) -> Outcome {
        let key = read_private_key(&self.key)?;
        let ledger = self.place.open(Mode::Read)?;
        let verified = match checked(&ledger, None)? {
            Ok(verified) => verified,
            Err(broken) => return tell(&broken, false),
        };
        let sealed = verified.seal(host::now(self.now)).sign(&key);
        let text =
            sealed.map_err(|error| Failure::blocked(Diagnostic::new(error.code(), error.to_string())))?.to_json();
        drop(ledger);
        self.gather();
        match &self.out {
            None => term::out(&text)?,
            Some(out) => {
                write_whole(out, text.as_bytes(), 0o644)?;
                let (entries, key) = (many(verified.head.entries, "entry", "entries"), key.public().id().short());
                term::out_line(&format!("{}  {entries}, sealed by the key {key}", shown(out)))?;
            }
        }
        Ok(Exit::Ok)
    }
}

impl Args {
    /// What is sealed is best copied as one file; where it cannot be made one, the log beside it belongs to it.
    fn gather(&self) {
        if self.place.open(Mode::Write).is_ok_and(|ledger| ledger.into_one_file().is_err()) {
            term::note("the ledger is in use: whoever copies it copies the file with `-wal` behind its name too");
        }
    }
}
