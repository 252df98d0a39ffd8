//! `portcullis demo`: the main job for real, each step the command that a user would type.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use anstyle::{AnsiColor, Style};
use portcullis::{
    diagnostic::Diagnostic,
    files::{FileError, read_capped, shown, write_whole},
    trust,
};

use super::{Exit, Failure, Outcome, modules, term};

const STEP: Style = AnsiColor::Cyan.on_default().bold();
const PIPELINE: &str = "manifests/nemotron-readiness";
const GATES: [&str; 3] = ["gates/nemotron-readiness.wasm", "gates/coverage-floor.wasm", "gates/aether-workflow.wasm"];
/// What runs of the pipelines make in their folder, beside `state.sqlite` and what stands next to it.
const LEFT_BEHIND: [&str; 6] = ["gates", "trust.toml", "portcullis-out", "approvals", "events.jsonl", "summary.aether"];
/// The gate that is tampered with.
const VICTIM: &str = GATES[1];

/// Build, sign, verify and run real gates, step by step
#[derive(clap::Args)]
#[command(after_help = "Example:\n  portcullis demo --dir my-demo")]
pub(crate) struct Args {
    /// Work in this folder, which must not be there yet, and keep it [default: a new temporary one]
    #[arg(long, value_name = "DIR")]
    dir: Option<PathBuf>,
    /// Keep the temporary folder
    #[arg(long)]
    keep: bool,
    /// A checkout of Portcullis, where the gates are [default: the one around this folder]
    #[arg(long, value_name = "DIR")]
    source: Option<PathBuf>,
}

impl Args {
    pub(crate) fn execute(self) -> Outcome {
        let source = self.source.clone().map_or_else(find_checkout, Ok)?;
        let temporary = match &self.dir {
            Some(folder) => {
                fs::create_dir(folder).map_err(|error| FileError::Write(folder.clone(), error))?;
                None
            }
            None => Some(
                tempfile::Builder::new()
                    .prefix("portcullis-demo-")
                    .tempdir()
                    .map_err(|error| FileError::Write(std::env::temp_dir(), error))?,
            ),
        };
        let folder = match (&self.dir, &temporary) {
            (Some(folder), _) => folder.clone(),
            (None, Some(temporary)) => temporary.path().to_owned(),
            (None, None) => return Ok(Exit::Usage),
        };
        let ended = Demo { source, folder: folder.clone() }.run();
        match temporary {
            Some(temporary) if self.keep => {
                let kept = temporary.keep();
                term::say(&format!("\nEverything is in {}.", shown(&kept)));
            }
            Some(_) => term::say(&format!("\n{} is removed again; --keep or --dir DIR keeps it.", shown(&folder))),
            None => term::say(&format!("\nEverything is in {}.", shown(&folder))),
        }
        ended
    }
}

/// The checkout around the folder that the user is in.
fn find_checkout() -> Result<PathBuf, Failure> {
    let here = std::env::current_dir().unwrap_or_else(|_| PathBuf::from("."));
    here.ancestors()
        .find(|folder| folder.join(PIPELINE).is_dir() && folder.join("gates").is_dir())
        .map(Path::to_owned)
        .ok_or_else(|| {
            let problem = Diagnostic::new(
                "no-checkout",
                "the demo builds gates from a checkout of Portcullis, and this folder is in none",
            );
            Failure::usage(
                problem.help("clone the repository and run `cargo run --release -- demo` in it, or give --source DIR"),
            )
        })
}

struct Demo {
    source: PathBuf,
    folder: PathBuf,
}

impl Demo {
    fn run(&self) -> Outcome {
        copy_folder(&self.source.join(PIPELINE), &self.folder)?;
        term::say(&format!("{STEP}${STEP:#} cd {}", shown(&self.folder)));

        self.heading("The gates are built from source, small and reproducible.");
        let crates = GATES.map(|gate| self.source.join(gate.trim_end_matches(".wasm")).to_string_lossy().into_owned());
        self.step(&[&["build"], &crates.each_ref().map(String::as_str)[..], &["--out", "gates"]].concat(), 0)?;
        self.heading("A key is made, and signs them. A real one would have a passphrase.");
        self.step(&["key", "new", "demo", "--no-passphrase"], 0)?;
        self.step(&[&["sign"], &GATES[..], &["--key", "demo.key"]].concat(), 0)?;
        self.heading("The trust file says whose gates may run, and as what.");
        self.write_trust()?;
        self.step(&["verify", "gates", "--trust", "trust.toml"], 0)?;

        self.heading("The pipeline runs: a go.");
        self.step(&["run", "release.toml"], 0)?;
        self.heading("It was kept, and comes to the same when it is judged again.");
        self.step(&["replay", "last"], 0)?;
        self.heading("One bit of a signed gate is flipped: refused, and nothing runs.");
        self.flip_a_bit()?;
        self.step(&["run", "release.toml"], 4)?;
        self.flip_a_bit()?;
        self.heading("The same gates over a record set that is not ready: a no-go, with the reasons.");
        let not_ready =
            ["manifest=evidence/not-ready/manifest.json", "preflight=evidence/not-ready/sanitized_preflight.json"];
        self.step(&["run", "release.toml", "--evidence", not_ready[0], "--evidence", not_ready[1]], 1)?;
        term::say("\nEach step ended as it should. The last decision is in portcullis-out/decision.json.");
        Ok(Exit::Ok)
    }

