//! Each mistake in a manifest, with exactly what is told of it. The first of its lines are in [`HEAD`].

use std::path::Path;

use super::{
    tests::{HEAD, read},
    *,
};

pub(super) fn told(problems: &[Diagnostic]) -> Vec<String> {
    let one = |problem: &Diagnostic| {
        let place = problem.place.as_deref().unwrap_or_default();
        let place = place.strip_prefix("d/p.toml:").unwrap_or(place);
        let help = problem.help.as_ref().map(|help| format!("; {help}")).unwrap_or_default();
        format!("{place} {}: {}{help}", problem.code, problem.message)
    };
    problems.iter().map(one).collect()
}

fn check(text: &str, expect: &[&str]) {
    let problems = read(text, &[]).expect_err(text);
    assert_eq!(told(&problems), expect, "\n{text}");
}

/// A manifest of [`HEAD`] and `rest`; its first line is the fourth.
pub(super) fn check_rest(rest: &str, expect: &[&str]) {
    check(&format!("{HEAD}{rest}"), expect);
}

/// A manifest with the gates a, b (advisory) and c on lines 4 to 10, and `rest` from line 11 on.
fn check_after_gates(rest: &str, expect: &[&str]) {
    let gates = "[gate.a]\nmodule = 'a'\n[gate.b]\nmodule = 'b'\nenforcement = 'advisory'\n[gate.c]\nmodule = 'c'\n";
    check_rest(&format!("{gates}{rest}"), expect);
}

