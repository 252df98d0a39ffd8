//! Evidence that is not there before an agent gave it, and what is collected behind that.

use super::{EvidenceSource, Origin, Plan, StageKind, order::order};

/// Agents, as indices; there are few enough for a bit each.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Agents([u64; 4]);

impl Agents {
    fn add(&mut self, index: usize) {
        if let Some(word) = self.0.get_mut(index / 64) {
            *word |= 1 << (index % 64);
        }
    }

    /// These and those.
    pub(super) fn join(&mut self, other: Self) {
        self.0.iter_mut().zip(other.0).for_each(|(word, more)| *word |= more);
    }

    /// All of them, in their order.
    pub(super) fn iter(self) -> impl Iterator<Item = usize> {
        (0..)
            .zip(self.0)
            .flat_map(|(at, word)| (0..64).filter(move |bit| word >> bit & 1 == 1).map(move |bit| at * 64 + bit))
    }
}

/// For each source the agents whose outputs it is, or is collected behind. Where sources come after each other in a circle,
/// which is told, nothing waits for anything.
pub(super) fn awaited(evidence: &[EvidenceSource]) -> Vec<Agents> {
    let mut awaited = vec![Agents::default(); evidence.len()];
    let after: Vec<_> = evidence.iter().map(|source| source.after.clone()).collect();
    for index in order(&after).unwrap_or_default() {
        let Some(source) = evidence.get(index) else { continue };
        let mut agents = Agents::default();
        if let Origin::Agent { agent, .. } = source.origin {
            agents.add(agent);
        }
        source.after.iter().filter_map(|before| awaited.get(*before)).for_each(|before| agents.join(*before));
        if let Some(own) = awaited.get_mut(index) {
            *own = agents;
        }
    }
    awaited
}

impl Plan {
    /// For each piece of evidence the agents, as indices into [`Plan::agents`], whose outputs it is or is collected behind.
    /// What waits for none is collected before anything runs; the rest when it is asked for, once the agent's stage has
    /// ended, and by the agent's own gates while it works.
    #[must_use]
    pub fn awaited_agents(&self) -> Vec<Vec<usize>> {
        awaited(&self.evidence).into_iter().map(|agents| agents.iter().collect()).collect()
    }

    /// For each gate whether it is asked by an agent's stage, or by one behind such a stage: what lies in folders is looked at
    /// for it when it is asked, because agents change that.
    #[must_use]
    pub fn late_gates(&self) -> Vec<bool> {
        let mut late = vec![false; self.gates.len()];
        let stages = self.stages.iter().skip_while(|stage| !matches!(stage.kind, StageKind::Agent(_)));
        for gate in stages.flat_map(|stage| &stage.gates) {
            late.get_mut(*gate).into_iter().for_each(|late| *late = true);
        }
        late
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn agents_are_kept_each_once_and_in_their_order() {
        let mut agents = Agents::default();
        [200, 0, 63, 64, 200, 255, 256, usize::MAX].into_iter().for_each(|index| agents.add(index));
        assert_eq!(agents.iter().collect::<Vec<_>>(), [0, 63, 64, 200, 255]);
        let mut others = Agents::default();
        others.add(1);
        others.join(agents);
        assert_eq!(others.iter().take(3).collect::<Vec<_>>(), [0, 1, 63]);
    }
}
