//! Manifests that nobody meant: whatever the bytes, the answer is a plan or problems, soon and without a panic.

use std::{path::Path, time::Instant};

use proptest::prelude::*;

use super::{fuzz::sound, *};

/// One of everything that a manifest may have.
pub(crate) const GOOD: &str = r#"schema = 1
name = "t"
trust = "t.toml"
state = "redis://u:${env:P}@[::1]:80/1"
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
h = { agent = "x", output = "beta" }
i = { file = "i.json", after = ["h"] }
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
[gate.three]
module = "three.wasm"
input = "i"
[gate.four]
module = "four.wasm"
[agent.x]
command = ["./x", "${env:X}"]
env = { X = "x" }
reveal = ["X"]
tier = 1
confidence = 0.7
preflight = ["three"]
heartbeat = "60s"
lock = "300s"
errors = { total = 12, same = 3, procedure = 1 }
[[stage]]
id = "s"
type = "parallel"
gates = ["one", "two"]
[[stage]]
id = "choose"
type = "condition"
if = "one && !findings(two, PARSE_ERROR) || evidence(d, '/a') != 1"
then = ["t"]
else = ["work"]
needs = ["s"]
[[stage]]
id = "work"
type = "agent"
agent = "x"
[[stage]]
id = "t"
type = "gate"
gates = ["four"]
[[events]]
file = "e.jsonl"
kinds = ["heartbeat"]
[[events]]
url = "http://localhost/${env:T}"
headers = { a = "b" }
secret = "${env:S}"
form = "slack"
[decision]
expr = "one && two"
[completion]
task_class = "cli"
kinds = ["render_hash"]
probes = { headless_run = "one" }
"#;

#[test]
fn the_good_one_is_good() {
    parse(GOOD.as_bytes(), Path::new("p.toml"), &Overrides::default()).expect("a plan");
}

/// A manifest in which as much waits for as much as its size allows.
fn everything_waits(most: usize) -> String {
    let mut text = String::from("schema=1\nname='t'\ntrust='t'\n");
    for agent in 0..256 {
        text += &format!("[agent.a{agent}]\ncommand=['a']\n[[stage]]\nid='a{agent}'\ntype='agent'\nagent='a{agent}'\n");
    }
    text += "[evidence]\ne0={agent='a0',output='beta'}\n";
    for index in 1..256 {
        text += &format!("o{index}={{agent='a{index}',output='beta'}}\n");
        text += &format!("e{index}={{value=1,after=['e{}','o{index}']}}\n", index - 1);
    }
    for index in 0.. {
        let (gate, stage) = (format!("g{index}"), format!("[[stage]]\nid='s{index}'\ntype='gate'\n"));
        let piece = format!("[gate.{gate}]\nmodule='m'\ninput='e255'\n{stage}gates=['{gate}']\n");
        if text.len() + piece.len() > most {
            return text;
        }
        text += &piece;
    }
    text
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
        everything_waits(most),
        fill(&|index| format!("[agent.a{index}]\ncommand=['a']\n")),
        fill(&|_| "[[events]]\nfile='e'\n".to_owned()),
        fill(&|index| format!("[[stage]]\nid='s{index}'\ntype='condition'\nif='g'\nthen=['s{}']\n", index + 1)),
        fill(&|index| format!("[[stage]]\nid='s{index}'\ntype='condition'\nif='g'\nthen=['s0']\n")),
        fill(&|index| {
            format!("[[stage]]\nid='s{index}'\ntype='condition'\nif='{}g'\nelse=['s']\n", "h && ".repeat(3_000))
        }),
        format!("[agent.a]\npreflight=[{}]\n", "'g',".repeat(most / 4 - 20)),
        format!("state='redis://{}@h'\n", "${env:A}".repeat(most / 8 - 20)),
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
        lines in Just(GOOD.lines().collect::<Vec<_>>()).prop_shuffle(), keep in 1..70_usize
    ) {
        let kept = lines.into_iter().take(keep).collect::<Vec<_>>().join("\n");
        prop_assert!(sound(kept.as_bytes()));
        let doubled = [GOOD, &kept].concat();
        prop_assert!(sound(doubled.as_bytes()));
    }
}
