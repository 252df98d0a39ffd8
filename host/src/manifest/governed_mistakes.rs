//! Each mistake in conditions, agents, state and events, with exactly what is told of it.

use super::mistakes::check_rest;

/// Gates a to f on lines 4 to 15; then comes `rest`.
fn with_gates(rest: &str) -> String {
    let gates: String =
        ["a", "b", "c", "d", "e", "f"].iter().map(|name| format!("[gate.{name}]\nmodule = 'm'\n")).collect();
    format!("{gates}{rest}")
}

#[test]
fn mistakes_in_conditions() {
    check_rest(
        &with_gates(
            "[[stage]]
id = 's'
type = 'condition'
if = 'a && $'
then = ['t', 'tt', 't']
else = ['t', 's']
gates = ['a']
[[stage]]
id = 't'
type = 'parallel'
gates = ['a', 'b', 'c', 'd', 'e', 'f']
then = ['s']
[[stage]]
id = 'u'
type = 'condition'
if = \"aa || findings(bb, X) || evidence(ci, '/x') == 1\"
then = 's'
[[stage]]
id = 'v'
type = 'condition'
if = '''a ||
evidence(e, 'x') == 1'''
else = []
when = 1
",
        ),
        &[
            "17:6 stage-cycle: stages need each other in a circle: s -> s; a stage comes after what it needs, after the condition that chooses it, and after the gates and the agents that it asks about",
            "19:12 stage-condition: `$` means nothing here",
            "20:14 unknown-stage: unknown stage `tt`; known here: `s`, `t`, `u`, `v`",
            "20:20 stage-branched-twice: stage `t` stands in the `then` of `s` already",
            "21:9 stage-branched-twice: stage `t` stands in the `then` of `s` already",
            "22:1 key-conflict: `gates` means nothing beside `type = \"condition\"`",
            "27:1 key-conflict: `then` means nothing beside `type = \"parallel\"`",
            "31:7 unknown-gate: unknown gate `aa`; known here: `a`, `b`, `c`, `d`, `e`, `f`",
            "31:22 unknown-gate: unknown gate `bb`; known here: `a`, `b`, `c`, `d`, `e`, `f`",
            "31:41 unknown-evidence: unknown evidence `ci`",
            "32:8 wrong-type: expected an array of strings, found a string",
            "33:1 stage-branches: the condition leads to no stage; name the stages that it chooses between: `then = [\"ship\"]`, `else = [\"hold\"]`",
            "36:6 stage-condition: a JSON pointer is empty or starts with `/`, and a `~` in it is `~0` or `~1`",
            "39:1 unknown-key: unknown key `when`; did you mean `then`?",
        ],
    );
}

#[test]
fn stages_that_wait_for_what_waits_for_them_are_told_with_their_way() {
    let order = "; a stage comes after what it needs, after the condition that chooses it, and after the gates and the agents that it asks about";
    let stage = |id: &str, rest: &str| format!("[[stage]]\nid = '{id}'\n{rest}\n");
    let gates = |gates: &str| format!("type = 'parallel'\ngates = [{gates}]");
    for (stages, line, way) in [
        // A condition that asks about the gate that it chooses.
        (
            [
                stage("choose", "type = 'condition'\nif = 'a'\nthen = ['s']"),
                stage("s", &gates("'a','b','c','d','e','f'")),
            ]
            .concat(),
            17,
            "choose -> s -> choose",
        ),
        // A need that leads back through a branch.
        (
            [
                stage("s", &format!("{}\nneeds = ['t']", gates("'a','b'"))),
                stage("choose", "type = 'condition'\nif = 'a'\nelse = ['t']"),
                stage("t", &gates("'c','d','e','f'")),
            ]
            .concat(),
            17,
            "s -> t -> choose -> s",
        ),
    ] {
        let problem = format!("{line}:6 stage-cycle: stages need each other in a circle: {way}{order}");
        check_rest(&with_gates(&stages), &[&problem]);
    }
}

#[test]
fn a_stage_that_needs_both_sides_of_a_condition_never_runs() {
    check_rest(
        &with_gates(
            "[[stage]]
id = 'first'
type = 'parallel'
gates = ['a', 'b']
[[stage]]
id = 'choose'
type = 'condition'
if = 'a'
then = ['s']
else = ['t']
[[stage]]
id = 's'
type = 'gate'
gates = ['c']
[[stage]]
id = 't'
type = 'gate'
gates = ['d']
needs = ['choose', 's']
[[stage]]
id = 'u'
type = 'parallel'
gates = ['e', 'f']
needs = ['s', 't', 'first']
",
        ),
        &[
            "31:6 stage-never-runs: stage `t` can never run: `choose` takes either `t` or `s`",
            "36:6 stage-never-runs: stage `u` can never run: `choose` takes either `s` or `t`",
        ],
    );
}

