//! `portcullis approve`: a person's signed word on what a gate left to people.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    sync::Arc,
};

use jiff::Timestamp;
use portcullis::{
    diagnostic::Diagnostic,
    digest::Digest,
    files::{read_capped, shown, write_whole},
    intake::{Shelf, verify_all},
    run::{judged_evidence, params_digest},
    text::excerpt,
    trust::{Approval, DocumentError, Review, Time},
};
use serde::Deserialize;
use serde_json::{Map, Value};

use super::{
    Exit, Failure, Outcome,
    documents::Expiry,
    evidence::{EvidenceFlags, Progress, collected},
    host,
    modules::read_private_key,
    subject::Subject,
    term, trust_files,
};

/// The most bytes of a decision record that are read.
const MAX_RECORD: u64 = 64 << 20;

/// Sign off what a gate left to people, for this evidence and subject only
#[derive(clap::Args)]
#[command(
    after_help = "Examples:\n  portcullis approve hmr_quiesce --run portcullis-out --key alice.key --expires 14d --reason \"audit log read, swap was clean\"\n  portcullis approve hmr_quiesce --manifest go-no-go.toml --evidence-dir recorded --key alice.key --expires 2026-12-31T00:00:00Z --reason \"as agreed\""
)]
pub(crate) struct Args {
    /// The gate
    gate: String,
    /// A run whose review is approved: its id, its decision.json, or the folder of that
    #[arg(long, value_name = "RUN", required_unless_present = "manifest")]
    run: Option<PathBuf>,
    /// Approve ahead of a run: the manifest whose evidence is collected now
    #[arg(long, value_name = "MANIFEST", conflicts_with = "run")]
    manifest: Option<PathBuf>,
    #[command(flatten)]
    evidence: EvidenceFlags,
    /// The approver's key
    #[arg(long, value_name = "KEY")]
    key: PathBuf,
    /// When its time is over: RFC 3339, or from now, such as 14d
    #[arg(long, value_name = "TIME")]
    expires: Expiry,
    /// Why, for whoever reads the record
    #[arg(long, value_name = "TEXT")]
    reason: String,
    /// What it is about, such as git:COMMIT [default: the run's subject, or the commit of the manifest's repository]
    #[arg(long, value_name = "SUBJECT")]
    subject: Option<Subject>,
    /// As of when, RFC 3339 [default: now]
    #[arg(long, value_name = "TIME")]
    now: Option<Timestamp>,
    /// Where it goes [default: a file in `approvals` beside the manifest]
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
}

/// What is approved, before it is signed.
struct Matter {
    policy: String,
    module: Digest,
    params: Digest,
    evidence: BTreeMap<String, Digest>,
    subject: Option<Subject>,
    /// What the gate said, where it was asked.
    summary: Option<String>,
    /// Where approvals of this pipeline lie.
    folder: PathBuf,
}

impl Args {
    pub(crate) fn execute(self, global: &term::Global) -> Outcome {
        let now = host::now(self.now);
        let matter = match (&self.run, &self.manifest) {
            (Some(run), _) => self.of_run(run)?,
            (None, Some(manifest)) => self.of_manifest(manifest, now, global)?,
            (None, None) => {
                return Err(Failure::usage(Diagnostic::new("nothing-named", "neither a run nor a manifest is named")));
            }
        };
        let subject = self.subject.clone().or(matter.subject.clone()).ok_or_else(no_subject)?;
        let expires = self.expires.of(now)?;
        let key = read_private_key(&self.key)?;
        let review = Review {
            policy: &matter.policy,
            gate: &self.gate,
            module: matter.module,
            params: matter.params,
            evidence: &matter.evidence,
            subject: Some(subject.as_str()),
        };
        let malformed = |error: DocumentError| Failure::usage(Diagnostic::new("bad-approval", error.to_string()));
        let approval = Approval::of(&review, &self.reason, Time(now), Time(expires)).map_err(malformed)?;
        let sealed = approval.seal(&key).map_err(malformed)?;
        let name = format!("{}-{}.json", approval.gate, approval.id);
        let path = self.out.clone().unwrap_or_else(|| matter.folder.join(name));
        if let Some(folder) = path.parent() {
            std::fs::create_dir_all(folder)
                .map_err(|error| portcullis::files::FileError::Write(path.clone(), error))?;
        }
        write_whole(&path, sealed.to_json().as_bytes(), 0o644)?;
        self.tell(&matter, &subject, expires, &path)
    }

