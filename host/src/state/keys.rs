//! The keys of the shared state, letter by letter as the pipeline core fixes them, how long what stands under each is kept,
//! and how much.
//!
//! A key says what may be done with it: a value is put, a list is only ever added to, counters are counted up, a lock is held.

use std::{fmt, marker::PhantomData, time::Duration};

use super::StateError;
use crate::digest::Digest;

/// How long a heartbeat counts.
pub const HEARTBEAT: Duration = Duration::from_secs(60);
/// How long a lock is held without being renewed.
pub const LOCK: Duration = Duration::from_secs(300);
/// How long an output is kept.
pub const OUTPUT: Duration = Duration::from_secs(300);

/// The longest name, in bytes.
pub const MAX_ID: usize = 64;
/// No lifetime is longer: ten years.
const MAX_LIFETIME: Duration = Duration::from_secs(10 * 365 * 86_400);

/// A name that stands in a key: an agent's, a task's, a counter's. It begins with a letter or a digit and goes on with those,
/// `-`, `_` and `.`, so that no name forms another one's key and none means anything to a store.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Id(String);

impl Id {
    /// The name that `text` is.
    ///
    /// # Errors
    /// [`StateError::Id`], when it is none.
    pub fn parse(text: &str) -> Result<Self, StateError> {
        let letter = |byte: u8| byte.is_ascii_alphanumeric();
        let fits = (1..=MAX_ID).contains(&text.len())
            && text.bytes().next().is_some_and(letter)
            && text.bytes().all(|byte| letter(byte) || b"-_.".contains(&byte));
        if fits { Ok(Self(text.to_owned())) } else { Err(StateError::Id(text.to_owned())) }
    }

    /// As it is written.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// The name that stands for `text` in keys: `text` itself where it is one, else what of it a name may hold, 40 bytes at most, `-`
/// and the first 12 hex digits of its SHA-256, so that texts which differ only in what is left out are told apart.
#[must_use]
pub fn id_of(text: &str) -> Id {
    const KEPT: usize = 40;
    if let Ok(id) = Id::parse(text) {
        return id;
    }
    let kept = text.chars().filter(|letter| letter.is_ascii_alphanumeric() || "-_.".contains(*letter));
    let kept: String = kept.skip_while(|letter| !letter.is_ascii_alphanumeric()).take(KEPT).collect();
    let digest = Digest::of(text.as_bytes()).short();
    Id(if kept.is_empty() { digest } else { format!("{kept}-{digest}") })
}

impl fmt::Display for Id {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A key whose values may run out; `Of` is what stands under it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LastingKey<Of> {
    name: String,
    lifetime: Option<Duration>,
    of: PhantomData<Of>,
}

/// One value, put and taken as a whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OneValue {}

/// Counters by their names, which run out together, so long after the first count.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Counters {}

/// A key under which one value stands.
pub type ValueKey = LastingKey<OneValue>;

/// A key under which counters stand by their names.
pub type CounterKey = LastingKey<Counters>;

/// A key under which a list stands that is only ever added to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListKey {
    name: String,
    most: u32,
    full: WhenFull,
}

/// What becomes of an addition to a list that has as many items as it may.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WhenFull {
    /// The oldest item goes.
    DropOldest,
    /// The new one is refused: no item may ever be lost.
    Refuse,
}

/// A key that is a lock.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LockKey {
    name: String,
    lifetime: Duration,
}

/// At least a millisecond, which is the least that a store tells apart, and at most [`MAX_LIFETIME`].
fn lasting(lifetime: Duration) -> Duration {
    lifetime.clamp(Duration::from_millis(1), MAX_LIFETIME)
}

/// `lifetime` in milliseconds.
pub(super) fn milliseconds(lifetime: Duration) -> i64 {
    i64::try_from(lifetime.as_millis()).unwrap_or(i64::MAX)
}

impl<Of> LastingKey<Of> {
    fn new(name: String, lifetime: Option<Duration>) -> Self {
        Self { name, lifetime, of: PhantomData }
    }

    /// The same key with another lifetime: where a manifest sets one.
    #[must_use]
    pub fn lasting(self, lifetime: Duration) -> Self {
        Self { lifetime: Some(lasting(lifetime)), ..self }
    }

    /// The key as it is written.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// How long what stands there is kept; for ever without one.
    #[must_use]
    pub fn lifetime(&self) -> Option<Duration> {
        self.lifetime
    }
}

impl ListKey {
    fn new(name: String, most: u32, full: WhenFull) -> Self {
        Self { name, most, full }
    }

    /// The same list with another bound, at least one.
    #[must_use]
    pub fn at_most(self, most: u32) -> Self {
        Self { most: most.max(1), ..self }
    }

