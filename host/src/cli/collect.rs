//! `portcullis collect`: records a manifest's evidence, so that it can be judged later, elsewhere, without the world.

use std::{
    fs, io,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
};

use jiff::Timestamp;
use portcullis::{
    diagnostic::Diagnostic,
    evidence::{Collected, Piece, Recorded, Recorder, is_recorded},
    files::{FileError, shown},
    text::{counted, excerpt, grouped},
};

use super::{
    Exit, Failure, Outcome,
    evidence::{EvidenceFlags, Progress, collected, read_by},
    host,
    table::table,
    term,
};

/// Record a manifest's evidence without judging it
#[derive(clap::Args)]
#[command(
    after_help = "Examples:\n  portcullis collect release.toml --out recorded\n  portcullis run release.toml --evidence-dir recorded"
)]
pub(crate) struct Args {
    /// The manifest
    #[arg(default_value = "portcullis.toml")]
    manifest: PathBuf,
    /// Where the evidence goes: a folder that is empty, not there, or holds recorded evidence, which is replaced
    #[arg(long, value_name = "DIR", default_value = "portcullis-evidence")]
    out: PathBuf,
    #[command(flatten)]
    evidence: EvidenceFlags,
    /// Collect what these gates ask for, and those that they need
    #[arg(long, value_name = "GATE", num_args = 1..)]
    gates: Vec<String>,
    /// Files read at once [default: the machine's cores]
    #[arg(long, value_name = "N")]
    jobs: Option<usize>,
}

impl Args {
    pub(crate) fn execute(self, global: &term::Global) -> Outcome {
        let plan = self.evidence.plan(&self.manifest, &self.gates)?;
        let recorded = self.evidence.recorded(&plan)?;
        let read = read_by(&plan).chain(self.evidence.named()).chain(recorded.iter().map(Recorded::index_path));
        check_place(&self.out, read)?;
        // An older folder is not taken for this one, whatever happens from here on.
        remove(&self.out)?;
        let cancelled = host::watch_interrupts();
        let making = beside(&self.out)?;
        let recorder = Recorder::new(making.path())?;
        let progress = Progress::new(global);
        let jobs = (host::jobs(self.jobs, usize::MAX), cancelled);
        let collected = collected(&plan, recorded.as_ref(), Some(&recorder), jobs, &progress);
        recorder.finish(&plan, &collected, Timestamp::now())?;
        fs::rename(making.path(), &self.out).map_err(|error| FileError::Write(self.out.clone(), error))?;
        // The folder has its name now, and what would be removed is gone from where it was made.
        let _ = making.keep();
        let awaited = plan.awaited_agents();
        let waiting =
            awaited.iter().zip(plan.wanted_evidence()).filter(|(agents, wanted)| *wanted && !agents.is_empty());
        tell(&collected, waiting.count(), &self.out)
    }
}

/// Only a folder of ours is replaced, and none that this command reads.
fn check_place(out: &Path, read: impl Iterator<Item = PathBuf>) -> Result<(), Failure> {
    let Ok(place) = fs::canonicalize(out) else { return Ok(()) };
    for path in read {
        if fs::canonicalize(&path).is_ok_and(|path| path.starts_with(&place)) {
            let problem = Diagnostic::new("output-is-input", format!("`{}` is read by this command", shown(&path)));
            return Err(Failure::usage(problem.help("name another folder for --out")));
        }
    }
    let ours = ["collected.json", "evidence", "files"];
    let mut entries = fs::read_dir(out).map_err(|error| FileError::Read(out.to_owned(), error))?;
    let foreign = entries.find_map(|entry| {
        let name = entry.ok()?.file_name();
        (!ours.iter().any(|ours| name == **ours)).then_some(name)
    });
    let empty = fs::read_dir(out).is_ok_and(|mut entries| entries.next().is_none());
    if foreign.is_some() || !(empty || is_recorded(out)) {
        let message = format!("`{}` holds something else than recorded evidence", shown(out));
        return Err(Failure::usage(Diagnostic::new("not-evidence", message).help("name a new folder for --out")));
    }
    Ok(())
}

fn remove(out: &Path) -> Result<(), FileError> {
    match fs::remove_dir_all(out) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(FileError::Write(out.to_owned(), error)),
        _ => Ok(()),
    }
}

/// A folder in the same place, so that it can be put there whole; removed if that does not come about.
fn beside(out: &Path) -> Result<tempfile::TempDir, FileError> {
    let parent = out.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let failed = |error| FileError::Write(out.to_owned(), error);
    fs::create_dir_all(parent).map_err(failed)?;
    let permissions = fs::Permissions::from_mode(0o755);
    tempfile::Builder::new().prefix(".portcullis-").permissions(permissions).tempdir_in(parent).map_err(failed)
}

fn tell(collected: &Collected, waiting: usize, out: &Path) -> Outcome {
    let rows: Vec<[String; 5]> = collected.pieces().map(row).collect();
    let failed = collected.pieces().filter(|piece| piece.result.is_err()).count();
    let pieces = counted(rows.len(), "piece", "pieces");
    term::out(&table(&rows))?;
    for error in collected.pieces().filter_map(|piece| piece.result.as_ref().err()) {
        term::say(&format!("{} [{}]", excerpt(&error.to_string(), 500), excerpt(error.code(), 60)));
    }
    if waiting > 0 {
        let pieces = counted(waiting, "piece waits for its agent", "pieces wait for their agents");
        term::note(&format!("{pieces}, and a run collects that"));
    }
    match failed {
        0 => {
            term::out_line(&format!("{pieces} of evidence in `{}`", shown(out)))?;
            Ok(Exit::Ok)
        }
        failed => {
            term::out_line(&format!("{pieces} of evidence in `{}`, {failed} could not be collected", shown(out)))?;
            Ok(Exit::Blocked)
        }
    }
}

fn row(piece: &Piece) -> [String; 5] {
    let (size, digest) = piece.seen.map_or_else(
        || ("–".to_owned(), String::new()),
        |(digest, size)| (format!("{} bytes", grouped(size)), digest.short()),
    );
    [piece.name.clone(), piece.kind.to_string(), piece.outcome.to_string(), size, digest]
}