#[test]
fn mistakes_in_agents() {
    check_rest(
        &with_gates(
            "[evidence]
x = { agent = 'on', output = 'delta' }
y = { agent = 'two' }
z = { agent = 'one', output = 'beta', after = ['x'] }
[agent.one]
comand = ['x']
tier = 5
confidence = 1.5
preflight = ['a', 'g']
plan = ['a']
heartbeat = '2h'
lock = '10ms'
errors = { total = 20000, same = 0, totl = 1 }
[agent.two]
command = []
cwd = ''
env = { 'A=B' = 'x' }
reveal = ['X']
timeout = '25h'
tier = -1
confidence = 'high'
heartbeat = '10s'
lock = '5s'
[agent.'N N']
command = ['n', '${x}']
[[stage]]
id = 's'
type = 'agent'
agent = 'one'
gates = ['a']
[[stage]]
id = 't'
type = 'agent'
agent = 'one'
[[stage]]
id = 'u'
type = 'agent'
agent = 'three'
[[stage]]
id = 'v'
type = 'parallel'
gates = ['a', 'b', 'c', 'd', 'e']
agent = 'two'
",
        ),
        &[
            "14:7 gate-unstaged: gate `f` stands in no stage, so it would never run; name it in the `gates` of one stage",
            "17:15 unknown-agent: unknown agent `on`; did you mean `one`?",
            "17:30 unknown-word: unknown output `delta`; known here: `alpha`, `beta`, `gamma`",
            "18:5 missing-key: missing key `output`",
            "19:39 key-conflict: `after` means nothing beside `agent`",
            "20:1 missing-key: missing key `command`; write the program and its arguments: `command = [\"./agent\", \"--task\", \"x\"]`",
            "20:8 gate-staged-twice: gate `a` stands in this stage twice",
            "21:1 unknown-key: unknown key `comand`; did you mean `command`?",
            "22:8 number-range: `tier` is 5, and tiers go from 0 to 4",
            "23:14 number-range: `confidence` is a number from 0 to 1, such as 0.7",
            "24:19 unknown-gate: unknown gate `g`; known here: `a`, `b`, `c`, `d`, `e`, `f`",
            "26:13 limit-ceiling: `heartbeat` is 7200000 ms, past the host's ceiling of 3600000 ms",
            "27:8 agent-lock: the lock holds `10ms`, and the agent may be silent for `7200000ms`; a `lock` is no shorter than the `heartbeat`",
            "28:20 number-range: `total` is 20000, and it goes from 0 to 10000",
            "28:34 number-range: `same` is 0, and it goes from 1 to 10000",
            "28:37 unknown-key: unknown key `totl`; did you mean `total`?",
            "29:8 agent-unstaged: agent `two` stands in no stage, so it would never run; name it in a stage of the type `agent`: `agent = \"NAME\"`",
            "30:11 empty-command: `command` names no program; write the program and its arguments: `command = [\"./app\", \"--smoke\"]`",
            "31:7 empty-path: `cwd` names no file",
            "32:9 bad-variable: `A=B` is no name of a variable; a variable's name has letters, digits and `_`, and starts with no digit",
            "33:11 unknown-variable: unknown variable `X`",
            "34:11 limit-ceiling: `timeout` is 90000000 ms, past the host's ceiling of 86400000 ms",
            "35:8 number-range: `-1` is no whole number from 0 to 18446744073709551615",
            "36:14 wrong-type: expected a number, found a string",
            "38:8 agent-lock: the lock holds `5000ms`, and the agent may be silent for `10000ms`; a `lock` is no shorter than the `heartbeat`",
            "39:8 bad-name: `N N` is no name; a name has 1 to 64 of a-z, 0-9, `.`, `_` and `-`, and starts with a letter or a digit",
            "39:8 agent-unstaged: agent `N N` stands in no stage, so it would never run; name it in a stage of the type `agent`: `agent = \"NAME\"`",
            "40:18 bad-template: `${` opens no `${env:NAME}` here; a variable is written `${env:NAME}`, and `$${` is the text `${`",
            "45:1 key-conflict: `gates` means nothing beside `type = \"agent\"`",
            "49:9 agent-staged-twice: agent `one` runs in the stage `s` already",
            "53:9 unknown-agent: unknown agent `three`; known here: `one`, `two`, `N N`",
            "57:10 gate-staged-twice: gate `a` stands in the stage `s` already",
            "58:1 key-conflict: `agent` means nothing beside `type = \"parallel\"`",
        ],
    );
}