    /// The key as it is written.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// How many items it keeps.
    #[must_use]
    pub fn most(&self) -> u32 {
        self.most
    }

    /// What happens when there are so many.
    #[must_use]
    pub fn when_full(&self) -> WhenFull {
        self.full
    }
}

impl LockKey {
    /// The same lock, held for another time unless it is renewed.
    #[must_use]
    pub fn lasting(self, lifetime: Duration) -> Self {
        Self { lifetime: lasting(lifetime), ..self }
    }

    /// The key as it is written.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// How long it is held without being renewed.
    #[must_use]
    pub fn lifetime(&self) -> Duration {
        self.lifetime
    }
}

/// `agent:{agent_id}:packet`: its instructions.
#[must_use]
pub fn agent_packet(agent: &Id) -> ValueKey {
    ValueKey::new(format!("agent:{agent}:packet"), None)
}

/// `agent:{agent_id}:state`: its state in this run.
#[must_use]
pub fn agent_state(agent: &Id) -> ValueKey {
    ValueKey::new(format!("agent:{agent}:state"), None)
}

/// `agent:{agent_id}:errors`: its error counters.
#[must_use]
pub fn agent_errors(agent: &Id) -> CounterKey {
    CounterKey::new(format!("agent:{agent}:errors"), None)
}

/// `agent:{agent_id}:errors:log`: what the errors said, the last 100. The one key that the core does not have: under its key
/// for errors stand counters.
#[must_use]
pub fn agent_error_log(agent: &Id) -> ListKey {
    ListKey::new(format!("agent:{agent}:errors:log"), 100, WhenFull::DropOldest)
}

/// `agent:{agent_id}:heartbeat`: that it was seen, for [`HEARTBEAT`].
#[must_use]
pub fn agent_heartbeat(agent: &Id) -> ValueKey {
    ValueKey::new(format!("agent:{agent}:heartbeat"), Some(HEARTBEAT))
}

/// `agent:{agent_id}:lock`: the right to run as this agent, for [`LOCK`].
#[must_use]
pub fn agent_lock(agent: &Id) -> LockKey {
    LockKey { name: format!("agent:{agent}:lock"), lifetime: LOCK }
}

/// `agent:{agent_id}:output:{type}`: its last output of that type, for [`OUTPUT`].
#[must_use]
pub fn agent_output(agent: &Id, output: &Id) -> ValueKey {
    ValueKey::new(format!("agent:{agent}:output:{output}"), Some(OUTPUT))
}

/// `task:{task_id}:active_agent`: who is at it.
#[must_use]
pub fn task_active_agent(task: &Id) -> ValueKey {
    ValueKey::new(format!("task:{task}:active_agent"), None)
}

/// `task:{task_id}:artifacts`: what it made, the last 1,000.
#[must_use]
pub fn task_artifacts(task: &Id) -> ListKey {
    ListKey::new(format!("task:{task}:artifacts"), 1_000, WhenFull::DropOldest)
}

/// `project:{project_id}:agents`: who works in it.
#[must_use]
pub fn project_agents(project: &Id) -> ValueKey {
    ValueKey::new(format!("project:{project}:agents"), None)
}

/// `project:{project_id}:objective`: what it is for.
#[must_use]
pub fn project_objective(project: &Id) -> ValueKey {
    ValueKey::new(format!("project:{project}:objective"), None)
}

/// `project:{project_id}:plan:{plan_id}`: a plan.
#[must_use]
pub fn project_plan(project: &Id, plan: &Id) -> ValueKey {
    ValueKey::new(format!("project:{project}:plan:{plan}"), None)
}

/// `project:{project_id}:broadcast`: what everybody in it is told, the last 10,000.
#[must_use]
pub fn project_broadcast(project: &Id) -> ListKey {
    ListKey::new(format!("project:{project}:broadcast"), 10_000, WhenFull::DropOldest)
}

/// `blackboard:{task}:{section}`: what those at a task share.
#[must_use]
pub fn blackboard(task: &Id, section: &Id) -> ValueKey {
    ValueKey::new(format!("blackboard:{task}:{section}"), None)
}

/// `msg:{task}:{channel}`: messages, the last 10,000.
#[must_use]
pub fn message(task: &Id, channel: &Id) -> ListKey {
    ListKey::new(format!("msg:{task}:{channel}"), 10_000, WhenFull::DropOldest)
}

/// `revocations:ledger`: who was revoked and reinstated. None of it is ever dropped; after a million it takes no more.
#[must_use]
pub fn revocations() -> ListKey {
    ListKey::new("revocations:ledger".to_owned(), 1_000_000, WhenFull::Refuse)
}

/// `handoff:{task}:latest`: what one agent leaves for the next.
#[must_use]
pub fn handoff(task: &Id) -> ValueKey {
    ValueKey::new(format!("handoff:{task}:latest"), None)
}