#[test]
fn what_is_no_manifest_is_told_with_its_place() {
    check(
        "",
        &[
            "1:1 missing-key: missing key `schema`; write `schema = 1`",
            "1:1 missing-key: missing key `name`",
            "1:1 missing-key: missing key `trust`",
            "1:1 no-gates: the manifest has no gates, so nothing would decide; add a gate: a table `[gate.NAME]` with a `module`",
        ],
    );
    check(
        "schema = 1
name = 
ü = 1
[gate.a
",
        &[
            "2:8 toml-syntax: string values must be quoted, expected literal string",
            "3:1 toml-syntax: invalid unquoted key, expected letters, numbers, `-`, `_`",
            "4:8 toml-syntax: unclosed table, expected `]`",
        ],
    );
    check(
        "schema = 2
name = 'A b'
trust = ''
fule = 1
[gates.a]
",
        &[
            "1:1 no-gates: the manifest has no gates, so nothing would decide; add a gate: a table `[gate.NAME]` with a `module`",
            "1:10 schema-version: this version reads schema 1, and here is `2`",
            "2:8 bad-name: `A b` is no name; a name has 1 to 64 of a-z, 0-9, `.`, `_` and `-`, and starts with a letter or a digit",
            "3:9 empty-path: `trust` names no file",
            "4:1 unknown-key: unknown key `fule`; known here: `schema`, `name`, `trust`, `approvals`, `network`, `limits`, `evidence`, `gate`, `stage`, `decision`, `completion`, `agent`, …",
            "5:2 unknown-key: unknown key `gates`; did you mean `gate`?",
        ],
    );
    check(
        "schema = '1'
name = 1
trust = []
gate = 1979-05-27
limits = 1.5
evidence = true
stage = {}
decision = [1]
",
        &[
            "1:10 wrong-type: expected an integer, found a string",
            "2:8 wrong-type: expected a string, found an integer",
            "3:9 wrong-type: expected a string, found an array",
            "4:8 wrong-type: expected a table, found a date or time",
            "5:10 wrong-type: expected a table, found a float",
            "6:12 wrong-type: expected a table, found a boolean",
            "7:9 wrong-type: expected an array of tables, found a table",
            "8:12 wrong-type: expected a table, found an array",
        ],
    );
    check("\u{0}", &["1:1 toml-syntax: invalid unquoted key, expected letters, numbers, `-`, `_`"]);
    check(
        &format!("a = {}1{}", "[".repeat(1_000), "]".repeat(1_000)),
        &["1:85 toml-syntax: cannot recurse further; max recursion depth met"],
    );
    let problems = parse(b"a = 1\nb = '\xff'", Path::new("p\x1b.toml"), &Overrides::default()).expect_err("no UTF-8");
    assert_eq!(told(&problems), ["p\\u{1b}.toml:2:6 not-utf8: the manifest is not UTF-8"]);
}

#[test]
fn a_name_given_twice_is_one_problem() {
    check_rest(
        "[gate.a]
module = 'a'
[gate.a]
module = 'b'
kind = 'gate'
[gate.a.limits]
fuel = 1
fuel = 2
",
        &[
            "6:7 duplicate-gate: two gates have the name `a`; give one of them another name",
            "11:1 duplicate-key: the key `fuel` is given twice",
        ],
    );
    check_rest(
        "name = 'u'
[evidence]
a = { value = 1 }
a = { value = 2 }
[gate.a]
module = 'a'
",
        &["4:1 duplicate-key: the key `name` is given twice", "7:1 duplicate-key: the key `a` is given twice"],
    );
    check_rest(
        "[evidence.a]
value = 1
[evidence.a]
value = 1
[gate.a]
module = 'a'
",
        &["6:11 duplicate-evidence: two pieces of evidence have the name `a`; give one of them another name"],
    );
}

#[test]
fn mistakes_in_limits() {
    check_rest(
        "[limits]
fule = 1
fuel = '2T'
memory = '2'
time = 5
stdout = '1 parsec'
stderr = -1
input = 0
[gate.a]
module = 'a'
limits = { time = '11m', memory = '2GiB', tables = 0x10 }
",
        &[
            "5:1 unknown-key: unknown key `fule`; did you mean `fuel`?",
            "6:8 limit-ceiling: `fuel` is 2000000000000, past the host's ceiling of 1000000000000",
            "8:8 wrong-type: expected a string such as `5s`, found an integer",
            "9:10 bad-amount: `1 parsec` is no amount; a size is a whole number with B, KiB, MiB, GiB, kB, MB or GB behind it, such as 64MiB",
            "10:10 number-range: `-1` is no whole number from 0 to 18446744073709551615",
            "11:9 limit-zero: nothing runs with a limit of 0: `input`",
            "14:19 limit-ceiling: `time` is 660000 ms, past the host's ceiling of 600000 ms",
            "14:35 limit-ceiling: `memory` is 2147483648 bytes, past the host's ceiling of 1073741824 bytes",
        ],
    );
    check_rest(
        "[gate.a]
module = 'a'
limits = { compile_time = '5', zzzzzzz = 1, tables = true }
",
        &[
            "6:27 bad-amount: `5` is no amount; a duration is a number with ms, s, m, h or d behind it, such as 5s",
            "6:32 unknown-key: unknown key `zzzzzzz`; known here: `fuel`, `memory`, `time`, `tables`, `stdout`, `stderr`, `input`, `module`, `compile_time`, `compile_memory`",
            "6:54 wrong-type: expected a string or an integer, found a boolean",
        ],
    );
}

#[test]
fn mistakes_in_what_may_be_reached() {
    let gate = "[gate.g]\nmodule = 'g'\n";
    let source = "[evidence]\na = { http = { url = 'https://a.example:8443/x' } }\n";
    for (network, expect) in [
        (
            "",
            "5:22 host-not-listed: `a.example:8443` is not this machine, and no other may be reached without a list; allow it, and then nothing else: `[network]` with `hosts = [\"a.example:8443\"]`",
        ),
        (
            "[network]\nhosts = ['b.example', 'a.example:443']\n",
            "7:22 host-not-listed: `a.example:8443` is none of the hosts that may be reached; add \"a.example:8443\" to `hosts` in `[network]`",
        ),
        (
            "[network]\nhosts = []\n",
            "7:22 host-not-listed: `a.example:8443` is none of the hosts that may be reached; add \"a.example:8443\" to `hosts` in `[network]`",
        ),
        (
            "[network]\nhosts = ['https://a.example']\n",
            "5:10 bad-host: `https://a.example` is no host; a host stands alone or with its port, without a scheme, a user or a path",
        ),
        ("[network]\nhosts = 'a.example'\n", "5:9 wrong-type: expected an array of strings, found a string"),
        ("[network]\nhosts = [1]\n", "5:10 wrong-type: expected a string, found an integer"),
    ] {
        check_rest(&format!("{network}{source}{gate}"), &[expect]);
    }
    check_rest(
        &format!(
            "approvals = ''\n[network]\nhost = ['a', 'b:0', '*', '::1', 'a.']\nhosts = ['b:0', '*', '::1', 'a.']\n{gate}"
        ),
        &[
            "4:13 empty-path: `approvals` names no file",
            "6:1 unknown-key: unknown key `host`; did you mean `hosts`?",
            "7:10 bad-host: `b:0` is no host; a port is a number from 1 to 65535",
            "7:17 bad-host: `*` is no host; a `*` stands only in front of a name, as in `*.example.com`",
            "7:22 bad-host: `::1` is no host; a host is a name of a-z, 0-9, `-`, `_` and `.`, an IPv4 address, or an IPv6 address in brackets",
            "7:29 bad-host: `a.` is no host; a host is a name of a-z, 0-9, `-`, `_` and `.`, an IPv4 address, or an IPv6 address in brackets",
        ],
    );
    let many = format!("[network]\nhosts = [{}]\n{gate}", "'a',".repeat(257));
    check_rest(&many, &["5:9 too-many-hosts: `hosts` has 257 entries, and 256 are allowed"]);
}

#[test]
fn mistakes_in_gates() {
    check_rest(
        "[evidence]
manifest = { value = 1 }
[gate.a]
modul = 'a'
kind = 'probes'
enforcement = 'optional'
input = 'manifset'
needs = ['b', 'aa', 3]
[gate.B]
module = ''
input = { m = 'manifest', n = 'x', o = 1 }
[gate.c]
module = 'c'
input = 'manifest'
each = '../*'
params = { x = inf }
[gate.d]
module = 'd'
kind = 'gate'
each = 'a['
params = 'x'
input = 1
",
        &[
            "6:1 missing-key: missing key `module`",
            "7:1 unknown-key: unknown key `modul`; did you mean `module`?",
            "8:8 unknown-word: unknown kind `probes`; did you mean `probe`?",
            "9:15 unknown-word: unknown enforcement `optional`; known here: `mandatory`, `advisory`",
            "10:9 unknown-evidence: unknown evidence `manifset`; did you mean `manifest`?",
            "11:10 unknown-gate: unknown gate `b`; known here: `a`, `B`, `c`, `d`",
            "11:15 unknown-gate: unknown gate `aa`; known here: `a`, `B`, `c`, `d`",
            "11:21 wrong-type: expected a string, found an integer",
            "12:7 bad-name: `B` is no name; a name has 1 to 64 of a-z, 0-9, `.`, `_` and `-`, and starts with a letter or a digit",
            "13:10 empty-path: `module` names no file",
            "14:31 unknown-evidence: unknown evidence `x`; known here: `manifest`",
            "14:40 wrong-type: expected a string, found an integer",
            "15:1 key-conflict: `each` gives the gate its input, file by file, and here is an `input` as well",
            "18:8 bad-glob: `../*` leads out of the manifest's folder",
            "19:16 not-json: JSON has no number `inf`",
            "20:1 key-conflict: `each` gives the gate its input, file by file, and here is an `input` as well",
            "20:1 key-conflict: `each` asks a validator, and `kind` says that this is none",
            "23:8 bad-glob: `a[` is no glob: unclosed character class; missing ']'",
            "24:10 wrong-type: expected a table, found a string",
        ],
    );
    check_rest(
        "[gate.a]
module = 'a'
needs = ['a']
",
        &["4:7 gate-cycle: gates need each other in a circle: a -> a"],
    );
    check_rest(
        "[gate.a]
module = 'a'
needs = ['b']
[gate.b]
module = 'b'
needs = ['c']
[gate.c]
module = 'c'
needs = ['a']
[gate.d]
module = 'd'
needs = ['a']
",
        &["4:7 gate-cycle: gates need each other in a circle: a -> b -> c -> a"],
    );
    check_rest(
        "[gate]
a = 1
",
        &["5:5 wrong-type: expected a table, found an integer"],
    );
    check_rest(
        "[gate]
",
        &[
            "1:1 no-gates: the manifest has no gates, so nothing would decide; add a gate: a table `[gate.NAME]` with a `module`",
        ],
    );
}

#[test]
fn mistakes_in_stages() {
    check_after_gates(
        "[[stage]]
id = 's'
type = 'paralel'
gates = ['a', 'a', 'bb']
[[stage]]
id = 's'
type = 'gate'
gates = ['a', 'b']
[[stage]]
type = 'agent'
needs = ['x']
when = 1
",
        &[
            "9:7 gate-unstaged: gate `c` stands in no stage, so it would never run; name it in the `gates` of one stage",
            "13:8 unknown-word: unknown type `paralel`; did you mean `parallel`?",
            "14:15 gate-staged-twice: gate `a` stands in this stage twice",
            "14:20 unknown-gate: unknown gate `bb`; known here: `a`, `b`, `c`",
            "15:1 stage-gates: a stage of the type `gate` has one gate, and this has 2; `type = \"parallel\"` takes any number",
            "16:6 duplicate-stage: two stages have the id `s`",
            "18:10 gate-staged-twice: gate `a` stands in the stage `s` already",
            "19:1 missing-key: missing key `id`",
            "19:1 missing-key: missing key `agent`",
            "21:10 unknown-stage: unknown stage `x`; known here: `s`, `s`, ``",
            "22:1 unknown-key: unknown key `when`; known here: `id`, `type`, `agent`, `needs`",
        ],
    );
    check_after_gates(
        "[[stage]]
id = 's'
type = 'parallel'
gates = ['a', 'b', 'c']
needs = ['t']
[[stage]]
id = 't'
type = 'condition'
gates = []
needs = ['s']
[[stage]]
id = 'u'
type = 'parallel'
[[stage]]
id = 'v'
",
        &[
            "12:6 stage-cycle: stages need each other in a circle: s -> t -> s; a stage comes after what it needs, after the condition that chooses it, and after the gates and the agents that it asks about",
            "16:1 stage-branches: the condition leads to no stage; name the stages that it chooses between: `then = [\"ship\"]`, `else = [\"hold\"]`",
            "16:1 missing-key: missing key `if`",
            "19:1 key-conflict: `gates` means nothing beside `type = \"condition\"`",
            "21:1 stage-gates: the stage has no gates",
            "24:1 missing-key: missing key `type`; write `type = \"parallel\"`, or `type = \"gate\"` for a single gate",
        ],
    );
    check_rest(
        "[gate.a]
module = 'a'
needs = ['b']
[gate.b]
module = 'b'
[[stage]]
id = 's'
type = 'gate'
gates = ['a']
[[stage]]
id = 't'
type = 'gate'
gates = ['b']
",
        &["4:7 needs-order: gate `a` needs `b`, which stands in the later stage `t`"],
    );
}

#[test]
fn mistakes_in_the_decision() {
    for (decision, expect) in [
        ("", "11:1 missing-key: missing key `rule`"),
        ("rule = 'al'", "12:8 unknown-word: unknown rule `al`; did you mean `all`?"),
        (
            "rule = 'all'\nn = 1",
            "11:1 key-conflict: `[decision]` says more than one rule; write one of `rule = \"all\"`, `rule = \"any\"`, `at_least = 2`, `expr = \"a && b\"`",
        ),
        ("rule = 'at_least'", "11:1 missing-key: missing key `n`"),
        ("rule = 'at_least'\nn = 3", "11:1 at-least-too-many: the rule asks for 3 mandatory gates, and there are 2"),
        ("at_least = 0", "12:12 at-least-zero: a rule that asks for no gate decides on nothing"),
        ("at_least = '2'", "12:12 wrong-type: expected an integer, found a string"),
        (
            "at_least = 1\nn = 1",
            "11:1 key-conflict: `[decision]` says more than one rule; write one of `rule = \"all\"`, `rule = \"any\"`, `at_least = 2`, `expr = \"a && b\"`",
        ),
        ("rule = 'expr'", "11:1 missing-key: missing key `expr`"),
        ("expr = 'a && (b || ca.c)'", "12:20 unknown-gate: unknown gate `ca.c`; known here: `a`, `b`, `c`"),
        ("expr = \"\"\"\na && d\"\"\"", "12:8 unknown-gate: unknown gate `d`; known here: `a`, `b`, `c`"),
        ("expr = 'a $ b'", "12:11 decision-expression: `$` means nothing here"),
        ("expr = ''", "12:9 decision-expression: the name of a gate is missing here"),
        (
            "rule = 'any'\nexpr = 'a'",
            "11:1 key-conflict: `[decision]` says more than one rule; write one of `rule = \"all\"`, `rule = \"any\"`, `at_least = 2`, `expr = \"a && b\"`",
        ),
    ] {
        check_after_gates(&format!("[decision]\n{decision}\n"), &[expect]);
    }
    check_rest(
        "[gate.a]
module = 'a'
enforcement = 'advisory'
",
        &[
            "1:1 no-mandatory-gates: no gate is mandatory, so nothing would decide; take `enforcement = \"advisory\"` from one of them",
        ],
    );
}

#[test]
fn a_hostile_manifest_has_a_hundred_problems_and_no_more() {
    let keys: String = (0..1_000).map(|index| format!("k{index} = 1\n")).collect();
    let problems = read(&format!("{keys}{HEAD}"), &[]).expect_err("unknown keys");
    assert_eq!(problems.len(), 101);
    let last = problems.last().map(ToString::to_string);
    assert_eq!(last.as_deref(), Some("[more-problems] the manifest has 901 more problems (d/p.toml)"));
}
