//! Each mistake in `[evidence]`, with exactly what is told of it. It stands from line 7 on, behind one gate.

use super::super::{
    mistakes::{check_rest, told},
    tests::{HEAD, read},
};

const GATE: &str = "[gate.g]\nmodule = 'g'\n[evidence]\n";

fn check(evidence: &str, expect: &[&str]) {
    check_rest(&format!("{GATE}{evidence}"), expect);
}

#[test]
fn a_source_is_one_thing_and_has_no_key_of_another() {
    check(
        "a = {}
b = { flie = 'b' }
c = { file = 'c.json', value = 1 }
d = { env = ['A'], http = {} }
e = { value = 1, format = 'json' }
f = { http = { url = 'http://localhost' }, timeout = '1s', cwd = 'x' }
g = { file = 'g.json', optionl = true, timeout = '1s', reveal = ['A'] }
h = { command = ['h'], env = { A = 'a' }, max_body = 1 }
i = 'i.json'
'k k' = { value = 1 }
",
        &[
            "7:5 missing-key: evidence is one of `file`, `files`, `value`, `env`, `command`, `http` and `agent`, and here is none",
            "8:5 missing-key: evidence is one of `file`, `files`, `value`, `env`, `command`, `http` and `agent`, and here is none",
            "8:7 unknown-key: unknown key `flie`; did you mean `file`?",
            "9:5 key-conflict: evidence is one of `file`, `files`, `value`, `env`, `command`, `http` and `agent`, and here are `file` and `value`",
            "10:5 key-conflict: evidence is one of `file`, `files`, `value`, `env`, `command`, `http` and `agent`, and here are `env` and `http`",
            "11:18 key-conflict: `format` means nothing beside `value`",
            "12:44 key-conflict: `timeout` belongs to an exchange: write it inside of `http`",
            "12:60 key-conflict: `cwd` means nothing beside `http`",
            "13:24 unknown-key: unknown key `optionl`; did you mean `optional`?",
            "13:40 key-conflict: `timeout` means nothing beside `file`",
            "13:56 key-conflict: `reveal` means nothing beside `file`",
            "13:66 unknown-variable: unknown variable `A`",
            "14:43 unknown-key: unknown key `max_body`; known here: `command`, `cwd`, `env`, `timeout`, `max_output`, `format`, `reveal`, `after`",
            "15:5 wrong-type: expected a table, found a string",
            "16:1 bad-name: `k k` is no name; a name has 1 to 64 of a-z, 0-9, `.`, `_` and `-`, and starts with a letter or a digit",
        ],
    );
}

