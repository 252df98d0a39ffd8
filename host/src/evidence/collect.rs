//! What is collected when: each source once, many at a time, none before what it comes after.

use std::{
    collections::HashSet,
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError},
};

use super::{
    Archive, Collected, Keeper, MatchError, Matched, Piece, World,
    each::expand,
    http::last_event_id,
    source::{Asking, Earlier, collect_one},
};
use crate::{
    agent::OutputType,
    limits::ceiling,
    manifest::{EvidenceSource, GatePlan, Input, Plan},
};

/// Sources that wait for the world at once: they wait and do not work, so that it does not depend on the cores.
const AT_ONCE: usize = 16;
/// Pieces from which more than one thread reads files: starting one takes as long as reading several small ones.
const MANY: usize = 16;

/// How a plan's evidence is collected.
#[derive(Clone, Copy)]
pub struct Collecting<'a> {
    /// The world, as the edge hands it in.
    pub world: World<'a>,
    /// Threads for what only works: reading files.
    pub jobs: usize,
    /// Evidence that was collected earlier, each asked before the next; the world is asked for what none of them has.
    pub archives: &'a [&'a dyn Archive],
    /// Who is handed what was seen.
    pub keeper: Option<&'a dyn Keeper>,
    /// Is told what happens, from several threads.
    pub observe: &'a (dyn Fn(CollectEvent<'_>) + Sync),
}

/// What happens while evidence is collected.
#[derive(Debug)]
pub enum CollectEvent<'a> {
    /// A source is asked.
    Started {
        /// Its name.
        name: &'a str,
    },
    /// A source came to something.
    Finished {
        /// What it came to.
        piece: &'a Piece,
        /// How many have ended, this one included.
        ended: usize,
        /// How many there are.
        pieces: usize,
    },
}

/// The last output of that type of an agent, by its index into the plan's agents, as JSON; or why there is none.
pub type Output<'a> = &'a (dyn Fn(usize, OutputType) -> Result<String, String> + Sync);

/// What is collected once agents have given what it waits for.
#[derive(Clone, Copy)]
pub struct Late<'a> {
    /// What was collected before.
    pub known: &'a Collected,
    /// The sources, as indices into the plan's evidence.
    pub sources: &'a [usize],
    /// The gates whose files are looked for, as indices into the plan's gates.
    pub gates: &'a [usize],
    /// What agents gave.
    pub output: Output<'a>,
}

/// The evidence that the gates of `plan` ask for and that waits for no agent, and what that comes after: each source once. One
/// that fails keeps no other from being collected, but for those that come after it.
#[must_use]
pub fn collect(plan: &Plan, collecting: Collecting<'_>) -> Collected {
    let (waits, later) = (plan.awaited_agents(), plan.late_gates());
    let sources: Vec<usize> =
        (0..plan.evidence.len()).filter(|index| waits.get(*index).is_none_or(Vec::is_empty)).collect();
    let gates: Vec<usize> =
        (0..plan.gates.len()).filter(|gate| !later.get(*gate).copied().unwrap_or_default()).collect();
    let none = Collected { pieces: vec![None; plan.evidence.len()], files: vec![None; plan.gates.len()] };
    let output: Output<'_> = &|_, _| Err("no agent has run".to_owned());
    collect_late(plan, Late { known: &none, sources: &sources, gates: &gates, output }, collecting)
}

/// What is collected of `plan` when `late` says; nothing else is in it.
#[must_use]
pub fn collect_late(plan: &Plan, late: Late<'_>, collecting: Collecting<'_>) -> Collected {
    let gates: HashSet<usize> = late.gates.iter().copied().collect();
    let files = |(index, gate): (usize, &GatePlan)| {
        if !gates.contains(&index) {
            return None;
        }
        let matched = files_now(gate, collecting.archives)?;
        if let Some(keeper) = collecting.keeper {
            keeper.keep_files(gate, &matched);
        }
        Some(Arc::new(matched))
    };
    let pieces = Board::new(plan, late, collecting).run();
    Collected { pieces, files: plan.gates.iter().enumerate().map(files).collect() }
}

