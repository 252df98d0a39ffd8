//! Agents, a line each.

use std::collections::BTreeMap;

use portcullis::{
    agent::Snapshot,
    govern::{Hindrance, Known, all_standing, known},
    text::excerpt,
};
use serde::Serialize;

use super::{Exit, Outcome, TrustFlag, Whose, believes, failed, host, second, table::table, term};

#[derive(clap::Args)]
pub(super) struct Args {
    #[command(flatten)]
    whose: Whose,
    #[command(flatten)]
    trust: TrustFlag,
    /// As JSON
    #[arg(long)]
    json: bool,
}

#[derive(Serialize)]
struct Listed {
    agent_id: String,
    /// Why it may not start; nothing where it may.
    revoked: Option<String>,
    /// Why nothing more is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    problem: Option<String>,
    #[serde(flatten)]
    known: Option<Known>,
}

impl Args {
    pub(super) fn execute(self) -> Outcome {
        let now = host::now(None);
        let plan = self.whose.plan(self.trust.is_open())?;
        let trust = self.trust.read(plan.as_ref(), now)?;
        let state = self.whose.open(plan.as_ref())?;
        let mut revoked: BTreeMap<String, String> = BTreeMap::new();
        for (_, revocation) in all_standing(&*state, &believes(trust.as_ref(), now)).map_err(failed)? {
            let why = format!("{}: {}", revocation.cause.name(), revocation.reason);
            revoked.entry(revocation.agent_id).or_insert(why);
        }
        let agents = state.agents().map_err(Hindrance::from).map_err(failed)?;
        let mut listed: Vec<Listed> = Vec::with_capacity(agents.ids.len());
        for agent in &agents.ids {
            let (known, problem) = match known(&*state, agent) {
                Ok(known) => (Some(known), None),
                // One agent that cannot be read hides no other.
                Err(hindrance) => (None, Some(hindrance.to_string())),
            };
            let revoked = revoked.remove(agent.as_str());
            listed.push(Listed { agent_id: agent.to_string(), revoked, problem, known });
        }
        // Some were revoked before they ever ran.
        listed.extend(revoked.into_iter().map(|(agent_id, why)| Listed {
            agent_id,
            revoked: Some(why),
            problem: None,
            known: None,
        }));
        if self.json {
            term::out_json(&listed)?;
        } else {
            let head = ["AGENT", "STATUS", "PHASE", "TIER", "RUN", "SEEN", "REVOKED"].map(str::to_owned);
            term::out(&table(&std::iter::once(head).chain(listed.iter().map(row)).collect::<Vec<_>>()))?;
        }
        if agents.more {
            term::note("there are more agents than are listed");
        }
        Ok(Exit::Ok)
    }
}

fn row(listed: &Listed) -> [String; 7] {
    let snapshot = listed.known.as_ref().and_then(|known| known.snapshot.as_ref());
    let of = |part: &dyn Fn(&Snapshot) -> String| snapshot.map_or_else(|| "-".to_owned(), part);
    let status = of(&|snapshot| snapshot.status.name().to_owned());
    let seen = listed.known.as_ref().and_then(|known| known.seen);
    [
        excerpt(&listed.agent_id, 64),
        listed.problem.as_ref().map_or(status, |problem| excerpt(problem, 80)),
        of(&|snapshot| snapshot.phase.map_or("-", |phase| phase.name()).to_owned()),
        of(&|snapshot| snapshot.tier.to_string()),
        of(&|snapshot| excerpt(&snapshot.run_id, 40)),
        seen.map_or_else(|| "-".to_owned(), second),
        listed.revoked.as_ref().map_or_else(|| "-".to_owned(), |why| excerpt(why, 80)),
    ]
}
