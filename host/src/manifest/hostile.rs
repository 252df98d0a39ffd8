//! Manifests that nobody meant: whatever the bytes, the answer is a plan or problems, soon and without a panic.

use std::{path::Path, time::Instant};

use proptest::prelude::*;

use super::*;

const GOOD: &str = r#"schema = 1
name = "t"
trust = "t.toml"
[network]
hosts = ["localhost", "[::1]", "*.b", "a.b:80"]
[limits]
fuel = "2G"
[evidence]
a = { file = "a.json", optional = true, after = ["c"] }
b = { value = { x = [1, 2.5, "é"] } }
c = { command = ["./c", "$${", "${env:C}"], env = { C = "c" }, cwd = "c", timeout = "1s", reveal = ["C"] }
d = { env = ["A"] }
g = { files = "out/**", after = ["c"] }
e = { http = { url = "http://localhost/?q=${env:E}", json = { a = 1 }, stop_at = "x" } }
f = { http = [{ url = "http://[::1]:80", headers = { a = "b" }, resume = "e" }, { url = "http://a.b", resume = true }] }
[gate.one]
module = "one.wasm"
input = { x = "a", y = "b" }
params.deep.er = true
[gate.two]
module = "two.wasm"
each = "**/*.txt"
needs = ["one"]
[gate.two.limits]
time = "1s"
[[stage]]
id = "s"
type = "parallel"
gates = ["one", "two"]
[decision]
expr = "one && two"
[completion]
task_class = "cli"
kinds = ["render_hash"]
probes = { headless_run = "one" }
"#;

/// A plan whose indices all point at something, or problems that each have a place.
fn sound(bytes: &[u8]) -> bool {
    match parse(bytes, Path::new("p.toml"), &Overrides::default()) {
        Ok(plan) => {
            let gates = plan.gates.len();
            let evidence = |gate: &GatePlan| match &gate.input {
                Input::Whole(index) => *index < plan.evidence.len(),
                Input::Named(members) => members.iter().all(|(_, index)| *index < plan.evidence.len()),
                Input::Nothing | Input::Each { .. } => true,
            };
            let mut staged: Vec<_> = plan.stages.iter().flat_map(|stage| stage.gates.clone()).collect();
            staged.sort_unstable();
            gates > 0
                && plan.evidence.iter().all(|source| has_sound_order(source, plan.evidence.len()))
                && plan.wanted_evidence().len() == plan.evidence.len()
                && staged == (0..gates).collect::<Vec<_>>()
                && plan.gates.iter().all(|gate| gate.needs.iter().all(|needed| *needed < gates) && evidence(gate))
                && plan.stages.iter().enumerate().all(|(at, stage)| stage.needs.iter().all(|needed| *needed < at))
        }
        Err(problems) => !problems.is_empty() && problems.iter().all(|problem| problem.place.is_some()),
    }
}

fn has_sound_order(source: &EvidenceSource, sources: usize) -> bool {
    source.after.iter().all(|before| *before < sources)
        && source.origin.resumes_from().is_none_or(|resumed| source.after.contains(&resumed))
        && match &source.origin {
            Origin::Command(command) => !command.argv.is_empty(),
            Origin::Http(http) => !http.exchanges.is_empty(),
            Origin::File { .. } | Origin::Files { .. } | Origin::Value(_) | Origin::Env(_) => true,
        }
}

#[test]
fn the_good_one_is_good() {
    parse(GOOD.as_bytes(), Path::new("p.toml"), &Overrides::default()).expect("a plan");
}

