//! All that was kept of a run: as a folder, or as one JSON document. Everything is held against its digest on the way, and
//! no name out of a ledger becomes a path.

use std::{
    collections::BTreeSet,
    fs::{self, File},
    io::BufWriter,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use portcullis::{
    diagnostic::Diagnostic,
    digest::Digest,
    files::{FileError, shown, write_whole},
    ledger::{Kept, KeptRun, Kind, Ledger, Mode, role},
    report::pretty,
    text::counted,
};
use serde_json::{Map, Value, json};

use super::{
    Exit, Failure, Outcome, Place,
    place::{failed, run},
    term,
};

#[derive(clap::Args)]
pub(super) struct Args {
    /// The run: its name, the beginning of it, or `last`
    run: String,
    /// A folder that is not there yet: run.json, decision.json, and all bytes under blobs/ by their SHA-256
    #[arg(short, long, value_name = "DIR", required_unless_present = "json")]
    out: Option<PathBuf>,
    #[command(flatten)]
    place: Place,
    /// One JSON document on stdout, with all bytes in it
    #[arg(long, conflicts_with = "out")]
    json: bool,
}

impl Args {
    pub(super) fn execute(self) -> Outcome {
        let ledger = self.place.open(Mode::Read)?;
        let run = run(&ledger, &self.run)?;
        let digests: BTreeSet<Digest> = kept(&run).filter(|kept| kept.there).map(|kept| kept.digest).collect();
        if run.row.pruned {
            term::note("the bytes of this run were pruned: what is left is what other runs share");
        }
        match &self.out {
            Some(out) => {
                write(&ledger, &run, &digests, out)?;
                let entries = counted(run.entries.len(), "entry", "entries");
                let blobs = counted(digests.len(), "blob", "blobs");
                term::out_line(&format!("{entries} and {blobs} in `{}`", shown(out)))?;
            }
            None => term::out_json(&document(&ledger, &run, &digests)?)?,
        }
        Ok(Exit::Ok)
    }
}

fn kept(run: &KeptRun) -> impl Iterator<Item = &Kept> {
    run.entries.iter().flat_map(|entry| &entry.keeps)
}

fn document(ledger: &Ledger, run: &KeptRun, digests: &BTreeSet<Digest>) -> Result<Value, Failure> {
    let mut blobs = Map::new();
    for digest in digests {
        let bytes = ledger.blob(digest).map_err(|error| failed(ledger.path(), &error))?;
        let blob = match String::from_utf8(bytes) {
            Ok(text) => json!({ "text": text }),
            Err(error) => json!({ "base64": STANDARD.encode(error.as_bytes()) }),
        };
        blobs.insert(digest.to_string(), blob);
    }
    Ok(json!({ "schema": 1, "run": run, "blobs": blobs }))
}

/// The folder has its name once everything is in it.
fn write(ledger: &Ledger, run: &KeptRun, digests: &BTreeSet<Digest>, out: &Path) -> Result<(), Failure> {
    let unwritten = |error| FileError::Write(out.to_owned(), error);
    if out.symlink_metadata().is_ok() {
        let problem = Diagnostic::new("output-exists", format!("`{}` is there already", shown(out)));
        return Err(Failure::usage(problem.help("name a folder that is not there yet")));
    }
    let parent = out.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let making = tempfile::Builder::new()
        .prefix(".portcullis-")
        .permissions(fs::Permissions::from_mode(0o700))
        .tempdir_in(parent)
        .map_err(unwritten)?;
    let blobs = making.path().join("blobs");
    fs::create_dir(&blobs).map_err(unwritten)?;
    for digest in digests {
        copy(ledger, digest, &blobs.join(digest.to_string()))?;
    }
    let record = run.entry(Kind::Finish, Kind::Finish.name()).and_then(|entry| entry.kept(role::RECORD));
    if let Some(record) = record.filter(|record| record.there) {
        copy(ledger, &record.digest, &making.path().join("decision.json"))?;
    }
    let index = pretty(&json!({ "schema": 1, "run": run })).map_err(|error| unwritten(error.into()))?;
    write_whole(&making.path().join("run.json"), index.as_bytes(), 0o600)?;
    fs::rename(making.path(), out).map_err(unwritten)?;
    // The folder has its name now, and what would be removed is gone from where it was made.
    let _ = making.keep();
    Ok(())
}

fn copy(ledger: &Ledger, digest: &Digest, path: &Path) -> Result<(), Failure> {
    let unwritten = |error| FileError::Write(path.to_owned(), error);
    let mut file = BufWriter::new(File::create_new(path).map_err(unwritten)?);
    ledger.copy_blob(digest, &mut file).map_err(|error| failed(ledger.path(), &error))?;
    file.into_inner().map_err(|error| unwritten(error.into_error()))?;
    Ok(())
}
