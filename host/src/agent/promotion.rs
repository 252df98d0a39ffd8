//! Promotions: a request, gates that passed, an approver's word, and a tier that is one higher.

use serde::{Deserialize, Serialize};

use super::words::Tier;

/// What an agent asks for.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct PromotionRequest {
    /// The tier that it has.
    pub from: Tier,
    /// The tier that it asks for: the next one.
    pub to: Tier,
    /// Why; the agent's own words.
    pub reason: String,
}

/// Why there is no promotion.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotPromoted {
    /// A promotion is one step up.
    #[error("an agent of tier {from} can be promoted to the next tier, not to {to}")]
    NotTheNextTier {
        /// The tier that it has.
        from: Tier,
        /// The tier that was asked for.
        to: Tier,
    },
    /// The agent's tier is not any more what it was when it asked.
    #[error("the agent asked as one of tier {asked}, and has tier {has}")]
    Outdated {
        /// The tier it asked from.
        asked: Tier,
        /// The tier it has.
        has: Tier,
    },
    /// Nothing speaks for it.
    #[error("no gates have passed that judge what the agent made")]
    GatesNotPassed,
    /// Nobody has said so.
    #[error("no approver has signed it")]
    NotApproved,
}

impl NotPromoted {
    /// The stable code.
    #[must_use]
    pub fn code(self) -> &'static str {
        match self {
            Self::NotTheNextTier { .. } => "promotion-step",
            Self::Outdated { .. } => "promotion-outdated",
            Self::GatesNotPassed => "promotion-gates",
            Self::NotApproved => "promotion-approval",
        }
    }
}

impl PromotionRequest {
    /// A request of an agent that has tier `from`.
    ///
    /// # Errors
    /// When `to` is not the next tier.
    pub fn new(from: Tier, to: Tier, reason: impl Into<String>) -> Result<Self, NotPromoted> {
        if from.above() != Some(to) {
            return Err(NotPromoted::NotTheNextTier { from, to });
        }
        Ok(Self { from, to, reason: reason.into() })
    }

    /// The tier of an agent that has tier `has`, once gates passed on what it made and an approver signed.
    ///
    /// # Errors
    /// While one of them is missing, when the agent has another tier by now, or when what was kept of the request is not to
    /// the next tier.
    pub fn grant(&self, has: Tier, gates_passed: bool, approver: Option<&str>) -> Result<Tier, NotPromoted> {
        if has != self.from {
            return Err(NotPromoted::Outdated { asked: self.from, has });
        }
        if has.above() != Some(self.to) {
            return Err(NotPromoted::NotTheNextTier { from: self.from, to: self.to });
        }
        if !gates_passed {
            return Err(NotPromoted::GatesNotPassed);
        }
        if approver.is_none_or(str::is_empty) {
            return Err(NotPromoted::NotApproved);
        }
        Ok(self.to)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tier(number: u64) -> Tier {
        Tier::new(number).expect("a tier")
    }

    #[test]
    fn a_request_is_to_the_next_tier_and_to_no_other() {
        for from in 0..=4 {
            for to in 0..=4 {
                let made = PromotionRequest::new(tier(from), tier(to), "r");
                assert_eq!(made.is_ok(), to == from + 1, "{from} {to}");
            }
        }
    }

    #[test]
    fn a_promotion_takes_gates_that_passed_and_an_approver() {
        let request = PromotionRequest::new(tier(1), tier(2), "r").expect("a request");
        for (has, passed, approver, expect) in [
            (1, true, Some("alice"), Ok(tier(2))),
            (1, false, Some("alice"), Err("promotion-gates")),
            (1, true, None, Err("promotion-approval")),
            (1, true, Some(""), Err("promotion-approval")),
            (1, false, None, Err("promotion-gates")),
            (2, true, Some("alice"), Err("promotion-outdated")),
            (0, true, Some("alice"), Err("promotion-outdated")),
        ] {
            let granted = request.grant(tier(has), passed, approver).map_err(NotPromoted::code);
            assert_eq!(granted, expect, "{has} {passed} {approver:?}");
        }
        // What was kept is not believed.
        let kept: PromotionRequest = serde_json::from_str(r#"{"from":1,"to":4,"reason":"r"}"#).expect("a request");
        assert_eq!(kept.grant(tier(1), true, Some("alice")).map_err(NotPromoted::code), Err("promotion-step"));
    }
}
