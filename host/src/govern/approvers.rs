//! Signed words about agents: how one is written, and whether the people of a trust file said it.
//!
//! They are no approvals of reviews, and have a payload type of their own: neither ever passes for the other.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::signed::{Grant, Reinstatement, Signed};
use crate::{
    agent::Tier,
    digest::Digest,
    text::excerpt,
    trust::{Approver, DocumentError, Envelope, PrivateKey, Revocations, Time},
};

/// The payload's type.
pub const APPROVERS_TYPE: &str = "application/vnd.portcullis.agent.v1+json";
/// Characters of a name that a message repeats.
const QUOTED: usize = 100;

/// What is signed.
#[derive(Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(tag = "type", rename_all = "snake_case", deny_unknown_fields)]
enum Word {
    Reinstatement { agent_id: String, lifts: Vec<Digest>, reason: String, issued: Time },
    Promotion { agent_id: String, from: Tier, to: Tier, reason: String, issued: Time },
}

impl Word {
    fn sealed(&self, key: &PrivateKey) -> Value {
        let mut envelope = Envelope::new(APPROVERS_TYPE, serde_json::to_vec(self).unwrap_or_default());
        envelope.sign(key);
        serde_json::from_str(&envelope.to_json()).unwrap_or_default()
    }

    /// Whether it says what stands beside it.
    fn is(&self, signed: &Signed<'_>) -> bool {
        match (self, signed) {
            (Self::Reinstatement { agent_id, lifts, issued, .. }, Signed::Reinstatement(said)) => {
                (agent_id, lifts, issued) == (&said.agent_id, &said.lifts, &said.at)
            }
            (Self::Promotion { agent_id, from, to, issued, .. }, Signed::Grant(said)) => {
                (agent_id, from, to, issued) == (&said.agent_id, &said.from, &said.to, &said.at)
            }
            _ => false,
        }
    }
}

impl Reinstatement {
    /// Lets `agent` start again in spite of the revocations with those digests.
    #[must_use]
    pub fn sign(agent: &str, lifts: Vec<Digest>, reason: &str, now: Timestamp, key: &PrivateKey) -> Self {
        let (agent_id, at) = (agent.to_owned(), Time(now));
        let reason = reason.to_owned();
        let word = Word::Reinstatement { agent_id: agent_id.clone(), lifts: lifts.clone(), reason, issued: at };
        Self { agent_id, lifts, at, signed: word.sealed(key) }
    }
}

impl Grant {
    /// Moves `agent` from one tier to another.
    #[must_use]
    pub fn sign(agent: &str, (from, to): (Tier, Tier), reason: &str, now: Timestamp, key: &PrivateKey) -> Self {
        let (agent_id, at) = (agent.to_owned(), Time(now));
        let word = Word::Promotion { agent_id: agent_id.clone(), from, to, reason: reason.to_owned(), issued: at };
        Self { agent_id, from, to, at, signed: word.sealed(key) }
    }
}

/// Those who may sign: whoever may approve a gate of an agent's name may reinstate and promote that agent.
#[derive(Clone, Copy, Debug)]
pub struct Approvers<'a> {
    /// The approvers of a trust file, by name.
    pub people: &'a BTreeMap<String, Approver>,
    /// The keys that do not count any more.
    pub revocations: &'a Revocations,
    /// As of when keys count.
    pub now: Timestamp,
}