#[test]
fn large_manifests_are_refused_or_read_in_a_moment() {
    let most = usize::try_from(MAX_BYTES).expect("fits");
    let fill = |piece: &dyn Fn(usize) -> String| {
        let mut text = String::new();
        for index in 0.. {
            let piece = piece(index);
            if text.len() + piece.len() > most {
                break;
            }
            text += &piece;
        }
        text
    };
    let needs_the_last = |index| format!("[gate.g{index}]\nmodule='m'\nneeds=['g{}']\n", index + 1);
    let started = Instant::now();
    for text in [
        "\0".repeat(64 * most),
        "[".repeat(most),
        "[a.".repeat(most / 3),
        "a.".repeat(most / 2),
        "{a=".repeat(most / 3),
        "\n".repeat(most),
        "=\n".repeat(most / 2),
        fill(&|index| format!("k{index}=1\n")),
        fill(&|_| "k=1\n".to_owned()),
        format!("k={{{}}}", "a=1,".repeat(most / 4 - 2)),
        format!("[a]\n[a]\nk={{{}}}", "a=1,".repeat(most / 4 - 4)),
        "= ".repeat(most / 2),
        "\"\\q\" ".repeat(most / 5),
        format!("k=[{}]", "\"\\q\",".repeat(most / 5 - 2)),
        fill(&|_| "[gate.g]\n".to_owned()),
        fill(&|index| format!("[gate.g{index}]\nneeds=['h{index}']\n")),
        fill(&needs_the_last),
        fill(&|index| format!("[[stage]]\nid='s{index}'\nneeds=['s{}']\n", index + 1)),
        format!("[decision]\nexpr='{}'\n", "(".repeat(most - 100)),
        format!("[evidence]\n{}", fill(&|index| format!("e{index}={{value=1,after=['e{}']}}\n", index + 1))),
        format!("[evidence]\na={{value=1,after=[{}]}}", "'a',".repeat(most / 4 - 20)),
        format!("[evidence]\na={{command=[{}]}}", "'${env:A}',".repeat(most / 11 - 20)),
        format!("[evidence]\na={{command=['{}']}}", "${env:A}".repeat(most / 8 - 20)),
        format!("[evidence]\na={{http=[{}]}}", "{url='http://a',resume='a'},".repeat(most / 28 - 20)),
        format!("[network]\nhosts=[{}]", "'*.a',".repeat(most / 6 - 20)),
        format!(
            "[network]\nhosts=[{}]\n[evidence]\na={{http=[{}]}}",
            "'*.a',".repeat(256),
            "{url='http://a'},".repeat(most / 17 - 300)
        ),
        format!("[decision]\nexpr='{}a'\n", "a && ".repeat(most / 5 - 10)),
    ] {
        assert!(sound(text.as_bytes()), "{}", text.get(..60).unwrap_or(&text));
    }
    // Each takes tens of milliseconds when built for tests; anything quadratic takes minutes.
    assert!(started.elapsed().as_secs() < 60, "{:?}", started.elapsed());
}

proptest! {
    #[test]
    fn any_bytes_are_a_plan_or_problems(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        prop_assert!(sound(&bytes));
    }

    #[test]
    fn any_text_of_tomls_own_signs_is_a_plan_or_problems(text in "[\\[\\]{}=.,\"'a-d1\n #_-]{0,60}") {
        prop_assert!(sound(text.as_bytes()));
    }

    #[test]
    fn a_good_manifest_with_a_few_bytes_changed_is_a_plan_or_problems(
        changes in proptest::collection::vec((0..GOOD.len(), 0..3_u8, any::<u8>()), 1..6)
    ) {
        let mut bytes = GOOD.as_bytes().to_vec();
        for (at, how, byte) in changes {
            let at = at.min(bytes.len());
            match how {
                0 => bytes.insert(at, byte),
                1 => bytes.truncate(at.max(1)),
                _ => bytes.iter_mut().skip(at).take(1).for_each(|old| *old = byte),
            }
        }
        prop_assert!(sound(&bytes));
    }

    #[test]
    fn a_good_manifest_with_its_lines_shuffled_is_a_plan_or_problems(
        lines in Just(GOOD.lines().collect::<Vec<_>>()).prop_shuffle(), keep in 1..30_usize
    ) {
        let kept = lines.into_iter().take(keep).collect::<Vec<_>>().join("\n");
        prop_assert!(sound(kept.as_bytes()));
        let doubled = [GOOD, &kept].concat();
        prop_assert!(sound(doubled.as_bytes()));
    }
}