/// The files that a validator is asked about, by `archives` or else by the world; nothing for any other gate.
#[must_use]
pub fn files_now(gate: &GatePlan, archives: &[&dyn Archive]) -> Option<Result<Matched, MatchError>> {
    let Input::Each { pattern, root } = &gate.input else { return None };
    let earlier = archives.iter().find_map(|archive| archive.matched(&gate.name, pattern));
    Some(earlier.unwrap_or_else(|| expand(pattern, root)))
}

/// The most bytes of each piece that is wanted: what its most generous gate may be sent. A gate that may be sent less has
/// its own limit checked on its request.
pub(super) fn caps(plan: &Plan) -> Vec<Option<u64>> {
    let wanted = plan.wanted_evidence();
    let mut caps: Vec<Option<u64>> = vec![None; plan.evidence.len()];
    for gate in &plan.gates {
        for (_, index) in gate.input.members() {
            if let Some(cap) = caps.get_mut(index) {
                *cap = (*cap).max(Some(gate.limits.input));
            }
        }
    }
    caps.into_iter().zip(wanted).map(|(cap, wanted)| cap.or(wanted.then_some(ceiling::INPUT))).collect()
}

/// Sources that wait for their turn, and what the others came to.
struct Board<'a> {
    plan: &'a Plan,
    late: Late<'a>,
    collecting: Collecting<'a>,
    caps: Vec<Option<u64>>,
    total: usize,
    turn: Mutex<Turn>,
    changed: Condvar,
}

struct Turn {
    /// Those that have not begun.
    waiting: Vec<usize>,
    /// For each source whether it has still to end.
    open: Vec<bool>,
    /// What those came to that have ended.
    pieces: Vec<Option<Arc<Piece>>>,
}

impl Turn {
    fn under_way(&self) -> usize {
        self.open.iter().filter(|open| **open).count() - self.waiting.len()
    }
}

impl<'a> Board<'a> {
    fn new(plan: &'a Plan, late: Late<'a>, collecting: Collecting<'a>) -> Self {
        let caps = caps(plan);
        let sources: HashSet<usize> = late.sources.iter().copied().collect();
        let is_meant = |(index, cap): (usize, &Option<u64>)| cap.is_some() && sources.contains(&index);
        let open: Vec<bool> = caps.iter().enumerate().map(is_meant).collect();
        let waiting: Vec<usize> = (0..).zip(&open).filter(|(_, open)| **open).map(|(index, _)| index).collect();
        let (total, pieces) = (waiting.len(), open.iter().map(|_| None).collect());
        Self {
            plan,
            late,
            collecting,
            caps,
            total,
            turn: Mutex::new(Turn { waiting, open, pieces }),
            changed: Condvar::new(),
        }
    }

    fn run(self) -> Vec<Option<Arc<Piece>>> {
        let threads = self.threads();
        std::thread::scope(|scope| {
            for _ in 1..threads {
                scope.spawn(|| self.work());
            }
            self.work();
        });
        self.turn.into_inner().unwrap_or_else(PoisonError::into_inner).pieces
    }

    fn threads(&self) -> usize {
        let acts = |index: &&usize| self.plan.evidence.get(**index).is_some_and(|source| source.origin.acts());
        let acting = self.lock().waiting.iter().filter(acts).count();
        let working = if self.total >= MANY { self.collecting.jobs } else { 1 };
        (acting + working).min(AT_ONCE).min(self.total)
    }

    fn lock(&self) -> MutexGuard<'_, Turn> {
        self.turn.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes one source after another until none is left.
    fn work(&self) {
        while let Some(index) = self.next() {
            let piece = self.collect(index);
            let mut turn = self.lock();
            if let Some(open) = turn.open.get_mut(index) {
                *open = false;
            }
            let ended = self.total - turn.open.iter().filter(|open| **open).count();
            if let Some(piece) = &piece {
                // Told while nobody else can tell: counts come in order.
                (self.collecting.observe)(CollectEvent::Finished { piece, ended, pieces: self.total });
            }
            if let Some(place) = turn.pieces.get_mut(index) {
                *place = piece.map(Arc::new);
            }
            drop(turn);
            self.changed.notify_all();
        }
    }

