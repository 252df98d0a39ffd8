//! `[completion]`: what a run has to show before the work counts as complete. A task class binds kinds of probes and a mode.

use super::{
    GatePlan,
    problems::Problems,
    reader::{At, Table, string},
    resolve::Names,
};
use crate::diagnostic::Diagnostic;

/// What a run has to show.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Completion {
    /// What stands in the way.
    pub mode: CompletionMode,
    /// The class that it follows from, where the manifest names one.
    pub task_class: Option<&'static str>,
    /// The kinds of probes that have to pass, each once. Where there are none, one probe of whatever kind has to.
    pub kinds: Vec<&'static str>,
    /// Kinds, and the name of the gate that shows each of them; all of them are among [`Completion::kinds`]. The others are
    /// shown by whatever probe gives evidence of that kind.
    pub probes: Vec<(&'static str, String)>,
}

impl Completion {
    /// The gate that the manifest says shows `kind`.
    #[must_use]
    pub fn gate_of(&self, kind: &str) -> Option<&str> {
        self.probes.iter().find(|(known, _)| *known == kind).map(|(_, gate)| gate.as_str())
    }
}

/// Which probes stand in the way of completion.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum CompletionMode {
    /// All of the run: the product does what it is for.
    ProductComplete,
    /// Those of its own kinds: the code is as it should be.
    CodeComplete,
}

impl CompletionMode {
    /// Its name, as manifests and records spell it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::ProductComplete => "product_complete",
            Self::CodeComplete => "code_complete",
        }
    }
}

const MODES: [(&str, CompletionMode); 2] =
    [("product_complete", CompletionMode::ProductComplete), ("code_complete", CompletionMode::CodeComplete)];

/// The kinds of probes that there are (spec/probes.md).
const KINDS: [&str; 11] = [
    "headless_run",
    "api_smoke",
    "stdout_golden",
    "output_fixture_diff",
    "render_hash",
    "sim_trace",
    "side_effect_probe",
    "browser_smoke",
    "import_smoke",
    "unit_tests",
    "test_suite_parity",
];