impl Approvers<'_> {
    /// The name of the approver who signed that.
    ///
    /// # Errors
    /// Why nobody did whose word counts, fit for a terminal.
    pub fn believes(&self, signed: &Signed<'_>) -> Result<String, String> {
        let (document, agent, at) = match signed {
            Signed::Reinstatement(said) => (&said.signed, &said.agent_id, said.at),
            Signed::Grant(said) => (&said.signed, &said.agent_id, said.at),
        };
        let told = |error: DocumentError| format!("it does not read: {error}");
        let envelope = Envelope::parse(document.to_string().as_bytes()).map_err(told)?;
        if envelope.payload_type() != APPROVERS_TYPE {
            return Err(format!("it is a `{}`", excerpt(envelope.payload_type(), QUOTED)));
        }
        let name = self.signer(&envelope, agent)?;
        let word: Word = serde_json::from_slice(envelope.payload()).map_err(|_| "it does not read".to_owned())?;
        if !word.is(signed) {
            return Err("what was signed is not what stands beside it".to_owned());
        }
        if at.0 > self.now {
            return Err(format!("it is issued on {at}, which is yet to come"));
        }
        Ok(name.to_owned())
    }

    /// The first approver, by name, whose signature counts for `agent`.
    fn signer(&self, envelope: &Envelope, agent: &str) -> Result<&str, String> {
        let payload = Digest::of(envelope.payload());
        let mut nearest = "no approver signed it".to_owned();
        for (name, approver) in self.people {
            let shown = excerpt(name, QUOTED);
            for (key, window) in approver.keys.iter().filter(|(key, _)| !envelope.signers([key]).is_empty()) {
                let short = key.id().short();
                nearest = if !window.holds(self.now) {
                    format!("the key {short} of `{shown}` that signed it does not count now")
                } else if !approver.may_approve(agent) {
                    format!("`{shown}`, who signed it, may not speak for this agent")
                } else if self.revocations.of_key(&key.id(), &payload).next().is_some() {
                    format!("the key {short} that signed it is revoked")
                } else {
                    return Ok(name);
                };
            }
        }
        Err(nearest)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::trust::Window;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(1_768_003_200 + second).expect("a time")
    }

    fn key(number: u8) -> PrivateKey {
        PrivateKey::from_seed(&[number; 32])
    }

    fn people(gates: &str, window: Window) -> BTreeMap<String, Approver> {
        let approver = Approver { keys: vec![(key(1).public().clone(), window)], gates: vec![gates.to_owned()] };
        BTreeMap::from([("alice".to_owned(), approver)])
    }

    fn always() -> Window {
        Window { not_before: None, not_after: None }
    }

    fn believed(people: &BTreeMap<String, Approver>, signed: &Signed<'_>) -> Result<String, String> {
        Approvers { people, revocations: &Revocations::default(), now: at(10) }.believes(signed)
    }

    #[test]
    fn what_an_approver_signed_is_believed_and_nothing_else() {
        let lifts = vec![Digest::of(b"a")];
        let said = Reinstatement::sign("builder", lifts.clone(), "seen to", at(0), &key(1));
        let everybody = people("*", always());
        assert_eq!(believed(&everybody, &Signed::Reinstatement(&said)), Ok("alice".to_owned()));
        let closed = Window { not_before: None, not_after: Some(Time(at(5))) };
        let mut bent = said.signed.clone();
        bent["payload"] = "e30=".into();
        let grant = Grant::sign("builder", (Tier::default(), Tier::HIGHEST), "r", at(0), &key(1));
        for (people, said, why) in [
            (&people("other*", always()), said.clone(), "may not speak"),
            (&people("*", closed), said.clone(), "does not count now"),
            (&everybody, Reinstatement::sign("builder", lifts.clone(), "r", at(0), &key(2)), "no approver"),
            (&everybody, Reinstatement::sign("builder", lifts.clone(), "r", at(11), &key(1)), "yet to come"),
            (&everybody, Reinstatement { lifts: vec![Digest::of(b"b")], ..said.clone() }, "not what stands beside"),
            (&everybody, Reinstatement { agent_id: "other".to_owned(), ..said.clone() }, "not what stands beside"),
            (&everybody, Reinstatement { signed: bent, ..said.clone() }, "no approver"),
            (&everybody, Reinstatement { signed: Value::Null, ..said.clone() }, "does not read"),
            (&everybody, Reinstatement { signed: grant.signed.clone(), ..said.clone() }, "not what stands beside"),
        ] {
            let told = believed(people, &Signed::Reinstatement(&said)).expect_err(why);
            assert!(told.contains(why), "{told}");
        }
        assert_eq!(believed(&everybody, &Signed::Grant(&grant)), Ok("alice".to_owned()));
        let higher = Grant { from: Tier::HIGHEST, ..grant };
        assert!(believed(&everybody, &Signed::Grant(&higher)).is_err());
    }
}