#[test]
fn mistakes_in_files_values_and_variables() {
    check(
        "a = { file = 'f.bin' }
b = { file = 'g', format = 'jsn' }
c = { file = '', optional = 'yes' }
d = { value = { x = [nan] } }
e = { value = 99999999999999999999 }
f = { env = [] }
g = { env = 'CI' }
h = { env = ['CI', 'A-B', 'A=B', '', '1A', \"A\\u0000\"] }
i = { files = '../**' }
j = { files = ['a', 'b'] }
k = { files = 'out/**', optional = true, format = 'json' }
l = { files = '{a', file = 'a.json' }
",
        &[
            "7:14 unknown-format: the ending of `f.bin` does not say how it is read; add `format`: one of `json`, `jsonl`, `toml`, `yaml`, `text`, `bytes`",
            "8:28 unknown-word: unknown format `jsn`; did you mean `json`?",
            "9:14 empty-path: `file` names no file",
            "9:29 wrong-type: expected a boolean, found a string",
            "10:22 not-json: JSON has no number `nan`",
            "11:15 number-range: the integer does not fit into 64 bits",
            "12:13 empty-env: `env` names no variable",
            "13:13 wrong-type: expected an array of strings, found a string",
            "14:20 bad-variable: `A-B` is no name of a variable; a variable's name has letters, digits and `_`, and starts with no digit",
            "14:27 bad-variable: `A=B` is no name of a variable; a variable's name has letters, digits and `_`, and starts with no digit",
            "14:34 bad-variable: `` is no name of a variable; a variable's name has letters, digits and `_`, and starts with no digit",
            "14:38 bad-variable: `1A` is no name of a variable; a variable's name has letters, digits and `_`, and starts with no digit",
            "14:44 bad-variable: `A\\u{0}` is no name of a variable; a variable's name has letters, digits and `_`, and starts with no digit",
            "15:15 bad-glob: `../**` leads out of the manifest's folder",
            "16:15 wrong-type: expected a string, found an array",
            "17:25 key-conflict: `optional` means nothing beside `files`",
            "17:42 key-conflict: `format` means nothing beside `files`",
            "18:5 key-conflict: evidence is one of `file`, `files`, `value`, `env`, `command`, `http` and `agent`, and here are `file` and `files`",
        ],
    );
}

#[test]
fn mistakes_in_commands() {
    check(
        "a = { command = './app --smoke' }
b = { command = [] }
c = { command = ['', 'x'] }
d = { command = ['./d', 1, '${TOKEN}'], env = { A = 1, 'B=C' = 'x', D = '${env:}' } }
e = { command = [\"./e\\u0000\"], cwd = '', timeout = 5, max_output = '65MiB', format = 'xml' }
f = { command = ['./f'], env = ['PATH'], timeout = '61m' }
g = { command = ['./g', '${env:TOKEN}'], timeout = '0s', reveal = ['TOKEN', 'TOKN', 'HOME'] }
",
        &[
            "7:17 wrong-type: expected an array of strings, found a string",
            "8:17 empty-command: `command` names no program; write the program and its arguments: `command = [\"./app\", \"--smoke\"]`",
            "9:17 empty-command: `command` names no program; write the program and its arguments: `command = [\"./app\", \"--smoke\"]`",
            "10:25 wrong-type: expected a string, found an integer",
            "10:29 bad-template: `${` opens no `${env:NAME}` here; a variable is written `${env:NAME}`, and `$${` is the text `${`",
            "10:53 wrong-type: expected a string, found an integer",
            "10:56 bad-variable: `B=C` is no name of a variable; a variable's name has letters, digits and `_`, and starts with no digit",
            "10:74 bad-template: `${` opens no `${env:NAME}` here; a variable is written `${env:NAME}`, and `$${` is the text `${`",
            "11:18 bad-argument: no program can be given `./e\\u{0}`, which has a NUL character in it",
            "11:38 empty-path: `cwd` names no file",
            "11:52 wrong-type: expected a string such as `5s`, found an integer",
            "11:68 limit-ceiling: `max_output` is 68157440 bytes, past the host's ceiling of 67108864 bytes",
            "11:86 unknown-word: unknown format `xml`; known here: `json`, `jsonl`, `toml`, `yaml`, `text`, `bytes`",
            "12:32 wrong-type: expected a table, found an array",
            "12:52 limit-ceiling: `timeout` is 3660000 ms, past the host's ceiling of 3600000 ms",
            "13:52 limit-zero: nothing runs with a limit of 0: `timeout`",
            "13:77 unknown-variable: unknown variable `TOKN`; did you mean `TOKEN`?",
            "13:85 unknown-variable: unknown variable `HOME`; known here: `TOKEN`",
        ],
    );
}

#[test]
fn mistakes_in_exchanges() {
    check(
        "a = { http = 'http://localhost' }
b = { http = [] }
c = { http = [1, {}] }
d = { http = { url = 'localhost' } }
e = { http = { url = 'http://${env:HOST}/' } }
f = { http = { url = 'http://u:p@localhost/' } }
g = { http = { url = 'http://localhost/#x' } }
h = { http = { url = 'http://127.1/', mehtod = 'GET' } }
i = { http = { url = 'http://localhost', body = 'x', json = 1 } }
j = { http = { url = 'http://localhost', json = { a = ['${env:A}'] } } }
k = { http = { url = 'http://localhost', json = inf, max_body = 0, redirects = 11, stop_at = '', stop_after = 0 } }
",
        &[
            "7:14 wrong-type: expected a table or an array of tables, found a string",
            "8:14 empty-http: `http` has no exchange",
            "9:15 wrong-type: expected a table, found an integer",
            "9:18 missing-key: missing key `url`",
            "10:22 bad-url: `localhost` is no URL that can be asked; it starts with `http://` or `https://`, in lower case",
            "11:22 bad-url: `http://${env:HOST}/` is no URL that can be asked; a variable stands only behind the host and its port, which have to be known before anything runs",
            "12:22 bad-url: `http://u:p@localhost/` is no URL that can be asked; a user or a password does not stand in it; send them as a header",
            "13:22 bad-url: `http://localhost/#x` is no URL that can be asked; it has no fragment, which no server would see; a `#` is written %23",
            "14:22 bad-url: `http://127.1/` is no URL that can be asked; a host is a name of a-z, 0-9, `-`, `_` and `.`, an IPv4 address, or an IPv6 address in brackets",
            "14:39 unknown-key: unknown key `mehtod`; did you mean `method`?",
            "15:14 key-conflict: an exchange has a `body` or a `json` one, and here are both",
            "16:49 bad-template: no variable stands in a `json` body; write the text yourself, as a `body`; `$${` is the text `${`",
            "17:49 not-json: JSON has no number `inf`",
            "17:65 limit-zero: nothing runs with a limit of 0: `max_body`",
            "17:80 limit-ceiling: `redirects` is 11, past the host's ceiling of 10",
            "17:94 bad-event: `stop_at` names no event; an event that has no name of its own is a `message`",
            "17:111 limit-zero: nothing runs with a limit of 0: `stop_after`",
        ],
    );
}

#[test]
fn mistakes_in_what_is_sent() {
    check(
        "a = { http = { url = 'http://localhost', method = 'GET /', headers = { 'a b' = 'x', Accept = 'x', accept = 'y' } } }
b = { http = { url = 'http://localhost', method = 'connect', headers = { Host = 'x', Content-Length = '1' } } }
c = { http = { url = 'http://localhost', headers = { transfer-encoding = 'x', connection = 'x', last-event-id = '1' } } }
d = { http = { url = 'http://localhost', headers = { a = \"x\\r\\ny: z\", b = \"\\u0000\", c = 1, d = '${x}', '' = '' } } }
",
        &[
            "7:51 bad-method: `GET /` is no method that can be asked",
            "7:72 bad-header: `a b` is no name of a header; a name has letters, digits and !#$%&'*+-.^_`|~",
            "7:99 duplicate-header: the header `accept` is given twice",
            "8:51 bad-method: `connect` is no method that can be asked",
            "8:74 bad-header: the header `host` is not set by hand: it comes from the `url`",
            "8:86 bad-header: the header `content-length` is not set by hand: it comes from the body",
            "9:54 bad-header: the header `transfer-encoding` is not set by hand: how a body is framed is the client's own matter",
            "9:79 bad-header: the header `connection` is not set by hand: how long a connection stays is the client's own matter",
            "9:97 bad-header: the header `last-event-id` is not set by hand: it comes from an earlier exchange: write `resume`",
            "10:58 bad-header: the header `a` has a control character in its value",
            "10:75 bad-header: the header `b` has a control character in its value",
            "10:89 wrong-type: expected a string, found an integer",
            "10:97 bad-template: `${` opens no `${env:NAME}` here; a variable is written `${env:NAME}`, and `$${` is the text `${`",
            "10:104 bad-header: `` is no name of a header; a name has letters, digits and !#$%&'*+-.^_`|~",
        ],
    );
}

#[test]
fn mistakes_in_what_comes_after_what() {
    let url = "url = 'http://localhost'";
    check(
        &format!(
            "a = {{ value = 1, after = ['bb', 2] }}
b = {{ http = {{ {url}, resume = true }} }}
c = {{ http = [{{ {url}, resume = true }}, {{ {url}, resume = true }}] }}
d = {{ http = {{ {url}, resume = 'a' }} }}
e = {{ http = {{ {url}, resume = 'x' }} }}
f = {{ http = {{ {url}, resume = 1 }} }}
g = {{ http = [{{ {url}, resume = 'b' }}, {{ {url}, resume = 'c' }}] }}
"
        ),
        &[
            "7:27 unknown-evidence: unknown evidence `bb`; known here: `a`, `b`, `c`, `d`, `e`, `f`, `g`",
            "7:33 wrong-type: expected a string, found an integer",
            "8:51 bad-resume: `resume = true` goes on with the exchange before it, and there is none; name the evidence whose events are gone on with: `resume = \"NAME\"`",
            "9:52 bad-resume: `resume = true` goes on with the exchange before it, and there is none; name the evidence whose events are gone on with: `resume = \"NAME\"`",
            "10:51 bad-resume: `a` has no events to go on from: it is `value`; name evidence that is `http`",
            "11:51 unknown-evidence: unknown evidence `x`; known here: `a`, `b`, `c`, `d`, `e`, `f`, `g`",
            "12:51 wrong-type: expected the name of evidence or a boolean, found an integer",
            "13:96 bad-resume: a sequence resumes one piece of evidence, and here are `b` and `c`",
        ],
    );
    for (evidence, expect) in [
        ("a = { value = 1, after = ['a'] }", "a -> a"),
        ("a = { http = { url = 'http://localhost', resume = 'a' } }", "a -> a"),
        (
            "a = { http = { url = 'http://localhost', resume = 'b' } }
b = { http = { url = 'http://localhost' }, after = ['c'] }
c = { command = ['c'], after = ['a'] }
d = { env = ['D'], after = ['a'] }",
            "a -> b -> c -> a",
        ),
    ] {
        let told = format!("7:1 evidence-cycle: pieces of evidence come after each other in a circle: {expect}");
        check(evidence, &[&told]);
    }
}

#[test]
fn mistakes_in_what_is_overridden() {
    let problems =
        read(&format!("{HEAD}{GATE}smoke = {{ value = 1 }}\n"), &[("smok", "a.json"), ("smoke", "a"), ("smoke", "b")]);
    let expect = [
        "--evidence smok unknown-evidence: unknown evidence `smok`; did you mean `smoke`?",
        "--evidence smoke duplicate-evidence: evidence `smoke` is overridden twice",
    ];
    assert_eq!(told(&problems.expect_err("two problems")), expect);
    let written = format!("{HEAD}{GATE}smoke = {{ command = [] }}\n");
    let problems = read(&written, &[("smoke", "a.json")]).expect_err("what is overridden is read all the same");
    assert_eq!(problems.iter().map(|problem| problem.code).collect::<Vec<_>>(), ["empty-command"]);
}
