//! What people do about an agent: each a word in the state that whoever drives it hears.

use std::path::PathBuf;

use portcullis::{
    agent::{NotPromoted, PromotionRequest, Tier},
    diagnostic::Diagnostic,
    govern::{self, Grant, Known, Reinstatement, Signed, granted, standing},
    intake::TrustFiles,
    state::{Id, keys::id_of},
    text::{counted, excerpt},
};

use super::{
    Exit, Failure, Outcome, TrustFlag, Whose, believes, failed, host, is_planned, known_one, modules, name, second,
    term,
};

#[derive(clap::Args)]
pub(super) struct Revoke {
    /// The agent
    #[arg(value_parser = name)]
    agent: Id,
    #[command(flatten)]
    whose: Whose,
    /// Why, for whoever reads the ledger
    #[arg(long, value_name = "TEXT", value_parser = reason)]
    reason: String,
}

impl Revoke {
    pub(super) fn execute(self) -> Outcome {
        let plan = self.whose.plan(false)?;
        let state = self.whose.open(plan.as_ref())?;
        let revocation = govern::revoke(&*state, &self.agent, &self.reason, host::now(None)).map_err(failed)?;
        term::out_line(&format!("revoked {} on {}", self.agent, second(revocation.at)))?;
        if revocation.run_id.is_empty() && !is_planned(&self.agent, plan.as_ref()) {
            // A name that is written wrongly ends nothing, and has to be seen.
            term::note(&format!(
                "no agent `{}` has run with this state; `portcullis agent list` names those that have",
                self.agent
            ));
        }
        Ok(Exit::Ok)
    }
}

#[derive(clap::Args)]
pub(super) struct Reinstate {
    /// The agent
    #[arg(value_parser = name)]
    agent: Id,
    #[command(flatten)]
    whose: Whose,
    #[command(flatten)]
    approver: Signer,
}

/// Who signs, and why.
#[derive(clap::Args)]
struct Signer {
    /// The approver's key
    #[arg(long, value_name = "KEY")]
    key: PathBuf,
    #[command(flatten)]
    trust: TrustFlag,
    /// Why, for whoever reads it
    #[arg(long, value_name = "TEXT", value_parser = reason)]
    reason: String,
}

impl Reinstate {
    pub(super) fn execute(self) -> Outcome {
        let (now, approver) = (host::now(None), &self.approver);
        let plan = self.whose.plan(approver.trust.is_open())?;
        let trust = approver.trust.needed(plan.as_ref(), now)?;
        let state = self.whose.open(plan.as_ref())?;
        let believes = believes(Some(&trust), now);
        let open = standing(&*state, self.agent.as_str(), &believes).map_err(failed)?;
        if open.is_empty() {
            known_one(&*state, &self.agent, plan.as_ref())?;
            term::out_line(&format!("{} is not revoked", self.agent))?;
            return Ok(Exit::Ok);
        }
        let lifts: Vec<_> = open.iter().map(|(digest, _)| *digest).collect();
        let key = modules::read_private_key(&approver.key)?;
        let said = Reinstatement::sign(self.agent.as_str(), lifts, &approver.reason, now, &key);
        let by = believes(&Signed::Reinstatement(&said)).map_err(not_believed)?;
        govern::reinstate(&*state, said).map_err(failed)?;
        let what = counted(open.len(), "revocation", "revocations");
        term::out_line(&format!("reinstated {}: {what} lifted, signed by {}", self.agent, excerpt(&by, 100)))?;
        for (_, revocation) in &open {
            let (cause, reason) = (excerpt(revocation.cause.name(), 64), excerpt(&revocation.reason, 200));
            term::out_line(&format!("  {} {cause}: {reason}", second(revocation.at)))?;
        }
        Ok(Exit::Ok)
    }
}

#[derive(clap::Args)]
pub(super) struct Promote {
    /// The agent
    #[arg(value_parser = name)]
    agent: Id,
    #[command(flatten)]
    whose: Whose,
    #[command(flatten)]
    approver: Signer,
    /// The tier that the manifest gives it, where it has not asked for a higher one in its last run
    #[arg(long, value_name = "TIER", value_parser = tier)]
    from: Option<Tier>,
}

