//! `portcullis agent`: agents as the shared state knows them, and what people may do about them.

mod change;
mod list;
mod show;
mod whose;

use clap::Subcommand;
use jiff::Timestamp;
use portcullis::{
    diagnostic::Diagnostic,
    govern::{Approvers, Hindrance, Known, Signed, known},
    intake::TrustFiles,
    manifest::Plan,
    state::{Id, State},
    trust::Time,
};

use super::{Exit, Failure, Outcome, host, modules, state, table, term, trust_files};
use whose::{TrustFlag, Whose};

/// List agents and show one; revoke and reinstate, clarify and promote
#[derive(clap::Args)]
#[command(
    after_help = "Examples:\n  portcullis agent list\n  portcullis agent show builder --manifest release.toml\n  portcullis agent revoke builder --reason \"it opened a port\" --state redis://127.0.0.1:6379/0\n  portcullis agent reinstate builder --key alice.key --reason \"fixed in 1.3\"\n  portcullis agent clarify builder --objective \"build without the cache\"\n  portcullis agent promote builder --key alice.key --reason \"three clean runs\"\n\nThe state, the trust file and the pipeline are those of a manifest: the one that is named, or portcullis.toml where that is there. Who may approve a gate of an agent's name, by the trust file, may reinstate and promote that agent. Without a trust file no reinstatement counts in what is shown.\nlist and show end with 0, also when agents are revoked. A state that cannot be read or written ends any of them with 3, a word of somebody who may not give it with 4."
)]
pub(crate) struct Args {
    #[command(subcommand)]
    action: Action,
}

#[derive(Subcommand)]
enum Action {
    /// List the agents, and how each fares
    List(list::Args),
    /// Show one: its last run, its errors, its outputs, and why it may not start
    Show(show::Args),
    /// End it wherever it runs, and let nobody start it
    Revoke(change::Revoke),
    /// Let a revoked agent start again, signed by an approver
    Reinstate(change::Reinstate),
    /// Answer its question for a clarified plan
    Clarify(change::Clarify),
    /// Move it up one tier, signed by an approver
    Promote(change::Promote),
}

impl Args {
    pub(crate) fn execute(self) -> Outcome {
        match self.action {
            Action::List(args) => args.execute(),
            Action::Show(args) => args.execute(),
            Action::Revoke(args) => args.execute(),
            Action::Reinstate(args) => args.execute(),
            Action::Clarify(args) => args.execute(),
            Action::Promote(args) => args.execute(),
        }
    }
}

/// Who signed that, by a trust file; nobody's word counts without one.
fn believes(trust: Option<&TrustFiles>, now: Timestamp) -> impl Fn(&Signed<'_>) -> Result<String, String> {
    move |signed| {
        let trust = trust.ok_or_else(|| "no trust file is named".to_owned())?;
        let people = &trust.file.approvers;
        Approvers { people, revocations: trust.standing.revocations(), now }.believes(signed)
    }
}

/// What the state knows of an agent.
///
/// # Errors
/// When neither the state nor the manifest has ever heard of it: whoever names it has named another one than was meant.
fn known_one(state: &dyn State, agent: &Id, plan: Option<&Plan>) -> Result<Known, Failure> {
    let known = known(state, agent).map_err(failed)?;
    let has_run = known.snapshot.is_some() || !known.runs.is_empty() || !known.grants.is_empty();
    if has_run || is_planned(agent, plan) {
        return Ok(known);
    }
    let problem = Diagnostic::new("agent-unknown", format!("`{agent}` has never run with this state"));
    Err(Failure::usage(problem.help("`portcullis agent list` names those that have; --state names another state")))
}

/// Whether the manifest has an agent of that name.
fn is_planned(agent: &Id, plan: Option<&Plan>) -> bool {
    plan.is_some_and(|plan| plan.agents.iter().any(|planned| planned.name == agent.as_str()))
}

fn failed(hindrance: Hindrance) -> Failure {
    Failure::blocked(&hindrance)
}

/// An agent's name.
fn name(text: &str) -> Result<Id, String> {
    Id::parse(text).map_err(|error| error.to_string())
}

/// A moment for people, to the second as in every table.
fn second(Time(at): Time) -> String {
    at.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_moment_is_told_to_the_second() {
        let time = Time::parse("2026-01-10T00:00:59.890495994Z").expect("a time");
        assert_eq!(second(time), "2026-01-10T00:00:59Z");
    }
}
