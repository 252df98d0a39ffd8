//! One agent.

use std::fmt::Write as _;

use portcullis::{
    agent::{Revocation, Snapshot},
    govern::{ClarifyRequest, Grant, Known, RunEntry, Signed, questions, standing},
    state::{Id, keys::id_of},
    text::excerpt,
};
use serde::Serialize;

use super::{Exit, Outcome, TrustFlag, Whose, believes, failed, host, known_one, name, term};

/// Runs that are shown, the newest first.
const RUNS: usize = 5;

#[derive(clap::Args)]
pub(super) struct Args {
    /// The agent
    #[arg(value_parser = name)]
    agent: Id,
    #[command(flatten)]
    whose: Whose,
    #[command(flatten)]
    trust: TrustFlag,
    /// As JSON
    #[arg(long)]
    json: bool,
}

#[derive(Serialize)]
struct Shown<'a> {
    agent_id: &'a str,
    revocations: Vec<Revocation>,
    /// What it waits for an answer to, where the pipeline is known.
    question: Option<ClarifyRequest>,
    #[serde(flatten)]
    known: Known,
}

impl Args {
    pub(super) fn execute(self) -> Outcome {
        let now = host::now(None);
        let plan = self.whose.plan(self.trust.is_open())?;
        let trust = self.trust.read(plan.as_ref(), now)?;
        let state = self.whose.open(plan.as_ref())?;
        let believes = believes(trust.as_ref(), now);
        let revocations = standing(&*state, self.agent.as_str(), &believes).map_err(failed)?;
        let revocations: Vec<_> = revocations.into_iter().map(|(_, revocation)| revocation).collect();
        let known = if revocations.is_empty() {
            known_one(&*state, &self.agent, plan.as_ref())?
        } else {
            // Some were revoked before they ever ran.
            portcullis::govern::known(&*state, &self.agent).map_err(failed)?
        };
        let asked = match &plan {
            Some(plan) => questions(&*state, &id_of(&plan.name)).map_err(failed)?,
            None => Vec::new(),
        };
        let question = asked.into_iter().rfind(|question| question.trouble.agent_id == self.agent.as_str());
        let shown = Shown { agent_id: self.agent.as_str(), revocations, question, known };
        if self.json {
            term::out_json(&shown)?;
        } else {
            term::out(&shown.render(believes))?;
        }
        Ok(Exit::Ok)
    }
}

impl Shown<'_> {
    fn render(&self, believes: impl Fn(&Signed<'_>) -> Result<String, String>) -> String {
        let Self { agent_id, revocations, question, known } = self;
        let mut text = format!("agent {agent_id}\n");
        match &known.snapshot {
            Some(snapshot) => snapshot_lines(&mut text, snapshot),
            None => text.push_str("  it has never run with this state\n"),
        }
        if let Some(driver) = &known.driver {
            let _ = writeln!(text, "  driven by   {}", excerpt(driver, 128));
        }
        if let Some(seen) = known.seen {
            let _ = writeln!(text, "  seen        {seen}");
        }
        for (name, count) in &known.counters {
            let _ = writeln!(text, "  counted     {} {count}", excerpt(name, 64));
        }
        for revocation in revocations {
            let (cause, reason) = (excerpt(revocation.cause.name(), 64), excerpt(&revocation.reason, 200));
            let _ = writeln!(text, "  revoked     {} {cause}: {reason}", revocation.at);
        }
        for grant in &known.grants {
            text.push_str(&grant_line(grant, believes(&Signed::Grant(grant))));
        }
        for run in known.runs.iter().rev().take(RUNS) {
            text.push_str(&run_line(run));
        }
        if let Some(question) = question {
            let (code, count) = (excerpt(&question.trouble.code, 64), question.trouble.count);
            let _ = writeln!(text, "  asks        for a clarified plan: {code} came {count} times");
            let _ = writeln!(text, "answer it: portcullis agent clarify {agent_id} --objective TEXT");
        }
        if !revocations.is_empty() {
            let _ = writeln!(text, "let it start again: portcullis agent reinstate {agent_id} --key KEY --reason TEXT");
        }
        text
    }
}

fn snapshot_lines(text: &mut String, snapshot: &Snapshot) {
    let phase = snapshot.phase.map_or("no phase", |phase| phase.name());
    let _ = writeln!(text, "  status      {} in {phase}, tier {}", snapshot.status, snapshot.tier);
    let _ = writeln!(text, "  run         {}", excerpt(&snapshot.run_id, 64));
    if let Some(reason) = &snapshot.reason {
        let _ = writeln!(text, "  why         {}", excerpt(reason, 300));
    }
    for output in &snapshot.outputs {
        let _ = writeln!(text, "  made        {} {} in {}", output.kind, output.checksum, output.phase);
    }
    if let Some(promotion) = &snapshot.promotion {
        let _ = writeln!(text, "  asks for    tier {}: {}", promotion.to, excerpt(&promotion.reason, 200));
    }
}

fn grant_line(grant: &Grant, signer: Result<String, String>) -> String {
    let by = match signer {
        Ok(name) => format!("signed by {}", excerpt(&name, 100)),
        Err(why) => format!("does not count: {}", excerpt(&why, 200)),
    };
    format!("  promoted    from tier {} to {} on {}, {by}\n", grant.from, grant.to, grant.at)
}

fn run_line(run: &RunEntry) -> String {
    let why = run.reason.as_ref().map_or_else(String::new, |reason| format!(", {}", excerpt(reason, 100)));
    format!("  ran         {} {} {}{why}\n", run.started, excerpt(&run.run_id, 64), run.status)
}
