//! The words and numbers of the pipeline core, spelled as it spells them, in JSON too.

use std::{fmt, time::Duration};

/// How long an agent may be silent.
pub const HEARTBEAT: Duration = Duration::from_secs(60);
/// How long a lock holds that is not renewed.
pub const LOCK: Duration = Duration::from_secs(300);
/// How long an output stays in the shared state.
pub const OUTPUT: Duration = Duration::from_secs(300);

/// An enumeration of words: each is spelled once, for JSON, for people and for reading.
macro_rules! words {
    ($(#[$about:meta])* pub enum $Name:ident { $($(#[$doc:meta])* $Word:ident = $text:literal,)+ }) => {
        $(#[$about])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum $Name {
            $($(#[$doc])* $Word,)+
        }

        impl $Name {
            /// Every one, in order.
            pub const ALL: &'static [Self] = &[$(Self::$Word),+];

            /// Its word.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self { $(Self::$Word => $text),+ }
            }

            /// The one of that word.
            #[must_use]
            pub fn named(word: &str) -> Option<Self> {
                Self::ALL.iter().copied().find(|known| known.name() == word)
            }
        }

        impl std::fmt::Display for $Name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(self.name())
            }
        }

        impl serde::Serialize for $Name {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(self.name())
            }
        }

        // serde's own reader takes an object with the word as its one key too, which no document means.
        impl<'de> serde::Deserialize<'de> for $Name {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let word = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
                Self::named(&word).ok_or_else(|| serde::de::Error::unknown_variant(&word, &[$($text),+]))
            }
        }
    };
}
pub(super) use words;

words! {
    /// The phases of an agent's life. All but the last come one after another, none left out and none twice.
    pub enum Phase {
        /// It starts and says who it is.
        Bootstrap = "BOOTSTRAP",
        /// What has to hold before anything is done is checked.
        Preflight = "PREFLIGHT",
        /// It says what it is going to do, and that is judged.
        Plan = "PLAN",
        /// It does what it planned.
        Execute = "EXECUTE",
        /// What it made is judged.
        Verify = "VERIFY",
        /// It bundles what it made.
        Package = "PACKAGE",
        /// It says what it did.
        Report = "REPORT",
        /// It is through. Nothing follows.
        Exit = "EXIT",
        /// It was ended for what it did. Nothing follows.
        Revoked = "REVOKED",
    }
}

impl Phase {
    /// The phases of a life that goes well, in their order.
    pub const ORDER: [Self; 8] = [
        Self::Bootstrap,
        Self::Preflight,
        Self::Plan,
        Self::Execute,
        Self::Verify,
        Self::Package,
        Self::Report,
        Self::Exit,
    ];

    /// The one phase that may follow; none after `EXIT` and `REVOKED`.
    #[must_use]
    pub fn next(self) -> Option<Self> {
        let at = Self::ORDER.iter().position(|phase| *phase == self)?;
        Self::ORDER.get(at + 1).copied()
    }

    /// Whether nothing follows it.
    #[must_use]
    pub fn is_terminal(self) -> bool {
        matches!(self, Self::Exit | Self::Revoked)
    }

    /// The type of what an agent makes in it; a revoked agent makes nothing.
    #[must_use]
    pub fn output_type(self) -> Option<OutputType> {
        match self {
            Self::Bootstrap | Self::Preflight => Some(OutputType::Alpha),
            Self::Plan | Self::Execute => Some(OutputType::Beta),
            Self::Verify | Self::Package | Self::Report | Self::Exit => Some(OutputType::Gamma),
            Self::Revoked => None,
        }
    }
}

words! {
    /// How an agent fares.
    pub enum AgentStatus {
        /// It waits for its start.
        Pending = "PENDING",
        /// Its process runs, and it has entered no phase yet.
        Starting = "STARTING",
        /// It works, or waits for gates to judge its work.
        Running = "RUNNING",
        /// It is held until it has acknowledged a clarified plan.
        Paused = "PAUSED",
        /// It went through all phases.
        Completed = "COMPLETED",
        /// It ended before that.
        Failed = "FAILED",
        /// It was ended for what it did.
        Revoked = "REVOKED",
        /// It is held until the host has its state back.
        Recovering = "RECOVERING",
    }
}

impl AgentStatus {
    /// Whether nothing follows it.
    #[must_use]
    pub fn is_terminal(self) -> bool {
        matches!(self, Self::Completed | Self::Failed | Self::Revoked)
    }

    /// Whether `next` may follow it.
    #[must_use]
    pub fn may_become(self, next: Self) -> bool {
        match self {
            Self::Pending => matches!(next, Self::Starting | Self::Failed | Self::Revoked),
            Self::Starting => {
                matches!(next, Self::Running | Self::Paused | Self::Recovering | Self::Failed | Self::Revoked)
            }
            Self::Running => {
                matches!(next, Self::Paused | Self::Recovering | Self::Completed | Self::Failed | Self::Revoked)
            }
            Self::Paused => matches!(next, Self::Running | Self::Recovering | Self::Failed | Self::Revoked),
            Self::Recovering => {
                matches!(next, Self::Starting | Self::Running | Self::Paused | Self::Failed | Self::Revoked)
            }
            Self::Completed | Self::Failed | Self::Revoked => false,
        }
    }
}

