//! Any sequence of steps gives a ledger that adds up and says what was kept.

use std::collections::BTreeMap;

use proptest::{collection::vec, prelude::*};

use super::*;

#[derive(Clone, Debug)]
enum Act {
    Begin(u8),
    Evidence(u8, u8, Vec<Vec<u8>>),
    Gates(u8, Vec<u8>),
    Finish(u8),
    Prune(Vec<u8>),
    Reopen,
}

fn act() -> impl Strategy<Value = Act> {
    let run = 0..3_u8;
    let piece = prop_oneof![
        vec(any::<u8>(), 0..40),
        (any::<u8>(), 4_000..9_000_usize).prop_map(|(byte, length)| vec![byte % 3; length]),
    ];
    prop_oneof![
        2 => run.clone().prop_map(Act::Begin),
        4 => (run.clone(), 0..4_u8, vec(piece, 0..4)).prop_map(|(run, name, pieces)| Act::Evidence(run, name, pieces)),
        3 => (run.clone(), vec(0..4_u8, 0..3)).prop_map(|(run, names)| Act::Gates(run, names)),
        1 => run.clone().prop_map(Act::Finish),
        1 => vec(run, 0..3).prop_map(Act::Prune),
        1 => Just(Act::Reopen),
    ]
}

/// What a run should be.
#[derive(Default)]
struct Model {
    steps: Vec<(Kind, String)>,
    bytes: BTreeMap<String, Vec<u8>>,
    finished: bool,
    pruned: bool,
}

impl Model {
    fn takes(&self, steps: &[(Kind, String)]) -> Result<(), &'static str> {
        let twice = |index: usize| steps[..index].contains(&steps[index]) || self.steps.contains(&steps[index]);
        match () {
            () if self.pruned => Err("run-pruned"),
            () if self.finished => Err("run-finished"),
            () if (0..steps.len()).any(twice) => Err("step-exists"),
            () => Ok(()),
        }
    }
}

fn try_act(ledger: &mut Ledger, runs: &mut BTreeMap<String, Model>, act: &Act) {
    let name = |run: &u8| format!("run-{run}");
    let code = |result: Result<(), LedgerError>| result.map_err(|error| error.code());
    match act {
        Act::Begin(run) => {
            let (run, known) = (name(run), runs.contains_key(&name(run)));
            let expect = if known { Err("run-exists") } else { Ok(()) };
            assert_eq!(code(ledger.begin(&start(&run, 0))), expect);
            runs.entry(run).or_default();
        }
        Act::Evidence(run, step, pieces) => {
            let (run, step) = (name(run), step.to_string());
            let content = Content::Pieces(pieces.iter().map(Into::into).collect());
            let keeps = vec![Keep { role: role::BYTES.into(), content }];
            let result = code(ledger.evidence(&run, EvidenceStep { keeps, ..evidence(&step, "") }));
            let Some(model) = runs.get_mut(&run) else { return assert_eq!(result, Err("run-unknown")) };
            let steps = [(Kind::Evidence, step.clone())];
            assert_eq!(result, model.takes(&steps));
            if result.is_ok() {
                model.steps.extend(steps);
                model.bytes.insert(step, pieces.concat());
            }
        }
        Act::Gates(run, names) => {
            let run = name(run);
            let gates: Vec<Step<'_>> = names.iter().map(|step| Step::Gate(gate(&step.to_string(), &run))).collect();
            let result = code(ledger.steps(&run, &gates));
            let Some(model) = runs.get_mut(&run) else { return assert_eq!(result, Err("run-unknown")) };
            let steps: Vec<_> = names.iter().map(|step| (Kind::Gate, step.to_string())).collect();
            assert_eq!(result, model.takes(&steps));
            if result.is_ok() {
                model.steps.extend(steps);
            }
        }
        Act::Finish(run) => {
            let run = name(run);
            let result = code(ledger.finish(&run, &finish(&run)));
            let Some(model) = runs.get_mut(&run) else { return assert_eq!(result, Err("run-unknown")) };
            assert_eq!(result, model.takes(&[]));
            model.finished |= result.is_ok();
        }
        Act::Prune(which) => {
            let which: Vec<String> = which.iter().map(name).collect();
            let result = ledger.prune(&Prune { runs: which.clone(), ..Prune::default() }, time(9), false);
            let refused = which.iter().find_map(|run| match runs.get(run) {
                None => Some("run-unknown"),
                Some(model) => model.pruned.then_some("run-pruned"),
            });
            assert_eq!(result.map(|_| ()).map_err(|error| error.code()), refused.map_or(Ok(()), Err));
            if refused.is_none() {
                for run in which {
                    runs.entry(run).or_default().pruned = true;
                }
            }
        }
        Act::Reopen => {}
    }
}

fn compare(ledger: &Ledger, runs: &BTreeMap<String, Model>) {
    assert_eq!(ledger.runs(&Filter::default()).expect("listed").len(), runs.len());
    for (name, model) in runs {
        let run = ledger.run(name).expect("kept");
        assert_eq!((run.row.finished.is_some(), run.row.pruned), (model.finished, model.pruned));
        let between = |entry: &&Entry| matches!(entry.kind, Kind::Evidence | Kind::Gate);
        let steps: Vec<_> = run.entries.iter().filter(between).map(|entry| (entry.kind, entry.name.clone())).collect();
        assert_eq!(steps, model.steps);
        for (step, bytes) in model.bytes.iter().filter(|_| !model.pruned) {
            let digest = run.entry(Kind::Evidence, step).expect("kept").kept(role::BYTES).expect("kept").digest;
            assert_eq!(ledger.blob(&digest).as_ref(), Ok(bytes));
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn any_sequence_of_steps_adds_up_and_reads_back(acts in vec(act(), 0..30)) {
        let place = Place::new();
        let open = || {
            let ledger = place.open();
            // Nobody cuts the power of this one.
            ledger.connection.pragma_update(None, "synchronous", "OFF").expect("set");
            ledger
        };
        let (mut ledger, mut runs) = (open(), BTreeMap::new());
        for act in &acts {
            if matches!(act, Act::Reopen) {
                drop(ledger);
                ledger = open();
            }
            try_act(&mut ledger, &mut runs, act);
        }
        prop_assert_eq!(broken(ledger.verify(None)), [""; 0]);
        compare(&ledger, &runs);
    }
}