    /// The next source whose time has come, waiting for it where something under way has to end first.
    fn next(&self) -> Option<usize> {
        let mut turn = self.lock();
        while !turn.waiting.is_empty() {
            let is_open = |before: &usize| turn.open.get(*before).copied().unwrap_or_default();
            let is_ready = |index: &usize| !self.after(*index).iter().any(is_open);
            let ready = turn.waiting.iter().position(is_ready);
            // The plan has no cycles; should one come about all the same, its sources are asked rather than waited for.
            match ready.or((turn.under_way() == 0).then_some(0)) {
                Some(at) => return Some(turn.waiting.remove(at)),
                None => turn = self.changed.wait(turn).unwrap_or_else(PoisonError::into_inner),
            }
        }
        None
    }

    fn after(&self, index: usize) -> &[usize] {
        self.plan.evidence.get(index).map_or(&[], |source| &source.after)
    }

    fn collect(&self, index: usize) -> Option<Piece> {
        let source = self.plan.evidence.get(index)?;
        let cap = self.caps.get(index).copied().flatten()?;
        (self.collecting.observe)(CollectEvent::Started { name: &source.name });
        let keeper = self.collecting.keeper;
        if let Some(piece) = self.collecting.archives.iter().find_map(|archive| archive.piece(source, cap, keeper)) {
            return Some(piece);
        }
        let asking = Asking {
            world: self.collecting.world,
            hosts: &self.plan.hosts,
            keeper,
            cap,
            earlier: self.earlier(source),
            output: self.late.output,
        };
        Some(collect_one(source, &asking))
    }

    /// What the sources that this one comes after mean for it.
    fn earlier(&self, source: &EvidenceSource) -> Earlier {
        let turn = self.lock();
        let ended = |before: &usize| turn.pieces.get(*before)?.as_deref();
        let result = |before: &usize| ended(before).or(self.late.known.piece(*before)).map(|piece| &piece.result);
        let failed = source.after.iter().filter_map(result).find_map(|result| result.as_ref().err());
        let resumed = source.origin.resumes_from();
        let event_id = resumed.as_ref().and_then(result).and_then(|result| last_event_id(&result.as_ref().ok()?.json));
        Earlier { failed: failed.map(|error| error.name.clone()), event_id }
    }
}

#[cfg(test)]
pub(super) mod tests {
    use std::{path::Path, sync::atomic::AtomicBool};

    use jiff::Timestamp;

    use super::*;
    use crate::manifest::{Overrides, parse};

    static GOES_ON: AtomicBool = AtomicBool::new(false);

    fn variable(name: &str) -> Option<String> {
        (name == "SET").then(|| "here".to_owned())
    }

    /// Collects, with a small environment and no clock.
    pub(crate) fn collect_files(plan: &Plan) -> Collected {
        let world = World { variable: &variable, clock: &|| Timestamp::UNIX_EPOCH, cancelled: &GOES_ON };
        collect(plan, Collecting { world, jobs: 2, archives: &[], keeper: None, observe: &|_| {} })
    }

    fn collected(folder: &Path, manifest: &str) -> Vec<String> {
        let text = format!("schema = 1\nname = \"t\"\ntrust = \"t\"\n{manifest}");
        let plan = parse(text.as_bytes(), &folder.join("portcullis.toml"), &Overrides::default()).expect("a plan");
        let one = |piece: &Piece| match &piece.result {
            Ok(evidence) => format!("{}: {}", evidence.name, evidence.json),
            Err(error) => format!("{}: {}", error.name, error.code()),
        };
        collect_files(&plan).pieces().map(one).collect()
    }