#[test]
fn an_agents_gates_are_asked_in_the_order_of_its_phases() {
    check_rest(
        "[gate.a]
module = 'm'
needs = ['b']
[gate.b]
module = 'm'
needs = ['c']
[gate.c]
module = 'm'
[agent.x]
command = ['x']
preflight = ['a']
verify = ['b', 'c']
[[stage]]
id = 's'
type = 'agent'
agent = 'x'
",
        &["4:7 needs-order: gate `a` needs `b`, which agent `x` asks later, in `verify`"],
    );
    check_rest(
        "agent = 1
[gate.a]
module = 'm'
",
        &["4:9 wrong-type: expected a table, found an integer"],
    );
    check_rest(
        "[gate.a]
module = 'm'
[agent.x]
command = ['x']
[agent.x]
command = ['y']
",
        &[
            "8:8 duplicate-agent: two agents have the name `x`; give one of them another name",
            "8:8 agent-unstaged: agent `x` stands in no stage, so it would never run; name it in a stage of the type `agent`: `agent = \"NAME\"`",
        ],
    );
    let many: String = (0..257).map(|index| format!("[agent.x{index}]\n")).collect();
    check_rest(
        &format!("[gate.a]\nmodule = 'm'\n{many}"),
        &["262:8 too-many-agents: there are 257 agents, and 256 are allowed"],
    );
}

#[test]
fn mistakes_in_state_and_events() {
    let gate = "[gate.a]\nmodule = 'm'\n";
    for (state, expect) in [
        ("''", "4:9 bad-state: `` names no place for the state; it names no file"),
        ("1", "4:9 wrong-type: expected a string, found an integer"),
        (
            "'redis://:hunter2@localhost'",
            "4:9 bad-state: `state` names no place for the state; the password stands in it, where everybody reads it: write `redis://:${env:NAME}@HOST`",
        ),
        (
            "'rediss://localhost'",
            "4:9 bad-state: `rediss://localhost` names no place for the state; a store over TLS is not available in this version: put a tunnel on this machine before it",
        ),
        (
            "'redis://db.example'",
            "4:9 host-not-listed: `db.example:6379` is not this machine, and no other may be reached without a list; allow it, and then nothing else: `[network]` with `hosts = [\"db.example:6379\"]`",
        ),
    ] {
        check_rest(&format!("state = {state}\n{gate}"), &[expect]);
    }
    check_rest(
        &format!(
            "{gate}[[events]]
file = ''
kinds = ['heartbeet', 'heartbeat']
[[events]]
kinds = []
[[events]]
command = []
file = 'x'
[[events]]
url = 'https://hooks.example/x'
secret = 'hunter2'
form = 'slak'
headers = {{ 'X-Portcullis-Event' = 'x', host = 'h' }}
[[events]]
url = 'http://localhost/'
cwd = 'x'
to = 'y'
[[events]]
file = 'x'
secret = 's'
"
        ),
        &[
            "7:8 empty-path: `file` names no file",
            "8:10 unknown-word: unknown kind of event `heartbeet`; did you mean `heartbeat`?",
            "9:1 missing-key: events go to one of `file`, `command` and `url`, and here is none",
            "10:9 empty-kinds: `kinds` names no kind, so nothing would be told; without `kinds` all events are told",
            "11:1 key-conflict: events go to one of `file`, `command` and `url`, and here are `file` and `command`",
            "15:7 host-not-listed: `hooks.example:443` is not this machine, and no other may be reached without a list; allow it, and then nothing else: `[network]` with `hosts = [\"hooks.example:443\"]`",
            "16:10 written-secret: the `secret` stands in the manifest, where everybody reads it; take it from the environment: `secret = \"${env:HOOK_SECRET}\"`",
            "17:8 unknown-word: unknown form `slak`; did you mean `slack`?",
            "18:11 bad-header: the header `x-portcullis-event` is not set by hand: it says what is sent",
            "18:41 bad-header: the header `host` is not set by hand: it comes from the `url`",
            "21:1 key-conflict: `cwd` means nothing beside `url`",
            "22:1 unknown-key: unknown key `to`; known here: `url`, `headers`, `secret`, `form`, `kinds`",
            "25:1 key-conflict: `secret` means nothing beside `file`",
        ],
    );
    check_rest(&format!("events = {{}}\n{gate}"), &["4:10 wrong-type: expected an array of tables, found a table"]);
    let many = "[[events]]\nfile = 'e'\n".repeat(65);
    check_rest(&format!("{gate}{many}"), &["134:1 too-many-events: events go to 65 places, and 64 are allowed"]);
}