    fn heading(&self, text: &str) {
        term::say(&format!("\n{STEP}# {text}{STEP:#}"));
    }

    /// Runs this program as the user would, and holds it to the status that it should end with.
    fn step(&self, arguments: &[&str], expected: i32) -> Result<(), Failure> {
        term::say(&format!("{STEP}${STEP:#} portcullis {}", arguments.join(" ")));
        let failed = |message: String| Failure::blocked(Diagnostic::new("demo-failed", message));
        let program =
            std::env::current_exe().map_err(|error| failed(format!("this program cannot be found again: {error}")))?;
        // A relative place would count for nothing, and the runs would be kept among the user's own.
        let kept = std::path::absolute(self.folder.join("kept"))
            .map_err(|error| failed(format!("this folder has no name: {error}")))?;
        let status =
            Command::new(program).args(arguments).current_dir(&self.folder).env("XDG_DATA_HOME", kept).status();
        let status = status.map_err(|error| failed(format!("this program cannot be started again: {error}")))?;
        term::say(&format!(
            "  exit status {}",
            status.code().map_or_else(|| status.to_string(), |code| code.to_string())
        ));
        if status.code() == Some(expected) {
            return Ok(());
        }
        Err(failed(format!("the step `portcullis {}` was to end with status {expected}", arguments.join(" "))))
    }

    fn write_trust(&self) -> Result<(), Failure> {
        let key = modules::read_public_key(&self.folder.join("demo.pub"))?;
        let text = format!(
            "schema = 1\n\n[publisher.demo]\nkeys = [\"{}\"]\nmodules = [\"*\"]\nkinds = [\"readiness\", \"gate\", \"validator\"]\n",
            key.to_short_form()
        );
        let path = self.folder.join("trust.toml");
        term::say(&format!("{STEP}${STEP:#} cat > trust.toml <<EOF\n{text}EOF"));
        Ok(write_whole(&path, text.as_bytes(), 0o644)?)
    }

    /// Flips the lowest bit of the module's last byte; doing it again undoes it.
    fn flip_a_bit(&self) -> Result<(), Failure> {
        let path = self.folder.join(VICTIM);
        let mut bytes = read_capped(&path, portcullis::limits::ceiling::MODULE)?;
        let before = trust::inspect(&bytes, &[]).map(|seen| seen.content_digest.short()).unwrap_or_default();
        if let Some(last) = bytes.last_mut() {
            *last ^= 1;
        }
        let after = trust::inspect(&bytes, &[]).map(|seen| seen.content_digest.short()).unwrap_or_default();
        term::say(&format!("  {VICTIM}: content {before} becomes {after}"));
        Ok(write_whole(&path, &bytes, 0o644)?)
    }
}

/// Copies the files of a folder and those of its folders, but for what runs in it have left behind.
fn copy_folder(from: &Path, to: &Path) -> Result<(), Failure> {
    let is_left_behind = |entry: &walkdir::DirEntry| {
        let name = entry.file_name().to_string_lossy();
        LEFT_BEHIND.contains(&&*name) || name.starts_with("state.sqlite")
    };
    for entry in walkdir::WalkDir::new(from).into_iter().filter_entry(|entry| !is_left_behind(entry)) {
        let entry = entry.map_err(|error| FileError::Read(from.to_owned(), error.into()))?;
        let target = to.join(entry.path().strip_prefix(from).unwrap_or(entry.path()));
        if entry.file_type().is_dir() {
            fs::create_dir_all(&target).map_err(|error| FileError::Write(target.clone(), error))?;
        } else if entry.file_type().is_file() {
            fs::copy(entry.path(), &target).map_err(|error| FileError::Write(target.clone(), error))?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_runs_left_behind_is_not_copied() {
        let (from, to) = (tempfile::tempdir().expect("a folder"), tempfile::tempdir().expect("a folder"));
        let (kept, left) = (["release.toml", "flows/nightly.aether"], ["events.jsonl", "state.sqlite-wal"]);
        let below = ["flows/summary.aether", "portcullis-out/decision.json", "approvals/a.json", "gates/a.wasm"];
        for path in kept.iter().chain(&left).chain(&below) {
            let path = from.path().join(path);
            fs::create_dir_all(path.parent().expect("it has one")).expect("made");
            fs::write(path, "").expect("written");
        }
        copy_folder(from.path(), to.path()).expect("copied");
        assert!(kept.iter().all(|path| to.path().join(path).is_file()));
        assert!(left.iter().chain(&below).all(|path| !to.path().join(path).exists()));
        assert!(["portcullis-out", "approvals", "gates"].iter().all(|path| !to.path().join(path).exists()));
    }
}