    /// What a run left to people, as its record has it.
    fn of_run(&self, run: &Path) -> Result<Matter, Failure> {
        let path = record_of(run);
        let bytes = read_capped(&path, MAX_RECORD).map_err(|error| {
            let help =
                "name the run's decision.json, the folder that it lies in, or the id of the run in portcullis-out";
            Failure::usage(Diagnostic::from(error).help(help))
        })?;
        let record: RunRecord = serde_json::from_slice(&bytes).map_err(|error| {
            let message = format!("`{}` is no decision record: {error}", shown(&path));
            Failure::usage(Diagnostic::new("not-a-record", message))
        })?;
        if path == Path::new(DEFAULT_RECORD)
            && run != path
            && !run.exists()
            && run.as_os_str() != record.run_id.as_str()
        {
            let message = format!("`{}` is run {}, not {}", shown(&path), excerpt(&record.run_id, 60), shown(run));
            return Err(Failure::usage(
                Diagnostic::new("other-run", message).help("name the decision.json of that run"),
            ));
        }
        let gate = record.gates.iter().find(|gate| gate.id == self.gate).ok_or_else(|| {
            let message = format!("the run has no gate `{}`", excerpt(&self.gate, 100));
            Failure::usage(Diagnostic::new("unknown-gate", message).at(shown(&path)))
        })?;
        if gate.outcome != "review" {
            let message =
                format!("gate `{}` came to {}; only a review can be approved", gate.id, excerpt(&gate.outcome, 40));
            return Err(Failure::usage(Diagnostic::new("not-in-review", message).at(shown(&path))));
        }
        let digest = |judged: &JudgedEntry| {
            let input = || record.inputs.iter().find(|input| input.name == judged.evidence)?.digest.as_ref();
            let digest = judged.digest.or_else(|| Some(input()?.sha256))?;
            Some((judged.name.as_ref().unwrap_or(&judged.evidence).clone(), digest))
        };
        let manifest = PathBuf::from(&record.policy.uri);
        Ok(Matter {
            policy: record.policy.name.clone(),
            module: gate.module.content_digest,
            params: params_digest(&gate.params),
            evidence: gate.inputs.iter().filter_map(digest).collect(),
            subject: record.subject.first().and_then(|subject| subject.name.parse().ok()),
            summary: Some(gate.summary.clone()),
            folder: manifest.parent().unwrap_or(Path::new("")).join("approvals"),
        })
    }

    /// What the gate of a manifest would be asked now.
    fn of_manifest(&self, manifest: &Path, now: Timestamp, global: &term::Global) -> Result<Matter, Failure> {
        let plan = self.evidence.plan(manifest, std::slice::from_ref(&self.gate))?;
        let recorded = self.evidence.recorded(&plan)?;
        let trust = trust_files::open(&plan.trust, now)?;
        let modules = verify_all(&plan, &trust, &Shelf::disk(), 1)?;
        let jobs = (host::jobs(None, usize::MAX), host::watch_interrupts());
        let evidence = collected(&plan, recorded.as_ref(), None, jobs, &Progress::new(global));
        let wanted = plan.gates.iter().zip(&modules).find(|(gate, _)| gate.name == self.gate);
        let (gate, module): (_, &Arc<_>) =
            wanted.ok_or_else(|| Failure::usage(Diagnostic::new("unknown-gate", "the manifest has no such gate")))?;
        let missing = evidence.pieces().find_map(|piece| piece.result.as_ref().err());
        if let Some(error) = missing {
            let problem = Diagnostic::new("evidence-incomplete", error.to_string());
            return Err(Failure::blocked(problem.help("approve a run over recorded evidence: collect it first")));
        }
        let judged = judged_evidence(gate, &plan, &evidence);
        if judged.len() != gate.input.members().len() {
            let problem = Diagnostic::new("evidence-incomplete", "what the gate judges is there once an agent gave it");
            return Err(Failure::blocked(problem.help("approve what a run judged: name it with --run")));
        }
        Ok(Matter {
            policy: plan.name.clone(),
            module: module.content_digest(),
            params: params_digest(&gate.params),
            evidence: judged,
            subject: Subject::of(None, manifest),
            summary: None,
            folder: plan.approvals.clone(),
        })
    }

    fn tell(&self, matter: &Matter, subject: &Subject, expires: Timestamp, path: &Path) -> Outcome {
        term::out_line(&format!(
            "approved {} of {} until {expires}",
            excerpt(&self.gate, 100),
            excerpt(&matter.policy, 100)
        ))?;
        for line in matter.summary.iter().filter(|summary| !summary.is_empty()) {
            term::out_line(&format!("  it said    {}", excerpt(line, 200)))?;
        }
        term::out_line(&format!("  module     sha256:{}", matter.module))?;
        for (name, digest) in &matter.evidence {
            term::out_line(&format!("  evidence   {} sha256:{digest}", excerpt(name, 100)))?;
        }
        term::out_line(&format!("  subject    {}", subject.as_str()))?;
        term::out_line(&format!("  written to {}", shown(path)))?;
        Ok(Exit::Ok)
    }
}

/// Where a run's record lies if the run is named by its id.
const DEFAULT_RECORD: &str = "portcullis-out/decision.json";

/// A record by its path, by its folder, or the usual one.
fn record_of(run: &Path) -> PathBuf {
    if run.is_dir() {
        run.join("decision.json")
    } else if run.exists() {
        run.to_owned()
    } else {
        PathBuf::from(DEFAULT_RECORD)
    }
}

fn no_subject() -> Failure {
    let problem = Diagnostic::new("no-subject", "nothing says what the approval is about");
    Failure::usage(problem.help("give --subject git:COMMIT; the manifest does not lie in a repository with a commit"))
}

/// What an approval needs of a decision record; the rest of it is passed over.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct RunRecord {
    run_id: String,
    policy: PolicyEntry,
    subject: Vec<SubjectEntry>,
    inputs: Vec<InputEntry>,
    gates: Vec<GateEntry>,
}

#[derive(Deserialize)]
struct PolicyEntry {
    name: String,
    uri: String,
}

#[derive(Deserialize)]
struct SubjectEntry {
    name: String,
}

#[derive(Deserialize)]
struct InputEntry {
    name: String,
    digest: Option<Sha256>,
}

#[derive(Deserialize)]
struct Sha256 {
    sha256: Digest,
}

#[derive(Deserialize)]
struct GateEntry {
    id: String,
    outcome: String,
    summary: String,
    params: Map<String, Value>,
    inputs: Vec<JudgedEntry>,
    module: ModuleEntry,
}

#[derive(Deserialize)]
struct JudgedEntry {
    name: Option<String>,
    evidence: String,
    /// Where what it judged changed later, while an agent worked.
    digest: Option<Digest>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ModuleEntry {
    content_digest: Digest,
}
