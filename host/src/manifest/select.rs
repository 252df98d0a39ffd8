//! Some gates of a plan, as a plan of their own.

use std::collections::HashMap;

use super::{
    GatePlan, Input, Plan, Stage,
    problems::unknown,
    rule::{shortfall, unselected},
};
use crate::diagnostic::Diagnostic;

impl Plan {
    /// The plan with only the gates in `names`, and all that those need, directly or through others. The order stays
    /// the manifest's; a stage without a gate left is gone, and so is the need of it. The rule is applied to the gates
    /// that are left.
    ///
    /// # Errors
    /// When nothing is named, a name is no gate's, the rule's expression names a gate that is left out, or the rule
    /// asks for more mandatory gates than are left. All of these are misuse: nothing has run.
    pub fn select<N: AsRef<str>>(&self, names: &[N]) -> Result<Self, Diagnostic> {
        if names.is_empty() {
            return Err(Diagnostic::new("no-gates", "no gate is selected, so nothing would decide"));
        }
        let keep = self.wanted(names)?;
        let selected = |name: &str| self.gates.iter().zip(&keep).any(|(gate, keep)| *keep && gate.name == name);
        if let Some(problem) = unselected(&self.rule, selected) {
            return Err(problem);
        }
        let place = places(&keep);
        let moved = |indices: &[usize]| -> Vec<usize> { indices.iter().filter_map(|index| place[*index]).collect() };
        let kept = self.gates.iter().zip(&keep).filter(|(_, keep)| **keep);
        let gates: Vec<_> = kept.map(|(gate, _)| GatePlan { needs: moved(&gate.needs), ..gate.clone() }).collect();
        if let Some(problem) = shortfall(&self.rule, &gates) {
            return Err(problem);
        }
        let stages: Vec<_> =
            self.stages.iter().map(|stage| Stage { gates: moved(&stage.gates), ..stage.clone() }).collect();
        Ok(Self { gates, stages: without_empty(stages), ..self.clone() })
    }

    /// Which of [`Plan::evidence`] is collected: what the gates ask for, and all that this comes after, directly or through
    /// others. The rest is nobody's question.
    #[must_use]
    pub fn wanted_evidence(&self) -> Vec<bool> {
        let asked = self.gates.iter().flat_map(|gate| match &gate.input {
            Input::Whole(index) => vec![*index],
            Input::Named(members) => members.iter().map(|(_, index)| *index).collect(),
            Input::Nothing | Input::Each { .. } => Vec::new(),
        });
        reached(self.evidence.len(), asked.collect(), |index| &self.evidence[index].after)
    }

    /// Which gates `names` ask for, with all that those need.
    fn wanted<N: AsRef<str>>(&self, names: &[N]) -> Result<Vec<bool>, Diagnostic> {
        let indices: HashMap<_, _> =
            self.gates.iter().enumerate().map(|(index, gate)| (gate.name.as_str(), index)).collect();
        let mut open = Vec::with_capacity(names.len());
        for name in names {
            let index = indices.get(name.as_ref()).copied();
            let known = self.gates.iter().map(|gate| gate.name.as_str());
            open.push(index.ok_or_else(|| unknown(("unknown-gate", "gate"), name.as_ref(), known))?);
        }
        Ok(reached(self.gates.len(), open, |index| &self.gates[index].needs))
    }
}

/// Which of so many indices are in `open`, or are led to from there.
fn reached<'p>(count: usize, mut open: Vec<usize>, leads: impl Fn(usize) -> &'p [usize]) -> Vec<bool> {
    let mut reached = vec![false; count];
    while let Some(index) = open.pop() {
        if !std::mem::replace(&mut reached[index], true) {
            open.extend(leads(index));
        }
    }
    reached
}

/// Where each index stands once only the kept ones are left.
fn places(keep: &[bool]) -> Vec<Option<usize>> {
    let mut next = 0..;
    keep.iter().map(|keep| if *keep { next.next() } else { None }).collect()
}

fn without_empty(stages: Vec<Stage>) -> Vec<Stage> {
    let place = places(&stages.iter().map(|stage| !stage.gates.is_empty()).collect::<Vec<_>>());
    let moved = |mut stage: Stage| {
        stage.needs = stage.needs.iter().filter_map(|needed| place[*needed]).collect();
        stage
    };
    stages.into_iter().filter(|stage| !stage.gates.is_empty()).map(moved).collect()
}
