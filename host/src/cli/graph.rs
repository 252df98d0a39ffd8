//! `portcullis graph`: what a manifest plans, as a drawing.

use std::path::{Path, PathBuf};

use clap::ValueEnum;
use portcullis::{
    diagnostic::Diagnostic,
    files::{read_capped, shown},
    ledger::{Kind, Mode, role},
    manifest::{self, Overrides, Plan},
    report::{GraphForm, GraphRun, graph},
};

use super::{
    Exit, Failure, Outcome,
    ledger::{Place, failed, resolve},
    term,
};

/// The most bytes of a record.
const MAX_RECORD: u64 = 64 << 20;

/// Draw a manifest's stages, gates, agents and evidence, and what a run came to
#[derive(clap::Args)]
#[command(
    after_help = "Examples:\n  portcullis graph release.toml\n  portcullis graph release.toml --run portcullis-out/decision.json\n  portcullis graph release.toml --run last\n  portcullis graph release.toml --format mermaid\n  portcullis graph release.toml --format dot | dot -Tsvg -o release.svg\n\nNothing is collected, verified or run."
)]
pub(crate) struct Args {
    /// The manifest
    #[arg(default_value = "portcullis.toml")]
    manifest: PathBuf,
    /// What the drawing is written in
    #[arg(long, value_enum, default_value_t = Format::Text, value_name = "FORMAT")]
    format: Format,
    /// Show what came of it: the decision.json of a run, or a run of the ledger by its name, the beginning of it, or `last`
    #[arg(long, value_name = "FILE|RUN")]
    run: Option<PathBuf>,
    #[command(flatten)]
    place: Place,
}

#[derive(Clone, Copy, ValueEnum)]
enum Format {
    /// A tree
    Text,
    /// A flowchart of Mermaid
    Mermaid,
    /// A digraph of Graphviz
    Dot,
}

impl From<Format> for GraphForm {
    fn from(format: Format) -> Self {
        match format {
            Format::Text => Self::Text,
            Format::Mermaid => Self::Mermaid,
            Format::Dot => Self::Dot,
        }
    }
}

impl Args {
    pub(crate) fn execute(self) -> Outcome {
        let bytes = read_capped(&self.manifest, manifest::MAX_BYTES)?;
        let plan = manifest::parse(&bytes, &self.manifest, &Overrides::default())
            .map_err(|problems| Failure::all(Exit::Usage, problems))?;
        let run = self.run.as_deref().map(|named| run(named, &self.place, &plan)).transpose()?;
        term::out(&graph(&plan, run.as_ref(), self.format.into()))?;
        Ok(Exit::Ok)
    }
}

fn run(named: &Path, place: &Place, plan: &Plan) -> Result<GraphRun, Failure> {
    let bytes = match named.to_str().filter(|name| is_run(name)) {
        Some(name) => kept_record(name, place)?,
        None => read_capped(named, MAX_RECORD).map_err(|error| {
            let help = "name the decision.json of a run, which lies in portcullis-out where nothing else was said";
            Failure::usage(Diagnostic::from(error).help(help))
        })?,
    };
    let run = GraphRun::read(&bytes)
        .map_err(|error| Failure::usage(Diagnostic::new(error.code(), format!("`{}`: {error}", shown(named)))))?;
    if run.manifest != plan.digest.to_string() {
        term::note(
            "the run followed another state of the manifest, or another manifest; what has the same name is shown",
        );
    }
    Ok(run)
}

/// Whether that is the name of a run and not of a file.
fn is_run(name: &str) -> bool {
    !name.contains('/') && Path::new(name).extension().is_none() && !Path::new(name).exists()
}

/// The record of a run that the ledger keeps.
fn kept_record(name: &str, place: &Place) -> Result<Vec<u8>, Failure> {
    let ledger = place.open(Mode::Read)?;
    let told = |error| failed(ledger.path(), &error);
    let run = ledger.run(&resolve(&ledger, name)?).map_err(told)?;
    let record = run.entry(Kind::Finish, Kind::Finish.name()).and_then(|finish| finish.kept(role::RECORD));
    let record = record.ok_or_else(|| {
        let problem = Diagnostic::new("run-unfinished", "the run has not come to its end");
        Failure::usage(problem.help("`portcullis resume RUN` takes it there"))
    })?;
    ledger.blob(&record.digest).map_err(told)
}
