//! `portcullis graph`: what a manifest plans, as a drawing.

use std::path::{Path, PathBuf};

use clap::ValueEnum;
use portcullis::{
    diagnostic::Diagnostic,
    files::{read_capped, shown},
    manifest::{self, Overrides, Plan},
    report::{GraphForm, GraphRun, graph},
};

use super::{Exit, Failure, Outcome, term};

/// The most bytes of a record.
const MAX_RECORD: u64 = 64 << 20;

/// Draw a manifest's stages, gates, agents and evidence, and what a run came to
#[derive(clap::Args)]
#[command(
    after_help = "Examples:\n  portcullis graph release.toml\n  portcullis graph release.toml --run portcullis-out/decision.json\n  portcullis graph release.toml --format mermaid\n  portcullis graph release.toml --format dot | dot -Tsvg -o release.svg\n\nNothing is collected, verified or run; stages that this version does not run are drawn all the same."
)]
pub(crate) struct Args {
    /// The manifest
    #[arg(default_value = "portcullis.toml")]
    manifest: PathBuf,
    /// What the drawing is written in
    #[arg(long, value_enum, default_value_t = Format::Text, value_name = "FORMAT")]
    format: Format,
    /// Show what came of it: the decision.json of a run
    #[arg(long, value_name = "FILE")]
    run: Option<PathBuf>,
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
        let plan = manifest::parse_whole(&bytes, &self.manifest, &Overrides::default())
            .map_err(|problems| Failure::all(Exit::Usage, problems))?;
        let run = self.run.as_deref().map(|path| run(path, &plan)).transpose()?;
        term::out(&graph(&plan, run.as_ref(), self.format.into()))?;
        Ok(Exit::Ok)
    }
}

fn run(path: &Path, plan: &Plan) -> Result<GraphRun, Failure> {
    let bytes = read_capped(path, MAX_RECORD).map_err(|error| {
        let help = "name the decision.json of a run, which lies in portcullis-out where nothing else was said";
        Failure::usage(Diagnostic::from(error).help(help))
    })?;
    let run = GraphRun::read(&bytes)
        .map_err(|error| Failure::usage(Diagnostic::new(error.code(), format!("`{}`: {error}", shown(path)))))?;
    if run.manifest != plan.digest.to_string() {
        term::note(
            "the run followed another state of the manifest, or another manifest; what has the same name is shown",
        );
    }
    Ok(run)
}
