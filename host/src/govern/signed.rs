//! What an approver signs about agents: that a revoked one may start again, and that one has a higher tier.
//!
//! Here it is only carried: who signed is asked of the caller, which has the keys.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{
    agent::{NotPromoted, PromotionRequest, Tier},
    digest::Digest,
    trust::Time,
};

/// A revoked agent may start again. It lifts the revocations that it names and no later one, so nobody can use it twice.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Reinstatement {
    /// The agent.
    pub agent_id: String,
    /// The revocations that are lifted, by the digest of their entries in the ledger.
    pub lifts: Vec<Digest>,
    /// When that was said.
    pub at: Time,
    /// The signed document, which has to say the same.
    pub signed: Value,
}

/// An agent that asked for a higher tier has it.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Grant {
    /// The agent.
    pub agent_id: String,
    /// The tier that it had.
    pub from: Tier,
    /// The tier that it has.
    pub to: Tier,
    /// When that was said.
    pub at: Time,
    /// The signed document, which has to say the same.
    pub signed: Value,
}

/// Something whose signature is to be looked at. What the signed document says has to be what stands beside it.
#[derive(Clone, Copy, Debug)]
pub enum Signed<'a> {
    /// That a revoked agent may start again.
    Reinstatement(&'a Reinstatement),
    /// That an agent has a higher tier.
    Grant(&'a Grant),
}

/// The tier of `agent` that starts with `tier`, once every grant counts that `signed` believes: one step each, from the
/// manifest's tier on.
pub fn granted(agent: &str, tier: Tier, grants: &[Grant], signed: impl Fn(&Grant) -> bool) -> Tier {
    let above = |has: Tier| {
        let grant = grants.iter().find(|grant| grant.agent_id == agent && grant.from == has && signed(grant))?;
        let request = PromotionRequest { from: grant.from, to: grant.to, reason: String::new() };
        // Its gates had passed when it was granted.
        Result::<Tier, NotPromoted>::ok(request.grant(has, true, Some("signed")))
    };
    let mut tier = tier;
    while let Some(next) = above(tier) {
        tier = next;
    }
    tier
}

#[cfg(test)]
mod tests {
    use super::*;

    fn grant(agent_id: &str, from: u64, to: u64) -> Grant {
        let tier = |number| Tier::new(number).expect("a tier");
        let at = Time(jiff::Timestamp::UNIX_EPOCH);
        Grant { agent_id: agent_id.to_owned(), from: tier(from), to: tier(to), at, signed: Value::Null }
    }

    #[test]
    fn grants_count_one_step_after_the_other_and_only_where_they_are_believed() {
        let grants = [grant("a", 2, 3), grant("a", 1, 2), grant("a", 0, 4), grant("b", 3, 4), grant("a", 3, 3)];
        let tier = |start, believed: &dyn Fn(&Grant) -> bool| {
            granted("a", Tier::new(start).expect("a tier"), &grants, believed).number()
        };
        assert_eq!(tier(1, &|_| true), 3);
        assert_eq!(tier(0, &|_| true), 0, "two steps at once are none");
        assert_eq!(tier(1, &|grant| grant.from.number() == 1), 2);
        assert_eq!(tier(1, &|_| false), 1);
    }
}