words! {
    /// How far along an output is.
    pub enum OutputType {
        /// A draft: an analysis, an inventory.
        Alpha = "alpha",
        /// Refined: a plan that was judged, partial results.
        Beta = "beta",
        /// Final: a run that stops goes on from the last of these.
        Gamma = "gamma",
    }
}

words! {
    /// What tests may do to a run.
    pub enum ChaosCondition {
        /// Nothing.
        None = "none",
        /// The agent stands in the ledger of revocations.
        TokenRevoked = "token_revoked",
        /// Somebody else holds its lock.
        LockLost = "lock_lost",
        /// What was kept is not what was written.
        StateCorrupted = "state_corrupted",
        /// It is silent for too long.
        HeartbeatTimeout = "heartbeat_timeout",
        /// It makes many errors at once.
        ErrorSpike = "error_spike",
        /// The shared state answers late or not at all.
        NetworkDelay = "network_delay",
    }
}

/// What an agent may do: a number from 0 to 4.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Deserialize, serde::Serialize)]
#[serde(try_from = "u64", into = "u8")]
pub struct Tier(u8);

/// The number is no tier.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a tier is a whole number from 0 to 4")]
pub struct NotATier;

impl Tier {
    /// The highest one.
    pub const HIGHEST: Self = Self(4);

    /// The tier of that number.
    #[must_use]
    pub fn new(number: u64) -> Option<Self> {
        let number = u8::try_from(number).ok()?;
        (number <= Self::HIGHEST.0).then_some(Self(number))
    }

    /// Its number.
    #[must_use]
    pub fn number(self) -> u8 {
        self.0
    }

    /// The one above it, if there is one.
    #[must_use]
    pub fn above(self) -> Option<Self> {
        Self::new(u64::from(self.0) + 1)
    }
}

impl TryFrom<u64> for Tier {
    type Error = NotATier;

    fn try_from(number: u64) -> Result<Self, NotATier> {
        Self::new(number).ok_or(NotATier)
    }
}

impl From<Tier> for u8 {
    fn from(tier: Tier) -> Self {
        tier.0
    }
}

impl fmt::Display for Tier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spelled<T: Copy + serde::Serialize>(words: &[T]) -> String {
        serde_json::to_string(words).expect("JSON")
    }

    #[test]
    fn words_are_spelled_as_the_pipeline_core_spells_them() {
        let phases = r#"["BOOTSTRAP","PREFLIGHT","PLAN","EXECUTE","VERIFY","PACKAGE","REPORT","EXIT","REVOKED"]"#;
        assert_eq!(spelled(Phase::ALL), phases);
        let statuses = r#"["PENDING","STARTING","RUNNING","PAUSED","COMPLETED","FAILED","REVOKED","RECOVERING"]"#;
        assert_eq!(spelled(AgentStatus::ALL), statuses);
        assert_eq!(spelled(OutputType::ALL), r#"["alpha","beta","gamma"]"#);
        let chaos = "none token_revoked lock_lost state_corrupted heartbeat_timeout error_spike network_delay";
        assert_eq!(ChaosCondition::ALL.iter().map(|word| word.name()).collect::<Vec<_>>().join(" "), chaos);
        for phase in Phase::ALL {
            assert_eq!(Phase::named(phase.name()), Some(*phase));
            assert_eq!(serde_json::from_str::<Phase>(&format!("\"{phase}\"")).expect("a phase"), *phase);
        }
        assert_eq!(Phase::named("plan"), None);
    }

    #[test]
    fn phases_follow_one_another_and_each_has_its_type_of_output() {
        for pair in Phase::ORDER.windows(2) {
            assert_eq!(pair[0].next(), Some(pair[1]));
        }
        assert_eq!((Phase::Exit.next(), Phase::Revoked.next()), (None, None));
        let types: Vec<_> = Phase::ALL.iter().map(|phase| phase.output_type()).collect();
        let (alpha, beta, gamma) = (Some(OutputType::Alpha), Some(OutputType::Beta), Some(OutputType::Gamma));
        assert_eq!(types, [alpha, alpha, beta, beta, gamma, gamma, gamma, gamma, None]);
        assert!(Phase::ALL.iter().all(|phase| phase.is_terminal() == phase.next().is_none()));
    }

    #[test]
    fn nothing_follows_a_status_that_is_terminal() {
        for from in AgentStatus::ALL {
            let goes_on = AgentStatus::ALL.iter().any(|next| from.may_become(*next));
            assert_eq!(goes_on, !from.is_terminal(), "{from}");
            assert!(!from.may_become(*from), "{from}");
            assert_eq!(from.may_become(AgentStatus::Revoked), !from.is_terminal(), "{from}");
        }
    }

    #[test]
    fn a_tier_is_one_of_five() {
        let tiers: Vec<_> = (0..7).map(|number| Tier::new(number).map(Tier::number)).collect();
        assert_eq!(tiers, [Some(0), Some(1), Some(2), Some(3), Some(4), None, None]);
        assert_eq!(Tier::new(256), None);
        assert_eq!((Tier::default().above(), Tier::HIGHEST.above()), (Tier::new(1), None));
        for text in ["5", "-1", "1.0", "\"1\"", "null", "256"] {
            assert!(serde_json::from_str::<Tier>(text).is_err(), "{text}");
        }
    }
}