impl Promote {
    pub(super) fn execute(self) -> Outcome {
        let (now, approver) = (host::now(None), &self.approver);
        let plan = self.whose.plan(approver.trust.is_open())?;
        let trust = approver.trust.needed(plan.as_ref(), now)?;
        let state = self.whose.open(plan.as_ref())?;
        let known = known_one(&*state, &self.agent, plan.as_ref())?;
        if let Some((_, revocation)) =
            standing(&*state, self.agent.as_str(), &believes(Some(&trust), now)).map_err(failed)?.first()
        {
            let cause = excerpt(revocation.cause.name(), 64);
            let problem = Diagnostic::new("agent-revoked", format!("{} is revoked: {cause}", self.agent));
            return Err(Failure::new(Exit::Refused, problem.help("reinstate it first: portcullis agent reinstate")));
        }
        let (from, to) = self.step(&known, &trust)?;
        let key = modules::read_private_key(&approver.key)?;
        let said = Grant::sign(self.agent.as_str(), (from, to), &approver.reason, now, &key);
        let by = believes(Some(&trust), now)(&Signed::Grant(&said)).map_err(not_believed)?;
        govern::grant(&*state, &self.agent, &said).map_err(failed)?;
        term::out_line(&format!("promoted {} from tier {from} to {to}, signed by {}", self.agent, excerpt(&by, 100)))?;
        Ok(Exit::Ok)
    }

    /// The step that is signed: one that was asked for, or the next one; only behind gates that have passed.
    fn step(&self, known: &Known, trust: &TrustFiles) -> Result<(Tier, Tier), Failure> {
        let refused = |why: NotPromoted| {
            Failure::new(Exit::Refused, Diagnostic::new(why.code(), why.to_string()).at(self.agent.to_string()))
        };
        // One that has never run has made nothing that gates could have judged.
        let snapshot = known.snapshot.as_ref().ok_or_else(|| refused(NotPromoted::GatesNotPassed))?;
        let believes = believes(Some(trust), host::now(None));
        let is_signed = |grant: &Grant| believes(&Signed::Grant(grant)).is_ok();
        let has = match (self.from, &snapshot.promotion) {
            (Some(from), _) => granted(self.agent.as_str(), from, &known.grants, is_signed),
            (None, Some(request)) => request.from,
            (None, None) => snapshot.tier,
        };
        let highest = NotPromoted::NotTheNextTier { from: has, to: has };
        let to = has.above().ok_or(highest).map_err(refused)?;
        let request = PromotionRequest { from: has, to, reason: String::new() };
        let to = request.grant(has, snapshot.verified, Some("signs now")).map_err(refused)?;
        Ok((has, to))
    }
}

#[derive(clap::Args)]
pub(super) struct Clarify {
    /// The agent
    #[arg(value_parser = name)]
    agent: Id,
    /// The pipeline that it runs in, by its name [default: the manifest's]
    #[arg(long, value_name = "NAME")]
    project: Option<String>,
    #[command(flatten)]
    whose: Whose,
    /// What it is to do
    #[arg(long, value_name = "TEXT", value_parser = reason)]
    objective: String,
    /// What it is to do otherwise; more than once
    #[arg(long = "adjust", value_name = "TEXT", value_parser = reason)]
    adjustments: Vec<String>,
}

impl Clarify {
    pub(super) fn execute(self) -> Outcome {
        let plan = self.whose.plan(self.project.is_none())?;
        let project = self.project.or_else(|| plan.as_ref().map(|plan| plan.name.clone())).ok_or_else(|| {
            let problem = Diagnostic::new("no-project", "nothing says which pipeline the agent runs in");
            Failure::usage(problem.help("name it with --project, or its manifest with --manifest"))
        })?;
        let state = self.whose.open(plan.as_ref())?;
        let (places, now) = ((&id_of(&project), &self.agent), host::now(None));
        let plan = govern::clarify(&*state, places, &self.objective, self.adjustments, now).map_err(failed)?;
        let Some(plan) = plan else {
            let message = format!("`{}` waits for no clarified plan in `{}`", self.agent, excerpt(&project, 64));
            let problem = Diagnostic::new("agent-has-no-question", message);
            return Err(Failure::usage(problem.help(
                "an agent asks for one when the same error came too often; `portcullis agent show` says what it asks",
            )));
        };
        let why = excerpt(&plan.trigger_reason, 200);
        term::out_line(&format!("{} for {}: {why}", excerpt(&plan.plan_id, 64), self.agent))?;
        Ok(Exit::Ok)
    }
}

fn not_believed(why: String) -> Failure {
    let problem = Diagnostic::new("approver-unknown", format!("the signature would count for nothing: {why}"));
    Failure::new(Exit::Refused, problem.help("the trust file says whose keys may approve which names"))
}

/// A text for people, of a length that lists of the state take.
fn reason(text: &str) -> Result<String, String> {
    const MOST: usize = 4096;
    if text.trim().is_empty() || text.len() > MOST {
        return Err(format!("it has 1 to {MOST} bytes"));
    }
    Ok(text.to_owned())
}

fn tier(text: &str) -> Result<Tier, String> {
    text.parse().ok().and_then(Tier::new).ok_or_else(|| "a tier is a whole number from 0 to 4".to_owned())
}