/// `history:{agent_id}:runs`: its runs, the last 1,000.
#[must_use]
pub fn history_runs(agent: &Id) -> ListKey {
    ListKey::new(format!("history:{agent}:runs"), 1_000, WhenFull::DropOldest)
}

/// The agent whose state stands under `key`.
pub(super) fn agent_of(key: &str) -> Option<Id> {
    Id::parse(key.strip_prefix("agent:")?.strip_suffix(":state")?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(text: &str) -> Id {
        Id::parse(text).expect("a name")
    }

    #[test]
    fn a_name_that_could_form_another_ones_key_is_none() {
        let long = "a".repeat(MAX_ID);
        for text in ["a", "Builder-2", "0", "release_1.2", &long] {
            assert_eq!(id(text).as_str(), text);
        }
        let longer = "a".repeat(MAX_ID + 1);
        for text in ["", ":", "a:b", "a b", "*", "a*", "[a]", "a?", "{a}", "a\\", "a\n", "a\0", "-a", ".", "ä", &longer]
        {
            assert_eq!(Id::parse(text), Err(StateError::Id(text.to_owned())), "{text:?}");
        }
    }

    #[test]
    fn every_text_has_a_name_of_its_own_that_is_one() {
        let long = "x".repeat(MAX_ID + 1);
        for (text, begins) in [
            ("", ""),
            ("Release 1.2!", "Release1.2-"),
            ("--a b", "ab-"),
            ("ab", "ab"),
            ("über", "ber-"),
            ("???", ""),
            (&long, "xxxx"),
        ] {
            let id = id_of(text);
            assert_eq!(Id::parse(id.as_str()), Ok(id.clone()), "{text}");
            assert!(id.as_str().starts_with(begins), "{text}: {id}");
            assert_eq!(id.as_str() == text, Id::parse(text).is_ok(), "{text}");
        }
        assert_ne!(id_of("a b"), id_of("a  b"));
        assert_eq!(id_of("a b").as_str(), "ab-c8687a08aa5d");
    }

    #[test]
    fn keys_are_those_of_the_core() {
        let (agent, other) = (id("a1"), id("x"));
        let names = [
            agent_packet(&agent).name,
            agent_state(&agent).name,
            agent_errors(&agent).name,
            agent_heartbeat(&agent).name,
            agent_lock(&agent).name,
            agent_output(&agent, &other).name,
            task_active_agent(&agent).name,
            task_artifacts(&agent).name,
            project_agents(&agent).name,
            project_objective(&agent).name,
            project_plan(&agent, &other).name,
            project_broadcast(&agent).name,
            blackboard(&agent, &other).name,
            message(&agent, &other).name,
            revocations().name,
            handoff(&agent).name,
            history_runs(&agent).name,
        ];
        let core = [
            "agent:a1:packet",
            "agent:a1:state",
            "agent:a1:errors",
            "agent:a1:heartbeat",
            "agent:a1:lock",
            "agent:a1:output:x",
            "task:a1:active_agent",
            "task:a1:artifacts",
            "project:a1:agents",
            "project:a1:objective",
            "project:a1:plan:x",
            "project:a1:broadcast",
            "blackboard:a1:x",
            "msg:a1:x",
            "revocations:ledger",
            "handoff:a1:latest",
            "history:a1:runs",
        ];
        assert_eq!(names, core);
    }

    #[test]
    fn lifetimes_are_those_of_the_core_unless_somebody_sets_them() {
        let agent = id("a1");
        let seconds = |lifetime: Option<Duration>| lifetime.map(|lifetime| lifetime.as_secs());
        assert_eq!(seconds(agent_heartbeat(&agent).lifetime()), Some(60));
        assert_eq!(seconds(Some(agent_lock(&agent).lifetime())), Some(300));
        assert_eq!(seconds(agent_output(&agent, &id("gamma")).lifetime()), Some(300));
        assert_eq!(seconds(agent_state(&agent).lifetime()), None);
        let short = agent_heartbeat(&agent).lasting(Duration::ZERO);
        assert_eq!(short.lifetime(), Some(Duration::from_millis(1)));
        assert_eq!(agent_lock(&agent).lasting(Duration::MAX).lifetime(), MAX_LIFETIME);
    }

    #[test]
    fn an_agent_is_read_out_of_the_key_of_its_state_alone() {
        assert_eq!(agent_of("agent:a1:state"), Some(id("a1")));
        for key in
            ["agent:a1:lock", "agent::state", "agent:a:b:state", "task:a1:state", "agent:state", "agent:a*:state"]
        {
            assert_eq!(agent_of(key), None, "{key}");
        }
    }
}