    #[test]
    fn what_gates_ask_for_is_collected_and_what_fails_keeps_nothing_else_back() {
        let folder = tempfile::tempdir().expect("a folder");
        std::fs::write(folder.path().join("a.json"), "\n{\"n\": 1.50, \"n\": 2}\n").expect("written");
        std::fs::write(folder.path().join("b.json"), "{").expect("written");
        let sources = "[evidence]\na = { file = 'a.json' }\nb = { file = 'b.json' }\nunused = { file = 'c.json' }\n\
            gone = { file = 'c.json' }\nfolder = { file = '.', format = 'bytes' }\nhere = { value = { x = 1 } }\n\
            may = { file = 'c.json', optional = true }\nbad = { file = 'b.json', optional = true }\n\
            variables = { env = ['SET', 'UNSET'] }\n";
        let gates = "[gate.g]\nmodule = 'm'\ninput = { b = 'b', g = 'gone', f = 'folder', h = 'here', m = 'may', \
            n = 'bad', v = 'variables' }\n[gate.h]\nmodule = 'm'\ninput = 'a'\n";
        let expect = [
            "a: {\"n\": 1.50, \"n\": 2}",
            "b: evidence-not-json",
            "gone: evidence-missing",
            "folder: evidence-unreadable",
            "here: {\"x\":1}",
            "may: null",
            "bad: evidence-not-json",
            "variables: {\"SET\":\"here\",\"UNSET\":null}",
        ];
        assert_eq!(collected(folder.path(), &format!("{sources}{gates}")), expect);
    }

    #[test]
    fn a_file_is_read_as_far_as_the_most_generous_gate_may_be_sent() {
        let folder = tempfile::tempdir().expect("a folder");
        std::fs::write(folder.path().join("a.json"), "[1,2,3]").expect("written");
        let manifest = |limit| {
            format!(
                "[evidence]\na = {{ file = 'a.json' }}\n[gate.g]\nmodule = 'm'\ninput = 'a'\nlimits = {{ input = 2 }}\n\
                 [gate.h]\nmodule = 'm'\ninput = 'a'\nlimits = {{ input = {limit} }}\n"
            )
        };
        assert_eq!(collected(folder.path(), &manifest(7)), ["a: [1,2,3]"]);
        assert_eq!(collected(folder.path(), &manifest(6)), ["a: evidence-too-large"]);
    }

    #[test]
    fn a_source_comes_after_what_it_names_and_not_at_all_after_what_failed() {
        let folder = tempfile::tempdir().expect("a folder");
        let sources = "[evidence]\nlast = { file = 'made.txt', after = ['makes'] }\n\
            makes = { command = ['/bin/sh', '-c', 'sleep 0.1; echo 1 > made.txt'] }\n\
            never = { value = 1, after = ['fails'] }\nfails = { command = ['./not-there'] }\n";
        let gates = "[gate.g]\nmodule = 'm'\ninput = { l = 'last', n = 'never' }\n";
        let collected = collected(folder.path(), &format!("{sources}{gates}"));
        assert_eq!(collected.first().map(String::as_str), Some("last: \"1\\n\""));
        assert!(collected.contains(&"never: evidence-not-reached".to_owned()), "{collected:?}");
        assert_eq!(collected.len(), 4, "what comes before is collected too: {collected:?}");
    }

    #[test]
    fn what_lies_in_a_folder_is_seen_before_a_command_and_after_it() {
        let folder = tempfile::tempdir().expect("a folder");
        let sources = "[evidence]\nbefore = { files = 'out/**' }\nafter = { files = 'out/**', after = ['run'] }\n\
            run = { command = ['/bin/sh', '-c', 'mkdir out && printf x > out/a'], after = ['before'] }\n";
        let gates = "[gate.g]\nmodule = 'm'\ninput = { a = 'before', b = 'after' }\n";
        let collected = collected(folder.path(), &format!("{sources}{gates}"));
        let expect = [
            r#"before: {"outcome":"completed","files":{},"count":0}"#,
            r#"after: {"outcome":"completed","files":{"out/a":{"sha256":"2d711642b726b04401627ca9fbac32f5c8530fb1903cc4db02258717921a4881","size_bytes":1}},"count":1}"#,
        ];
        assert_eq!(collected.iter().take(2).collect::<Vec<_>>(), expect);
    }
}