/// A class of tasks: its name, and what that binds (spec/probes.md).
#[derive(Clone, Copy)]
struct Class(&'static str, CompletionMode, &'static [&'static str]);

const CLASSES: [Class; 8] = {
    use CompletionMode::{CodeComplete, ProductComplete};
    [
        Class("library", CodeComplete, &["import_smoke", "unit_tests"]),
        Class("refactor_in_place", CodeComplete, &["test_suite_parity"]),
        Class("cli", ProductComplete, &["headless_run", "stdout_golden"]),
        Class("web_service", ProductComplete, &["headless_run", "api_smoke"]),
        Class("web_app", ProductComplete, &["headless_run", "browser_smoke"]),
        Class("webhook", ProductComplete, &["api_smoke", "side_effect_probe"]),
        Class("data_pipeline", ProductComplete, &["headless_run", "output_fixture_diff"]),
        Class("game_2d", ProductComplete, &["sim_trace", "headless_run"]),
    ]
};

/// What `[completion]` says, where the manifest has it.
pub(super) fn completion(
    root: Table<'_>,
    gates: &[GatePlan],
    names: &Names<'_>,
    problems: &mut Problems<'_>,
) -> Option<Completion> {
    let table = root.table("completion", problems)?.only(&["mode", "task_class", "kinds", "probes"], problems);
    let mode = table.word("mode", &MODES, problems);
    let class = table.word("task_class", &CLASSES.map(|class| (class.0, class)), problems);
    check_one_of(table, problems);
    let probes = probes(table, gates, names, problems);
    let mut kinds: Vec<&'static str> = class.map(|class| class.2.to_vec()).unwrap_or_default();
    let more: Vec<_> = table.strings("kinds", problems).into_iter().filter_map(|name| kind(name, problems)).collect();
    for kind in more.into_iter().chain(probes.iter().map(|(kind, _)| *kind)) {
        if !kinds.contains(&kind) {
            kinds.push(kind);
        }
    }
    let mode = class.map(|class| class.1).or(mode)?;
    Some(Completion { mode, task_class: class.map(|class| class.0), kinds, probes })
}

fn check_one_of(table: Table<'_>, problems: &mut Problems<'_>) {
    match (table.get("mode"), table.get("task_class")) {
        (None, None) => {
            let problem =
                Diagnostic::new("missing-key", "`[completion]` has a `mode` or a `task_class`, and here is none");
            problems.add(
                table.at,
                problem.help("write `mode = \"product_complete\"`, or a class such as `task_class = \"cli\"`"),
            );
        }
        (Some(_), Some(class)) => {
            let message = "the `task_class` says which mode it is, and here is a `mode` as well";
            problems.add(class.span().start, Diagnostic::new("key-conflict", message));
        }
        _ => {}
    }
}

/// The kinds in `probes`, each with the gate that shows it.
fn probes(
    table: Table<'_>,
    gates: &[GatePlan],
    names: &Names<'_>,
    problems: &mut Problems<'_>,
) -> Vec<(&'static str, String)> {
    let entries = table.table("probes", problems).map(|table| table.entries()).unwrap_or_default();
    let mut bound = Vec::new();
    for (key, node) in entries {
        let (kind, gate) = (kind(key, problems), string(node, problems));
        let index = gate.and_then(|gate| names.find(gate, problems));
        let (Some(kind), Some(gate)) = (kind, index.and_then(|index| gates.get(index))) else { continue };
        if gate.kind.is_some_and(|kind| kind != portcullis_sdk::Kind::Probe) || gate.input.is_each() {
            let message = format!("gate `{}` is no probe, and shows nothing of what ran", gate.name);
            problems.add(node.span().start, Diagnostic::new("key-conflict", message));
        }
        bound.push((kind, gate.name.clone()));
    }
    bound
}

/// The kind of that name; that there is none is a problem.
fn kind(name: At<&str>, problems: &mut Problems<'_>) -> Option<&'static str> {
    let known = KINDS.into_iter().find(|kind| *kind == name.it);
    if known.is_none() {
        problems.add_unknown(name.at, ("unknown-word", "kind of probe"), name.it, KINDS.into_iter());
    }
    known
}

#[cfg(test)]
mod tests {
    use super::super::{
        mistakes::check_rest,
        tests::{HEAD, read},
    };
    use super::*;

    const GATES: &str =
        "[gate.a]\nmodule = 'a'\n[gate.b]\nmodule = 'b'\nkind = 'gate'\n[gate.c]\nmodule = 'c'\neach = '*'\n";

    fn said(completion: &str) -> Option<String> {
        let plan = read(&format!("{HEAD}{GATES}{completion}"), &[]).expect(completion);
        let Completion { mode, task_class, kinds, probes } = plan.completion?;
        Some(format!("{} {task_class:?} {} {probes:?}", mode.name(), kinds.join(",")))
    }

    #[test]
    fn a_task_class_binds_kinds_and_a_mode() {
        let of = |class: &str| said(&format!("[completion]\ntask_class = '{class}'\n")).expect("a completion");
        for (class, expect) in [
            ("library", "code_complete Some(\"library\") import_smoke,unit_tests []"),
            ("refactor_in_place", "code_complete Some(\"refactor_in_place\") test_suite_parity []"),
            ("cli", "product_complete Some(\"cli\") headless_run,stdout_golden []"),
            ("web_service", "product_complete Some(\"web_service\") headless_run,api_smoke []"),
            ("web_app", "product_complete Some(\"web_app\") headless_run,browser_smoke []"),
            ("webhook", "product_complete Some(\"webhook\") api_smoke,side_effect_probe []"),
            ("data_pipeline", "product_complete Some(\"data_pipeline\") headless_run,output_fixture_diff []"),
            ("game_2d", "product_complete Some(\"game_2d\") sim_trace,headless_run []"),
        ] {
            assert_eq!(of(class), expect);
        }
        assert!(CLASSES.iter().flat_map(|class| class.2).all(|kind| KINDS.contains(kind)), "classes bind known kinds");
    }

    #[test]
    fn a_mode_binds_what_the_manifest_lists() {
        for (completion, expect) in [
            ("", None),
            ("[completion]\nmode = 'product_complete'\n", Some("product_complete None  []")),
            (
                "[completion]\nmode = 'code_complete'\nkinds = ['unit_tests', 'unit_tests', 'api_smoke']\n",
                Some("code_complete None unit_tests,api_smoke []"),
            ),
            (
                "[completion]\ntask_class = 'cli'\nkinds = ['render_hash']\nprobes = { headless_run = 'a', sim_trace = 'a' }\n",
                Some(
                    "product_complete Some(\"cli\") headless_run,stdout_golden,render_hash,sim_trace [(\"headless_run\", \"a\"), (\"sim_trace\", \"a\")]",
                ),
            ),
        ] {
            assert_eq!(said(completion).as_deref(), expect, "{completion}");
        }
    }

    #[test]
    fn mistakes_are_told_with_their_place() {
        for (rest, expect) in [
            (
                "[completion]\nkinds = ['headles_run']\n",
                &[
                    "12:1 missing-key: `[completion]` has a `mode` or a `task_class`, and here is none; write `mode = \"product_complete\"`, or a class such as `task_class = \"cli\"`",
                    "13:10 unknown-word: unknown kind of probe `headles_run`; did you mean `headless_run`?",
                ][..],
            ),
            (
                "[completion]\nmode = 'product'\ntask_class = 'clj'\nclass = 'cli'\n",
                &[
                    "13:8 unknown-word: unknown mode `product`; known here: `product_complete`, `code_complete`",
                    "14:14 unknown-word: unknown task_class `clj`; did you mean `cli`?",
                    "14:14 key-conflict: the `task_class` says which mode it is, and here is a `mode` as well",
                    "15:1 unknown-key: unknown key `class`; known here: `mode`, `task_class`, `kinds`, `probes`",
                ],
            ),
            (
                "[completion]\nmode = 'code_complete'\nprobes = { unit_tests = 'd', sim_trace = 'b', api_smoke = 'c', rendr_hash = 1 }\n",
                &[
                    "14:25 unknown-gate: unknown gate `d`; known here: `a`, `b`, `c`",
                    "14:42 key-conflict: gate `b` is no probe, and shows nothing of what ran",
                    "14:59 key-conflict: gate `c` is no probe, and shows nothing of what ran",
                    "14:64 unknown-word: unknown kind of probe `rendr_hash`; did you mean `render_hash`?",
                    "14:77 wrong-type: expected a string, found an integer",
                ],
            ),
        ] {
            check_rest(&format!("{GATES}{rest}"), expect);
        }
    }
}
