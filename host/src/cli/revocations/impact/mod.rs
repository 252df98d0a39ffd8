//! What a list would stop, before it is published: modules, publishers, pipelines, and the thresholds that fall.

mod text;
mod weigh;

use std::{
    collections::{BTreeMap, btree_map::Entry},
    path::{Path, PathBuf},
};

use jiff::Timestamp;
use portcullis::{
    files::{read_capped, shown},
    manifest::{self, Overrides, Plan},
};
use serde::Serialize;

use self::weigh::{Effect, ModuleImpact, PublisherImpact, Scale, by_content};
use super::{Exit, Failure, Outcome, host, read_list, term};
use crate::cli::{modules::modules_below, trust_files};

#[derive(clap::Args)]
pub(super) struct Args {
    /// The list, signed or a draft; who signed it is not asked
    list: PathBuf,
    /// Modules, or folders of them; more than once
    #[arg(long, value_name = "DIR", required_unless_present = "manifest", num_args = 1..)]
    modules: Vec<PathBuf>,
    /// A pipeline; more than once
    #[arg(long, value_name = "MANIFEST", num_args = 1..)]
    manifest: Vec<PathBuf>,
    /// The trust file that modules are held against [default: that of each manifest]
    #[arg(long, value_name = "FILE")]
    trust: Option<PathBuf>,
    /// As of when, RFC 3339 [default: now]
    #[arg(long, value_name = "TIME")]
    now: Option<Timestamp>,
    /// As JSON
    #[arg(long)]
    json: bool,
}

/// All that a list would do.
#[derive(Serialize)]
struct Impact {
    /// Whether something that runs now would be stopped.
    stops: bool,
    modules: Vec<ModuleImpact>,
    publishers: Vec<PublisherImpact>,
    pipelines: Vec<PipelineImpact>,
}

#[derive(Serialize)]
struct PipelineImpact {
    manifest: String,
    name: String,
    stopped: bool,
    /// Its gates whose modules would no longer run.
    gates: Vec<StoppedGate>,
}

#[derive(Serialize)]
struct StoppedGate {
    gate: String,
    module: String,
    code: &'static str,
}

impl Args {
    pub(super) fn execute(self) -> Outcome {
        let now = host::now(self.now);
        let (list, _) = read_list(&self.list)?;
        let named = self.trust.as_deref().map(|path| trust_files::peek(path, now)).transpose()?;
        let named = named.map(|trust| Scale::new(trust, &list));
        let mut weighed = BTreeMap::new();
        let mut pipelines = Vec::new();
        let mut publishers = named.iter().flat_map(|scale| scale.publishers(&list)).collect::<Vec<_>>();
        for path in &self.manifest {
            let plan = read_plan(path)?;
            let own =
                if named.is_none() { Some(Scale::new(trust_files::peek(&plan.trust, now)?, &list)) } else { None };
            let Some(scale) = own.as_ref().or(named.as_ref()) else { continue };
            pipelines.push(pipeline(&plan, scale, &mut weighed)?);
            publishers.extend(own.iter().flat_map(|scale| scale.publishers(&list)));
        }
        for path in self.files()? {
            if let Entry::Vacant(vacant) = weighed.entry(place(&path)) {
                vacant.insert(match &named {
                    Some(scale) => scale.weigh(&path)?,
                    None => by_content(&path, &list)?,
                });
            }
        }
        if named.is_none() && self.manifest.is_empty() {
            term::note(
                "no trust file was named: only the contents that the list names are looked for, not keys and releases",
            );
        }
        self.tell(weighed.into_values().collect(), publishers, pipelines)
    }

    fn files(&self) -> Result<Vec<PathBuf>, Failure> {
        let mut files = Vec::new();
        for path in &self.modules {
            if path.is_dir() {
                files.extend(modules_below(path)?);
            } else {
                files.push(path.clone());
            }
        }
        Ok(files)
    }

    fn tell(
        &self,
        modules: Vec<ModuleImpact>,
        publishers: Vec<PublisherImpact>,
        pipelines: Vec<PipelineImpact>,
    ) -> Outcome {
        let stops = modules.iter().any(|module| module.effect == Effect::Stopped)
            || pipelines.iter().any(|pipeline| pipeline.stopped);
        let mut impact = Impact { stops, modules, publishers, pipelines };
        for publisher in &mut impact.publishers {
            let is_stopped = |module: &&ModuleImpact| {
                module.effect == Effect::Stopped && module.publishers.contains(&publisher.publisher)
            };
            publisher.stopped = impact.modules.iter().filter(is_stopped).count();
        }
        impact.publishers.retain(|publisher| publisher.stopped > 0 || !publisher.revoked_key_ids.is_empty());
        if self.json {
            term::out_json(&impact)?
        } else {
            term::out(&text::render(&impact))?
        }
        Ok(if stops { Exit::No } else { Exit::Ok })
    }
}

/// One name for a file, however it was named.
fn place(path: &Path) -> PathBuf {
    std::fs::canonicalize(path).unwrap_or_else(|_| path.to_owned())
}

fn read_plan(path: &Path) -> Result<Plan, Failure> {
    let bytes = read_capped(path, manifest::MAX_BYTES)?;
    manifest::parse(&bytes, path, &Overrides::default()).map_err(|problems| Failure::all(Exit::Usage, problems))
}

/// One refused module stops a whole pipeline.
fn pipeline(
    plan: &Plan,
    scale: &Scale,
    weighed: &mut BTreeMap<PathBuf, ModuleImpact>,
) -> Result<PipelineImpact, Failure> {
    let mut gates = Vec::new();
    for gate in &plan.gates {
        // Another pipeline may hold the same module against another trust file.
        let module = scale.weigh(&gate.module)?;
        if let (Effect::Stopped, Some(code)) = (module.effect, module.code) {
            let gate = StoppedGate { gate: gate.name.clone(), module: module.file.clone(), code };
            gates.push(gate);
        }
        weighed.entry(place(&gate.module)).or_insert(module);
    }
    Ok(PipelineImpact { manifest: shown(&plan.path), name: plan.name.clone(), stopped: !gates.is_empty(), gates })
}
